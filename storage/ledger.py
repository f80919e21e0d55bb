"""What is written in one transaction: entries and their leaves, the mailbox, the signed head."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from bot.domain import (
    Case,
    Contest,
    Delivery,
    Entry,
    Erased,
    Erasure,
    Event,
    Line,
    Message,
    Review,
    Turn,
)
from bot.errors import StorageError
from storage import codec, writing
from storage.leaf import Header, leaf, new_salts
from storage.merkle import leaf_hash
from storage.notes import Checkpoint, Signer, sign
from storage.reading import Head, Stored, entry_of, tree_at
from storage.statement import Statement
from storage.tables import stored, verbatim
from storage.tally import DECIDED, Around, lined, repeats, tallied
from storage.tree import Tree
from storage.vault import NOBODY, Owner, Vault

_DAMAGED = (
    "The end of the record is not what was signed, so nothing is added to it: "
    "run `socrate audit verify`, then restore a backup."
)
_Rows: TypeAlias = list[dict[str, Any]]


class _About(NamedTuple):
    """An entry that another is about."""

    seq: int
    kind: str
    turn: int | None
    key: int
    platform: str | None
    room: str | None
    debate: str | None

    def line(self) -> Line:
        """Return as much of its line as counting asks for."""
        return Line(seq=self.seq, at=datetime.min.replace(tzinfo=UTC), kind=self.kind)


@dataclass(slots=True)
class _Pending:
    """What is to be written with as few statements as there are tables, in this order."""

    entries: _Rows = field(default_factory=list)
    labels: _Rows = field(default_factory=list)
    tiles: _Rows = field(default_factory=list)
    replies: _Rows = field(default_factory=list)
    settled: _Rows = field(default_factory=list)
    answered: _Rows = field(default_factory=list)
    contested: _Rows = field(default_factory=list)
    reviewed: _Rows = field(default_factory=list)

    def write(self, connection: sqlite3.Connection) -> None:
        for statement, rows in (
            (writing.NEW_ENTRY, self.entries),
            (writing.NEW_LABEL, self.labels),
            (writing.NEW_TILE, self.tiles),
            (writing.NEW_REPLY, self.replies),
            (writing.SETTLED, self.settled),
            (writing.ANSWERED, self.answered),
            (writing.CONTESTED, self.contested),
            (writing.REVIEWED, self.reviewed),
        ):
            statement.run_all(connection, rows)
            rows.clear()


@dataclass(slots=True, kw_only=True)
class Ledger:
    """One transaction on the record. What it knows of the tree dies with it on rollback."""

    connection: sqlite3.Connection
    signer: Signer
    vault: Vault
    clock: Callable[[], datetime]
    random: Callable[[int], bytes] = os.urandom
    head: Head | None
    """The newest checkpoint there is, whoever signed it."""
    trusted: Head | None
    """The head this process signed last: if it is still there it need not be checked."""
    tree: Tree
    """The tree under that head, for this transaction alone."""
    day: str = ""
    """The day of which a checkpoint is known to be kept already."""
    _checked: bool = False
    _added: dict[int, Entry] = field(default_factory=dict)
    _answers: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _places: dict[int, _About] = field(default_factory=dict)
    _tallies: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    _cursors: dict[str, str] = field(default_factory=dict)
    """How far each platform was read, as told last."""
    _pending: _Pending = field(default_factory=_Pending)

    def append(self, event: Event, body: str) -> Entry:
        """Add *event*, encoded as *body*, and see to the mailbox; see `bot.ports.Record`."""
        message = codec.answered(event)
        if known := (message and self._answer(message)) or self._same_act(event):
            return known
        entry = self.add(event, body, codec.stamp(self.clock()))
        for answered in (*codec.also_answered(event), *([message] if message else [])):
            self._pending.answered.append(_this(answered))
        self._put_out(entry)
        self.erase(event)
        return entry

    def add(self, event: Event, body: str, at: str, was: str = "") -> Entry:
        """Add *event*, encoded as *body* at the time *at*, to entries and tree alone."""
        self._check()
        seq = self.tree.size + 1
        found = codec.lookup(event)
        about = self._about(found.turn)
        found = _placed(found, about)
        entry = Entry(seq=seq, at=codec.moment(at), event=event, seal="")
        line, salts = lined(entry), new_salts(self.random)
        header = Header(seq=seq, at=at, found=found, line=line, was=was)
        its_leaf = leaf(event, body, header, salts)
        its_hash = leaf_hash(its_leaf)
        key, newcomer = self._key_for(found, about)
        plain = b"".join((*salts, body.encode()))
        sealed = self.vault.seal(self.connection, key, plain, its_hash)
        row = {"seq": seq, "leaf": its_leaf, "key": key, "body": sealed, "at": at}
        row |= {"within": _within(event, found, about), "kind": line.kind}
        # Counted before it is there itself: the first review of a question must look first.
        self._count(entry, found, about, newcomer=newcomer)
        self._enter(row | found._asdict() | _listed(line), its_hash)
        self._index(event, line, about)
        self._added[seq] = replace(entry, seal=its_hash.hex())
        if found.message_id is not None:
            place = (found.platform or "", found.room or "", found.message_id)
            self._answers[place] = seq
        return self._added[seq]

    def add_erased(self, kind: str, found: codec.Lookup, at: str, was: str) -> None:
        """Add what is left of an entry of that *kind* whose contents are gone."""
        self._check()
        at = f"{at[:16]}:00.000000Z"
        line = Line(seq=self.tree.size + 1, at=codec.moment(at), kind=kind)
        header = Header(seq=line.seq, at=at, found=found, line=line, was=was)
        its_leaf = leaf(Erased(kind=kind), "", header, new_salts(self.random))
        key, _ = self.vault.key_of(self.connection, NOBODY)
        row = {"seq": header.seq, "leaf": its_leaf, "key": key, "at": header.at, "body": None}
        row |= {"kind": kind, "within": found.debate, **found._asdict(), **_listed(line)}
        self._enter(row, leaf_hash(its_leaf))

    def move(self, platform: str, cursor: str) -> None:
        """Keep *cursor* alone; see `bot.ports.Mailbox`."""
        self._cursors[platform] = cursor

    def receive(self, message: Message, body: str, cursor: str) -> bool:
        """Keep *message*, encoded as *body*, and *cursor*; see `bot.ports.Mailbox`."""
        room = message.room
        self.move(room.platform, cursor)
        if (room.platform, room.id, message.id) in self._answers:
            return False
        row = {
            "platform": room.platform,
            "event_id": message.id,
            "room": room.id,
            "sender": message.sender,
            "message": self.vault.seal_waiting(message.id, body),
            "received_at": codec.stamp(self.clock()),
            "done": False,
        }
        return writing.NEW_MESSAGE.run(self.connection, row).rowcount == 1

    def keep(self, note: str, size: int) -> None:
        """Keep the checkpoint *note*, of a tree of *size* leaves, for good."""
        row = {"size": size, "note": note, "at": codec.stamp(self.clock())}
        writing.KEPT.run(self.connection, row)

    def start(self) -> None:
        """Sign that the record is empty."""
        self.head = self._signed()
        writing.NEW_HEAD.run(self.connection, {"id": 1, **self.head._asdict()})

    def flush(self) -> None:
        """Write what is pending, so that it can be read."""
        self._pending.write(self.connection)

    def finish(self) -> Head | None:
        """Sign the newest entry, if any was added; return the head to trust from now on."""
        self.flush()
        moved = [{"platform": name, "value": cursor} for name, cursor in self._cursors.items()]
        writing.MOVED.run_all(self.connection, moved)
        if not self._added and not self._checked:
            return self.trusted
        self._write_tallies()
        self._keep_daily()
        head = self._signed()
        writing.NEXT_HEAD.run(self.connection, head._asdict())
        return head

    def erase(self, event: Event) -> None:
        """Empty what *event* erases; of a person who is forgotten not even a pseudonym stays."""
        erased = codec.erased_by(event)
        if not erased:
            return
        self.flush()
        keys = set()
        for seq in erased:
            row = writing.CONTENTS.run(self.connection, {"its_seq": seq}).fetchone()
            if row is None:
                continue
            at, key = row
            keys.add(key)
            if isinstance(event, Erasure):
                # What a person who leaves has still to be answered goes too; else it is answered.
                unknown = writing.UNKNOWN if event.cause == "person" else writing.ANSWERED_UNKNOWN
                unknown.run(self.connection, {"its_seq": seq})
            statement = writing.FORGET if isinstance(event, Erasure) else writing.ERASE
            minute = f"{at[:16]}:00.000000Z"
            statement.run(self.connection, {"its_seq": seq, "minute": minute})
        for key in sorted(keys):
            self._rekey(key)

    def _rekey(self, key: int) -> None:
        """Encrypt what is left under *key* with a new one, and delete it.

        Else what a backup holds of the erased could be read with a key that is still there.
        """
        new = None
        for seq, its_leaf, body in writing.LEFT.run(self.connection, {"its_key": key}).fetchall():
            new = new or self.vault.replaced(self.connection, key)
            bound = leaf_hash(its_leaf)
            plain = self.vault.open(self.connection, key, body, bound)
            again = self.vault.seal(self.connection, new, plain, bound)
            writing.SEALED_AGAIN.run(self.connection, {"its_seq": seq, "again": again})
        if new:
            writing.MOVE_KEY.run(self.connection, {"its_key": key, "to": new})
        self.vault.delete(self.connection, key)
        self._places.clear()

    def _enter(self, row: dict[str, Any], its_hash: bytes) -> None:
        self._pending.entries.append({"contested": False, "reviewed": False, **row})
        self._places[row["seq"]] = _About._make(row[name] for name in _About._fields)
        for tile in self.tree.append(its_hash):
            self._pending.tiles.append(tile._asdict())

    def _index(self, event: Event, line: Line, about: _About | None) -> None:
        """Have the entry found by its labels, and the one it is about by what it says of it."""
        self._pending.labels.extend({"label": label, "seq": line.seq} for label in line.labels)
        if about and isinstance(event, Contest):
            self._pending.contested.append({"its_seq": about.seq})
        elif about and isinstance(event, Review):
            self._pending.reviewed.append({"its_seq": about.seq})
            if about.kind == "contest" and about.turn:
                self._pending.reviewed.append({"its_seq": about.turn})

    def _count(
        self, entry: Entry, found: codec.Lookup, about: _About | None, *, newcomer: bool
    ) -> None:
        """Count what *entry* adds to its debate's day."""
        event = entry.event
        depth = event.depth if isinstance(event, Turn) else 0
        around = Around(newcomer=newcomer, depth=depth)
        if isinstance(event, Review):
            self.flush()
            around = Around(first=self._first(event), about=about and about.line())
        debate, day = _within(event, found, about) or "", entry.at.date().isoformat()
        self._tallies.update((debate, day, *fact) for fact in tallied(event, entry.at, around))

    def _first(self, review: Review) -> bool:
        """Tell whether no review of the kind of *review*, plain or deciding, was there before."""
        theirs = writing.REVIEWS.run(self.connection, {"about": review.turn}).fetchall()
        return all((why in DECIDED) != (review.finding in DECIDED) for (why,) in theirs)

    def _about(self, turn: int | None) -> _About | None:
        """Return the entry *turn*, which another is about."""
        if not turn:
            return None
        if turn not in self._places:
            row = writing.PLACE.run(self.connection, {"its_seq": turn}).fetchone()
            return _About(*row[:4], *map(verbatim, row[4:])) if row else None
        return self._places[turn]

    def _key_for(self, found: codec.Lookup, about: _About | None) -> tuple[int, bool]:
        """Return the key of whose words these are, and whether it was made for them just now.

        They are the sender's, or else of whomever they are about.
        """
        if found.sender:
            owner = Owner(found.platform or "", found.debate or "", found.sender)
            return self.vault.key_of(self.connection, owner)
        if about:
            return about.key, False
        return self.vault.key_of(self.connection, NOBODY)[0], False

    def _check(self) -> None:
        """See that the newest entry is the one that was signed, before one is added.

        Raises:
            StorageError: It is not.
        """
        if self._checked:
            return
        if self.head is None:
            raise StorageError(_DAMAGED)
        if self.head != self.trusted:
            self.tree = self._genuine(self.head)
        self._checked = True

    def _genuine(self, head: Head) -> Tree:
        """Return the tree under *head*, which must be signed by our key."""
        tree = tree_at(self.connection, head, self.signer.verifier)
        if tree is None:
            raise StorageError(_DAMAGED)
        return tree

    def _signed(self) -> Head:
        size, root = self.tree.size, self.tree.root()
        return Head(
            size, sign(Checkpoint(origin=self.signer.name, size=size, root=root), self.signer)
        )

    def _keep_daily(self) -> None:
        """Keep the checkpoint of the day before at the first change of a day."""
        today = codec.stamp(self.clock())[:10]
        if today == self.day:
            return
        self.day = today
        head, last = self.head, writing.LAST_KEPT.run(self.connection).fetchone()
        if head and head.size and (last is None or last[0][:10] != today):
            self.keep(head.note, head.size)

    def _write_tallies(self) -> None:
        facts = [
            (stored(debate), day, dimension, value, count)
            for (debate, day, dimension, value), count in self._tallies.items()
        ]
        if facts:
            writing.COUNTED.run(self.connection, {"facts": json.dumps(facts)})

    def _answer(self, message: Message) -> Entry | None:
        """Return the entry that answers *message*, if there is one."""
        room = message.room
        if seq := self._answers.get((room.platform, room.id, message.id)):
            return self._added[seq]
        there = {"platform": room.platform, "room": room.id, "message_id": message.id}
        return self._stored(writing.ANSWER, there)

    def _stored(self, statement: Statement, values: dict[str, Any]) -> Entry | None:
        row = statement.run(self.connection, values).fetchone()
        return entry_of(self.connection, Stored(*row), self.vault) if row else None

    def _same_act(self, event: Event) -> Entry | None:
        """Return the case or review that *event* would only repeat, if it is one."""
        if not isinstance(event, Case | Review):
            return None
        self.flush()
        about = {"about": event.turn}
        if isinstance(event, Case):
            return self._stored(writing.CASE, about)
        rows = writing.REVIEWED_BY.run(self.connection, about).fetchall()
        known = (entry_of(self.connection, Stored(*row), self.vault) for row in rows)
        return next((entry for entry in known if repeats(event, entry.event)), None)

    def _put_out(self, entry: Entry) -> None:
        """Put the reply *entry* holds into the outbox, or take out the one it settles."""
        if isinstance(entry.event, Delivery):
            if codec.settles(entry.event):
                settled = {"its_seq": entry.event.turn, "by": entry.seq}
                self._pending.settled.append(settled | {"shown": entry.event.external_id})
        elif reply := codec.reply_of(entry.event):
            row = {"seq": entry.seq, "platform": reply.room.platform}
            self._pending.replies.append({**row, "delivered": None, "external_id": None})


def _this(message: Message) -> dict[str, str]:
    return {"its_platform": message.room.platform, "its_id": message.id}


def _placed(found: codec.Lookup, about: _About | None) -> codec.Lookup:
    """Return *found* in the place of what the entry is *about*, if it has none of its own."""
    if about is None or found.platform is not None:
        return found
    return found._replace(platform=about.platform, room=about.room, debate=about.debate)


def _within(event: Event, found: codec.Lookup, about: _About | None) -> str | None:
    """Return the debate to list *event* under: a moderator's own room is none."""
    return about.debate if about and isinstance(event, Review) else found.debate


def _listed(line: Line) -> dict[str, Any]:
    """Return what only lists need of an entry."""
    return {
        "language": line.language or None,
        "why": line.why or None,
        "move": line.move or None,
        "source": line.source or None,
        "decision": line.decision or None,
        "labels": f",{','.join(line.labels)}," if line.labels else "",
    }
