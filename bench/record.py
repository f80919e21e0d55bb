"""What the record costs, beside a bare insert: ``python -m bench.record [leaves] [--flush MS]``.

Each figure is measured in one run with what it is compared to: one row by the driver alone, and
the same entry's row by SQLModel into the same table. *leaves* (a million by default) is the size
of the tree that proofs and the verifier work on; its entries are made in bulk. With
``--flush``, strace has every ``fdatasync`` take so many milliseconds more, for the record and for
what it is compared with: a disk like many, where this one may be faster.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Session

from bot.domain import Entry, Erasure, Kind, Message, Move, Reply, Room, Turn
from storage import codec
from storage.engine import for_writing, open_engine
from storage.leaf import Header, leaf, new_salts
from storage.merkle import leaf_hash
from storage.notes import Checkpoint, sign
from storage.signing import key_beside, read_signer
from storage.sql import SqlRecord
from storage.tables import EntryRow
from storage.tally import lined
from storage.tree import Tree

ROOM = Room("matrix", "!cafe:example.org")
NOW = datetime.now(UTC)
ROUNDS, EACH = 10, 30
OFFERED, SECONDS = 350, 10
SATURATED = 10_000
"""What the targets are compared with: see issue and docs/decisions/0015."""


def turn(number: int) -> Turn:
    """Return an exchange like those there are."""
    message = Message(
        id=f"${number}",
        room=ROOM,
        sender=f"P{number % 200}",
        text="Il faudrait plus d'arbres dans notre rue, pour avoir de l'ombre en été.",
        sent_at=NOW,
    )
    reply = Reply(
        room=ROOM,
        to=message.id,
        text="Qu'est-ce qui vous fait dire cela ?",
        kind=Kind.QUESTION,
        language="fr",
    )
    return Turn(message=message, language="fr", move=Move.REASONS, reply=reply)


async def appends(folder: Path) -> None:
    """Compare one append at a time with one bare insert at a time, then many at once."""
    size = len(codec.encode(turn(0))) + 700
    bare = Bare(folder / "bare.db", size)
    async with SqlRecord(folder / "library.db"):
        pass
    library = Library(folder / "library.db", size)
    async with SqlRecord(folder / "record.db") as record:
        await record.append(turn(0))
        numbers = iter(range(1, 10_000_000))
        rounds = []
        for _ in range(ROUNDS):
            plain = await timed(bare.insert, EACH)
            by_library = await timed(library.insert, EACH)
            ours = await timed(lambda: record.append(turn(next(numbers))), EACH)
            rounds.append((ours, ours / plain, ours / by_library))
        one, to_bare, to_library = map(statistics.median, zip(*rounds, strict=True))
        print(f"one append at a time: {1 / one:.0f}/s, {one * 1e3:.1f} ms", end=", ")
        print(f"{to_bare:.2f}x a bare insert (median of {ROUNDS}; target 1.10x)", end=", ")
        print(f"{to_library:.2f}x the same entry's row by SQLModel")
        await offered(record, numbers)
        start = time.perf_counter()
        await asyncio.gather(*(record.append(turn(next(numbers))) for _ in range(SATURATED)))
        rate = SATURATED / (time.perf_counter() - start)
        print(f"saturated: {rate:.0f}/s, {rate * one:.0f}x one at a time (target 20x)")
        await erasing(record)
    bare.close()
    library.close()


class Bare:
    """One row in one transaction, made as durable as the record's."""

    def __init__(self, path: Path, size: int) -> None:
        """Insert rows of *size* bytes into a table of its own at *path*."""
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.execute("CREATE TABLE entry (seq INTEGER PRIMARY KEY, body BLOB)")
        self.body = os.urandom(size)

    async def insert(self) -> None:
        """Insert one row, in a thread as the record does."""
        statement = "INSERT INTO entry (body) VALUES (?)"
        await asyncio.to_thread(self.connection.execute, statement, (self.body,))

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


