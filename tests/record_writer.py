"""Writes records as docs/reference/record.md says, and knows nothing of the program's own writer.

Where writer and verifier were made from the same page apart from each other, they meet only in it.
"""

from __future__ import annotations

import hmac
import json
import sqlite3
from base64 import b64encode
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORIGIN = "example.org/debate"
WITNESS = "example.net/witness"
NOBODY = ""
SCHEMA = """
    CREATE TABLE entry (seq INTEGER PRIMARY KEY, leaf BLOB, body BLOB, key INTEGER, at TEXT, kind TEXT,
        platform TEXT, room TEXT, debate TEXT, sender TEXT, message_id TEXT, said TEXT, ends INTEGER,
        turn INTEGER, command TEXT);
    CREATE TABLE key (id INTEGER PRIMARY KEY, platform TEXT, debate TEXT, sender TEXT, epoch INTEGER,
        wrapped BLOB);
    CREATE TABLE head (id INTEGER PRIMARY KEY, size INTEGER, note TEXT);
    CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT, at TEXT);
    CREATE TABLE tile (level INTEGER, position INTEGER, hashes BLOB, PRIMARY KEY (level, position));
    CREATE TABLE inbox (position INTEGER PRIMARY KEY, platform TEXT, event_id TEXT, message BLOB);
"""


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def inside(text: str | None) -> str | None:
    """Return *text* as the columns hold it."""
    return None if text is None else json.dumps(text)[1:-1]


