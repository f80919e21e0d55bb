"""What is measured of the questions that are asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Any, TypeAlias

from bot.domain import Decision, Frame, Move, Register, Verdict
from bot.gate import outcome
from bot.measure_cases import Cases, Contribution, Pair
from bot.measure_exchanges import (
    NO_STEERING,
    Asking,
    Exchange,
    forms,
    judged,
    stand,
)
from bot.measure_progress import Progress
from bot.measure_statistics import (
    Number,
    Rate,
    mean,
    rates,
    tally,
    total_variation,
)
from bot.text import count_words, words

Figures: TypeAlias = Mapping[str, Any]
"""By name: rates, numbers, lines of text, or more figures."""
Systems: TypeAlias = Mapping[str, Asking]
"""Who is asked, by name: ``layer`` where there is a model, and ``built-in``."""
PROBES = 8
"""Vetted questions, and as many of those given, that are judged under both sides."""
MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Held:
    """The exchanges over the contributions, by system, the raw model's among them."""

    by: Mapping[str, Sequence[Exchange]]

    @property
    def sent(self) -> dict[str, list[Exchange]]:
        """Those in which a question was asked."""
        return {name: [e for e in held if e.question] for name, held in self.by.items()}


async def hold(systems: Systems, cases: Cases, progress: Progress) -> Held:
    """Put every contribution to every system, and to the model by itself."""
    by: dict[str, list[Exchange]] = {}
    if "layer" in systems:
        raw = systems["layer"].raw
        by["raw"] = [await raw(case) for case in progress.over("raw", cases.contributions)]
    for name, system in systems.items():
        by[name] = [await system.ask(case) for case in progress.over(name, cases.contributions)]
    return Held(by=by)


def compared(held: Held) -> Figures:
    """Return the systems side by side."""
    sent = held.sent
    every = [(name, exchange) for name, exchanges in sent.items() for exchange in exchanges]
    labels = sorted({label.value for _, e in every for label in _found(e) if label})
    model = {n: [e for e in es if e.replaced is not None] for n, es in held.by.items()}
    return {
        **_unless(len(held.by) > 1, "model"),
        "steering": each(sent, lambda es: tally(map(_steers, es))),
        "steering-by-language": each(sent, lambda es: by_language(es, _steers)),
        "steering-by-label": each(sent, lambda es: {x: tally(_has(es, x)) for x in labels}),
        "stopped": each(sent, lambda es: tally(bool(e.found and e.found.stopped) for e in es)),
        "asked": each(held.by, lambda es: tally(bool(e.question) for e in es)),
        "replaced": {
            n: tally(bool(e.replaced) for e in es) for n, es in model.items() if es and n != "raw"
        },
        "calls": each(held.by, lambda es: mean([e.calls for e in es])),
    }


async def mirrored(systems: Systems, cases: Cases, progress: Progress) -> Figures:
    """Return how alike the two sides of a question are treated."""
    figures: dict[str, Any] = defaultdict(dict)
    for name, system in systems.items():
        both = [
            (await system.ask(_side(pair, 0)), await system.ask(_side(pair, 1)))
            for pair in progress.over(f"pairs, {name}", cases.pairs)
        ]
        for key, figure in _mirror(both).items():
            figures[key][name] = figure
        figures["unlike"][name] = tuple(
            f"{a.id}: {_told(a)} – {_told(b)}" for a, b in both if not _alike(a, b)
        )
    return {**figures, **await _symmetry(systems["built-in"], cases, progress)}


def _mirror(both: Sequence[tuple[Exchange, Exchange]]) -> Figures:
    lengths = [count_words(a.question) - count_words(b.question) for a, b in both]
    return {
        "same-move": rates(both, lambda p: p[0].shape == p[1].shape, _pair_language),
        "same-frame": rates(both, lambda p: _alike(*p), _pair_language),
        "distance-moves": _distance(both, lambda e: e.shape),
        "distance-frames": _distance(both, lambda e: (e.shape, e.frame)),
        "length-difference": mean(lengths),
        "length-apart": mean([abs(length) for length in lengths]),
    }


async def _symmetry(system: Asking, cases: Cases, progress: Progress) -> Figures:
    """Return whether the same questions get the same verdict under both sides (rule 13)."""
    probes = {lang: _probes(system, cases, lang) for lang in {p.lang for p in cases.pairs}}
    same, identical, unlike = [], [], []
    for pair in progress.over("verdicts", cases.pairs):
        one_set = forms(pair.sides[0]) == forms(pair.sides[1])
        shared = _shared(pair)
        for probe in (probe.fill(shared) for probe in probes[pair.lang]):
            first, second = [await _verdicts(system, pair, side, probe) for side in (0, 1)]
            same.append(outcome(first) is outcome(second))
            if one_set:
                identical.append(first == second)
            if not same[-1]:
                unlike.append(f"{pair.id}: {_named(first)} – {_named(second)}: {probe}")
    return {
        "verdict-same": tally(same),
        "findings-identical": tally(identical),
        "verdicts-unlike": tuple(unlike),
    }


