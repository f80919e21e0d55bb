"""What the bot costs on Matrix: processor time for each message, and how soon it shows a sign.

``.venv/bin/python -m bench.matrix [messages]`` starts a Synapse (`make test` installs it) and gives
the same messages, one run each, to: a bare echo bot as matrix-nio's own pages have it; the adapter
with nothing behind it but an echo; the adapter with reactions to press; the whole bot. Each is a
process of its own, and its processor time is what the kernel says.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from nio import AsyncClient, AsyncClientConfig, MatrixRoom, RoomMessageText
from nio.store import SqliteStore

from storage.sql import SqlRecord
from tests.conftest import Citizen, service
from tests.matrix_bot import Bot
from tests.matrix_people import Parrot, Person, by
from tests.synapse import DOMAIN, Synapse

TICKS = os.sysconf("SC_CLK_TCK")
TARGET_RATIO, TARGET_MS = 1.5, 150
TOGETHER = 10
"""Messages said before their answers are waited for."""
WHOLE = "whole bot"


async def echo(url: str, name: str, token: str, folder: str, encrypted: str) -> None:
    """Say back every message: the least that a bot on nio does."""
    config = AsyncClientConfig(
        encryption_enabled=encrypted == "1",
        store=SqliteStore if encrypted == "1" else None,
        pickle_key="bench",
    )
    client = AsyncClient(url, name, store_path=folder, config=config)
    client.access_token, client.user_id = token, name
    me = await client.whoami()
    client.device_id = me.device_id
    if encrypted == "1":
        client.load_store()
        await client.keys_upload()
    await client.sync(0, full_state=True)
    for room in list(client.invited_rooms):
        await client.join(room)

    async def said(room: MatrixRoom, event: RoomMessageText) -> None:
        if event.sender != name:
            content = {"msgtype": "m.notice", "body": event.body}
            await client.room_send(
                room.room_id, "m.room.message", content, ignore_unverified_devices=True
            )

    client.add_event_callback(said, RoomMessageText)
    await client.sync_forever(30_000)


async def parrot(url: str, name: str, folder: str, encrypted: str, buttons: str) -> None:
    """Run the adapter with an echo behind it."""
    mode = "optional" if encrypted == "1" else "off"
    server = Synapse(Path(folder))
    options = {"encryption": mode, "buttons": int(buttons)}
    async with Parrot(server, Path(folder), name=name, url=url, options=options) as bot:
        await bot.ends()


def spent(process: subprocess.Popen[bytes]) -> float:
    """Return the processor time of *process* so far, in milliseconds."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / TICKS


@dataclass
class Talk:
    """One person, one bot, one thread."""

    ana: Person
    room: str
    bot: str
    process: subprocess.Popen[bytes]
    heard: int = 0

    async def cost(self, warm: Sequence[str], count: int) -> float:
        """Return milliseconds of processor time for each of *count* messages after *warm*."""
        thread = await self.ana.says(self.room, "!socrate bonjour")
        await self._answers(1)
        for text in warm:  # what is paid once, such as the keys of a room
            await self.ana.says(self.room, text, thread)
            await self._answers(1)
        before = spent(self.process)
        for number in range(count):
            await self.ana.says(self.room, f"Il faudrait {number} bancs en ville.", thread)
            if number % TOGETHER == 0:
                await self._answers(1 if number == 0 else TOGETHER)
        await self._answers((count - 1) % TOGETHER)
        await asyncio.sleep(1)
        return (spent(self.process) - before) / count

    async def _answers(self, more: int) -> None:
        self.heard += more
        await self.ana.hears(self.room, by(self.bot), self.heard)


async def one(server: Synapse, what: str, count: int, *, encrypted: bool) -> float:
    """Return what *what* costs."""
    folder, name = tempfile.mkdtemp(), f"b{uuid4().hex[:8]}"
    user = f"@{name}:{DOMAIN}"
    token = server.register(name)
    async with Person(server, f"a{uuid4().hex[:8]}", encrypted) as ana:
        room = await ana.room(user, encrypted=encrypted, name="Mesure")
        process = _started(server, what, name, token, folder, encrypted=encrypted)
        try:
            await ana.hears(room, lambda e: e.get("state_key") == user and _in(e))
            warm = ["j'accepte"] if what == WHOLE else [f"échauffement {n}" for n in range(5)]
            return await Talk(ana, room, user, process).cost(warm, count)
        finally:
            process.kill()
            process.wait()


