"""Where the bot stands on Discord: what it has seen, and to whom it owes an answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import discord

from adapters.discord.cursor import Cursor
from bot.domain import Message

KEPT_WITHIN_S = 1.5
"""How long an acknowledgement waits for what it acknowledges: Discord waits for three seconds."""
SILENCE = timedelta(minutes=2)
"""After this long a promised answer is taken back."""


class Promise:
    """An acknowledgement that waits for what it acknowledges to be kept."""

    def __init__(self) -> None:
        """Begin with neither kept nor acknowledged."""
        self.kept = asyncio.Event()
        self.made = asyncio.Event()

    async def when_kept(self) -> None:
        """Wait until it is kept, but no longer than Discord can wait."""
        with suppress(TimeoutError):
            async with asyncio.timeout(KEPT_WITHIN_S):
                await self.kept.wait()


class Standing:
    """The cursor as it moves, and the interactions that wait for an answer."""

    def __init__(self) -> None:
        """Begin before anything was seen."""
        self.cursor = Cursor()
        self._read = False
        self._promises: dict[str, Promise] = {}
        self._elsewhere: set[str] = set()

    def read(self, stored: str | None) -> None:
        """Take up the *stored* cursor, once."""
        if not self._read:
            self.cursor = Cursor.read(stored).joined(self.cursor)
            self._read = True

    def seen(self, message: int) -> str:
        """Return the cursor to keep once *message* was seen."""
        self.cursor = self.cursor.seen(message)
        return str(self.cursor)

    def spoke(self, channel: int) -> None:
        """Remember a direct conversation."""
        self.cursor = self.cursor.spoke(channel)

    def owe(self, message: Message, interaction: discord.Interaction) -> Promise:
        """Return the promise to answer *message*, which *interaction* is."""
        promise = self._promises[message.id] = Promise()
        self.cursor = self.cursor.opened(message.id, interaction.id, interaction.token)
        if str(interaction.channel_id) != message.room.id:
            self._elsewhere.add(message.id)
        return promise

    def keep(self, message: str) -> None:
        """Tell that *message* is kept."""
        if promise := self._promises.get(message):
            promise.kept.set()

    async def token(self, message: str) -> str | None:
        """Return what answers the interaction of *message*, once it is acknowledged."""
        if promise := self._promises.get(message):
            await promise.made.wait()
        return self.cursor.token(message)

    def elsewhere(self, message: str) -> bool:
        """Return whether the interaction of *message* took place outside its room."""
        return message in self._elsewhere

    def done(self, message: str) -> None:
        """Forget the interaction of *message*: nothing is owed any more."""
        self.cursor = self.cursor.closed(message)
        self._promises.pop(message, None)
        self._elsewhere.discard(message)

    def stale(self) -> str | None:
        """Return the token of a promise that was not kept for `SILENCE`, and forget it."""
        message = self.cursor.unanswered(SILENCE)
        token = self.cursor.token(message) if message else None
        if message:
            self.done(message)
        return token