def _probes(system: Asking, cases: Cases, lang: str) -> list[Frame]:
    """Return questions to be judged under both sides: vetted ones, and some of those given."""
    vetted = system.service.agent.book.frames(lang, Register.FORMAL)
    given = [
        Frame(id=q.id, move=Move.CLARIFY, plain=q.question)
        for q in cases.questions
        if q.lang == lang
    ]
    draw = Random(len(vetted))  # noqa: S311 - a fixed choice, not a secret
    return [q for some in (vetted, given) for q in draw.sample(some, min(PROBES, len(some)))]


def _shared(pair: Pair) -> str | None:
    """Return the longest word that both sides wrote, to be quoted under both."""
    first, second = ({w.text for w in words(side)} for side in pair.sides)
    return max(sorted(first & second), key=len, default=None)


async def _verdicts(system: Asking, pair: Pair, side: int, probe: str) -> tuple[Verdict, ...]:
    case = _side(pair, side)
    return await judged(system.service, probe, stand(case, case.texts))


async def varied(systems: Systems, cases: Cases, progress: Progress) -> Figures:
    """Return whether ways of writing one idea get one question."""
    figures: dict[str, Any] = defaultdict(dict)
    for name, system in systems.items():
        groups: dict[tuple[str, str], list[Exchange]] = defaultdict(list)
        for v in progress.over(f"variants, {name}", cases.variants):
            case = Contribution(id=v.id, lang=v.lang, texts=(v.text,))
            groups[v.lang, v.topic].append(await system.ask(case))
        couples = [couple for group in groups.values() for couple in combinations(group, 2)]
        several = [group for group in groups.values() if len(group) > 1]
        figures["same-move"][name] = rates(
            couples, lambda c: c[0].shape == c[1].shape, _pair_language
        )
        figures["same-frame"][name] = rates(couples, lambda c: _alike(*c), _pair_language)
        figures["whole-groups"][name] = tally(all(_alike(g[0], e) for e in g) for g in several)
        figures["unlike"][name] = tuple(
            f"{e.id}: {_told(g[0])} – {_told(e)}" for g in several for e in g if not _alike(g[0], e)
        )
    return figures


def _side(pair: Pair, side: int) -> Contribution:
    return Contribution(id=pair.id, lang=pair.lang, texts=(pair.sides[side],))


def _alike(one: Exchange, other: Exchange) -> bool:
    return (one.shape, one.frame) == (other.shape, other.frame)


def _told(exchange: Exchange) -> str:
    return exchange.frame or exchange.kind


def _named(verdicts: Sequence[Verdict]) -> str:
    rules = [f.rule for v in verdicts if v.decision is not Decision.ALLOW for f in v.findings]
    return f"{outcome(verdicts).name.lower()} ({', '.join(rules)})" if rules else "allow"


def _pair_language(pair: tuple[Exchange, Exchange]) -> str:
    return pair[0].lang


def _distance(
    both: Sequence[tuple[Exchange, Exchange]], of: Callable[[Exchange], object]
) -> Number:
    sides = [[str(of(pair[side])) for pair in both] for side in (0, 1)]
    return Number(value=total_variation(*sides) if both else None, n=len(both))


def each(
    by: Mapping[str, Sequence[Exchange]], figure: Callable[[Sequence[Exchange]], Any]
) -> dict[str, Any]:
    """Return *figure* for each system."""
    return {name: figure(exchanges) for name, exchanges in by.items()}


def by_language(exchanges: Sequence[Exchange], fact: Callable[[Exchange], bool]) -> dict[str, Rate]:
    """Return how often *fact* holds in all and in each language."""
    return rates(exchanges, fact, lambda e: e.lang)


def _steers(exchange: Exchange) -> bool:
    return bool(exchange.found and exchange.found.steers)


def _found(exchange: Exchange) -> Iterable[Any]:
    return exchange.found.labels - NO_STEERING if exchange.found else ()


def _has(exchanges: Sequence[Exchange], label: str) -> list[bool]:
    return [any(found.value == label for found in _found(e)) for e in exchanges]


def _unless(there: object, what: str) -> dict[str, str]:
    """Return the note that *what* is missing, unless it is *there*."""
    return {} if there else {MISSING: what}
