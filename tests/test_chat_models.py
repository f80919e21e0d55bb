"""What every language model's door promises, the scripted one included."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import pytest

from adapters.langchain import LangChainModel
from adapters.scripted import ScriptedModel
from bot.domain import Answer, Prompt
from bot.errors import ModelError
from bot.ports import ChatModel

from .ollama_server import OllamaServer

Opened: TypeAlias = Callable[[list[str]], AbstractAsyncContextManager[ChatModel]]


def prompt(user: str = "Ban cars.") -> Prompt:
    return Prompt(system="Ask one question.", user=user, ref="en:draft@0")


@asynccontextmanager
async def scripted(lines: list[str]) -> AsyncIterator[ChatModel]:
    yield ScriptedModel(lines)


@asynccontextmanager
async def langchain(lines: list[str]) -> AsyncIterator[ChatModel]:
    async with OllamaServer(lines) as server:
        yield LangChainModel("ollama:tiny", base_url=server.url)


@pytest.fixture(params=[scripted, langchain], ids=lambda opened: opened.__name__)
def opened(request) -> Opened:
    return request.param


async def test_answers_come_in_order_and_to_the_letter(opened):
    lines = ["Why?", " \u00ab Pourquoi ? \u00bb\n", "ما الذي يدفعك إلى ذلك؟"]
    async with opened(lines) as model:
        assert [(await model.complete(prompt())).text for _ in lines] == lines


async def test_an_answer_says_which_model_gave_it(opened):
    async with opened(["Why?"]) as model:
        answer = await model.complete(prompt())

    assert isinstance(answer, Answer) and answer.model == model.name


async def test_parameters_are_pairs_of_strings(opened):
    async with opened(["Why?"]) as model:
        params = (await model.complete(prompt())).params

    assert all(isinstance(text, str) for pair in params for text in pair)
    assert len(dict(params)) == len(params)


async def test_an_empty_answer_is_a_model_error_of_one_line(opened):
    async with opened([" \n "]) as model:
        with pytest.raises(ModelError) as caught:
            await model.complete(prompt())

    assert str(caught.value) and "\n" not in str(caught.value)


async def test_having_nothing_more_to_say_is_a_model_error(opened):
    async with opened(["Why?"]) as model:
        await model.complete(prompt())
        with pytest.raises(ModelError):
            await model.complete(prompt())


async def test_an_error_does_not_quote_the_person(opened):
    async with opened([]) as model:
        with pytest.raises(ModelError) as caught:
            await model.complete(prompt("My secret garden."))

    assert "secret" not in str(caught.value)


async def test_it_can_be_asked_at_start_up_whether_it_is_there(opened):
    async with opened([]) as model:
        await model.check()


async def test_a_script_remembers_what_it_was_shown():
    model = ScriptedModel(["Why?", "Who?"])
    for words in ("one", "two"):
        await model.complete(prompt(words))

    assert [p.user for p in model.prompts] == ["one", "two"]


async def test_a_script_may_be_a_function_of_the_prompt():
    model = ScriptedModel(lambda p: f"You said: {p.user}")

    assert (await model.complete(prompt("Hm."))).text == "You said: Hm."


async def test_a_script_can_fail_on_cue():
    model = ScriptedModel([ModelError("asleep"), "Why?"])

    with pytest.raises(ModelError, match="asleep"):
        await model.complete(prompt())
    assert (await model.complete(prompt())).text == "Why?"
