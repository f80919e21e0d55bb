"""kill -9 while people talk: what was said is on record, the record holds, nobody is lost."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.domain import Delivery, Kind
from bot.runner import Runner
from storage.sql import SqlRecord
from storage.verify import verify
from tests.conftest import FakePlatform, service
from tests.talk import ROOMS, TURNS, inbox

CHILD = [sys.executable, "-m", "tests.talk"]


ROUNDS = [1, 2, 3, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 61))]


@pytest.mark.parametrize("seed", ROUNDS)
async def test_a_killed_bot_takes_up_where_it_was(tmp_path, seed):
    said: list[dict] = []
    moments = random.Random(seed)  # noqa: S311 - when to kill is no secret
    for _ in range(3):
        said += killed(tmp_path, after=moments.randint(5, TURNS // 2))
    said += await finished(tmp_path)

    assert verify(tmp_path / "record.db").sound
    replies = await on_record(tmp_path)
    # Whatever reached a screen had been recorded first, word for word.
    assert all(replies[line["send_id"]] == line["text"] for line in said)
    # Every message was answered, and a platform that knows send ids shows each answer once.
    assert {line["send_id"] for line in said} == set(replies)
    assert len(replies) == TURNS
    for room in range(ROOMS):
        mine = [line["to"] for line in said if line["room"] == f"r{room}"]
        assert list(dict.fromkeys(mine)) == [m.id for m in inbox() if m.room.id == f"r{room}"]


def killed(folder: Path, *, after: int) -> list[dict]:
    """Run the bot, kill it after so many replies; return what had been said by then."""
    child = subprocess.Popen(
        [*CHILD, str(folder / "record.db")],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    lines = []
    for line in child.stdout:
        lines.append(json.loads(line))
        if len(lines) == after:
            os.kill(child.pid, signal.SIGKILL)
            break
    # What had left the process before it died was seen by people, too.
    lines += [json.loads(line) for line in child.stdout if line.endswith(b"\n")]
    child.stdout.close()
    child.wait()
    return lines


async def finished(folder: Path) -> list[dict]:
    platform = FakePlatform(inbox=inbox())
    async with SqlRecord(folder / "record.db") as record:
        runner = Runner(service=service(record=record), mailbox=record, platform=platform)
        await asyncio.wait_for(runner.serve(), 60)
    return [
        {"send_id": r.send_id, "text": r.text, "room": r.room.id, "to": r.to} for r in platform.said
    ]


async def on_record(folder: Path) -> dict[str, str]:
    async with SqlRecord(folder / "record.db", read_only=True) as record:
        events = [entry.event async for entry in record.entries()]
    replies = [e.reply for e in events if not isinstance(e, Delivery) and e.reply]
    assert all(reply.kind in Kind for reply in replies)
    assert len({r.send_id for r in replies}) == len(replies)
    return {reply.send_id: reply.text for reply in replies}
