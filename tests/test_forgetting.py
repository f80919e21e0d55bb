"""A person can be forgotten, in backups too, and the record still proves itself."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Erased, Erasure, Filter, Message, Rectification, Reply, Room, Turn
from bot.domain import Kind as Said
from bot.errors import StorageError
from storage import codec
from storage.leaf import PLAIN
from storage.merkle import consistent, leaf_hash, root_from_inclusion
from storage.notes import Kind, Signer, checkpoint, cosign, proof, proved
from storage.reading import newest_head
from storage.signing import read_signer
from storage.sql import SqlRecord
from storage.statement import driver_of
from storage.vault import Vault

ROOM = Room("matrix", "!café:example.org")
SIX = datetime(2027, 1, 31, 18, tzinfo=UTC)
WORDS = "More trees in the square"


def said(name: str, sender: str = "P1", text: str = WORDS, room: Room = ROOM) -> Turn:
    message = Message(id=name, room=room, sender=sender, text=text, sent_at=SIX)
    reply = Reply(room=room, to=name, text=f"Why {text}?", kind=Said.QUESTION, language="en")
    return Turn(message=message, language="en", reply=reply)


def edit(name: str, *erased: int) -> Rectification:
    message = Message(id=f"{name}-edit", room=ROOM, sender="P1", text="", sent_at=SIX, edits=name)
    return Rectification(message=message, erased=erased)


@pytest.fixture
async def record(tmp_path) -> AsyncIterator[SqlRecord]:
    async with SqlRecord(tmp_path / "live" / "record.db", clock=lambda: SIX) as record:
        yield record


@pytest.fixture(autouse=True)
def live(tmp_path) -> Path:
    (tmp_path / "live").mkdir()
    return tmp_path / "live"


def backup(live: Path, to: Path) -> Path:
    """Copy the record as an operator would: the database through SQLite, the keys as files."""
    to.mkdir()
    with (
        closing(sqlite3.connect(live / "record.db")) as source,
        closing(sqlite3.connect(to / "record.db")) as copy,
    ):
        source.backup(copy)
    for name in ("record.db.key", "record.db.epochs"):
        shutil.copy(live / name, to)
    return to / "record.db"


def readable(database: Path, epochs: Path, bodies_of: Path) -> list[int]:
    """Return the entries of *bodies_of* that the keys in *database* still open."""
    vault = Vault(epochs)
    vault.load()
    found = []
    with closing(sqlite3.connect(database)) as keys, closing(sqlite3.connect(bodies_of)) as kept:
        every = keys.execute("SELECT id, epoch, wrapped FROM key").fetchall()
        secrets = [vault._remember(n, _unwrapped(vault, n, e, w)) for n, e, w in every]
        for seq, leaf, body in kept.execute("SELECT seq, leaf, body FROM entry"):
            if body and any(_opens(secret, body, leaf_hash(leaf)) for secret in secrets):
                found.append(seq)
    return found


def _unwrapped(vault: Vault, number: int, epoch: int, wrapped: bytes) -> bytes:
    return vault._epoch(epoch).decrypt(wrapped[:12], wrapped[12:], f"key {number}".encode())


def _opens(secret, body: bytes, bound: bytes) -> bool:
    try:
        return len(secret.decrypt(body[:12], body[12:], bound)) > PLAIN
    except InvalidTag:
        return False


async def test_words_taken_back_cannot_be_read_in_an_earlier_backup(record, live, tmp_path):
    for name in ("$1", "$2", "$3"):
        await record.append(said(name))
    old = backup(live, tmp_path / "backup")

    await record.append(edit("$2", 2))

    assert readable(live / "record.db", live / "record.db.epochs", old) == []
    entries = [entry async for entry in record.entries()]
    assert [isinstance(e.event, Erased) for e in entries] == [False, True, False, False]
    assert entries[0].event.message.text == WORDS


async def test_a_forgotten_person_has_no_key_and_others_keep_theirs(record, live, tmp_path):
    await record.append(said("$1"))
    await record.append(said("$2", sender="P2", text="Fewer cars"))
    old = backup(live, tmp_path / "backup")

    await record.append(Erasure(erased=(1,), cause="person"))

    assert readable(live / "record.db", live / "record.db.epochs", old) == [2]
    with closing(sqlite3.connect(live / "record.db")) as connection:
        assert connection.execute("SELECT sender FROM key WHERE sender <> ''").fetchall() == [
            ("P2",)
        ]


async def test_after_a_rotation_no_earlier_backup_can_be_read_with_what_is_left(
    record, live, tmp_path
):
    await record.append(said("$1"))
    old = backup(live, tmp_path / "backup")

    await record.rotate()

    shutil.copy(live / "record.db.epochs", old.with_name("record.db.epochs"))
    async with SqlRecord(old, read_only=True) as restored:
        with pytest.raises(StorageError, match="does not hold"):
            await restored.entry(1)
    assert (await record.entry(1)).event.message.text == WORDS
    assert (await record.verify()).sound


async def test_what_waits_is_read_after_a_rotation_too(record):
    waiting = said("$1").message
    await record.receive(waiting, "s1")

    await record.rotate()

    assert await record.waiting("matrix") == [waiting]


async def test_a_process_that_runs_through_a_rotation_goes_on(record, live):
    await record.append(said("$1"))
    async with SqlRecord(live / "record.db") as other:
        await other.append(said("$2"))
        await record.rotate()
        await other.append(said("$3"))
        await other.append(said("$4", sender="P9"))
        assert len([entry async for entry in other.entries()]) == 4
    assert len([entry async for entry in record.entries()]) == 4
    assert (await record.verify()).sound


@pytest.mark.parametrize(("cause", "left"), [("person", 0), ("operator", 1), ("retention", 1)])
async def test_what_still_waits_goes_only_with_a_person_who_leaves(record, cause, left):
    await record.append(said("$1"))
    await record.receive(said("$2").message, "s1")

    await record.append(Erasure(erased=(1,), cause=cause))

    assert len(await record.waiting("matrix")) == left


async def test_a_rotation_that_fails_loses_nothing(record, live):
    await record.append(said("$1"))
    with closing(sqlite3.connect(live / "record.db", isolation_level=None)) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE UPDATE ON key BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        with pytest.raises(StorageError):
            await record.rotate()
        connection.execute("DROP TRIGGER no")

    assert (await record.entry(1)).event.message.text == WORDS
    await record.append(said("$2"))
    await record.rotate()
    assert (await record.verify()).sound


async def test_erasing_changes_no_count_no_leaf_and_no_proof(record, live):
    for number in range(5):
        await record.append(said(f"${number}"))
    before, leaf = await record.tallies(), await record.leaf(2)
    receipt = await record.proof(2)

    await record.append(Erasure(erased=(1, 2, 3, 4, 5), cause="person"))

    after = await record.tallies()
    assert {name: after[name] for name in before if name not in {"kind", "erasure"}} == {
        name: before[name] for name in before if name not in {"kind", "erasure"}
    }
    assert await record.leaf(2) == leaf
    verifier = read_signer(live / "record.db.key").verifier
    assert proved(receipt, leaf, [verifier])[0] == 1
    assert proved(await record.proof(2), leaf, [verifier])[0] == 1
    assert (await record.verify()).sound
    assert [line.erased for line in await record.lines(Filter(kind="turn"), limit=9)] == [True] * 5


async def test_an_erased_entry_keeps_the_minute_but_not_the_second(record, live):
    moments = iter(SIX.replace(second=n) for n in range(10, 60))
    record._clock = lambda: next(moments)
    await record.append(said("$1"))

    await record.append(Erasure(erased=(1,), cause="person"))

    assert (await record.entry(1)).at == SIX


async def test_the_checkpoint_a_witness_vouched_for_is_told_from_one_that_was_only_kept(record):
    witness = Signer(name="w.example", kind=Kind.WITNESS, key=Ed25519PrivateKey.generate())
    await record.append(said("$1"))
    record._clock = lambda: SIX.replace(month=2, day=1)
    await record.append(said("$2"))  # a new day: the last checkpoint of the old one is kept
    assert await record.vouched() == ""

    note = await record.checkpoint()
    await record.append(said("$3"))
    vouched = note + cosign(note, witness, 1)
    await record.cosigned(vouched)

    assert await record.vouched() == vouched
    assert (await record.verify()).sound


async def test_any_earlier_root_is_consistent_with_the_newest(record):
    roots = {}
    for number in range(1, 20):
        await record.append(said(f"${number}"))
        roots[number] = checkpoint(await record.checkpoint()).root

    for old, root in roots.items():
        path = await record.consistency(old, 19)
        assert consistent(old, root, 19, roots[19], path)


async def test_a_proof_leads_from_each_leaf_to_the_root(record):
    await asyncio.gather(*(record.append(said(f"${number}")) for number in range(299)))
    for seq in (1, 2, 255, 256, 257, 298):
        found = proof(await record.proof(seq))
        root = checkpoint(found.note)
        leaf = leaf_hash(await record.leaf(seq))
        assert root_from_inclusion(found.index, root.size, leaf, found.hashes) == root.root
    with pytest.raises(StorageError, match="no entry 300"):
        await record.proof(300)


def _encoded(event):
    return event, codec.encode(event)


@settings(deadline=None, max_examples=20)
@given(cuts=st.sets(st.integers(1, 599), max_size=6))
def test_any_split_into_batches_gives_one_root(empty, tmp_path_factory, cuts):
    folder = tmp_path_factory.mktemp("split") / "record"
    shutil.copytree(empty, folder)
    record = SqlRecord(folder / "record.db", clock=lambda: SIX, random=bytes)
    record.open()
    try:
        bounds = [0, *sorted(cuts), 600]
        for start, end in pairwise(bounds):
            with record._transaction() as ledger:
                for number in range(start, end):
                    ledger.append(*EVENTS[number])
        root = record._tree.root()
        with record._engine.connect() as connection:
            assert checkpoint(newest_head(driver_of(connection)).note).root == root
    finally:
        record.close()

    assert root.hex() == ONE_ROOT.setdefault("root", root.hex())


EVENTS = [_encoded(said(f"${number}")) for number in range(600)]
ONE_ROOT: dict[str, str] = {}
"""The root that the first split gave."""
