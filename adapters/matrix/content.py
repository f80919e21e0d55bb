"""What the bot's messages look like on Matrix: words that neither ping nor render."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from adapters.matrix.events import MARK, bare
from bot.domain import Action, Reply

_JOINER = "\u2060"
"""Shows as nothing, and keeps clients from making a link or a mention of what it parts."""
_HIDDEN = re.compile(
    "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff"
    "\\ud800-\\udfff\\U000e0000-\\U000e0fff]"
)
"""Control, zero-width and tag characters, and those that turn the direction of writing."""
_LIVE = re.compile(r"(?<=@)(?=\w)|(?<=:)(?=//)|(?<=matrix)(?=\.to)|(?<=www)(?=\.)", re.IGNORECASE)


def message(reply: Reply, *, answers: str | None = None) -> dict[str, Any]:
    """Return the content of *reply*; *answers* is the event it stands under in its thread."""
    text, offers = inert(reply.text), hint(reply.actions)
    thread = reply.room.id.partition(" ")[2]
    said = {
        "msgtype": "m.notice",
        "body": f"{text}\n\n{offers}" if offers else text,
        "format": "org.matrix.custom.html",
        "formatted_body": _html(text) + (f"<br><br><sub>{_html(offers)}</sub>" if offers else ""),
        "m.mentions": {},
        MARK: _mark(reply),
    }
    if thread:
        said["m.relates_to"] = {
            "rel_type": "m.thread",
            "event_id": thread,
            "is_falling_back": True,
            "m.in_reply_to": {"event_id": answers or thread},
        }
    return said


def notice(text: str, thread: str | None = None) -> dict[str, Any]:
    """Return the content of one of the adapter's own notices."""
    said: dict[str, Any] = {
        "msgtype": "m.notice",
        "body": inert(text),
        "m.mentions": {},
        MARK: {"ai": True, "kind": "notice"},
    }
    if thread:
        said["m.relates_to"] = {
            "rel_type": "m.thread",
            "event_id": thread,
            "is_falling_back": True,
            "m.in_reply_to": {"event_id": thread},
        }
    return said


def hint(actions: Sequence[Action]) -> str:
    """Return which symbols and words stand for *actions*."""
    return inert(" · ".join(f"{a.symbol} {a.label}".strip() for a in actions))


def inert(text: str) -> str:
    """Return *text* without what a client would make a mention, a link or an order of."""
    return _LIVE.sub(_JOINER, _HIDDEN.sub("", text))


def _html(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _mark(reply: Reply) -> dict[str, Any]:
    """Return what tells machines that a machine wrote this, and what may be answered to it."""
    return {
        "ai": True,
        "kind": reply.kind.value,
        "language": reply.language,
        "number": reply.number,
        "actions": {bare(a.symbol): a.name for a in reply.actions if a.symbol},
    }
