"""The language model's door, against a real server on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import subprocess
import sys
import time
import traceback
from collections.abc import AsyncIterator

import httpx2
import pytest
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from adapters.langchain import LangChainModel, address
from bot.domain import Prompt
from bot.errors import ConfigError, ModelError

from .ollama_server import Fault, OllamaServer, ollama

__all__ = ["ollama"]

PROMPT = Prompt(system="Ask one {question}.", user="My secret garden.", ref="en:draft@0")
SCHEMA = {
    "type": "object",
    "properties": {"question": {"type": "string", "maxLength": 200}},
    "required": ["question"],
}


def model_at(server: OllamaServer, name: str = "ollama:tiny", **settings) -> LangChainModel:
    return LangChainModel(name, base_url=server.url, **{"timeout_s": 20, **settings})


async def failure(model: LangChainModel, prompt: Prompt = PROMPT) -> str:
    with pytest.raises(ModelError) as caught:
        await model.complete(prompt)
    return str(caught.value)


async def test_an_answer_names_its_weights_and_the_parameters_that_reproduce_it(ollama):
    model = model_at(ollama, num_ctx=2048, num_predict=99, temperature=0.5, seed=7)

    answer = await model.complete(PROMPT)

    assert answer.text == "What leads you to that?"
    assert answer.model == "ollama:tiny"
    assert answer.digest == ollama.digest
    assert dict(answer.params) == {
        "num_ctx": "2048",
        "num_predict": "99",
        "seed": "7",
        "temperature": "0.5",
    }


async def test_every_setting_reaches_the_server(ollama):
    await model_at(ollama, num_ctx=2048, num_predict=99, temperature=0.5, seed=7).complete(PROMPT)

    [chat] = ollama.chats
    assert chat["options"] == {
        "num_ctx": 2048,
        "num_predict": 99,
        "temperature": 0.5,
        "seed": 7,
    }
    assert chat["think"] is False and chat["stream"] is True


async def test_the_persons_words_travel_in_a_message_of_their_own(ollama):
    await model_at(ollama).complete(PROMPT)

    [chat] = ollama.chats
    assert [(m["role"], m["content"]) for m in chat["messages"]] == [
        ("system", PROMPT.system),
        ("user", PROMPT.user),
    ]


async def test_a_schema_goes_out_as_ollamas_format_and_comes_back_to_the_letter():
    raw = '{"question": "Why?"}'
    prompt = Prompt(system="s", user="u", ref="r", schema=SCHEMA)
    async with OllamaServer([raw]) as server:
        answer = await model_at(server).complete(prompt)

        assert server.chats[0]["format"] == SCHEMA
        assert answer.text == raw


async def test_without_a_schema_no_format_is_asked_for(ollama):
    await model_at(ollama).complete(PROMPT)

    assert ollama.chats[0].get("format") is None


SAYS = {
    Fault.HANG: "did not finish within 0.4 s",
    Fault.DRIP: "did not finish within 0.4 s",
    Fault.KILL: "broke off in mid-answer",
    Fault.NO_DONE: "broke off in mid-answer",
    Fault.NO_LINE: "answered with nothing",
    Fault.ERROR_LINE: "look at its log",
    Fault.BROKEN_LINE: "is not its protocol",
    Fault.STRANGE_LINE: "look at its log",
    Fault.HUGE: "more than 16384 bytes",
    Fault.HUGE_LINE: "more than 16384 bytes",
    Fault.EMPTY: "answered with nothing",
    Fault.LOAD: "answered with nothing",
    Fault.LENGTH: "raise num_predict",
    Fault.CROWDED: "raise num_ctx",
    Fault.REDIRECT: "redirects elsewhere",
    Fault.NOT_OLLAMA: "check base_url",
    Fault.HTTP_401: "check the API key",
    Fault.HTTP_429: "is asked too often",
    Fault.HTTP_500: "HTTP 500",
}


def test_every_fault_has_its_line():
    assert set(SAYS) == set(Fault)


@pytest.mark.parametrize("fault", Fault)
async def test_whatever_breaks_is_one_clear_line_that_quotes_nobody(ollama, fault, caplog):
    caplog.set_level(logging.DEBUG)
    ollama.fault = fault
    slow = fault in {Fault.HANG, Fault.DRIP}
    model = model_at(ollama, timeout_s=0.4 if slow else 20)

    with pytest.raises(ModelError) as caught:
        await model.complete(PROMPT)

    assert SAYS[fault] in str(caught.value)
    assert "\n" not in str(caught.value)
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "secret" not in told and "leads you" not in told


async def test_a_drip_that_no_read_timeout_sees_is_given_up_in_time(ollama):
    ollama.fault, ollama.drip_s = Fault.DRIP, 0.05
    model = model_at(ollama, timeout_s=0.4)
    await model.check()
    began = time.monotonic()

    await failure(model)

    assert time.monotonic() - began < 10  # the drip goes on for much longer


async def test_after_a_failure_the_next_answer_is_whole(ollama):
    model = model_at(ollama)
    for fault in (Fault.HUGE, Fault.KILL, None):
        ollama.fault = fault
        if fault is not None:
            await failure(model)

    assert (await model.complete(PROMPT)).text == "What leads you to that?"


async def test_a_stopped_server_is_named_with_the_command_that_starts_it(ollama):
    await ollama.stop()

    for call in (failure(model_at(ollama)), _check_failure(model_at(ollama))):
        line = await call
        assert line == f"Ollama at {ollama.url} does not answer; start it with `ollama serve`."


async def test_an_unknown_model_is_named_with_the_command_that_fetches_it(ollama):
    model = model_at(ollama, "ollama:gemma3:4b")

    for call in (failure(model), _check_failure(model)):
        assert "run `ollama pull gemma3:4b`" in await call


async def test_a_server_that_is_not_ollama_is_found_at_start_up(ollama):
    ollama.fault = Fault.NOT_OLLAMA

    assert "check base_url" in await _check_failure(model_at(ollama))


async def test_checking_asks_the_model_nothing(ollama):
    await model_at(ollama).check()

    assert [path for path, _ in ollama.requests] == ["/api/tags"]


async def _check_failure(model: LangChainModel) -> str:
    with pytest.raises(ModelError) as caught:
        await model.check()
    return str(caught.value)


async def test_a_caller_that_gives_up_is_not_told_of_a_model_failure(ollama):
    ollama.fault = Fault.HANG
    model = model_at(ollama)
    await model.check()
    call = asyncio.ensure_future(model.complete(PROMPT))
    await ollama.talking.wait()
    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call


async def test_many_people_are_answered_at_once(ollama):
    model = model_at(ollama)

    answers = await asyncio.gather(*(model.complete(PROMPT) for _ in range(8)))

    assert {a.text for a in answers} == {"What leads you to that?"}


async def test_half_a_character_in_the_answer_becomes_a_question_mark():
    async with OllamaServer(["Why \ud83d then?"]) as server:
        answer = await model_at(server).complete(PROMPT)

    assert answer.text == "Why ? then?"


async def test_half_a_character_in_the_prompt_does_not_silence_the_model(ollama):
    await model_at(ollama).complete(Prompt(system="s", user="half \ud83d", ref="r"))

    assert ollama.chats[0]["messages"][1]["content"] == "half ?"


async def test_an_answer_of_the_longest_size_is_whole():
    async with OllamaServer(["é" * 500, "é" * 500 + "!"]) as server:
        model = model_at(server, max_bytes=1000)

        assert len((await model.complete(PROMPT)).text) == 500
        assert "more than 1000 bytes" in await failure(model)


async def test_credentials_in_the_address_become_a_header_and_are_never_shown(ollama):
    url = ollama.url.replace("://", "://ada:pa%24s@")
    model = LangChainModel("ollama:tiny", base_url=url)
    await model.complete(PROMPT)
    await ollama.stop()

    expected = "Basic " + base64.b64encode(b"ada:pa$s").decode()
    assert {h["authorization"] for h in ollama.headers} == {expected}
    line = await failure(model)
    assert "ada" not in line and "pa$s" not in line and "pa%24s" not in line


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("10.0.0.7", "http://10.0.0.7:11434"),
        ("llm.example", "http://llm.example:11434"),
        (":8080", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104 - must not be taken literally
        ("http://0.0.0.0:11434", "http://127.0.0.1:11434"),
        ("http://llm.example", "http://llm.example:80"),
        ("https://llm.example", "https://llm.example:443"),
        ("https://llm.example:8443/ollama/", "https://llm.example:8443/ollama"),
        ("[::1]", "http://[::1]:11434"),
        ("::1", "http://[::1]:11434"),
        ("[::]:9000", "http://[::1]:9000"),
        (' "10.0.0.7:1234" ', "http://10.0.0.7:1234"),
    ],
)
def test_an_address_is_read_as_ollama_reads_its_own(host, url):
    assert address(host) == (url, {})


@pytest.mark.parametrize(
    "host", ["ftp://llm.example", "llm.example:port", "http://[::1", "a:99999"]
)
def test_what_is_no_address_is_refused_at_once(host):
    with pytest.raises(ConfigError, match="OLLAMA_HOST"):
        LangChainModel("ollama:tiny", base_url=host)


@pytest.mark.parametrize("name", ["", "gemma3", ":gemma3", "ollama:"])
def test_a_model_without_its_provider_is_refused_at_once(name):
    with pytest.raises(ConfigError, match="provider:model"):
        LangChainModel(name)


# Other providers


async def test_an_unknown_provider_is_told_how_to_write_an_ollama_model():
    assert "ollama:MODEL" in await _check_failure(LangChainModel("gemma3:4b"))


async def test_a_missing_package_is_named():
    def build(*_: object, **__: object) -> BaseChatModel:
        raise ImportError("no module")

    line = await _check_failure(LangChainModel("google_genai:g", build=build))

    assert "langchain-google-genai" in line


def other(chat: BaseChatModel) -> LangChainModel:
    return LangChainModel("cloud:m", timeout_s=5, max_bytes=100, build=lambda *_, **__: chat)


class Failing(GenericFakeChatModel):
    """A chat model of another provider that raises *failure* after a word."""

    failure: Exception

    async def _astream(self, *args, **kwargs) -> AsyncIterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk("my secret"))
        raise self.failure


class RateLimitError(Exception):
    status_code = 429


@pytest.mark.parametrize(
    ("raised", "line"),
    [
        (httpx2.ConnectError("my secret"), "cannot be reached"),
        (httpx2.ReadTimeout("my secret"), "did not finish within 5 s"),
        (httpx2.RemoteProtocolError("my secret"), "broke off"),
        (httpx2.ReadError("my secret"), "broke off"),
        (httpx2.DecodingError("my secret"), "DecodingError"),
        (RateLimitError("my secret"), "asked too often"),
        (json.JSONDecodeError("my secret", "my secret", 0), "protocol"),
        (RuntimeError("my secret"), "RuntimeError"),
        (TimeoutError(), "did not finish within 5 s"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_what_another_provider_raises_is_one_clear_line(raised, line):
    model = other(Failing(messages=iter(()), failure=raised))

    with pytest.raises(ModelError, match=line) as caught:
        await model.complete(PROMPT)

    assert "secret" not in "".join(traceback.format_exception(caught.value))


class Finished(GenericFakeChatModel):
    """A chat model of another provider that says why it stopped, as that one says it."""

    facts: dict[str, str]
    word: str = "Why"

    async def _astream(self, *args, **kwargs) -> AsyncIterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(
            message=AIMessageChunk(self.word, response_metadata=dict(self.facts))
        )


async def test_another_providers_answer_is_read_from_its_stream():
    chat = Finished(messages=iter(()), facts={"finish_reason": "stop"}, word="Why so?")

    answer = await other(chat).complete(PROMPT)

    assert (answer.text, answer.model, answer.digest) == ("Why so?", "cloud:m", "")
    assert dict(answer.params) == {"max_tokens": "256", "temperature": "0.0"}


async def test_an_answer_that_another_provider_never_ended_is_refused():
    assert "broke off" in await failure(other(Finished(messages=iter(()), facts={})))


@pytest.mark.parametrize(
    "facts",
    [{"finish_reason": "length"}, {"stop_reason": "max_tokens"}, {"finish_reason": "MAX_TOKENS"}],
)
async def test_an_answer_cut_short_by_another_provider_is_refused(facts):
    assert "raise num_predict" in await failure(other(Finished(messages=iter(()), facts=facts)))


async def test_another_providers_flood_is_stopped():
    chat = Finished(messages=iter(()), facts={}, word="x" * 101)

    assert "more than 100 bytes" in await failure(other(chat))


# What a bot without a model must not pay, and what no bot may send

ALONE = """
import asyncio, sys
from adapters.langchain import LangChainModel
from bot.domain import Prompt

