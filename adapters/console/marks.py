"""A text cut where something was found in it, so that a page can mark it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from bot.domain import Finding, Verdict


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a text, and what was found in it."""

    text: str
    findings: tuple[Finding, ...] = ()


def marked(text: str, verdicts: Iterable[Verdict]) -> list[Piece]:
    """Return *text* in pieces, each with the findings whose span covers it.

    A finding without a span, or with one outside the text, is of the whole and marks nothing.
    """
    found = [
        f
        for verdict in verdicts
        for f in verdict.findings
        if 0 <= f.start < f.end <= len(text) and f.end - f.start < len(text)
    ]
    cuts = sorted({0, len(text), *(f.start for f in found), *(f.end for f in found)})
    return [
        Piece(text[a:b], tuple(f for f in found if f.start <= a and b <= f.end))
        for a, b in pairwise(cuts)
    ]
