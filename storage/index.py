"""Lists and counts of a record, kept in memory: for a record that has no tables to ask."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeAlias

from bot.domain import Contest, Entry, Event, Filter, Line, Message, Review, Tallies, Turn
from storage import codec
from storage.tally import DECIDED, Around, Fact, lined, tallied, wanted

Person: TypeAlias = tuple[str, str, str]


@dataclass(slots=True)
class Index:
    """Takes in entries in their order; see `bot.ports.Archive` for what it gives."""

    _lines: list[Line] = field(default_factory=list)
    _counts: dict[tuple[str, str], Counter[Fact]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    _people: set[Person] = field(default_factory=set)
    _judged: set[tuple[int, bool]] = field(default_factory=set)

    @property
    def size(self) -> int:
        """How many entries were taken in."""
        return len(self._lines)

    def add(self, entry: Entry) -> None:
        """Count and list *entry*, whose event is as it was recorded."""
        about = self._about(entry.event)
        line = _placed(lined(entry), entry.event, about)
        around = self._around(entry.event, about)
        day = entry.at.date().isoformat()
        self._counts[line.debate, day].update(tallied(entry.event, entry.at, around))
        self._lines.append(line)
        self._mark(entry.event, about)

    def lines(self, by: Filter, limit: int) -> Sequence[Line]:
        """Return at most *limit* entries that *by* describes, newest first."""
        return list(islice((line for line in self._newest(by.before) if wanted(line, by)), limit))

    def tallies(self, debate: str, since: str, until: str) -> Tallies:
        """Return how often what happened, by kind of fact."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for (place, day), counts in self._counts.items():
            if debate in {"", place} and (since or day) <= day <= (until or day):
                for (dimension, value), count in counts.items():
                    found[dimension][value] += count
        return {dimension: dict(counts) for dimension, counts in found.items()}

    def _newest(self, before: int) -> Iterator[Line]:
        last = min(before - 1, self.size) if before else self.size
        return (self._lines[seq - 1] for seq in range(last, 0, -1))

    def _about(self, event: Event) -> Line | None:
        turn = codec.lookup(event).turn or 0
        return self._lines[turn - 1] if 0 < turn <= self.size else None

    def _around(self, event: Event, about: Line | None) -> Around:
        """Return what was there before *event*, and remember it."""
        if isinstance(event, Review):
            kind = (event.turn, event.finding in DECIDED)
            first = kind not in self._judged
            self._judged.add(kind)
            return Around(first=first, about=about)
        message = codec.answered(event)
        if message is None or not message.sender:
            return Around(about=about)
        newcomer = (person := _person(message)) not in self._people
        self._people.add(person)
        depth = event.depth if isinstance(event, Turn) else 0
        return Around(newcomer=newcomer, depth=depth, about=about)

    def _mark(self, event: Event, about: Line | None) -> None:
        """Note on earlier lines what *event* says of them."""
        if about and isinstance(event, Contest):
            self._lines[about.seq - 1] = replace(about, contested=True)
        elif about and isinstance(event, Review):
            for seq in {about.seq, about.turn if about.kind == "contest" else 0} - {0}:
                self._lines[seq - 1] = replace(self._lines[seq - 1], reviewed=True)
        for seq in codec.erased_by(event):
            self._lines[seq - 1] = replace(self._lines[seq - 1], erased=True)


def _placed(line: Line, event: Event, about: Line | None) -> Line:
    """Return *line* in the debate of the entry it is *about*, unless a person wrote it there.

    A moderator's own room is not part of the debate they judge.
    """
    if about is None or (line.debate and not isinstance(event, Review)):
        return line
    return replace(line, platform=about.platform, debate=about.debate, room=about.room)


def _person(message: Message) -> Person:
    return (message.room.platform, message.room.place, message.sender)
