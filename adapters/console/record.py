"""The record itself: whether it is as it was written, who vouches for it, what was erased."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from starlette.responses import PlainTextResponse, Response

from adapters.console.doors import get, post
from adapters.console.hall import Checked
from adapters.console.roles import Right
from adapters.console.visit import Visit
from bot.domain import Filter
from bot.errors import BotError

SHOWN = 20
"""Erasures and readings in a list at most."""


@dataclass
class Checking:
    """Verifies the record, one run at a time, while pages go on being answered."""

    verify: Callable[[Callable[[int], None]], Checked]
    size: int = 0
    """How many entries there were when it began."""
    read: int = 0
    """How many of them were read so far."""
    began: datetime | None = None
    ended: datetime | None = None
    result: Checked | None = None
    failed: bool = False
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def share(self) -> int:
        """How much of it is done, in per cent."""
        return min(100 * self.read // self.size, 100) if self.size else 0

    def start(self, now: Callable[[], datetime], size: int) -> None:
        """Begin on a record of *size* entries, unless it is under way."""
        if not self.running:
            self.size, self.read = size, 0
            self.began, self.ended, self.result, self.failed = now(), None, None, False
            self._task = asyncio.get_running_loop().create_task(self._run(now))

    async def _run(self, now: Callable[[], datetime]) -> None:
        try:
            self.result = await asyncio.to_thread(self.verify, self._count)
        except BotError:
            self.failed = True
        self.ended = now()

    def _count(self, read: int) -> None:
        self.read = read


async def record(visit: Visit) -> Response:
    archive = visit.hall.archive
    newest = await archive.lines(Filter(), limit=1)
    log = visit.hall.log
    note = await log.checkpoint() if log else ""
    vouched = await log.vouched() if log else ""
    counts = await archive.tallies()
    return visit.page(
        "record",
        size=newest[0].seq if newest else 0,
        last=newest[0].at if newest else None,
        note=note,
        vouched=vouched.split("\n")[1] if vouched else "",
        witnesses=_signers(vouched)[1:],
        kinds=counts.get("kind", {}),
        erasures=await archive.lines(Filter(kind="erasure"), limit=SHOWN),
        readings=await archive.lines(Filter(kind="access"), limit=SHOWN),
        checking=visit.console.checking,
    )


async def verify(visit: Visit) -> Response:
    newest = await visit.hall.archive.lines(Filter(), limit=1)
    visit.console.checking.start(visit.hall.clock, newest[0].seq if newest else 0)
    return visit.to("/record/verify") if visit.swapping else visit.to("/record")


async def progress(visit: Visit) -> Response:
    """Show how far the verification has come: the part of the page that is swapped in."""
    return visit.page("_checking", checking=visit.console.checking)


async def checkpoint(visit: Visit) -> Response:
    """Give the newest checkpoint as it is: a signed note."""
    if visit.hall.log is None:
        return visit.trouble(404, "no-page")
    return PlainTextResponse(await visit.hall.log.checkpoint())


def _signers(note: str) -> list[str]:
    """Return who signed the checkpoint *note*: the record itself, then its witnesses."""
    _, _, signatures = note.partition("\n\n")
    lines = [line.split(" ") for line in signatures.splitlines() if line.startswith("— ")]
    return [parts[1] for parts in lines if len(parts) > 1]


DOORS = (
    get("/record", Right.CHECK, record),
    post("/record/verify", Right.CHECK, verify),
    get("/record/verify", Right.CHECK, progress),
    get("/record/checkpoint", Right.CHECK, checkpoint),
)
