"""The console's words in one language, and how it writes numbers and times."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.errors import ConfigError
from bot.ports import PromptBook

_SEPARATOR = {"fr": "\u202f", "en": ",", "de": ".", "ar": ","}
_POINT = {"fr": ",", "en": ".", "de": ",", "ar": "."}
_PERCENT = {"fr": "\u00a0%", "en": "%", "de": "\u00a0%", "ar": "%"}
_KEPT = "\n\t\u200c\u200d"
"""Characters that are not printable and harmless: joiners belong to Arabic letters."""


@dataclass(frozen=True)
class Words:
    """Words by key, such as ``overview.title``."""

    book: PromptBook
    language: str

    @property
    def direction(self) -> str:
        return "rtl" if self.language == "ar" else "ltr"

    def __call__(self, key: str, **values: object) -> str:
        """Return the words called *key*, each ``{name}`` filled.

        Raises:
            ConfigError: There are none: a page names a word that no file has.
        """
        text = self._found(key)
        if text is None:
            raise ConfigError(f"prompts/{self.language}/console.toml: there is no {key}")
        for name, value in values.items():
            shown = self.number(value) if isinstance(value, int | float) else str(value)
            text = text.replace(f"{{{name}}}", shown)
        return text

    def named(self, table: str, name: str) -> str:
        """Return what *name* of *table* is called; the name itself where nobody called it."""
        return self._found(f"{table}.{name}") or name or "–"

    def cause(self, why: str) -> str:
        """Return why something was said, from the word on record: a reason, or a command."""
        bare = why.partition(":")[0]
        return self._found(f"why.{bare}") or self.of_bot(f"action.{bare}") or "–"

    def of_bot(self, key: str) -> str:
        """Return the bot's own words called *key*, such as ``label.leading``."""
        try:
            return self.book.text(self.language, key)
        except ConfigError:
            return key.partition(".")[2]

    def number(self, value: float, places: int = 0) -> str:
        """Return *value* as the language writes numbers."""
        text = f"{value:,.{places}f}"
        marks = {",": _SEPARATOR[self.language], ".": _POINT[self.language]}
        return "".join(marks.get(c, c) for c in text)

    def percent(self, share: float, places: int = 0) -> str:
        """Return *share*, from 0 to 1, as a percentage."""
        return self.number(share * 100, places) + _PERCENT[self.language]

    def moment(self, at: datetime) -> str:
        """Return *at* to the minute, in UTC: the same in every language, as it stands on record."""
        return f"{at:%Y-%m-%d %H:%M}"

    def _found(self, key: str) -> str | None:
        table, _, name = key.partition(".")
        tables: Mapping[str, Any] = self.book.lexicon(self.language, "console")
        found = tables.get(table, {}).get(name)
        return found if isinstance(found, str) else None


def shown(text: str) -> str:
    """Return *text* without what would turn the page around or hide in it: controls, bidi marks."""
    return "".join(
        c
        if c in _KEPT or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
        else "\ufffd"
        for c in text
    )
