"""Whatever is written to the bot or put before the judge, an answer comes, and it is a fit one."""

from __future__ import annotations

from dataclasses import replace
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
    "We need benches in the park, et vite.",
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
    "64 KB of Arabic": "نحتاج إلى مقاعد في المدينة. " * 1_300,
    "64 KB of opening marks": "« " * 32_768,
    "64 KB of lines": "un banc\n" * 8_192,
}
NESTED = [
    "Il dit « le maire “veut ‘des bancs’ en ville” depuis mars ».",
    "Man sagt „mehr Bänke ‚in der Stadt‘ für alte Leute“ im Rathaus.",
    'The paper wrote "benches "in town" for older people" this morning.',
    "يقول « المجلس “يريد ‘مقاعد’ في المدينة” منذ مارس ».",
    "«««Il faut des bancs en ville»»»",
]
WORDLESS = ["?!...", "«»", "((([[[", "؟؟؟", "—", "'", "\u200f\u202e", "…\n…", "🙂" * 4_000]
BARE = ["42", "12,5 %", "3.14", "2026-11-21", "https://example.org/bancs?x=1&y=2#z",
        "www.example.org", "https://example.org/" + "a" * 5_000]  # fmt: skip
DIRECTIONS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.fixture(scope="module")
def bot() -> Service:
    return service()


@pytest.fixture(scope="module")
def lab(bot) -> Lab:
    return Lab(bot)


async def somebody(bot: Service, sender: str, *before: str) -> Citizen:
    """Return one who has agreed to be on record, and has written what comes *before*."""
    person = Citizen(bot, sender=sender)
    for text in ("/agree", *before):
        await person.says(text)
    return person


async def answered(person: Citizen, text: str) -> Reply:
    """Return the answer to *text*: one, on record, and fit to be read."""
    reply = await person.says(text)
    assert reply is not None
    turn, _ = person.service.record._entries[-2:]
    assert isinstance(turn.event, Turn) and turn.event.reply == replace(reply, number=0)
    if reply.kind is Kind.QUESTION:
        assert_one_question(reply.text)
    return reply


def assert_one_question(text: str) -> None:
    """Check that *text* is one short question, after a word of receipt at most."""
    *receipt, question = sentences(text)
    assert len(receipt) <= 1 and not any(mark in "".join(receipt) for mark in "?؟"), text
    assert sum(map(question.count, "?؟")) == 1, text
    assert count_words(question) <= 20, text


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
        (STEERING[language].format("", "") * 400)[:10_000],
        "?" * 10_000,
    ):
        assert (await judged(lab, language, question))["decision"] != "allow"


async def test_a_question_of_ten_thousand_characters_gets_one_back(bot, lab):
    text = "Pourquoi n'y a-t-il pas de bancs en ville pour les anciens ? " * 164
    person = await somebody(bot, "long-question")
    assert (await answered(person, text)).kind is Kind.QUESTION
    assert (await worked(lab, text))["lang"] == "fr"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_unbalanced_quotation_mark_is_answered(bot, lab, language):
    for mark in QUOTES:
        for number, marks in enumerate(((mark, ""), ("", mark))):
            text = SAID[language].format(*marks)
            person = await somebody(bot, f"mark-{mark}-{number}-{language}")
            reply = await answered(person, text)
            assert (reply.kind, reply.language) == (Kind.QUESTION, language), text
            assert (await worked(lab, text))["action"] == "answer"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_quotation_mark_hides_what_steers(lab, language):
    marks = [*((m, "") for m in QUOTES), *(("", m) for m in QUOTES), *map(tuple, PAIRS)]
    for before, after in marks:
        question = STEERING[language].format(before, after)
        assert (await judged(lab, language, question))["decision"] == "withhold", question


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_false_quotation_inside_another_is_stopped(lab, language):
    for outer, inner in (("«»", "“”"), ("“”", "‘’"), ("„“", "‚‘"), ("«»", "«»"), ('""', "''")):
        nested = STEERING[language].format(outer[0] + inner[0], inner[1] + outer[1])
        assert (await judged(lab, language, nested))["decision"] == "withhold", nested


