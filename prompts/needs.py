"""Work out which words a text must hold for a rule to match: ``python -m prompts.needs``.

Compiling a thousand patterns takes half a second, and a person would wait for it. So each
pattern comes with the words of which every match holds at least one, and it is compiled only
once a text has one of them. The words are worked out from the patterns, here, and checked by the
tests: nobody writes them by hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, TypeAlias

from bot.domain import LANGUAGES
from bot.rules import fold_pattern, patterns
from prompts import load

HERE = Path(__file__).parent
MOST = 4
"""Sets of words kept for a pattern."""
SHORTEST = 2
"""Letters a word needs to tell anything."""
TABLES = (("deny", "rules", True), ("screens", "traps", False), ("screens", "distress", False),
          ("screens", "injection", False))  # fmt: skip
"""File, table, and whether accents count there."""
Words: TypeAlias = frozenset[str]
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)


def needs(pattern: str, *, accents: bool) -> list[list[str]]:
    """Return sets of words: every match of *pattern* holds one word of each."""
    found = _of_sequence(list(parser.parse(fold_pattern(pattern, accents=accents))))
    return [sorted(words) for words in sorted(found, key=_telling, reverse=True)[:MOST]]


def rules_of(language: str) -> dict[str, list[list[list[str]]]]:
    """Return the needs of each pattern of every rule of *language*, by the rule's id."""
    book = load()
    return {
        rule["id"]: [needs(pattern, accents=accents) for pattern in patterns(rule)]
        for file, table, accents in TABLES
        for rule in book.lexicon(language, file)[table]
    }


def written(language: str) -> str:
    """Return ``needs.json`` as it should be."""
    return json.dumps(rules_of(language), ensure_ascii=False, indent=0, sort_keys=True) + "\n"


def _of_sequence(nodes: Sequence[Any]) -> list[Words]:
    """Return the needs of elements that stand one after another: each has to match."""
    return [*_literals(nodes), *(words for node in nodes for words in _of_node(node))]


def _literals(nodes: Sequence[Any]) -> Iterator[Words]:
    run = ""
    for code, value in (*nodes, (None, None)):
        if code is codes.LITERAL:
            run += chr(value)
            continue
        if len(run) >= SHORTEST:
            yield frozenset({run})
        run = ""


def _of_node(node: Any) -> list[Words]:
    code, value = node
    if code is codes.SUBPATTERN:
        return _of_sequence(list(value[-1]))
    if code is codes.ATOMIC_GROUP:
        return _of_sequence(list(value))
    if code in _REPEATS and value[0] > 0:
        return _of_sequence(list(value[-1]))
    if code is codes.BRANCH:
        branches = [_of_sequence(list(branch)) for branch in value[1]]
        if all(branches):
            # Any branch may match: a word of the most telling needs of each will do.
            best = (max(branch, key=_telling) for branch in branches)
            return [frozenset().union(*best)]
    return []


def _telling(words: Words) -> tuple[int, int]:
    """Return how rarely a text holds one of *words*: long ones and few are best."""
    return min(map(len, words)), -len(words)


def main() -> None:
    """Write ``needs.json`` for every language."""
    for language in LANGUAGES:
        (HERE / language / "needs.json").write_text(written(language), "utf-8")
        sys.stdout.write(f"prompts/{language}/needs.json\n")


if __name__ == "__main__":
    main()
