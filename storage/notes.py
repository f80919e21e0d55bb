"""What vouches for a tree: signed notes, checkpoints, witnesses' cosignatures and proofs, as text.

The formats are those of C2SP: signed-note, tlog-checkpoint, tlog-cosignature (Ed25519) and
tlog-proof (https://c2sp.org). Everything here is pure. Whatever is not of its form, or not signed
by a key that is known, is a `NoteError`; nothing else is raised.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bot.errors import NoteError
from storage.merkle import HASH, leaf_hash, root_from_inclusion

LONGEST = 1_000_000
"""Characters of a note at most."""

SIGNATURES = 100
"""Signatures of a note at most; the format asks for at least 16."""

NODES = 63
"""Hashes of a proof at most."""

PROOF = "c2sp.org/tlog-proof@v1"

_LINE = re.compile(r"— (?P<name>[^\s+]+) (?P<value>[A-Za-z0-9+/]+={0,2})")
_KEY = re.compile(r"(?P<name>[^\s+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]+={0,2})")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_UNNAMED = re.compile(r"[\s+]|[\x00-\x1f]|[\ud800-\udfff]")
_ID = 4
_TIME = 8
_LATEST = 2**63 - 1


class Kind(IntEnum):
    """What a key signs: the type byte of the signed-note format."""

    LOG = 1
    """The text of notes itself."""
    WITNESS = 4
    """That it saw a checkpoint, and when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """A key that is trusted, and under which name."""

    name: str
    kind: Kind
    key: bytes
    """Of Ed25519, 32 bytes."""

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature line names the key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.key).digest()[:_ID]

    @property
    def text(self) -> str:
        """The key as operators exchange it ("vkey"): name, id and key, joined by plus signs."""
        return f"{self.name}+{self.id.hex()}+{_base64(bytes([self.kind]) + self.key)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key that signs, and under which name: for a log, the name is its origin."""

    name: str
    kind: Kind
    key: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """What others check its signatures with."""
        public = self.key.public_key().public_bytes_raw()
        return Verifier(name=self.name, kind=self.kind, key=public)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How large a log is, and the root over all of it."""

    origin: str
    """Which log."""
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One line under a note."""

    name: str
    id: bytes
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text and what is signed under it, by whomever."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signature that is good."""

    verifier: Verifier
    at: int | None
    """When a witness saw it, in seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a tlog-proof says: where a leaf is, and the checkpoint of a log it is in."""

    index: int
    hashes: tuple[bytes, ...]
    note: str
    extra: bytes | None = None
    """Vouched for by nobody."""


def origin(key: bytes) -> str:
    """Return what a record is called whose settings give it no name: after its public *key*."""
    return f"cafe-socrate/{sha256(key).hexdigest()[:16]}"


def named(name: str) -> bool:
    """Tell whether a key may be called *name*."""
    return bool(name) and not _UNNAMED.search(name)


def verifier(text: str) -> Verifier:
    """Return the key that *text* ("vkey") names.

    Raises:
        NoteError: It is no such text, or of a kind of key that is not known here.
    """
    parts = _KEY.fullmatch(text)
    if parts is None or not named(parts["name"]):
        raise NoteError(
            "a verifier key is a name, eight hexadecimal digits and a key, with + between"
        )
    kind, key = _bytes(parts["key"])[:1], _bytes(parts["key"])[1:]
    if kind not in {bytes([known]) for known in Kind} or len(key) != HASH:
        raise NoteError(f"the verifier key of {parts['name']} is not one of Ed25519")
    found = Verifier(name=parts["name"], kind=Kind(kind[0]), key=key)
    if found.id.hex() != parts["id"]:
        raise NoteError(f"the verifier key of {parts['name']} has a mistake in it")
    return found


