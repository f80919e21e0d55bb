from __future__ import annotations

import pytest

from bot.commands import _NAMES as OBEYED
from bot.commands import CONSENT, Commands
from bot.domain import LANGUAGES, Kind
from bot.notices import Notices
from bot.text import plain
from tests.conftest import BENCHES, Citizen, dialogue, service


@pytest.fixture
def commands(book) -> Commands:
    return Commands(book, Notices(book))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_listed_word_is_its_command(book, commands, language):
    for consented in (True, False):
        talk = dialogue(language=language, consented=consented)
        for name in OBEYED:
            if name in CONSENT and consented:
                continue
            for word in book.lexicon(language, "commands")[name]["words"]:
                assert commands.parse(word, talk) == (name, language), word
                assert commands.parse(f"  {word.upper()} !", talk) == (name, language), word


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_word_on_a_button_is_its_command(book, commands, language):
    for name in OBEYED:
        label = book.lexicon(language, "notices")["action"][name]
        talk = dialogue(language=language, consented=name not in CONSENT)
        found = commands.parse(label, talk)
        assert found and found[0] == name, label


@pytest.mark.parametrize(
    "word", ["/stop", "!stop", "Stop.", "STOP", "ѕtор", "st\u200bop", "arrete"]
)
def test_a_stop_word_is_obeyed_however_it_is_typed(commands, word):
    assert commands.parse(word, dialogue())[0] == "stop"


def test_a_command_of_another_language_is_understood(commands):
    assert commands.parse("توقف", dialogue(language="fr"))[0] == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "il faut arrêter les travaux",
        "stop aux voitures en ville",
        "je passe tous les jours devant l'école",
        "pourquoi le bus ne passe plus le dimanche",
        "j'aide mes voisins",
        "aider les anciens",
    ],
)
def test_a_contribution_that_holds_such_a_word_is_no_command(commands, text):
    assert commands.parse(text, dialogue()) is None


@pytest.mark.parametrize(
    "text",
    [
        *("research", "forget", "drop", "human", "others", "mothers", "correct", "data", "change"),
        *("statues", "receipts", "languages", "easier", "talk", "quiet"),
        "change 2 lanes into one",
    ],
)
def test_a_lone_word_that_names_a_command_is_an_answer(commands, text):
    """« research » may answer what is needed: it must not consent to research."""
    for language in LANGUAGES:
        assert commands.parse(text, dialogue(language=language)) is None


