"""Bring messages to the service in order, and start again where a crash left off."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from bot.domain import Message, Room
from bot.ports import Mailbox, Platform
from bot.service import Service

IN_MEMORY = 1000
"""Messages taken in and not answered yet, at most: the platform's own queue holds the rest."""


@dataclass
class Runner:
    """Serves one platform: rooms in parallel, one message at a time in each."""

    service: Service
    mailbox: Mailbox
    platform: Platform
    _rooms: dict[Room, deque[Message]] = field(default_factory=dict)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_MEMORY))

    async def converse(self) -> None:
        """Serve a platform with one room: the next message is read after the last is answered."""
        await self.resume()
        async for message in self._received():
            await self.service.handle(message, self.platform)

    async def serve(self) -> None:
        """Serve a platform with many rooms until its messages end and all are answered.

        Raises:
            ExceptionGroup: Something failed, `StorageError` among others: the process must
                end, and start again from the inbox, rather than answer in part.
        """
        await self.resume()
        async with asyncio.TaskGroup() as workers:
            async for message in self._received():
                await self._places.acquire()
                queue = self._rooms.get(message.room)
                if queue is not None:
                    queue.append(message)
                    continue
                self._rooms[message.room] = deque([message])
                workers.create_task(self._work(message.room))

    async def resume(self) -> None:
        """Send what was decided and answer what was received before a crash."""
        for entry in await self.mailbox.unsent(self.platform.name):
            await self.service.deliver(entry, self.platform)
        for message in await self.mailbox.waiting(self.platform.name):
            await self.service.handle(message, self.platform)

    async def _received(self) -> AsyncIterator[Message]:
        """Yield each new message once it is kept."""
        async for message, cursor in self.platform.messages():
            if not message.addressed:
                continue
            kept = await self.service.admit(message, self._rooms.get(message.room, ()))
            if await self.mailbox.receive(kept, cursor):
                yield kept

    async def _work(self, room: Room) -> None:
        queue = self._rooms[room]
        while queue:
            # It stays in the queue until it is answered: it may be the consent of the next.
            await self.service.handle(queue[0], self.platform)
            queue.popleft()
            self._places.release()
        # Nothing awaits between the check and this, so no message can slip in.
        del self._rooms[room]
