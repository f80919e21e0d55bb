"""A record that forgets when the process ends: for trying out, and for tests."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice

from bot.domain import (
    Cafe,
    Case,
    Delivery,
    Dialogue,
    Entry,
    Erased,
    Erasure,
    Event,
    Filter,
    Line,
    Message,
    Review,
    Room,
    Tallies,
    standing,
)
from storage import codec
from storage.dialogue import newest_cafes, rebuild
from storage.index import Index
from storage.merkle import leaf_hash
from storage.tally import repeats


@dataclass(slots=True)
class _Kept:
    message: Message
    done: bool = False


class MemoryRecord:
    """Record, archive and mailbox in memory. Keeps the promises of `bot.ports`, save durability."""

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._entries: list[Entry] = []
        self._answers: dict[tuple[str | None, ...], int] = {}
        self._inbox: dict[tuple[str, str], _Kept] = {}
        self._outbox: dict[int, str] = {}
        self._people: dict[int, tuple[str, str, str]] = {}
        self._shown: dict[tuple[str, str], int] = {}
        self._cursors: dict[str, str] = {}
        self._index = Index()

    async def append(self, event: Event) -> Entry:
        message = codec.answered(event)
        if known := (message and self._answer(message)) or self._same_act(event):
            return known
        entry = self._sealed(event)
        self._entries.append(entry)
        self._index.add(entry)
        if message:
            self._answers[_answer_key(message)] = entry.seq
            room = message.room
            self._people[entry.seq] = (room.platform, room.place, message.sender)
        for answered in (*codec.also_answered(event), *([message] if message else [])):
            if kept := self._inbox.get((answered.room.platform, answered.id)):
                kept.done = True
        self._post(entry)
        self._erase(event)
        return entry

    async def author(self, platform: str, message: str) -> str | None:
        kept = self._inbox.get((platform, message))
        return kept.message.sender if kept else None

    async def entry(self, seq: int) -> Entry | None:
        return self._entries[seq - 1] if 0 < seq <= len(self._entries) else None

    async def theirs(self, room: Room, sender: str) -> Sequence[Entry]:
        return standing(self._of(room, sender))

    async def about(self, seq: int) -> Sequence[Entry]:
        return [e for e in self._entries if getattr(e.event, "turn", None) == seq]

    async def recent(self, room: Room, limit: int) -> Sequence[Entry]:
        here = (
            entry
            for entry in reversed(self._entries)
            if (message := codec.answered(entry.event)) and message.room == room
        )
        return list(islice(here, limit))

    async def last_command(self, room: Room, commands: Sequence[str]) -> str | None:
        given = (getattr(e.event, "command", None) for e in await self.recent(room, sys.maxsize))
        return next((command for command in given if command in commands), None)

    async def cafes(self) -> Sequence[Cafe]:
        return newest_cafes(self._entries)

    async def delivered(self, platform: str, external_id: str) -> Entry | None:
        seq = self._shown.get((platform, external_id))
        return None if seq is None else self._entries[seq - 1]

    async def entries(self, *, after: int = 0) -> AsyncIterator[Entry]:
        position = max(after, 0)
        while position < len(self._entries):
            yield self._entries[position]
            position += 1

    async def dialogue(self, room: Room, sender: str) -> Dialogue:
        return rebuild(room, sender, reversed(self._of(room, sender)))

    async def lines(self, wanted: Filter, *, limit: int) -> Sequence[Line]:
        return self._index.lines(wanted, limit)

    async def findings(self, debate: str, *, limit: int) -> Sequence[tuple[int, str]]:
        reviews = self._index.lines(Filter(kind="review", debate=debate), limit)
        return [(line.turn, line.why) for line in reviews]

    async def tallies(self, *, debate: str = "", since: str = "", until: str = "") -> Tallies:
        return self._index.tallies(debate, since, until)

    async def receive(self, message: Message, cursor: str) -> bool:
        key = (message.room.platform, message.id)
        known = key in self._inbox or _answer_key(message) in self._answers
        if not known:
            self._inbox[key] = _Kept(message)
        self._cursors[message.room.platform] = cursor
        return not known

    async def move(self, platform: str, cursor: str) -> None:
        self._cursors[platform] = cursor

    async def known(self, room: Room) -> bool:
        return any(kept.message.room == room for kept in self._inbox.values())

    async def received(self, platform: str, message: str) -> bool:
        return (platform, message) in self._inbox

    async def waiting(self, platform: str) -> Sequence[Message]:
        return [
            kept.message
            for (where, _), kept in self._inbox.items()
            if where == platform and not kept.done
        ]

    async def unsent(self, platform: str) -> Sequence[Entry]:
        return [self._entries[seq - 1] for seq, where in self._outbox.items() if where == platform]

    async def cursor(self, platform: str) -> str | None:
        return self._cursors.get(platform)

    def _sealed(self, event: Event) -> Entry:
        at = self._clock()
        seal = leaf_hash(f"{codec.stamp(at)}{codec.encode(event)}".encode()).hex()
        return Entry(seq=len(self._entries) + 1, at=at, event=event, seal=seal)

    def _post(self, entry: Entry) -> None:
        if isinstance(entry.event, Delivery):
            if codec.settles(entry.event):
                where = self._outbox.pop(entry.event.turn, None)
                if where and entry.event.external_id is not None:
                    self._shown[where, entry.event.external_id] = entry.event.turn
        elif reply := codec.reply_of(entry.event):
            self._outbox[entry.seq] = reply.room.platform

    def _of(self, room: Room, sender: str) -> list[Entry]:
        person = (room.platform, room.place, sender)
        return [entry for entry in self._entries if self._people.get(entry.seq) == person]

    def _answer(self, message: Message) -> Entry | None:
        seq = self._answers.get(_answer_key(message))
        return None if seq is None else self._entries[seq - 1]

    def _same_act(self, event: Event) -> Entry | None:
        if not isinstance(event, Case | Review):
            return None
        about = [e for e in self._entries if getattr(e.event, "turn", None) == event.turn]
        if isinstance(event, Case):
            return next((e for e in about if isinstance(e.event, Case)), None)
        return next((e for e in about if repeats(event, e.event)), None)

    def _erase(self, event: Event) -> None:
        for seq in codec.erased_by(event):
            entry = self._entries[seq - 1]
            message = codec.answered(entry.event)
            if message and isinstance(event, Erasure):
                del self._answers[_answer_key(message)], self._people[seq]
                self._inbox.pop((message.room.platform, message.id), None)
            left = Erased(kind=codec.kind_of(entry.event))
            self._entries[seq - 1] = replace(entry, event=left)


def _answer_key(message: Message) -> tuple[str | None, ...]:
    return (message.room.platform, message.room.id, message.id)
