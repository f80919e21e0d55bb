"""Every word the bot can say: the same in all languages, and let through by every rule."""

from __future__ import annotations

import re
from itertools import product

import pytest

from bot.domain import LANGUAGES, Decision, Draft, Move, Register
from bot.gate import findings, judge
from bot.text import count_words, sentences
from tests.conftest import dialogue, service

SLOTS = {
    "fr": ("les pistes cyclables", "bancs en ville", "la cantine de l'école", "impots"),
    "en": ("the bus stop", "more benches", "school meals", "taxs"),
    "de": ("Bänke in der Stadt", "Radwege", "die Buslinie", "Steuren"),
    "ar": ("الحافلات", "المدرسة القديمة", "الضرائب", "شارع الحي"),
}
MARK = re.compile("[?؟]")


def frames(book, language):
    return [f for r in Register for f in book.frames(language, r)]


@pytest.mark.parametrize("name", ["notices", "commands", "prompts", "frames"])
@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_text_that_exists_in_french_exists_in_every_language(book, name, language):
    ours, french = book.lexicon(language, name), book.lexicon("fr", name)
    keys = {f"{table}.{key}" for table, keys in ours.items() for key in keys}
    theirs = {f"{table}.{key}" for table, keys in french.items() for key in keys}
    if name == "frames":
        keys = {k for k in keys if "familiar" not in k}
    assert keys == theirs


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_the_same_in_every_language(book, language):
    for table, texts in book.lexicon(language, "notices").items():
        for key, text in texts.items():
            french = book.lexicon("fr", "notices")[table][key]
            assert set(re.findall(r"{\w+}", str(text))) == set(re.findall(r"{\w+}", str(french)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_at_least_sixty_frames_over_all_moves(book, language):
    made = book.frames(language, Register.FORMAL)
    assert len(made) >= 60
    assert {f.move for f in made} == set(Move)
    quoting = [f.slotted for f in made if f.slotted]
    assert len({f.plain for f in made}) == len(made)
    assert len(set(quoting)) == len(quoting) > len(made) / 2


def test_the_same_questions_quote_in_every_language_and_register(book):
    quoting = {
        (language, register): [f.id for f in book.frames(language, register) if f.slotted]
        for language in LANGUAGES
        for register in Register
    }
    assert len({tuple(ids) for ids in quoting.values()}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_frame_is_one_short_question(book, language):
    for frame, slot in product(frames(book, language), (None, *SLOTS[language])):
        text = frame.fill(slot)
        assert len(MARK.findall(text)) == 1 and MARK.search(text[-1]), text
        assert len(sentences(text)) == 1, text
        assert count_words(text) <= 20, text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_gate_lets_every_frame_through_with_every_kind_of_slot(book, language):
    """Judged as if a model had written it: nothing is waved through for being a frame."""
    gates = service().gates
    offenders = []
    for frame, slot in product(frames(book, language), (None, *SLOTS[language])):
        draft = Draft(text=frame.fill(slot), move=frame.move)
        verdicts = await judge(gates, draft, dialogue(slot or "–", language=language))
        if any(v.decision is not Decision.ALLOW for v in verdicts):
            offenders.append((frame.id, draft.text, [f.rule for f in findings(verdicts)]))
    assert offenders == []


def test_french_puts_a_no_break_space_before_high_signs(book):
    texts = [t for f in frames(book, "fr") for t in (f.plain, f.slotted)]
    assert not [t for t in texts if re.search(r"[^\u00a0\u202f][?!;:»]|«[^\u00a0\u202f]", t)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_receipt_never_praises(book, language):
    acks = book.lexicon(language, "notices")["notice"]["ack"]
    assert all(0 < count_words(ack) <= 4 for ack in acks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_system_prompts_have_a_place_for_advice_and_none_for_a_citizens_text(book, language):
    prompts = book.lexicon(language, "prompts")["prompt"]
    assert set(re.findall(r"{\w+}", prompts["select"])) == set()
    assert set(re.findall(r"{\w+}", prompts["draft"])) <= {"{fence}", "{move}"}
    assert re.findall(r"{\w+}", prompts["repair"]) == ["{advice}"]
