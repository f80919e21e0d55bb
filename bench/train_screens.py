"""Train policies/overheard.py on the labelled messages, and say how well it does on unseen ones.

    python -m bench.train_screens            write policies/weights/screens-*.json, print the report
    python -m bench.train_screens --check    write nothing; exit with 1 if the weights would differ
    python -m bench.train_screens --speed    only time the screen

No randomness: the same cases give the same bytes with the same version of scikit-learn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from itertools import chain
from math import fsum, sqrt
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

from bench.hearing import CONTRIBUTION, UNTOLD, Case, Scored, report, thresholds, votes
from bench.training import CASES, WEIGHTS, Table, base36, digest
from bot.domain import LANGUAGES, Decision, Dialogue, Idea, Message, Room
from bot.rules import patterns
from bot.senses import Senses
from bot.settings import Settings
from bot.text import bare, plain
from bot.wiring import service
from policies import overheard
from policies.masking import Masking
from policies.overheard import Model, bucket, grouped, located, senses_of, shares, tokens
from prompts import load

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
VERSION = 4
"""Of this script: one more whenever the same cases give other weights."""
JUDGED = {
    **dict.fromkeys(("emil", "fatima"), 0),
    **dict.fromkeys(("gus", "hana"), 1),
    **dict.fromkeys(("clem", "ines", "jaro"), 2),
    **dict.fromkeys(("dora", "omar", "paul"), 3),
    **dict.fromkeys(("emna", "lene", "yara"), 4),
    **dict.fromkeys(("hector", "igor", "pavel", "tomas", "wanda"), 5),
    **dict.fromkeys(("jamila", "malik", "olga", "sofia", "yasin"), 6),
    **dict.fromkeys(("edda", "quentin", "rafa", "wilma"), 7),
    **dict.fromkeys(("dalia", "hugo", "joris", "klara"), 8),
    **dict.fromkeys(("mina", "samir", "theo", "viggo"), 9),
}
AUTHORS = {**JUDGED, **dict.fromkeys(("nils", "rosa", "tilda", "ugo"), -1)}
"""Who wrote messages, and the fold they are judged in: the same in both their languages.

