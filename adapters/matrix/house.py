"""The rooms the bot is in: how they stand, who may bring it there, when it goes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from adapters.matrix import rooms
from adapters.matrix.crypto import Crypto
from adapters.matrix.events import Event
from adapters.matrix.options import Options
from adapters.matrix.rooms import Guests, Place
from adapters.matrix.wire import V3, RefusedError, UnreachableError, Wire

LOG = logging.getLogger(__name__)


@dataclass
class House:
    """Keeps the rooms of one account."""

    wire: Wire
    me: str
    options: Options
    crypto: Crypto | None
    bureau: str = ""
    """Where cases are shown to moderators."""
    places: dict[str, Place] = field(default_factory=dict)
    _guests: Guests = field(default_factory=Guests)

    async def open(self) -> None:
        """Find out which rooms the operator's names stand for."""
        listed = [await self._id(name) for name in self.options.rooms]
        if self.options.moderators:
            self.bureau = await self._id(self.options.moderators)
            listed.append(self.bureau)
        self._guests = Guests(rooms=listed, inviters=self.options.inviters)

    async def visit(self) -> None:
        """Join the rooms that the operator listed, where that is possible."""
        for room in self._guests.rooms:
            if room not in self.places:
                await self._join(room)

    def learn(self, batch: Mapping[str, Any]) -> None:
        """Take in how rooms stand after *batch*."""
        for room, section in batch.get("rooms", {}).get("join", {}).items():
            place = self.places.setdefault(room, Place(room))
            place.count(section.get("summary", {}))
            came = [*section.get("state", {}).get("events", ()), *timeline(section)]
            for event in came:
                if "state_key" in event:
                    place.learn(event)
            cut = section.get("timeline", {}).get("limited")
            if self.crypto and (cut or any(e.get("type") == "m.room.member" for e in came)):
                self.crypto.changed(room)
        for room in batch.get("rooms", {}).get("leave", {}):
            self.places.pop(room, None)

    async def entered(self, room: str) -> Place:
        """Return how *room* stands, also where no news of it has come yet.

        Raises:
            RefusedError: The bot has never been there.
        """
        if room not in self.places:
            place = Place(room)
            path = f"{V3}/rooms/{quote(room)}/state"
            for event in (await self.wire.insist("GET", path))["list"]:
                place.learn(event)
            self.places[room] = place
        return self.places[room]

    async def encrypted(self, room: str) -> bool:
        """Return whether *room* is encrypted."""
        return (await self.entered(room)).encrypted

    async def invited(self, room: str, invitation: Mapping[str, Any]) -> None:
        """Accept an invitation that the operator allows; decline all others."""
        who = rooms.inviter(invitation, self.me)
        if self._guests.welcome(room, who) and not self._shut(room, invitation):
            await self._join(room)
            return
        try:
            await self.wire.ask("POST", f"{V3}/rooms/{quote(room)}/leave", {})
        except (RefusedError, UnreachableError) as exc:
            LOG.warning("Matrix: an invitation could not be declined: %s", exc)

    async def leave_if_last(self, room: str, news: Sequence[Event]) -> None:
        """Leave *room* if everybody has left, by what is new there."""
        place = self.places.get(room)
        gone = any(map(rooms.departs, news))
        if place and gone and place.empty and room != self.bureau:
            await self.wire.insist("POST", f"{V3}/rooms/{quote(room)}/leave", {})
            self.places.pop(room, None)

    async def leads(self, user: str) -> bool:
        """Return whether *user* is one of those who answer for the debate."""
        if self.bureau not in self.places:
            return any(place.leads(user) for place in self.places.values() if not place.direct)
        path = f"{V3}/rooms/{quote(self.bureau)}/joined_members"
        return user in (await self.wire.insist("GET", path)).get("joined", {})

    async def _id(self, name: str) -> str:
        if not name.startswith("#"):
            return name
        return str((await self.wire.insist("GET", f"{V3}/directory/room/{quote(name)}"))["room_id"])

    async def _join(self, room: str) -> None:
        try:
            await self.wire.insist("POST", f"{V3}/join/{quote(room)}", {}, most=3)
        except (RefusedError, UnreachableError) as exc:
            LOG.warning("Matrix: the bot cannot join %s: %s", room, exc)

    def _shut(self, room: str, invitation: Mapping[str, Any]) -> bool:
        """Return whether the room speaks in a way that the operator ruled out."""
        told = invitation.get("invite_state", {}).get("events", ())
        encrypted = any(event.get("type") == "m.room.encryption" for event in told)
        return encrypted and self.options.encrypts(room) == "off"


def timeline(section: Mapping[str, Any]) -> Sequence[Event]:
    """Return the events in the part of a sync that is about one room."""
    found: Sequence[Event] = section.get("timeline", {}).get("events", ())
    return found
