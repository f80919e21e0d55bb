"""What comes in: opened, put in its place, and understood with what was said before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote

from adapters.matrix import events
from adapters.matrix.crypto import UnreadableError
from adapters.matrix.events import Event, Scene, Target
from adapters.matrix.house import House
from adapters.matrix.rooms import Place
from adapters.matrix.wire import V3, RefusedError
from bot.domain import Message, Room
from bot.ports import Mailbox

REMEMBERED = 5000
"""Earlier events that need not be looked up again."""
UNREADABLE = 200
"""Encrypted events that wait for their key, at most."""

K = TypeVar("K")
V = TypeVar("V")


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


class Notes(Protocol):
    """Says in a room what keeps the bot from reading there."""

    def unreadable(self, room: str, session: str) -> None:
        """Say, in a while and if it is still so, that the key of *session* is missing."""
        ...

    async def unencrypted(self, room: str) -> None:
        """Say that the room ought to be encrypted."""
        ...


@dataclass
class Reader:
    """Understands the events of all rooms, one after another."""

    house: House
    mailbox: Mailbox
    pseudonym: Callable[[str, str], str]
    platform: str
    notes: Notes
    _targets: Lately[str, Target] = field(default_factory=lambda: Lately(REMEMBERED))
    _ours: Lately[Room, bool] = field(default_factory=lambda: Lately(REMEMBERED))
    _pressed: Lately[str, bool] = field(default_factory=lambda: Lately(REMEMBERED))
    _sealed: dict[str, list[tuple[str, Event]]] = field(default_factory=dict)

    async def understood(self, event: Event, place: Place) -> Message | None:
        """Return what *event* means to the bot, if anything."""
        if event.get("sender") == self.house.me:
            return None
        if event.get("type") == "m.room.encrypted":
            try:
                event = self._decrypted(event, place)
            except UnreadableError as exc:
                self._keep(place, event, exc.session)
                return None
        elif self.house.options.encrypts(place.id) == "required" and not place.encrypted:
            if event.get("type") == "m.room.message":
                await self.notes.unencrypted(place.id)
            return None
        if event.get("type") not in {"m.room.message", "m.reaction", "m.room.redaction"}:
            return None
        return await self._parsed(event, self._scene(place))

    async def reopened(self) -> AsyncIterator[Message]:
        """Yield what could not be read before and now can."""
        for session in list(self._sealed):
            for room, event in self._sealed.pop(session):
                place = self.house.places.get(room)
                if place is None:
                    continue
                try:
                    opened = self._decrypted(event, place)
                except UnreadableError:
                    self._sealed.setdefault(session, []).append((room, event))
                    continue
                if message := await self._parsed(opened, self._scene(place)):
                    yield message

    def lacks(self, session: str) -> bool:
        """Return whether something of *session* still waits for its key."""
        return session in self._sealed

    def said(self, event: Event) -> None:
        """Remember what the bot said itself."""
        self._targets[str(event["event_id"])] = events.target(event)

    def was_pressed(self, message: str) -> bool:
        """Return whether *message* was a reaction, under which nothing can be written."""
        return bool(self._pressed.get(message))

    def _decrypted(self, event: Event, place: Place) -> Event:
        if self.house.crypto is None or self.house.options.encrypts(place.id) == "off":
            raise UnreadableError("")
        return self.house.crypto.opened(event, place.id)

    def _keep(self, place: Place, event: Event, session: str) -> None:
        """Keep an event for the time when its key comes."""
        waiting = self._sealed.setdefault(session, [])
        if not waiting:
            self.notes.unreadable(place.id, session)
        if sum(map(len, self._sealed.values())) < UNREADABLE:
            waiting.append((place.id, event))

    async def _parsed(self, event: Event, scene: Scene) -> Message | None:
        # Moderators answer a case by what they say in its thread, too.
        wanted = (events.root(event) if scene.moderators else None) or events.refers(event)
        about = await self._target(scene.room, wanted)
        home = events.home(event, scene, about)
        ours = events.root(event) is not None and await self._takes_part(home)
        message = events.parse(event, scene, about=about, ours=ours)
        if message is None:
            return None
        if message.edits and not await self.mailbox.received(self.platform, message.edits):
            return None
        self._remember(event, message)
        return message

    def _remember(self, event: Event, message: Message) -> None:
        if event.get("type") == "m.reaction":
            self._pressed[message.id] = True
        elif not message.edits:
            thread = message.room.id.partition(" ")[2] or None
            self._ours[message.room] = True
            sender = str(event.get("sender"))
            self._targets[message.id] = Target(id=message.id, sender=sender, root=thread)

    async def _takes_part(self, room: Room) -> bool:
        if not self._ours.get(room) and await self.mailbox.known(room):
            self._ours[room] = True
        return bool(self._ours.get(room))

    async def _target(self, room: str, wanted: str | None) -> Target | None:
        """Return the earlier event *wanted*; None where there is none, or none to be had."""
        if wanted is None or (known := self._targets.get(wanted)):
            return known if wanted else None
        path = f"{V3}/rooms/{quote(room)}/event/{quote(wanted)}"
        try:
            event: Event = await self.house.wire.insist("GET", path)
        except RefusedError:
            return None
        if event.get("type") == "m.room.encrypted":
            event = self._opened_if_possible(event, room)
        self._targets[wanted] = found = events.target(event)
        return found

    def _opened_if_possible(self, event: Event, room: str) -> Event:
        """Return *event* opened; sealed it still tells its thread, which is not secret."""
        try:
            return self._decrypted(event, self.house.places[room])
        except UnreadableError:
            return event

    def _scene(self, place: Place) -> Scene:
        bureau = place.id == self.house.bureau
        return Scene(
            platform=self.platform,
            room=place.id,
            me=self.house.me,
            name=self.house.options.name,
            prefix=self.house.options.prefix,
            pseudonym=self.pseudonym,
            direct=place.direct and not bureau,
            moderators=bureau,
        )
