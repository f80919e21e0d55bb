"""Print every question the bot can ask by itself: ``python -m docs.questions``."""  # noqa: INP001 - docs are no package

from __future__ import annotations

import sys
from collections.abc import Iterator

import prompts
from bot.domain import LANGUAGES, Frame, Move, Register
from bot.ports import PromptBook

SUITS = {
    "proposal": "Asked only where the person asks for something.",
    "statement": "Asked only where the person asks for nothing.",
    "greeting": "Asked only where nothing is said yet.",
}
NAMES = {"fr": "Français", "en": "English", "de": "Deutsch", "ar": "العربية"}
OPENING = """\
# Every question

What the bot can ask by itself, in its four languages. A question is first tried with the person's
own words in the place of `{slot}`, then as it stands. English and Arabic have one way of addressing
people; it serves both registers.

The English, German and Arabic questions still await a reviewer who has the language as their own.

This page is printed by `python -m docs.questions`; a test compares the two.
"""


def page(book: PromptBook) -> str:
    """Return the page, in Markdown."""
    return "\n".join((OPENING, *_moves(book))).rstrip("\n") + "\n"


def _moves(book: PromptBook) -> Iterator[str]:
    for move in Move:
        yield f"## {move.value}\n"
        key = f"move.{move.value}"
        yield f"« {book.text('fr', key)} » – “{book.text('en', key)}”\n"
        for frame in book.frames("fr", Register.FORMAL):
            if frame.move is move:
                yield from _table(book, frame.id)


def _table(book: PromptBook, name: str) -> Iterator[str]:
    asked = {
        (language, register): _frame(book, name, language, register)
        for language in LANGUAGES
        for register in Register
    }
    formal = asked["fr", Register.FORMAL]
    yield f"### {name}\n"
    if when := _when(formal):
        yield f"{when}\n"
    yield "| |" + "|".join(f" {NAMES[language]} " for language in LANGUAGES) + "|"
    yield "|---" * (len(LANGUAGES) + 1) + "|"
    for register in Register:
        frames = [_own(asked, language, register) for language in LANGUAGES]
        yield _row(register.value, [f.plain if f else "" for f in frames])
        quoting = [f.slotted if f else "" for f in frames]
        if any(quoting):
            yield _row("", quoting)
    yield ""


def _own(
    asked: dict[tuple[str, Register], Frame], language: str, register: Register
) -> Frame | None:
    """Return the frame, or None where it only repeats the formal one."""
    frame = asked[language, register]
    repeats = register is not Register.FORMAL and frame == asked[language, Register.FORMAL]
    return None if repeats else frame


def _frame(book: PromptBook, name: str, language: str, register: Register) -> Frame:
    return next(f for f in book.frames(language, register) if f.id == name)


def _when(frame: Frame) -> str:
    said = ", ".join(sorted(frame.without))
    suits = [SUITS[frame.suits]] if frame.suits in SUITS else []
    suits += ["Asked only about everyday life."] if frame.everyday else []
    unless = [f"Not asked where the text already says: {said}."] if said else []
    return " ".join(suits + unless)


def _row(name: str, texts: list[str]) -> str:
    return f"| {name} | " + " | ".join(texts) + " |"


if __name__ == "__main__":
    sys.stdout.write(page(prompts.load()))
