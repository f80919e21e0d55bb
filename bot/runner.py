"""Bring messages to the service in order, and start again where a crash left off."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile

from bot.domain import Message, Review, Room
from bot.ports import Mailbox, Platform
from bot.service import Service

IN_MEMORY = 1000
"""Messages taken in and not answered yet, at most: the platform's own queue holds the rest."""
PAUSES = 5
"""How often the bot waits for one more message before it answers."""
MOST = 50
"""Messages that one answer serves at most."""
LOOK = 2.0
"""Seconds between two looks for what others put on record to be sent, such as the console."""


@dataclass
class Runner:
    """Serves one platform: rooms in parallel, one message at a time in each."""

    service: Service
    mailbox: Mailbox
    platform: Platform
    pause: float = 0.0
    """Seconds to wait for more from the same person; 0 to answer each message by itself."""
    look: float = LOOK
    """Seconds between two looks for what others put on record."""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _rooms: dict[Room, deque[Message]] = field(default_factory=dict)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_MEMORY))

    async def converse(self) -> None:
        """Serve a platform with one room: the next message is read after the last is answered."""
        await self.resume()
        async for message in self._received():
            await self.service.handle(message, self.platform)
            await self.carry()

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
            carrying = workers.create_task(self._keep_carrying())
            await asyncio.wait((taking_in, stopped), return_when=asyncio.FIRST_COMPLETED)
            # What is in hand is finished; what is not taken in stays with the platform.
            taking_in.cancel()
            stopped.cancel()
            carrying.cancel()

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

    async def carry(self) -> None:
        """Send what a moderator answered elsewhere than on this platform.

        Nobody else sends it: what this process decides is on its way already.
        """
        for entry in await self.mailbox.unsent(self.platform.name):
            if isinstance(entry.event, Review) and entry.event.message is None:
                await self.service.deliver(entry, self.platform)

    async def _keep_carrying(self) -> None:
        while True:
            await asyncio.sleep(self.look)
            await self.carry()

    async def _received(self) -> AsyncIterator[Message]:
        """Yield each new message once it is kept."""
        name = self.platform.name
        async for message, cursor in self.platform.messages(await self.mailbox.cursor(name)):
            if message is None or not await self._meant_for_us(message):
                await self.mailbox.move(name, cursor)
                continue
            told = await self._attributed(message)
            kept = await self.service.admit(told, self._rooms.get(message.room, ()))
            if kept is None:
                await self.mailbox.move(name, cursor)
            elif await self.mailbox.receive(kept, cursor):
                yield kept

    async def _attributed(self, message: Message) -> Message:
        """Return *message* with its author: platforms do not always tell who deletes."""
        if message.sender or not message.edits:
            return message
        author = await self.mailbox.author(self.platform.name, message.edits)
        return replace(message, sender=author or "")

    async def _together(self, queue: deque[Message]) -> list[Message]:
        """Return the messages at the head of *queue* that one answer serves.

        They are one person's, written one soon after the other: the wait ends when they pause.
        """
        first = queue[0]
        if not self.pause or not self.service.joins(first):
            return [first]
        heard = 0
        for _ in range(PAUSES):
            mine = self._run(queue)
            if len(mine) == heard or len(mine) < len(queue) or len(mine) == MOST:
                return mine
            heard = len(mine)
            await asyncio.sleep(self.pause)
        return self._run(queue)

    def _run(self, queue: deque[Message]) -> list[Message]:
        """Return the messages at the head of *queue* that are one person's contributions."""
        mine = takewhile(
            lambda m: m.sender == queue[0].sender and self.service.joins(m), list(queue)
        )
        return list(islice(mine, MOST))

    async def _meant_for_us(self, message: Message) -> bool:
        """Tell whether *message* is addressed; an edit is where the edited one was kept."""
        if message.edits:
            return await self.mailbox.received(self.platform.name, message.edits)
        return message.addressed

    async def _work(self, room: Room) -> None:
        queue = self._rooms[room]
        while queue:
            # They stay in the queue until they are answered: one may be the consent of the next.
            together = await self._together(queue)
            await self.service.handle(together[-1], self.platform, together[:-1])
            await asyncio.sleep(0)  # the other rooms' turn
            for _ in together:
                queue.popleft()
                self._places.release()
        # Nothing awaits between the check and this, so no message can slip in.
        del self._rooms[room]


async def serve(
    service: Service, mailbox: Mailbox, platforms: Sequence[Platform], pause: float = 0.0
) -> None:
    """Serve all *platforms* until a signal asks to stop; then finish what is in hand.

    Raises:
        ExceptionGroup: One of them failed: all end, so that the process can start again.
    """
    runners = [
        Runner(service=service, mailbox=mailbox, platform=platform, pause=pause)
        for platform in platforms
    ]
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for runner in runners:
            runner.stop()

    for asked in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(asked, stop)
    async with asyncio.TaskGroup() as serving:
        for runner in runners:
            serving.create_task(runner.serve())