class Library:
    """One entry's row in one transaction, as SQLModel adds it to the record's own table."""

    def __init__(self, path: Path, size: int) -> None:
        """Insert rows of about *size* bytes into the record at *path*, which is no record after."""
        self.engine = for_writing(open_engine(path, read_only=False, wait=1))
        self.size = size
        self.count = 0

    async def insert(self) -> None:
        """Insert one row, in a thread as the record does."""
        await asyncio.to_thread(self._insert)

    def _insert(self) -> None:
        self.count += 1
        row = EntryRow(
            seq=self.count,
            leaf=os.urandom(self.size // 2),
            key=1,
            body=os.urandom(self.size // 2),
            at=codec.stamp(datetime.now(UTC)),
            kind="turn",
            platform=ROOM.platform,
            room=ROOM.id,
            debate=ROOM.place,
            within=ROOM.place,
            sender=f"P{self.count % 200}",
            message_id=f"${self.count}",
            said="question",
            language="fr",
        )
        with Session(self.engine) as session:
            session.add(row)
            session.commit()

    def close(self) -> None:
        """Close the file."""
        self.engine.dispose()


async def timed(work: Callable[[], Awaitable[object]], times: int) -> float:
    """Return how many seconds *work* takes in the median of so many *times*."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


async def offered(record: SqlRecord, numbers: object) -> None:
    """Offer appends at a steady rate, and print how long each took."""
    taken: list[float] = []

    async def one(number: int) -> None:
        start = time.perf_counter()
        await record.append(turn(number))
        taken.append(time.perf_counter() - start)

    start = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for count in range(OFFERED * SECONDS):
            await asyncio.sleep(max(0.0, start + count / OFFERED - time.perf_counter()))
            tasks.create_task(one(next(numbers)))  # type: ignore[call-overload]
    parts = statistics.quantiles(taken, n=100)
    print(f"{OFFERED}/s offered: p50 {parts[49] * 1e3:.1f} ms", end=", ")
    print(f"p99 {parts[98] * 1e3:.1f} ms (target 30 ms)")


async def erasing(record: SqlRecord) -> None:
    """Erase a hundred entries of one person."""
    room = Room("matrix", "!erased:example.org")
    theirs = []
    for number in range(150):
        event = turn(number)
        message = codec.answered(event)
        if message is None:
            continue
        moved = Message(id=f"$e{number}", room=room, sender="E", text=message.text, sent_at=NOW)
        theirs.append((await record.append(Turn(message=moved, language="fr"))).seq)
    start = time.perf_counter()
    await record.append(Erasure(erased=tuple(theirs[:100]), cause="person"))
    took = (time.perf_counter() - start) * 1e3
    print(f"erasing 100 of a person's 150 entries: {took:.0f} ms (target 100 ms)")


async def proofs(folder: Path, leaves: int) -> None:
    """Prove and verify in a tree of *leaves*."""
    path = folder / "large.db"
    async with SqlRecord(path) as record:
        pass
    fill(path, leaves)
    async with SqlRecord(path) as record:
        await record.append(turn(0))
        taken = [
            await timed(lambda n=n: record.proof(n), 1) for n in range(1, leaves, leaves // 300)
        ]  # type: ignore[misc]
    print(f"proof among {leaves:,} leaves: {statistics.median(taken) * 1e3:.2f} ms", end=", ")
    print(f"p99 {statistics.quantiles(taken, n=100)[98] * 1e3:.2f} ms (target 1 ms)")


def fill(path: Path, leaves: int) -> None:
    """Put *leaves* entries into the record at *path*, without their words."""
    tree, signer = Tree(), read_signer(key_beside(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")
        for first in range(1, leaves + 1, 10_000):
            rows, full = [], []
            for seq in range(first, min(first + 10_000, leaves + 1)):
                its_leaf = _leaf(seq)
                full += tree.append(leaf_hash(its_leaf))
                rows.append((seq, its_leaf, "2027-01-31T18:00:00.000000Z"))
            connection.executemany(
                "INSERT INTO entry (seq, leaf, key, body, at, kind, labels, ends, contested, "
                "reviewed) VALUES (?, ?, 1, NULL, ?, 'turn', '', 0, 0, 0)",
                rows,
            )
            connection.executemany("INSERT INTO tile VALUES (?, ?, ?)", full)
        note = sign(Checkpoint(origin=signer.name, size=tree.size, root=tree.root()), signer)
        connection.execute("UPDATE head SET size = ?, note = ?", (tree.size, note))
        connection.execute("COMMIT")


_EVENT = turn(0)
_PATTERN = leaf(
    _EVENT,
    codec.encode(_EVENT),
    Header(
        seq=987_654_321,
        at="2027-01-31T18:00:00.000000Z",
        found=codec.lookup(_EVENT),
        line=lined(Entry(seq=1, at=NOW, event=_EVENT, seal="")),
    ),
    new_salts(),
)


def _leaf(seq: int) -> bytes:
    return _PATTERN.replace(b"987654321", str(seq).encode())


def slowed(flush: float) -> None:
    """Start again, with every flush to the disk taking *flush* milliseconds more."""
    strace = shutil.which("strace")
    if strace is None:
        sys.exit("--flush needs strace: install it.")
    delay = f"inject=fdatasync:delay_exit={int(flush * 1000)}"
    traced = (strace, "--quiet=all", "--follow-forks", "--seccomp-bpf", "-o", os.devnull)
    again = (sys.executable, "-m", "bench.record", *(a for a in sys.argv[1:2] if a.isdigit()))
    os.execv(strace, [*traced, "-e", "trace=fdatasync", "-e", delay, *again])  # noqa: S606 # ours


async def main(leaves: int) -> None:
    with tempfile.TemporaryDirectory(dir=".") as folder:  # where the record would be
        await appends(Path(folder))
        await proofs(Path(folder), leaves)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("leaves", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--flush", type=float, default=0.0, metavar="MS")
    chosen = parser.parse_args()
    if chosen.flush:
        slowed(chosen.flush)
    asyncio.run(main(chosen.leaves))
