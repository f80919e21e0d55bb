"""The second pair of eyes: remember how far a log had come, and vouch for what only adds to that.

The protocol is C2SP's tlog-witness (https://c2sp.org/tlog-witness), both sides of it, without the
network: `adapters.witness` carries requests and answers.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from bot import ports
from bot.errors import ConfigError, NoteError, StorageError, WitnessError
from bot.ports import Log, Statement
from storage import notes
from storage.merkle import EMPTY, consistent
from storage.notes import Checkpoint, Kind, Signer, Verifier
from storage.signing import make_key, read_key

SIZE_TYPE = "text/x.tlog.size"
"""Content type of an answer that says how large the newest tree seen is."""

TRIES = 4
"""How often to ask: others may ask for the same log at the same time."""

PATIENCE = 10.0
"""Seconds to wait for another process that is writing the same memory."""

_SCHEMA = """
    CREATE TABLE seen (
        origin TEXT PRIMARY KEY NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL
    )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a log sends to a witness."""

    old: int
    """The size it believes that the witness saw last."""
    proof: tuple[bytes, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a witness said of a log."""

    witness: str
    size: int
    at: int
    """Seconds since 1970."""


class Witness:
    """Vouches for the logs it knows, and never for two stories of one log."""

    def __init__(
        self, *, signer: Signer, logs: Iterable[Verifier], memory: Path, clock: Callable[[], float]
    ) -> None:
        """Sign as *signer* what *logs* show; keep in the file *memory* how far each has come.

        Raises:
            ConfigError: The file is none that `remember` made.
        """
        self._signer = signer
        self._logs: defaultdict[str, list[Verifier]] = defaultdict(list)
        for log in logs:
            self._logs[log.name].append(log)
        self._memory = memory
        self._clock = clock
        try:
            with self._transaction() as seen:
                seen.execute("SELECT origin, size, root FROM seen LIMIT 1")
        except StorageError as exc:
            raise ConfigError(f"{memory} is not the memory of a witness: {exc}") from exc

    @property
    def verifier(self) -> Verifier:
        """The key that its signatures are checked with."""
        return self._signer.verifier

    async def add(self, request: bytes) -> Statement:
        """Answer an add-checkpoint request; what is vouched for is in the memory before.

        Raises:
            StorageError: The memory cannot be read or written: nothing is vouched for.
        """
        return await asyncio.to_thread(self._answer, request)

    def _answer(self, request: bytes) -> Statement:
        try:
            asked = submission(request)
            found = notes.checkpoint(asked.note)
        except NoteError as exc:
            return _refusal(HTTPStatus.BAD_REQUEST, str(exc))
        if found.origin not in self._logs:
            return _refusal(HTTPStatus.NOT_FOUND, "this log is not known here")
        try:
            notes.opened(asked.note, self._logs[found.origin])
        except NoteError as exc:
            return _refusal(HTTPStatus.FORBIDDEN, str(exc))
        if asked.old > found.size:
            return _refusal(HTTPStatus.BAD_REQUEST, "the old size is beyond the checkpoint")
        return self._advanced(asked, found)

    def _advanced(self, asked: Submission, found: Checkpoint) -> Statement:
        """Remember *found* and vouch for it, if it adds to what was seen last."""
        with self._transaction() as seen:
            size, root = _last(seen, found.origin)
            forked = found.size == size and found.root != root
            if asked.old != size or forked:
                return Statement(status=HTTPStatus.CONFLICT, text=f"{size}\n", kind=SIZE_TYPE)
            if not consistent(size, root, found.size, found.root, asked.proof):
                return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "the proof does not hold")
            seen.execute(
                "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET size = excluded.size, root = excluded.root",
                (found.origin, found.size, found.root),
            )
        line = notes.cosign(asked.note, self._signer, int(self._clock()))
        return Statement(status=HTTPStatus.OK, text=line)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the memory to one request alone; what it wrote lasts once this is left."""
        try:
            with closing(_connected(self._memory)) as seen, seen:
                seen.execute("BEGIN IMMEDIATE")
                yield seen
        except sqlite3.Error as exc:
            raise StorageError(f"the witness cannot use its memory: {exc}") from exc


def signer(name: str, key: Path, memory: Path) -> Signer:
    """Return what the witness called *name* signs with, made with its memory where there is none.

    Raises:
        ConfigError: The name is none, a file cannot be used, or the key is there and the memory
            is not: a witness that forgot what it saw would vouch for another story.
    """
    if not notes.named(name):
        raise ConfigError("witness.name: write a name without spaces, such as example.org/witness.")
    if key.exists() and not memory.exists():
        raise ConfigError(
            f"The witness has a key, {key}, but its memory {memory} is gone: restore it. If it is "
            "lost, move the key away too, and tell the logs of the new one."
        )
    if not memory.exists():
        remember(memory)
        make_key(key)
    return Signer(name=name, kind=Kind.WITNESS, key=read_key(key))


def remember(memory: Path) -> None:
    """Make the file in which a witness keeps how far each log has come.

    Raises:
        ConfigError: It cannot be made.
    """
    try:
        with closing(_connected(memory, "rwc")) as seen:
            seen.execute(_SCHEMA)
    except sqlite3.Error as exc:
        raise ConfigError(f"{memory} cannot be made: {exc}") from exc


def submission(request: bytes) -> Submission:
    """Return the parts of an add-checkpoint request.

    Raises:
        NoteError: It is not of the form.
    """
    try:
        head, parting, note = request.decode().partition("\n\n")
    except UnicodeDecodeError as exc:
        raise NoteError("the request is not UTF-8") from exc
    old, *lines = head.split("\n")
    if not parting or not old.startswith("old "):
        raise NoteError("a request is an old size, a proof, an empty line and a checkpoint")
    return Submission(old=notes.number(old[4:]), proof=notes.hashes(lines), note=note)


def request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """Return the add-checkpoint request for *note*, of a log seen last with *old* leaves."""
    # A tlog-proof is laid out the same way; only its first lines differ.
    _, _, hashes = notes.tlog_proof(0, proof, note).partition("\nindex 0\n")
    return f"old {old}\n{hashes}".encode()


async def ask(log: Log, witness: ports.Witness, key: Verifier) -> Seen:
    """Have *witness*, who signs with *key*, vouch for the newest checkpoint; keep what it says.

    Raises:
        WitnessError: It did not answer, refused, or contradicts the record.
        NoteError: What it answered is not of the form, or falsely signed.
    """
    old = 0
    for _ in range(TRIES):
        note = await log.checkpoint()
        size = notes.checkpoint(note).size
        _not_behind(key.name, size, old)
        answer = await witness.add(request(old, await log.consistency(old, size), note))
        if answer.status != HTTPStatus.CONFLICT:
            break
        seen = notes.number(answer.text.removesuffix("\n"))
        if seen == old:
            break
        old = seen
    if answer.status != HTTPStatus.OK:
        raise WitnessError(_reason(key.name, answer))
    line, at = _vouched(note, answer.text, key)
    await log.cosigned(note + line)
    return Seen(witness=key.name, size=size, at=at)


def _vouched(note: str, answer: str, key: Verifier) -> tuple[str, int]:
    """Return the line of *answer* that *key* signed under *note*, and when; others are left."""
    for line in answer.split("\n"):
        if line.startswith(f"— {key.name} ") and (
            good := notes.signatures(f"{note}{line}\n", [key])
        ):
            return f"{line}\n", good[-1].at or 0
    raise WitnessError(f"{key.name} answered without a signature of its key.")


def _not_behind(witness: str, size: int, seen: int) -> None:
    if seen > size:
        raise WitnessError(
            f"{witness} has seen {seen} entries, the record has {size}: it was cut, or it is an "
            "old copy. Do not go on before you know which."
        )


def _reason(witness: str, answer: Statement) -> str:
    if answer.status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}:
        return f"{witness} has seen another record under this name: entries were rewritten."
    if answer.status == HTTPStatus.NOT_FOUND:
        return f"{witness} does not know this record: give its keeper the record's verifier key."
    return f"{witness} refused ({answer.status}): {answer.text.strip()[:200]}"


def _refusal(status: HTTPStatus, why: str) -> Statement:
    return Statement(status=status, text=f"{why}\n")


def _last(seen: sqlite3.Connection, origin: str) -> tuple[int, bytes]:
    row = seen.execute("SELECT size, root FROM seen WHERE origin = ?", (origin,)).fetchone()
    return (row[0], row[1]) if row else (0, EMPTY)


def _connected(memory: Path, mode: str = "rw") -> sqlite3.Connection:
    uri = f"{memory.resolve().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=PATIENCE)
    # Its last word must outlive a power cut, or it could vouch for another story afterwards.
    connection.execute("PRAGMA synchronous = EXTRA")
    return connection
