"""What a page or an act of the console is: where it is, and who may come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.responses import Response

from adapters.console.roles import Right
from adapters.console.visit import Visit

ANYBODY = None
"""The right that a page needs which everybody may see."""
Answer: TypeAlias = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One address and method of the console."""

    method: str
    path: str
    """With ``{name}`` for a part that varies."""
    right: Right | None
    """What whoever comes must be allowed; `ANYBODY` for strangers too."""
    answer: Answer
    takes: Mapping[str, str] = field(default_factory=dict)
    """Fields of the address or the form by name, with the kind of value: ``text``, ``number``."""


def get(path: str, right: Right | None, answer: Answer, **takes: str) -> Door:
    """Return a page."""
    return Door(method="GET", path=path, right=right, answer=answer, takes=takes)


def post(path: str, right: Right | None, answer: Answer, **takes: str) -> Door:
    """Return an act."""
    return Door(method="POST", path=path, right=right, answer=answer, takes=takes)
