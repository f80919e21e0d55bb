"""What many tests stand on: the real words, the real rules, a platform that remembers."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot import wiring
from bot.domain import Dialogue, Idea, Message, Reply, Room
from bot.errors import DeliveryError
from bot.limits import Limits
from bot.service import Service
from bot.settings import Settings
from prompts import TomlPromptBook, load
from storage.memory import MemoryRecord
from storage.sql import SqlRecord
from tests.synapse import Synapse

CASES = Path(__file__).parent / "cases"
SHARED = Path(__file__).parents[2] / "shared" / "data"
ROOM = Room("fake", "room")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BENCHES = "Il faudrait plus de bancs en ville pour les anciens."


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def shared(name: str) -> list[dict[str, Any]]:
    """Return measuring cases that other people wrote; they are not part of the project."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"the measuring data {name} is not beside this checkout")
    return rows(path)


@pytest.fixture(scope="session")
def empty(tmp_path_factory) -> Path:
    """A folder with an empty record, to be copied: making one takes longer."""
    folder = tmp_path_factory.mktemp("empty")
    record = SqlRecord(folder / "record.db")
    record.open()
    record.close()
    return folder


@dataclass
class FakePlatform:
    """Remembers what was said; may refuse."""

    name: str = "fake"
    said: list[Reply] = field(default_factory=list)
    refuses: bool = False
    inbox: list[Message] = field(default_factory=list)
    moderators: Room | None = None

    async def messages(self, cursor: str | None = None) -> Any:
        for number, message in enumerate(self.inbox):
            yield message, str(number)

    async def send(self, reply: Reply) -> str:
        if self.refuses:
            raise DeliveryError("muted")
        self.said.append(reply)
        return str(len(self.said))

    @property
    def texts(self) -> list[str]:
        return [reply.text for reply in self.said]


@dataclass(repr=False)  # a finished task shows its result: it would show every word list
class Citizen:
    """Somebody who writes to the bot, one message after another."""

    service: Service
    platform: FakePlatform = field(default_factory=FakePlatform)
    sender: str = "ana"
    room: Room = ROOM
    count: int = 0

    def message(self, text: str) -> Message:
        self.count += 1
        return Message(
            id=f"{self.sender}-{self.count}",
            room=self.room,
            sender=self.sender,
            text=text,
            sent_at=NOON,
        )

    async def says(self, text: str) -> Reply | None:
        """Write *text* as a platform would bring it; return what is answered."""
        before = len(self.platform.said)
        kept = await self.service.admit(self.message(text))
        await self.service.handle(kept, self.platform)
        return self.platform.said[-1] if len(self.platform.said) > before else None


def dialogue(*texts: str, language: str = "fr", **values: Any) -> Dialogue:
    made = Dialogue(
        room=ROOM, sender="ana", language=language, consented=True, idea=Idea(texts=texts)
    )
    return replace(made, **values)


def service(scripted: Any = None, record: Any = None, **settings: Any) -> Service:
    """Return a service of its own; what only reads is made once for all."""
    record = record or MemoryRecord()
    if scripted is not None:
        return wiring.service(Settings(**settings), record, scripted)
    made = _made(json.dumps(settings, sort_keys=True, default=lambda s: s.model_dump()))
    return replace(
        made,
        record=record,
        moderation=replace(made.moderation, record=record),
        limits=Limits(**settings["limits"]) if "limits" in settings else None,
        _locks=defaultdict(asyncio.Lock),
    )


@cache
def _made(settings: str) -> Service:
    service = wiring.service(Settings(**json.loads(settings)), MemoryRecord())
    # A million words that stay: looking through them for garbage after every test takes minutes.
    gc.freeze()
    return service


@pytest.fixture(scope="session")
def book() -> TomlPromptBook:
    return load()


@pytest.fixture
async def citizen() -> Citizen:
    """Somebody who has agreed to be on record."""
    made = Citizen(service())
    await made.says("j'accepte")
    return made


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith(("SOCRATE_", "MATRIX_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """A homeserver without limits, shared by all tests of a run."""
    server = Synapse(tmp_path_factory.mktemp("synapse"))
    server.start()
    yield server
    server.stop()
