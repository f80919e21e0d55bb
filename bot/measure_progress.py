"""How far a measurement is: a line for each part, and a counter where a person is watching."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO, TypeVar

T = TypeVar("T")
WIDTH = 20


@dataclass(frozen=True)
class Progress:
    """Tells *out* what is being worked on; None for silence."""

    out: TextIO | None = None

    def over(self, name: str, items: Sequence[T]) -> Iterator[T]:
        """Yield *items*, saying how many there are and, on a terminal, how many are done."""
        self.say(f"{name}: {len(items)}")
        watched = self.out is not None and self.out.isatty()
        for done, item in enumerate(items):
            if watched:
                self._draw(done, len(items))
            yield item
        if watched and self.out:
            self.out.write("\r\x1b[K")

    def say(self, line: str) -> None:
        """Write one line."""
        if self.out:
            print(line, file=self.out, flush=True)

    def _draw(self, done: int, total: int) -> None:
        if self.out:
            full = done * WIDTH // total
            self.out.write(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {done}/{total}")
            self.out.flush()
