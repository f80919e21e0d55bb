"""The record as those who answer for it read it: lists and counts, without anybody's words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, literal_column, select

from bot.domain import Filter, Line, Tallies
from storage import codec
from storage.tables import ENTRY, LABEL, TALLY

_ALIKE = ("kind", "platform", "debate", "language", "said", "move", "source", "decision")
"""What of a filter names a column."""
_COLUMNS = [ENTRY.c[name] for name in ENTRY.c.keys() if name not in {"leaf", "body", "sender"}]  # noqa: SIM118 # columns, not a dict


def lines(connection: Connection, wanted: Filter, limit: int) -> Sequence[Line]:
    """Return at most *limit* entries that *wanted* describes; see `bot.ports.Archive`."""
    found = (
        select(*_COLUMNS, ENTRY.c.body.is_(None).label("erased"))
        .where(*_described(wanted))
        .order_by(ENTRY.c.seq.desc())
        .limit(limit)
    )
    return [_line(row) for row in connection.execute(found)]


def tallies(connection: Connection, debate: str, since: str, until: str) -> Tallies:
    """Return how often what happened; see `bot.ports.Archive`."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for span, first, before in _spans(since, until):
        found = select(TALLY.c.dimension, TALLY.c.value, func.sum(TALLY.c.count)).where(
            TALLY.c.everywhere == (not debate),
            TALLY.c.debate == debate,
            TALLY.c.span == span,
            TALLY.c.start >= first,
            TALLY.c.start < before,
        )
        by_fact = found.group_by(TALLY.c.dimension, TALLY.c.value)
        for dimension, value, count in connection.execute(by_fact):
            counts[dimension][value] += count
    return {dimension: dict(values) for dimension, values in counts.items()}


def findings(connection: Connection, debate: str, limit: int) -> Sequence[tuple[int, str]]:
    """Return what the newest reviews found; see `bot.ports.Archive`."""
    found = select(ENTRY.c.turn, ENTRY.c.why).where(ENTRY.c.kind == literal_column("'review'"))
    if debate:
        found = found.where(ENTRY.c.within == debate)
    newest = found.order_by(ENTRY.c.seq.desc()).limit(limit)
    return [(turn, why) for turn, why in connection.execute(newest)]


def _spans(since: str, until: str) -> Iterator[tuple[str, str, str]]:
    """Yield the rows that a period is summed from: their span, the first start, and one too late.

    The whole months in between are read as months, what is left at both ends as days. Each bound
    is compared as text: ``2026-03~`` is after all of March, and before April.
    """
    if until and since > until:
        return
    if since and since[:7] == until[:7]:
        yield "day", since, f"{until}~"
        return
    if since:
        yield "day", since, f"{since[:7]}~"
    yield "month", since[:7] and f"{since[:7]}~", until[:7] or "~"
    if until:
        yield "day", until[:7], f"{until}~"


def _described(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    for name in _ALIKE:
        if value := getattr(wanted, name):
            yield ENTRY.c["within" if name == "debate" else name] == value
    if wanted.label:
        yield ENTRY.c.seq.in_(select(LABEL.c.seq).where(LABEL.c.label == wanted.label))
    for name in ("contested", "reviewed"):
        if (mark := getattr(wanted, name)) is not None:
            yield ENTRY.c[name].is_(mark)
    if wanted.before:
        yield ENTRY.c.seq < wanted.before
    yield from _in_time(wanted)


def _in_time(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """Bound the numbers, which grow with time: the list is read by number."""
    if wanted.since:
        first = select(func.min(ENTRY.c.seq)).where(ENTRY.c.at >= wanted.since)
        yield ENTRY.c.seq >= func.coalesce(first.scalar_subquery(), 1 << 62)
    if wanted.until:
        # Compared as text: ``2027-01-31~`` is after all of that day, and before the next.
        last = select(func.max(ENTRY.c.seq)).where(ENTRY.c.at < f"{wanted.until}~")
        yield ENTRY.c.seq <= func.coalesce(last.scalar_subquery(), 0)


def _line(row: Row[*tuple[Any, ...]]) -> Line:
    return Line(
        seq=row.seq,
        at=codec.moment(row.at),
        kind=row.kind,
        platform=row.platform or "",
        debate=row.within or "",
        room=row.room or "",
        language=row.language or "",
        said=row.said or "",
        command=row.command or "",
        why=row.why or "",
        move=row.move or "",
        source=row.source or "",
        decision=row.decision or "",
        labels=tuple(filter(None, row.labels.split(","))),
        turn=row.turn or 0,
        contested=row.contested,
        reviewed=row.reviewed,
        erased=row.erased,
    )
