"""The first format of the record, a chain of seals, as it is read to be brought over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Row, inspect, text

from bot.errors import ConfigError
from storage import codec
from storage.ledger import Ledger

GENESIS = sha256(b"cafe-socrate record v1").hexdigest()
"""The seal before the first entry."""
ENTRIES, HEAD, INBOX, OUTBOX = "first_entry", "first_head", "first_inbox", "first_outbox"
"""What the tables of the first format are called while they are brought over."""
PAGE = 500
_ENTRY_MARK = b"cafe-socrate entry v1\0"
_HEAD_MARK = b"cafe-socrate head v1\0"
_DAMAGED = (
    "The record is not as it was sealed, at entry {seq}, so it is not brought into the new format: "
    "run `socrate audit verify` of the version it was written with, then restore a backup."
)


class _Sealed(NamedTuple):
    """How far the chain was followed."""

    seq: int = 0
    seal: str = GENESIS


def digest(body: bytes, salt: str) -> str:
    """Return what stands for *body* in the chain (SHA-256, hexadecimal)."""
    return sha256(salt.encode() + body).hexdigest()


def seal(previous: str, seq: int, *, at: bytes, kind: bytes, digest: str) -> str:
    """Return the seal of entry *seq* (SHA-256, hexadecimal), given the seal before it."""
    sealed = sha256(_ENTRY_MARK)
    parts = (bytes.fromhex(previous), seq.to_bytes(8, "big"), at, kind, bytes.fromhex(digest))
    for part in parts:
        sealed.update(len(part).to_bytes(4, "big") + part)
    return sealed.hexdigest()


def bring_over(connection: Connection, ledger: Ledger) -> None:
    """Add every entry of the first format to *ledger*, with its old seal in the leaf.

    Raises:
        ConfigError: The chain does not hold, or its end is not the one that was signed.
    """
    if not inspect(connection).has_table(ENTRIES):
        return
    followed = _Sealed()
    for row in _rows(connection):
        followed = _follow(followed, row)
        _add(ledger, row)
        if row.seq % PAGE == 0:
            ledger.flush()
    _check_head(connection, ledger, followed)
    _bring_inbox(connection, ledger)
    ledger.flush()
    kept = "seq, platform, delivered, external_id"
    connection.execute(text(f"INSERT INTO outbox ({kept}) SELECT {kept} FROM {OUTBOX}"))  # noqa: S608 # ours
    for table in (OUTBOX, HEAD, INBOX, ENTRIES):
        connection.execute(text(f"DROP TABLE {table}"))


def _rows(connection: Connection) -> Iterator[Row[Any]]:
    after = 0
    page = text(f"SELECT * FROM {ENTRIES} WHERE seq > :after ORDER BY seq LIMIT {PAGE}")  # noqa: S608 # ours
    while rows := connection.execute(page, {"after": after}).all():
        yield from rows
        after = rows[-1].seq


def _follow(met: _Sealed, row: Row[Any]) -> _Sealed:
    """Return how far the chain was followed with *row*, which must be sealed to what was met."""
    at, kind = row.at.encode(), row.kind.encode()
    try:
        sealed = seal(met.seal, row.seq, at=at, kind=kind, digest=row.digest)
    except ValueError:
        sealed = ""
    whole = not row.body or digest(row.body.encode(), row.salt) == row.digest
    if row.seq != met.seq + 1 or row.seal != sealed or not whole:
        raise ConfigError(_DAMAGED.format(seq=met.seq + 1))
    return _Sealed(row.seq, row.seal)


def _add(ledger: Ledger, row: Row[Any]) -> None:
    if row.body:
        ledger.add(codec.decode(row.body), row.body, row.at, was=row.seal)
        return
    names = [name for name in codec.Lookup._fields if name not in {"message_id", "sender"}]
    kept = {name: getattr(row, name) for name in names}
    for name in ("platform", "room", "debate"):
        kept[name] = None if kept[name] is None else str(json.loads(f'"{kept[name]}"'))
    found = codec.Lookup(**{**kept, "ends": bool(kept["ends"])})
    ledger.add_erased(row.kind, found, row.at, row.seal)


def _check_head(connection: Connection, ledger: Ledger, met: _Sealed) -> None:
    head = connection.execute(text(f"SELECT * FROM {HEAD}")).first()  # noqa: S608 # ours
    if head is None or (head.seq, head.seal) != (met.seq, met.seal):
        raise ConfigError(_DAMAGED.format(seq=met.seq))
    vouched = _HEAD_MARK + head.seq.to_bytes(8, "big") + head.seal.encode()
    try:
        key = Ed25519PublicKey.from_public_bytes(ledger.signer.verifier.key)
        key.verify(head.signature, vouched)
    except InvalidSignature as exc:
        raise ConfigError(_DAMAGED.format(seq=met.seq)) from exc


def _bring_inbox(connection: Connection, ledger: Ledger) -> None:
    """Encrypt what waits to be answered."""
    for row in connection.execute(text(f"SELECT * FROM {INBOX} ORDER BY position")).all():  # noqa: S608 # ours
        sealed = None
        if row.message is not None:
            event_id = str(json.loads(f'"{row.event_id}"'))
            sealed = ledger.vault.seal_waiting(event_id, row.message)
        connection.execute(
            text(
                "INSERT INTO inbox VALUES (:position, :platform, :event_id, :room, :sender, "
                ":message, :received_at, :done)"
            ),
            {**row._mapping, "message": sealed},  # noqa: SLF001 # its public name, says SQLAlchemy
        )