@pytest.mark.parametrize("text", NESTED)
async def test_nested_quotations_are_answered(bot, lab, text):
    reply = await answered(await somebody(bot, text), text)
    assert (reply.kind, reply.language) == (Kind.QUESTION, (await worked(lab, text))["lang"])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_mark_of_direction_changes_no_move(lab, language):
    text = SAID[language].format("", "")
    plain = await worked(lab, text)
    for mark in DIRECTIONS:
        marked = await worked(lab, mark + text.replace(" ", f" {mark}"))
        for key in ("move", "source", "lang", "action", "labels"):
            assert marked[key] == plain[key], (mark, key)


@pytest.mark.parametrize("text", WORDLESS, ids=range(len(WORDLESS)))
async def test_a_message_without_a_word_is_told_so(bot, lab, text):
    reply = await answered(await somebody(bot, text), text)
    told = bot.notices.text(reply.language, "empty")
    assert (reply.kind, reply.text) == (Kind.NOTICE, told)
    assert (await worked(lab, text))["action"] == "ignore"


@pytest.mark.parametrize("before", [(), (SAID["fr"].format("", ""),)], ids=["first", "later"])
@pytest.mark.parametrize("language", FOREIGN)
async def test_i_am_asked_which_language_i_prefer_when_mine_is_unknown(bot, before, language):
    person = await somebody(bot, f"{language}-{len(before)}", *before)
    reply = await answered(person, FOREIGN[language])
    assert (reply.kind, reply.text) == (Kind.NOTICE, bot.languages.which())
    for code in LANGUAGES:
        assert bot.notices.text(code, "unknown-language") in reply.text


@pytest.mark.parametrize("language", FOREIGN)
async def test_the_lab_takes_an_unknown_language(lab, language):
    assert (await worked(lab, FOREIGN[language]))["lang"] in LANGUAGES


@pytest.mark.parametrize("text", MIXED)
async def test_mixed_languages_get_one_question_in_one_of_them(bot, lab, text):
    reply = await answered(await somebody(bot, text), text)
    assert (reply.kind, reply.language) == (Kind.QUESTION, (await worked(lab, text))["lang"])
    assert reply.language != "ar" or any("\u0600" <= c <= "\u06ff" for c in text)


@pytest.mark.parametrize("text", DARIJA)
async def test_arabic_in_latin_letters_is_answered_in_arabic(bot, lab, text):
    reply = await answered(await somebody(bot, text), text)
    assert (reply.kind, reply.language) == (Kind.QUESTION, "ar")
    assert "؟" in reply.text
    assert (await worked(lab, text))["lang"] == "ar"


@pytest.mark.parametrize("name", LONG)
async def test_sixty_four_kilobytes_get_a_short_answer(lab, name):
    # A bot of its own: such messages would slow down every later look at the record.
    person = await somebody(service(), name)
    assert len((await answered(person, LONG[name])).text) <= 1_000
    await worked(lab, LONG[name])


@pytest.mark.parametrize("text", BARE, ids=range(len(BARE)))
async def test_a_bare_number_or_address_gets_a_question(bot, lab, text):
    assert (await answered(await somebody(bot, text), text)).kind is Kind.QUESTION
    assert (await worked(lab, text))["action"] == "answer"


@pytest.mark.parametrize("text", BARE, ids=range(len(BARE)))
async def test_a_bare_number_or_address_is_an_answer_too(bot, text):
    person = await somebody(bot, f"again-{text}")
    first = await answered(person, SAID["fr"].format("", ""))
    second = await answered(person, text)
    assert (second.kind, second.language) == (Kind.QUESTION, "fr")
    assert second.text != first.text
