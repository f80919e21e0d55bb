"""Leaves a model alone for a while once it has failed several times in a row."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.domain import Answer, Prompt
from bot.errors import ModelError
from bot.ports import ChatModel

FAILURES = 3
"""Failures in a row after which it is open."""
PAUSE = 60.0
"""Seconds it stays open; then one call tries again."""


@dataclass
class Breaker:
    """A model that answers at once, with an error, while the one behind it is out of order."""

    model: ChatModel
    clock: Callable[[], float] = time.monotonic
    _failed: int = 0
    _until: float = 0.0

    @property
    def name(self) -> str:
        return self.model.name

    async def complete(self, prompt: Prompt) -> Answer:
        """Return the model's answer; see `bot.ports.ChatModel`."""
        if self.clock() < self._until:
            raise ModelError("the model is left alone for a minute after several failures")
        try:
            answer = await self.model.complete(prompt)
        except ModelError:
            self._failed += 1
            if self._failed >= FAILURES:
                self._until = self.clock() + PAUSE
            raise
        self._failed = 0
        return answer
