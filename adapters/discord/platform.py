"""The door to Discord: what comes in, in order and once; what goes out, once."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from adapters.discord.acting import Actions
from adapters.discord.cursor import Cursor, id_at
from adapters.discord.history import missed
from adapters.discord.menu import Menu, Words, same
from adapters.discord.reading import NAME, Kind, Place, Reader
from adapters.discord.rest import REFUSED, Rest
from adapters.discord.sending import Sender
from bot.domain import Command, Message, Reply, Room
from bot.domain import Kind as ReplyKind
from bot.errors import BotError, ConfigError, DeliveryError
from bot.ports import Mailbox

log = logging.getLogger(__name__)

SPARE = 50
"""Connections of a day under which a new one is put off, lest the token be reset."""
SILENCE = timedelta(minutes=2)
"""After this long a promised answer is taken back."""
KEEP = timedelta(minutes=1)
"""How often the cursor is kept while nothing is said to the bot."""
KEPT_WITHIN_S = 1.5
"""How long an acknowledgement waits for what it acknowledges: Discord waits for three seconds."""
AUTHORS = 20_000
"""Messages whose author is remembered, for Discord does not say whose message was deleted."""
CLOSED = {
    4004: REFUSED,
    4010: "Discord refuses the shard: look at discord.shards",
    4011: "Discord wants more shards: set discord.shards = 0",
    4012: "Discord does not know this version of its gateway any more: update Café Socrate",
    4013: "Discord does not know these intents: update Café Socrate",
    4014: "Discord refuses the Message Content intent: switch it on (Developer Portal, Bot) or "
    "set discord.message_content = false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an operator chooses; see docs/reference/settings.md."""

    guilds: tuple[str, ...] = ()
    moderators: str = ""
    role: str = ""
    message_content: bool = False
    shards: int = 1
    api: str = Route.BASE
    gateway: str = str(DiscordWebSocket.DEFAULT_GATEWAY)
    ready_s: float = 2.0
    """Seconds without news of another server after which all are thought to be known."""


class _Gap:
    """Stands in the queue where events may be missing: the connection is a new one."""


@dataclass
class _Seen:
    """Stands in the queue for a message that is nobody's business."""

    id: int


@dataclass
class _Ended:
    """Stands in the queue where nothing will come any more, and says why."""

    error: BaseException | None


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


