"""Whatever is written to the bot or put before the judge, an answer comes, and it is a fit one."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain import LANGUAGES, Kind, Reply, Turn
from bot.lab import Lab
from bot.service import Service
from bot.text import count_words, sentences
from tests.conftest import Citizen, service

QUOTES = "«»“”„‟‘’‚‛‹›\"'「」『』《》〝〞＂❝❞"
PAIRS = ("«»", "»«", "“”", "„“", "‘’", "‚‘", "‹›", '""', "''", "「」", "『』", "《》", "＂＂")
SAID = {
    "fr": "Il faudrait {}des bancs en ville{} pour les anciens.",
    "en": "We should have {}benches in town{} for older people.",
    "de": "Wir brauchen {}Bänke in der Stadt{} für die älteren Leute.",
    "ar": "نحتاج إلى {}مقاعد في المدينة{} لكبار السن.",
}
STEERING = {
    "fr": "Pourquoi {}cette excellente idée{} ?",
    "en": "Why {}this excellent idea{}?",
    "de": "Warum {}diese ausgezeichnete Idee{}?",
    "ar": "كيف وجدت {}هذه الفكرة الممتازة{}؟",
}
FOREIGN = {
    "spanish": "Creo que deberíamos tener más árboles en la plaza del pueblo.",
    "chinese": "我认为公园里应该有更多的长椅，老人可以坐下来休息。",
    "russian": "Я считаю, что в парке нужно больше скамеек для пожилых людей.",
    "klingon": "nuqneH tlhIngan Hol Dajatlh'a' jIyajbe' qaStaHvIS wa' ram loS SaD Hugh",
}
MIXED = [
    "Il faut des bancs, because old people get tired, und die Stadt hat Geld.",
    "We need benches in the park, parce que ma mère est fatiguée le soir.",
    "Ich will mehr Bänke im Park, c'est trop loin pour ma mère.",
    "نحتاج إلى مقاعد في المدينة parce que les anciens sont fatigués.",
    "Il faut des bancs près de la mosquée المسجد الكبير pour les anciens.",
]
DARIJA = [
    "bghit nchouf krasa bzaf f lmdina, hit lwalida dyali ma9adratch tmchi",
    "khassna tobis f sbah, 3lach makaynch tri9 l mdrasa dyal drari",
    "lblad m3amra b zbel, bghina lcommune tdir chi haja 3la had lmochkil",
]
LONG = {
    "64 KB of words": "Il faudrait des bancs en ville. " * 2_048,
    "64 KB of one word": "b" * 65_536,
    "64 KB of Arabic": "نحتاج إلى مقاعد في المدينة. " * 2_400,
    "64 KB of opening marks": "« " * 32_768,
    "64 KB of question marks": "?" * 65_536,
    "64 KB of digits": "1234567890 " * 5_958,
    "64 KB without spaces": "bancs," * 10_923,
    "10,000 lines": "un banc\n" * 10_000,
}
WORDLESS = ["?!...", "«»", "((([[[", "؟؟؟", "—", "'", "\u200f\u202e", "…\n…", "🙂" * 4_000]
BARE = ["42", "12,5 %", "3.14", "٤٢", "2026-11-21", "https://example.org/bancs?x=1&y=2#z",
        "www.example.org", "https://example.org/" + "a" * 5_000]  # fmt: skip
RIGHT_TO_LEFT = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.fixture(scope="module")
def bot() -> Service:
    return service()


@pytest.fixture(scope="module")
def lab(bot) -> Lab:
    return Lab(bot)


@pytest.fixture
async def person(bot, request) -> Citizen:
    """Somebody who has agreed to be on record, and has written nothing yet."""
    made = Citizen(bot, sender=request.node.name[:200])
    await made.says("/agree")
    return made


async def answered(person: Citizen, text: str) -> Reply:
    """Return the answer to *text*: one, on record, and fit to be read."""
    reply = await person.says(text)
    assert reply is not None
    events = [entry.event async for entry in person.service.record.entries()]
    assert [e for e in events if isinstance(e, Turn)][-1].reply == reply
    if reply.kind is Kind.QUESTION:
        assert_one_question(reply.text)
    return reply


def assert_one_question(text: str) -> None:
    assert sum(map(text.count, "?؟")) == 1, text
    assert len(sentences(text)) == 1, text
    assert count_words(text) <= 20, text


async def worked(lab: Lab, text: str, language: str | None = None) -> dict[str, Any]:
    """Return what the lab's screen and ask make of *text*, the question checked."""
    item = {"lang": language, "text": text}
    asked = await lab.ask(item)
    assert_one_question(asked["question"])
    return {**asked, **await lab.screen(item)}


async def judged(lab: Lab, language: str, question: str) -> dict[str, Any]:
    said = SAID[language].format("", "")
    return await lab.judge({"lang": language, "contribution": said, "question": question})


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_question_of_ten_thousand_characters_is_not_asked(lab, language):
    for question in (
        "x" * 9_999 + "?",
        STEERING[language].format("", "")[:-1] * 400 + "?",
        "?" * 10_000,
        "\n" * 9_999 + "?",
        "« " * 5_000,
    ):
        assert (await judged(lab, language, question))["decision"] != "allow"


