"""Bring messages to the service in order, and start again where a crash left off."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import AsyncIterator, Sequence
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
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _rooms: dict[Room, deque[Message]] = field(default_factory=dict)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_MEMORY))

    async def converse(self) -> None:
        """Serve a platform with one room: the next message is read after the last is answered."""
        await self.resume()
        async for message in self._received():
            await self.service.handle(message, self.platform)

    async def serve(self) -> None:
        """Serve a platform with many rooms until its messages end, or `stop`, and all are answered.

        Raises:
            ExceptionGroup: Something failed, `StorageError` among others: the process must
                end, and start again from the inbox, rather than answer in part.
        """
        await self.resume()
        async with asyncio.TaskGroup() as workers:
            taking_in = workers.create_task(self._take_in(workers))
            stopped = workers.create_task(self._stop.wait())
            await asyncio.wait((taking_in, stopped), return_when=asyncio.FIRST_COMPLETED)
            # What is in hand is finished; what is not taken in stays with the platform.
            taking_in.cancel()
            stopped.cancel()

    def stop(self) -> None:
        """Take in nothing more; `serve` ends once all that was taken in is answered."""
        self._stop.set()

    async def _take_in(self, workers: asyncio.TaskGroup) -> None:
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
        name = self.platform.name
        async for message, cursor in self.platform.messages(await self.mailbox.cursor(name)):
            if message is None or not await self._meant_for_us(message):
                await self.mailbox.move(name, cursor)
                continue
            kept = await self.service.admit(message, self._rooms.get(message.room, ()))
            if await self.mailbox.receive(kept, cursor):
                yield kept

    async def _meant_for_us(self, message: Message) -> bool:
        """Tell whether *message* is addressed; an edit is where the edited one was kept."""
        if message.edits:
            return await self.mailbox.received(self.platform.name, message.edits)
        return message.addressed

    async def _work(self, room: Room) -> None:
        queue = self._rooms[room]
        while queue:
            # It stays in the queue until it is answered: it may be the consent of the next.
            await self.service.handle(queue[0], self.platform)
            queue.popleft()
            self._places.release()
        # Nothing awaits between the check and this, so no message can slip in.
        del self._rooms[room]


async def serve(service: Service, mailbox: Mailbox, platforms: Sequence[Platform]) -> None:
    """Serve all *platforms* until a signal asks to stop; then finish what is in hand.

    Raises:
        ExceptionGroup: One of them failed: all end, so that the process can start again.
    """
    runners = [Runner(service=service, mailbox=mailbox, platform=p) for p in platforms]
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for runner in runners:
            runner.stop()

    for asked in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(asked, stop)
    async with asyncio.TaskGroup() as serving:
        for runner in runners:
            serving.create_task(runner.serve())
