"""Another wording of my text is shown, marked, and changes nothing."""

from __future__ import annotations

import pytest

from adapters.scripted import ScriptedModel
from bot.domain import Kind, Prompt, Turn
from bot.errors import ModelError
from bot.wording import difference, usable
from storage.memory import MemoryRecord
from tests.conftest import BENCHES, Citizen, service

SIMPLER = "Il faudrait des bancs en ville pour les anciens."


def test_every_word_that_differs_is_marked_and_no_other():
    shown = difference("plus de bancs en ville", "des bancs en ville")
    assert shown == "[−plus de] [+des] bancs en ville"
    assert difference("a b", "a b") == "a b"


@pytest.mark.parametrize("new", ["", BENCHES, "Voulez-vous des bancs ?", "mot " * 40, "http://x.y"])
def test_what_is_no_wording_is_not_shown(new):
    assert not usable(BENCHES, new)


async def asked(answer: str, opening: str = BENCHES) -> tuple[Citizen, ScriptedModel, str]:
    def line(prompt: Prompt) -> str | Exception:
        return answer if ":reword@" in prompt.ref else ModelError("not this time")

    model = ScriptedModel(line)
    citizen = Citizen(service(model, MemoryRecord(), model={"strategy": "draft"}))
    await citizen.says("j'accepte")
    await citizen.says(opening)
    reply = await citizen.says("reformuler mon texte")
    return citizen, model, reply.text


async def test_another_wording_is_shown_as_a_difference_and_nothing_changes():
    citizen, _, shown = await asked(SIMPLER)

    assert "[−plus de] [+des] bancs en ville pour les anciens." in shown
    talk = await citizen.service.record.dialogue(citizen.room, citizen.sender)
    assert talk.idea.texts == (BENCHES,)


@pytest.mark.parametrize(
    "answer",
    [
        "Il faudrait des bancs en bois avec un abri.",
        "Quelle bonne idée, des bancs en ville !",
        "We need benches.",
    ],
)
async def test_a_wording_that_brings_words_of_its_own_is_not_shown(answer):
    citizen, _, shown = await asked(answer)

    assert shown == citizen.service.notices.text("fr", "reword-own")


async def test_the_model_is_shown_no_name_and_the_name_comes_back():
    _, model, shown = await asked(
        "Comme M. [POLITICIAN_1], je veux des bancs.", "Je veux des bancs, comme M. Macron."
    )

    prompt = next(p for p in model.prompts if ":reword@" in p.ref)
    assert "Macron" not in prompt.user and "Macron" in shown


async def test_the_prompt_and_the_models_answer_are_on_record():
    citizen, _, _ = await asked(SIMPLER)

    entries = [entry async for entry in citizen.service.record.entries()]
    turn = next(e.event for e in entries if getattr(e.event, "command", "") == "reword")
    assert isinstance(turn, Turn) and turn.attempts[0].draft.raw == SIMPLER
    assert turn.reply.kind is Kind.NOTICE and "reword@" in turn.attempts[0].draft.prompt


async def test_without_a_model_i_am_told_so():
    citizen = Citizen(service())
    await citizen.says("j'accepte")
    await citizen.says(BENCHES)

    reply = await citizen.says("reformuler mon texte")

    assert reply.text == citizen.service.notices.text("fr", "reword-none")
