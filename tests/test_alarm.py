"""A model that chooses a question may say that the person needs somebody, not a question."""

from __future__ import annotations

import json

import pytest

from adapters.scripted import ScriptedModel
from bot.domain import Case, Kind, Label, Turn
from bot.lab import Lab
from bot.ports import PromptBook
from tests.conftest import BENCHES, Citizen, service

UNHEARD = {
    "fr": ("j'accepte", "Les étiquettes sont collées sur tous les cartons."),
    "en": ("I agree", "There is a label on each of the boxes."),
    "de": ("einverstanden", "Auf allen Kartons klebt ein Zettel."),
    "ar": ("أوافق", "كتبت ورقة على كل صندوق."),
}
"""What no screen can know the meaning of."""


def choosing(**answer: object) -> ScriptedModel:
    """Return a model that chooses the first question it is offered, and says *answer* besides."""

    def choose(prompt) -> str:
        offered = prompt.schema["properties"]
        first = {key: offered[key]["enum"][0] for key in ("move", "frame")}
        return json.dumps({**first, "slot": "", **answer})

    return ScriptedModel(choose)


async def told(model: ScriptedModel, text: str, agrees: str = "j'accepte"):
    person = Citizen(service(model, model={"name": "ollama:tiny", "strategy": "select"}))
    await person.says(text)
    await person.says(agrees)
    reply = await person.says(text)
    return reply, [e.event async for e in person.service.record.entries()]


@pytest.mark.parametrize("language", UNHEARD)
async def test_a_model_may_call_a_person_where_no_rule_hears_danger(language):
    agrees, hint = UNHEARD[language]
    reply, events = await told(choosing(help=True), hint, agrees)
    turn = [event for event in events if isinstance(event, Turn)][-1]
    (found,) = turn.attempts[-1].verdicts[-1].findings
    assert reply.kind is Kind.HELP and reply.language == language
    assert turn.why == "hand-off" and turn.attempts[-1].draft.alarm
    assert found.label is Label.DISTRESS and found.reason


async def test_moderators_hear_of_it():
    _, events = await told(choosing(help=True), UNHEARD["fr"][1])
    assert [event.cause for event in events if isinstance(event, Case)] == ["hand-off"]


@pytest.mark.parametrize("said", [{"help": False}, {}, {"help": "true"}, {"help": 1}, {"help": []}])
async def test_only_a_plain_yes_calls_a_person(said):
    reply, _ = await told(choosing(**said), BENCHES)
    assert reply.kind is Kind.QUESTION


async def test_it_costs_no_call_more():
    model = choosing(help=True)
    await told(model, UNHEARD["fr"][1])
    assert len(model.prompts) == 1


async def test_each_language_asks_the_model_for_it(book: PromptBook):
    assert all('"help"' in book.text(language, "prompt.select") for language in UNHEARD)


async def test_the_lab_says_so():
    lab = Lab(service(choosing(help=True), model={"name": "ollama:tiny", "strategy": "select"}))
    with pytest.raises(ValueError, match="calls a person"):
        await lab.ask({"id": 1, "lang": "fr", "text": UNHEARD["fr"][1]})
