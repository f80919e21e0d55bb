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
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from time import thread_time
from typing import Any

from bench.judging import PASS, Scored, caught, clear, passed, rank, report_labels, threshold
from bench.lessons import Trainer, case_files, read_cases
from bench.training import WEIGHTS, base36, digest
from bot.domain import LANGUAGES
from policies import learned
from policies.learned import GROUPS, Head

FORMAT = 2


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


def report_authors(
    language: str, trainer: Trainer, judged: dict[str, list[Scored]], limit: float
) -> Iterator[str]:
    for author, scored in judged.items():
        taught = "the others" if len(judged) > 1 else f"{author}, other ideas"
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
