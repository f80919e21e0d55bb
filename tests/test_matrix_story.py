"""The same story on a real homeserver leaves the same record, but for the platform."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain import Delivery, Entry
from prompts import load
from storage.sql import SqlRecord
from tests.matrix_bot import PATIENCE, Bot
from tests.matrix_people import Person, by
from tests.story import FORGOTTEN, live, told
from tests.test_matrix import alias, debate
from tests.test_story import at_the_terminal, nothing_is_left

SIGNS = {"agree": "✅", "why": "❓", "skip": "⏭", "unsure": "🤷", "leading": "🚩"}


class OnMatrix:
    """The person of the story in a room: by word in a thread, and by reaction."""

    def __init__(self, person: Person, bot: Bot, room: str) -> None:
        self.person, self.bot, self.room = person, bot, room
        self.thread: str | None = None
        self.answered = 0

    async def says(self, text: str) -> None:
        if self.thread is None:
            self.thread = await self.person.says(self.room, f"!socrate {text}".strip())
        else:
            await self.person.says(self.room, text, self.thread)
        await self._hears()

    async def presses(self, action: str) -> None:
        said = await self.person.hears(self.room, by(self.bot.id))
        offers = said[-1] if action == "agree" else self._question(said)
        if action in SIGNS and offers:
            await self.person.reacts(self.room, offers["event_id"], SIGNS[action])
            await self._hears()
        else:
            await self.says(load().lexicon("fr", "commands")[action]["words"][0])

    async def record(self) -> Sequence[Entry]:
        async with SqlRecord(self.bot.folder / "cafe-socrate.db", read_only=True) as record:
            return [entry async for entry in record.entries()]

    def _question(self, said: list[dict]) -> dict | None:
        """Return the last question: its buttons still mean what they say."""
        asked = [e for e in said if e["content"]["org.cafe-socrate"]["kind"] == "question"]
        return asked[-1] if asked else None

    async def _hears(self) -> None:
        """Wait until one more answer is delivered."""
        self.answered += 1
        async with asyncio.timeout(PATIENCE):
            while await self._delivered() < self.answered:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)

    async def _delivered(self) -> int:
        entries = await self.record()
        return sum(isinstance(entry.event, Delivery) for entry in entries)


async def test_the_same_story_leaves_the_same_record_at_a_terminal_and_on_matrix(synapse, tmp_path):
    terminal = await at_the_terminal()
    async with Person(synapse, alias()) as ana:
        with Bot(synapse, tmp_path / "bot", alias()) as bot:
            room = await debate(ana, bot)
            person = OnMatrix(ana, bot, room)
            await live(person)
            matrix = told(await person.record())
            await live(person, FORGOTTEN)
            assert nothing_is_left(await person.record())
            assert bot.stop() == 0
        for path in (tmp_path / "bot").glob("cafe-socrate.db*"):
            assert b"bancs" not in path.read_bytes(), path
    for one, other in zip(terminal, matrix, strict=True):
        assert one == other
