"""The bot as a process on a test server: what the tests of faults kill and start again."""

from __future__ import annotations

import asyncio
import sys

from adapters.discord import Discord
from bot.runner import Runner
from storage.sql import SqlRecord
from tests.conftest import service
from tests.discord_server import MODERATORS, TOKEN
from tests.discord_world import adapter

READY_S = 0.05


def wired(record: SqlRecord, api: str, gateway: str, **options: object) -> tuple[Runner, Discord]:
    """Return the bot on the server at *api* and *gateway*, answering from *record*."""
    bot = service(record=record)
    made = adapter(
        record,
        bot,
        api=api,
        gateway=gateway,
        moderators=str(MODERATORS),
        ready_s=READY_S,
        **options,
    )
    made.token = TOKEN
    return Runner(service=bot, mailbox=record, platform=made), made


async def main(path: str, api: str, gateway: str) -> None:
    async with SqlRecord(path) as record:
        runner, platform = wired(record, api, gateway)
        async with platform:
            await runner.serve()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