@pytest.mark.parametrize("text", ["oui", "non", "yes", "ok", "نعم", "ja"])
def test_yes_and_no_are_answers_once_the_person_has_agreed(commands, text):
    assert commands.parse(text, dialogue()) is None
    assert commands.parse(text, dialogue(consented=False)) is not None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_left_out_of_a_command_never_makes_it_another(book, commands, language):
    understood = []
    for name, table in book.lexicon(language, "commands").items():
        word = table["words"][0]
        typed = word[: len(word) // 2] + word[len(word) // 2 + 1 :]
        found = commands.parse(typed, dialogue(language=language, consented=name not in CONSENT))
        assert found is None or found[0] == name, (typed, found)
        understood.append(found is not None)
    assert sum(understood) >= 0.8 * len(understood)


def test_no_word_stands_for_two_commands(book):
    for language in LANGUAGES:
        seen: dict[str, str] = {}
        for name, table in book.lexicon(language, "commands").items():
            for word in table["words"]:
                assert seen.setdefault(plain(word), name) == name, word


async def test_the_recap_is_the_persons_own_sentences_in_order(citizen):
    await citizen.says(f"{BENCHES} Ma mère ne peut plus marcher longtemps.")
    await citizen.says("Près du marché.")
    reply = await citizen.says("récapitulatif")
    assert reply.kind is Kind.RECAP
    said = [line[3:] for line in reply.text.splitlines() if line[:1].isdigit()]
    assert said == [BENCHES, "Ma mère ne peut plus marcher longtemps.", "Près du marché."]


async def test_skipping_moves_on_without_asking_again(citizen):
    first = await citizen.says(BENCHES)
    second = await citizen.says("passer")
    assert second.kind is Kind.QUESTION
    assert first.text != second.text


async def test_i_do_not_know_counts_as_an_answer(citizen):
    replies = [await citizen.says(BENCHES)]
    replies += [await citizen.says("je ne sais pas") for _ in range(3)]
    assert [r.kind for r in replies] == [Kind.QUESTION] * 3 + [Kind.RECAP]


async def test_there_is_nothing_to_explain_before_a_question(citizen):
    for word in ("pourquoi cette question", "question orientée", "passer", "récapitulatif"):
        reply = await citizen.says(word)
        assert reply.kind is Kind.NOTICE


async def test_help_lists_what_can_be_asked(citizen, book):
    reply = await citizen.says("aide")
    for action in reply.actions:
        assert action.label in reply.text


async def test_a_refusal_keeps_nothing(citizen):
    other = Citizen(citizen.service, sender="bob")
    reply = await other.says("non")
    assert reply.kind is Kind.NOTICE
    assert not (await citizen.service.record.dialogue(other.room, "bob")).consented


async def test_the_conversation_goes_on_in_the_language_of_the_person(citizen):
    assert (await citizen.says("We need more benches in the town centre.")).language == "en"
    assert (await citizen.says("near the market")).language == "en"
    assert (await citizen.says("Wir brauchen mehr Bänke in der Stadtmitte.")).language == "de"
    assert (await citizen.says("نحتاج إلى مزيد من المقاعد في المدينة")).language == "ar"


@pytest.mark.parametrize(
    ("agreed", "idea", "language"),
    [
        ("I agree", "I live car-free.", "en"),
        ("Ich stimme zu", "Autofrei leben.", "de"),
        ("أوافق", "الحدائق", "ar"),
    ],
)
async def test_whoever_agrees_in_a_language_is_asked_in_it(citizen, agreed, idea, language):
    other = Citizen(citizen.service, sender="bob")
    assert (await other.says("Bonjour")).language == "fr"
    assert (await other.says(agreed)).language == language
    assert (await other.says(idea)).language == language


@pytest.mark.parametrize(
    ("greeting", "language"),
    [
        ("Hallo", "de"),
        ("Moin", "de"),
        ("Servus", "de"),
        ("slt", "fr"),
        ("bjr", "fr"),
        ("hello", "en"),
        ("سلام", "ar"),
    ],
)
async def test_whoever_greets_is_greeted_in_their_language(citizen, greeting, language):
    other = Citizen(citizen.service, sender="bob")
    assert (await other.says(greeting)).language == language


async def test_a_new_idea_begins_after_the_recap(citizen):
    for text in (BENCHES, "au marché", "pour ma mère", "oui"):
        reply = await citizen.says(text)
    assert reply.kind is Kind.RECAP
    reply = await citizen.says("La cantine devrait servir des légumes du coin.")
    assert reply.kind is Kind.QUESTION
    talk = await citizen.service.record.dialogue(citizen.room, "ana")
    assert len(talk.idea.texts) == 1


@pytest.mark.parametrize(
    ("greeting", "agrees", "asked", "told"),
    [
        ("Bonjour", "j'accepte", "C'est qui qui lit ce que j'écris ?", "Lu par"),
        ("Hello there", "I agree", "Are you a robot?", "Who can read it"),
        ("Guten Tag", "einverstanden", "Wer liest hier mit?", "künstliche"),
        ("السلام عليكم", "أوافق", "شكون كيقرا هادشي؟", "كافي سقراط"),
    ],
)
async def test_whoever_asks_about_the_bot_is_told(greeting, agrees, asked, told):
    person = Citizen(service())
    await person.says(greeting)
    await person.says(agrees)
    reply = await person.says(asked)
    assert reply.kind is Kind.NOTICE and told in reply.text


@pytest.mark.parametrize(
    ("greeting", "agrees", "asked"),
    [
        ("Bonjour", "j'accepte", "Comment on fait pour participer ?"),
        ("Hello there", "I agree", "How do I take part?"),
        ("Guten Tag", "einverstanden", "Wie kann ich mitmachen?"),
        ("السلام عليكم", "أوافق", "كيف أشارك؟"),
    ],
)
async def test_whoever_asks_how_to_take_part_gets_help(greeting, agrees, asked):
    person = Citizen(service())
    await person.says(greeting)
    await person.says(agrees)
    reply = await person.says(asked)
    assert reply.kind is Kind.NOTICE and reply.text.count("\n") > 3


async def test_whoever_knows_nothing_to_say_yet_is_not_asked_about_a_subject():
    person = Citizen(service())
    await person.says("Bonjour")
    await person.says("j'accepte")
    await person.says("Bonjour !")
    reply = await person.says("je sais pas quoi dire")
    assert reply.kind is Kind.NOTICE
