"""The record in an SQLite file: durable before it answers, one log whoever writes to it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Select, bindparam, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import (
    IDEA_REPLIES,
    Cafe,
    Dialogue,
    Entry,
    Event,
    Filter,
    Kind,
    Line,
    Message,
    Room,
    Tallies,
    standing,
)
from bot.errors import ConfigError, StorageError
from storage import codec, listing, migrate
from storage.dialogue import newest_cafes, rebuild
from storage.engine import (
    empty_log,
    for_writing,
    make_file,
    open_engine,
    reason,
    transaction,
    translated,
)
from storage.first import bring_over
from storage.ledger import Ledger
from storage.notes import Signer, Verifier, opened, tlog_proof
from storage.reading import STORED, Head, Stored, entry_of, leaf_of, newest_head, stored_tree, tiles
from storage.recall import Recall
from storage.signing import epochs_beside, key_beside, make_key, read_signer
from storage.statement import driver_of
from storage.tables import CHECKPOINT, CURSOR, ENTRY, INBOX, OUTBOX
from storage.tiles import export
from storage.tree import Prover, Tree
from storage.vault import Vault
from storage.verify import Report, verify
from storage.writer import Writer

T = TypeVar("T")

PAGE = 256
"""How many entries are read at once."""


class SqlRecord:
    """The record and the mailbox in one file. Use it as an async context manager.

    Several processes may have the same file open: each write sees the others' entries.
    """

    def __init__(
        self,
        where: str | Path,
        *,
        key: Path | None = None,
        epochs: Path | None = None,
        origin: str = "",
        read_only: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[int], bytes] = os.urandom,
        wait: float = 5.0,
    ) -> None:
        """Keep the record at *where*, a path or ``sqlite:///`` URL; nothing is opened yet.

        *key* is the file of the signing key, *epochs* that of the keys that words are encrypted
        with: beside the record by default, made with a new record. *origin* is what the log is
        called; by its key, by default. *random* gives bytes for salts. *wait* is how many seconds
        another process may keep the file locked.

        Raises:
            ConfigError: *where* names another kind of database.
        """
        self.path = _path(where)
        self._key_path = key or key_beside(self.path)
        self._read_only = read_only
        self._clock = clock
        self._origin = origin
        self._random = random
        self._wait = wait
        self._signer: Signer | None = None
        self._vault = Vault(epochs or epochs_beside(self.path))
        self._head: Head | None = None
        self._tree = Tree()
        """The tree under that head."""
        self._day = ""
        self._last: Head | None = None
        """The newest head there was after the last transaction, whoever signed it."""
        self._recall = Recall()
        self._engine: Engine | None = None
        self._writing: Connection | None = None
        """The one connection that is written through."""
        self._writer: Writer[Ledger] | None = None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.open)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    def open(self) -> None:
        """Open the file; make it, its tables and its key where there are none.

        Raises:
            ConfigError: It cannot be opened, is no record, or its key is missing.
        """
        if not self._read_only:
            make_file(self.path)
        elif not self.path.is_file():
            raise ConfigError(f"There is no record at {self.path}: name its file.")
        self._engine = open_engine(self.path, read_only=self._read_only, wait=self._wait)
        try:
            self._prepare(self._engine)
        except SQLAlchemyError as exc:
            self.close()
            raise ConfigError(f"{self.path} cannot be used. {reason(exc)}") from exc
        except BaseException:  # whatever it is, a stop included: nothing stays open
            self.close()
            raise
        if not self._read_only:
            self._writing = self._engine.connect()
            self._writer = Writer(self._transaction, lambda: empty_log(self.path))

    def close(self) -> None:
        """Finish what is being written, then let go of the file."""
        if self._writer:
            self._writer.close()
        if self._writing:
            self._writing.close()
        if self._engine:
            self._engine.dispose()
        self._writer = self._writing = self._engine = None

    async def append(self, event: Event) -> Entry:
        body = codec.encode(event)
        entry = await self._write(lambda ledger: ledger.append(event, body))
        if entry.event is event:
            self._recall.added(entry)
        return entry

    async def entries(self, *, after: int = 0) -> AsyncIterator[Entry]:
        while page := await self._entries(
            select(*STORED).where(ENTRY.c.seq > after).order_by(ENTRY.c.seq).limit(PAGE)
        ):
            for entry in page:
                yield entry
            after = page[-1].seq

    async def dialogue(self, room: Room, sender: str) -> Dialogue:
        if known := self._recall.dialogue(room, sender):
            return known
        stamp = self._recall.stamp(self._recall.person(room, sender))
        asked = {
            "platform": room.platform,
            "place": room.place,
            "room": room.id,
            "sender": sender,
        }
        found = rebuild(room, sender, await self._entries(_DECIDING, asked))
        self._recall.keep_dialogue(found, stamp)
        return found

    async def receive(self, message: Message, cursor: str) -> bool:
        body = codec.encode_message(message)
        return await self._write(lambda ledger: ledger.receive(message, body, cursor))

    async def waiting(self, platform: str) -> Sequence[Message]:
        found = (
            select(INBOX.c.event_id, INBOX.c.message)
            .where(INBOX.c.platform == platform, INBOX.c.done.is_(False))
            .order_by(INBOX.c.position)
        )
        rows = await self._read(lambda connection: connection.execute(found).all())
        return [
            codec.decode_message(self._vault.open_waiting(row.event_id, row.message))
            for row in rows
        ]

    async def unsent(self, platform: str) -> Sequence[Entry]:
        return await self._entries(
            select(*STORED)
            .join(OUTBOX, OUTBOX.c.seq == ENTRY.c.seq)
            .where(OUTBOX.c.platform == platform, OUTBOX.c.delivered.is_(None))
            .order_by(OUTBOX.c.seq)
        )

    async def cursor(self, platform: str) -> str | None:
        found = select(CURSOR.c.value).where(CURSOR.c.platform == platform)
        return await self._read(lambda connection: connection.scalar(found))

    async def move(self, platform: str, cursor: str) -> None:
        await self._write(lambda ledger: ledger.move(platform, cursor))

    async def known(self, room: Room) -> bool:
        return await self._any(INBOX.c.platform == room.platform, INBOX.c.room == room.id)

    async def received(self, platform: str, message: str) -> bool:
        return await self._any(INBOX.c.platform == platform, INBOX.c.event_id == message)

    async def author(self, platform: str, message: str) -> str | None:
        found = select(INBOX.c.sender).where(
            INBOX.c.platform == platform, INBOX.c.event_id == message
        )
        return await self._read(lambda connection: connection.scalar(found))

    async def entry(self, seq: int) -> Entry | None:
        return await self._one(select(*STORED).where(ENTRY.c.seq == seq))

    async def answering(self, platform: str, message: str) -> Entry | None:
        """Return the entry, as it stands, that answers the message with the id *message*."""
        theirs = (
            select(*STORED)
            .join(
                INBOX,
                (INBOX.c.platform == ENTRY.c.platform)
                & (INBOX.c.room == ENTRY.c.room)
                & (INBOX.c.sender == ENTRY.c.sender),
            )
            .where(INBOX.c.platform == platform, INBOX.c.event_id == message)
            .order_by(ENTRY.c.seq)
        )
        for entry in standing(await self._entries(theirs)):
            answered = (codec.answered(entry.event), *codec.also_answered(entry.event))
            if any(each and each.id == message for each in answered):
                return entry
        return None

    async def theirs(self, room: Room, sender: str) -> Sequence[Entry]:
        found = await self._numbers(room, sender)
        stamp = self._recall.stamp("entries")
        known = self._recall.entries(found)
        missing = [seq for seq in found if seq not in known]
        for start in range(0, len(missing), PAGE):
            page = missing[start : start + PAGE]
            read = await self._entries(select(*STORED).where(ENTRY.c.seq.in_(page)))
            self._recall.keep_entries(read, stamp)
            known |= {entry.seq: entry for entry in read}
        return standing([known[seq] for seq in found if seq in known])

    async def _numbers(self, room: Room, sender: str) -> Sequence[int]:
        """Return the numbers of that person's entries in the debate, oldest first."""
        if (known := self._recall.numbers(room, sender)) is not None:
            return known
        stamp = self._recall.stamp(self._recall.person(room, sender))
        theirs = (
            ENTRY.c.platform == room.platform,
            ENTRY.c.debate == room.place,
            ENTRY.c.sender == sender,
        )
        numbers = select(ENTRY.c.seq).where(*theirs).order_by(ENTRY.c.seq)
        found = await self._read(lambda connection: connection.scalars(numbers).all())
        self._recall.keep_numbers(room, sender, found, stamp)
        return found

    async def about(self, seq: int) -> Sequence[Entry]:
        return await self._entries(select(*STORED).where(ENTRY.c.turn == seq).order_by(ENTRY.c.seq))

    async def recent(self, room: Room, limit: int) -> Sequence[Entry]:
        return await self._entries(
            select(*STORED)
            .where(
                ENTRY.c.platform == room.platform,
                ENTRY.c.room == room.id,
                ENTRY.c.kind.not_in(_ABOUT_OTHERS),
            )
            .order_by(ENTRY.c.seq.desc())
            .limit(limit)
        )

    async def last_command(self, room: Room, commands: Sequence[str]) -> str | None:
        found = (
            select(ENTRY.c.command)
            .where(
                ENTRY.c.platform == room.platform,
                ENTRY.c.room == room.id,
                ENTRY.c.command.in_(commands),
            )
            .order_by(ENTRY.c.seq.desc())
            .limit(1)
        )
        return await self._read(lambda connection: connection.scalar(found))

    async def cafes(self) -> Sequence[Cafe]:
        known, stamp = self._recall.cafes(), self._recall.stamp("cafes")
        if known is not None:
            return known
        kept = select(*STORED).where(ENTRY.c.kind == "cafe").order_by(ENTRY.c.seq)
        found = newest_cafes(await self._entries(kept))
        self._recall.keep_cafes(found, stamp)
        return found

    async def delivered(self, platform: str, external_id: str) -> Entry | None:
        return await self._one(
            select(*STORED)
            .join(OUTBOX, OUTBOX.c.seq == ENTRY.c.seq)
            .where(OUTBOX.c.platform == platform, OUTBOX.c.external_id == external_id)
            .order_by(ENTRY.c.seq.desc())
            .limit(1)
        )

    async def lines(self, wanted: Filter, *, limit: int) -> Sequence[Line]:
        return await self._read(lambda connection: listing.lines(connection, wanted, limit))

    async def findings(self, debate: str, *, limit: int) -> Sequence[tuple[int, str]]:
        return await self._read(lambda connection: listing.findings(connection, debate, limit))

    async def tallies(self, *, debate: str = "", since: str = "", until: str = "") -> Tallies:
        return await self._read(
            lambda connection: listing.tallies(connection, debate, since, until)
        )

    async def checkpoint(self) -> str:
        return (await self._read(_head_of)).note

    async def consistency(self, old: int, new: int) -> Sequence[bytes]:
        def proved(connection: Connection) -> Sequence[bytes]:
            head, driver = _head_of(connection), driver_of(connection)
            prover = Prover(self._tree_under(driver, head), tiles(driver))
            return prover.consistency(old, new)

        return await self._read(proved)

    async def proof(self, seq: int) -> str:
        def proved(connection: Connection) -> str:
            head = _head_of(connection)
            if not 0 < seq <= head.size:
                raise StorageError(f"There is no entry {seq}.")
            driver = driver_of(connection)
            prover = Prover(self._tree_under(driver, head), tiles(driver))
            return tlog_proof(seq - 1, prover.inclusion(seq - 1), head.note)

        return await self._read(proved)

    async def tiled(self, folder: Path) -> int:
        """Write leaves, tiles and checkpoint into *folder* as C2SP has them; return how many.

        Raises:
            StorageError: A file cannot be written.
        """

        def written(connection: Connection) -> int:
            head = _head_of(connection)
            leaves = select(ENTRY.c.leaf).where(ENTRY.c.seq <= head.size).order_by(ENTRY.c.seq)
            found = connection.execution_options(yield_per=PAGE).scalars(leaves)
            return export(folder, found, head.note)

        return await self._read(written)

    async def leaf(self, seq: int) -> bytes | None:
        return await self._read(lambda connection: leaf_of(driver_of(connection), seq))

    async def vouched(self) -> str:
        found = (
            select(CHECKPOINT.c.note)
            .where(CHECKPOINT.c.note.like("%\n— %\n— %"))  # the log's own signature and another
            .order_by(CHECKPOINT.c.size.desc())
            .limit(1)
        )
        return await self._read(lambda connection: connection.scalar(found)) or ""

    async def cosigned(self, note: str) -> None:
        size = opened(note, [self._verifier()]).size
        await self._write(lambda ledger: ledger.keep(note, size))

    async def keys_since(self) -> datetime:
        """Return when the newest epoch key was made."""
        return await asyncio.to_thread(self._vault.since)

    async def rotate(self) -> None:
        """Wrap every key under a new epoch key, and forget the old ones.

        Raises:
            StorageError: It failed; nothing is lost.
        """
        epoch = await self._write(lambda ledger: ledger.vault.rotate(ledger.connection))
        await asyncio.to_thread(self._vault.forget_epochs, epoch)

    async def verify(self) -> Report:
        """Check the whole record; see `storage.verify.verify`."""
        return await asyncio.to_thread(verify, self.path, self._key_path, self._vault.path)

    def _prepare(self, engine: Engine) -> None:
        with engine.connect() as connection:
            found = migrate.version(connection)
        if self._read_only:
            if found != migrate.NEWEST:
                raise ConfigError(f"{self.path} is not up to date: run `socrate db upgrade`.")
            self._vault.load()
            return
        if found is None:
            make_key(self._key_path)
        self._signer = read_signer(self._key_path, self._origin)
        if migrate.without_tree(found):
            self._vault.make()
        if found != migrate.NEWEST:
            self._upgrade(engine)
        self._vault.load()

    def _upgrade(self, engine: Engine) -> None:
        """Bring the tables up to date and sign what has no tree yet, in one transaction."""
        with for_writing(engine).begin() as connection:
            found = migrate.version(connection)
            if found != migrate.NEWEST:  # another may have been quicker
                migrate.upgrade(connection)
            if migrate.without_tree(found):
                ledger = self._ledger(driver_of(connection))
                ledger.start()
                bring_over(connection, ledger)
                ledger.finish()

    @contextmanager
    def _transaction(self) -> Iterator[Ledger]:
        """Give a ledger whose head becomes ours only once it is committed."""
        with translated():
            try:
                with transaction(connection := self._for_writing()):
                    ledger = self._begun(connection)
                    yield ledger
                    head = ledger.finish()
            except BaseException:  # whatever it is, a stop included
                self._vault.forget()  # of keys, too, nothing counts that is not committed
                raise
            self._last = self._last if head == self._head else head
            self._head, self._tree, self._day = head, ledger.tree, ledger.day

    def _begun(self, connection: sqlite3.Connection) -> Ledger:
        """Return a ledger for *connection*, once nothing is remembered that others changed."""
        self._vault.refresh()
        ledger = self._ledger(connection)
        if ledger.head != self._last:
            self._recall.clear()
            self._vault.forget()
            self._last = ledger.head
        return ledger

    def _ledger(self, connection: sqlite3.Connection) -> Ledger:
        if self._signer is None:
            raise StorageError("The record was opened for reading only.")
        return Ledger(
            connection=connection,
            signer=self._signer,
            head=newest_head(connection),
            vault=self._vault,
            clock=self._clock,
            random=self._random,
            trusted=self._head,
            tree=self._tree.copy(),
            day=self._day,
        )

    def _tree_under(self, connection: sqlite3.Connection, head: Head) -> Tree:
        """Return the tree whose checkpoint is *head*: the one at hand, or read again."""
        known, tree = self._head, self._tree
        return tree if known == head else stored_tree(connection, head.size)

    def _verifier(self) -> Verifier:
        if self._signer is None:
            self._signer = read_signer(self._key_path, self._origin)
        return self._signer.verifier

    async def _write(self, work: Callable[[Ledger], T]) -> T:
        if self._writer is None:
            raise StorageError("The record is not open for writing.")
        return await self._writer.do(work)

    async def _entries(
        self, statement: Select[tuple[object, ...]], values: dict[str, str] | None = None
    ) -> Sequence[Entry]:
        return await self._read(
            lambda connection: [
                entry_of(driver_of(connection), Stored._make(row), self._vault)
                for row in connection.execute(statement, values).all()
            ]
        )

    async def _one(self, statement: Select[tuple[object, ...]]) -> Entry | None:
        found = await self._entries(statement)
        return found[0] if found else None

    async def _any(self, *where: ColumnElement[bool]) -> bool:
        found = select(INBOX.c.position).where(*where).limit(1)
        return await self._read(lambda connection: connection.scalar(found)) is not None

    async def _read(self, work: Callable[[Connection], T]) -> T:
        def read() -> T:
            with translated(), self._opened().connect() as connection:
                return work(connection)

        return await asyncio.to_thread(read)

    def _for_writing(self) -> sqlite3.Connection:
        if self._writing is None:
            raise StorageError("The record is not open for writing.")
        return driver_of(self._writing)

    def _opened(self) -> Engine:
        if self._engine is None:
            raise StorageError("The record is not open.")
        return self._engine


