"""Signs of attention: typing, read receipts, reactions to press. None is worth a delay."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from adapters.matrix.wire import TOO_MANY, V3, RefusedError, Wire
from bot.errors import DeliveryError

LOG = logging.getLogger(__name__)

TYPING_MS = 20_000
"""How long a room shows that the bot is at work, unless it says something before."""
WAITING = 200
"""Reactions that may wait to be put up: the words under a message say the same."""


@dataclass
class Signs:
    """Shows signs in the background; those that fail are not tried again."""

    wire: Wire
    me: str
    _busy: Counter[str] = field(default_factory=Counter)
    _shown: dict[str, float] = field(default_factory=dict)
    """When each room was shown that the bot is at work."""
    _read: dict[tuple[str, str], str] = field(default_factory=dict)
    _buttons: deque[tuple[str, str, str]] = field(default_factory=lambda: deque(maxlen=WAITING))
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def think(self, room: str) -> None:
        """Show that an answer is being made."""
        shown = self._shown.get(room)
        if shown is not None and self.wire.clock() - shown > TYPING_MS / 1000:
            # What was shown has gone by itself: some messages get no answer.
            del self._shown[room]
            self._busy[room] = 0
        self._busy[room] += 1
        self._news.set()

    def said(self, room: str) -> None:
        """Show that an answer has been given."""
        self._busy[room] -= 1
        if self._busy[room] <= 0:
            del self._busy[room]
            self._news.set()

    def read(self, room: str, thread: str | None, event: str) -> None:
        """Show that everything up to *event* has been read."""
        self._read[room, thread or "main"] = event
        self._news.set()

    def offer(self, room: str, event: str, symbols: Sequence[str]) -> None:
        """Put reactions under *event* for people to press."""
        self._buttons.extend((room, event, symbol) for symbol in symbols)
        self._news.set()

    async def show(self) -> None:
        """Show signs for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._round()
            except DeliveryError as exc:
                LOG.debug("A sign of attention was not shown: %s", exc)

    async def _round(self) -> None:
        async with asyncio.TaskGroup() as at_once:
            for room in [room for room in self._busy if room not in self._shown]:
                self._shown[room] = self.wire.clock()
                at_once.create_task(self._typing(room, typing=True))
        for room in [room for room in self._shown if room not in self._busy]:
            del self._shown[room]
            await self._typing(room, typing=False)
        while self._read:
            (room, thread), event = self._read.popitem()
            path = f"{V3}/rooms/{quote(room)}/receipt/m.read/{quote(event)}"
            await self._try("POST", path, {"thread_id": thread})
        while self._buttons and not self._urgent:
            await self._press(*self._buttons.popleft())

    @property
    def _urgent(self) -> bool:
        """Whether a room waits to be shown that the bot is at work."""
        return any(room not in self._shown for room in self._busy)

    async def _typing(self, room: str, *, typing: bool) -> None:
        path = f"{V3}/rooms/{quote(room)}/typing/{quote(self.me)}"
        await self._try(
            "PUT", path, {"typing": typing, **({"timeout": TYPING_MS} if typing else {})}
        )

    async def _press(self, room: str, event: str, symbol: str) -> None:
        if self.wire.limited:
            self._buttons.clear()
            return
        said = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": symbol}}
        transaction = f"{event[1:]}-{symbol}"
        path = f"{V3}/rooms/{quote(room)}/send/m.reaction/{quote(transaction, safe='')}"
        try:
            await self.wire.ask("PUT", path, said)
        except RefusedError as exc:
            if exc.status == TOO_MANY:
                self.wire.hush(exc.retry_s)

    async def _try(self, method: str, path: str, body: object) -> None:
        try:
            await self.wire.ask(method, path, body)
        except DeliveryError as exc:
            LOG.debug("A sign of attention was not shown: %s", exc)
