#!/usr/bin/env python3
"""Check a record of Café Socrate without trusting it, nor the program that wrote it.

    python verify_record.py RECORD.db --key KEY.pem
    python verify_record.py --receipt RECEIPT.tlog-proof --leaf LEAF.json --key KEY

One file: Python 3.11 and the package ``cryptography`` are all it needs, and it shares no code with
the program. What it checks is what docs/reference/record.md says. It reads the database without
writing, names every fault with its place, and raises nothing, whatever the bytes. Exit code: 0 the
record is sound, 1 there is a fault, 2 wrong use.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import re
import sqlite3
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

WIDTH = 256
"""Hashes in a full tile, and entries looked at together."""
LONGEST = 1 << 26
"""Bytes of one value in the database at most."""
MANY = 1 << 16
"""Things remembered at most, to know them again."""
ANY = object()
"""A size of which nothing was said."""
LOG, WITNESS = 1, 4
"""What a key signs: notes, or that it saw one (the type byte of C2SP's signed-note)."""
KINDS = ["access", "approval", "cafe", "case", "consent", "contest", "delivery", "erasure"]
KINDS += ["outcome", "rectification", "review", "turn"]


class Wrong(Exception):  # noqa: N818 - it is what a reader is told
    """What is wrong with one thing, in words."""


@dataclass(frozen=True)
class Key:
    """A public key that is trusted. Without a name it is that of whatever log it is held to."""

    public: bytes
    kind: int = LOG
    name: str = ""

    def id(self, name: str) -> bytes:
        """Return the four bytes by which a signature of *name* says that it is by this key."""
        return sha256(name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]


@dataclass
class Report:
    """What was found."""

    entries: int = 0
    root: bytes = b""
    faults: list[str] = field(default_factory=list)
    """Each begins with its place."""
    told: list[str] = field(default_factory=list)
    """What else is worth knowing: what was checked, what could not be."""

    @property
    def sound(self) -> bool:
        """Whether there is no fault."""
        return not self.faults

    def fault(self, place: str, what: str) -> None:
        """Note that something is wrong at *place*."""
        self.faults.append(f"{place}: {what}")


# --- Text formats: verifier keys, signed notes, checkpoints, proofs (https://c2sp.org) ---


def unbase64(text: str) -> bytes:
    """Return what *text* encodes; it must be the one way of writing it."""
    try:
        found = b64decode(text, validate=True)
    except ValueError:
        raise Wrong("is not base64") from None
    if b64encode(found).decode() != text:
        raise Wrong("is not base64 as it is written")
    return found


def verifier_key(text: str) -> Key:
    """Return the key that *text* (``name+id+key``) is."""
    parts = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", text.strip())
    if not parts:
        raise Wrong("is not a verifier key")
    raw = unbase64(parts[3])
    if len(raw) != 33 or raw[0] not in (LOG, WITNESS):  # noqa: PLR2004 - a type and 32 bytes
        raise Wrong("is not a verifier key of Ed25519")
    found = Key(public=raw[1:], kind=raw[0], name=parts[1])
    if found.id(found.name).hex() != parts[2]:
        raise Wrong("is a verifier key with a mistake in it")
    return found


def read_key(given: str) -> Key:
    """Return the key that *given* is, or that the file of that name holds: PEM or verifier key."""
    path = Path(given)
    try:
        raw = path.read_bytes() if path.is_file() else given.encode()
    except (OSError, ValueError) as exc:
        raise Wrong(f"cannot be read: {exc}") from None
    if not raw.lstrip().startswith(b"-----BEGIN"):
        return verifier_key(raw.decode("utf-8", "replace"))
    for load in (load_pem_public_key, lambda pem: load_pem_private_key(pem, None).public_key()):
        try:
            public = load(raw)
        except Exception:  # noqa: BLE001, S112 - whatever it is, it is not such a key
            continue
        if isinstance(public, Ed25519PublicKey):
            return Key(public=public.public_bytes_raw())
    raise Wrong("is no key of Ed25519")


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text of *note* and its signatures: name, then id and signature."""
    text, parting, under = note.rpartition("\n\n")
    lines = under.split("\n")
    if not parting or lines.pop() or not lines or re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise Wrong("is not a signed note")
    matches = [re.fullmatch(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)", line) for line in lines]
    return text + "\n", [(m[1], unbase64(m[2])) if m else _no_signature() for m in matches]


def _no_signature() -> tuple[str, bytes]:
    raise Wrong("has a line that is no signature")


def read_checkpoint(note: str) -> tuple[str, int, bytes]:
    """Return origin, size and root of the checkpoint *note*, whoever signed it."""
    lines = split_note(note)[0].split("\n")
    if len(lines) < 4 or "" in lines[:-1] or not re.fullmatch("0|[1-9][0-9]{0,17}", lines[1]):  # noqa: PLR2004
        raise Wrong("is not a checkpoint")
    root = unbase64(lines[2])
    if len(root) != sha256().digest_size:
        raise Wrong("has no root of 32 bytes")
    return lines[0], int(lines[1]), root


def signed_by(note: str, key: Key, name: str) -> int | None:
    """Return when *key* signed *note* as *name* (0 for a log); None if it did not.

    Raises:
        Wrong: There is a signature that says it is by *key*, and is not.
    """
    text, signatures = split_note(note)
    found = None
    for who, value in signatures:
        if (who, value[:4]) == (name, key.id(name)):
            found = _signature_time(text, value[4:], key)
    return found


def _signature_time(text: str, value: bytes, key: Key) -> int:
    at, message = 0, text.encode("utf-8", "replace")
    if key.kind == WITNESS:
        at, value = int.from_bytes(value[:8], "big"), value[8:]
        message = b"cosignature/v1\ntime %d\n" % at + message
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(value, message)
    except (InvalidSignature, ValueError):
        raise Wrong("bears a false signature") from None
    return at


def check_receipt(text: str, leaf: bytes, key: Key) -> str:
    """Return what the tlog-proof *text* proves of *leaf*."""
    head, _, note = text.partition("\n\n")
    title, *lines = head.split("\n")
    if lines and lines[0].startswith("extra "):
        lines.pop(0)
    index = re.fullmatch("index (0|[1-9][0-9]{0,17})", lines[0]) if lines else None
    if title != "c2sp.org/tlog-proof@v1" or not index:
        raise Wrong("is not a tlog-proof")
    origin, size, root = read_checkpoint(note)
    if signed_by(note, key, key.name or origin) is None or (key.name or origin) != origin:
        raise Wrong("is not signed by the key of its log")
    path = [unbase64(line) for line in lines[1:]]
    if path_root(int(index[1]), size, sha256(b"\0" + leaf).digest(), path) != root:
        raise Wrong("does not lead from this leaf to the root")
    return f"leaf {index[1]} (entry {int(index[1]) + 1}) is in {origin} of {size} entries"


def path_root(index: int, size: int, node: bytes, path: Sequence[bytes]) -> bytes | None:
    """Return where *path* leads from leaf *index* of *size* (RFC 9162, 2.1.3.2)."""
    if index >= size:
        return None
    last = size - 1
    for other in path:
        if last == 0 or len(other) != len(node):
            return None
        if index % 2 or index == last:
            node = sha256(b"\1" + other + node).digest()
            while index and index % 2 == 0:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\1" + node + other).digest()
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


# --- The tree (RFC 6962) ---


def root_of(row: list[bytes]) -> bytes:
    """Return the root over the hashes *row*; of nothing if it is empty."""
    if not row:
        return sha256().digest()
    while len(row) > 1:
        odd = row[-1:] if len(row) % 2 else []
        row = [sha256(b"\1" + a + b).digest() for a, b in zip(row[::2], row[1::2])] + odd  # noqa: B905
    return row[0]


class Tree:
    """The roots of all full tiles, level by level, and the leaves after the last of them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.levels: list[list[bytes]] = []
        self.peaks: list[bytes] = []
        self.tiles = 0

    def add(self, tile: list[bytes]) -> None:
        """Add a full tile of leaves."""
        node, self.tiles = root_of(tile), self.tiles + 1
        self._keep(node)
        count = self.tiles
        while count % 2 == 0:
            node, count = sha256(b"\1" + self.peaks.pop() + node).digest(), count // 2
        self.peaks.append(node)

    def root(self, rest: list[bytes]) -> bytes:
        """Return the root over the full tiles and the leaves *rest* after them."""
        peaks = self.peaks + ([root_of(rest)] if rest else [])
        node = peaks.pop() if peaks else root_of([])
        for left in reversed(peaks):
            node = sha256(b"\1" + left + node).digest()
        return node

    def _keep(self, node: bytes) -> None:
        """Keep the root of a tile, and of every tile above that is full by it."""
        for row in self.levels:
            row.append(node)
            if len(row) % WIDTH:
                return
            node = root_of(row[-WIDTH:])
        self.levels.append([node])


# --- The header of an entry ---

_N = rb"(?:0|[1-9][0-9]{0,15})"
_S = rb'"[ !#-\[\]-~]*(?:\\(?:["\\/bfnrt]|u[0-9a-f]{4})[ !#-\[\]-~]*)*"'
_H = rb'"[0-9a-f]{64}"'
_SHA = rb'\{"id":' + _S + rb',"sha256":' + _S + rb"\}"
_TS = rb"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]Z"


def _list(one: bytes) -> bytes:
    return rb"\[(?:" + one + rb"(?:," + one + rb")*)?\]"


_VERDICT = rb"\[" + _S + rb"," + _S + rb"," + _list(_S) + rb"\]"
USUAL = re.compile(
    rb'\{(?:"about":(' + _N + rb"),)?"
    rb'"commits":\{"what":' + _H + rb',"where":' + _H + rb',"who":' + _H + rb"\},"
    rb'(?:"depth":' + _N + rb",)?"
    rb'(?:"erased":\[(' + _N + rb"(?:," + _N + rb")*)\],)?"
    rb'(?:"frame":' + _S + rb",)?"
    rb'"kind":"(' + "|".join(KINDS).encode() + rb')"'
    rb'(?:,"language":"[a-z]{2}")?'
    rb'(?:,"model":\{"digest":' + _S + rb',"name":' + _S + rb"\})?"
    rb'(?:,"move":' + _S + rb")?"
    rb'(?:,"params":\{(?:' + _S + rb":" + _S + rb"(?:," + _S + rb":" + _S + rb")*)?\})?"
    rb'(?:,"policy":' + _SHA + rb")?"
    rb'(?:,"prompt":' + _SHA + rb")?"
    rb'(?:,"said":"([a-z-]*)")?'
    rb',"seq":(' + _N + rb")"
    rb'(?:,"source":' + _S + rb")?"
    rb',"ts":"(' + _TS + rb')","v":1'
    rb'(?:,"verdicts":' + _list(_list(_VERDICT)) + rb")?"
    rb'(?:,"was":' + _S + rb")?\}"
).fullmatch
"""What nearly every leaf looks like. One that does not is looked at key by key."""

_BEGIN = re.compile(
    rb'\{(?:"about":(' + _N + rb"),)?"
    rb'"commits":\{"what":"(.{64})","where":"(.{64})","who":"(.{64})"\},',
    re.DOTALL,
).match
_DIGITS = b"0123456789abcdef"
_COMMITS = b'"commits":{"what":"","where":"","who":""},'.translate(None, _DIGITS)
_LENGTH = len('"commits":{"what":"","where":"","who":""},') + 3 * 64
_MINUTE = re.compile(_TS.decode()).fullmatch
_IN_UTC = re.compile(_TS).fullmatch
_HEX = re.compile(r"[0-9a-f]{64}").fullmatch


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 53


def _is_named(*keys: str) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, dict)
        and sorted(value) == list(keys)
        and all(map(_is_text, value.values()))
    )


