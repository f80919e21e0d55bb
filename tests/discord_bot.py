"""The bot as a process on a test server: what the tests of faults kill and start again."""

from __future__ import annotations

import asyncio
import sys
from hashlib import sha256
from typing import Any

from adapters.discord import Discord, Options
from bot import wiring
from bot.domain import LANGUAGES
from bot.runner import Runner
from bot.service import Service
from bot.settings import Settings
from prompts import load
from storage.sql import SqlRecord
from tests.discord_server import MODERATORS, TOKEN

READY_S = 0.05


def pseudonym(debate: str, user: str) -> str:
    """Return a stand-in for the keyed hash of the wiring."""
    return sha256(f"{debate} {user}".encode()).hexdigest()[:16]


def adapter(record: Any, service: Service, language: str = "fr", **options: Any) -> Discord:
    return Discord(
        token="not-a-token",  # noqa: S106 - it is none
        mailbox=record,
        menu={code: service.commands.menu(code) for code in LANGUAGES},
        words=load().text,
        pseudonym=pseudonym,
        language=language,
        options=Options(**options),
    )


def wired(
    record: Any, api: str, gateway: str, *, settings: Settings | None = None, **options: object
) -> tuple[Runner, Discord]:
    """Return the bot on the server at *api* and *gateway*, answering from *record*."""
    bot = wiring.service(settings or Settings(), record)
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