async def test_a_question_of_ten_thousand_characters_gets_one_back(person, lab):
    text = "Pourquoi n'y a-t-il pas de bancs en ville pour les anciens ? " * 164
    assert (await answered(person, text)).kind is Kind.QUESTION
    assert (await worked(lab, text))["lang"] == "fr"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("mark", QUOTES)
async def test_an_unbalanced_quotation_mark_is_answered(bot, lab, mark, language):
    person = Citizen(bot, sender=f"quotes-{mark}-{language}")
    await person.says("/agree")
    for text in (SAID[language].format(mark, ""), SAID[language].format("", mark)):
        reply = await answered(person, text)
        assert (reply.kind, reply.language) == (Kind.QUESTION, language), text
        assert (await worked(lab, text))["action"] == "answer"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_quotation_mark_hides_what_steers(lab, language):
    marks = [*((m, "") for m in QUOTES), *(("", m) for m in QUOTES), *map(tuple, PAIRS)]
    for before, after in marks:
        question = STEERING[language].format(before, after)
        verdict = await judged(lab, language, question)
        assert verdict["decision"] == "withhold", question


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_false_quotation_inside_a_true_one_is_stopped(lab, language):
    for outer, inner in (("«»", "“”"), ("“”", "‘’"), ("„“", "‚‘"), ("«»", "«»"), ('""', "''")):
        nested = STEERING[language].format(outer[0] + inner[0], inner[1] + outer[1])
        assert (await judged(lab, language, nested))["decision"] == "withhold", nested


@pytest.mark.parametrize(
    "text",
    [
        "Il dit « le maire “veut ‘des bancs’ en ville” depuis mars ».",
        "On dit „des bancs ‚en ville‘ pour les anciens“ ici.",
        'Le journal écrit "des bancs "en ville" pour les anciens" ce matin.',
        "«" * 50 + "Il faut des bancs en ville" + "»" * 50,
    ],
)
async def test_nested_quotations_are_answered(person, lab, text):
    assert (await answered(person, text)).kind is Kind.QUESTION
    await worked(lab, text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("mark", RIGHT_TO_LEFT)
async def test_a_mark_of_direction_changes_no_answer(lab, mark, language):
    text = SAID[language].format("", "")
    plain, marked = await worked(lab, text), await worked(lab, mark + text.replace(" ", f" {mark}"))
    assert {**marked, "masked": ""} == {**plain, "masked": ""}


@pytest.mark.parametrize("text", WORDLESS, ids=range(len(WORDLESS)))
async def test_a_message_without_a_word_is_told_so(person, lab, text):
    reply = await answered(person, text)
    assert (reply.kind, reply.text) == (Kind.NOTICE, bot_text(person, "empty"))
    assert (await worked(lab, text))["action"] == "ignore"


def bot_text(person: Citizen, key: str) -> str:
    return person.service.notices.text("fr", key)


@pytest.mark.parametrize("before", ["", SAID["fr"].format("", "")])
@pytest.mark.parametrize("language", FOREIGN)
async def test_i_am_asked_which_language_i_prefer_when_mine_is_unknown(person, before, language):
    if before:
        await person.says(before)
    reply = await answered(person, FOREIGN[language])
    assert reply.kind is Kind.NOTICE
    assert reply.text == person.service.languages.which()
    for code in LANGUAGES:
        assert person.service.notices.text(code, "unknown-language") in reply.text


@pytest.mark.parametrize("language", FOREIGN)
async def test_the_lab_takes_an_unknown_language(lab, language):
    assert (await worked(lab, FOREIGN[language]))["lang"] in LANGUAGES


@pytest.mark.parametrize("text", MIXED)
async def test_mixed_languages_get_one_question_in_one_of_them(person, lab, text):
    reply = await answered(person, text)
    assert reply.kind is Kind.QUESTION
    assert reply.language == (await worked(lab, text))["lang"]
    arabic = any("\u0600" <= c <= "\u06ff" for c in text)
    assert arabic or reply.language != "ar"


@pytest.mark.parametrize("text", DARIJA)
async def test_arabic_in_latin_letters_is_answered_in_arabic(person, lab, text):
    reply = await answered(person, text)
    assert (reply.kind, reply.language) == (Kind.QUESTION, "ar")
    assert "؟" in reply.text
    assert (await worked(lab, text))["lang"] == "ar"


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
async def test_sixty_four_kilobytes_get_a_short_answer(person, lab, text):
    reply = await answered(person, text)
    assert len(reply.text) <= 1_000
    await worked(lab, text)


@pytest.mark.parametrize("text", BARE, ids=range(len(BARE)))
async def test_a_bare_number_or_address_gets_a_question(person, lab, text):
    assert (await answered(person, text)).kind is Kind.QUESTION
    assert (await worked(lab, text))["action"] == "answer"


@pytest.mark.parametrize("text", BARE, ids=range(len(BARE)))
async def test_a_bare_number_or_address_is_an_answer_too(person, text):
    first = await answered(person, SAID["fr"].format("", ""))
    second = await person.says(text)
    assert (second.kind, second.language) == (Kind.QUESTION, "fr")
    assert second.text != first.text
