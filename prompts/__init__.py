"""The bot's words: one folder of TOML files per language, none of them in code."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.domain import Frame, Move, Register
from bot.errors import ConfigError

TEXTS = ("notices", "prompts", "matrix", "discord", "console")
"""Files whose tables hold texts, found by ``table.key``."""
_PART = re.compile(r"\{([a-z][a-z-]*)\}")


@dataclass(frozen=True)
class TomlPromptBook:
    """Reads each file when it is first needed."""

    folder: Path
    _files: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _frames: dict[tuple[str, Register], tuple[Frame, ...]] = field(default_factory=dict)

    def frames(self, language: str, register: Register) -> tuple[Frame, ...]:
        """Return every vetted question, in the order of ``frames.toml``."""
        key = (language, register)
        if key not in self._frames:
            said, easier = self.lexicon(language, "frames"), self.lexicon(language, "easy")["frame"]
            self._frames[key] = tuple(
                replace(
                    _frame(Move(move), name, rule, said[move][name], register),
                    easy=easier.get(f"{move}.{name}", ""),
                )
                for move, rules in self._file("frames").items()
                for name, rule in rules.items()
            )
        return self._frames[key]

    def text(self, language: str, key: str) -> str:
        """Return the text called *key*, such as ``notice.welcome``."""
        found = self._look_up(language, key)
        if not isinstance(found, str):
            raise ConfigError(f"prompts/{language}: {key} is not a text")
        return found

    def lexicon(self, language: str, name: str) -> Mapping[str, Any]:
        """Return the file ``<language>/<name>.toml``."""
        return self._file(f"{language}/{name}")

    def _look_up(self, language: str, key: str) -> object:
        table, _, name = key.partition(".")
        for file in TEXTS:
            found = self.lexicon(language, file).get(table, {})
            if name in found:
                return found[name]
        raise ConfigError(f"prompts/{language}: there is no text called {key}")

    def _file(self, name: str) -> Mapping[str, Any]:
        if name not in self._files:
            self._files[name] = self._read(name)
        return self._files[name]

    def _read(self, name: str) -> Mapping[str, Any]:
        made = name.endswith("/needs")
        file = f"{name}.json" if made else f"{name}.toml"
        try:
            text = self.folder.joinpath(file).read_text("utf-8")
            found: Mapping[str, Any] = json.loads(text) if made else tomllib.loads(text)
        except (OSError, ValueError) as exc:
            raise ConfigError(f"prompts/{file} cannot be read: {exc}") from exc
        parts = found.get("parts", {})
        return _filled_in(found, parts) if parts else found


def _filled_in(value: Any, parts: Mapping[str, str]) -> Any:
    """Return *value* with each `{name}` in it, however deep, replaced by the part of that name."""
    match value:
        case str():
            return _PART.sub(lambda found: parts.get(found[1], found[0]), value)
        case list():
            return [_filled_in(item, parts) for item in value]
        case dict():
            return {key: _filled_in(item, parts) for key, item in value.items()}
    return value


def load() -> TomlPromptBook:
    """Return the book that comes with the project."""
    return TomlPromptBook(Path(__file__).parent)


def _frame(
    move: Move, name: str, rule: Mapping[str, Any], said: Mapping[str, str], register: Register
) -> Frame:
    # English and Arabic have one register: it serves both.
    key = register.value if register.value in said else Register.FORMAL.value
    return Frame(
        id=f"{move.value}.{name}",
        move=move,
        plain=said[key],
        slotted=said.get(f"{key}-slot", ""),
        suits=rule["suits"],
        without=frozenset(rule.get("without", ())),
        everyday=rule.get("everyday", False),
        names=rule.get("names", False),
    )
