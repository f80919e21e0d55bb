"""What stands in the Merkle tree for an entry: a header without anybody's words or names.

The format is in docs/reference/record.md.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bot.domain import Attempt, Draft, Event, Line, Turn, Verdict
from storage import codec

VERSION = 1
SALT = 32
"""Bytes of each of the three salts."""


class Salts(NamedTuple):
    """Without them nobody can tell what a commitment was made to."""

    who: bytes
    what: bytes
    where: bytes


PLAIN = SALT * len(Salts._fields)
"""Where the event begins in what is encrypted, after the salts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a leaf says of its entry, apart from the event itself."""

    seq: int
    at: str
    """As `codec.stamp` gives it."""
    found: codec.Lookup
    line: Line
    """The entry as it is listed."""
    was: str = ""
    """The entry's seal in the first format, if it had one."""


def new_salts(random: Callable[[int], bytes] = os.urandom) -> Salts:
    """Return salts made of what *random* gives, which is asked for a number of bytes."""
    every = random(3 * SALT)
    return Salts(every[:SALT], every[SALT : 2 * SALT], every[2 * SALT :])


def leaf(event: Event, body: str, header: Header, salts: Salts) -> bytes:
    """Return the leaf for *event*, encoded as *body*."""
    found = header.found
    values: dict[str, Any] = {
        "v": VERSION,
        "seq": header.seq,
        "kind": codec.kind_of(event),
        "ts": f"{header.at[:16]}Z",
        "commits": {
            "who": commit(salts.who, who(header.at, found.message_id, found.sender)),
            "what": commit(salts.what, body.encode()),
            "where": commit(salts.where, where(found.debate, found.platform, found.room)),
        },
    }
    optional = {"about": found.turn, "erased": list(codec.erased_by(event)), "was": header.was}
    values |= {key: value for key, value in optional.items() if value}
    if isinstance(event, Turn):
        values |= {key: value for key, value in _turn(event, header.line).items() if value}
    return codec.canonical(values).encode()


def commit(salt: bytes, body: bytes) -> str:
    """Return what *body* is committed to by (HMAC-SHA-256, hexadecimal)."""
    return hmac.new(salt, body, "sha256").hexdigest()  # `digest` would hand over the interpreter


def who(at: str, message: str | None, sender: str | None) -> bytes:
    """Return what says when an entry was made, and who wrote."""
    return codec.canonical({"at": at, "message": message, "sender": sender}).encode()


def where(debate: str | None, platform: str | None, room: str | None) -> bytes:
    """Return what says where an entry belongs."""
    return codec.canonical({"debate": debate, "platform": platform, "room": room}).encode()


def _turn(turn: Turn, line: Line) -> dict[str, object]:
    draft = turn.attempts[-1].draft if turn.attempts else None
    return {
        "said": line.said,
        "move": line.move,
        "source": line.source,
        "language": line.language,
        "depth": turn.depth,
        "policy": _named(turn.policy),
        "verdicts": _verdicts(turn.screening, turn.attempts),
        **(_of_draft(draft) if draft else {}),
    }


def _of_draft(draft: Draft) -> dict[str, object]:
    answer = draft.answer
    return {
        "frame": draft.frame,
        "prompt": _named(draft.prompt),
        "model": {"name": answer.model, "digest": answer.digest} if answer else None,
        "params": dict(answer.params) if answer else None,
    }


def _named(reference: str) -> dict[str, str] | None:
    """Return name and digest of *reference*, such as ``fr:select@1f3a…``."""
    name, at, digest = reference.rpartition("@")
    return {"id": name, "sha256": digest} if at else None


def _verdicts(screening: Sequence[Verdict], attempts: Sequence[Attempt]) -> list[list[object]]:
    """Return what was found in the message, then in each draft; nothing if nothing was."""
    every = [_found(screening), *(_found(attempt.verdicts) for attempt in attempts)]
    return every if any(every) else []


def _found(verdicts: Sequence[Verdict]) -> list[object]:
    return [
        [v.policy, v.decision.name.lower(), sorted({f.label.value for f in v.findings})]
        for v in verdicts
        if v.findings
    ]
