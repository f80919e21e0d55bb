"""Where the processor time of an exchange goes, without a platform, a model or a disk.

    python -m bench.core [--language fr en de ar] [--rounds 5]

Citizens write what those of the test cases wrote, no text twice, five messages each; the whole bot
answers, over a record in memory. Then the gates judge labelled questions, each by itself. Every
round is a process of its own that reads its texts for the first time, after some hundred others:
word lists are loaded, and the patterns compiled that most texts need. The cheapest round counts,
since the machine is shared.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from inspect import isgenerator
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import thread_time
from typing import Any

from bot import wiring
from bot.domain import LANGUAGES, Message, Reply, Room
from bot.lab import Lab
from bot.service import Service
from bot.settings import Settings
from storage.memory import MemoryRecord

CASES = Path(__file__).parents[1] / "tests" / "cases"
EACH = 5
"""Messages of one person, after their consent."""
AGREE = {"fr": "j'accepte", "en": "I agree", "de": "Einverstanden", "ar": "أوافق"}
QUESTIONS = "questions-dina"
"""Labelled questions of an author whose cases are not set apart."""
AUTHORS = {"fr": ("questions-ada", "questions-lina"), "en": ("questions-ada", "questions-lina"),
           "de": ("questions-bela", "questions-tarik"),
           "ar": ("questions-bela", "questions-lina")}  # fmt: skip
"""Others like that."""
WARM = "questions-otto"
"""Some more, only to load what is loaded when first needed."""
FORK = get_context("fork")


@dataclass
class Clock:
    """Adds up the processor time of named stages; one within another counts for itself."""

    spent: Counter[str] = field(default_factory=Counter)
    _inside: list[float] = field(default_factory=list)
    """For each stage that is open, the time of those within it."""

    def timed(self, stage: str, call: Callable[[], Any]) -> Any:
        """Return what *call* returns, and count its time as *stage*."""
        began = self._begin()
        try:
            found = call()
        finally:
            self._end(stage, began)
        return self._each(stage, found) if isgenerator(found) else found

    async def awaited(self, stage: str, call: Callable[[], Any]) -> Any:
        """Return what *call* returns once awaited, and count its time as *stage*."""
        began = self._begin()
        try:
            return await call()
        finally:
            self._end(stage, began)

    def _each(self, stage: str, found: Iterator[Any]) -> Iterator[Any]:
        end = object()
        while (item := self.timed(stage, lambda: next(found, end))) is not end:
            yield item

    def _begin(self) -> float:
        self._inside.append(0.0)
        return thread_time()

    def _end(self, stage: str, began: float) -> None:
        took = thread_time() - began
        self.spent[stage] += took - self._inside.pop()
        if self._inside:
            self._inside[-1] += took


@dataclass(frozen=True)
class Timed:
    """Stands before *target*; the time of its methods counts as *stage*."""

    target: Any
    stage: str
    clock: Clock

    def __getattr__(self, name: str) -> Any:
        """Return what the target has under *name*, timed if it can be called."""
        found = getattr(self.target, name)
        if not callable(found):
            return found
        timed = self.clock.awaited if asyncio.iscoroutinefunction(found) else self.clock.timed
        return lambda *args, **named: timed(self.stage, lambda: found(*args, **named))


class Nowhere:
    """A platform that takes every reply and shows it to nobody."""

    name = "bench"
    moderators = None

    def messages(self, _cursor: str | None) -> AsyncIterator[tuple[Message | None, str]]:
        """Yield nothing: messages are handed over one by one."""
        raise NotImplementedError

    async def send(self, reply: Reply) -> str:
        """Drop *reply*."""
        return reply.to


def main(languages: Sequence[str], rounds: int) -> None:
    """Print what each stage costs in each of *languages*."""
    service = wiring.service(Settings(), MemoryRecord())
    for language in languages:
        asyncio.run(_talks(service, language, _lines(f"contributions-{language}", "text")))
        asyncio.run(_judged(service, _lines(f"{WARM}-{language}")))
        texts = _contributions(language)
        found = [_apart(_talks, service, language, texts) for _ in range(rounds)]
        _show(language, min(found, key=Counter.total), len(texts))
        for author in AUTHORS[language]:
            asyncio.run(_judged(service, _lines(f"{author}-{language}")))
        asked, first = (_lines(f"{name}-{language}") for name in (QUESTIONS, WARM))
        questions = [_apart(_judged, service, asked, first) for _ in range(rounds)]
        p50, p99 = (1000 * min(times[share] for times in questions) for share in (0, 1))
        print(f"{language}  the gates, for one question: p50 {p50:.2f} ms, p99 {p99:.2f} ms\n")
    print(f"memory: {getrusage(RUSAGE_SELF).ru_maxrss >> 10} MB with every language loaded")


def _apart(work: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Return what *work* returns, done in a copy of this process."""
    gc.freeze()  # else the collector copies, page by page, all that is loaded
    ours, theirs = FORK.Pipe()
    child = FORK.Process(target=lambda: theirs.send(asyncio.run(work(*args))))
    child.start()
    found = ours.recv()
    child.join()
    return found


