"""Which debate a page is about, and which entries of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from heapq import merge
from itertools import islice

from adapters.console.visit import Visit, places_of
from bot.domain import Cafe, Filter, Line, Tallies

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
PERIODS = {"7": 7, "30": 30, "90": 90, "365": 365}
"""Days of the periods that can be chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A debate and a period, as a page was asked for them."""

    debate: str = ""
    """Name of the debate, or one of its places; empty for all."""
    period: str = ""
    since: str = ""
    until: str = ""
    cafes: Sequence[Cafe] = ()

    @property
    def places(self) -> list[str]:
        """The places that the record knows the debate by; [""] for everywhere."""
        held = [
            place for cafe in self.cafes if cafe.name == self.debate for place in places_of(cafe)
        ]
        return held or [self.debate]

    def called(self, place: str) -> str:
        """Return the name of the debate that is held in *place*; the place where it has none."""
        return next((cafe.name for cafe in self.cafes if place in places_of(cafe)), place)


async def scope(visit: Visit) -> Scope:
    """Return what *visit* asks about."""
    period = visit.asked("period")
    today = visit.hall.clock().date()
    since, until = checked_day(visit.asked("since")), checked_day(visit.asked("until"))
    if period in PERIODS:
        since, until = (today - timedelta(days=PERIODS[period] - 1)).isoformat(), today.isoformat()
    return Scope(
        debate=visit.asked("debate"),
        period=period if period in PERIODS else "",
        since=since,
        until=until,
        cafes=await visit.hall.record.cafes(),
    )


def checked_day(text: str) -> str:
    """Return *text* if it is a date, or empty."""
    try:
        return date.fromisoformat(text).isoformat() if _DAY.fullmatch(text) else ""
    except ValueError:
        return ""


async def tallies(visit: Visit, within: Scope) -> Tallies:
    """Return the counts of all places *within*."""
    total: dict[str, dict[str, int]] = {}
    for place in within.places:
        found = await visit.hall.archive.tallies(
            debate=place, since=within.since, until=within.until
        )
        for dimension, counts in found.items():
            mine = total.setdefault(dimension, {})
            for value, count in counts.items():
                mine[value] = mine.get(value, 0) + count
    return total


async def lines(visit: Visit, by: Filter, places: Sequence[str], limit: int) -> list[Line]:
    """Return at most *limit* entries of *places* that *by* describes, newest first."""
    found = [
        await visit.hall.archive.lines(replace(by, debate=place), limit=limit) for place in places
    ]
    return list(islice(merge(*found, key=lambda line: -line.seq), limit))
