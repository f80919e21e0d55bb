"""What is required of the figures: a TOML file that names some, each with a least or most value."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import ConfigError
from bot.measure_statistics import Number, Rate

BOUNDS = frozenset({"minimum", "maximum"})
ENDS = {"low": 0, "high": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A figure and what was required of it."""

    path: str
    bound: str
    at: float
    value: float | None
    """None where it was not measured, which counts as missed."""

    @property
    def held(self) -> bool:
        """Whether the figure is as required."""
        if self.value is None:
            return False
        return self.value >= self.at if self.bound == "minimum" else self.value <= self.at

    @property
    def limit(self) -> str:
        """The requirement, in signs."""
        return f"{'≥' if self.bound == 'minimum' else '≤'} {self.at:g}"

    @property
    def shown(self) -> str:
        """The value, or a dash."""
        return "–" if self.value is None else f"{self.value:.4g}"


def thresholds(path: Path) -> dict[str, Any]:
    """Return what *path* requires.

    Raises:
        ConfigError: It cannot be read, or requires nothing that a figure can meet.
    """
    try:
        required = tomllib.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} is not TOML: {exc}") from exc
    for name, bound, at in _bounds(required):
        if bound not in BOUNDS or isinstance(at, bool) or not isinstance(at, int | float):
            raise ConfigError(f"{path}: {name}: write minimum or maximum, and a number")
    return required


def checks(required: Mapping[str, Any], figures: Mapping[str, Any]) -> list[Check]:
    """Return every requirement with the figure it is about."""
    return [
        Check(path=name, bound=bound, at=float(at), value=_value(figures, name.split(".")))
        for name, bound, at in _bounds(required)
    ]


def _bounds(required: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str, Any]]:
    for key, value in required.items():
        if isinstance(value, Mapping):
            yield from _bounds(value, f"{above}.{key}" if above else key)
        else:
            yield above, key, value


def _value(figures: Any, path: list[str]) -> float | None:
    """Return the figure at *path*; its last step may be an end of the interval."""
    for key in path:
        if isinstance(figures, Rate | Number) and key in ENDS:
            return figures.interval[ENDS[key]] if figures.interval else None
        figures = figures.get(key) if isinstance(figures, Mapping) else None
    return figures.value if isinstance(figures, Rate | Number) else None
