"""A model that says what it is told to, for demonstrations and tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from bot.domain import Answer, Prompt
from bot.errors import ModelError

Line: TypeAlias = str | Exception
"""What the model says, or how it fails."""


class ScriptedModel:
    """A `ChatModel` that reads its lines from a list, or asks a function for each."""

    name = "scripted"

    def __init__(self, lines: Iterable[Line] | Callable[[Prompt], Line]) -> None:
        """Take the *lines* in order, or a function from a prompt to its line."""
        self._next = lines if callable(lines) else _reader(lines)
        self.prompts: list[Prompt] = []
        """Every prompt it was shown, oldest first."""

    async def complete(self, prompt: Prompt) -> Answer:
        """Return the next line.

        Raises:
            ModelError: The line is empty, or the script has run out.
            Exception: The line is one.
        """
        self.prompts.append(prompt)
        line = self._next(prompt)
        if isinstance(line, Exception):
            raise line
        if not line.strip():
            raise ModelError("The script has an empty line; give the model something to say.")
        return Answer(text=line, model=self.name)

    async def check(self) -> None:
        """Do nothing: a script can always be asked."""


def _reader(lines: Iterable[Line]) -> Callable[[Prompt], Line]:
    """Return a function that hands out *lines* one by one."""
    rest = iter(lines)
    return lambda _: next(rest, ModelError("The script has run out; give it more lines."))
