"""What was read from the record and still holds: reading it again for each message costs most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.domain import Cafe, Dialogue, Entry, Room
from storage import codec
from storage.dialogue import advanced

REMEMBERED = 5_000
"""Dialogues kept in mind at most, and entries."""

_Person: TypeAlias = tuple[str, str, str]


@dataclass(slots=True)
class Recall:
    """Follows what is added, and forgets all when something is erased or another process writes.

    A reading that began before such a change is not kept: `stamp` it first.
    """

    _dialogues: dict[_Person, dict[str, Dialogue]] = field(default_factory=dict)
    _newest: dict[_Person, int] = field(default_factory=dict)
    """The last entry that each person's dialogues are known to hold."""
    _numbers: dict[_Person, tuple[int, ...]] = field(default_factory=dict)
    """The numbers of each person's entries in a debate, oldest first."""
    _entries: dict[int, Entry] = field(default_factory=dict)
    _cafes: Sequence[Cafe] | None = None
    _changes: dict[object, int] = field(default_factory=dict)
    _cleared: int = 0

    def dialogue(self, room: Room, sender: str) -> Dialogue | None:
        """Return where that dialogue stands, if it is known."""
        return self._dialogues.get(_person(room, sender), {}).get(room.id)

    def keep_dialogue(self, dialogue: Dialogue, stamp: object) -> None:
        """Remember *dialogue*, read since *stamp*."""
        person = _person(dialogue.room, dialogue.sender)
        if self.stamp(person) == stamp:
            if len(self._dialogues) >= REMEMBERED:
                oldest = next(iter(self._dialogues))
                del self._dialogues[oldest]
                self._newest.pop(oldest, None)
            self._dialogues.setdefault(person, {})[dialogue.room.id] = dialogue

    def numbers(self, room: Room, sender: str) -> tuple[int, ...] | None:
        """Return the numbers of that person's entries in the debate of *room*, if known."""
        return self._numbers.get(_person(room, sender))

    def keep_numbers(self, room: Room, sender: str, numbers: Iterable[int], stamp: object) -> None:
        """Remember the *numbers* of that person's entries, read since *stamp*."""
        person = _person(room, sender)
        if self.stamp(person) == stamp:
            if len(self._numbers) >= REMEMBERED:
                del self._numbers[next(iter(self._numbers))]
            self._numbers[person] = tuple(numbers)

    def entries(self, numbers: Iterable[int]) -> dict[int, Entry]:
        """Return those entries of *numbers* that are known."""
        return {seq: self._entries[seq] for seq in numbers if seq in self._entries}

    def keep_entries(self, entries: Iterable[Entry], stamp: object) -> None:
        """Remember *entries*, read since *stamp*; the oldest kept give way."""
        if self.stamp("entries") != stamp:
            return
        for entry in entries:
            if len(self._entries) >= REMEMBERED:
                del self._entries[next(iter(self._entries))]
            self._entries[entry.seq] = entry

    def cafes(self) -> Sequence[Cafe] | None:
        """Return the debates, if they are known."""
        return self._cafes

    def keep_cafes(self, cafes: Sequence[Cafe], stamp: object) -> None:
        """Remember the debates, read since *stamp*."""
        if self.stamp("cafes") == stamp:
            self._cafes = cafes

    def stamp(self, key: object) -> object:
        """Return what will differ once what *key* stands for has changed."""
        return (self._cleared, self._changes.get(key, 0))

    def person(self, room: Room, sender: str) -> object:
        """Return the key of that person's dialogues, for `stamp`."""
        return _person(room, sender)

    def added(self, entry: Entry) -> None:
        """Forget what *entry* changes."""
        event = entry.event
        if codec.erased_by(event):
            self.clear()
        self.keep_entries([entry], self.stamp("entries"))
        if isinstance(event, Cafe):
            self._cafes = None
            self._changed("cafes")
        if message := codec.answered(event):
            person = _person(message.room, message.sender)
            self._follow(person, entry)
            self._changed(person)

    def _follow(self, person: _Person, entry: Entry) -> None:
        numbers = self._numbers.pop(person, None)
        if numbers is not None and numbers[-1:] < (entry.seq,):  # else out of order: read again
            self._numbers[person] = (*numbers, entry.seq)
        known = self._dialogues.pop(person, None)
        if known is None:
            return
        if entry.seq > self._newest.get(person, 0):  # else they came out of order: read again
            self._newest[person] = entry.seq
            self._dialogues[person] = {room: advanced(d, entry) for room, d in known.items()}

    def clear(self) -> None:
        """Forget everything."""
        self._cleared += 1
        self._dialogues.clear()
        self._newest.clear()
        self._numbers.clear()
        self._entries.clear()
        self._changes.clear()
        self._cafes = None

    def _changed(self, key: object) -> None:
        self._changes[key] = self._changes.get(key, 0) + 1


def _person(room: Room, sender: str) -> _Person:
    return room.platform, room.place, sender
