"""What is measured over whole dialogues: whose words are used, and what depth does to that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeAlias

from bot.ideas import own_sentences
from bot.measure_cases import Cases, Contribution
from bot.measure_exchanges import (
    EVALUATIVE,
    Asking,
    Exchange,
    forms,
    new_words,
    own_share,
    stand,
)
from bot.measure_figures import Figures, Held, Systems, by_language, each
from bot.measure_progress import Progress
from bot.measure_statistics import Number, Rate, entropy, mean, slope_with_interval, tally
from bot.text import plain

Measure: TypeAlias = Callable[[Exchange, frozenset[str]], float]
"""Of a question, given the words of its language that carry no meaning of their own."""
TURNS = 3
SHARES = frozenset({"evaluative"})
"""Measures that are so or not so."""


async def deepened(systems: Systems, cases: Cases, seed: int, progress: Progress) -> Figures:
    """Return what changes as dialogues go on; the answers are other contributions."""
    figures: dict[str, Any] = defaultdict(dict)
    for name, system in systems.items():
        draw = Random(seed)  # noqa: S311 - a reproducible draw, not a secret
        dialogues = [
            await system.dialogue(case, _answers(case, cases, draw))
            for case in progress.over(f"dialogues, {name}", cases.contributions)
        ]
        function = {lang: _function(system, lang) for lang in {c.lang for c in cases.contributions}}
        for key, measure in _BY_DEPTH.items():
            series = [_series(held, measure, function) for held in dialogues]
            figures[key][name] = _by_depth(series, _share if key in SHARES else mean)
            steps = [points for points in series if points]
            figures[f"{key}-slope"][name] = slope_with_interval(steps, seed)
    return figures


def authored(held: Held, systems: Systems) -> Figures:
    """Return whose words a recap holds, and how varied and specific the questions are."""
    recaps = [_recapped(systems["built-in"], e) for e in held.by["built-in"]]
    sent = held.sent
    return {
        "recap-own": Rate(hits=sum(own for own, _, _ in recaps), n=sum(n for _, n, _ in recaps)),
        "recap-whole": tally(whole for _, _, whole in recaps),
        "specific": each(sent, lambda es: by_language(es, lambda e: e.slot is not None)),
        "distinct-frames": _frames(sent, lambda fs: Number(value=len(set(fs)), n=len(fs))),
        "largest-share": _frames(sent, lambda fs: Rate(hits=max(map(fs.count, fs)), n=len(fs))),
        "entropy": _frames(sent, lambda fs: Number(value=entropy(fs), n=len(fs))),
    }


def _recapped(system: Asking, exchange: Exchange) -> tuple[int, int, bool]:
    """Return how many words of the recap are the person's, how many it has, and if it has all.

    Personal data is not kept: what stands in for it counts as theirs.
    """
    case = Contribution(id=exchange.id, lang=exchange.lang, texts=exchange.texts)
    masked, hidden = system.service.masked(stand(case, case.texts))
    kept = tuple(map(hidden.restored, masked.idea.texts))
    recap = system.service.notices.recap(own_sentences(kept), case.lang)
    intro = system.service.notices.text(case.lang, "recap-intro")
    lines = recap.removeprefix(intro).splitlines()
    shown = [word for line in lines for word in plain(line.partition(". ")[2]).split()]
    said = [word for text in kept for word in plain(text).split()]
    return sum(word in set(said) for word in shown), len(shown), shown == said


def _answers(case: Contribution, cases: Cases, draw: Random) -> list[str]:
    others = [c.texts[-1] for c in cases.contributions if c.lang == case.lang and c is not case]
    return draw.sample(others, min(TURNS - 1, len(others)))


def _function(system: Asking, lang: str) -> frozenset[str]:
    """Return the words that carry no meaning of their own."""
    return forms(*system.service.agent.book.lexicon(lang, "vocabulary")["function"])


_BY_DEPTH: Mapping[str, Measure] = {
    "own-words": lambda e, _: own_share(e),
    "evaluative": lambda e, _: float(bool(e.found and e.found.denied & EVALUATIVE)),
    "new-words": lambda e, function: float(new_words(e, function)),
}


def _series(
    held: Sequence[Exchange], measure: Measure, function: Mapping[str, frozenset[str]]
) -> list[tuple[float, float]]:
    """Return the measure of each question, with its depth from 1."""
    return [(depth, measure(e, function[e.lang])) for depth, e in enumerate(held, 1) if e.question]


def _by_depth(
    series: Sequence[Sequence[tuple[float, float]]],
    figure: Callable[[Sequence[float]], Rate | Number],
) -> Figures:
    depths: dict[int, list[float]] = {depth: [] for depth in range(1, TURNS + 1)}
    for points in series:
        for depth, value in points:
            depths[int(depth)].append(value)
    return {str(depth): figure(values) for depth, values in depths.items()}


def _share(values: Sequence[float]) -> Rate:
    return tally(map(bool, values))


def _frames(
    sent: Mapping[str, Sequence[Exchange]], figure: Callable[[list[str]], Rate | Number]
) -> dict[str, Any]:
    """Return the figure for each system that asks vetted questions, and each language."""
    return {
        name: {
            lang: figure([e.frame for e in exchanges if e.lang == lang])
            for lang in dict.fromkeys(e.lang for e in exchanges)
        }
        for name, exchanges in sent.items()
        if name != "raw"
    }