def _is_verdict(value: object) -> bool:
    """Tell whether *value* is ``[policy, decision, [labels]]``."""
    return (
        isinstance(value, list)
        and len(value) == 3  # noqa: PLR2004 - see above
        and all(map(_is_text, value[:2]))
        and isinstance(value[2], list)
        and all(map(_is_text, value[2]))
    )


def _lists(one: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(one, value))


RULES: dict[str, Callable[[Any], bool]] = {
    "v": lambda value: type(value) is int and value == 1,
    "seq": _is_number,
    "kind": lambda value: value in KINDS,
    "ts": lambda value: _is_text(value) and bool(_MINUTE(value)),
    "commits": lambda value: (
        _is_named("what", "where", "who")(value) and all(map(_HEX, value.values()))
    ),
    "about": _is_number,
    "erased": _lists(_is_number),
    "said": _is_text,
    "move": _is_text,
    "source": _is_text,
    "frame": _is_text,
    "language": _is_text,
    "depth": _is_number,
    "policy": _is_named("id", "sha256"),
    "prompt": _is_named("id", "sha256"),
    "model": _is_named("digest", "name"),
    "params": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "verdicts": _lists(_lists(_is_verdict)),
    "was": _is_text,
}
ALWAYS = {"v", "seq", "kind", "ts", "commits"}


