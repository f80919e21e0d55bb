"""Figures as shapes: worked out here, drawn by the templates, each with its table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

HEIGHT = 120
"""Of a row of columns, in the units of its drawing."""
WIDTH = 720


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One value of a chart."""

    name: str
    """What it is of, in words."""
    key: str
    """The same as the record names it: what a list can be filtered by."""
    value: int
    share: float
    """Of the largest value, from 0 to 1."""
    part: float
    """Of all values together, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One step of a series."""

    name: str
    value: int
    x: float
    y: float
    width: float
    height: float


def bars(
    counts: Mapping[str, int],
    name: Callable[[str], str],
    *,
    order: Sequence[str] = (),
    most: int = 12,
) -> list[Bar]:
    """Return *counts* as bars: in *order* where one is given, the largest first otherwise."""
    keys: Iterable[str] = [key for key in order if key in counts] or sorted(
        counts, key=lambda key: (-counts[key], key)
    )
    largest, total = max(counts.values(), default=0), sum(counts.values())
    return [
        Bar(
            name=name(key),
            key=key,
            value=counts[key],
            share=counts[key] / largest if largest else 0,
            part=counts[key] / total if total else 0,
        )
        for key in list(keys)[:most]
    ]


def columns(series: Sequence[tuple[str, int]]) -> list[Column]:
    """Return *series* as columns that fill a drawing of `WIDTH` by `HEIGHT`."""
    largest = max((value for _, value in series), default=0) or 1
    step = WIDTH / max(1, len(series))
    return [
        Column(
            name=name,
            value=value,
            x=round(place * step + step * 0.1, 2),
            y=round(HEIGHT - HEIGHT * value / largest, 2),
            width=round(step * 0.8, 2),
            height=round(HEIGHT * value / largest, 2),
        )
        for place, (name, value) in enumerate(series)
    ]


def days(counts: Mapping[str, int], since: str, until: str) -> list[tuple[str, int]]:
    """Return the count of each day, those without any included; by week where they are many."""
    if not counts:
        return []
    first = date.fromisoformat(since or min(counts))
    last = date.fromisoformat(until or max(counts))
    first = max(first, last - timedelta(days=MOST_DAYS))
    step = 1 if (last - first).days < MANY_DAYS else 7
    found = []
    for start in range(0, (last - first).days + 1, step):
        within = [(first + timedelta(days=start + n)).isoformat() for n in range(step)]
        found.append((within[0], sum(counts.get(day, 0) for day in within)))
    return found


MANY_DAYS = 92
MOST_DAYS = 1100