def _head_of(connection: Connection) -> Head:
    head = newest_head(driver_of(connection))
    if head is None:
        raise StorageError("The record has no checkpoint: run `socrate audit verify`.")
    return head


def _path(where: str | Path) -> Path:
    text = str(where)
    if text.startswith("sqlite:///"):
        return Path(text.removeprefix("sqlite:///"))
    if "://" in text:
        raise ConfigError("The record is kept in SQLite: give a path or a sqlite:/// URL.")
    return Path(where)


def _deciding() -> Select[tuple[object, ...]]:
    """Select the few entries that decide where a dialogue stands; see `rebuild`."""
    person = (ENTRY.c.platform == bindparam("platform")) & (ENTRY.c.sender == bindparam("sender"))
    there = person & (ENTRY.c.debate == bindparam("place"))
    here = person & (ENTRY.c.room == bindparam("room"))
    seq, turn, said = ENTRY.c.seq, ENTRY.c.kind == "turn", ENTRY.c.said
    newest = [
        select(func.max(seq)).where(which).scalar_subquery()
        for which in (
            there & (ENTRY.c.kind == "consent"),
            there & turn,
            here & turn,
            here & turn & (said == Kind.QUESTION.value),
            here & ENTRY.c.ends,
        )
    ]
    since = seq > func.coalesce(newest[-1], 0)
    carries = said.is_(None) | said.in_([kind.value for kind in IDEA_REPLIES])
    on_this_idea = turn & carries & since
    changed = ENTRY.c.kind == "rectification"
    return (
        select(*STORED)
        .where(or_(here & (on_this_idea | changed), *(seq == one for one in newest)))
        .order_by(seq.desc())
    )


_ABOUT_OTHERS = ("delivery", "case", "outcome", "access")
"""Kinds of entries that answer no message: they are in the room of what they are about."""

# Built once: building it costs more than running it.
_DECIDING = _deciding()
