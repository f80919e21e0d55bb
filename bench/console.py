"""Measure how long the console's overview and list take: ``python -m bench.console``.

Prints the first time and the 95th percentile of each page over a record of ``--entries`` entries.
Without ``--record`` it is the record in memory. With it, it is an SQLite file at that path, made
where there is none: its first `WEEK` entries by the writer, the rest by `bench.weeks`; what is made
is verified.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from adapters.console import Account
from bench.weeks import grow
from bot import wiring_console
from bot.domain import (
    LANGUAGES,
    Attempt,
    Decision,
    Draft,
    Filter,
    Finding,
    Kind,
    Label,
    Message,
    Move,
    Reply,
    Review,
    Room,
    Source,
    Turn,
    Verdict,
)
from storage.memory import MemoryRecord
from storage.sql import SqlRecord
from storage.verify import verify
from tests.console_world import Browser, Clock, World, browser, console

PATHS = (
    "/",
    "/?debate=room7&period=30",
    "/exchanges",
    "/exchanges?language=ar",
    "/exchanges?debate=room7&label=leading",
    "/review",
)
ROUNDS = 40
START = datetime(2026, 1, 1, tzinfo=UTC)
AT_ONCE = 256
WEEK = 10_000
"""Entries that happen in a week, one a minute."""


def event(number: int, chance: Random) -> Turn | Review:
    """Return the *number*-th thing that happens in twenty rooms of some thousand people."""
    if number > AT_ONCE and number % 97 == 0:
        return Review(
            turn=number - AT_ONCE, moderator="mo", finding=chance.choice(("neutral", "leading"))
        )
    room = Room("matrix", f"room{number % 20}")
    at = START + timedelta(minutes=number)
    message = Message(
        id=f"${number}", room=room, sender=f"p{number % 5003}", text="x" * 80, sent_at=at
    )
    move = chance.choice(list(Move))
    found = (Finding(rule="r", label=Label.LEADING),) if number % 30 == 0 else ()
    decision = Decision.WITHHOLD if found else Decision.ALLOW
    verdict = Verdict(policy="deny", decision=decision, findings=found)
    draft = Draft(text="y" * 80, move=move, source=Source.FRAME, frame="clarify.meaning")
    language = LANGUAGES[number % 4]
    reply = Reply(room=room, to=message.id, text="z" * 80, kind=Kind.QUESTION, language=language)
    return Turn(
        message=message,
        language=language,
        move=move,
        attempts=(Attempt(draft, (verdict,)),),
        reply=reply,
        why="ladder",
        ends=number % 3 == 0,
    )


async def fill(record: Any, entries: int, clock: Clock) -> None:
    """Append until *record* has that many entries."""
    chance = Random(3)
    have = sum([1 async for _ in record.entries()])
    for start in range(have, entries, AT_ONCE):
        events = [event(n, chance) for n in range(start + 1, min(start + AT_ONCE, entries) + 1)]
        clock.now = START + timedelta(minutes=start)
        await asyncio.gather(*(record.append(each) for each in events))


async def made(path: Path, entries: int, clock: Clock) -> None:
    """Make a record of so many *entries* at *path*, where there is none."""
    async with SqlRecord(path, clock=clock) as record:
        await fill(record, min(entries, WEEK), clock)
    grow(path, entries)
    report = verify(path)
    assert report.sound, report.faults[:3]
    print(f"{report.entries} entries verified")


async def measured(someone: Browser, path: str) -> tuple[float, float]:
    """Return how many milliseconds *path* takes at first, and p95 over `ROUNDS` requests more."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        answer = await someone.get(path)
        times.append((time.perf_counter() - start) * 1000)
        assert answer.status_code == 200, answer.text
    return times[0], sorted(times[1:])[int(ROUNDS * 0.95) - 1]


async def main(entries: int, path: Path | None) -> None:
    world = World()
    start = time.perf_counter()
    async with AsyncExitStack() as open_:
        if path:
            if not path.exists():  # noqa: ASYNC240 # nobody waits yet
                await made(path, entries, world.clock)
            world.record = await open_.enter_async_context(SqlRecord(path, clock=world.clock))
        else:
            world.record = MemoryRecord(clock=world.clock)
            await fill(world.record, entries, world.clock)
        print(f"made in {time.perf_counter() - start:.0f} s")
        world.clock.now = (await world.record.lines(Filter(), limit=1))[0].at
        with (
            tempfile.TemporaryDirectory() as folder,
            console(world, Path(folder)) as its_console,
        ):
            every = Account(name="all", roles=wiring_console.ALL_ROLES, debates=("*",))
            its_console.store.add(every)
            someone = await browser(its_console).enter("all")
            for each in PATHS:
                first, later = await measured(someone, each)
                print(f"{entries:>9} entries  first {first:6.1f} ms  p95 {later:6.1f} ms  {each}")


if __name__ == "__main__":
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--entries", type=int, default=10_000)
    wanted.add_argument("--record", type=Path)
    chosen = wanted.parse_args()
    asyncio.run(main(chosen.entries, chosen.record))
