"""How much one person, one room and one day may ask of the bot."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from bot.domain import Message, Room
from bot.text import plain

MINUTE, DAY = 60.0, 86_400.0
ECHOES = 3
"""The same text this often in a row is a machine, or a stuck key."""
NOTICE_EVERY = 600.0
"""Seconds between two notices of one limit in a room."""
REMEMBERED = 10_000
"""People and rooms kept in mind at most; the longest silent are forgotten."""


@dataclass
class Limits:
    """Counts answers, in memory: a restart forgives."""

    person_minute: int = 12
    room_minute: int = 60
    person_day: int = 200
    room_day: int = 5_000
    clock: Callable[[], float] = time.monotonic
    _seen: dict[Hashable, deque[float]] = field(default_factory=dict)
    _last: dict[Hashable, tuple[str, int]] = field(default_factory=dict)
    _told: dict[Room, float] = field(default_factory=dict)

    def broken(self, message: Message) -> str | None:
        """Return the rule that keeps *message* from being answered, if one does; count it."""
        person = (message.room.platform, message.room.place, message.sender)
        if self._echoes(person, message.text):
            return "loop"
        rules = (
            ("limit-person", ("minute", person), self.person_minute, MINUTE),
            ("limit-room", ("minute", message.room), self.room_minute, MINUTE),
            ("limit-day", ("day", person), self.person_day, DAY),
            ("limit-day", ("day", message.room), self.room_day, DAY),
        )
        now = self.clock()
        for name, key, most, seconds in rules:
            if self._count(key, now - seconds) >= most:
                return name
        for _, key, _, _ in rules:
            self._seen[key].append(now)
        return None

    def may_tell(self, room: Room) -> bool:
        """Return whether *room* may be told of a limit now: seldom, or the telling is a flood."""
        now = self.clock()
        if now - self._told.get(room, -NOTICE_EVERY) < NOTICE_EVERY:
            return False
        self._told[room] = now
        return True

    def _count(self, key: Hashable, since: float) -> int:
        """Return how many answers there were under *key* after *since*."""
        times = self._seen.pop(key, None) or deque()
        self._seen[key] = times  # the longest silent come first
        while times and times[0] <= since:
            times.popleft()
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return len(times)

    def _echoes(self, person: Hashable, text: str) -> bool:
        said = plain(text)[:200]
        before, times = self._last.pop(person, ("", 0))
        times = times + 1 if said and said == before else 1
        self._last[person] = (said, times)
        while len(self._last) > REMEMBERED:
            del self._last[next(iter(self._last))]
        return times > ECHOES
