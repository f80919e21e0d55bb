"""Requests to a homeserver: patient, bounded, and quiet when it asks for quiet."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout
from nio import AsyncClient

from bot.errors import ConfigError, DeliveryError

LOG = logging.getLogger(__name__)

V3 = "/_matrix/client/v3"
SHORT, LONG = 30.0, 300.0
"""Seconds a request may take, and seconds between two tries at most."""
STRICT = 60.0
"""Seconds after a « too many requests » during which messages leave one at a time."""
TOO_MANY, SERVER_FAILS, FAILS = 429, 500, 400


class RefusedError(DeliveryError):
    """The homeserver said no."""

    def __init__(self, status: int, code: str, said: str, retry_s: float = 0.0) -> None:
        super().__init__(f"the homeserver refused ({status} {code}): {said}")
        self.status = status
        self.code = code
        self.retry_s = retry_s


class UnreachableError(DeliveryError):
    """The homeserver did not answer."""


@dataclass
class Wire:
    """Speaks the client-server API as one login."""

    client: AsyncClient
    chance: Callable[[], float]
    """From 0 to 1, for the jitter between tries."""
    clock: Callable[[], float]
    """Seconds that never go back, whatever the clock on the wall does."""
    _lane: asyncio.Lock = field(default_factory=asyncio.Lock)
    _quiet_until: float = 0.0
    _strict_until: float = 0.0

    @property
    def limited(self) -> bool:
        """Whether the homeserver lately asked for fewer messages."""
        return self.clock() < self._strict_until

    def open(self) -> None:
        """Prepare for requests: the library's own session traces each one, which costs."""
        if self.client.client_session is None:
            self.client.client_session = ClientSession(timeout=ClientTimeout(total=None))

    async def ask(
        self, method: str, path: str, body: object = None, *, within: float = SHORT, **query: object
    ) -> dict[str, Any]:
        """Ask once; what is no object in the answer comes under ``list``.

        Raises:
            RefusedError: The homeserver said no.
            UnreachableError: It said nothing within *within* seconds.
            ConfigError: It no longer knows the login.
        """
        if query:
            path = f"{path}?{urlencode(query)}"
        try:
            async with asyncio.timeout(within):
                return await self._once(method, path, body)
        except (ClientError, TimeoutError, OSError) as exc:
            raise UnreachableError(f"no answer from the homeserver ({type(exc).__name__})") from exc

    async def insist(
        self, method: str, path: str, body: object = None, *, most: int = 0, **options: Any
    ) -> dict[str, Any]:
        """Ask until there is an answer, *most* times if that is set, waiting longer each time.

        Raises:
            RefusedError: The homeserver said no, for another reason than too many requests.
            UnreachableError: It has not answered *most* times.
            ConfigError: It no longer knows the login.
        """
        for tries in count():
            try:
                return await self.ask(method, path, body, **options)
            except RefusedError as exc:
                if (exc.status != TOO_MANY and exc.status < SERVER_FAILS) or tries + 1 == most:
                    raise
                wait = min(exc.retry_s, LONG) or self.pause(tries)
            except UnreachableError:
                if tries + 1 == most:
                    raise
                wait = self.pause(tries)
            await asyncio.sleep(wait)
        raise AssertionError  # pragma: no cover - the loop has no end

    async def put_event(self, room: str, kind: str, transaction: str, body: object) -> str:
        """Send an event, once for each *transaction*; return its id.

        While the homeserver asks for patience, events leave one at a time, in order.

        Raises:
            RefusedError: It will not have the event.
            ConfigError: It no longer knows the login.
        """
        path = f"{V3}/rooms/{quote(room)}/send/{quote(kind)}/{quote(transaction)}"
        for tries in count():
            try:
                async with self._turn():
                    return str((await self.ask("PUT", path, body))["event_id"])
            except RefusedError as exc:
                if exc.status == TOO_MANY:
                    self.hush(exc.retry_s or self.pause(tries))
                    continue
                if exc.status < SERVER_FAILS:
                    raise
            except UnreachableError:
                pass
            await asyncio.sleep(self.pause(tries))
        raise AssertionError  # pragma: no cover - the loop has no end

    async def upload(self, raw: bytes, kind: str) -> str:
        """Store a file on the homeserver; return its address there."""
        path = "/_matrix/media/v3/upload"
        headers = {"Content-Type": kind, "Authorization": f"Bearer {self.client.access_token}"}
        answer = await self.client.send("POST", path, raw, headers, None, SHORT)
        async with answer:
            said = _answered(answer.status, _decoded(await answer.read()))
        return str(said["content_uri"])

    def pause(self, tries: int) -> float:
        """Return how long to wait after so many failures, in seconds."""
        return float(min(LONG / 5, 0.25 * 2 ** min(tries, 10)) * (0.5 + self.chance() / 2))

    def hush(self, seconds: float) -> None:
        """Send nothing for so long, and then one message at a time."""
        now = self.clock()
        self._quiet_until = max(self._quiet_until, now + min(seconds, LONG))
        self._strict_until = self._quiet_until + STRICT

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if not self.limited:
            yield
            return
        async with self._lane:
            await asyncio.sleep(max(0.0, self._quiet_until - self.clock()))
            yield

    async def _once(self, method: str, path: str, body: object) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self.client.access_token:
            headers["Authorization"] = f"Bearer {self.client.access_token}"
        data = None if body is None else json.dumps(body)
        # The time is bounded by the caller: nio's own bound is off.
        answer = await self.client.send(method, path, data, headers, None, 0)
        async with answer:
            raw = await answer.read()
        return _answered(answer.status, _decoded(raw))


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _answered(status: int, said: Any) -> dict[str, Any]:
    if status < FAILS and isinstance(said, dict | list):
        return said if isinstance(said, dict) else {"list": said}
    told: Mapping[str, Any] = said if isinstance(said, dict) else {}
    code = str(told.get("errcode", "M_UNKNOWN"))
    if code in {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"}:
        raise ConfigError(
            "The homeserver no longer knows this login of the bot: give it a new access token "
            "(MATRIX_ACCESS_TOKEN), or its password (MATRIX_PASSWORD), and start again."
        )
    retry = told.get("retry_after_ms")
    seconds = retry / 1000 if isinstance(retry, int | float) else 0.0
    # A page of a proxy in between is a failure of the server's, whatever its status says.
    failed = status if told or status >= FAILS else 502
    raise RefusedError(failed, code, str(told.get("error", ""))[:200], seconds)