heavy = {"langchain", "langchain_core", "langchain_ollama", "ollama", "httpx", "langsmith"}
model = LangChainModel("ollama:tiny", base_url=sys.argv[1])
assert not heavy & set(sys.modules), "imported before the first call"

asked = set()
def listen(event, args):
    if event == "socket.connect":
        asked.add("{}:{}".format(*args[1][:2]))
    elif event == "socket.getaddrinfo" and not str(args[0]).startswith("127."):
        asked.add(args[0])
sys.addaudithook(listen)
print(asyncio.run(model.complete(Prompt(system="s", user="u", ref="r"))).text)
print(*sorted(asked))
"""


async def test_nothing_is_imported_before_the_first_call_nor_sent_elsewhere_by_any_environment(
    ollama,
):
    async with OllamaServer() as spy:
        lures = {
            "LANGSMITH_TRACING": "true",
            "LANGCHAIN_TRACING_V2": "true",
            "LANGSMITH_API_KEY": "key",
            "LANGSMITH_ENDPOINT": spy.url,
            "HTTP_PROXY": spy.url,
            "ALL_PROXY": spy.url,
            "OLLAMA_HOST": spy.url,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-c", ALONE, ollama.url),
            env={**os.environ, **lures},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()

        assert out.decode().splitlines() == [
            "What leads you to that?",
            ollama.url.removeprefix("http://"),
        ], err.decode()
        assert spy.requests == []