def read_header(leaf: object) -> tuple[dict[str, Any], list[str]]:
    """Return what the header *leaf* says, as far as it is sane, and what is wrong with it."""
    values = read_json(leaf)
    if not isinstance(values, dict):
        return {}, ["its leaf is no header"]
    wrong = [f"its header has no {key}" for key in sorted(ALWAYS - values.keys())]
    wrong += [
        f"its header has {key!r:.80}, which is no key" for key in values.keys() - RULES.keys()
    ]
    bad = {key for key in values.keys() & RULES.keys() if not RULES[key](values[key])}
    wrong += [f"its header's {key} is not as it must be" for key in sorted(bad)]
    return {key: value for key, value in values.items() if key in RULES and key not in bad}, wrong


class Headers:
    """Knows usual headers again by all that is not different in each of them.

    Two entries of a kind differ in their numbers, minute and commitments; the rest of a leaf has
    been seen before, and need not be taken apart again.
    """

    def __init__(self) -> None:
        """Begin without having seen any."""
        self.shapes: dict[tuple[bytes, ...], tuple[bytes, bytes | None] | None] = {}
        self.minutes: set[bytes] = set()

    def usual(self, leaf: bytes, seq: int, ts: bytes) -> tuple[int, bytes, bytes | None] | None:
        """Return what *leaf* is about, its kind and what was said, if it is a usual one.

        It is to have the number *seq* and the minute *ts*. None calls for a closer look: for an
        entry that erases others, too.
        """
        if (begin := _BEGIN(leaf)) is None:
            return None
        about, end = begin[1], begin.end()
        if leaf[end - _LENGTH : end].translate(None, _DIGITS) != _COMMITS:
            return None
        before, _, after = leaf[end:].partition(b',"seq":')
        number, _, last = after.partition(b',"ts":"')
        number, comma, source = number.partition(b",")
        if number != b"%d" % seq or last[:16] != ts or not (ts in self.minutes or self._minute(ts)):
            return None
        shape = (before, comma, source, last[16:])
        if shape not in self.shapes:
            self._learn(shape, leaf)
        known = self.shapes[shape]
        return (int(about or 0), *known) if known else None

    def _learn(self, shape: tuple[bytes, ...], leaf: bytes) -> None:
        if len(self.shapes) == MANY:
            self.shapes.clear()
        found = USUAL(leaf)
        self.shapes[shape] = (found[3], found[4]) if found and not found[2] else None

    def _minute(self, ts: bytes) -> bool:
        if _IN_UTC(ts + b"Z") is None:
            return False
        if len(self.minutes) == MANY:
            self.minutes.clear()
        self.minutes.add(ts)
        return True


def read_json(raw: object) -> Any:
    """Return what the bytes *raw* say in JSON that cannot be read in two ways; None if nothing."""
    if not isinstance(raw, bytes):
        return None
    try:
        return json.loads(raw, object_pairs_hook=_once, parse_constant=_never, parse_float=_never)
    except (ValueError, RecursionError, Wrong):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Wrong("says the same key twice")
    return found


def _never(text: str) -> Any:
    raise Wrong(f"holds {text}")


# --- The database ---

NEEDED = {
    "entry": {
        "seq",
        "leaf",
        "body",
        "key",
        "at",
        "platform",
        "room",
        "debate",
        "sender",
        "message_id",
    },
    "key": {"id", "epoch", "wrapped"},
    "head": {"size", "note"},
    "checkpoint": {"size", "note"},
    "tile": {"level", "position", "hashes"},
}
"""The tables and columns without which nothing can be said."""
INDEXED = ("kind", "said", "turn")
"""Columns that repeat what a header says, where the database has them."""
PLACES = ("at", "message_id", "sender", "debate", "platform", "room")
WORDS = ("body", *PLACES[1:], "command", "ends")
"""What is read besides where bodies are decrypted."""
SMALLEST = 32
"""Bytes a row takes at least, so that a damaged file cannot pretend to hold rows without end."""


