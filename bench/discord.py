"""Exchanges a second on a Discord on the wire, and what one costs beside a bare echo bot.

    python -m bench.discord [--people 40] [--each 25]

Three bots are measured in one run, each as a process of its own against the same test server in
this one: discord.py that answers « ok », the whole bot without a model, and the adapter alone,
whose core answers « ok » from memory. Beside them, the core alone in a process without Discord.
Everybody has written a few times before the clock starts: word lists are loaded when first needed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 3
"""Runs of a bot, in turn with the other, of which the cheapest counts: the machine is shared."""
WARM = 5
"""Messages of each person before the clock starts."""
TICKS = os.sysconf("SC_CLK_TCK")
LINES = (
    "Il faudrait plus de {what} {where} pour les anciens.",
    "Surtout {where}.",
    "Parce que les gens y cherchent {what} avec leurs courses.",
    "Les personnes âgées, et les parents avec des enfants {where}.",
    "On verrait plus de {what} l'après-midi.",
)
WHAT = ("bancs", "arbres", "bus", "bacs à fleurs", "toilettes", "lampadaires", "trottoirs")
WHERE = ("en ville", "près du marché", "à la gare", "devant l'école", "au bord du fleuve",
         "dans les parcs", "autour de la mairie", "sur la place", "au cimetière")  # fmt: skip


def line(person: int, number: int) -> str:
    """Return what *person* says as the *number*th thing; few say the same at the same time."""
    what, where = WHAT[person % len(WHAT)], WHERE[(person + number) % len(WHERE)]
    return LINES[number % len(LINES)].format(what=what, where=where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one bot did."""

    bot: str
    exchanges: int
    seconds: float
    cpu_s: float
    p50_ms: float
    p99_ms: float

    def row(self, bare: Figures) -> str:
        cost = self.cost
        ratio = f"{cost / bare.cost:8.2f}"
        rate = self.exchanges / self.seconds
        return f"{self.bot:14}{rate:10.0f}{cost:12.2f}{ratio}{self.p50_ms:10.1f}{self.p99_ms:10.1f}"

    @property
    def cost(self) -> float:
        return 1000 * self.cpu_s / self.exchanges


async def main(people: int, each: int) -> None:
    from tests.discord_server import DiscordServer  # noqa: PLC0415 - not needed by the bots

    print(f"{people} people, {each} messages each, {os.cpu_count()} cores")
    print(f"{'bot':14}{'exch./s':>10}{'cpu ms/ex.':>12}{'ratio':>8}{'p50 ms':>10}{'p99 ms':>10}")
    best: dict[str, Figures] = {}
    for bot in ("echo", "adapter") * ROUNDS + ("socrate",):
        async with DiscordServer() as server:
            with tempfile.TemporaryDirectory() as folder:
                figures = await measured(bot, server, Path(folder), people, each)
        known = best.get(bot, figures)
        best[bot] = min(known, figures, key=lambda f: f.cost)
    best["core alone"] = await alone(people, each)
    for figures in best.values():
        print(figures.row(best["echo"]))


