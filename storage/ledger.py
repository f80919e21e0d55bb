"""What is written in one transaction: entries with their seals, the mailbox, the signed head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, tuple_, update

from bot.domain import Case, Delivery, Entry, Erased, Erasure, Event, Message
from bot.errors import StorageError
from storage import chain, codec
from storage.tables import CURSOR, ENTRY, HEAD, INBOX, OUTBOX

_DAMAGED = (
    "The end of the record is not what was signed, so nothing is added to it: "
    "run `socrate audit verify`, then restore a backup."
)

# Statements are built once: building them costs more than running them.
_HEAD_IS = select(HEAD.c.seq, HEAD.c.seal, HEAD.c.signature)
_NEWEST = select(ENTRY.c.seq, ENTRY.c.seal).order_by(ENTRY.c.seq.desc()).limit(1)
_ANSWER = select(ENTRY).where(
    ENTRY.c.platform == bindparam("platform"),
    ENTRY.c.room == bindparam("room"),
    ENTRY.c.message_id == bindparam("message_id"),
)
_CASE = select(ENTRY).where(ENTRY.c.turn == bindparam("about"), ENTRY.c.kind == "case")
_EMPTY = {"body": "", "salt": ""}
_ERASE = update(ENTRY).where(ENTRY.c.seq == bindparam("its_seq")).values(**_EMPTY)
_FORGET = _ERASE.values(sender=None, message_id=None)
_UNKNOWN = delete(INBOX).where(
    tuple_(INBOX.c.platform, INBOX.c.room, INBOX.c.sender).in_(
        select(ENTRY.c.platform, ENTRY.c.room, ENTRY.c.sender).where(
            ENTRY.c.seq == bindparam("its_seq"), ENTRY.c.sender.is_not(None)
        )
    )
)
_THIS_MESSAGE = (
    INBOX.c.platform == bindparam("its_platform"),
    INBOX.c.event_id == bindparam("its_id"),
)
_RECEIVED = select(INBOX.c.position).where(*_THIS_MESSAGE)
_ANSWERED = update(INBOX).where(*_THIS_MESSAGE).values(done=True, message=None)
_SETTLED = (
    update(OUTBOX)
    .where(OUTBOX.c.seq == bindparam("its_seq"), OUTBOX.c.delivered.is_(None))
    .values(delivered=bindparam("by"), external_id=bindparam("shown"))
)
_MOVED = (
    update(CURSOR)
    .where(CURSOR.c.platform == bindparam("its_platform"))
    .values(value=bindparam("to"))
)
_NEW_ENTRY, _NEW_MESSAGE, _NEW_REPLY = insert(ENTRY), insert(INBOX), insert(OUTBOX)
_NEW_CURSOR, _NEW_HEAD, _NEXT_HEAD = insert(CURSOR), insert(HEAD), update(HEAD)


@dataclass(slots=True, kw_only=True)
class Ledger:
    """One transaction on the record. What it knows of the head dies with it on rollback."""

    connection: Connection
    key: chain.Key
    clock: Callable[[], datetime]
    salt: Callable[[], str]
    trusted: chain.Head | None
    """The head this process signed last: if it is still there it need not be checked."""
    tail: tuple[int, str] | None = None
    """Number and seal of the newest entry; None until one is to be added."""

    def append(self, event: Event, body: str) -> Entry:
        """Add *event*, encoded as *body*, and see to the mailbox; see `bot.ports.Record`."""
        message = codec.answered(event)
        if known := (message and self._answer(message)) or self._same_case(event):
            return known
        entry = self._add(event, body)
        for answered in (*codec.also_answered(event), *([message] if message else [])):
            self._take_in(answered)
        self._put_out(entry)
        self._erase(event)
        return entry

    def move(self, platform: str, cursor: str) -> None:
        """Keep *cursor* alone; see `bot.ports.Mailbox`."""
        moved = self.connection.execute(_MOVED, {"its_platform": platform, "to": cursor})
        if moved.rowcount == 0:
            self.connection.execute(_NEW_CURSOR, {"platform": platform, "value": cursor})

    def receive(self, message: Message, body: str, cursor: str) -> bool:
        """Keep *message*, encoded as *body*, and *cursor*; see `bot.ports.Mailbox`."""
        new = not self._received(message) and not self._answer(message)
        if new:
            row = {
                "platform": message.room.platform,
                "event_id": message.id,
                "room": message.room.id,
                "sender": message.sender,
                "message": body,
                "received_at": codec.stamp(self.clock()),
                "done": False,
            }
            self.connection.execute(_NEW_MESSAGE, row)
        self.move(message.room.platform, cursor)
        return new

    def newest(self) -> chain.Head | None:
        """Return the newest entry's head, whoever signed it."""
        row = self.connection.execute(_HEAD_IS).first()
        return chain.Head(*row) if row else None

    def start(self) -> None:
        """Sign that the record is empty."""
        head = chain.sign(self.key, 0, chain.GENESIS)
        self.connection.execute(_NEW_HEAD, {"id": 1, **head._asdict()})

    def finish(self) -> chain.Head | None:
        """Sign the newest entry, if any was added; return the head to trust from now on."""
        if self.tail is None:
            return self.trusted
        head = chain.sign(self.key, *self.tail)
        self.connection.execute(_NEXT_HEAD, head._asdict())
        return head

    def _add(self, event: Event, body: str) -> Entry:
        seq, previous = self.tail or self._checked_tail()
        seq, kind, at = seq + 1, codec.kind_of(event), codec.stamp(self.clock())
        salt = self.salt()
        digest = chain.digest(body.encode(), salt)
        seal = chain.seal(previous, seq, at=at.encode(), kind=kind.encode(), digest=digest)
        row = {"seq": seq, "at": at, "kind": kind, "body": body, "seal": seal}
        row |= {"salt": salt, "digest": digest}
        self.connection.execute(_NEW_ENTRY, row | codec.lookup(event)._asdict())
        self.tail = seq, seal
        return Entry(seq=seq, at=codec.moment(at), event=event, seal=seal)

    def _checked_tail(self) -> tuple[int, str]:
        """Return number and seal of the newest entry, once it is sure that it is the newest."""
        head = self.newest()
        if head is None or (head != self.trusted and not self._genuine(head)):
            raise StorageError(_DAMAGED)
        return head.seq, head.seal

    def _genuine(self, head: chain.Head) -> bool:
        """Tell whether *head* is signed by our key and names the newest entry there is."""
        newest = self.connection.execute(_NEWEST).first()
        return chain.signed(head, self.key.public_key()) and (head.seq, head.seal) == (
            tuple(newest) if newest else (0, chain.GENESIS)
        )

    def _answer(self, message: Message) -> Entry | None:
        """Return the entry that answers *message*, if there is one."""
        room = message.room
        row = self.connection.execute(
            _ANSWER, {"platform": room.platform, "room": room.id, "message_id": message.id}
        ).first()
        return entry_of(row) if row else None

    def _same_case(self, event: Event) -> Entry | None:
        """Return the case that *event* would only repeat, if it is one."""
        if not isinstance(event, Case):
            return None
        row = self.connection.execute(_CASE, {"about": event.turn}).first()
        return entry_of(row) if row else None

    def _erase(self, event: Event) -> None:
        """Empty what *event* erases; of a person who is forgotten not even a pseudonym stays."""
        for seq in codec.erased_by(event):
            if isinstance(event, Erasure):
                self.connection.execute(_UNKNOWN, {"its_seq": seq})
                self.connection.execute(_FORGET, {"its_seq": seq})
            else:
                self.connection.execute(_ERASE, {"its_seq": seq})

    def _received(self, message: Message) -> bool:
        return self.connection.execute(_RECEIVED, _this(message)).first() is not None

    def _take_in(self, message: Message) -> None:
        """Mark *message* as answered; what may be kept of its text is in the entry."""
        self.connection.execute(_ANSWERED, _this(message))

    def _put_out(self, entry: Entry) -> None:
        """Put the reply *entry* holds into the outbox, or take out the one it settles."""
        if isinstance(entry.event, Delivery):
            if codec.settles(entry.event):
                settled = {"its_seq": entry.event.turn, "by": entry.seq}
                self.connection.execute(_SETTLED, settled | {"shown": entry.event.external_id})
        elif reply := codec.reply_of(entry.event):
            self.connection.execute(_NEW_REPLY, {"seq": entry.seq, "platform": reply.room.platform})


def _this(message: Message) -> dict[str, str]:
    return {"its_platform": message.room.platform, "its_id": message.id}


def entry_of(row: Row[tuple[object, ...]]) -> Entry:
    """Return the entry that *row* of its table holds.

    Raises:
        StorageError: It is damaged.
    """
    columns = row._mapping  # noqa: SLF001 # its public name, says SQLAlchemy
    return Entry(
        seq=columns["seq"],
        at=codec.moment(columns["at"]),
        event=codec.decode(columns["body"]) if columns["body"] else Erased(kind=columns["kind"]),
        seal=columns["seal"],
    )
