"""Which rooms the bot goes to, and what it must know of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from adapters.matrix.events import Event, content

LEADS = 50
"""The power level from which clients call somebody a moderator."""
CREATORS_RULE = 12
"""From this room version on, creators stand above all levels and are not listed among them."""


@dataclass
class Place:
    """What is known of a room the bot has joined."""

    id: str
    named: bool = False
    encrypted: bool = False
    joined: int | None = None
    """How many people are in it, the bot included; None where the server has not said."""
    invited: int = 0
    creators: frozenset[str] = frozenset()
    levels: Mapping[str, Any] = field(default_factory=dict)

    @property
    def direct(self) -> bool:
        """Whether it is a conversation of one person with the bot."""
        return self.joined == 2 and not self.named  # noqa: PLR2004 - two is what direct means

    @property
    def empty(self) -> bool:
        """Whether everybody else has left."""
        return self.joined is not None and self.joined <= 1 and not self.invited

    def learn(self, event: Event) -> None:
        """Take in a state event."""
        kind, said = event.get("type"), content(event)
        if kind == "m.room.create":
            self.creators = _creators(event)
        elif kind == "m.room.power_levels":
            self.levels = said
        elif kind == "m.room.encryption":
            self.encrypted = True
        elif kind in {"m.room.name", "m.room.canonical_alias"}:
            self.named = bool(said.get("name") or said.get("alias"))

    def count(self, summary: Mapping[str, Any]) -> None:
        """Take in what a sync says of how many there are."""
        joined, invited = (summary.get(f"m.{what}_member_count") for what in ("joined", "invited"))
        self.joined = joined if isinstance(joined, int) else self.joined
        self.invited = invited if isinstance(invited, int) else self.invited

    def leads(self, user: str) -> bool:
        """Return whether *user* may moderate the room."""
        if user in self.creators:
            return True
        users = self.levels.get("users")
        level = users.get(user) if isinstance(users, Mapping) else None
        level = self.levels.get("users_default", 0) if level is None else level
        return isinstance(level, int) and level >= LEADS


@dataclass(frozen=True, kw_only=True)
class Guests:
    """Who may bring the bot where: nobody, nowhere, unless the operator says so."""

    rooms: Sequence[str] = ()
    """Room ids that may be joined, whoever invites."""
    inviters: Sequence[str] = ()
    """User ids that may invite anywhere; ``*:example.org`` is everybody of a server."""

    def welcome(self, room: str, inviter: str) -> bool:
        """Return whether the bot accepts the invitation of *inviter* to *room*."""
        # fnmatch's brackets cannot stand in a user id, so only the star means anything here.
        return room in self.rooms or any(fnmatchcase(inviter, known) for known in self.inviters)


def departs(event: Event) -> bool:
    """Return whether *event* says that somebody left, or was made to."""
    gone = any(content(event).get("membership") == what for what in ("leave", "ban"))
    return gone and event.get("type") == "m.room.member"


def inviter(invitation: Mapping[str, Any], me: str) -> str:
    """Return who sent *invitation*, the ``invite_state`` of a sync; empty where it does not say."""
    events = invitation.get("invite_state", {}).get("events", ())
    for event in events:
        if event.get("type") == "m.room.member" and event.get("state_key") == me:
            return str(event.get("sender", ""))
    return ""


def arrival(events: Sequence[Event], me: str) -> int:
    """Return after how many of *events* the bot was in the room: what is before is history."""
    for number in range(len(events), 0, -1):
        if _arrives(events[number - 1], me):
            return number
    return 0


def _arrives(event: Event, me: str) -> bool:
    if event.get("type") != "m.room.member" or event.get("state_key") != me:
        return False
    before = event.get("unsigned", {}).get("prev_content", {}).get("membership")
    return content(event).get("membership") == "join" and before != "join"


def _creators(event: Event) -> frozenset[str]:
    """Return who stands above all power levels in the room that *event* created."""
    said = content(event)
    version = str(said.get("room_version", "1"))
    if not version.isdecimal() or int(version) < CREATORS_RULE:
        return frozenset()
    more = said.get("additional_creators")
    others = (name for name in more if isinstance(name, str)) if isinstance(more, list) else ()
    return frozenset((str(event.get("sender")), *others))
