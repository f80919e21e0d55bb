"""Rates, distances and slopes, each with how far chance alone could have moved it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, log2, sqrt
from random import Random
from statistics import fmean, stdev
from typing import TypeAlias, TypeVar

Z = 1.959963984540054
"""Of the normal distribution, for an interval that holds 95 times in 100."""
ROUNDS = 400
"""Times a sample is drawn again from itself."""
T = TypeVar("T")
Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something was so."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """The share, from 0 to 1; None where nothing was looked at."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> Point | None:
        """The 95 % interval of `wilson`."""
        return wilson(self.hits, self.n) if self.n else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A measured quantity; None where nothing was looked at."""

    value: float | None
    n: int
    interval: Point | None = None


def wilson(hits: int, n: int) -> Point:
    """Return the 95 % score interval of a rate (Wilson, JASA 22, 1927); *n* is at least 1."""
    rate, spread = hits / n, Z * Z / n
    middle = (rate + spread / 2) / (1 + spread)
    half = sqrt(rate * (1 - rate) * spread + spread * spread / 4) / (1 + spread)
    # The rate is inside by definition; rounding must not put it out.
    return max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half))


def tally(facts: Iterable[bool]) -> Rate:
    """Return how many of *facts* hold."""
    held = list(facts)
    return Rate(hits=sum(held), n=len(held))


def rates(
    items: Iterable[T], fact: Callable[[T], bool], group: Callable[[T], str]
) -> dict[str, Rate]:
    """Return how often *fact* holds in ``all`` and in each *group*, in order of appearance."""
    held: dict[str, list[bool]] = {"all": []}
    for item in items:
        held["all"].append(fact(item))
        held.setdefault(group(item), []).append(held["all"][-1])
    return {name: tally(facts) for name, facts in held.items()}


def mean(values: Sequence[float]) -> Number:
    """Return the mean with its normal 95 % interval, where the values differ at all."""
    if not values:
        return Number(value=None, n=0)
    middle = fmean(values)
    if len(set(values)) == 1:
        return Number(value=middle, n=len(values))
    half = Z * stdev(values) / sqrt(len(values))
    return Number(value=middle, n=len(values), interval=(middle - half, middle + half))


def total_variation(one: Iterable[Hashable], other: Iterable[Hashable]) -> float:
    """Return the distance of two distributions: 0 where they are equal, 1 where disjoint.

    Raises:
        ValueError: One of them is empty.
    """
    first, second = Counter(one), Counter(other)
    if not first or not second:
        raise ValueError("an empty sample has no distribution")
    n, m = first.total(), second.total()
    # In whole numbers, so that equal distributions are at exactly 0.
    apart = sum(abs(first[key] * m - second[key] * n) for key in first | second)
    return apart / (2 * n * m)


def entropy(values: Iterable[Hashable]) -> float:
    """Return how many bits it takes to tell which of *values* came."""
    counts = Counter(values)
    n = counts.total()
    return sum(c / n * log2(n / c) for c in counts.values())


def percentile(values: Sequence[float], share: float) -> float:
    """Return the least of *values* that *share* of them do not exceed (nearest rank)."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def slope(points: Iterable[Point]) -> float | None:
    """Return by how much y grows with each x, by least squares; None where x never varies."""
    return _slope(_sums(points))


def slope_with_interval(series: Sequence[Sequence[Point]], seed: int) -> Number:
    """Return the slope over all *series*, with a 95 % interval by bootstrap over series."""
    sums = [_sums(points) for points in series]
    drawn = Random(seed)  # noqa: S311 - a reproducible draw, not a secret
    again = (_slope(_added(drawn.choices(sums, k=len(sums)))) for _ in range(ROUNDS if sums else 0))
    slopes = [s for s in again if s is not None]
    value = _slope(_added(sums))
    ends = (percentile(slopes, 0.025), percentile(slopes, 0.975)) if slopes else None
    return Number(value=value, n=len(series), interval=ends if value is not None else None)


def _sums(points: Iterable[Point]) -> tuple[float, ...]:
    """Return n and the sums of x, y, x² and xy: all that a slope needs."""
    return _added([(1.0, x, y, x * x, x * y) for x, y in points])


def _added(rows: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(map(sum, zip(*rows, strict=True))) if rows else (0.0,) * 5


def _slope(sums: tuple[float, ...]) -> float | None:
    n, x, y, xx, xy = sums
    spread = n * xx - x * x
    return (n * xy - x * y) / spread if spread > 0 else None