def sign(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return *checkpoint* as a note signed by its log."""
    value = signer.key.sign(checkpoint.text.encode())
    return f"{checkpoint.text}\n{_line(signer, value)}"


def cosign(note: str, signer: Signer, at: int) -> str:
    """Return the line by which a witness says that it saw the checkpoint *note* at *at*.

    Raises:
        NoteError: It is no note.
    """
    value = signer.key.sign(_witnessed(parsed(note).text, at))
    return _line(signer, at.to_bytes(_TIME, "big") + value)


def parsed(note: str) -> Note:
    """Return the parts of *note*, whoever signed it.

    Raises:
        NoteError: It is not of the form.
    """
    if len(note) > LONGEST or _CONTROL.search(note) or not _encodable(note):
        raise NoteError("the note is too long, or holds characters that no note may hold")
    text, parting, under = note.rpartition("\n\n")
    lines = under.split("\n")
    if not parting or lines.pop() or not 0 < len(lines) <= SIGNATURES:
        raise NoteError("the note is not a text and signatures with an empty line between")
    return Note(text=text + "\n", signatures=tuple(map(_signature, lines)))


def signatures(note: str, verifiers: Iterable[Verifier]) -> tuple[Signed, ...]:
    """Return the signatures under *note* by *verifiers*, others left aside.

    Raises:
        NoteError: It is not of the form, or one of them is false.
    """
    return _checked(parsed(note), verifiers)


def checkpoint(note: str) -> Checkpoint:
    """Return what the checkpoint *note* says, **whoever signed it**.

    Raises:
        NoteError: It is not of the form.
    """
    return _checkpoint(parsed(note).text)


def opened(note: str, verifiers: Iterable[Verifier]) -> Checkpoint:
    """Return the checkpoint that *note* is, signed by its own log, whose key is in *verifiers*.

    Raises:
        NoteError: It is not of the form, not signed by that key, or a known signature is false.
    """
    parts = parsed(note)
    found = _checkpoint(parts.text)
    good = {(one.verifier.kind, one.verifier.name) for one in _checked(parts, verifiers)}
    if (Kind.LOG, found.origin) not in good:
        raise NoteError("the checkpoint is not signed by a key of its log that is known")
    return found


def tlog_proof(index: int, hashes: Iterable[bytes], note: str) -> str:
    """Return the proof that leaf *index* is in the log whose checkpoint is *note*."""
    return "\n".join((PROOF, f"index {index}", *map(_base64, hashes), "", note))


def proof(text: str) -> Proof:
    """Return the parts of the tlog-proof *text*.

    Raises:
        NoteError: It is not of the form.
    """
    head, parting, note = text.partition("\n\n")
    title, *lines = head.split("\n")
    extra = _bytes(lines.pop(0)[6:]) if lines and lines[0].startswith("extra ") else None
    if title != PROOF or not parting or not lines or not lines[0].startswith("index "):
        raise NoteError(f"a proof begins with {PROOF} and an index, and ends with a checkpoint")
    index, *nodes = lines
    return Proof(index=number(index[6:]), hashes=hashes(nodes), note=note, extra=extra)


def proved(text: str, leaf: bytes, verifiers: Iterable[Verifier]) -> tuple[int, Checkpoint]:
    """Return the index of *leaf*, and the checkpoint of a log of *verifiers* that it is in.

    Raises:
        NoteError: The tlog-proof *text* does not show that.
    """
    parts = proof(text)
    found = opened(parts.note, verifiers)
    root = root_from_inclusion(parts.index, found.size, leaf_hash(leaf), parts.hashes)
    if root != found.root:
        raise NoteError(f"the proof does not lead from this leaf to the root of {found.origin}")
    return parts.index, found


def number(text: str) -> int:
    """Return the decimal *text* without leading zeros.

    Raises:
        NoteError: It is none, or beyond what any log can hold.
    """
    if not _NUMBER.fullmatch(text) or int(text) > _LATEST:
        raise NoteError("a size or index is a decimal number without leading zeros")
    return int(text)


def hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    """Return the hashes of a proof, in base64 one a line.

    Raises:
        NoteError: One is none, or there are more than any proof has.
    """
    if len(lines) > NODES:
        raise NoteError(f"a proof has {NODES} hashes at most")
    return tuple(map(_hash, lines))


def _signature(line: str) -> Signature:
    parts = _LINE.fullmatch(line)
    value = _bytes(parts["value"]) if parts else b""
    if parts is None or len(value) <= _ID:
        raise NoteError("a signature is a line of a dash, a name and base64")
    return Signature(name=parts["name"], id=value[:_ID], value=value[_ID:])


def _checked(note: Note, verifiers: Iterable[Verifier]) -> tuple[Signed, ...]:
    known = {(one.name, one.id): one for one in verifiers}
    return tuple(
        _verified(note.text, signature, known[signature.name, signature.id])
        for signature in note.signatures
        if (signature.name, signature.id) in known
    )


def _verified(text: str, signature: Signature, verifier: Verifier) -> Signed:
    at, value, message = None, signature.value, text.encode()
    if verifier.kind is Kind.WITNESS:
        at, value = int.from_bytes(value[:_TIME], "big"), value[_TIME:]
        message = _witnessed(text, at)
    try:
        Ed25519PublicKey.from_public_bytes(verifier.key).verify(value, message)
    except (InvalidSignature, ValueError) as exc:
        raise NoteError(f"the signature of {verifier.name} is false") from exc
    if at is not None and at > _LATEST:
        raise NoteError(f"the time in the signature of {verifier.name} is beyond all times")
    return Signed(verifier=verifier, at=at)


def _checkpoint(text: str) -> Checkpoint:
    lines = text.split("\n")[:-1]
    if len(lines) < 3 or "" in lines:  # noqa: PLR2004 - origin, size, root
        raise NoteError("a checkpoint is an origin, a size and a root, one a line")
    return Checkpoint(origin=lines[0], size=number(lines[1]), root=_hash(lines[2]))


def _witnessed(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _line(signer: Signer, value: bytes) -> str:
    return f"— {signer.name} {_base64(signer.verifier.id + value)}\n"


def _hash(text: str) -> bytes:
    found = _bytes(text)
    if len(found) != HASH:
        raise NoteError(f"a hash is {HASH} bytes in base64")
    return found


def _base64(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _bytes(text: str) -> bytes:
    """Return what *text* encodes, if it is the one way of writing it."""
    try:
        found = b64decode(text, validate=True)
    except ValueError as exc:  # also of characters beyond ASCII
        raise NoteError("this is not base64") from exc
    if _base64(found) != text:
        raise NoteError("this is base64, but not as it is written")
    return found


def _encodable(note: str) -> bool:
    try:
        note.encode()
    except UnicodeEncodeError:
        return False
    return True
