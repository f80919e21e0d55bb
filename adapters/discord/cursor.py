"""How far Discord has been read: one line of JSON, kept in the same transaction as a message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import discord

EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
"""Where Discord's ids begin to count milliseconds."""
MARGIN = timedelta(minutes=1)
"""Channels are not read in step: what is this much older than the newest id is read again."""
ANSWERABLE = timedelta(minutes=14)
"""An interaction can be answered for fifteen minutes; one is left for the answer's way."""
DIRECT = 50
"""Direct conversations that are read again after a restart: Discord does not list them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """What a restarted bot must know to miss nothing and to answer twice to nobody."""

    since: int = 0
    """Id of the newest message that was seen; 0 at the very start."""
    open: Mapping[str, str] = field(default_factory=dict)
    """``id:token`` of interactions not answered yet, by message id: for a private answer."""
    direct: tuple[int, ...] = ()
    """Ids of the latest direct conversations."""

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """Return the cursor that *text* holds; an empty one where it holds none."""
        if not text:
            return cls()
        found = json.loads(text)
        return cls(
            since=int(found["since"]),
            open=found.get("open", {}),
            direct=tuple(found.get("direct", ())),
        )

    def __str__(self) -> str:
        """Return the line that `read` reads."""
        held: dict[str, object] = {"since": str(self.since)}
        if self.open:
            held["open"] = dict(self.open)
        if self.direct:
            held["direct"] = self.direct
        return json.dumps(held, separators=(",", ":"))

    def joined(self, later: Cursor) -> Cursor:
        """Return this stored cursor with what was opened before it was read."""
        since = max(self.since, later.since)
        return replace(later, since=since, open={**self.open, **later.open}, direct=self.direct)

    def seen(self, message: int) -> Cursor:
        """Return the cursor once *message* was seen."""
        return self if message <= self.since else replace(self, since=message)

    def spoke(self, channel: int) -> Cursor:
        """Return the cursor once somebody wrote in the direct conversation *channel*."""
        if channel in self.direct[-1:]:
            return self
        others = [known for known in self.direct if known != channel]
        return replace(self, direct=(*others[-DIRECT + 1 :], channel))

    def opened(self, message: str, interaction: int, token: str) -> Cursor:
        """Return the cursor with one more interaction to answer, and without those too old."""
        oldest = id_at(discord.utils.utcnow() - ANSWERABLE)
        kept = {m: held for m, held in self.open.items() if _interaction(held) > oldest}
        return replace(self, open={**kept, message: f"{interaction}:{token}"})

    def closed(self, message: str) -> Cursor:
        """Return the cursor without the interaction of *message*."""
        if message not in self.open:
            return self
        return replace(self, open={m: t for m, t in self.open.items() if m != message})

    def token(self, message: str) -> str | None:
        """Return the token that answers the interaction of *message*."""
        held = self.open.get(message)
        return held.partition(":")[2] if held else None

    def unanswered(self, after: timedelta) -> str | None:
        """Return a message whose interaction has waited longer than *after*."""
        first = next(iter(self.open), None)
        waited = first and discord.utils.utcnow() - time_of(_interaction(self.open[first])) > after
        return first if waited else None

    @property
    def again(self) -> int:
        """The id after which messages are read again."""
        return max(0, self.since - _span(MARGIN))

    @property
    def gap(self) -> timedelta:
        """For how long nothing was seen."""
        return discord.utils.utcnow() - time_of(self.since)


def _interaction(held: str) -> int:
    return int(held.partition(":")[0])


def id_at(moment: datetime) -> int:
    """Return the smallest id that Discord could give at *moment*."""
    return _span(moment - EPOCH)


def time_of(identifier: int) -> datetime:
    """Return when Discord gave *identifier*."""
    return EPOCH + timedelta(milliseconds=identifier >> 22)


def _span(time: timedelta) -> int:
    return int(time / timedelta(milliseconds=1)) << 22
