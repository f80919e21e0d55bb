"""What comes in from Discord: its events in their order, then what was missed, as messages."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import discord

from adapters.discord.acting import Actions
from adapters.discord.cursor import id_at
from adapters.discord.history import missed
from adapters.discord.reading import Kind, Place, Reader
from adapters.discord.standing import Standing
from bot.domain import Message
from bot.ports import Mailbox

KEEP = timedelta(minutes=1)
"""How often the cursor is kept while nothing is said to the bot."""
AUTHORS = 20_000
"""Messages whose author is remembered, for Discord does not say whose message was deleted."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Stands in the queue where events may be missing: the connection is a new one."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """Stands in the queue for a message that is nobody's business."""

    id: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Stands in the queue where nothing will come any more, and says why."""

    error: BaseException | None


Arrival: TypeAlias = Message | discord.Message | Gap | Seen


@dataclass
class Arrivals:
    """Listens to a client; `messages` gives what is meant for the bot."""

    client: discord.Client
    actions: Actions
    standing: Standing
    mailbox: Mailbox
    reader: Reader
    guilds: tuple[str, ...] = ()
    """Ids of the servers that are served; empty for all."""
    _queue: asyncio.Queue[Arrival | Ended] = field(default_factory=asyncio.Queue)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _authors: dict[int, str] = field(default_factory=dict)
    _listening: bool = False
    _kept: datetime = field(default_factory=discord.utils.utcnow)

    def __post_init__(self) -> None:
        """Listen."""
        handlers = {
            "on_connect": self._on_connect,
            "on_ready": self._on_ready,
            "on_message": self._on_message,
            "on_raw_message_edit": self._on_edit,
            "on_raw_message_delete": self._on_delete,
            "on_raw_bulk_message_delete": self._on_bulk_delete,
            "on_interaction": self._on_interaction,
            "on_error": self._on_error,
        }
        for name, handler in handlers.items():
            setattr(self.client, name, handler)

    @property
    def idle(self) -> bool:
        """Whether all that came in was handed on, and is kept."""
        return self._listening and self._queue.empty()

    def end(self, error: BaseException | None) -> None:
        """Let `messages` end after what has come in, with *error* if there is one."""
        self._queue.put_nowait(Ended(error))

    async def messages(self) -> AsyncIterator[tuple[Message | None, str]]:
        """Yield what is said to the bot, each with the cursor after it."""
        while True:
            self._listening = True
            arrival = await self._queue.get()
            self._listening = False
            if isinstance(arrival, Ended):
                if arrival.error:
                    raise arrival.error
                return
            async for message, cursor in self._handed_on(arrival):
                yield message, cursor
                if message:
                    self.standing.keep(message.id)
            if token := self.standing.stale():
                await self.actions.point(self.client.application_id or 0, token, "")

    async def _handed_on(self, arrival: Arrival) -> AsyncIterator[tuple[Message | None, str]]:
        if isinstance(arrival, Gap):
            async for message in self._missed():
                yield message, str(self.standing.cursor)
            yield None, self.standing.seen(id_at(arrival.at))
        elif isinstance(arrival, Seen):
            if (now := discord.utils.utcnow()) - self._kept > KEEP:
                self._kept = now
                yield None, self.standing.seen(arrival.id)
        elif isinstance(arrival, Message):
            yield arrival, str(self.standing.cursor)
        elif made := await self._made(arrival):
            yield made, self.standing.seen(arrival.id)

    async def _made(self, message: discord.Message) -> Message | None:
        """Return *message* as the core has it, if it is meant for the bot."""
        place = await self._place(message.channel)
        if place is None:
            return None
        if place.kind is Kind.DIRECT:
            self.standing.spoke(int(place.id))
        known = place.kind is Kind.THREAD and await self._takes_part(message, place)
        made = self._reader.parse(message, place, known=known)
        if not made.addressed:
            return None
        self._remember(message.id, made.sender)
        return made

    async def _takes_part(self, message: discord.Message, place: Place) -> bool:
        """Return whether the thread of *place* is one of the bot's; then all of it is for it."""
        if not message.content:
            return False
        thread = message.channel
        own = isinstance(thread, discord.Thread) and thread.owner_id == self._reader.me
        return own or await self.mailbox.known(place.room)

    async def _missed(self) -> AsyncIterator[Message]:
        """Yield what was written before this connection; nothing before the very first one."""
        await self._ready.wait()
        cursor = self.standing.cursor
        if not cursor.since:
            return
        served = [guild for guild in self.client.guilds if self._serves(guild)]
        newest = cursor.since
        async for message in missed(self.client, served, cursor):
            newest = max(newest, message.id)
            if self._reader.concerns(message) and (made := await self._made(message)):
                yield made
        self.standing.seen(newest)

    def _remember(self, message: int, author: str) -> None:
        self._authors[message] = author
        if len(self._authors) > AUTHORS:
            del self._authors[next(iter(self._authors))]

    # ------------------------------------------------------------ events

    async def _on_connect(self) -> None:
        """Begin a new session: what happened since the last one never arrives by itself."""
        self._ready.clear()
        self._queue.put_nowait(Gap(discord.utils.utcnow()))

    async def _on_ready(self) -> None:
        self._ready.set()

    async def _on_message(self, message: discord.Message) -> None:
        if not self._serves(message.guild):
            return
        wanted = self._reader.concerns(message)
        self._queue.put_nowait(message if wanted else Seen(message.id))

    async def _on_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        message = event.message
        place = await self._place(message.channel) if self._serves(message.guild) else None
        if place and (edit := self._reader.edited(message, place)):
            self._queue.put_nowait(edit)

    async def _on_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        self._gone({event.message_id}, event.channel_id)

    async def _on_bulk_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        self._gone(event.message_ids, event.channel_id)

    def _gone(self, messages: set[int], channel_id: int) -> None:
        channel = self.client.get_channel(channel_id)
        place = self._reader.place(channel) or Place(Kind.DIRECT, str(channel_id))
        for message in sorted(messages):
            sender = self._authors.get(message, "")
            gone = self._reader.deleted(message, place, sender, discord.utils.utcnow())
            self._queue.put_nowait(gone)

    async def _on_interaction(self, interaction: discord.Interaction) -> None:
        served = self._serves(interaction.guild)
        place = await self._place(interaction.channel) if served else None
        asked = await self.actions.understood(interaction, place, self._reader)
        if asked is None:
            return
        promise = self.standing.owe(asked.message, interaction)
        self._queue.put_nowait(asked.message)
        # What is acknowledged is kept, so that a crash does not swallow it.
        await promise.when_kept()
        acknowledged = await self.actions.acknowledge(interaction, asked)
        if not acknowledged:
            self.standing.done(asked.message.id)
        promise.made.set()

    async def _on_error(self, event: str, *args: object, **values: object) -> None:
        """End with the error: an event that was not understood must not be lost in silence."""
        self.end(sys.exc_info()[1])

    @property
    def _reader(self) -> Reader:
        """The reader, which knows who the bot is once it is logged in."""
        user = self.client.user
        if user and user.id != self.reader.me:
            self.reader = self.reader.known_as(user.id)
        return self.reader

    def _serves(self, guild: discord.Guild | None) -> bool:
        return guild is None or not self.guilds or str(guild.id) in self.guilds

    async def _place(self, channel: Any) -> Place | None:
        """Return what *channel* is; Discord is asked about one that it has not told of."""
        if isinstance(channel, discord.PartialMessageable) and channel.guild_id:
            try:
                channel = await self.client.fetch_channel(channel.id)
            except discord.HTTPException:
                return None
        return self._reader.place(channel)