@dataclass
class Discord:
    """The bot on Discord. As an async context manager it connects, and closes."""

    token: str = field(repr=False)
    mailbox: Mailbox
    menu: Mapping[str, tuple[Command, ...]]
    words: Words
    pseudonym: Callable[[str, str], str]
    language: str = "fr"
    options: Options = Options()
    name: str = NAME
    client: discord.Client = field(init=False)

    def __post_init__(self) -> None:
        """Build the client; nothing is sent yet."""
        self.client = _client(self.options)
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self._listening = self._loaded = False
        self._ready = asyncio.Event()
        self._cursor = Cursor()
        self._kept = discord.utils.utcnow()
        self._running: asyncio.Task[None] | None = None
        self._rest = Rest(self.client)
        self._menu = Menu(commands=self.menu, words=self.words, language=self.language)
        self._sender = Sender(self._rest, self.words, hint=not self.options.message_content)
        self._actions = Actions(self._menu, self.words, self._rest, self._sender, self.mailbox)
        self._authors: dict[int, str] = {}
        self._elsewhere: set[str] = set()
        self._promises: dict[str, Promise] = {}
        self._listen()

    @property
    def moderators(self) -> Room | None:
        """The channel in which moderators are shown cases."""
        return Room(NAME, self.options.moderators) if self.options.moderators else None

    @property
    def idle(self) -> bool:
        """Whether all that came in was handed on, and is kept."""
        return self._listening and self._events.empty()

    # ------------------------------------------------------------ connection

    async def __aenter__(self) -> Self:
        """Log in and connect.

        Raises:
            ConfigError: The token or a setting is refused.
            DeliveryError: Discord cannot be reached.
        """
        Route.BASE = self.options.api
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self.options.gateway)
        try:
            self._cursor = Cursor.read(await self.mailbox.cursor(NAME))
            self._loaded = True
            await self._log_in()
        except BaseException:
            await self.client.close()
            raise
        self._running = asyncio.create_task(self.client.connect(), name="discord gateway")
        self._running.add_done_callback(self._stopped)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self.client.close()
        if self._running:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _log_in(self) -> None:
        try:
            await self.client.login(self.token)
            _shards, _url, limit = await self.client.http.get_bot_gateway()
        except discord.LoginFailure as exc:
            raise ConfigError(REFUSED) from exc
        except (OSError, aiohttp.ClientError, discord.DiscordException) as exc:
            raise DeliveryError(f"Discord cannot be reached: {type(exc).__name__}") from exc
        await self._spare(limit["remaining"], limit["reset_after"] / 1000)

    async def _spare(self, remaining: int, reset_s: float) -> None:
        """Put a connection off where few of the day's are left: a crash loop must not use all."""
        if remaining == 0:
            minutes = round(reset_s / 60)
            raise ConfigError(f"Discord allows no more connections today: wait {minutes} minutes")
        if remaining < SPARE:
            wait_s = min(reset_s / remaining, 600)
            log.warning("Discord: %d connections left today; waiting %.0f s", remaining, wait_s)
            await self._rest.wait(wait_s)

    def _stopped(self, task: asyncio.Task[None]) -> None:
        self._events.put_nowait(_Ended(None if task.cancelled() else task.exception()))

    async def _set_up(self) -> None:
        """Tell Discord of the commands, if they are not the ones it has."""
        path, application = "/applications/{application_id}/commands", self.client.application_id
        ours = self._menu.payload()
        theirs = await self.client.http.request(
            Route("GET", path, application_id=application), params={"with_localizations": "true"}
        )
        if not same(ours, theirs):
            await self._rest.request(Route("PUT", path, application_id=application), json=ours)
            log.info("Discord: %d commands were made known", len(ours))

    # ------------------------------------------------------------ coming in

    def _listen(self) -> None:
        handlers = {
            "setup_hook": self._set_up,
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

    async def _on_connect(self) -> None:
        """Begin a new session: what happened since the last one never arrives by itself."""
        self._ready.clear()
        self._events.put_nowait(_Gap())

    async def _on_ready(self) -> None:
        self._ready.set()

    async def _on_message(self, message: discord.Message) -> None:
        if not self._serves(message.guild):
            return
        wanted = self._reader.concerns(message)
        self._events.put_nowait(message if wanted else _Seen(message.id))

    async def _on_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        message = event.message
        place = await self._place(message.channel) if self._serves(message.guild) else None
        if place and (edit := self._reader.edited(message, place)):
            self._events.put_nowait(edit)

    async def _on_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self._gone({event.message_id}, event.channel_id)

    async def _on_bulk_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        await self._gone(event.message_ids, event.channel_id)

    async def _gone(self, messages: set[int], channel_id: int) -> None:
        channel = self.client.get_channel(channel_id)
        place = self._reader.place(channel) or Place(Kind.DIRECT, str(channel_id))
        for message in sorted(messages):
            sender = self._authors.get(message, "")
            gone = self._reader.deleted(message, place, sender, discord.utils.utcnow())
            self._events.put_nowait(gone)

    async def _on_interaction(self, interaction: discord.Interaction) -> None:
        served = self._serves(interaction.guild)
        place = await self._place(interaction.channel) if served else None
        asked = await self._actions.understood(interaction, place, self._reader)
        if asked is None:
            return
        message = asked.message
        promise = Promise()
        self._promises[message.id] = promise
        self._cursor = self._cursor.opened(message.id, interaction.id, interaction.token)
        if str(interaction.channel_id) != message.room.id:
            self._elsewhere.add(message.id)
        self._events.put_nowait(message)
        # What is acknowledged is kept, so that a crash does not swallow it.
        await promise.when_kept()
        if not await self._actions.acknowledge(interaction, asked):
            self._cursor = self._cursor.closed(message.id)
            self._promises.pop(message.id, None)
        promise.made.set()

    async def _on_error(self, event: str, *args: object, **values: object) -> None:
        """End with the error: an event that was not understood must not be lost in silence."""
        self._events.put_nowait(_Ended(sys.exc_info()[1]))

    @property
    def _reader(self) -> Reader:
        if self._reads is None or self._reads.me != self._me:
            self._reads = Reader(
                me=self._me,
                moderators=self.options.moderators,
                role=int(self.options.role or 0),
                pseudonym=self.pseudonym,
            )
        return self._reads

    @property
    def _me(self) -> int:
        return self.client.user.id if self.client.user else 0

    _reads: Reader | None = field(default=None, init=False)

    def _serves(self, guild: discord.Guild | None) -> bool:
        allowed = self.options.guilds
        return guild is None or not allowed or str(guild.id) in allowed

    async def _place(self, channel: Any) -> Place | None:
        """Return what *channel* is; Discord is asked about one that it has not told of."""
        if isinstance(channel, discord.PartialMessageable) and channel.guild_id:
            try:
                channel = await self.client.fetch_channel(channel.id)
            except discord.HTTPException:
                return None
        return self._reader.place(channel)

    # ------------------------------------------------------------ handing on

    async def messages(self, cursor: str | None) -> AsyncIterator[tuple[Message | None, str]]:
        """Yield what is said to the bot since *cursor*, each with the cursor after it.

        Raises:
            ConfigError: Discord refuses the token or a setting.
        """
        self._sender.recovering = False
        if not self._loaded:
            self._cursor = Cursor.read(cursor).joined(self._cursor)
            self._loaded = True
        while True:
            self._listening = True
            event = await self._events.get()
            self._listening = False
            if isinstance(event, _Ended):
                self._end(event.error)
                return
            if isinstance(event, _Gap):
                async for message in self._missed():
                    yield message, str(self._cursor)
                yield None, self._after(id_at(discord.utils.utcnow()))
            elif isinstance(event, _Seen):
                if (now := discord.utils.utcnow()) - self._kept > KEEP:
                    self._kept = now
                    yield None, self._after(event.id)
            else:
                made = await self._made(event)
                if made:
                    yield made, self._after(int(made.id) if made.id.isdigit() else 0)
                    self._kept_now(made.id)
            await self._take_back()

    async def _made(self, event: Message | discord.Message) -> Message | None:
        """Return the message that *event* is, if it is meant for the bot."""
        if isinstance(event, Message):
            return event
        place = await self._place(event.channel)
        if place is None:
            return None
        if place.kind is Kind.DIRECT:
            self._cursor = self._cursor.spoke(int(place.id))
        known = place.kind is Kind.THREAD and await self._takes_part(event, place)
        message = self._reader.parse(event, place, known=known)
        if not message.addressed:
            return None
        self._remember(event.id, message.sender)
        return message

    async def _takes_part(self, message: discord.Message, place: Place) -> bool:
        """Return whether the thread of *place* is one of the bot's; then all of it is for it."""
        if not message.content:
            return False
        own = isinstance(message.channel, discord.Thread) and message.channel.owner_id == self._me
        return own or await self.mailbox.known(place.room)

    async def _missed(self) -> AsyncIterator[Message]:
        """Yield what was written before this connection; nothing before the very first one."""
        await self._ready.wait()
        if not self._cursor.since:
            return
        served = [guild for guild in self.client.guilds if self._serves(guild)]
        newest = self._cursor.since
        async for message in missed(self.client, served, self._cursor):
            newest = max(newest, message.id)
            if self._reader.concerns(message) and (made := await self._made(message)):
                yield made
        self._cursor = self._cursor.seen(newest)

    def _kept_now(self, message: str) -> None:
        if promise := self._promises.get(message):
            promise.kept.set()

    def _after(self, message: int) -> str:
        self._cursor = self._cursor.seen(message)
        return str(self._cursor)

    def _remember(self, message: int, author: str) -> None:
        self._authors[message] = author
        if len(self._authors) > AUTHORS:
            del self._authors[next(iter(self._authors))]

    def _end(self, error: BaseException | None) -> None:
        """Raise what ended the connection, in words that say what to do."""
        if isinstance(error, discord.PrivilegedIntentsRequired):
            raise ConfigError(CLOSED[4014]) from error
        if isinstance(error, discord.ConnectionClosed) and error.code in CLOSED:
            raise ConfigError(CLOSED[error.code]) from error
        if isinstance(error, BotError):
            raise error
        if error is not None:
            raise DeliveryError(f"Discord: {type(error).__name__} ended the connection") from error

    # ------------------------------------------------------------ going out

    async def send(self, reply: Reply) -> str:
        """Say *reply* once: to one person where it is private and they acted, or in its room.

        Raises:
            DeliveryError: Discord refuses; the message says what to grant.
        """
        token = await self._token(reply)
        here = reply.private and reply.to not in self._elsewhere
        if token and (here or self._in_a_channel(reply.room)):
            shown = await self._sender.whisper(reply, token, self.client.application_id or 0)
        elif reply.private and reply.document:
            return await self._sender.by_direct_message(reply)
        else:
            shown = await self._sender.post(reply)
            if token:
                await self._close(reply.to, token, reply)
        self._cursor = self._cursor.closed(reply.to) if token else self._cursor
        return shown

    async def _token(self, reply: Reply) -> str | None:
        """Return the token of the interaction that *reply* answers; a case answers none."""
        if reply.kind is ReplyKind.CASE:
            return None
        if promise := self._promises.pop(reply.to, None):
            await promise.made.wait()
        return self._cursor.token(reply.to)

    def _in_a_channel(self, room: Room) -> bool:
        """Return whether *room* is a whole channel, where only the asker is answered."""
        return isinstance(self.client.get_channel(int(room.id)), discord.TextChannel)

    async def _close(self, message: str, token: str, reply: Reply) -> None:
        """Put the way to the answer in place of the promise, or take the promise back."""
        text = ""
        if message in self._elsewhere:
            self._elsewhere.discard(message)
            text = self.words(reply.language, "discord.opened").format(thread=f"<#{reply.room.id}>")
        await self._actions.point(self.client.application_id or 0, token, text)

    async def _take_back(self) -> None:
        """Take back the oldest promise of an answer, if none came: the bot may stay silent."""
        message = self._cursor.unanswered(SILENCE)
        token = message and self._cursor.token(message)
        if message and token:
            self._cursor = self._cursor.closed(message)
            self._promises.pop(message, None)
            self._elsewhere.discard(message)
            await self._actions.point(self.client.application_id or 0, token, "")


def _client(options: Options) -> discord.Client:
    """Return a client that keeps nothing it need not, and asks for no privileged intent."""
    intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
    intents.message_content = options.message_content
    settings: dict[str, Any] = {
        "intents": intents,
        "allowed_mentions": discord.AllowedMentions.none(),
        "max_messages": None,
        "chunk_guilds_at_startup": False,
        "member_cache_flags": discord.MemberCacheFlags.none(),
        "guild_ready_timeout": options.ready_s,
    }
    if options.shards == 1:
        return discord.Client(**settings)
    return discord.AutoShardedClient(shard_count=options.shards or None, **settings)
