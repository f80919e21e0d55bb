from __future__ import annotations

import json

import pytest

from adapters.scripted import ScriptedModel
from bot import wiring
from bot.domain import Decision, Draft, Label, Move, Source
from bot.errors import ModelError
from bot.settings import Settings
from policies.second_look import SecondLook
from storage.memory import MemoryRecord
from tests.conftest import BENCHES, Citizen, dialogue, service

QUESTION = "Que voulez-vous dire par « bancs en ville » ?"


def answer(label: str, span: str = "") -> str:
    return json.dumps({"label": label, "span": span})


async def look(book, line, *, text: str = QUESTION, source: Source = Source.DRAFT, said=BENCHES):
    model = ScriptedModel([line])
    draft = Draft(text=text, move=Move.CLARIFY, source=source)
    return await SecondLook(book, model).check(draft, dialogue(said)), model


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


async def test_a_question_that_is_withheld_is_replaced_by_a_vetted_one():
    settings = Settings.model_validate({"model": {"name": "ollama:x", "strategy": "draft"}})
    judge = ScriptedModel([answer("tone", "voulez-vous")])
    writer = ScriptedModel([QUESTION])
    person = Citizen(wiring.service(settings, MemoryRecord(), writer, judge))
    await person.says("j'accepte")
    reply = await person.says(BENCHES)
    assert judge.prompts and reply.text != QUESTION


async def test_without_a_judge_nothing_changes():
    assert service().judge is None
