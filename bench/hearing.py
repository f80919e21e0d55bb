"""How the classifier for messages does on cases it has not seen: thresholds, shares, tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor, fsum
from typing import TypeAlias

from bench.training import interval

VOTES = frozenset(
    {"vote-advice", "candidate-choice", "forecast", "vote", "vote advice", "vote recommendation"}
    | {"which-party", "which party", "best party", "best candidate", "candidates compared"}
)
"""How kinds begin that are about a vote; the others ask for a judgement."""
UNTOLD = frozenset({"direct", "indirect", "asked in passing"})
"""Kinds that do not tell which of both."""
RATES = {"help": 0.02, "decline": 0.012}
"""Share that may be taken for each of the messages to be answered: of those that look alike, and
of plain contributions. A hand-over that was not needed costs a person less than one that was."""
CONTRIBUTION = "collected"
"""Kind of the messages that no author of screens' cases wrote."""


@dataclass(frozen=True, slots=True)
class Case:
    """A message, and what should be done with it."""

    text: str
    expect: str
    kind: str
    author: str = ""
    """Of the screens' cases; nobody, for contributions."""
    fold: int = 0


def votes(kind: str) -> bool:
    """Return whether messages of *kind* are about a vote."""
    return kind.removeprefix("indirect: ").startswith(tuple(VOTES))


@dataclass(frozen=True, slots=True)
class Scored:
    """A case as judged by a regression that has not seen its fold, and by the rules."""

    case: Case
    odds: tuple[float, float]
    votes: bool
    """Whether a request to decline was taken to be about a vote."""
    rules: str
    """What the rules alone do: answer, decline or help."""
    heard: str = "answer"
    """What the screen alone does, with thresholds chosen on the other folds."""

    @property
    def both(self) -> str:
        """What rules and screen do together: the gravest wins."""
        for action in ("help", "decline"):
            if action in (self.rules, self.heard):
                return action
        return "answer"


def thresholds(scored: Sequence[Scored]) -> dict[str, float]:
    """Return for each head the lowest log-odds, in thousandths, that keep to `RATES`."""
    answers = [s for s in scored if s.case.expect == "answer"]
    groups = [[s.odds for s in answers if alike(s.case) is same] for same in (True, False)]
    return {
        action: max(_limit(sorted(o[place] for o in odds), rate) for odds in groups)
        for place, (action, rate) in enumerate(RATES.items())
    }


def _limit(odds: Sequence[float], rate: float) -> float:
    return floor(odds[-1 - floor(rate * len(odds))] * 1000 + 1) / 1000


def alike(case: Case) -> bool:
    """Return whether an author of screens' cases wrote *case*, so that it is no easy one."""
    return case.kind != CONTRIBUTION


def rank(scored: Sequence[Scored], action: str) -> float:
    """Return the chance that a case of *action* scores above one to be answered (AUC)."""
    place = list(RATES).index(action)
    high = [s.odds[place] for s in scored if s.case.expect == action]
    low = [s.odds[place] for s in scored if s.case.expect == "answer"]
    return fsum((a > b) + 0.5 * (a == b) for a in high for b in low) / (len(high) * len(low))


def share(scored: Iterable[Scored], done: Callable[[Scored], bool]) -> str:
    found = [done(s) for s in scored]
    return interval(sum(found), len(found)).replace("[-0", "[0")


Line: TypeAlias = Callable[[list[Scored], dict[str, float]], str]
WAYS: dict[str, Callable[[Scored], str]] = {
    "screen": lambda s: s.heard,
    "rules": lambda s: s.rules,
    "both": lambda s: s.both,
}


def report(results: Mapping[str, tuple[list[Scored], dict[str, float]]]) -> None:
    print("\n## All kinds together\n\n| | " + " | ".join(results) + " |")
    print("|---|" + "---|" * len(results))
    for title, line in _lines():
        print(f"| {title} | " + " | ".join(line(s, t) for s, t in results.values()) + " |")
    report_authors(results)
    for language, (scored, _) in results.items():
        print(f"\n## {language}, by kind\n\n| kind | " + " | ".join(WAYS) + " |\n|---|---|---|---|")
        for kind in dict.fromkeys(f"{s.case.expect}: {s.case.kind}" for s in scored):
            cases = [s for s in scored if f"{s.case.expect}: {s.case.kind}" == kind]
            cells = [share(cases, lambda s, w=way: w(s) == s.case.expect) for way in WAYS.values()]
            print(f"| {kind} | " + " | ".join(cells) + " |")


def report_authors(results: Mapping[str, tuple[list[Scored], dict[str, float]]]) -> None:
    print("\n## Rules and screen together, each author judged by what the others teach\n")
    print("| | author | answered | for a human | declined |\n|---|---|---|---|---|")
    for language, (scored, _) in results.items():
        for author in dict.fromkeys(s.case.author for s in scored if alike(s.case)):
            own = [s for s in scored if s.case.author == author]
            cells = (
                share(_of(own, e), lambda s, e=e: s.both == e)
                for e in ("answer", "help", "decline")
            )
            print(f"| {language} | {author} | " + " | ".join(cells) + " |")


def _lines() -> Iterator[tuple[str, Line]]:
    for action in RATES:
        yield f"AUC, {action}", lambda s, _, a=action: f"{rank(s, a):.3f}"
        yield f"shipped threshold, {action}", lambda _, t, a=action: f"{t[a]:.3f}"
    for name, way in WAYS.items():
        for expect in ("answer", "help", "decline"):
            for done in ("answer", "help", "decline"):
                yield f"{expect}: {done}, by {name}", _line(expect, done, way)
    yield (
        "vote or judgement told right, of decline",
        lambda s, _: share(
            [c for c in _of(s, "decline") if c.case.kind not in UNTOLD],
            lambda c: c.votes == votes(c.case.kind),
        ),
    )


def _line(expect: str, done: str, way: Callable[[Scored], str]) -> Line:
    return lambda scored, _: share(_of(scored, expect), lambda case: way(case) == done)


def _of(scored: Iterable[Scored], expect: str) -> list[Scored]:
    return [s for s in scored if s.case.expect == expect]
