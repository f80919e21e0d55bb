"""The record as those who answer for it read it: lists and counts, without anybody's words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

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
    where = [TALLY.c.debate == debate] if debate else []
    where += [TALLY.c.day >= since] if since else []
    where += [TALLY.c.day <= until] if until else []
    summed = func.sum(TALLY.c.count)
    found = select(TALLY.c.dimension, TALLY.c.value, summed).where(*where)
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for dimension, value, count in connection.execute(
        found.group_by(TALLY.c.dimension, TALLY.c.value)
    ):
        counts[dimension][value] = count
    return dict(counts)


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
        after = (date.fromisoformat(wanted.until) + timedelta(days=1)).isoformat()
        last = select(func.max(ENTRY.c.seq)).where(ENTRY.c.at < after)
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