def _started(
    server: Synapse, what: str, name: str, token: str, folder: str, *, encrypted: bool
) -> subprocess.Popen[bytes]:
    flag = str(int(encrypted))
    if what == WHOLE:
        settings = {"encryption": "optional" if encrypted else "off"}
        bot = Bot(server, Path(folder) / "bot", name, settings=settings)
        bot.start()
        assert bot.process
        return bot.process
    if what == "echo":
        told = ("echo", server.url, f"@{name}:{DOMAIN}", token, folder, flag)
    else:
        told = ("parrot", server.url, name, folder, flag, "5" if "reactions" in what else "0")
    return subprocess.Popen([sys.executable, "-m", "bench.matrix", *told])


def _in(event: dict[str, Any]) -> bool:
    return bool(event["content"].get("membership") == "join")


async def core(count: int) -> float:
    """Return what each message costs the core and its record, with no platform at all."""
    folder = Path(tempfile.mkdtemp())
    async with SqlRecord(folder / "record.db") as record:
        ana = Citizen(service(record=record))
        await ana.says("j'accepte")
        await ana.says("Il faudrait des bancs.")
        before = time.process_time()
        for number in range(count):
            await ana.says(f"Il faudrait {number} bancs en ville.")
        return 1000 * (time.process_time() - before) / count


async def signs(server: Synapse, count: int) -> list[float]:
    """Return after how many milliseconds typing was seen, for each of *count* messages."""
    folder, name = tempfile.mkdtemp(), f"b{uuid4().hex[:8]}"
    async with Person(server, f"a{uuid4().hex[:8]}") as ana:
        with Bot(server, Path(folder) / "bot", name) as bot:
            room = await ana.room(bot.id, name="Mesure")
            await ana.hears(room, lambda e: e.get("state_key") == bot.id and _in(e))
            return [await _sign(ana, room, bot.id) for _ in range(count)]


async def _sign(ana: Person, room: str, bot: str) -> float:
    path = "/_matrix/client/v3/sync?timeout="
    at = (await ana.call("GET", f"{path}0"))["next_batch"]
    said = await ana.says(room, "!socrate bonjour")
    begun, shown = time.monotonic(), 0.0
    answered = False
    while not answered:
        got = await ana.call("GET", f"{path}5000&since={at}")
        at = got["next_batch"]
        here = got.get("rooms", {}).get("join", {}).get(room, {})
        for event in here.get("ephemeral", {}).get("events", ()):
            if event["type"] == "m.typing" and bot in event["content"]["user_ids"] and not shown:
                shown = 1000 * (time.monotonic() - begun)
        for event in here.get("timeline", {}).get("events", ()):
            relation = event["content"].get("m.relates_to", {})
            answered = answered or (event["sender"] == bot and relation.get("event_id") == said)
    return shown or 1000 * (time.monotonic() - begun)


async def main(count: int) -> int:
    """Print the table; return 1 where a target is missed."""
    server = Synapse(Path(tempfile.mkdtemp()))
    server.start()
    worst = 0.0
    try:
        print(f"the core and its record, without Matrix: {await core(count):.1f} ms")
        for encrypted in (False, True):
            print("encrypted" if encrypted else "plain", f"({count} messages)")
            bare = 0.0
            for what in ("echo", "adapter", "adapter, 5 reactions", WHOLE):
                cost = await one(server, what, count, encrypted=encrypted)
                bare = bare or cost
                worst = max(worst, cost / bare if what == "adapter" else 0)
                print(f"  {what:<22} {cost:6.1f} ms   {cost / bare:4.2f}×")
        shown = sorted(await signs(server, 30))
        middle = statistics.median(shown)
        print(f"typing seen after p50 {middle:.0f} ms, p95 {shown[int(len(shown) * 0.95)]:.0f} ms")
    finally:
        server.stop()
    return int(worst > TARGET_RATIO or middle > TARGET_MS)


if __name__ == "__main__":
    if sys.argv[1:2] == ["echo"]:
        asyncio.run(echo(*sys.argv[2:]))
    elif sys.argv[1:2] == ["parrot"]:
        asyncio.run(parrot(*sys.argv[2:]))
    else:
        sys.exit(asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 100)))
