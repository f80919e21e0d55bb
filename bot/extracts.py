"""What an auditor takes out of the record: a row for each entry, without anybody's words at first.

A row is made from the list of entries and from the leaf, which hold no text of a person, no
pseudonym and no id. Where a debate has a name, it bears that; the time is that of the leaf.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.cafes import cafe_of
from bot.domain import (
    Access,
    Approval,
    Cafe,
    Event,
    Filter,
    Kind,
    Line,
    Rectification,
    Register,
    Room,
    Turn,
)
from bot.ports import Archive, PromptBook
from bot.proposals import defused

PAGE = 500
"""Entries read at once."""
_AS_LISTED = (
    *("kind", "platform", "language", "said", "command", "why", "move", "source", "decision"),
    *("labels", "contested", "reviewed", "erased"),
)
COLUMNS = (
    *("seq", "at", "debate", "about", *_AS_LISTED),
    *("depth", "frame", "question", "prompt", "model", "digest", "policy"),
)
WORDS = ("written", "answer", "note")
"""What people wrote, what they were told, what those who answer for the debate added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """Makes rows."""

    book: PromptBook
    cafes: Sequence[Cafe]

    def row(self, line: Line, leaf: bytes) -> dict[str, Any]:
        """Return what may be told of an entry by how it is listed and by its *leaf*."""
        header = json.loads(leaf)
        model = header.get("model", {})
        frame = header.get("frame") or ""
        return {
            "seq": line.seq,
            "at": header["ts"],
            "debate": self._debate(line),
            "about": line.turn or None,
            **{name: getattr(line, name) for name in _AS_LISTED},
            "depth": header.get("depth", 0),
            "frame": frame,
            "question": self._question(line, frame),
            "prompt": _reference(header.get("prompt")),
            "model": model.get("name", ""),
            "digest": model.get("digest", ""),
            "policy": _reference(header.get("policy")),
        }

    def _debate(self, line: Line) -> str:
        cafe = cafe_of(self.cafes, Room(line.platform, line.debate))
        return cafe.name if cafe else ""

    def _question(self, line: Line, frame: str) -> str:
        """Return the vetted question that was asked, without what it quoted."""
        if line.said != Kind.QUESTION.value or not frame:
            return ""
        frames = self.book.frames(line.language, Register.FORMAL)
        return next((each.plain for each in frames if each.id == frame), "")


def words(event: Event) -> dict[str, str]:
    """Return what was written in *event*, under the names of `WORDS`; each may be empty."""
    reply = getattr(event, "reply", None)
    note = "" if isinstance(event, Access) else getattr(event, "note", "")
    return {
        "written": "\n".join(filter(None, _written(event))),
        "answer": reply.text if reply else "",
        "note": note,
    }


async def pages(archive: Archive, wanted: Filter) -> AsyncIterator[Line]:
    """Yield the entries that *wanted* describes, newest first."""
    while found := await archive.lines(wanted, limit=PAGE):
        for line in found:
            yield line
        wanted = replace(wanted, before=found[-1].seq)


def as_json(row: Mapping[str, Any]) -> str:
    """Return *row* as a line of JSON."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def as_csv(cells: Iterable[object]) -> str:
    """Return *cells* as a line of CSV in which no text is a formula."""
    out = io.StringIO()
    csv.writer(out).writerow([defused(_plain(cell)) for cell in cells])
    return out.getvalue()


def _written(event: Event) -> list[str]:
    if isinstance(event, Rectification):
        return [text for change in event.changes for text in _written(change.event)]
    if isinstance(event, Approval):
        return [sentence.text for sentence in event.sentences]
    message = getattr(event, "message", None)
    joined = event.joined if isinstance(event, Turn) else ()
    return [each.text for each in (*joined, *([message] if message else []))]


def _reference(named: Mapping[str, str] | None) -> str:
    return f"{named['id']}@{named['sha256']}" if named else ""


def _plain(cell: object) -> str:
    if isinstance(cell, tuple):
        return ",".join(cell)
    return "" if cell is None else str(cell)
