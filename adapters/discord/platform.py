"""The door to Discord: what comes in, in order and once; what goes out, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from adapters.discord.acting import Actions
from adapters.discord.arrivals import Arrivals
from adapters.discord.menu import Menu, Words, same
from adapters.discord.reading import NAME, Reader
from adapters.discord.rest import REFUSED, Rest
from adapters.discord.sending import Sender
from adapters.discord.standing import Standing
from bot.domain import Command, Kind, Message, Reply, Room
from bot.errors import BotError, ConfigError, DeliveryError
from bot.ports import Mailbox

log = logging.getLogger(__name__)

SPARE = 50
"""Connections of a day under which a new one is put off, lest the token be reset."""
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
        self._running: asyncio.Task[None] | None = None
        self._standing = Standing()
        self._rest = Rest(self.client)
        self._menu = Menu(commands=self.menu, words=self.words, language=self.language)
        self._sender = Sender(self._rest, self.words, hint=not self.options.message_content)
        self._actions = Actions(self._menu, self.words, self._rest, self._sender, self.mailbox)
        self._arrivals = Arrivals(
            client=self.client,
            actions=self._actions,
            standing=self._standing,
            mailbox=self.mailbox,
            reader=self._reader(),
            guilds=self.options.guilds,
        )
        setattr(self.client, "setup_hook", self._set_up)  # noqa: B010 - what it is for, says mypy

    @property
    def moderators(self) -> Room | None:
        """The channel in which moderators are shown cases."""
        return Room(NAME, self.options.moderators) if self.options.moderators else None

    @property
    def idle(self) -> bool:
        """Whether all that came in was handed on, and is kept."""
        return self._arrivals.idle

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
            self._standing.read(await self.mailbox.cursor(NAME))
            await self._log_in()
        except BaseException:  # whatever it is, a stop included: nothing stays open
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
        self._arrivals.end(None if task.cancelled() else task.exception())

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

    def _reader(self) -> Reader:
        return Reader(
            me=0,
            moderators=self.options.moderators,
            role=int(self.options.role or 0),
            pseudonym=self.pseudonym,
        )

    # ------------------------------------------------------------ in and out

    async def messages(self, cursor: str | None) -> AsyncIterator[tuple[Message | None, str]]:
        """Yield what is said to the bot since *cursor*, each with the cursor after it.

        Raises:
            ConfigError: Discord refuses the token or a setting.
            DeliveryError: The connection ended.
        """
        self._sender.recovering = False
        self._standing.read(cursor)
        try:
            async for message, after in self._arrivals.messages():
                yield message, after
        except discord.DiscordException as exc:
            raise _ended(exc) from exc

    async def send(self, reply: Reply) -> str:
        """Say *reply* once: to one person where it is private and they acted, or in its room.

        Raises:
            DeliveryError: Discord refuses; the message says what to grant.
        """
        # A case goes to moderators, whoever's act it came from.
        case = reply.kind is Kind.CASE
        token = None if case else await self._standing.token(reply.to)
        if token is None:
            return await self._say(reply)
        shown = await self._answered(reply, token)
        self._standing.done(reply.to)
        return shown

    async def _say(self, reply: Reply) -> str:
        if reply.private and reply.document:
            return await self._sender.by_direct_message(reply)
        return await self._sender.post(reply)

    async def _answered(self, reply: Reply, token: str) -> str:
        """Answer the interaction of *token*, alone with the person or in the room."""
        application = self.client.application_id or 0
        elsewhere = self._standing.elsewhere(reply.to)
        if self._in_a_channel(reply.room) or (reply.private and not elsewhere):
            try:
                return await self._sender.whisper(reply, token, application)
            except DeliveryError:
                return await self._say(reply)
        shown = await self._sender.post(reply)
        way = self.words(reply.language, "discord.opened").format(thread=f"<#{reply.room.id}>")
        await self._actions.point(application, token, way if elsewhere else "")
        return shown

    def _in_a_channel(self, room: Room) -> bool:
        """Return whether *room* is a whole channel, where only the asker is answered."""
        return isinstance(self.client.get_channel(int(room.id)), discord.TextChannel)


def _ended(error: discord.DiscordException) -> BotError:
    """Return what ended the connection, in words that say what to do."""
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return ConfigError(CLOSED[4014])
    if isinstance(error, discord.ConnectionClosed) and error.code in CLOSED:
        return ConfigError(CLOSED[error.code])
    return DeliveryError(f"Discord: {type(error).__name__} ended the connection")


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
