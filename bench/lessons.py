"""What the classifier for questions learns from, and how it is fitted and judged by author."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from math import fsum
from pathlib import Path
from typing import Any
from zlib import crc32

from bench.judging import HARMLESS, STEERING, Case, Scored
from bench.training import CASES, Table
from bot.domain import Label, Register
from bot.text import plain
from policies import learned
from policies.learned import GROUPS, SPACE, Head, Ways, Words, features, skeleton
from prompts import load

AUTHORS = (
    *("ada", "agnes", "alma", "amal", "basil", "bea", "bela", "boris", "bruno", "carla", "celia"),
    *("dina", "driss", "elio", "frida", "gita", "hakim", "idir", "ivo", "jette", "kurt", "leonie"),
    *("lina", "lotte", "louis", "maud", "max", "ned", "noel", "nour", "omid", "opal", "petra"),
    *("pia", "rene", "rima", "ruth", "safa", "salma", "tarik", "ute", "wes", "zaki"),
)
"""Who wrote the cases to learn from; other authors' are for measuring only.

Max alone knew the rules.
"""
FIT = 10.0
"""How much a mistake counts against the penalty on weights (scikit-learn's C)."""
FRAME = 0.25
"""What a vetted frame counts, beside a case's 1."""
LENT = 0.2
"""What a case of another language counts."""
LENDERS = {"fr": (), "en": (), "de": ("fr", "en"), "ar": ()}
"""Languages whose cases also teach: tokens, signs and counts are common, some words too."""
LABEL_FIT = 0.3
LABEL_WEIGHTS = 1500
"""Weights kept for each way of steering: the largest."""
FOLDS = 5
AFFIXES = {
    "fr": {"prefixes": "", "suffixes": "es s x e", "cut": 5, "capitals": True},
    "en": {"prefixes": "", "suffixes": "ing ed es s e", "cut": 5, "capitals": True},
    "de": {
        "prefixes": "",
        "suffixes": "test ten est te en er es em et st e n s t",
        "cut": 5,
        "capitals": False,
    },
    "ar": {
        "prefixes": "وال فال بال كال لل ال و ف ب ل ك",
        "suffixes": "هما كما ات ون ين ها هم كم نا ه ي ا",
        "cut": 0,
        "capitals": False,
    },
}
"""What words of a language shed before they are compared; see `learned.Words`."""
SHORTEST = 3
"""Letters of a neutral word whose stem tells enough."""
SEEN = 3
"""Contributions on which neutral questions must bring a word for it to be a function word."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a regression sees of a case."""

    values: Mapping[int, float]
    """By bucket."""
    label: str
    weight: float


def read_cases(language: str, authors: Iterable[str] = AUTHORS) -> tuple[Case, ...]:
    """Return the cases of *language*, those of an author who wrote none being none."""
    found = []
    for path in case_files(language, authors):
        for line in path.read_text("utf-8").splitlines():
            made = json.loads(line)
            said = made["contribution"]
            found.append(
                Case(
                    texts=(said,) if isinstance(said, str) else tuple(said),
                    question=made["question"],
                    label=made["label"],
                    author=made["author"],
                )
            )
    return tuple(found)


def case_files(language: str, authors: Iterable[str] = AUTHORS) -> tuple[Path, ...]:
    paths = (CASES / f"questions-{author}-{language}.jsonl" for author in authors)
    return tuple(path for path in paths if path.is_file())


@cache
def stored_words(language: str) -> dict[str, Any]:
    """Return the words of *language* as they stand in the word lists now."""
    book = load()
    lists = book.lexicon(language, "vocabulary")
    frames = [f.plain for register in Register for f in book.frames(language, register)]
    function = _forms(lists["function"])
    ours = (*frames, *_receipts(language))
    neutral = _forms((*lists["neutral"], *lists["presupposing"], *ours)) - function
    bare = learned.known({"function": "", "neutral": "", "stems": "", **AFFIXES[language]})
    return {
        "function": " ".join(sorted(function)),
        "neutral": " ".join(sorted(neutral)),
        "stems": " ".join(sorted({bare.stem(w) for w in neutral if len(w) >= SHORTEST})),
        **AFFIXES[language],
    }


def _forms(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in plain(text).split()}


def _receipts(language: str) -> list[str]:
    found: list[str] = load().lexicon(language, "notices")["notice"]["ack"]
    return found


def with_seen(stored: Mapping[str, Any], cases: Iterable[Case]) -> dict[str, Any]:
    """Return *stored* with the words that neutral questions on several ideas bring.

    They are mostly function words of spoken forms that the word lists do not hold.
    """
    words = learned.known(stored)
    ideas: dict[str, set[tuple[str, ...]]] = {}
    for case in cases:
        if case.label == "neutral":
            for word in skeleton(case.question, case.texts, words).new:
                ideas.setdefault(plain(word), set()).add(case.texts)
    seen = {word for word, on in ideas.items() if word and len(on) >= SEEN}
    return {**stored, "function": " ".join(sorted(seen.union(words.function)))}


def frame_cases(language: str) -> tuple[Case, ...]:
    """Return every vetted question as a neutral case: alone, with a quote, after a receipt."""
    book = load()
    frames = [f for register in Register for f in book.frames(language, register)]
    said = "–"
    questions = [q for f in frames for q in dict.fromkeys((f.plain, f.fill(said)))]
    questions += [f"{ack} {frame.plain}" for frame, ack in zip(frames, cycle(_receipts(language)))]
    return tuple(
        Case(texts=(said,), question=q, label="neutral", author="frames")
        for q in dict.fromkeys(questions)
    )


def rows(
    cases: Iterable[Case], words: Words, groups: Iterable[str], weight: float = 1.0
) -> tuple[Row, ...]:
    seen = ((case, skeleton(case.question, case.texts, words)) for case in cases)
    return tuple(Row(features(shape, groups), case.label, weight) for case, shape in seen)


class Lessons:
    """Rows to learn from, with a regression for any way of dividing them in two."""

    def __init__(self, seen: Sequence[Row]) -> None:
        """Learn from *seen*."""
        self._seen = seen
        self._table = Table([row.values for row in seen])

    def head(
        self, positive: Callable[[str], bool], *, strength: float = FIT, most: int = SPACE
    ) -> Head:
        """Return the *most* largest weights that tell *positive* labels; both sides weigh alike."""
        signs = [positive(row.label) for row in self._seen]
        sides = [fsum(r.weight for r in self._of(signs, side)) for side in (False, True)]
        costs = [strength * fsum(sides) / (2 * side) for side in sides]
        each = [row.weight * costs[sign] for row, sign in zip(self._seen, signs, strict=True)]
        bias, weights = self._table.regress(signs, each)
        kept = {bucket: round(weight, 3) for bucket, weight in weights.items() if round(weight, 3)}
        largest = sorted(kept, key=lambda b: (-abs(kept[b]), b))[:most]
        return Head(bias=round(bias, 3), weights={b: kept[b] for b in sorted(largest)})

    def _of(self, signs: Iterable[bool], side: bool) -> Iterator[Row]:  # a value
        return (row for row, sign in zip(self._seen, signs, strict=True) if sign is side)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is learned, without a threshold."""

    words: Mapping[str, Any]
    """As stored."""
    steers: Head
    labels: Mapping[Label, Head]


def _label_heads(seen: Iterable[Row]) -> dict[Label, Head]:
    lessons = Lessons([row for row in seen if row.label not in HARMLESS])
    return {
        label: lessons.head(label.value.__eq__, strength=LABEL_FIT, most=LABEL_WEIGHTS)
        for label in STEERING
    }


class Trainer:
    """Reads one language once; fits and judges by author and by contribution."""

    def __init__(self, language: str, groups: Iterable[str] = tuple(GROUPS)) -> None:
        self.language = language
        self.groups = tuple(groups)
        self.cases = read_cases(language)
        self.frames = frame_cases(language)
        self.authors = tuple(dict.fromkeys(case.author for case in self.cases))
        self.lent: list[tuple[Case, Row]] = []
        for lender in LENDERS[language]:
            cases = read_cases(lender)
            words = learned.known(stored_words(lender))
            self.lent += zip(cases, rows(cases, words, self.groups, LENT), strict=True)

    def fit(self, keep: Callable[[Case], bool], *, labels: bool = True) -> Fitted:
        """Learn from the cases to *keep*, of other languages as well, and the frames."""
        kept = [case for case in self.cases if keep(case)]
        stored = with_seen(stored_words(self.language), kept)
        words = learned.known(stored)
        seen = [
            *rows(kept, words, self.groups),
            *(row for case, row in self.lent if keep(case)),
            *rows(self.frames, words, self.groups, FRAME),
        ]
        steers = Lessons(seen).head(lambda label: label not in HARMLESS)
        return Fitted(stored, steers, _label_heads(seen) if labels else {})

    def score(self, fitted: Fitted, keep: Callable[[Case], bool]) -> list[Scored]:
        """Judge the cases to *keep*, of this language."""
        cases = [case for case in self.cases if keep(case)]
        found = []
        ways = Ways.of(fitted.labels)
        seen = rows(cases, learned.known(fitted.words), self.groups)
        for case, row in zip(cases, seen, strict=True):
            label = ways.best(row.values).value if fitted.labels else None
            found.append(Scored(case, fitted.steers.score(row.values), label))
        return found

    def by_author(self, *, labels: bool = True) -> dict[str, list[Scored]]:
        """Judge each author's cases by what the others' teach."""
        if len(self.authors) == 1:
            return {self.authors[0]: self.by_contribution(lambda _: True)}
        judged = {}
        for author in self.authors:
            fitted = self.fit(lambda c, a=author: c.author != a, labels=labels)
            judged[author] = self.score(fitted, lambda c, a=author: c.author == a)
        return judged

    def by_contribution(self, of: Callable[[Case], bool]) -> list[Scored]:
        """Judge each case by what those on other contributions teach."""
        found = []
        for fold in range(FOLDS):
            fitted = self.fit(lambda c, f=fold: of(c) and _fold(c) != f, labels=False)
            found += self.score(fitted, lambda c, f=fold: of(c) and _fold(c) == f)
        return found


def _fold(case: Case) -> int:
    return crc32("\n".join(case.texts).encode()) % FOLDS