async def measured(bot: str, server, folder: Path, people: int, each: int) -> Figures:
    places = (str(folder / "record.db"), server.api, server.gateway)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.discord", "--as", bot, *places, cwd=ROOT
    )
    try:
        await server.until(lambda: server.identified)
        await asyncio.sleep(0.5)
        threads = await opened(server, people, consent=bot == "socrate")
        await talk(server, threads, range(WARM))
        began, spent = time.perf_counter(), cpu_s(child.pid)
        waits = await talk(server, threads, range(WARM, WARM + each))
        seconds, cost = time.perf_counter() - began, cpu_s(child.pid) - spent
    finally:
        child.kill()
        await child.wait()
    waits.sort()
    return Figures(
        bot=bot,
        exchanges=len(waits),
        seconds=seconds,
        cpu_s=cost,
        p50_ms=1000 * waits[len(waits) // 2],
        p99_ms=1000 * waits[len(waits) * 99 // 100],
    )


async def opened(server, people: int, *, consent: bool) -> dict[int, int]:
    """Return a thread for each person; they have agreed where that is asked of them."""
    threads = {}
    for person in range(2000, 2000 + people):
        thread = server.new_id()
        server.thread(thread)
        threads[person] = thread
        if consent:
            data = {"type": 1, "name": "accepter", "id": "1", "options": []}
            told = server.whispers[server.acts(data, channel=thread, user=person)]
            await server.until(lambda told=told: told and told[0].get("content"))
    await asyncio.sleep(0.5)
    return threads


async def talk(server, threads: dict[int, int], numbers: range) -> list[float]:
    """Let everybody write, each time they were answered; return how long each answer took."""
    heard: dict[int, asyncio.Event] = {thread: asyncio.Event() for thread in threads.values()}

    def watch(moment: str, request: str, _: object) -> None:
        if moment == "after" and request.startswith("POST /channels/"):
            heard[int(request.split("/")[2])].set()

    server.watchers[:] = [watch]
    waits: list[float] = []

    async def one(person: int, thread: int) -> None:
        for number in numbers:
            heard[thread].clear()
            asked = time.perf_counter()
            server.says(line(person, number), user=person, channel=thread)
            await heard[thread].wait()
            waits.append(time.perf_counter() - asked)

    async with asyncio.TaskGroup() as crowd:
        for person, thread in threads.items():
            crowd.create_task(one(person, thread))
    return waits


def cpu_s(process: int) -> float:
    """Return the processor time that *process* has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def alone(people: int, each: int) -> Figures:
    """Return what the core costs in a process without Discord."""
    with tempfile.TemporaryDirectory() as folder:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.discord",
            "--as",
            "core",
            str(Path(folder) / "record.db"),
            str(people),
            str(each),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await child.communicate()
    return Figures(**json.loads(out))


# ---------------------------------------------------------------------- the bots


async def echo(_path: str, api: str, gateway: str) -> None:
    import discord  # noqa: PLC0415
    import yarl  # noqa: PLC0415
    from discord.gateway import DiscordWebSocket  # noqa: PLC0415
    from discord.http import Route  # noqa: PLC0415

    from tests.discord_server import TOKEN  # noqa: PLC0415

    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = api, yarl.URL(gateway)
    client = discord.Client(
        intents=discord.Intents(guilds=True, guild_messages=True), max_messages=None
    )

    @client.event
    async def on_message(message: discord.Message) -> None:
        if not message.author.bot:
            await message.channel.send("ok")

    async with client:
        await client.start(TOKEN)


async def socrate(path: str, api: str, gateway: str) -> None:
    from storage.sql import SqlRecord  # noqa: PLC0415
    from tests.discord_bot import wired  # noqa: PLC0415

    async with SqlRecord(path) as record:
        runner, platform = wired(record, api, gateway, settings=unlimited())
        async with platform:
            await runner.serve()


def unlimited():
    """Return settings under which people may write as fast as they are answered."""
    from bot.settings import Settings  # noqa: PLC0415

    most = dict.fromkeys(("person_minute", "room_minute", "person_day", "room_day"), 10**9)
    return Settings(limits=most)


async def adapter_alone(_path: str, api: str, gateway: str) -> None:
    from bot.domain import Kind, Reply  # noqa: PLC0415
    from storage.memory import MemoryRecord  # noqa: PLC0415
    from tests.discord_bot import wired  # noqa: PLC0415

    record = MemoryRecord()
    _, platform = wired(record, api, gateway)
    async with platform, asyncio.TaskGroup() as sending:
        async for message, _cursor in platform.messages(None):
            if message is None:
                continue
            reply = Reply(
                room=message.room, to=message.id, text="ok", kind=Kind.GOODBYE, language="fr"
            )
            sending.create_task(platform.send(reply))


async def core(path: str, people: str, each: str) -> None:
    from bot import wiring  # noqa: PLC0415
    from bot.runner import Runner  # noqa: PLC0415
    from storage.sql import SqlRecord  # noqa: PLC0415
    from tests.conftest import Citizen, FakePlatform, Room  # noqa: PLC0415

    crowd = [
        Citizen(None, sender=f"p{n}", room=Room("fake", f"r{n}"))  # type: ignore[arg-type]
        for n in range(int(people))
    ]

    def lines(numbers: range) -> list:
        said = [(place, number) for number in numbers for place in range(len(crowd))]
        return [crowd[place].message(line(place, number)) for place, number in said]

    first = [*(person.message("j'accepte") for person in crowd), *lines(range(WARM))]
    platform = FakePlatform(inbox=lines(range(WARM, WARM + int(each))))
    async with SqlRecord(path) as record:
        bot = wiring.service(unlimited(), record)
        await Runner(service=bot, mailbox=record, platform=FakePlatform(inbox=first)).serve()
        began, spent = time.perf_counter(), time.process_time()
        await Runner(service=bot, mailbox=record, platform=platform).serve()
        seconds, cost = time.perf_counter() - began, time.process_time() - spent
    print(
        json.dumps(
            {
                "bot": "core alone",
                "exchanges": len(platform.inbox),
                "seconds": seconds,
                "cpu_s": cost,
                "p50_ms": 0,
                "p99_ms": 0,
            }
        )
    )


BOTS = {"echo": echo, "socrate": socrate, "adapter": adapter_alone, "core": core}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--as"]:
        asyncio.run(BOTS[sys.argv[2]](*sys.argv[3:]))
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--people", type=int, default=40)
        parser.add_argument("--each", type=int, default=25)
        chosen = parser.parse_args()
        asyncio.run(main(chosen.people, chosen.each))
