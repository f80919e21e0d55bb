"""A record that forgets when the process ends: for trying out, and for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain import Delivery, Dialogue, Entry, Event, Message, Room
from storage import chain, codec
from storage.dialogue import rebuild


@dataclass(slots=True)
class _Kept:
    message: Message
    done: bool = False


class MemoryRecord:
    """The record and the mailbox, in memory. Keeps the promises of `bot.ports`, save durability."""

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._entries: list[Entry] = []
        self._answers: dict[tuple[str | None, ...], Entry] = {}
        self._inbox: dict[tuple[str, str], _Kept] = {}
        self._outbox: dict[int, str] = {}
        self._cursors: dict[str, str] = {}

    async def append(self, event: Event) -> Entry:
        message = codec.answered(event)
        if message and (known := self._answers.get(_answer_key(message))):
            return known
        entry = self._sealed(event)
        self._entries.append(entry)
        if message:
            self._answers[_answer_key(message)] = entry
            if kept := self._inbox.get((message.room.platform, message.id)):
                kept.done = True
        self._post(entry)
        return entry

    async def entries(self, *, after: int = 0) -> AsyncIterator[Entry]:
        position = max(after, 0)
        while position < len(self._entries):
            yield self._entries[position]
            position += 1

    async def dialogue(self, room: Room, sender: str) -> Dialogue:
        return rebuild(room, sender, (e for e in reversed(self._entries) if _of(e, room, sender)))

    async def receive(self, message: Message, cursor: str) -> bool:
        key = (message.room.platform, message.id)
        known = key in self._inbox or _answer_key(message) in self._answers
        if not known:
            self._inbox[key] = _Kept(message)
        self._cursors[message.room.platform] = cursor
        return not known

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
        at, body = self._clock(), codec.encode(event)
        seq = len(self._entries) + 1
        seal = chain.seal(
            self._entries[-1].seal if self._entries else chain.GENESIS,
            seq,
            at=codec.stamp(at).encode(),
            kind=codec.kind_of(event).encode(),
            body=body.encode(),
        )
        return Entry(seq=seq, at=at, event=event, seal=seal)

    def _post(self, entry: Entry) -> None:
        if isinstance(entry.event, Delivery):
            if codec.settles(entry.event):
                self._outbox.pop(entry.event.turn, None)
        elif reply := codec.reply_of(entry.event):
            self._outbox[entry.seq] = reply.room.platform


def _answer_key(message: Message) -> tuple[str | None, ...]:
    return (message.room.platform, message.room.id, message.id)


def _of(entry: Entry, room: Room, sender: str) -> bool:
    message = codec.answered(entry.event)
    return message is not None and message.room == room and message.sender == sender
