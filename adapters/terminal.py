"""A conversation in a terminal, or through a pipe."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TextIO
from uuid import uuid4

from bot.domain import Kind, Message, Reply, Room
from bot.errors import DeliveryError

PERSON = "terminal"
"""Everybody's pseudonym here: a terminal has one person."""


@dataclass
class Terminal:
    """Reads lines, writes replies. Each run is a room of its own."""

    words: Callable[[str, str], str]
    """Words of the book by language and key, for what is no reply."""
    language: str = "fr"
    source: TextIO = field(default_factory=lambda: sys.stdin)
    screen: TextIO = field(default_factory=lambda: sys.stdout)
    errors: TextIO = field(default_factory=lambda: sys.stderr)
    run: str = field(default_factory=lambda: uuid4().hex[:12])
    name: str = "terminal"
    moderators: Room | None = None
    _sent: set[str] = field(default_factory=set)
    _over: bool = False

    @property
    def room(self) -> Room:
        """The room of this run."""
        return Room(self.name, self.run)

    async def messages(self, cursor: str | None = None) -> AsyncIterator[tuple[Message, str]]:
        """Yield the opening, then each line, until the input ends or the person stops."""
        piped = not self.source.isatty()
        if piped:
            print(self.words(self.language, "terminal.piped-consent"), file=self.errors)
        opening = self._message(0, "")
        yield replace(opening, command="agree" if piped else None), f"{self.run}:0"
        number = 0
        while not self._over or piped:
            if not piped:
                print("\n> ", end="", file=self.screen, flush=True)
            line = await asyncio.to_thread(self.source.readline)
            if not line:
                break
            number += 1
            yield self._message(number, line.rstrip("\n")), f"{self.run}:{number}"
        if not piped:
            print(f"\n{self.words(self.language, 'notice.goodbye')}", file=self.screen)

    async def send(self, reply: Reply) -> str:
        """Print *reply* once."""
        if reply.room != self.room:
            raise DeliveryError("that conversation in a terminal is over")
        self.language = reply.language
        self._over = reply.kind is Kind.GOODBYE
        opening = reply.to == f"{self.run}:0" and not self.source.isatty()
        if reply.send_id not in self._sent and not opening:
            self._print(reply)
        self._sent.add(reply.send_id)
        return reply.send_id

    def _print(self, reply: Reply) -> None:
        print(_safe(reply.text), file=self.screen, flush=True)
        if reply.document:
            print(_safe(reply.document), file=self.screen, flush=True)
        if reply.actions and self.source.isatty() and reply.kind is not Kind.NOTICE:
            hint = self.words(reply.language, "terminal.actions")
            words = " · ".join(action.label for action in reply.actions)
            print(f"\033[2m{hint} {words}\033[0m", file=self.screen, flush=True)

    def _message(self, number: int, text: str) -> Message:
        return Message(
            id=f"{self.run}:{number}",
            room=self.room,
            sender=PERSON,
            text=text,
            sent_at=datetime.now(UTC),
            language=self.language if number == 0 and not self.source.isatty() else None,
        )


def _safe(text: str) -> str:
    """Return *text* without what a terminal would obey or cannot show."""
    shown = "".join(c for c in text if c == "\n" or c.isprintable() or c == "\u00a0")
    return shown.encode("utf-8", "replace").decode("utf-8")