def root(hashes: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash, as RFC 6962 defines it."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256().digest()
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\1" + root(hashes[:half]) + root(hashes[half:])).digest()


@dataclass
class Files:
    """A record that was written, and what it is checked with."""

    db: Path
    key: str
    """A verifier key."""
    epochs: Path
    witness: str


@dataclass
class Record:
    """A record in the making."""

    seed: int = 1
    entries: list[dict[str, Any]] = field(default_factory=list)
    keys: dict[tuple[str, str], tuple[int, bytes]] = field(default_factory=dict)
    checkpoints: dict[int, str] = field(default_factory=dict)
    waiting: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self):
        self.random = Random(self.seed)  # noqa: S311 - the same record each time
        self.log = Ed25519PrivateKey.from_private_bytes(self.random.randbytes(32))
        self.witness = Ed25519PrivateKey.from_private_bytes(self.random.randbytes(32))
        self.epoch = self.random.randbytes(32)

    @property
    def hashes(self) -> list[bytes]:
        return [sha256(b"\0" + entry["leaf"]).digest() for entry in self.entries]

    def add(
        self,
        event: dict[str, Any],
        *,
        header: dict[str, Any] | None = None,
        at: str = "2027-01-31T09:30:12.000001Z",
        salts: Sequence[bytes] = (),
    ) -> int:
        """Record *event*, whose leaf says *header* besides what every leaf says; return its number."""
        seq = len(self.entries) + 1
        message = event.get("message") or {}
        place = message.get("room") or {}
        found = {
            "platform": place.get("platform"),
            "room": place.get("id"),
            "debate": place.get("debate") or place.get("id"),
            "sender": message.get("sender"),
            "message_id": message.get("id"),
        }
        bodies = {
            "who": {"at": at, "message": found["message_id"], "sender": found["sender"]},
            "what": event,
            "where": {name: found[name] for name in ("debate", "platform", "room")},
        }
        order = ("who", "what", "where")
        salted = dict(zip(order, salts or [self.random.randbytes(32) for _ in order], strict=True))
        commits = {
            x: hmac.digest(salted[x], canonical(body), "sha256").hex() for x, body in bodies.items()
        }
        leaf = canonical(
            {"v": 1, "seq": seq, "kind": event["kind"], "ts": f"{at[:16]}Z", "commits": commits}
            | (header or {})
        )
        number, secret = self._key(found["debate"] or "", found["sender"] or NOBODY)
        nonce = self.random.randbytes(12)
        plain = b"".join(salted[x] for x in order) + canonical(event)
        sealed = AESGCM(secret).encrypt(nonce, plain, sha256(b"\0" + leaf).digest())
        self.entries.append(
            {name: inside(value) for name, value in found.items()}
            | {"seq": seq, "leaf": leaf, "body": nonce + sealed, "key": number, "at": at}
            | {"kind": event["kind"], "said": (event.get("reply") or {}).get("kind")}
            | {"turn": event.get("turn"), "command": event.get("command")}
            | {"ends": int(event.get("ends", False) or event["kind"] == "approval")}
        )
        return seq

    def erase(self, seqs: Iterable[int]) -> int:
        """Erase the words of *seqs*; return the number of the entry that says so."""
        for seq in seqs:
            entry = self.entries[seq - 1]
            entry |= {"body": None, "sender": None, "message_id": None}
            entry["at"] = f"{entry['at'][:16]}:00.000000Z"
        erased = sorted(seqs)
        return self.add({"kind": "erasure", "erased": erased}, header={"erased": erased})

    def wait(self, event_id: str, message: bytes) -> None:
        """Have *message* wait in the inbox."""
        nonce, bound = self.random.randbytes(12), f"inbox {inside(event_id)}".encode()
        sealed = AESGCM(self.epoch).encrypt(nonce, message, bound)
        self.waiting.append((event_id, (1).to_bytes(4, "big") + nonce + sealed))

    def note(self, size: int) -> str:
        """Return the checkpoint of the first *size* entries."""
        at_that_size = b64encode(root(self.hashes[:size])).decode()
        text = f"{ORIGIN}\n{size}\n{at_that_size}\n"
        return f"{text}\n{_line(ORIGIN, 1, self.log, self.log.sign(text.encode()))}"

    def keep(self, size: int, *, cosigned_at: int = 0) -> None:
        """Keep the checkpoint of that size, cosigned if a time is given."""
        note = self.note(size)
        if cosigned_at:
            text = note.partition("\n\n")[0]
            signed = f"cosignature/v1\ntime {cosigned_at}\n{text}\n".encode()
            value = cosigned_at.to_bytes(8, "big") + self.witness.sign(signed)
            note += _line(WITNESS, 4, self.witness, value)
        self.checkpoints[size] = note

    def tiles(self) -> dict[tuple[int, int], bytes]:
        """Return the hashes of every full tile."""
        tiles, level, row = {}, 0, self.hashes
        while len(row) >= 256:
            full = [row[n : n + 256] for n in range(0, len(row) // 256 * 256, 256)]
            tiles |= {(level, n): b"".join(tile) for n, tile in enumerate(full)}
            level, row = level + 1, [root(tile) for tile in full]
        return tiles

    def write(self, folder: Path, *, name: str = "record.db") -> Files:
        """Put the record into *folder*."""
        files = Files(
            db=folder / name,
            key=_verifier(ORIGIN, 1, self.log),
            epochs=folder / f"{name}.epochs",
            witness=_verifier(WITNESS, 4, self.witness),
        )
        files.epochs.write_text(f"1 {self.epoch.hex()}\n", "ascii")
        with closing(sqlite3.connect(files.db)) as db, db:
            db.execute("PRAGMA synchronous = OFF")
            db.executescript(SCHEMA)
            self._fill(db)
        return files

    def pem(self) -> bytes:
        """Return the public key as PEM."""
        return self.log.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def _fill(self, db: sqlite3.Connection) -> None:
        if self.entries:
            names = list(self.entries[0])
            query = f"INSERT INTO entry ({','.join(names)}) VALUES ({','.join('?' * len(names))})"  # noqa: S608
            db.executemany(query, [[entry[name] for name in names] for entry in self.entries])
        for (debate, sender), (number, secret) in self.keys.items():
            nonce = self.random.randbytes(12)
            wrapped = AESGCM(self.epoch).encrypt(nonce, secret, f"key {number}".encode())
            values = (number, "fake", inside(debate), inside(sender), 1, nonce + wrapped)
            db.execute("INSERT INTO key VALUES (?, ?, ?, ?, ?, ?)", values)
        size = len(self.entries)
        db.execute("INSERT INTO head VALUES (1, ?, ?)", (size, self.note(size)))
        rows = [(n, note, "2027-01-31") for n, note in self.checkpoints.items()]
        db.executemany("INSERT INTO checkpoint VALUES (?, ?, ?)", rows)
        tiles = [(*place, hashes) for place, hashes in self.tiles().items()]
        db.executemany("INSERT INTO tile VALUES (?, ?, ?)", tiles)
        waiting = [("fake", inside(event_id), message) for event_id, message in self.waiting]
        db.executemany("INSERT INTO inbox (platform, event_id, message) VALUES (?, ?, ?)", waiting)

    def _key(self, debate: str, sender: str) -> tuple[int, bytes]:
        owner = (debate, sender)
        if owner not in self.keys:
            self.keys[owner] = (len(self.keys) + 1, self.random.randbytes(32))
        return self.keys[owner]


def sample(entries: int = 24, seed: int = 1) -> Record:
    """Return a record of all sorts of entries, some of them erased, some checkpoints kept."""
    record = Record(seed)
    while len(record.entries) < entries - 1:
        _EVENTS[len(record.entries) % len(_EVENTS)](record)
    record.erase([n for n in (2, 3, 7) if n < len(record.entries)])
    record.keep(max(1, entries // 3))
    record.keep(max(1, entries // 2), cosigned_at=1_800_000_000)
    record.wait("$waiting é", b"a message")
    return record


def _message(record: Record, text: str) -> dict[str, Any]:
    number = len(record.entries) + 1
    room = {"platform": "fake", "id": "!room é\ud800", "debate": ("trees", None)[number % 2]}
    return {"id": f"$event-{number}", "room": room, "sender": f"p{number % 3}", "text": text}


def _turn(record: Record) -> None:
    record.add(
        {
            "kind": "turn",
            "message": _message(record, 'Il faudrait plus de bancs. "\ud83d\ude00"'),
            "reply": {"kind": "question", "text": "Qu'entendez-vous par « bancs » ?"},
            "ends": False,
        },
        header={
            "said": "question",
            "move": "clarify",
            "source": "frame",
            "frame": "clarify-1",
            "language": "fr",
            "policy": {"id": "rules", "sha256": "ab" * 32},
            "prompt": {"id": "fr:select", "sha256": "cd" * 32},
            "model": {"name": 'ollama:mistral "7b"', "digest": "ef" * 32},
            "params": {"seed": "7", "temperature": "0.0"},
            "verdicts": [[["traps", "allow", []]], [["deny", "revise", ["leading", "opinion"]]]],
        },
    )


def _consent(record: Record) -> None:
    record.add({"kind": "consent", "message": _message(record, "oui"), "purposes": ["reply"]})


def _delivery(record: Record) -> None:
    about = len(record.entries)
    record.add({"kind": "delivery", "turn": about, "external_id": "$x"}, header={"about": about})


def _contest(record: Record) -> None:
    event = {"kind": "contest", "message": _message(record, "orientée"), "turn": 1}
    record.add(event | {"command": "leading"}, header={"about": 1})


def _quiet(record: Record) -> None:
    message = _message(record, "…")
    record.add({"kind": "turn", "message": message, "reply": None, "ends": True, "command": "stop"})


def _cafe(record: Record) -> None:
    record.add({"kind": "cafe", "name": "trees", "state": "open"}, header={"was": "ab" * 32})


_EVENTS = (_consent, _turn, _delivery, _contest, _quiet, _cafe, _turn)


def _id(name: str, kind: int, key: Ed25519PrivateKey) -> bytes:
    public = key.public_key().public_bytes_raw()
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def _line(name: str, kind: int, key: Ed25519PrivateKey, value: bytes) -> str:
    return f"— {name} {b64encode(_id(name, kind, key) + value).decode()}\n"


def _verifier(name: str, kind: int, key: Ed25519PrivateKey) -> str:
    public = bytes([kind]) + key.public_key().public_bytes_raw()
    return f"{name}+{_id(name, kind, key).hex()}+{b64encode(public).decode()}"
