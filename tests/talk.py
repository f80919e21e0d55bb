"""Two hundred messages in ten rooms: what the killed process of test_crash.py answers."""

from __future__ import annotations

import asyncio
import json
import sys

from bot.domain import Message, Reply, Room
from bot.runner import Runner
from storage.sql import SqlRecord
from tests.conftest import NOON, FakePlatform, service

ROOMS = 10
TURNS = 200
_LINES = ("j'accepte", "Il faut des bancs en ville.", "près du marché", "passer", "je ne sais pas")


def inbox() -> list[Message]:
    """Return the messages, rooms mixed, the same in every run."""
    return [
        Message(
            id=str(n),
            room=Room("fake", f"r{n % ROOMS}"),
            sender=f"p{n % ROOMS}",
            text=_LINES[n // ROOMS % len(_LINES)],
            sent_at=NOON,
        )
        for n in range(TURNS)
    ]


class Screen(FakePlatform):
    """Shows each reply as a line of JSON, at once."""

    async def send(self, reply: Reply) -> str:
        shown = {"send_id": reply.send_id, "text": reply.text, "room": reply.room.id}
        sys.stdout.write(json.dumps({**shown, "to": reply.to}) + "\n")
        sys.stdout.flush()
        return await super().send(reply)


async def main(path: str) -> None:
    async with SqlRecord(path) as record:
        bot = service(record=record)
        await Runner(service=bot, mailbox=record, platform=Screen(inbox=inbox())).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
