"""What a measurement found, as text, as data, and as a sheet for people to judge."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from bot.measure_checks import Check
from bot.measure_exchanges import Exchange
from bot.measure_figures import MISSING, Figures, Held
from bot.measure_statistics import Number, Rate
from bot.ports import PromptBook

LISTED = 40
"""Lines of a list that are shown; all are in the data."""
_FORMULA = tuple("=+-@\t\r\n|%")
"""What a spreadsheet may take for the start of a formula."""


@dataclass(frozen=True)
class Words:
    """The report's words in one language."""

    book: PromptBook
    language: str

    def __getitem__(self, key: str) -> str:
        return str(self._table("report")[key])

    def name(self, key: str) -> str:
        """Return how a group is called, by our words or by those of its label."""
        labels = self.book.lexicon(self.language, "notices")["label"]
        return str(self._table("name").get(key) or labels.get(key) or key)

    def section(self, key: str) -> dict[str, str]:
        """Return ``title`` and ``about``."""
        return dict(self._table("section")[key])

    def chart(self, key: str) -> dict[str, str]:
        """Return ``caption`` and perhaps ``about``."""
        return dict(self._table("chart")[key])

    def missing(self, key: str) -> str:
        """Return why there is nothing."""
        return str(self._table("missing")[key])

    def percent(self, share: float) -> str:
        """Return *share* in percent."""
        return self["percent"].replace("{}", self.number(share * 100, 1))

    def number(self, value: float, digits: int) -> str:
        """Return *value* as it is written in this language."""
        return f"{value:.{digits}f}".replace(".", self["decimal"])

    def _table(self, name: str) -> Mapping[str, Any]:
        return dict(self.book.lexicon(self.language, "report")[name])


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a chart, in words."""

    name: str
    leaf: Rate | Number

    def value(self, words: Words) -> str:
        """Return the value, or a dash."""
        if self.leaf.value is None:
            return "–"
        if isinstance(self.leaf, Rate):
            return words.percent(self.leaf.value)
        return words.number(self.leaf.value, _digits(self.leaf))

    def interval(self, words: Words) -> str:
        """Return the ends of the interval, or nothing."""
        if self.leaf.interval is None:
            return ""
        if isinstance(self.leaf, Rate):
            return " – ".join(map(words.percent, self.leaf.interval))
        return " – ".join(words.number(end, _digits(self.leaf)) for end in self.leaf.interval)


def lines(figures: Any, words: Words, above: tuple[str, ...] = ()) -> Iterator[Line]:
    """Yield what *figures* hold, each under its name."""
    if isinstance(figures, Rate | Number):
        yield Line(" · ".join(above) or words.name("all"), figures)
    elif isinstance(figures, Mapping):
        for key, value in figures.items():
            # A group's own total needs no second word.
            rest = () if key == "all" and above else (words.name(key),)
            yield from lines(value, words, (*above, *rest))


def listed(figures: Any, words: Words) -> list[str]:
    """Return the lines of text that *figures* hold."""
    if isinstance(figures, Mapping):
        return [
            f"{words.name(key)}: {line}"
            for key, value in figures.items()
            for line in listed(value, words)
        ]
    return list(figures) if isinstance(figures, tuple) else []


def markdown(
    figures: Figures, run: Mapping[str, Any], checks: Sequence[Check], words: Words
) -> str:
    """Return the same as plain text."""
    parts = [f"# {words['title']}", words["lead"]]
    if checks:
        heads = [words[h] for h in ("check", "value", "limit")]
        told = [(c.path, c.shown, c.limit, words["held" if c.held else "missed"]) for c in checks]
        parts += [f"## {words['checks']}", words["checks-about"], _grid((*heads, ""), told)]
    for key, section in figures.items():
        said = words.section(key)
        parts += [f"## {said['title']}", said["about"]]
        for metric, value in section.items():
            parts += _paragraphs(metric, value, words) if value != {} else ()
    facts = "\n".join(f"- {name}: `{value}`" for name, value in provenance(run, words))
    return "\n\n".join((*parts, f"## {words['made']}", facts)) + "\n"


def _paragraphs(metric: str, value: Any, words: Words) -> Iterator[str]:
    if metric == MISSING:
        yield f"*{words.missing(value)}*"
        return
    said, rows = words.chart(metric), list(lines(value, words))
    yield f"### {said['caption']}"
    if "about" in said:
        yield said["about"]
    if rows:
        heads = tuple(words[h] for h in ("what", "value", "interval", "n"))
        told = [(r.name, r.value(words), r.interval(words), str(r.leaf.n)) for r in rows]
        yield _grid(heads, told)
    else:
        items = [f"- {_plain(item)}" for item in listed(value, words)]
        rest = words["more"].replace("{n}", str(len(items) - LISTED))
        yield (
            "\n".join([*items[:LISTED], *([f"- {rest}"] if len(items) > LISTED else [])])
            or (words["none"])
        )


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    told = (heads, ["---"] * len(heads), *rows)
    return "\n".join(f"| {' | '.join(map(_plain, row))} |" for row in told)


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|").replace("<", "&lt;")


def provenance(run: Mapping[str, Any], words: Words) -> Iterator[tuple[str, str]]:
    """Yield how the report was made, fact by fact."""
    for key, value in run.items():
        if isinstance(value, Mapping):
            told = [f"{name} {fact}" for name, fact in value.items()]
            yield from ((words[key], line) for line in told or ["–"])
        elif isinstance(value, list | tuple):
            yield words[key], ", ".join(map(str, value)) or "–"
        else:
            yield words[key], str(value) or "–"


def plainly(figures: Any) -> Any:
    """Return *figures* as JSON can hold them."""
    if isinstance(figures, Rate | Number):
        low, high = figures.interval or (None, None)
        facts = {"value": figures.value, "low": low, "high": high, "n": figures.n}
        return {**facts, "hits": figures.hits} if isinstance(figures, Rate) else facts
    if isinstance(figures, Mapping):
        return {key: plainly(value) for key, value in figures.items()}
    return list(figures) if isinstance(figures, tuple) else figures


def samples(held: Held, count: int, seed: int) -> tuple[str, str]:
    """Return questions for a person to judge, as CSV, and the key that tells who asked them.

    Every system gives the same number of them, as far as it has asked so many.
    """
    draw = Random(seed)  # noqa: S311 - a reproducible draw, not a secret
    asked = [[(name, e) for e in exchanges] for name, exchanges in held.sent.items() if exchanges]
    share = -(-count // max(1, len(asked)))
    drawn = [item for some in asked for item in draw.sample(some, min(share, len(some)))]
    draw.shuffle(drawn)
    rows = list(enumerate(drawn[:count], 1))
    sheet = [_asked(number, exchange) for number, (_, exchange) in rows]
    key = [_key(number, name, exchange) for number, (name, exchange) in rows]
    heads = ("number", "lang", "contribution", "question", "steers (yes/no)", "label", "remark")
    return _csv(heads, sheet), _csv(("number", "id", "system", "steers", "labels"), key)


def _asked(number: int, exchange: Exchange) -> tuple[object, ...]:
    said = "\n".join(exchange.texts)
    return number, exchange.lang, said, exchange.question, "", "", ""


def _key(number: int, name: str, exchange: Exchange) -> tuple[object, ...]:
    found = exchange.found
    labels = sorted(label.value for label in found.labels) if found else []
    verdict = "yes" if found and found.steers else "no"
    return number, exchange.id, name, verdict, " ".join(labels)


def _csv(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([heads, *([safe(str(cell)) for cell in row] for row in rows)])
    return out.getvalue()


def safe(cell: str) -> str:
    """Return *cell* so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.lstrip(" \u00a0").startswith(_FORMULA) else cell


def _digits(number: Number) -> int:
    """Return how many decimals are worth showing."""
    value = number.value or 0.0
    if value == int(value) and number.interval is None:
        return 0
    return 3 if abs(value) < 1 else 2
