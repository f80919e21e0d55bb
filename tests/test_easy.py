"""Every text in easier words: the same in all languages, easy to read, let through by every rule."""

from __future__ import annotations

import re
from statistics import mean

import pytest

from bot.domain import LANGUAGES, Decision, Draft, Move, Register
from bot.gate import findings, judge
from bot.text import count_words, plain, sentences
from policies.readability import score
from tests.conftest import dialogue, service

LINE = 14
"""Words of a line at most, apart from what stands for somebody else's words."""
QUESTION = 12
LONG = 12
"""Words from which a notice has an easier form."""
FOR_MODERATORS = ("case-contest", "case-hand-off", "case-request")
SHORT_FORMS = re.compile(
    r"\b(?:IA|AI|KI|FALC)\b|\b(?:cf|etc|svp)\b|[nN]°|\b[nN][or]\b\.? ?(?=[{\d])"
)
SLOT = re.compile(r"{\w+}")


def easy(book, language):
    return book.lexicon(language, "easy")


def usual(book, language):
    texts = book.lexicon(language, "notices")["notice"]
    return {key: text for key, text in texts.items() if isinstance(text, str)}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_the_easier_texts_are_the_same_ones_in_every_language(book, language):
    french = easy(book, "fr")
    assert {table: set(texts) for table, texts in easy(book, language).items()} == {
        table: set(texts) for table, texts in french.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_question_has_one_easier_form(book, language):
    known = [frame.id for frame in book.frames(language, Register.FORMAL)]
    asked = easy(book, language)["frame"]
    assert list(asked) == known
    assert len({plain(text) for text in asked.values()}) == len(asked)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_easier_question_is_one_very_short_question_without_a_slot(book, language):
    for text in easy(book, language)["frame"].values():
        assert len(sentences(text)) == len(re.findall("[?؟]", text)) == 1, text
        assert text[-1] in "?؟" and "{" not in text, text
        assert count_words(text) <= QUESTION, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_easier_questions_are_shorter_and_no_harder_to_read(book, language):
    frames = {frame.id: frame.plain for frame in book.frames(language, Register.FORMAL)}
    asked = easy(book, language)["frame"]
    assert mean(map(count_words, asked.values())) < mean(map(count_words, frames.values()))
    if language != "ar":  # no formula is made for Arabic
        assert mean(score(t, language) for t in asked.values()) > mean(
            score(t, language) for t in frames.values()
        )


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_gate_lets_every_easier_question_through(book, language):
    """Judged as if a model had written it: nothing is waved through for being vetted."""
    gates = service().gates
    offenders = []
    for name, text in easy(book, language)["frame"].items():
        draft = Draft(text=text, move=Move(name.partition(".")[0]))
        verdicts = await judge(gates, draft, dialogue("–", language=language))
        if any(v.decision is not Decision.ALLOW for v in verdicts):
            offenders.append((name, text, [f.rule for f in findings(verdicts)]))
    assert offenders == []


@pytest.mark.parametrize(
    "text", ["Pourquoi est-ce mieux ?", "Avez-vous pensé aux vélos ?", "Que veut encore Paul ?"]
)
async def test_the_same_gates_stop_a_short_question_that_steers(text):
    draft = Draft(text=text, move=Move.CLARIFY)
    verdicts = await judge(service().gates, draft, dialogue("–"))
    assert any(v.decision is not Decision.ALLOW for v in verdicts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_long_notice_to_a_participant_has_an_easier_form(book, language):
    long = {
        key
        for key, text in usual(book, language).items()
        if count_words(text) > LONG and key not in FOR_MODERATORS
    }
    assert long - set(easy(book, language)["notice"]) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_easier_notice_says_no_less(book, language):
    for key, text in easy(book, language)["notice"].items():
        assert set(SLOT.findall(text)) == set(SLOT.findall(usual(book, language)[key])), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_easier_notice_has_short_lines_and_no_short_forms(book, language):
    for key, text in easy(book, language)["notice"].items():
        for line in text.strip().splitlines():
            assert count_words(line) <= LINE, (key, line)
        assert not SHORT_FORMS.search(text), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_to_call_are_the_same_in_easier_words(book, language):
    numbers = re.compile(r"\d[\d ]+\d")
    there = set(numbers.findall(usual(book, language)["handoff"]))
    assert set(numbers.findall(easy(book, language)["notice"]["handoff"])) == there
