"""One thread that writes, committing what many tasks ask for in few transactions."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeAlias, TypeVar

from bot.errors import StorageError

T = TypeVar("T")
U = TypeVar("U")

BATCH = 512
"""How many pieces of work share a transaction at most: an fsync costs as much as dozens."""

QUIET = 0.5
"""After how many seconds without work the writer tidies up."""


@dataclass(frozen=True, slots=True)
class _Job(Generic[U]):
    work: Callable[[U], Any]
    done: asyncio.Future[Any]


_Outcome: TypeAlias = tuple[asyncio.Future[Any], Any, Exception | None]
"""Who waits, for what result; or what went wrong."""


class Writer(Generic[U]):
    """Does one piece of work after the other, each wholly or not at all."""

    def __init__(
        self, transaction: Callable[[], AbstractContextManager[U]], tidy: Callable[[], None]
    ) -> None:
        """Write in what *transaction* returns: left normally it commits, else it rolls back.

        *tidy* is called when there has been work and then none; it raises nothing.
        """
        self._transaction = transaction
        self._tidy = tidy
        self._jobs: SimpleQueue[_Job[U] | None] = SimpleQueue()
        self._closed = False
        self._thread = Thread(target=self._run, name="record-writer", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[U], T]) -> T:
        """Have *work* done; return what it does once its transaction is committed.

        Raises:
            StorageError: The writer is closed.
        """
        if self._closed:
            raise StorageError("The record is closed: nothing can be written any more.")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(work, done))
        return await done

    def close(self) -> None:
        """Finish what was asked for, then stop."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            jobs, last = self._gather(job)
            wanted = [job for job in jobs if not job.done.cancelled()]
            _tell(self._committed(wanted))
            if last:
                return

    def _next(self) -> _Job[U] | None:
        """Return what is asked for next, tidying up if that is long in coming."""
        try:
            return self._jobs.get(timeout=QUIET)
        except Empty:
            self._tidy()
            return self._jobs.get()

    def _gather(self, first: _Job[U]) -> tuple[list[_Job[U]], bool]:
        """Return what is already asked for, and whether the writer was told to stop."""
        jobs = [first]
        while len(jobs) < BATCH:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, False
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _committed(self, jobs: Sequence[_Job[U]]) -> list[_Outcome]:
        """Do *jobs* in one transaction; where one fails the others, give each its own."""
        begun = False
        try:
            with self._transaction() as unit:
                begun = True
                results = [job.work(unit) for job in jobs]
        except Exception as exc:  # noqa: BLE001 # whatever it is, those who wait must hear of it
            if begun and len(jobs) > 1:
                return [outcome for job in jobs for outcome in self._committed([job])]
            return [(job.done, None, exc) for job in jobs]
        return [(job.done, result, None) for job, result in zip(jobs, results, strict=True)]


def _tell(outcomes: Iterable[_Outcome]) -> None:
    """Tell those who wait: all those of a loop at once, since waking it costs more than telling."""
    waiting: dict[asyncio.AbstractEventLoop, list[_Outcome]] = defaultdict(list)
    for outcome in outcomes:
        waiting[outcome[0].get_loop()].append(outcome)
    for loop, theirs in waiting.items():
        with suppress(RuntimeError):  # it was closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, theirs)


def _resolve(outcomes: Iterable[_Outcome]) -> None:
    for done, result, exc in outcomes:
        if done.done():
            continue  # its task was given up
        if exc is None:
            done.set_result(result)
        else:
            done.set_exception(exc)