class Reader:
    """Reads a database of which nothing is believed."""

    def __init__(self, connection: sqlite3.Connection, report: Report, size: int) -> None:
        """Read through *connection* a file of *size* bytes; what cannot be read is a fault."""
        self.connection = connection
        self.report = report
        self.most = size // SMALLEST + WIDTH
        self.columns = {table: self._columns(table) for table in (*NEEDED, "inbox")}
        for table, needed in NEEDED.items():
            for name in sorted(needed - self.columns[table]):
                report.fault(f"table {table}", f"has no column {name}")

    def whole(self, table: str) -> bool:
        """Tell whether *table* can be read at all."""
        return NEEDED[table] <= self.columns[table]

    def batches(self, query: str, place: str) -> Iterator[list[tuple[Any, ...]]]:
        """Yield what *query* finds, `WIDTH` rows at a time; what cannot be read is a fault."""
        batch: list[tuple[Any, ...]] = []
        left = self.most
        try:
            for row in self.connection.execute(query):
                batch.append(row)
                if len(batch) == WIDTH:
                    yield batch
                    batch, left = [], left - WIDTH
                    if left < 0:
                        raise OverflowError("more rows than its file can hold")  # noqa: TRY301
        except (sqlite3.Error, OverflowError, MemoryError, UnicodeError) as exc:
            self.report.fault(place, f"cannot be read to the end: {exc}")
        if batch:
            yield batch

    def rows(self, query: str, place: str) -> Iterator[tuple[Any, ...]]:
        """Yield what *query* finds, row by row; what cannot be read is a fault at *place*."""
        return chain.from_iterable(self.batches(query, place))

    def _columns(self, table: str) -> set[str]:
        """Return the names of the columns of *table*, if it is an ordinary table."""
        place = f"table {table}"
        query = f"SELECT type, sql FROM sqlite_schema WHERE name = '{table}'"  # noqa: S608 - of ours
        made = list(self.rows(query, place))
        # A view or a virtual table could run for ever; a generated column could, too.
        if len(made) != 1 or made[0][0] != b"table" or not _ordinary(made[0][1]):
            return set()
        info = list(self.rows(f"PRAGMA table_xinfo('{table}')", place))
        return {row[1].decode("utf-8", "replace") for row in info if row[6] == 0}


def _ordinary(sql: object) -> bool:
    return isinstance(sql, bytes) and bool(re.match(rb"(?i)create\s+table\b", sql))


def reading_uri(path: Path) -> str:
    """Return how to open *path* without writing; a copy at rest needs no place for a lock."""
    at_rest = not path.with_name(f"{path.name}-wal").exists()
    fixed = at_rest and not os.access(path.parent, os.W_OK)
    return f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if fixed else ''}"


# --- Verifying ---


@dataclass(frozen=True)
class Given:
    """What a record is checked with."""

    key: Key | None = None
    epochs: dict[int, bytes] | None = None
    """Keys of keys by number; None: what is encrypted stays unread."""
    witnesses: tuple[Key, ...] = ()
    closely: bool = False
    """Take every header apart, even one whose like has been seen: slower, and finds no more."""
    tiles: Path | None = None
    """An export in the layout of C2SP's tlog-tiles, to be compared."""


def verify(path: Path, given: Given) -> Report:
    """Return what is to be said of the record at *path*, however damaged it is."""
    report = Report()
    try:
        with closing(sqlite3.connect(reading_uri(path), uri=True, isolation_level=None)) as opened:
            opened.text_factory = bytes  # damaged text need not be UTF-8
            opened.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
            opened.execute("PRAGMA trusted_schema = OFF")
            opened.execute("BEGIN")  # one moment of the record, though it may be growing
            Verifier(Reader(opened, report, _bytes_of(path)), given, report).run()
    except Exception as exc:  # noqa: BLE001 - whatever trips the reader, the record is damaged
        report.fault("database", f"cannot be read: {type(exc).__name__}: {exc}")
    return report


def _bytes_of(path: Path) -> int:
    beside = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (beside.stat().st_size if beside.exists() else 0)


