"""Matrix as a platform of the bot: everything comes in once, every reply goes out once."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import quote

from nio import AsyncClient, AsyncClientConfig
from nio.store import SqliteStore

from adapters.matrix import content, events, rooms
from adapters.matrix.crypto import Crypto, UnreadableError
from adapters.matrix.events import Event, Scene, Target
from adapters.matrix.login import Account, Login, introduce, log_in, open_folder, store_key
from adapters.matrix.private import Private
from adapters.matrix.rooms import Guests, Place
from adapters.matrix.signing import vouch
from adapters.matrix.signs import Signs
from adapters.matrix.sync import Sync
from adapters.matrix.verification import Verification
from adapters.matrix.wire import V3, RefusedError, UnreachableError, Wire
from bot.domain import Message, Reply, Room
from bot.errors import ConfigError, DeliveryError
from bot.ports import Mailbox

LOG = logging.getLogger(__name__)
# It tells whole events at some levels: what a citizen wrote belongs in no log.
logging.getLogger("nio").setLevel(logging.CRITICAL + 1)

REMEMBERED = 5000
"""Earlier events that need not be looked up again."""
UNREADABLE = 200
"""Encrypted events that wait for their key, at most."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the operator chose; see ``[matrix]`` in docs/reference/settings.md."""

    account: Account
    store: Path
    recovery: Path
    recovery_key: str = ""
    encryption: str = "optional"
    room_encryption: Mapping[str, str] = field(default_factory=dict)
    rooms: Sequence[str] = ()
    inviters: Sequence[str] = ()
    moderators: str = ""
    name: str = ""
    avatar: Path | None = None
    prefix: str = "!socrate"
    buttons: int = 0
    longest_gap: int = 5000
    key_wait: float = 10.0

    def encrypts(self, room: str) -> str:
        """Return ``off``, ``optional`` or ``required`` for *room*."""
        return self.room_encryption.get(room, self.encryption)


