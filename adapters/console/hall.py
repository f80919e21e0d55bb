"""What the console is given: the record, the core's acts on it, and the operator's choices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol

from bot.domain import Event, Review, Tallies
from bot.ports import Archive, Log, Masker, PromptBook, Record


class Acts(Protocol):
    """What those who answer for a debate may do; the core decides what goes on record.

    Implemented by `bot.reviewing.Reviewing`, where each method is explained.
    """

    async def read(self, seq: int, reader: str, reason: str) -> None: ...
    async def judge(self, seq: int, account: str, finding: str, note: str) -> bool: ...
    async def decide(self, seq: int, account: str, finding: str, note: str) -> bool: ...
    async def say_outcome(self, seq: int, state: str, note: str) -> bool: ...
    async def erase(self, seq: int, account: str, reason: str) -> int: ...
    async def visible(self, seq: int, account: str, *, judges: bool) -> list[Review]: ...
    async def next_up(self, queue: str, account: str, places: Iterable[str]) -> int: ...
    async def agreement(self, places: Iterable[str]) -> tuple[float | None, int]: ...
    async def proposals(self, seqs: Iterable[int]) -> list[dict[str, Any]]: ...
    async def case(self, seq: int) -> dict[str, Any] | None: ...


class Trials(Protocol):
    """The lab: the same rules on one text, without a record. Implemented by `bot.lab.Lab`."""

    async def judge(self, item: Mapping[str, Any]) -> dict[str, Any]: ...
    async def screen(self, item: Mapping[str, Any]) -> dict[str, Any]: ...
    async def ask(self, item: Mapping[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of verifying the record."""

    sound: bool
    entries: int
    broken: str = ""
    """The first place that is not as it was written, such as ``entry 12``; empty if none."""
    head: str = ""
    """How the newest checkpoint is, in the verifier's word: a key of ``[head]`` in the texts."""


class Share(Protocol):
    """How often something was so; see `bot.measure_statistics.Rate`."""

    @property
    def hits(self) -> int: ...
    @property
    def n(self) -> int: ...
    @property
    def value(self) -> float | None: ...
    @property
    def interval(self) -> tuple[float, float] | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """Where people log in, if not here."""

    issuer: str = ""
    """Address of the OpenID provider; empty for local accounts only."""
    client: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The operator's choices."""

    accounts: Path
    """SQLite file of accounts and sessions, apart from the record."""
    host: str = "127.0.0.1"
    port: int = 8140
    url: str = ""
    """Address under which people open it; empty for ``http://host:port``."""
    proxy: str = ""
    """Address of the proxy whose ``X-Forwarded-For`` is believed; empty for none."""
    language: str = "fr"
    hours: int = 8
    """Hours after which a session ends, whatever is done in it."""
    public: tuple[str, ...] = ()
    """Names of the debates that have a page for everybody."""
    oidc: Oidc = Oidc()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hall:
    """Everything a page may need."""

    record: Record
    archive: Archive
    acts: Acts
    trials: Trials
    book: PromptBook
    masker: Masker
    verify: Callable[[Callable[[int], None]], Checked]
    """Checks the whole record, in a thread; tells now and then how many entries were read."""
    steering: Callable[[Tallies], Share]
    as_csv: Callable[[Sequence[dict[str, Any]]], str]
    as_markdown: Callable[[Sequence[dict[str, Any]]], str]
    findings: Sequence[str]
    """What a plain review may find: neutral, then the labels."""
    states: Sequence[str]
    """What may come of a proposal."""
    folders: Mapping[str, Traversable]
    """Where words and rules are, by name."""
    options: Options
    log: Log | None = None
    replay: Callable[[Event], Awaitable[Sequence[str]]] | None = None
    """Asks the models of an exchange again: how each answer compares, see `bot.replay.Match`."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    probes: Mapping[str, Callable[[], Awaitable[str]]] | None = None
