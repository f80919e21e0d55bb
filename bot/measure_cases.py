"""The files a measurement is made on: read, checked, brought into one shape, with digests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources.abc import Traversable
from pathlib import Path
from random import Random
from typing import Any, TypeAlias, TypeVar

from bot.domain import LANGUAGES, Label
from bot.errors import ConfigError

Row: TypeAlias = Mapping[str, Any]
T = TypeVar("T")
KINDS = ("questions", "contributions", "pairs", "variants", "screens", "personal")
NEUTRAL = "neutral"
_SAME = {"jargon": Label.FORM.value, "decline_and_ask": "decline", "engage": "answer"}
"""What other people's files call a label or an action of ours."""
_EXPECTED = frozenset({"answer", "decline", "help", "ignore", "stop"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that somebody labelled."""

    id: str
    lang: str
    texts: tuple[str, ...]
    """What the person had written; may be empty."""
    question: str
    label: str
    """``neutral``, ``form`` or a way of steering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What a person wrote of one idea."""

    id: str
    lang: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two sides of one question."""

    id: str
    lang: str
    sides: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way of writing what others write differently."""

    id: str
    lang: str
    topic: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """A message, and what should be done with it."""

    id: str
    lang: str
    text: str
    expect: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """A message, and where it holds personal data."""

    id: str
    lang: str
    text: str
    spans: tuple[tuple[int, int, str], ...]
    """Start and end in code points, and what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Everything a measurement is made on; a kind that was not given is empty."""

    questions: tuple[Question, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    pairs: tuple[Pair, ...] = ()
    variants: tuple[Variant, ...] = ()
    screens: tuple[Screened, ...] = ()
    personal: tuple[Personal, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each file, by the name it was given with."""


@dataclass(frozen=True, kw_only=True)
class Loader:
    """Reads JSON Lines."""

    detect: Callable[[str], str]
    """The language of a text that does not say which it is in."""
    limit: int | None = None
    """Cases of a kind at most, drawn with *seed*; their order is kept."""
    seed: int = 7

    def load(self, files: Mapping[str, Sequence[Path]]) -> Cases:
        """Return the cases of *files*, by kind.

        Raises:
            ConfigError: A file or a line cannot be read; the message names it.
        """
        kinds = {kind: self._limited(self._read(kind, files.get(kind, ()))) for kind in KINDS}
        digests = {str(p): _digest(p) for kind in KINDS for p in files.get(kind, ())}
        return Cases(**kinds, digests=digests)

    def _limited(self, cases: list[T]) -> tuple[T, ...]:
        if self.limit is None or len(cases) <= self.limit:
            return tuple(cases)
        drawn = Random(self.seed).sample(range(len(cases)), self.limit)  # noqa: S311 - no secret
        return tuple(cases[i] for i in sorted(drawn))

    def _read(self, kind: str, paths: Sequence[Path]) -> list[Any]:
        return [self._case(kind, where, row) for path in paths for where, row in _rows(path)]

    def _case(self, kind: str, where: str, row: Row) -> Any:
        try:
            return _MADE[kind](self, str(row.get("id", where)), row)
        except (ValueError, TypeError, KeyError) as exc:
            what = f"{exc.args[0]} is missing" if isinstance(exc, KeyError) else exc
            raise ConfigError(f"{where}: {what}") from None

    def _lang(self, row: Row, text: str) -> str:
        given = row.get("lang")
        return given if given in LANGUAGES else self.detect(text)

    def _question(self, name: str, row: Row) -> Question:
        question = _text(row, "question" if "question" in row else "text")
        return Question(
            id=name,
            lang=self._lang(row, question),
            texts=_texts(row.get("contribution") or ()),
            question=question,
            label=_label(row),
        )

    def _contribution(self, name: str, row: Row) -> Contribution:
        texts = _texts(row["text"])
        if not texts:
            raise ValueError("text is empty")
        return Contribution(id=name, lang=self._lang(row, texts[-1]), texts=texts)

    def _pair(self, name: str, row: Row) -> Pair:
        ours = "stance_a" in row
        first = _text(row, "stance_a" if ours else "affirming_statement")
        second = _text(row, "stance_b" if ours else "negating_statement")
        return Pair(id=name, lang=self._lang({"lang": "en", **row}, first), sides=(first, second))

    def _variant(self, name: str, row: Row) -> Variant:
        text, variant = _text(row, "text"), str(row.get("variant", ""))
        lang, topic = self._lang(row, text), _text(row, "topic")
        shown = str(row.get("id") or "/".join(filter(None, (lang, topic, variant))) or name)
        return Variant(id=shown, lang=lang, topic=topic, text=text)

    def _screened(self, name: str, row: Row) -> Screened:
        text, given = _text(row, "text"), _text(row, "expect")
        expect = _SAME.get(given, given)
        if expect not in _EXPECTED:
            raise ValueError(f"expect is {given!r}, which is no action")
        kind = str(row.get("category") or row.get("kind") or expect)
        return Screened(id=name, lang=self._lang(row, text), text=text, expect=expect, kind=kind)

    def _personal(self, name: str, row: Row) -> Personal:
        text = _text(row, "text")
        spans = tuple((int(s["start"]), int(s["end"]), str(s["type"])) for s in row["spans"])
        return Personal(id=name, lang=self._lang(row, text), text=text, spans=spans)


_MADE: Mapping[str, Callable[[Loader, str, Row], Any]] = {
    "questions": Loader._question,  # noqa: SLF001 - the table is the class's own index
    "contributions": Loader._contribution,  # noqa: SLF001
    "pairs": Loader._pair,  # noqa: SLF001
    "variants": Loader._variant,  # noqa: SLF001
    "screens": Loader._screened,  # noqa: SLF001
    "personal": Loader._personal,  # noqa: SLF001
}


def folder_digest(folder: Traversable) -> str:
    """Return one SHA-256 for the names and bytes of all files in *folder*."""
    lines = sorted(f"{sha256(f.read_bytes()).hexdigest()}  {name}" for name, f in _files(folder))
    return sha256("\n".join(lines).encode()).hexdigest()


def _files(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _files(entry, f"{above}{entry.name}/")
        elif entry.is_file():
            yield above + entry.name, entry


def _digest(path: Path) -> str:
    return sha256(_bytes(path)).hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror or exc}") from exc


def _rows(path: Path) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(_bytes(path).decode(errors="replace").split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise ConfigError(f"{where}: not JSON") from None
        if not isinstance(row, dict):
            raise ConfigError(f"{where}: not a JSON object")
        yield where, row


def _text(row: Row, key: str) -> str:
    if not isinstance(value := row[key], str):
        raise ValueError(f"{key} is not a string")  # noqa: TRY004 - one kind of error for one line
    return value


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple) and all(isinstance(text, str) for text in value):
        return tuple(value)
    raise ValueError("neither a string nor a list of strings")


def _label(row: Row) -> str:
    """Return the label in our words; where there is none, ``ok`` tells."""
    if not isinstance(given := row.get("label"), str):
        return NEUTRAL if row["ok"] else "unlabelled"
    label = given.replace("_", "-")
    label = _SAME.get(label, label)
    known = (NEUTRAL, *(known.value for known in Label))
    return next((name for name in known if f"{label}-".startswith(f"{name}-")), label)
