"""Seal each entry to the one before it and sign the newest, so that tampering shows.

To be replaced by a Merkle log: nothing outside this file knows how a seal is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from bot.errors import ConfigError
from storage.files import write_once

GENESIS = sha256(b"cafe-socrate record v1").hexdigest()
"""The seal before the first entry."""

_ENTRY = b"cafe-socrate entry v1\0"
_HEAD = b"cafe-socrate head v1\0"

Key: TypeAlias = Ed25519PrivateKey
PublicKey: TypeAlias = Ed25519PublicKey


class Row(NamedTuple):
    """An entry as the database holds it, to the byte."""

    seq: int
    at: bytes
    kind: bytes
    digest: bytes
    """`digest` of its body, which outlives the body."""
    seal: bytes


class Head(NamedTuple):
    """Where the record ends, as its keeper signed it."""

    seq: int
    seal: str
    signature: bytes


class HeadState(Enum):
    """What a verifier can say of the signed head."""

    OK = "ok"
    TRUNCATED = "truncated"
    """The entry it names is gone."""
    DIFFERENT = "different"
    """The newest entry is not the one it names."""
    FORGED = "forged"
    """Its signature is not by the record's key."""
    MISSING = "missing"
    NO_KEY = "no-key"
    """Without the key its signature cannot be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verifier found."""

    entries: int
    """How many entries were read."""
    broken: int | None
    """Sequence number of the first entry that is not as sealed, or None if all are."""
    head: HeadState

    @property
    def sound(self) -> bool:
        """Whether the record is as its keeper wrote it, as far as this can be known."""
        return self.broken is None and self.head is HeadState.OK


def new_salt() -> str:
    """Return a salt: without it nobody can tell what a digest was made from."""
    return token_hex(32)


def digest(body: bytes, salt: str) -> str:
    """Return what stands for *body* in the chain (SHA-256, hexadecimal)."""
    return sha256(salt.encode() + body).hexdigest()


def seal(previous: str, seq: int, *, at: bytes, kind: bytes, digest: str) -> str:
    """Return the seal of entry *seq* (SHA-256, hexadecimal), given the seal before it."""
    parts = (
        bytes.fromhex(previous),
        seq.to_bytes(8, "big"),
        at,
        kind,
        bytes.fromhex(digest),
    )
    sealed = sha256(_ENTRY)
    for part in parts:
        sealed.update(len(part).to_bytes(4, "big") + part)
    return sealed.hexdigest()


def first_break(rows: Iterable[Row]) -> int | None:
    """Return the first sequence number whose entry is not as sealed, or None if all are."""
    return walk(rows).broken


class Walk(NamedTuple):
    """What was met on the way through a record."""

    entries: int
    seq: int
    """The number the last entry bears; 0 if there is none."""
    seal: str
    """The seal the last entry bears."""
    broken: int | None
    """The first number whose entry is not as sealed."""


def walk(rows: Iterable[Row]) -> Walk:
    """Follow the seals of *rows*, oldest first, to the last of them; raise nothing."""
    met = Walk(0, 0, GENESIS, None)
    for row in rows:
        broken = met.broken
        if broken is None and not _follows(row, met):
            broken = met.seq + 1
        met = Walk(met.entries + 1, row.seq, row.seal.decode("ascii", "replace"), broken)
    return met


def sign(key: Key, seq: int, newest: str) -> Head:
    """Return the head that vouches for entry *seq*, sealed *newest*, and all before it."""
    return Head(seq, newest, key.sign(_vouched(seq, newest)))


def signed(head: Head, key: PublicKey) -> bool:
    """Tell whether *head* was signed by *key*, whatever *head* holds."""
    try:
        key.verify(head.signature, _vouched(head.seq, head.seal))
    except (InvalidSignature, ValueError, TypeError, AttributeError, OverflowError):
        return False
    return True


def judge(head: Head | None, key: PublicKey | None, met: Walk) -> HeadState:
    """Compare *head* with the record as it was *met*."""
    if head is None:
        return HeadState.MISSING
    if key is None:
        return HeadState.NO_KEY
    if not signed(head, key):
        return HeadState.FORGED
    if head.seq > met.seq:
        return HeadState.TRUNCATED
    return HeadState.OK if (head.seq, head.seal) == (met.seq, met.seal) else HeadState.DIFFERENT


def read_key(path: Path) -> Key:
    """Return the signing key kept at *path*.

    Raises:
        ConfigError: There is none, or it cannot be read.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ConfigError(_NO_KEY.format(path=path)) from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(_NO_KEY.format(path=path))
    return key


def read_public_key(path: Path) -> PublicKey | None:
    """Return the public half of the key at *path*, itself private or public, if it is one."""
    with suppress(ConfigError):
        return read_key(path).public_key()
    with suppress(OSError, ValueError, UnsupportedAlgorithm):
        key = load_pem_public_key(path.read_bytes())
        return key if isinstance(key, Ed25519PublicKey) else None
    return None


def make_key(path: Path) -> Key:
    """Return the signing key kept at *path*, made there if there is none, for its owner's eyes.

    Raises:
        ConfigError: It can neither be read nor made.
    """
    if path.exists():
        return read_key(path)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    try:
        write_once(path, pem)
    except OSError as exc:
        raise ConfigError(f"The signing key cannot be written to {path}: {exc.strerror}.") from exc
    return read_key(path)


_NO_KEY = (
    "The key that signs the record cannot be read from {path}: restore it from a backup, "
    "or name its place in the settings."
)


def _follows(row: Row, met: Walk) -> bool:
    if row.seq != met.seq + 1:
        return False
    try:
        expected = seal(met.seal, row.seq, at=row.at, kind=row.kind, digest=row.digest.decode())
    except ValueError:  # no digest at all
        return False
    # Hexadecimal can be written in several ways; only one of them is ours.
    exact = bytes.fromhex(row.digest.decode()).hex().encode() == row.digest
    return exact and row.seal == expected.encode()


def _vouched(seq: int, newest: str) -> bytes:
    return _HEAD + seq.to_bytes(8, "big") + newest.encode()
