"""The whole bot as a process on a homeserver, and a cable that tests can pull."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from storage.sql import SqlRecord
from storage.verify import verify
from tests.matrix_people import PATIENCE
from tests.synapse import DOMAIN, PASSWORD, Synapse

MANY = 1_000_000
NO_LIMITS = {
    "pause": 0.0,
    "person_minute": MANY,
    "room_minute": MANY,
    "person_day": MANY,
    "room_day": MANY,
}
"""Each message by itself, and all of them: what most tests count."""
SOCRATE = Path(sys.executable).with_name("socrate")


@dataclass
class Bot:
    """``socrate run`` in *folder*. It can be killed and started again."""

    server: Synapse
    folder: Path
    name: str
    url: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=lambda: dict(NO_LIMITS))
    process: subprocess.Popen[bytes] | None = None

    @property
    def id(self) -> str:
        return f"@{self.name}:{DOMAIN}"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        chosen = {
            "homeserver": self.url or self.server.url,
            "user": self.name,
            "encryption": "off",
            "inviters": [f"*:{DOMAIN}"],
            "buttons": 0,
            **self.settings,
        }
        sections = {"matrix": chosen, "limits": self.limits}
        lines = [
            line
            for name, values in sections.items()
            for line in (f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in values.items()))
        ]
        (self.folder / "socrate.toml").write_text("\n".join(lines), "utf-8")
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                [SOCRATE, "run"],
                cwd=self.folder,
                stdout=output,
                stderr=output,
                env={**os.environ, "MATRIX_PASSWORD": PASSWORD},
            )

    def kill(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self) -> int:
        """Ask it to end, and return how it did."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def __enter__(self) -> Self:
        self.server.register(self.name)
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    @property
    def output(self) -> str:
        return (self.folder / "output.txt").read_text("utf-8")

    async def record(self) -> list[Any]:
        """Return what is on record, which must be sound."""
        path = self.folder / "cafe-socrate.db"
        assert verify(path).sound
        async with SqlRecord(path, read_only=True) as record:
            return [entry.event async for entry in record.entries()]


class CutError(Exception):
    """The connection ended in the middle."""


Hook = Callable[["Cable", str, str], Awaitable[None]]


@dataclass
class Cable:
    """Carries requests to a homeserver; *before* and *after* are called around each."""

    server: Synapse
    before: Hook | None = None
    after: Hook | None = None
    last: bytes = b""
    """The answer that *after* may look at, or change, before it is carried back."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._client = ClientSession(timeout=ClientTimeout(total=None))
        runner = web.AppRunner(_app(self._carry), shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._runner = runner
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.close()
        await self._runner.cleanup()

    async def _carry(self, request: web.Request) -> web.Response:
        try:
            return await self._carried(request)
        except (CutError, ClientError):
            if request.transport:
                request.transport.abort()
            raise asyncio.CancelledError from None

    async def _carried(self, request: web.Request) -> web.Response:
        path = request.raw_path
        if self.before:
            await self.before(self, request.method, path)
        headers = {k: v for k, v in request.headers.items() if k.lower() != "host"}
        body = await request.read()
        async with self._client.request(
            request.method, self.server.url + path, data=body, headers=headers
        ) as answer:
            self.last = await answer.read()
            status, kind = answer.status, answer.content_type
        if self.after:
            said = self.last
            await self.after(self, request.method, path)
            return web.Response(body=self.last or said, status=status, content_type=kind)
        return web.Response(body=self.last, status=status, content_type=kind)


def _app(carry: Callable[[web.Request], Awaitable[web.Response]]) -> web.Application:
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{path:.*}", carry)
    return app


async def until(true: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until something is so."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