class Verifier:
    """Goes through a record once, from the first entry to the last."""

    def __init__(self, reader: Reader, given: Given, report: Report) -> None:
        """Check what *reader* reads with what is *given*, into *report*."""
        self.reader = reader
        self.given = given
        self.report = report
        self.tree = Tree()
        self.keys: dict[object, AESGCM | None] = {}
        self.roots: dict[int, list[tuple[str, bytes]]] = {}
        """What checkpoints say, by size: their place and the root."""
        self.vouched: dict[Key, tuple[int, int]] = {}
        """Up to which size each witness vouches, and when it said so."""
        self.headers = Headers()
        self.next = 1
        self.emptied: set[int] = set()
        self.erased: dict[int, int] = {}
        """Numbers that entries name as erased, and the last entry that does."""
        self.tiles = Tiles(reader, report)
        self.export = Export(given.tiles, report) if given.tiles else None

    def run(self) -> None:
        """Check everything."""
        self._read_keys()
        self._read_checkpoints()
        if self.reader.whole("entry"):
            self._read_entries()
        self._check_erased()
        self._check_witnesses()
        if self.given.epochs is None:
            self.report.told.append("what is encrypted was not read: --epochs checks that too")
        else:
            self._check_inbox(self.given.epochs)

    # Keys

    def _read_keys(self) -> None:
        if not self.reader.whole("key"):
            return
        for number, *row in self.reader.rows("SELECT id, epoch, wrapped FROM key", "table key"):
            self.keys[number] = None
            if self.given.epochs is not None:
                self._unwrap(number, self.given.epochs, *row)

    def _unwrap(self, number: Any, epochs: dict[int, bytes], epoch: Any, wrapped: Any) -> None:
        try:
            outer = AESGCM(epochs[epoch])
            self.keys[number] = AESGCM(
                outer.decrypt(wrapped[:12], wrapped[12:], b"key %d" % number)
            )
        except (InvalidTag, LookupError, TypeError, ValueError, OverflowError):
            self.report.fault(
                f"key {number!r:.40}", f"cannot be unwrapped with epoch {epoch!r:.40}"
            )

    # Checkpoints

    def _read_checkpoints(self) -> None:
        heads = 0
        for table in ("head", "checkpoint"):
            query = f"SELECT size, note FROM {table}"  # noqa: S608 - of ours
            found = self.reader.rows(query, f"table {table}") if self.reader.whole(table) else ()
            for size, note in found:
                heads += table == "head"
                self._read_note(
                    "head" if table == "head" else f"checkpoint {size!r:.40}", note, size
                )
        if heads != 1:
            self.report.fault("head", f"there are {heads} newest checkpoints, not one")
        if self.export and (note := self.export.note) is not None:
            self.export.size = self._read_note("export/checkpoint", note)
        if self.given.key is None:
            self.report.fault("key", "none is given: nobody vouches for the checkpoints")

    def _read_note(self, place: str, raw: object, size: object = ANY) -> int:
        """Look at a checkpoint; return its size, 0 if it is none."""
        try:
            note = raw.decode() if isinstance(raw, bytes) else ""
            origin, said, root = read_checkpoint(note)
        except (UnicodeDecodeError, Wrong) as exc:
            self.report.fault(place, str(exc) if isinstance(exc, Wrong) else "is not text")
            return 0
        if size is not ANY and size != said:
            self.report.fault(place, f"it says size {said}")
        self.roots.setdefault(said, []).append((place, root))
        self._check_signatures(place, note, origin, said)
        return said

    def _check_signatures(self, place: str, note: str, origin: str, size: int) -> None:
        key = self.given.key
        if key is not None:
            if key.name not in {"", origin}:
                self.report.fault(place, f"is of the log {origin!r:.80}, not of {key.name}")
            elif self._signed(place, note, key, origin) is None:
                self.report.fault(place, "is not signed by the record's key")
        for witness in self.given.witnesses:
            if (at := self._signed(place, note, witness, witness.name)) is not None:
                self.vouched[witness] = max(self.vouched.get(witness, (0, 0)), (size, at))

    def _signed(self, place: str, note: str, key: Key, name: str) -> int | None:
        try:
            return signed_by(note, key, name)
        except Wrong as exc:
            self.report.fault(place, f"{exc} of {name}")
            return None

    def _check_roots(self, start: int, hashes: list[bytes]) -> None:
        """Compare checkpoints with the tree, from size *start* up to where *hashes* end."""
        for size in range(start, start + len(hashes) + 1):
            for place, root in self.roots.pop(size, ()):
                if root != self.tree.root(hashes[: size - start]):
                    self.report.fault(place, f"the first {size} entries do not have its root")

    def _check_witnesses(self) -> None:
        for witness in self.given.witnesses:
            if witness not in self.vouched:
                self.report.fault(
                    f"witness {witness.name}", "vouches for no checkpoint in the record"
                )
                continue
            size, at = self.vouched[witness]
            when = f", {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" if at < 1 << 36 else ""
            self.report.told.append(f"{witness.name} vouches for the first {size} entries{when}")

    # Entries

    def _read_entries(self) -> None:
        have = self.reader.columns["entry"]
        wanted = ["seq", "leaf", "at", "key", "body IS NULL"]
        wanted += [name if name in have else "NULL" for name in INDEXED]
        if self.given.epochs is not None:
            wanted += [name if name in have else "NULL" for name in WORDS]
        query = f"SELECT {', '.join(wanted)} FROM entry ORDER BY seq"  # noqa: S608 - of ours
        self.indexed = {name for name in (*INDEXED, *WORDS) if name in have}
        start, hashes = 0, []
        for batch in self.reader.batches(query, "table entry"):
            hashes = _leaf_hashes(batch)
            self._look(batch, hashes)
            self._check_roots(start, hashes)
            if self.export:
                self.export.compare(start, batch, hashes)
            if len(batch) == WIDTH:
                self.tiles.compare(0, self.tree.tiles, b"".join(hashes))
                self.tree.add(hashes)
                start, hashes = start + WIDTH, []
        self._finish(start, hashes)

    def _finish(self, start: int, hashes: list[bytes]) -> None:
        self.report.entries = start + len(hashes)
        self.report.root = self.tree.root(hashes)
        self._check_roots(start, hashes)
        for size, found in sorted(self.roots.items()):
            for place, _ in found:
                what = f"is of {size} entries, the record has {self.report.entries}: it was cut"
                self.report.fault(place, what)
        self.tiles.finish(self.tree)
        if self.export:
            self.export.finish(self.tree, self.report.entries)

    def _look(self, batch: list[tuple[Any, ...]], hashes: list[bytes]) -> None:
        """Look at every entry of *batch*: quickly, and closely where something is unusual."""
        decrypting = self.given.epochs is not None
        usual, keys = self.headers.usual, self.keys
        quickly = set(INDEXED) <= self.indexed and not self.given.closely
        for row, leaf_hash in zip(batch, hashes, strict=True):
            seq, leaf, at, key, empty, kind, said, turn, *words = row
            try:
                found = usual(leaf, seq, at[:16]) if quickly else None
                plain = (
                    found is not None
                    and seq == self.next
                    and found == (turn or 0, kind, said if kind == b"turn" else found[2])
                    and len(at) == 27  # noqa: PLR2004 - to the microsecond
                    and not empty
                    and key in keys
                )
            except (TypeError, AttributeError):  # a column of another type
                plain = False
            if plain:
                self.next += 1
            else:
                self._look_closely(row[:8])
            if decrypting:
                self._read_words(row[:8], words, leaf_hash)

    def _look_closely(self, row: tuple[Any, ...]) -> None:
        """Say what is wrong with an entry, if anything; note what was erased."""
        seq, leaf, at, key, empty, *_ = row
        place = self._place(seq)
        header, wrong = read_header(leaf)
        wrong += [
            f"its column {name} does not agree with its header"
            for name in self._differ(row, header)
        ]
        if empty:
            self.emptied.add(seq)
        elif key not in self.keys:
            wrong.append(f"its key {key!r:.40} is not there")
        if not _is_moment(at, header.get("ts"), empty=empty):
            wrong.append("its column at does not agree with its header")
        for number in header.get("erased", ()):
            self.erased[number] = max(self.erased.get(number, 0), seq if type(seq) is int else 0)
        for what in wrong:
            self.report.fault(place, what)

    def _place(self, seq: Any) -> str:
        """Return what to call the entry that says it is number *seq*; see to gaps."""
        if type(seq) is not int or seq < self.next:
            self.report.fault(f"entry {seq!r:.40}", f"stands where entry {self.next} ought to")
            return f"entry {seq!r:.40}"
        if seq > self.next:
            last = f"–{seq - 1}" if seq - 1 > self.next else ""
            self.report.fault(f"entry {self.next}{last}", "is missing")
        self.next = seq + 1
        return f"entry {seq}"

    def _differ(self, row: tuple[Any, ...], header: dict[str, Any]) -> list[str]:
        """Return the columns that do not say what *header* does."""
        seq, kind, said, turn = row[0], *row[5:8]
        about = header.get("about", 0)
        differ = {
            "seq": "seq" in header and header["seq"] != seq,
            "kind": "kind" in header and _plain(kind) != header["kind"],
            "turn": (turn or 0) != about,
            "said": header.get("kind") == "turn" and (_plain(said) or "") != header.get("said", ""),
        }
        return [name for name, does in differ.items() if does and name in self.indexed | {"seq"}]

    def _check_erased(self) -> None:
        """Compare what is gone with what entries say was erased."""
        for seq in sorted(number for number in self.emptied if isinstance(number, int)):
            if self.erased.get(seq, 0) <= seq:
                self.report.fault(f"entry {seq}", "its words are gone, and no later entry says so")
        for seq, by in sorted(self.erased.items()):
            if not 0 < seq < by:
                self.report.fault(f"entry {by}", f"says that entry {seq} was erased, a later one")
            elif seq not in self.emptied:
                self.report.fault(
                    f"entry {seq}", f"entry {by} says it was erased; its words are there"
                )
        if self.emptied:
            self.report.told.append(f"words erased: {len(self.emptied)} entries")

    # Words

    def _read_words(self, row: tuple[Any, ...], words: list[Any], leaf_hash: bytes) -> None:
        """Decrypt the body of an entry, and hold its columns and its header to it."""
        body, aes = words[0], self.keys.get(row[3])
        if body is None or (aes is None and row[3] in self.keys):
            return  # erased, or its key's fault
        columns = dict(zip(WORDS[1:], words[1:], strict=True))
        columns |= {"at": row[2], "said": row[6], "turn": row[7]}
        columns["kind"] = row[5] if "kind" in self.indexed else read_header(row[1])[0].get("kind")
        try:
            plain = _opened(aes, body, leaf_hash)
            wrong = _wrong_words(plain, _commits(row[1]), columns, self.indexed)
        except Wrong as exc:
            wrong = [str(exc)]
        for what in wrong:
            self.report.fault(f"entry {row[0]!r:.40}", what)

    def _check_inbox(self, epochs: dict[int, bytes]) -> None:
        """See that what waits in the inbox can be read with the keys there are."""
        if not {"event_id", "message"} <= self.reader.columns["inbox"]:
            return
        query = "SELECT rowid, event_id, message FROM inbox WHERE message IS NOT NULL"
        for number, event, message in self.reader.rows(query, "table inbox"):
            try:
                aes = AESGCM(epochs[int.from_bytes(message[:4], "big")])
                aes.decrypt(message[4:16], message[16:], b"inbox " + event)
            except (InvalidTag, LookupError, TypeError, ValueError, OverflowError):
                self.report.fault(f"inbox {number!r:.40}", "what waits there cannot be decrypted")


