"""One thread that writes, committing what many tasks ask for in few transactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

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
    done: Future[Any]


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

    def submit(self, work: Callable[[U], T]) -> Future[T]:
        """Have *work* done; the future is resolved once its transaction is committed.

        Raises:
            StorageError: The writer is closed.
        """
        if self._closed:
            raise StorageError("The record is closed: nothing can be written any more.")
        done: Future[T] = Future()
        self._jobs.put(_Job(work, done))
        return done

    def close(self) -> None:
        """Finish what was asked for, then stop."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            jobs, last = self._gather(job)
            self._commit([job for job in jobs if job.done.set_running_or_notify_cancel()])
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

    def _commit(self, jobs: Sequence[_Job[U]]) -> None:
        begun = False
        try:
            with self._transaction() as unit:
                begun = True
                results = [job.work(unit) for job in jobs]
        except Exception as exc:  # noqa: BLE001 # whatever it is, those who wait must hear of it
            self._failed(jobs, exc, shared=begun and len(jobs) > 1)
        else:
            for job, result in zip(jobs, results, strict=True):
                job.done.set_result(result)

    def _failed(self, jobs: Sequence[_Job[U]], exc: Exception, *, shared: bool) -> None:
        """Tell those who wait; where one may have failed the others, give each its own try."""
        for job in jobs:
            if shared:
                self._commit([job])
            else:
                job.done.set_exception(exc)
