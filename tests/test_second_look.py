from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from adapters.scripted import ScriptedModel
from bot import wiring
from bot.domain import LANGUAGES, Decision, Draft, Label, Move, Source
from bot.errors import ModelError
from bot.settings import Settings
from policies.second_look import SecondLook
from storage.memory import MemoryRecord
from tests.conftest import BENCHES, Citizen, dialogue, service

QUESTION = "Que voulez-vous dire par « bancs en ville » ?"


def answer(label: str, span: str = "") -> str:
    return json.dumps({"label": label, "span": span})


@dataclass(frozen=True)
class Known:
    """A classifier that finds every question what it is told to find it."""

    grey: bool = True

    def steering(self, *_: object, unsure: bool = False) -> Label | None:
        return Label.LEADING if unsure and self.grey else None

    def clear(self, *_: object) -> bool:
        return not self.grey


async def look(book, line, *, source: Source = Source.DRAFT, said=BENCHES, grey: bool = True):
    model = ScriptedModel([line])
    draft = Draft(text=QUESTION, move=Move.CLARIFY, source=source)
    return await SecondLook(book, Known(grey), model).check(draft, dialogue(said)), model


async def test_a_neutral_verdict_lets_the_question_through(book):
    verdict, _ = await look(book, answer("neutral"))
    assert verdict.decision is Decision.ALLOW


async def test_a_fault_withholds_with_its_span_and_reason(book):
    verdict, _ = await look(book, answer("suggestion", "bancs en ville"))
    (found,) = verdict.findings
    assert verdict.decision is Decision.WITHHOLD
    assert found.label is Label.SUGGESTION and found.reason
    assert QUESTION[found.start : found.end] == "bancs en ville"


@pytest.mark.parametrize(
    "line",
    [
        "Looks fine to me.",
        "{}",
        "[]",
        answer("fine"),
        answer("tone", "not in the question"),
        json.dumps({"label": "tone", "span": 7}),
        ModelError("late"),
    ],
)
async def test_no_verdict_means_no_question(book, line):
    verdict, _ = await look(book, line)
    assert verdict.decision is Decision.WITHHOLD
    assert verdict.findings[0].label is Label.FAILURE


async def test_it_sees_the_set_of_words_and_neither_order_nor_side(book):
    for_side, against = ("les bus gratuits, oui", "oui, gratuits les bus")
    _, one = await look(book, answer("neutral"), said=for_side)
    _, other = await look(book, answer("neutral"), said=against)
    assert one.prompts == other.prompts
    assert "ana" not in one.prompts[0].user


async def test_a_vetted_question_needs_no_second_look(book):
    verdict, model = await look(book, answer("tone"), source=Source.SELECT)
    assert verdict.decision is Decision.ALLOW and model.prompts == []


async def test_what_is_clear_needs_no_model(book):
    verdict, model = await look(book, answer("tone"), grey=False)
    assert verdict.decision is Decision.ALLOW and model.prompts == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_without_a_second_model_what_is_not_clear_is_withheld(book, language):
    draft = Draft(text=QUESTION, move=Move.CLARIFY)
    known = dialogue(BENCHES, language=language)
    verdict = await SecondLook(book, Known()).check(draft, known)
    (found,) = verdict.findings
    assert verdict.decision is Decision.WITHHOLD
    assert found.label is Label.LEADING and found.rule == "second_look.unsure" and found.reason
    assert (await SecondLook(book, Known(grey=False)).check(draft, known)).findings == ()


@pytest.mark.parametrize(
    ("line", "kept"),
    [(None, False), (answer("tone", "voulez-vous"), False), (answer("neutral"), True)],
)
async def test_a_question_that_is_withheld_is_replaced_by_a_vetted_one(book, line, kept):
    settings = Settings.model_validate({"model": {"name": "ollama:x", "strategy": "draft"}})
    judge = ScriptedModel([line]) if line else None
    bot = wiring.service(settings, MemoryRecord(), ScriptedModel([QUESTION]))
    person = Citizen(replace(bot, judge=SecondLook(book, Known(), judge)))
    await person.says("j'accepte")
    reply = await person.says(BENCHES)
    assert (reply.text == QUESTION) is kept


async def test_a_clear_draft_is_asked_as_it_stands():
    bot = service(ScriptedModel([QUESTION]), model={"name": "ollama:x", "strategy": "draft"})
    person = Citizen(bot)
    await person.says("j'accepte")
    assert (await person.says(BENCHES)).text == QUESTION