class Lately(Generic[K, V]):
    """The latest things only."""

    def __init__(self, most: int) -> None:
        """Keep *most* things."""
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def get(self, key: K) -> V | None:
        """Return what is kept under *key*, if anything."""
        return self._kept.get(key)


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
        self._words = lambda key: words(language, f"matrix.{key}")
        self._chance, self._clock = chance, clock
        self._places: dict[str, Place] = {}
        self._targets: Lately[str, Target] = Lately(REMEMBERED)
        self._ours: Lately[Room, bool] = Lately(REMEMBERED)
        self._pressed: Lately[str, bool] = Lately(REMEMBERED)
        self._sealed: dict[str, list[tuple[str, Event]]] = {}
        self._told: set[str] = set()
        self._stack = AsyncExitStack()
        self._crypto: Crypto | None = None

    @property
    def moderators(self) -> Room | None:
        """Where cases are posted, if a room was named for it."""
        return Room(self.name, self._bureau) if self._bureau else None

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._signing.cancel()
        await self._stack.__aexit__(kind, exc, traceback)

    async def messages(self, cursor: str | None) -> AsyncIterator[tuple[Message | None, str]]:
        """Yield what is said to the bot since *cursor*; at the very start, since now."""
        batch, since = self._first, cursor
        if self._first_since != cursor:
            batch = await self._sync.first(cursor)
        while True:
            async for message in self._batch(batch, since):
                self._attend(message)
                yield message, str(since)
            since = str(batch["next_batch"])
            yield None, since
            batch = await self._sync.next(since)
            await self._learn(batch)

    async def send(self, reply: Reply) -> str:
        """Post *reply*, once for each ``send_id``.

        It waits for a homeserver that is away or asks for patience.

        Raises:
            DeliveryError: The homeserver will not have it.
        """
        room = reply.room.id.partition(" ")[0]
        if reply.document and not (await self._entered(room)).direct:
            return await self._private.send(reply, room)
        answers = reply.to if reply.to.startswith("$") and not self._pressed.get(reply.to) else None
        said = content.message(reply, answers=answers)
        sent = await self.post(room, said, reply.send_id)
        self._targets[sent] = events.target(
            {
                "event_id": sent,
                "sender": self._login.user,
                "type": "m.room.message",
                "content": said,
            }
        )
        if reply.document:
            await self._private.attach(room, reply)
        self._signs.said(room)
        self._signs.offer(
            room, sent, [a.symbol for a in reply.actions if a.symbol][: self.options.buttons]
        )
        return sent

    async def post(self, room: str, said: Mapping[str, Any], transaction: str) -> str:
        """Send a message as the room asks for it, encrypted or not; return its id.

        Raises:
            DeliveryError: The bot is not in that room, or the homeserver will not have it.
        """
        kind: str = "m.room.message"
        if (await self._entered(room)).encrypted:
            if self._crypto is None:
                raise DeliveryError("the room is encrypted, and matrix.encryption is off")
            kind, said = await self._crypto.sealed(room, said)
        return await self._wire.put_event(room, kind, transaction, said)

    def encrypted(self, room: str) -> bool:
        """Return whether *room* is encrypted."""
        return self._place(room).encrypted

    def enter(self, room: str) -> None:
        """Take note of a room that was just made for a person and the bot."""
        self._places.setdefault(room, Place(room, joined=2))

    async def _open(self) -> None:
        options, stack = self.options, self._stack
        open_folder(options.store)
        self._wire = Wire(self._client(), self._chance, self._clock)
        stack.push_async_callback(self._wire.client.close)
        self._login = await log_in(self._wire, options.account, options.store)
        await self._unlock(self._login)
        self._sync = Sync(self._wire, self._login.user, options.longest_gap)
        self._signs = Signs(self._wire, self._login.user)
        await introduce(self._wire, self._login, options.name, options.avatar)
        await self._sync.prepare()
        listed = [await self._room_id(name) for name in options.rooms]
        self._bureau = await self._room_id(options.moderators) if options.moderators else ""
        self._guests = Guests(rooms=(*listed, self._bureau), inviters=options.inviters)
        self._private = Private(self._wire, self, self._pseudonym)
        self._first_since = await self._mailbox.cursor(self.name)
        self._first = await self._sync.first(self._first_since)
        await self._learn(self._first)
        await self._visit(listed)
        self._tasks = await stack.enter_async_context(asyncio.TaskGroup())
        self._signing = self._tasks.create_task(self._signs.show())

    def _client(self) -> AsyncClient:
        crypto = self.options.encryption != "off" or any(
            mode != "off" for mode in self.options.room_encryption.values()
        )
        config = AsyncClientConfig(
            encryption_enabled=crypto,
            store=SqliteStore if crypto else None,
            store_sync_tokens=False,
            pickle_key=store_key(self.options.store) if crypto else "",
        )
        homeserver = self.options.account.homeserver.rstrip("/")
        return AsyncClient(homeserver, store_path=str(self.options.store), config=config)

    async def _unlock(self, login: Login) -> None:
        client = self._wire.client
        client.user_id = client.user = login.user
        client.device_id, client.access_token = login.device, login.token
        if not client.config.encryption_enabled:
            return
        try:
            client.load_store()
        except Exception as exc:
            raise ConfigError(
                f"matrix.store: the keys in {self.options.store} cannot be opened "
                f"({type(exc).__name__}). Restore store.key, or log in anew without the folder."
            ) from exc
        self._crypto = Crypto(self._wire)
        known = await self._crypto.publish()
        problem = await vouch(self._wire, known, self.options.recovery, self.options.recovery_key)
        if problem:
            LOG.warning("Matrix: the bot's device is not signed: %s.", problem)
        Verification(self._crypto, self._leads_anywhere, self._show).watch()

    async def _room_id(self, name: str) -> str:
        if not name.startswith("#"):
            return name
        return str(
            (await self._wire.insist("GET", f"{V3}/directory/room/{quote(name)}"))["room_id"]
        )

    async def _visit(self, listed: Sequence[str]) -> None:
        """Join the rooms that the operator listed, where that is possible."""
        for room in (*listed, self._bureau):
            if room and room not in self._places:
                await self._join(room)

    async def _join(self, room: str) -> None:
        try:
            await self._wire.ask("POST", f"{V3}/join/{quote(room)}", {})
        except (RefusedError, UnreachableError) as exc:
            LOG.warning("Matrix: the bot cannot join %s: %s", room, exc)

    async def _learn(self, batch: Mapping[str, Any]) -> None:
        """Take in who is where, and which keys came, before anything is read or said."""
        for room, section in batch.get("rooms", {}).get("join", {}).items():
            place = self._places.setdefault(room, Place(room))
            place.count(section.get("summary", {}))
            came = [*section.get("state", {}).get("events", ()), *_timeline(section)]
            for event in came:
                if "state_key" in event:
                    place.learn(event)
            cut = section.get("timeline", {}).get("limited")
            if self._crypto and (cut or any(e.get("type") == "m.room.member" for e in came)):
                self._crypto.changed(room)
        for room in batch.get("rooms", {}).get("leave", {}):
            self._places.pop(room, None)
        if self._crypto:
            await self._crypto.take(batch)

    async def _batch(self, batch: Mapping[str, Any], since: str | None) -> AsyncIterator[Message]:
        """Yield what was said, room by room; at the very start everything is history."""
        parts = batch.get("rooms", {})
        for room, invitation in parts.get("invite", {}).items():
            await self._invited(room, invitation)
        if since is None:
            return
        async for message in self._reopened():
            yield message
        for room, section in parts.get("join", {}).items():
            news, lost = await self._sync.since_arrival(room, section.get("timeline", {}), since)
            if lost:
                LOG.warning("Matrix: older messages of %s are left out: the gap is too long.", room)
            for event in news:
                if found := await self._understood(event, self._place(room)):
                    yield found
            if any(map(rooms.departs, news)):
                await self._leave_if_last(room)

    async def _invited(self, room: str, invitation: Mapping[str, Any]) -> None:
        who = rooms.inviter(invitation, self._login.user)
        if self._guests.welcome(room, who) and not self._shut(room, invitation):
            await self._join(room)
            return
        try:
            await self._wire.ask("POST", f"{V3}/rooms/{quote(room)}/leave", {})
        except (RefusedError, UnreachableError) as exc:
            LOG.warning("Matrix: an invitation could not be declined: %s", exc)

    def _shut(self, room: str, invitation: Mapping[str, Any]) -> bool:
        """Return whether the room speaks in a way that the operator ruled out."""
        told = invitation.get("invite_state", {}).get("events", ())
        encrypted = any(event.get("type") == "m.room.encryption" for event in told)
        return encrypted and self.options.encrypts(room) == "off"

    async def _leave_if_last(self, room: str) -> None:
        if room != self._bureau and self._place(room).empty:
            await self._wire.insist("POST", f"{V3}/rooms/{quote(room)}/leave", {})
            self._places.pop(room, None)

    async def _understood(self, event: Event, place: Place) -> Message | None:
        """Return what *event* means to the bot, if anything."""
        if event.get("sender") == self._login.user:
            return None
        if event.get("type") == "m.room.encrypted":
            try:
                event = self._decrypted(event, place)
            except UnreadableError as exc:
                await self._keep_sealed(place, event, exc.session)
                return None
        elif self.options.encrypts(place.id) == "required" and not place.encrypted:
            await self._refuse_plain(event, place)
            return None
        if event.get("type") not in {"m.room.message", "m.reaction", "m.room.redaction"}:
            return None
        return await self._parsed(event, self._scene(place))

    def _decrypted(self, event: Event, place: Place) -> Event:
        if self._crypto is None or self.options.encrypts(place.id) == "off":
            raise UnreadableError("")
        return self._crypto.opened(event, place.id)

    async def _parsed(self, event: Event, scene: Scene) -> Message | None:
        # Moderators answer a case by what they say in its thread, too.
        wanted = (events.root(event) if scene.moderators else None) or events.refers(event)
        about = await self._target(scene.room, wanted)
        home = events.home(event, scene, about)
        ours = events.root(event) is not None and await self._takes_part(home)
        message = events.parse(event, scene, about=about, ours=ours)
        if message is None:
            return None
        if message.edits and not await self._mailbox.received(self.name, message.edits):
            return None
        self._remember(event, message)
        return message

    def _remember(self, event: Event, message: Message) -> None:
        if event.get("type") == "m.reaction":
            self._pressed[message.id] = True
        elif not message.edits:
            thread = message.room.id.partition(" ")[2] or None
            self._ours[message.room] = True
            self._targets[message.id] = Target(
                id=message.id, sender=str(event.get("sender")), root=thread
            )

    async def _takes_part(self, room: Room) -> bool:
        if not self._ours.get(room) and await self._mailbox.known(room):
            self._ours[room] = True
        return bool(self._ours.get(room))

    async def _target(self, room: str, wanted: str | None) -> Target | None:
        """Return the earlier event *wanted*; None where there is none, or none that is readable."""
        if wanted is None or (known := self._targets.get(wanted)):
            return known if wanted else None
        path = f"{V3}/rooms/{quote(room)}/event/{quote(wanted)}"
        try:
            event: Event = await self._wire.insist("GET", path)
            if event.get("type") == "m.room.encrypted":
                # Without the key the relation, which is not secret, still tells the thread.
                event = self._opened_if_possible(event, room)
        except RefusedError:
            return None
        self._targets[wanted] = found = events.target(event)
        return found

    def _opened_if_possible(self, event: Event, room: str) -> Event:
        try:
            return self._decrypted(event, self._place(room))
        except UnreadableError:
            return event

    def _scene(self, place: Place) -> Scene:
        return Scene(
            platform=self.name,
            room=place.id,
            me=self._login.user,
            name=self.options.name,
            prefix=self.options.prefix,
            pseudonym=self._pseudonym,
            direct=place.direct and place.id != self._bureau,
            moderators=place.id == self._bureau,
        )

    def _place(self, room: str) -> Place:
        place = self._places.get(room)
        if place is None:
            raise DeliveryError("the bot is no longer in that room")
        return place

    async def _entered(self, room: str) -> Place:
        """Return how *room* stands, also where no news of it has come yet."""
        if room not in self._places:
            place = Place(room)
            path = f"{V3}/rooms/{quote(room)}/state"
            for event in (await self._wire.insist("GET", path))["list"]:
                place.learn(event)
            self._places[room] = place
        return self._places[room]

    def _attend(self, message: Message) -> None:
        """Show that *message* was read and is being answered."""
        room, _, thread = message.room.id.partition(" ")
        if message.edits:
            return
        self._signs.think(room)
        if message.command is None:
            self._signs.read(room, thread if thread != message.id else None, message.id)

    async def _keep_sealed(self, place: Place, event: Event, session: str) -> None:
        """Keep an event for the time when its key comes; say once that it cannot be read."""
        waiting = self._sealed.setdefault(session, [])
        if sum(map(len, self._sealed.values())) < UNREADABLE:
            waiting.append((place.id, event))
        if session not in self._told:
            self._told.add(session)
            self._tasks.create_task(self._say_unreadable(place, session))

    async def _say_unreadable(self, place: Place, session: str) -> None:
        await asyncio.sleep(self.options.key_wait)
        if session not in self._sealed or self._crypto is None:
            return
        LOG.warning("Matrix: a message in %s cannot be decrypted.", place.id)
        await self._say_once(place, "unreadable", session)

    async def _refuse_plain(self, event: Event, place: Place) -> None:
        if event.get("type") == "m.room.message" and place.id not in self._told:
            self._told.add(place.id)
            await self._say_once(place, "needs-encryption", "")

    async def _say_once(self, place: Place, key: str, occasion: str) -> None:
        transaction = sha256(f"{key}\n{place.id}\n{occasion}".encode()).hexdigest()[:24]
        try:
            await self.post(place.id, content.notice(self._words(key)), transaction)
        except DeliveryError as exc:
            LOG.warning("Matrix: a notice was not sent: %s", exc)

    async def _reopened(self) -> AsyncIterator[Message]:
        """Yield what could not be read before and now can."""
        for session in list(self._sealed):
            kept = self._sealed.pop(session)
            for room, event in kept:
                try:
                    opened = self._decrypted(event, self._place(room))
                except UnreadableError:
                    self._sealed.setdefault(session, []).append((room, event))
                    continue
                except DeliveryError:
                    continue
                if found := await self._parsed(opened, self._scene(self._place(room))):
                    yield found

    async def _leads_anywhere(self, user: str) -> bool:
        """Return whether *user* is one of those who answer for the debate."""
        if self._bureau not in self._places:
            return any(place.leads(user) for place in self._places.values() if not place.direct)
        path = f"{V3}/rooms/{quote(self._bureau)}/joined_members"
        return user in (await self._wire.insist("GET", path)).get("joined", {})

    async def _show(self, symbols: str) -> None:
        """Show the symbols of a verification where those who answer for the debate see them."""
        LOG.warning("Matrix: a moderator verifies the bot; they should see: %s", symbols)


def _timeline(section: Mapping[str, Any]) -> Sequence[Event]:
    found: Sequence[Event] = section.get("timeline", {}).get("events", ())
    return found
