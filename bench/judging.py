"""How the classifier for questions does on cases it has not seen: thresholds, shares, a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, fsum

from bench.training import interval
from bot.domain import Label

HARMLESS = frozenset({"neutral", "form"})
STEERING = tuple(label for label in Label if label.value not in HARMLESS)[:12]
PASS = 0.95
"""Share of each unseen author's neutral questions that must get through."""
CLEAR = 0.02
"""Share of unseen authors' steering questions that may be taken for clearly neutral."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question put on a contribution, and what its author says of it."""

    texts: tuple[str, ...]
    question: str
    label: str
    author: str

    @property
    def steers(self) -> bool:
        return self.label not in HARMLESS


@dataclass(frozen=True, slots=True)
class Scored:
    """A case as judged by a regression that has seen nothing of its author."""

    case: Case
    odds: float
    label: str | None


def clear(scored: Iterable[Scored]) -> float:
    """Return the log-odds below which `CLEAR` of the steering lie, in thousandths."""
    odds = sorted(s.odds for s in scored if s.case.steers)
    return floor(odds[int(CLEAR * len(odds))] * 1000) / 1000


def threshold(scored: Iterable[Scored]) -> float:
    """Return the lowest log-odds, in thousandths, that let `PASS` of the neutral through."""
    odds = sorted(s.odds for s in scored if s.case.label == "neutral")
    return ceil(odds[ceil(PASS * len(odds)) - 1] * 1000 + 1) / 1000


def rank(scored: Sequence[Scored]) -> float:
    """Return the chance that a steering case scores above a neutral one (AUC)."""
    steering = [s.odds for s in scored if s.case.steers]
    neutral = [s.odds for s in scored if s.case.label == "neutral"]
    wins = fsum((a > b) + 0.5 * (a == b) for a in steering for b in neutral)
    return wins / (len(steering) * len(neutral))


def caught(scored: Iterable[Scored], limit: float, label: str) -> str:
    """Return the share of *label* (or of all that ``steers``) at or above *limit*."""
    odds = [
        s.odds for s in scored if (s.case.steers if label == "steers" else s.case.label == label)
    ]
    return interval(sum(o >= limit for o in odds), len(odds))


def passed(scored: Iterable[Scored], limit: float, label: str) -> str:
    odds = [s.odds for s in scored if s.case.label == label]
    return interval(sum(o < limit for o in odds), len(odds))


def named(scored: Iterable[Scored], limit: float) -> str:
    """Return how often the label of what is caught is the author's."""
    found = [s.case.label == s.label for s in scored if s.case.steers and s.odds >= limit]
    return interval(sum(found), len(found))


def report_labels(results: Mapping[str, tuple[list[Scored], float]]) -> None:
    print("\n## At the shipped threshold, each case judged without its author\n")
    print("| | " + " | ".join(results) + " |\n|---|" + "---|" * len(results))
    lines: list[tuple[str, Callable[[list[Scored], float], str]]] = [
        ("neutral let through", lambda s, t: passed(s, t, "neutral")),
        ("form let through", lambda s, t: passed(s, t, "form")),
        ("steering caught", lambda s, t: caught(s, t, "steers")),
        *((label.value, lambda s, t, name=label.value: caught(s, t, name)) for label in STEERING),
        ("label right where caught", named),
    ]
    for title, line in lines:
        print(f"| {title} | " + " | ".join(line(s, t) for s, t in results.values()) + " |")
