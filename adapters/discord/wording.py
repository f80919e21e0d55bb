"""How a reply looks on Discord: harmless, split at the limit, marked as a machine's."""

from __future__ import annotations

import re
from typing import Any

from adapters.discord.menu import LONGEST, Words, custom_id
from bot.domain import Kind, Reply

LIMIT = 2000
"""Characters of a message; counted as UTF-16 has them, which is never too few."""
IN_A_ROW, ROWS = 5, 5
BUTTON, ROW, INPUT = 2, 1, 4
"""Types of components: https://discord.com/developers/docs/components/reference."""
PRIMARY, SECONDARY = 1, 2
PARAGRAPH = 2
LABEL = 80
NOBODY: dict[str, Any] = {"parse": [], "replied_user": False}
"""Allowed mentions: whatever the text says, nobody is called."""
_ESCAPED = re.compile(r"(https?://[^\s<>]+)|([\\*_~|`<\[])|^(\s*)(#|-)", re.MULTILINE)
_UNSENDABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""What JSON or Discord does not take."""
_QUOTE = "> "


def payloads(reply: Reply, words: Words, *, hint: bool = False) -> tuple[dict[str, Any], ...]:
    """Return the messages that say *reply*, the last one with its footer and buttons.

    *hint* tells the person to reply to it: without the Message Content intent only that, or
    naming the bot, lets it read them.
    """
    foot = footer(reply, words, hint=hint and awaits(reply))
    *first, last = split(escaped(reply.text), LIMIT - _units(foot) - 1) or ("",)
    final: dict[str, Any] = {"content": f"{last}\n{foot}".strip()}
    if rows := buttons(reply, words):
        final["components"] = rows
    return tuple({**made, "allowed_mentions": NOBODY} for made in (*map(_said, first), final))


def _said(text: str) -> dict[str, Any]:
    return {"content": text}


def footer(reply: Reply, words: Words, *, hint: bool) -> str:
    """Return the line that says a machine wrote it, and where it is on record."""
    mark = words(reply.language, "notice.ai-mark")
    key = "discord.footer-hint" if hint else "discord.footer"
    return "-# " + words(reply.language, key).format(mark=mark, number=reply.number)


def awaits(reply: Reply) -> bool:
    """Return whether *reply* waits for words: a question, a case, a bare notice."""
    if reply.kind in (Kind.QUESTION, Kind.CASE):
        return True
    return reply.kind in (Kind.NOTICE, Kind.DECLINE) and not reply.actions


def buttons(reply: Reply, words: Words) -> list[dict[str, Any]]:
    """Return the rows of buttons for what can be done next."""
    made = [_button(action.label, action.name, reply, action.symbol) for action in reply.actions]
    if awaits(reply):
        write = _button(words(reply.language, "discord.write"), "", reply, "✏️")
        made.insert(0, {**write, "style": PRIMARY})
    rows = [made[n : n + IN_A_ROW] for n in range(0, len(made), IN_A_ROW)]
    return [{"type": ROW, "components": row} for row in rows[:ROWS]]


def _button(label: str, action: str, reply: Reply, symbol: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": BUTTON,
        "style": SECONDARY,
        "label": label[:LABEL],
        "custom_id": custom_id(action, reply.number),
    }
    return {**made, "emoji": {"name": symbol}} if symbol else made


def form(language: str, words: Words, mark: str) -> dict[str, Any]:
    """Return the form in which a person writes where the bot cannot read the conversation."""
    field = {
        "type": INPUT,
        "custom_id": "text",
        "label": words(language, "discord.form-label"),
        "style": PARAGRAPH,
        "max_length": LONGEST,
        "required": True,
    }
    rows = [{"type": ROW, "components": [field]}]
    return {"custom_id": mark, "title": words(language, "discord.form-title"), "components": rows}


def escaped(text: str) -> str:
    """Return *text* so that Discord shows its signs instead of obeying them; links stay links."""
    text = _UNSENDABLE.sub("", text)
    return _ESCAPED.sub(lambda found: found[1] or rf"{found[3] or ''}\{found[2] or found[4]}", text)


def split(text: str, limit: int) -> tuple[str, ...]:
    """Return *text* in parts of at most *limit*, cut between lines or words.

    A quoted line that has to be cut goes on as a quote.
    """
    parts = []
    while _units(text) > limit:
        at = _cut(text, limit)
        head, rest = text[:at], text[at:]
        line = head.rpartition("\n")[2]
        goes_on = line.startswith(_QUOTE) and not rest.startswith("\n")
        parts.append(head.rstrip())
        text = (_QUOTE if goes_on else "") + rest.lstrip()
    return (*parts, text) if text else tuple(parts)


def _cut(text: str, limit: int) -> int:
    """Return where to cut: after a line if it is long enough, a word, or just before the limit."""
    end = limit
    while _units(text[:end]) > limit:
        end -= 1
    for sign in ("\n", " "):
        at = text.rfind(sign, end // 2, end)
        if at > 0:
            return at
    trail = text[:end]
    return end - (len(trail) - len(trail.rstrip("\\"))) % 2


def _units(text: str) -> int:
    """Return the length of *text* in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
