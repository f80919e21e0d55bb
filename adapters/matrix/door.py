"""Matrix as a platform of the bot: everything comes in once, every reply goes out once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from hashlib import sha256
from types import TracebackType
from typing import Any, Self

from nio import AsyncClient, AsyncClientConfig
from nio.store import SqliteStore

from adapters.matrix import content
from adapters.matrix.crypto import Crypto
from adapters.matrix.house import House
from adapters.matrix.login import Login, introduce, log_in, open_folder, store_key
from adapters.matrix.options import Options
from adapters.matrix.private import Private
from adapters.matrix.reader import Reader
from adapters.matrix.signing import vouch
from adapters.matrix.signs import Signs
from adapters.matrix.sync import Sync
from adapters.matrix.verification import Verification
from adapters.matrix.wire import Wire
from bot.domain import Message, Reply, Room
from bot.errors import ConfigError, DeliveryError
from bot.ports import Mailbox

LOG = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds after which the position is kept, even if nothing was said to the bot."""
COMPLAINTS = 20
"""How often the bot says in a room that it cannot read something, in one run."""
# It tells whole events at some levels: what a citizen wrote belongs in no log.
logging.getLogger("nio").setLevel(logging.CRITICAL + 1)


class Matrix:
    """One account on one homeserver. Use it as an async context manager.

    Raises, when it is entered or later:
        ConfigError: The homeserver does not accept the login, or no longer.
    """

    name = "matrix"

    def __init__(
        self,
        options: Options,
        *,
        mailbox: Mailbox,
        pseudonym: Callable[[str, str], str],
        words: Callable[[str, str], str],
        language: str,
        chance: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        """Prepare; nothing is opened yet. *words* gives a text by language and key."""
        self.options = options
        self._mailbox = mailbox
        self._pseudonym = pseudonym
        self._words, self._language = words, language
        self._told: set[str] = set()
        self._complaints: Counter[str] = Counter()
        self._stack = AsyncExitStack()
        self.wire = Wire(new_client(options), chance, clock)
        self.crypto: Crypto | None = None

    @property
    def moderators(self) -> Room | None:
        """Where cases are posted, if a room was named for it."""
        return Room(self.name, self.house.bureau) if self.house.bureau else None

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:  # whatever it is, a stop included: nothing stays open
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._showing.cancel()
        await self._stack.__aexit__(kind, exc, traceback)

    async def messages(self, cursor: str | None) -> AsyncIterator[tuple[Message | None, str]]:
        """Yield what is said to the bot since *cursor*; at the very start, since now."""
        batch, since = self._first, cursor
        kept: float | None = None
        if self._first_since != cursor:
            batch = await self._sync.first(cursor)
        while True:
            last: Message | None = None
            async for message in self._batch(batch, since):
                self._attend(message)
                if last:
                    yield last, str(since)
                last = message
            since = str(batch["next_batch"])
            if last or kept is None or self.wire.clock() - kept > EVERY:
                # What is read again after a crash is known by its id.
                yield last, since
                kept = self.wire.clock()
            batch = await self._sync.next(since)
            await self._learn(batch)

    async def send(self, reply: Reply) -> str:
        """Post *reply*, once for each ``send_id``.

        It waits for a homeserver that is away or asks for patience.

        Raises:
            DeliveryError: The homeserver will not have it.
        """
        room = reply.room.id.partition(" ")[0]
        if reply.document:
            return await self._private.send(reply, room)
        stands_under = reply.to.startswith("$") and not self._reader.was_pressed(reply.to)
        said = content.message(reply, answers=reply.to if stands_under else None)
        sent = await self.post(room, said, reply.send_id)
        me = self.house.me
        self._reader.said(
            {"event_id": sent, "sender": me, "type": "m.room.message", "content": said}
        )
        self._signs.said(room)
        symbols = [action.symbol for action in reply.actions if action.symbol]
        self._signs.offer(room, sent, symbols[: self.options.buttons])
        return sent

    async def post(self, room: str, said: Mapping[str, Any], transaction: str) -> str:
        """Send a message as the room asks for it, encrypted or not; return its id.

        Raises:
            DeliveryError: The bot is not in that room, or the homeserver will not have it.
        """
        kind: str = "m.room.message"
        if await self.house.encrypted(room):
            if self.crypto is None:
                raise DeliveryError("the room is encrypted, and matrix.encryption is off")
            kind, said = await self.crypto.sealed(room, said)
        return await self.wire.put_event(room, kind, transaction, said)

    async def _open(self) -> None:
        options, stack = self.options, self._stack
        stack.push_async_callback(self.wire.client.close)
        self.login = await sign_in(self.wire, options)
        self.crypto = await self._unlock(self.login)
        self._signs = Signs(self.wire, self.login.user)
        self._sync = Sync(self.wire, self.login.user, options.longest_gap)
        self.house = House(self.wire, self.login.user, options, self.crypto)
        if self.crypto:
            Verification(self.crypto, self.house.leads, _show).watch()
        self._reader = Reader(self.house, self._mailbox, self._pseudonym, self.name, self)
        self._private = Private(self.wire, self.house, self, self._pseudonym)
        await introduce(self.wire, self.login, options.name, options.avatar)
        await self._sync.prepare()
        await self.house.open()
        self._first_since = await self._mailbox.cursor(self.name)
        self._first = await self._sync.first(self._first_since)
        await self._learn(self._first)
        await self.house.visit()
        self._tasks = await stack.enter_async_context(asyncio.TaskGroup())
        self._showing = self._tasks.create_task(self._signs.show())

    async def _unlock(self, login: Login) -> Crypto | None:
        """Open the store of keys and have the account vouch for the device."""
        if not self.options.encrypts_anywhere:
            return None
        crypto = unlocked(self.wire, self.options)
        known = await crypto.publish()
        problem = await vouch(self.wire, known, self.options.recovery, self.options.recovery_key)
        if problem:
            LOG.warning("Matrix: the bot's device is not signed: %s.", problem)
        return crypto

    async def _learn(self, batch: Mapping[str, Any]) -> None:
        """Take in who is where, and which keys came, before anything is read or said."""
        self.house.learn(batch)
        if self.crypto:
            await self.crypto.take(batch)

    async def _batch(self, batch: Mapping[str, Any], since: str | None) -> AsyncIterator[Message]:
        """Yield what was said, room by room; at the very start everything is history."""
        parts = batch.get("rooms", {})
        for room, invitation in parts.get("invite", {}).items():
            await self.house.invited(room, invitation)
        if since is None:
            return
        async for message in self._reader.reopened():
            yield message
        for room, section in parts.get("join", {}).items():
            news, lost = await self._sync.since_arrival(room, section.get("timeline", {}), since)
            if lost:
                LOG.warning("Matrix: older messages of %s are left out: the gap is too long.", room)
            place = await self.house.entered(room)
            for event in news:
                if found := await self._reader.understood(event, place):
                    yield found
            await self.house.leave_if_last(room, news)

    def _attend(self, message: Message) -> None:
        """Show that *message* was read and is being answered."""
        room, _, thread = message.room.id.partition(" ")
        if message.edits:
            return
        self._signs.think(room)
        if message.command is None:
            self._signs.read(room, thread if thread != message.id else None, message.id)

    def unreadable(self, room: str, session: str) -> None:
        """Say once, in a while and if it is still so, that the key of *session* is missing."""
        # Whoever makes up sessions must not make the bot talk for ever.
        if session not in self._told and self._complaints[room] < COMPLAINTS:
            self._complaints[room] += 1
            self._told.add(session)
            self._tasks.create_task(self._say_unreadable(room, session))

    async def unencrypted(self, room: str) -> None:
        """Say once that the room ought to be encrypted."""
        if room not in self._told:
            self._told.add(room)
            await self._say_once(room, "needs-encryption", "")

    async def _say_unreadable(self, room: str, session: str) -> None:
        await asyncio.sleep(self.options.key_wait)
        if self._reader.lacks(session) and self.crypto:
            LOG.warning("Matrix: a message in %s cannot be decrypted.", room)
            await self._say_once(room, "unreadable", session)

    async def _say_once(self, room: str, key: str, occasion: str) -> None:
        transaction = sha256(f"{key}\n{room}\n{occasion}".encode()).hexdigest()[:24]
        text = self._words(self._language, f"matrix.{key}")
        try:
            await self.post(room, content.notice(text), transaction)
        except DeliveryError as exc:
            LOG.warning("Matrix: a notice was not sent: %s", exc)


def new_client(options: Options) -> AsyncClient:
    """Return a client for the homeserver that *options* name."""
    config = AsyncClientConfig(
        encryption_enabled=options.encrypts_anywhere,
        store=SqliteStore if options.encrypts_anywhere else None,
        # Our own position is stored together with the messages it stands for.
        store_sync_tokens=False,
    )
    homeserver = options.account.homeserver.rstrip("/")
    return AsyncClient(homeserver, store_path=str(options.store), config=config)


async def sign_in(wire: Wire, options: Options) -> Login:
    """Log in, or take up the login of the last time.

    Raises:
        ConfigError: The homeserver does not accept it, or does not answer.
    """
    open_folder(options.store)
    wire.open()
    login = await log_in(wire, options.account, options.store)
    client = wire.client
    client.user_id = client.user = login.user
    client.device_id, client.access_token = login.device, login.token
    return login


def unlocked(wire: Wire, options: Options) -> Crypto:
    """Open the store of keys of whoever is logged in.

    Raises:
        ConfigError: It does not open.
    """
    client = wire.client
    client.config = AsyncClientConfig(
        encryption_enabled=True, store=SqliteStore, pickle_key=store_key(options.store)
    )
    try:
        client.load_store()
    except Exception as exc:  # the library tells damage by errors of many kinds
        raise ConfigError(
            f"matrix.store: the keys in {options.store} cannot be opened ({type(exc).__name__}). "
            "Restore store.key; or remove the folder, and log in anew."
        ) from exc
    return Crypto(wire)


async def _show(symbols: str) -> None:
    """Show the symbols of a verification to whoever runs the bot."""
    LOG.warning("Matrix: a moderator verifies the bot; they should see: %s", symbols)
