"""What each rule does alone: ``python -m bench.rules questions|screens LANGUAGE AUTHOR…``.

For questions: how many neutral ones pass and how many that steer are stopped; for each rule that
stops a neutral one, how many of either kind it stops, and how many of them no other rule does. A
rule that stops neutral questions, and no other that steers but those which others stop too, costs
and brings nothing. ``--without learned.v1`` leaves a rule out, such as the trained one.

For screens: how many messages of each kind are taken for what they are, and each that is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bot import wiring
from bot.lab import Lab
from bot.settings import Settings
from storage.memory import MemoryRecord

CASES = Path(__file__).parents[1] / "tests" / "cases"
HELD_OUT = frozenset({"cleo", "kim", "uma", "vera", "zoe"})
"""Authors whose cases nobody may look into: only totals of `socrate measure`."""


def cases(kind: str, author: str, language: str) -> list[dict[str, Any]]:
    """Return what *author* wrote of that *kind* in *language*; nothing if there is none."""
    if author in HELD_OUT:
        raise SystemExit(f"{author} is held out: use `socrate measure` for totals.")
    path = CASES / f"{kind}-{author}-{language}.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines]


async def questions(lab: Lab, found: Iterable[dict[str, Any]], without: Sequence[str]) -> None:
    """Print what the gates do with labelled questions, rule by rule."""
    asked, passed = Counter[str](), Counter[str]()
    stopped: dict[str, Counter[str]] = {"neutral": Counter(), "steering": Counter()}
    alone: dict[str, Counter[str]] = {"neutral": Counter(), "steering": Counter()}
    for case in found:
        if case["label"] == "form":
            continue
        kind = "neutral" if case["label"] == "neutral" else "steering"
        judged = await lab.judge(case)
        rules = {finding["rule"] for finding in judged["findings"]}.difference(without)
        asked[kind] += 1
        passed[kind] += not rules
        stopped[kind].update(rules)
        if len(rules) == 1:
            alone[kind].update(rules)
    for kind, number in asked.items():
        print(f"{kind}: {passed[kind]} of {number} pass")
    print(f"{'':44}{'neutral':>8}{'alone':>7}{'steering':>10}{'alone':>7}")
    for rule, number in stopped["neutral"].most_common():
        counts = (alone["neutral"][rule], stopped["steering"][rule], alone["steering"][rule])
        print(f"{rule:44}{number:8}{counts[0]:7}{counts[1]:10}{counts[2]:7}")


async def screens(lab: Lab, found: Iterable[dict[str, Any]]) -> None:
    """Print what the screens do with labelled messages, and those they mistake."""
    right, number = Counter[str](), Counter[str]()
    for case in found:
        screened = await lab.screen(case)
        done = screened["action"]
        number[case["expect"]] += 1
        right[case["expect"]] += done == case["expect"]
        if done != case["expect"]:
            print(f"{case['expect']:8}{done:8}{' '.join(screened['labels']):12}{case['text']}")
    for expect, total in number.items():
        print(f"{expect}: {right[expect]} of {total}")


def main() -> None:
    """Read the command line, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("kind", choices=("questions", "screens"))
    parser.add_argument("language")
    parser.add_argument("authors", nargs="+")
    parser.add_argument("--without", nargs="*", default=[], help="rules to leave out")
    chosen = parser.parse_args()
    lab = Lab(wiring.service(Settings(), MemoryRecord()))
    found = [case for a in chosen.authors for case in cases(chosen.kind, a, chosen.language)]
    if chosen.kind == "questions":
        asyncio.run(questions(lab, found, chosen.without))
    else:
        asyncio.run(screens(lab, found))


if __name__ == "__main__":
    main()
