"""Train policies/learned.py on the labelled cases, and say how well it does on unseen authors.

    python -m bench.train              write policies/weights/<language>.json, print the report
    python -m bench.train --check      write nothing; exit with 1 if the weights would differ
    python -m bench.train --ablation   also print the report without each group of features
    python -m bench.train --speed      only time the gate

No randomness: the same cases give the same bytes with the same version of scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import cycle
from math import fsum
from pathlib import Path
from time import thread_time
from typing import Any
from zlib import crc32

from bench.judging import (
    HARMLESS,
    PASS,
    STEERING,
    Case,
    Scored,
    caught,
    clear,
    passed,
    rank,
    report_labels,
    threshold,
)
from bench.training import CASES, WEIGHTS, Table, base36, digest
from bot.domain import LANGUAGES, Label, Register
from bot.text import plain
from policies import learned
from policies.learned import GROUPS, SPACE, Head, Ways, Words, features, skeleton
from prompts import load

AUTHORS = (
    *("ada", "amal", "basil", "bela", "celia", "dina", "gita", "hakim", "idir", "ivo", "jette"),
    *("lina", "lotte", "louis", "maud", "noel", "nour", "petra", "rene", "ruth", "safa", "salma"),
    "tarik",
)
"""Who wrote the cases to learn from; other authors' are for measuring only."""
FORMAT = 2
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


# --- What is learned and how it is judged


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


# --- Writing


def weights(language: str, trainer: Trainer, limit: float, low: float) -> str:
    """Return the file for *language*, the same for the same cases and words."""
    fitted = trainer.fit(lambda _: True)
    ours = [case.question for case in trainer.frames]
    stored = {
        "format": FORMAT,
        "rule": learned.RULE,
        "language": language,
        "licence": "Apache-2.0",
        "made-by": "python -m bench.train",
        "cases": digest(case_files(language)),
        "vetted": sha256("\n".join(ours).encode()).hexdigest(),
        "threshold": limit,
        "clear": low,
        "steers": _stored(fitted.steers),
        "labels": {label.value: _stored(head) for label, head in fitted.labels.items()},
        "words": fitted.words,
    }
    return json.dumps(stored, ensure_ascii=False, indent=1) + "\n"


def _stored(head: Head) -> dict[str, Any]:
    return {
        "bias": head.bias,
        "buckets": " ".join(base36(b) for b in head.weights),
        "thousandths": " ".join(str(round(w * 1000)) for w in head.weights.values()),
    }


# --- The report


def report_authors(
    language: str, trainer: Trainer, judged: dict[str, list[Scored]], limit: float
) -> Iterator[str]:
    for author, scored in judged.items():
        taught = "+".join(a for a in trainer.authors if a != author) or f"{author}, other ideas"
        best = threshold(scored)
        inside = trainer.by_contribution(lambda c, a=author: c.author != a or len(judged) == 1)
        own = threshold(inside)
        cells = (
            f"{rank(scored):.3f}",
            caught(scored, best, "steers"),
            passed(scored, limit, "neutral"),
            caught(scored, limit, "steers"),
            passed(scored, own, "neutral"),
            caught(scored, own, "steers"),
        )
        yield f"| {language} | {taught} | {author} | " + " | ".join(cells) + " |"


def report_ablation() -> None:
    print(f"\n## Without each group of features (AUC; caught at {100 * PASS:.0f} % of neutral)\n")
    print("| features | " + " | ".join(LANGUAGES) + " |\n|---|" + "---|" * len(LANGUAGES))
    for left_out in (None, *GROUPS):
        groups = [g for g in GROUPS if g != left_out]
        cells = []
        for language in LANGUAGES:
            judged = Trainer(language, groups).by_author(labels=False)
            found = [s for scored in judged.values() for s in scored]
            limits = {a: threshold(scored) for a, scored in judged.items()}
            hits = [s.odds >= limits[a] for a in judged for s in judged[a] if s.case.steers]
            cells.append(f"{rank(found):.3f}; {100 * sum(hits) / len(hits):.0f} %")
        title = f"without {left_out}" if left_out else "all"
        print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


def report_speed() -> int:
    """Print processor time: on a shared machine the clock tells of other people's work."""
    print("| | load, ms | judge p50, ms | p99, ms | n |\n|---|---|---|---|---|")
    for language in LANGUAGES:
        start = thread_time()
        model = learned.load(language)
        loaded = thread_time() - start
        cases = read_cases(language)
        times = []
        for case in (*cases[:50], *cases):
            start = thread_time()
            model.judge(case.question, case.texts)
            times.append(thread_time() - start)
        times = sorted(times[50:])
        p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
        cells = (loaded, p50, p99)
        print(f"| {language} | " + " | ".join(f"{t * 1000:.2f}" for t in cells), end="")
        print(f" | {len(times)} |")
    return 0


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of one language."""

    language: str
    file: str
    """What is to be written."""
    judged: list[Scored]
    limit: float
    lines: tuple[str, ...]
    """Of the report, one for each author."""


def train(language: str) -> Trained:
    """Learn from all authors of *language*, and judge each by what the others teach."""
    trainer = Trainer(language)
    judged = trainer.by_author()
    everyone = [s for scored in judged.values() for s in scored]
    limit = threshold(everyone)
    lines = tuple(report_authors(language, trainer, judged, limit))
    return Trained(
        language, weights(language, trainer, limit, clear(everyone)), everyone, limit, lines
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    parser.add_argument("--speed", action="store_true", help="time the gate instead")
    parser.add_argument("--ablation", action="store_true", help="leave out groups of features")
    chosen = parser.parse_args()
    if chosen.speed:
        return report_speed()
    differ = []
    with ProcessPoolExecutor() as processes:
        found = list(processes.map(train, LANGUAGES))
    print("## Trained on one author, judged on another\n")
    print(
        f"| | learned from | judged on | AUC | caught at {100 * PASS:.0f} % of its neutral "
        "| neutral through, shipped threshold | caught, shipped threshold "
        "| neutral through * | caught * |\n|---|---|---|---|---|---|---|---|---|"
    )
    for each in found:
        print("\n".join(each.lines))
        path = WEIGHTS / f"{each.language}.json"
        if not path.is_file() or path.read_text("utf-8") != each.file:
            differ.append(each.language)
        if not chosen.check:
            path.write_text(each.file, "utf-8")
    print("\n\\* threshold from the authors learned from alone, their cases split by contribution")
    report_labels({each.language: (each.judged, each.limit) for each in found})
    if chosen.ablation:
        report_ablation()
    if chosen.check and differ:
        print(f"\nnot what the cases give: {', '.join(differ)}", file=sys.stderr)
    return 1 if chosen.check and differ else 0


if __name__ == "__main__":
    sys.exit(main())
