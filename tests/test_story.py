"""The same story on every platform leaves the same record, but for the platform."""

from __future__ import annotations

import asyncio
import contextlib
import io
import queue
from collections.abc import AsyncIterator, Sequence
from typing import Any

from bot import wiring
from bot.domain import Entry
from bot.runner import Runner
from bot.settings import Settings
from prompts import load
from storage.memory import MemoryRecord
from tests.conftest import service
from tests.discord_world import World, world
from tests.story import FORGOTTEN, STORY, live, told


class Typist(io.StringIO):
    """Somebody at a terminal: hands over a line when one is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: queue.Queue[str] = queue.Queue()
        self.asked = 0

    def isatty(self) -> bool:
        return True

    def readline(self, *_: object) -> str:  # type: ignore[override] # one line at a time
        self.asked += 1
        return self.lines.get()


class AtTerminal:
    """The person of the story at a terminal."""

    def __init__(self, typist: Typist, record: MemoryRecord) -> None:
        self.typist, self.kept, self.told = typist, record, 0

    async def says(self, text: str) -> None:
        if text:
            self.typist.lines.put(f"{text}\n")
            self.told += 1
        async with asyncio.timeout(20):
            while self.typist.asked <= self.told and not self.over():  # noqa: ASYNC110 - a thread
                await asyncio.sleep(0.005)

    def over(self) -> bool:
        return self.task.done()

    async def presses(self, action: str) -> None:
        await self.says(load().lexicon("fr", "commands")[action]["words"][0])

    async def record(self) -> Sequence[Entry]:
        return [entry async for entry in self.kept.entries()]


class OnDiscord:
    """The person of the story on Discord: by mention, by reply and by button."""

    def __init__(self, w: World) -> None:
        self.world = w

    async def says(self, text: str) -> None:
        w = self.world
        if not w.channel.threads:
            await w.sends(w.mention(text))
        else:
            await w.sends(text, channel=w.thread, reply_to=w.last)

    async def presses(self, action: str) -> None:
        w = self.world
        if action in str(w.last.components):
            await w.clicks(w.last, action)
        else:
            word = load().lexicon("fr", "menu")[action]["word"]
            await w.slash(word, channel=w.thread)

    async def record(self) -> Sequence[Entry]:
        return await self.world.entries()


@contextlib.asynccontextmanager
async def at_terminal() -> AsyncIterator[AtTerminal]:
    typist, record = Typist(), MemoryRecord()
    terminal = wiring.terminal(load(), Settings())
    terminal.source, terminal.screen, terminal.errors = typist, io.StringIO(), io.StringIO()
    driver = AtTerminal(typist, record)
    runner = Runner(service=service(record=record), mailbox=record, platform=terminal)
    driver.task = asyncio.create_task(runner.converse())
    try:
        yield driver
    finally:
        typist.lines.put("")
        await driver.task


def nothing_is_left(entries: Sequence[Entry]) -> bool:
    """Tell whether no word of the person's is on record any more."""
    return "bancs" not in str(entries) and "Ma mère" not in str(entries)


async def at_the_terminal() -> list[Any]:
    """Return what the story leaves on record at a terminal, which then forgets it."""
    async with at_terminal() as person:
        await live(person)
        shown = told(await person.record())
        await live(person, FORGOTTEN)
        assert nothing_is_left(await person.record())
    return shown


async def test_the_same_story_leaves_the_same_record_at_a_terminal_and_on_discord():
    terminal = await at_the_terminal()
    async with world() as w:
        person = OnDiscord(w)
        await live(person)
        discord = told(await w.entries())
        await live(person, FORGOTTEN)
        assert nothing_is_left(await w.entries())
    assert len(terminal) >= 2 * len(STORY)
    for one, other in zip(terminal, discord, strict=True):
        assert one == other
