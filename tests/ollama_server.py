"""A small server that speaks Ollama's wire protocol on loopback, and breaks on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256
from inspect import isawaitable
from typing import Any, Self, TypeAlias

import pytest
from aiohttp import web

Request: TypeAlias = dict[str, Any]
"""The body of a chat or generate request."""
Answers: TypeAlias = Iterable[str] | Callable[[Request], str | Awaitable[str]]


class Fault(Enum):
    """What can go wrong, each seen in the field."""

    HANG = "hang"
    DRIP = "drip"
    KILL = "kill"
    NO_DONE = "clean end without done"
    NO_LINE = "clean end without a line"
    ERROR_LINE = "error line"
    BROKEN_LINE = "broken line"
    STRANGE_LINE = "a line of another protocol"
    HUGE = "ten megabytes of words"
    HUGE_LINE = "a line of ten megabytes"
    EMPTY = "empty"
    LOAD = "done_reason load"
    LENGTH = "done_reason length"
    CROWDED = "prompt_eval_count as large as num_ctx"
    REDIRECT = "redirect to elsewhere"
    NOT_OLLAMA = "another server's 404"
    HTTP_401 = 401
    HTTP_429 = 429
    HTTP_500 = 500


class OllamaServer:
    """``async with OllamaServer(["Why?"]) as server:`` listens at ``server.url``."""

    def __init__(
        self, answers: Answers = (), *, model: str = "tiny:latest", fault: Fault | None = None
    ) -> None:
        """Answer with each of *answers* in turn, or with what the function returns."""
        self._answer = answers if callable(answers) else _reader(answers)
        self.model = model
        self.digest = sha256(model.encode()).hexdigest()
        self.fault = fault
        self.drip_s = 1.0
        """Seconds between two bytes of a drip."""
        self.requests: list[tuple[str, Request]] = []
        """Path and body of every request, oldest first."""
        self.headers: list[dict[str, str]] = []
        self.talking = asyncio.Event()
        """Set once a request for words has come in."""
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/api/version", self._version)
        app.router.add_get("/api/tags", self._tags)
        app.router.add_get("/api/ps", self._tags)
        app.router.add_post("/api/show", self._show)
        app.router.add_post("/api/chat", self._talk)
        app.router.add_post("/api/generate", self._talk)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Refuse connections from now on."""
        await self._runner.cleanup()

    @property
    def chats(self) -> list[Request]:
        """The bodies of the chat requests, oldest first."""
        return [body for path, body in self.requests if path == "/api/chat"]

    async def _noted(self, request: web.Request) -> Request:
        body = await request.json() if request.can_read_body else {}
        self.requests.append((request.path, body))
        self.headers.append({k.lower(): v for k, v in request.headers.items()})
        return body

    async def _version(self, request: web.Request) -> web.Response:
        await self._noted(request)
        return web.json_response({"version": "0.13.0"})

    async def _tags(self, request: web.Request) -> web.Response:
        await self._noted(request)
        if self.fault is Fault.NOT_OLLAMA:
            raise web.HTTPNotFound(text="File Not Found")
        entry = {"name": self.model, "model": self.model, "digest": self.digest, "size": 1}
        return web.json_response({"models": [entry]})

    async def _show(self, request: web.Request) -> web.Response:
        body = await self._noted(request)
        if not self._has(body):
            return _missing(body)
        return web.json_response({"details": {"format": "gguf"}, "model_info": {}})

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        body = await self._noted(request)
        self.talking.set()
        if (refusal := self._refusal()) is not None:
            return refusal
        if not self._has(body):
            return _missing(body)
        response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
        await response.prepare(request)
        try:
            await self._stream(request, response, body)
        except ConnectionError:
            return response  # the caller has seen enough
        await response.write_eof()
        return response

    def _refusal(self) -> web.Response | None:
        match self.fault:
            case Fault.HTTP_401 | Fault.HTTP_429 | Fault.HTTP_500:
                return web.json_response({"error": "no"}, status=self.fault.value)
            case Fault.NOT_OLLAMA:
                return web.Response(status=404, text="File Not Found")
            case Fault.REDIRECT:
                return web.Response(status=307, headers={"location": "http://127.0.0.1:9/"})
        return None

    def _has(self, body: Request) -> bool:
        return body.get("model") in {self.model, self.model.removesuffix(":latest")}

    async def _stream(
        self, request: web.Request, response: web.StreamResponse, body: Request
    ) -> None:
        field = "message" if request.path == "/api/chat" else "response"
        async for line in self._lines(request, body):
            if isinstance(line, dict):
                text = line.pop("text")
                line[field] = {"role": "assistant", "content": text} if field == "message" else text
            written = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
            pieces = [written[i : i + 1] for i in range(len(written))]
            for piece in pieces if self.fault is Fault.DRIP else [written]:
                await response.write(piece)
                await asyncio.sleep(self.drip_s if self.fault is Fault.DRIP else 0)

    async def _lines(self, request: web.Request, body: Request) -> AsyncIterator[Request | bytes]:
        """Yield the lines of an answer; the current fault, if any, spoils them."""
        stamp = {"model": body["model"], "created_at": datetime.now(UTC).isoformat()}
        if self.fault is Fault.HANG:
            await asyncio.sleep(3600)
        for line in _FLOODS.get(self.fault, ()):
            yield line if isinstance(line, bytes) else stamp | line
        if self.fault in {Fault.NO_LINE, Fault.LOAD}:
            return
        for piece in await self._pieces(body):
            yield stamp | {"text": piece, "done": False}
        if self.fault is Fault.KILL and request.transport is not None:
            request.transport.abort()
        if self.fault in {Fault.KILL, Fault.NO_DONE}:
            return
        if self.fault in _SPOILT:
            yield _SPOILT[self.fault]
        yield stamp | self._end(body)

    def _end(self, body: Request) -> Request:
        """Return the last line of an answer."""
        reason = "length" if self.fault is Fault.LENGTH else "stop"
        read = body["options"]["num_ctx"] if self.fault is Fault.CROWDED else 12
        counts = {"total_duration": 1, "prompt_eval_count": read, "eval_count": 3}
        return {"text": "", "done": True, "done_reason": reason, **counts}

    async def _pieces(self, body: Request) -> list[str]:
        if self.fault is Fault.EMPTY:
            return [" ", "\n"]
        answer = self._answer(body)
        text = await answer if isawaitable(answer) else answer
        return [text[i : i + 7] for i in range(0, len(text), 7)]


_FLOODS: dict[Fault | None, tuple[Request | bytes, ...]] = {
    Fault.LOAD: ({"text": "", "done": True, "done_reason": "load"},),
    Fault.HUGE: ({"text": "x" * 1024, "done": False},) * 10_240,
    Fault.HUGE_LINE: (b'{"message":{"content":"', *(b"x" * 65_536,) * 160),
}
_SPOILT = {
    Fault.ERROR_LINE: b'{"error": "the runner has died of: my secret garden"}\n',
    Fault.BROKEN_LINE: b'{"message": {"content": "my secret gar\n',
    Fault.STRANGE_LINE: b'["my secret garden"]\n',
}


def _reader(answers: Iterable[str]) -> Callable[[Request], str]:
    rest = iter(answers)
    return lambda _: next(rest)


def _missing(body: Request) -> web.Response:
    return web.json_response({"error": f"model '{body.get('model')}' not found"}, status=404)


@pytest.fixture
async def ollama() -> AsyncIterator[OllamaServer]:
    """Return a server that asks the same question for ever."""
    async with OllamaServer(lambda _: "What leads you to that?") as server:
        yield server