async def _talks(service: Service, language: str, texts: Sequence[str]) -> Counter[str]:
    """Return the seconds that each stage takes in conversations made of *texts*."""
    clock = Clock()
    for first in range(0, len(texts), EACH):
        said = (AGREE[language], *texts[first : first + EACH])
        await _talk(_timed(service, clock), said, clock)
    return clock.spent


def _timed(service: Service, clock: Clock) -> Service:
    """Return *service* over a record of its own, every stage timed by *clock*."""
    record: Any = Timed(MemoryRecord(), "record", clock)
    parts: dict[str, Any] = {
        name: Timed(getattr(service, name), name, clock)
        for name in ("agent", "masker", "languages", "commands")
    }
    return replace(
        service,
        **parts,
        record=record,
        moderation=replace(service.moderation, record=record),
        screens=[Timed(policy, f"screen {policy.name}", clock) for policy in service.screens],
        gates=[Timed(policy, f"gate {policy.name}", clock) for policy in service.gates],
    )


async def _talk(service: Service, texts: Sequence[str], clock: Clock) -> None:
    """Let one person write *texts*, each once the one before is answered."""
    for number, text in enumerate(texts):
        message = Message(
            id=str(number),
            room=Room("bench", "room"),
            sender="ana",
            text=text,
            sent_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        await clock.awaited("all else", lambda message=message: _said(service, message))


async def _said(service: Service, message: Message) -> None:
    kept = await service.admit(message)
    if kept:
        await service.handle(kept, Nowhere())


async def _judged(
    service: Service, asked: Sequence[Any], first: Sequence[Any] = ()
) -> tuple[float, float]:
    """Return the seconds that all gates take for one question of *asked*: p50 and p99.

    What is asked *first* does not count: a copy of a process copies its memory as it is used.
    """
    lab, times = Lab(service), []
    for item in first:
        await lab.judge(item)
    for item in asked:
        began = thread_time()
        await lab.judge(item)
        times.append(thread_time() - began)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def _contributions(language: str) -> list[str]:
    """Return what people wrote whom the labelled questions are put to, each text once."""
    found = (_lines(f"{author}-{language}", "contribution") for author in AUTHORS[language])
    return list(dict.fromkeys(text for texts in found for text in texts if isinstance(text, str)))


def _lines(name: str, key: str | None = None) -> list[Any]:
    """Return the lines of a case file, or what they have under *key*."""
    lines = (CASES / f"{name}.jsonl").read_text("utf-8").splitlines()
    items = map(json.loads, lines)
    return [item[key] if key else item for item in items]


def _show(language: str, spent: Counter[str], exchanges: int) -> None:
    for stage, seconds in spent.most_common():
        print(f"{language}  {stage:24}{1000 * seconds / exchanges:8.3f} ms")
    print(f"{language}  {'an exchange':24}{1000 * spent.total() / exchanges:8.3f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", nargs="+", choices=LANGUAGES, default=LANGUAGES)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    main(chosen.language, chosen.rounds)