def _leaf_hashes(batch: list[tuple[Any, ...]]) -> list[bytes]:
    try:
        return [sha256(b"\0" + row[1]).digest() for row in batch]
    except TypeError:  # something that is no leaf: it counts as an empty one
        leaves = [row[1] if isinstance(row[1], bytes) else b"" for row in batch]
        return [sha256(b"\0" + leaf).digest() for leaf in leaves]


def _plain(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _is_moment(at: object, ts: object, *, empty: object) -> bool:
    """Tell whether the column *at* is in the minute *ts*; to the minute alone if erased.

    What is not erased is committed to, to the microsecond.
    """
    if not isinstance(at, bytes) or not isinstance(ts, str):
        return False
    within = at[16:] == b":00.000000Z" if empty else len(at) == 27  # noqa: PLR2004 - see above
    return at[:16] == ts[:16].encode() and within


def _opened(aes: AESGCM | None, body: Any, leaf_hash: bytes) -> bytes:
    try:
        plain = aes.decrypt(body[:12], body[12:], leaf_hash) if aes else b""
    except (InvalidTag, TypeError, ValueError, OverflowError):
        raise Wrong("its words cannot be decrypted: they are not what was written") from None
    if aes and len(plain) < 96:  # noqa: PLR2004 - three salts
        raise Wrong("its words have no salts")
    return plain


def _commits(leaf: Any) -> dict[str, bytes]:
    """Return the commitments in the header *leaf*."""
    if isinstance(leaf, bytes) and (begin := _BEGIN(leaf)):
        return {"what": begin[2], "where": begin[3], "who": begin[4]}
    return {x: v.encode() for x, v in read_header(leaf)[0].get("commits", {}).items()}


def _wrong_words(
    plain: bytes,
    commits: dict[str, bytes],
    columns: dict[str, Any],
    indexed: set[str],
) -> list[str]:
    """Return what does not agree among commitments, columns and words of an entry."""
    salts, what = {"who": plain[:32], "what": plain[32:64], "where": plain[64:96]}, plain[96:]
    bodies = {
        "who": _joined(columns, at="at", message="message_id", sender="sender"),
        "what": what,
        "where": _joined(columns, debate="debate", platform="platform", room="room"),
    }
    wrong = [
        f"its commitment to {x} is to something else"
        for x, body in bodies.items()
        if body is None or hmac.digest(salts[x], body, "sha256").hex().encode() != commits.get(x)
    ]
    event = _event(what)
    if event.get("kind") != _plain(columns["kind"]):
        return [*wrong, "its words are of another kind than its header says"]
    differ = [name for name, value in _found_by(event).items() if columns.get(name) != value]
    return wrong + [
        f"its column {name} does not agree with its words" for name in differ if name in indexed
    ]


def _joined(columns: dict[str, Any], **names: str) -> bytes | None:
    """Return canonical JSON of columns that hold the inside of JSON strings, if they do."""
    found = [columns[name] for name in names.values()]
    if not all(value is None or isinstance(value, bytes) for value in found):
        return None
    quoted = (b"null" if value is None else b'"' + value + b'"' for value in found)
    parts = (b'"%s":' % key.encode() + value for key, value in zip(names, quoted, strict=True))
    return b"{" + b",".join(parts) + b"}"


def _event(what: bytes) -> dict[str, Any]:
    try:
        event = json.loads(what)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _found_by(event: dict[str, Any]) -> dict[str, Any]:
    """Return what the columns of an entry with the words *event* ought to be."""
    command = event.get("command")
    found: dict[str, Any] = {
        "command": _verbatim(command) if isinstance(command, str) else None,
        "ends": int(bool(event.get("ends")) or event.get("kind") == "approval"),
        "turn": event.get("turn"),
    }
    reply = event.get("reply")
    found["said"] = _verbatim(reply.get("kind")) if isinstance(reply, dict) else None
    message = event.get("message")
    if not isinstance(message, dict) or not isinstance(room := message.get("room"), dict):
        return found
    places = {
        "message_id": message.get("id"),
        "sender": message.get("sender"),
        "debate": room.get("debate") or room.get("id"),
        "platform": room.get("platform"),
        "room": room.get("id"),
    }
    return found | {name: _verbatim(value) for name, value in places.items()}


def _verbatim(value: object) -> bytes | None:
    return json.dumps(value)[1:-1].encode() if isinstance(value, str) else None


class Tiles:
    """The tiles in the database, read in step with the tree that is computed."""

    def __init__(self, reader: Reader, report: Report) -> None:
        """Read them through *reader*."""
        self.report = report
        self.readable = reader.whole("tile")
        query = "SELECT level, position, hashes FROM tile ORDER BY level, position"
        self.stored = reader.rows(query, "table tile") if self.readable else iter(())
        self.ahead = self._next()

    def compare(self, level: int, position: int, hashes: bytes) -> None:
        """Hold the tile at *level* and *position* to what it must be; ask in this order."""
        if not self.readable:
            return
        while self.ahead and self.ahead[:2] < (level, position):
            self._surplus()
        if self.ahead is None or self.ahead[:2] > (level, position):
            self.report.fault(f"tile {level}/{position}", "is missing")
            return
        if self.ahead[2] != hashes:
            self.report.fault(f"tile {level}/{position}", "is not what its leaves make it")
        self.ahead = self._next()

    def finish(self, tree: Tree) -> None:
        """Compare the tiles above the first level, then see that no other is there."""
        for level, row in enumerate(tree.levels, 1):
            for position in range(len(row) // WIDTH):
                hashes = b"".join(row[position * WIDTH : (position + 1) * WIDTH])
                self.compare(level, position, hashes)
        while self.ahead:
            self._surplus()

    def _surplus(self) -> None:
        if self.ahead:
            self.report.fault(f"tile {self.ahead[0]}/{self.ahead[1]}", "has no leaves below it")
        self.ahead = self._next()

    def _next(self) -> tuple[int, int, Any] | None:
        for level, position, hashes in self.stored:
            if type(level) is int and type(position) is int:
                return level, position, hashes
            self.report.fault(f"tile {level!r:.40}/{position!r:.40}", "is no place in a tree")
        return None


class Export:
    """A folder in the layout of tlog-tiles, held to the record."""

    def __init__(self, folder: Path, report: Report) -> None:
        """Look into *folder*."""
        self.folder = folder
        self.report = report
        self.size = 0
        self.note = self._read("checkpoint")

    def compare(self, start: int, batch: list[tuple[Any, ...]], hashes: list[bytes]) -> None:
        """Hold the files of the leaves from *start* on to those of the record."""
        width = min(self.size - start, len(batch))
        if width <= 0:
            return
        leaves = [row[1] if isinstance(row[1], bytes) else b"" for row in batch[:width]]
        bundle = b"".join(len(leaf).to_bytes(4, "big")[2:] + leaf for leaf in leaves)
        self._hold(f"tile/0/{_path(start // WIDTH, width)}", b"".join(hashes[:width]))
        self._hold(f"tile/entries/{_path(start // WIDTH, width)}", bundle)

    def finish(self, tree: Tree, entries: int) -> None:
        """Hold the files above the first level to *tree*."""
        if self.size > entries:
            return  # its checkpoint has been said to be of more entries than there are
        for level, row in enumerate(tree.levels, 1):
            count = self.size >> 8 * level
            for start in range(0, count, WIDTH):
                hashes = row[start : min(start + WIDTH, count)]
                self._hold(f"tile/{level}/{_path(start // WIDTH, len(hashes))}", b"".join(hashes))

    def _hold(self, name: str, content: bytes) -> None:
        found = self._read(name)
        if found is not None and found != content:
            self.report.fault(f"export/{name}", "is not what the record makes it")

    def _read(self, name: str) -> bytes | None:
        try:
            with (self.folder / name).open("rb") as file:
                return file.read(LONGEST)
        except OSError as exc:
            self.report.fault(f"export/{name}", f"cannot be read: {exc.strerror}")
            return None


def _path(position: int, width: int) -> str:
    """Return the path of a tile: ``x001/x234/067``, and its width if it is not full."""
    parts = [f"{position % 1000:03}"]
    while position := position // 1000:
        parts.append(f"x{position % 1000:03}")
    return "/".join(reversed(parts)) + (f".p/{width}" if width < WIDTH else "")


# --- The command line ---


def main(words: Sequence[str] | None = None) -> int:
    """Check what *words* name; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("record", nargs="?", type=Path, help="the SQLite file")
    parser.add_argument("--key", help="the record's public key: a PEM file or a verifier key")
    parser.add_argument(
        "--epochs", type=Path, help="the file of epoch keys: decrypt, and check more"
    )
    parser.add_argument("--witness", action="append", default=[], help="verifier key of a witness")
    parser.add_argument(
        "--tiles", type=Path, help="compare a folder that was exported as tlog-tiles"
    )
    parser.add_argument("--receipt", type=Path, help="a .tlog-proof to check instead, with --leaf")
    parser.add_argument("--leaf", type=Path, help="the leaf that the receipt is for")
    chosen = parser.parse_args(words)
    try:
        if chosen.receipt:
            return _receipt(chosen)
        given = _given(chosen)
    except Wrong as exc:
        parser.error(str(exc))
    return _print(verify(chosen.record, given))


def _given(chosen: argparse.Namespace) -> Given:
    if chosen.record is None or not chosen.record.is_file():
        raise Wrong("name the SQLite file of a record")
    return Given(
        key=_key(chosen),
        epochs=read_epochs(chosen.epochs) if chosen.epochs else None,
        witnesses=tuple(_witness(text) for text in chosen.witness),
        tiles=chosen.tiles,
    )


def read_epochs(path: Path) -> dict[int, bytes]:
    """Return the epoch keys in the file at *path*."""
    try:
        lines = [line.split() for line in path.read_text("ascii").splitlines() if line.strip()]
        return {int(number): bytes.fromhex(key) for number, key in lines}
    except (OSError, ValueError) as exc:
        raise Wrong(f"{path} holds no epoch keys: {type(exc).__name__}") from None


def _key(chosen: argparse.Namespace) -> Key | None:
    """Return the key that is named, or the one beside the record."""
    beside = chosen.record.with_name(f"{chosen.record.name}.key") if chosen.record else None
    given = chosen.key or (str(beside) if beside and beside.is_file() else "")
    try:
        return read_key(given) if given else None
    except Wrong as exc:
        raise Wrong(f"--key {given}: {exc}") from None


def _witness(text: str) -> Key:
    try:
        found = read_key(text)
    except Wrong as exc:
        raise Wrong(f"--witness {text}: {exc}") from None
    if found.kind != WITNESS:
        raise Wrong(f"--witness {text}: is not a witness's key")
    return found


def _receipt(chosen: argparse.Namespace) -> int:
    key = _key(chosen)
    if key is None or chosen.leaf is None:
        raise Wrong("--receipt needs --leaf and --key")
    try:
        text, leaf = chosen.receipt.read_text("utf-8"), chosen.leaf.read_bytes()
    except (OSError, ValueError) as exc:
        raise Wrong(f"cannot be read: {exc}") from None
    try:
        # A leaf ends in a brace; a newline after it is the terminal's.
        proved = check_receipt(text, leaf.removesuffix(b"\n"), key)
    except Wrong as exc:
        print(f"NOT SOUND: {chosen.receipt} {exc}")
        return 1
    print(f"sound: {proved}")
    return 0


def _print(report: Report) -> int:
    for line in report.faults:
        print(line.encode("utf-8", "backslashreplace").decode())
    for line in report.told:
        print(f"({line})")
    print(f"entries: {report.entries}")
    print(f"root: {report.root.hex()}")
    print("sound" if report.sound else f"NOT SOUND: {len(report.faults)} faults")
    return int(not report.sound)


if __name__ == "__main__":
    sys.exit(main())