Nils, Rosa, Tilda and Ugo knew the rules and wrote only to teach: theirs are never judged. Quentin,
Viggo and Wilma wrote what is to be answered: what looks as if it were not, statements as in a poll.
"""
ASKERS = (
    *(
        "ada",
        "agnes",
        "alma",
        "amal",
        "basil",
        "bea",
        "bela",
        "boris",
        "bruno",
        "carla",
        "celia",
        "dina",
    ),
    *("driss", "elio", "frida", "gita", "hakim", "idir", "ivo", "jette", "kurt", "leonie", "lina"),
    *(
        "lotte",
        "louis",
        "mara",
        "maud",
        "max",
        "ned",
        "noel",
        "nour",
        "omid",
        "opal",
        "petra",
        "pia",
    ),
    *("rene", "rima", "ruth", "safa", "salma", "tarik"),
)
"""Whose cases hold contributions, all to be answered."""
FIT = 5.0
"""How much a mistake counts against the penalty on weights (scikit-learn's C)."""
PART = 0.3
"""What a sentence of a message to be answered counts, beside a message's 1."""
ABROAD = 0.3
"""What a message in another language counts: its senses alone are compared."""
LENT = 1.0
"""How much the words of one rule share what is learned of one of them."""
MOST = {"help": 12_000, "decline": 12_000, "votes": 2_000}
"""Weights kept: the largest."""
FOLDS = 10
"""Parts of what is judged apart: each author of messages is in one, in every language."""
ALIKE = 0.6
"""Share of words in common from which two contributions are always in the same fold."""
_HIDDEN = re.compile(r"\[[A-Z]+_\d+\]")
_SYNTAX = re.compile(r"\\.|\(\?[:=!<]+|\{[\d,]+\}")
_LITERAL = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class Row:
    """What a regression sees of a message or of one of its sentences."""

    features: Mapping[str, float]
    case: Case
    weight: float


# --- What is read


def case_files(language: str) -> tuple[Path, ...]:
    names = (
        *(f"screens-{author}-{language}" for author in AUTHORS),
        f"contributions-{language}",
        *(f"questions-{author}-{language}" for author in ASKERS),
    )
    paths = (CASES / f"{name}.jsonl" for name in names)
    return tuple(path for path in paths if path.is_file())


@cache
def read_cases(language: str) -> tuple[Case, ...]:
    """Return the cases of *language*, each text once, in folds."""
    found: dict[str, Case] = {}
    for path in case_files(language):
        for line in path.read_text("utf-8").splitlines():
            made = json.loads(line)
            said = made.get("contribution", made.get("text"))
            for text in [said] if isinstance(said, str) else said:
                found.setdefault(text, _case(text, made))
    return _folded(tuple(found.values()))


def _case(text: str, made: Mapping[str, Any]) -> Case:
    if "expect" not in made:
        return Case(text, "answer", CONTRIBUTION)
    author = made["author"]
    return Case(text, made["expect"], made["kind"], author, AUTHORS[author])


def _folded(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return *cases*, those of contributions with folds too: near-duplicates are in one."""
    contributions = [case for case in cases if case.kind == CONTRIBUTION]
    groups = _alike([frozenset(plain(case.text).split()) for case in contributions])
    folds = {c.text: g % FOLDS for c, g in zip(contributions, groups, strict=True)}
    return tuple(replace(case, fold=folds.get(case.text, case.fold)) for case in cases)


def _alike(texts: Sequence[frozenset[str]]) -> list[int]:
    """Return the number of the first text that each is alike to, through others if need be."""
    group = list(range(len(texts)))
    for i, one in enumerate(texts):
        for j in range(i):
            both = len(one & texts[j])
            if both and both >= ALIKE * (len(one) + len(texts[j]) - both) and group[i] != group[j]:
                old, new = group[i], group[j]
                group = [new if g == old else g for g in group]
    return group


@cache
def _masking() -> Masking:
    return Masking(load())


def _nameless(text: str, language: str) -> str:
    """Return *text* without names of parties, people and groups: they must teach nothing."""
    return _HIDDEN.sub(" ", _masking().mask([text], language).texts[0])


@cache
def lent_words(language: str) -> dict[str, dict[str, float]]:
    """Return what each word takes from the rules that name it: such words are of a kind."""
    lists = load().lexicon(language, "screens")
    found: dict[str, set[str]] = {}
    for table in ("distress", "traps"):
        for rule in lists[table]:
            for word in _LITERAL.findall(bare(_SYNTAX.sub(" ", "|".join(patterns(rule))))):
                found.setdefault(word, set()).add("x" + rule["id"])
    written = {w: _nameless(w, language) + _nameless(w.capitalize(), language) for w in found}
    return {
        word: dict.fromkeys(sorted(rules), LENT / sqrt(len(rules)))
        for word, rules in found.items()
        if word in written[word]
    }


@cache
def rows(language: str) -> tuple[Row, ...]:
    """Return each case, and each sentence of those to be answered."""
    found = []
    for case in read_cases(language):
        text = _nameless(case.text[: overheard.READ], language)
        said = [sentence for sentence, _, _ in located(text)]
        found.append(Row(features(said, language), case, 1.0))
        if case.expect == "answer" and len(said) > 1:
            found += (Row(features([sentence], language), case, PART) for sentence in said)
    return tuple(found)


@cache
def from_abroad(language: str) -> tuple[Row, ...]:
    """Return the cases of the other languages, of which the senses alone are compared."""
    others = (row for other in LANGUAGES if other != language for row in rows(other))
    return tuple(
        Row({f: v for f, v in row.features.items() if f[0] == "k"}, row.case, row.weight * ABROAD)
        for row in others
    )


@cache
def senses(language: str) -> Senses:
    return senses_of(language, load())


def features(said: Sequence[str], language: str) -> dict[str, float]:
    """Return the features of sentences as the screen adds them up, and what words lend."""
    parts = [grouped(sentence, senses(language)) for sentence in said]
    counts = [Counter(chain.from_iterable(group)) for group in zip(*parts, strict=True)]
    each = shares(c.total() for c in counts)
    found = {f: n * v for c, v in zip(counts, each, strict=True) for f, n in c.items()}
    lent = lent_words(language)
    for sentence in said:
        for word in tokens(sentence):
            for rule, value in lent.get(word, {}).items():
                found[rule] = found.get(rule, 0.0) + value * each[0]
    return found


# --- What is learned


def fit(language: str, keep: Callable[[Case], bool]) -> dict[str, Any]:
    """Return the heads learned from the cases to *keep*, as they are stored."""
    seen = [row for row in (*rows(language), *from_abroad(language)) if keep(row.case)]
    declined = [r for r in seen if r.case.expect == "decline" and r.case.kind not in UNTOLD]
    table, of_declined = (Table([row.features for row in rows]) for rows in (seen, declined))
    return {
        "help": _head(language, table, seen, lambda c: c.expect == "help", MOST["help"]),
        "decline": _head(language, table, seen, lambda c: c.expect == "decline", MOST["decline"]),
        "votes": _head(language, of_declined, declined, lambda c: votes(c.kind), MOST["votes"]),
    }


def _head(
    language: str,
    table: Table[str],
    seen: Sequence[Row],
    positive: Callable[[Case], bool],
    most: int,
) -> dict[str, Any]:
    signs = [positive(row.case) for row in seen]
    bias, weights = table.regress(signs, [row.weight * FIT for row in seen])
    for word, rules in lent_words(language).items():
        lent = fsum(weights.get(rule, 0.0) * value for rule, value in rules.items())
        weights["w" + word] = weights.get("w" + word, 0.0) + lent
    buckets: dict[int, float] = {}
    for feature, weight in weights.items():
        if feature[0] != "x":
            where = bucket(feature)
            buckets[where] = buckets.get(where, 0.0) + weight
    rounded = {b: round(w * 100) for b, w in buckets.items() if round(w * 100)}
    largest = sorted(rounded, key=lambda b: (-abs(rounded[b]), b))[:most]
    return {
        "bias": round(bias, 3),
        "buckets": " ".join(base36(b) for b in sorted(largest)),
        "hundredths": " ".join(str(rounded[b]) for b in sorted(largest)),
    }


# --- How it is judged


def model(language: str, heads: Mapping[str, Any], thresholds: Mapping[str, float]) -> Model:
    return overheard.read({"heads": heads, "thresholds": thresholds}, senses(language))


def scores(language: str) -> list[Scored]:
    """Judge each case by what the other folds teach."""
    found = []
    by_rules = rules(language)
    for fold in range(FOLDS):
        heads = fit(language, lambda c, f=fold: c.fold != f)
        taught = model(language, heads, {"help": 0, "decline": 0})
        for case in (c for c in read_cases(language) if c.fold == fold):
            voting = taught.odds(taught.whole(case.text), overheard.VOTES) > 0
            found.append(Scored(case, taught.score(case.text), voting, by_rules[case.text]))
    limits = [thresholds([s for s in found if s.case.fold != fold]) for fold in range(FOLDS)]
    return [_heard(s, limits[s.case.fold]) for s in found]


def _heard(scored: Scored, limits: Mapping[str, float]) -> Scored:
    heard = "answer"
    for action, odds in zip(("decline", "help"), reversed(scored.odds), strict=True):
        heard = action if odds >= limits[action] else heard
    return replace(scored, heard=heard)


@cache
def rules(language: str) -> dict[str, str]:
    """Return what the rules on distress and on traps do with each case."""
    screens = [s for s in service(Settings(), None).screens if s.name in {"distress", "traps"}]

    async def action(text: str) -> str:
        room = Room("bench", "bench")
        said = Message(id="", room=room, sender="", text=text, sent_at=NOON)
        known = Dialogue(room=room, sender="", language=language, idea=Idea(texts=(text,)))
        gravest = max([(await s.check(said, known)).decision for s in screens])
        return {Decision.ALLOW: "answer", Decision.ESCALATE: "help"}.get(gravest, "decline")

    async def all_of() -> dict[str, str]:
        return {case.text: await action(case.text) for case in read_cases(language)}

    return asyncio.run(all_of())


# --- Writing


def stored(language: str, limits: Mapping[str, float]) -> str:
    """Return the file for *language*, the same for the same cases and words."""
    words = json.dumps({w: list(r) for w, r in sorted(lent_words(language).items())})
    made = {
        "format": 1,
        "rule": overheard.RULE,
        "language": language,
        "licence": "Apache-2.0",
        "made-by": "python -m bench.train_screens",
        "version": VERSION,
        "cases": digest(case_files(language)),
        "words": sha256(words.encode()).hexdigest(),
        "senses": sha256(repr(sorted(senses(language).stems.items())).encode()).hexdigest(),
        "thresholds": dict(limits),
        "heads": fit(language, lambda _: True),
    }
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def report_speed() -> int:
    print("| | load, ms | p50, ms | p99, ms | p50 at about 200 characters, ms | n |")
    print("|---|---|---|---|---|---|")
    for language in LANGUAGES:
        start = perf_counter()
        loaded = overheard.load(language, load())
        cells = [perf_counter() - start]
        texts = [case.text for case in read_cases(language)]
        times = _times(loaded, texts)
        long = " ".join(texts)
        about = _times(loaded, [long[i : i + 200] for i in range(0, len(long), 200)])
        cells += [quantiles(times, n=100)[49], quantiles(times, n=100)[98]]
        cells += [quantiles(about, n=100)[49]]
        print(f"| {language} | " + " | ".join(f"{t * 1000:.2f}" for t in cells), end="")
        print(f" | {len(times)} |")
    return 0


def train(language: str) -> tuple[list[Scored], str]:
    """Return how each case was judged, and the file for *language*."""
    scored = scores(language)
    return scored, stored(language, thresholds(scored))


def _times(loaded: Model, texts: Sequence[str]) -> list[float]:
    times = []
    for text in (*texts[:50], *texts):
        start = perf_counter()
        loaded.judge(text)
        times.append(perf_counter() - start)
    return times[50:]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    parser.add_argument("--speed", action="store_true", help="time the screen instead")
    parser.add_argument("languages", nargs="*", default=LANGUAGES, help="all of them if none")
    chosen = parser.parse_args()
    if chosen.speed:
        return report_speed()
    differ, results = [], {}
    with ProcessPoolExecutor() as processes:
        found = processes.map(train, chosen.languages)
        for language, (scored, text) in zip(chosen.languages, found, strict=True):
            results[language] = scored, thresholds(scored)
            path = WEIGHTS / f"screens-{language}.json"
            if not path.is_file() or path.read_text("utf-8") != text:
                differ.append(language)
            if not chosen.check:
                path.write_text(text, "utf-8")
    report(results)
    if chosen.check and differ:
        print(f"\nnot what the cases give: {', '.join(differ)}", file=sys.stderr)
    return 1 if chosen.check and differ else 0


if __name__ == "__main__":
    sys.exit(main())
