"""Hold a real exchange with the bot on a simulated Discord and draw it.

``python -m docs.pictures.discord`` writes ``discord-fr.svg`` and ``discord-moderators-fr.svg``
beside this file. The words and buttons are those the bot sends; the drawing is ours.
"""  # noqa: INP001 - docs are no package

from __future__ import annotations

import asyncio
import re
import textwrap
import warnings
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
IDEA = "Il faudrait plus de bancs en ville pour les anciens."
MORE = "Surtout entre la gare et le marché."
WIDTH, COLUMNS, SMALL_COLUMNS = 760, 86, 108
SMALL = "-# "
LEFT, LEADING = 72, 20
STYLE = (
    "text{font:14px 'DejaVu Sans',Verdana,sans-serif;fill:#dbdee1;white-space:pre}"
    ".name{font-weight:bold;fill:#f2f3f5}.app{font-size:10px;fill:#fff}.small{font-size:11px;"
    "fill:#949ba4}.button{font-size:13px;fill:#f2f3f5}"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as people see it."""

    who: str
    text: str
    buttons: tuple[str, ...] = ()
    alone: bool = False
    """Whether only the person sees it."""


async def exchange() -> tuple[list[Shown], list[Shown]]:
    """Return what the person and what the moderators see."""
    from tests.discord_world import world  # noqa: PLC0415 - it pulls the test tools in

    async with world() as w:
        room = w.guild.create_text_channel("modération")
        w.platform.options = type(w.platform.options)(moderators=str(room.id))
        w.platform._arrivals.reader = w.platform._reader()  # noqa: SLF001 - as the tests do
        seen = [Shown("Ana", f"@Café Socrate {IDEA}")]
        await w.sends(w.mention(IDEA))
        seen.append(_bot(w.last))
        agreed = await w.clicks(w.last, "agree")
        seen.append(_bot(agreed.response, alone=True))
        await w.sends(IDEA, channel=w.thread, reply_to=w.last)
        seen += [Shown("Ana", IDEA), _bot(w.last)]
        told = await w.clicks(w.last, "why")
        seen.append(_bot(told.response, alone=True))
        await w.sends(MORE, channel=w.thread, reply_to=w.last)
        seen += [Shown("Ana", MORE), _bot(w.last)]
        await w.clicks(w.last, "leading")
        return seen, [_bot(message) for message in w.said(room)]


def _bot(message: Any, *, alone: bool = False) -> Shown:
    rows = message.components
    parts = [part for row in rows for part in (row["components"] if alone else row.children)]
    labels = tuple((p["label"] if alone else p.label) for p in parts)
    return Shown("Café Socrate", message.content, labels, alone)


def drawn(seen: list[Shown], channel: str) -> str:
    """Return the picture of *seen* in *channel*."""
    parts, y = [f'<text class="name" x="20" y="28"># {escape(channel)}</text>'], 62
    for message in seen:
        drawing, y = _message(message, y)
        parts += drawing
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
        f'viewBox="0 0 {WIDTH} {y}"><style>{STYLE}</style>'
        f'<rect width="{WIDTH}" height="{y}" rx="8" fill="#313338"/>'
        f'<line x1="0" y1="42" x2="{WIDTH}" y2="42" stroke="#26282c"/>'
    )
    return "\n".join((head, *parts, "</svg>\n"))


def _message(message: Shown, y: int) -> tuple[list[str], int]:
    ours = message.who != "Ana"
    top = y - 16
    parts = [
        f'<circle cx="40" cy="{y + 4}" r="18" fill="{"#5865f2" if ours else "#3ba55d"}"/>',
        f'<text class="name" x="34" y="{y + 9}">{message.who[0]}</text>',
        f'<text class="name" x="{LEFT}" y="{y}">{escape(message.who)}</text>',
    ]
    if ours:
        parts.append(f'<rect x="178" y="{y - 12}" width="34" height="15" rx="3" fill="#5865f2"/>')
        parts.append(f'<text class="app" x="184" y="{y}">APP</text>')
    y += 22
    for line in lines(message.text):
        small = line.startswith(SMALL)
        style = ' class="small"' if small else ""
        parts.append(f'<text{style} x="{LEFT}" y="{y}">{escape(line.removeprefix(SMALL))}</text>')
        y += LEADING
    drawing, y = _buttons(message.buttons, y)
    parts += drawing
    if message.alone:
        parts.append(f'<text class="small" x="{LEFT}" y="{y}">(visible pour Ana seule)</text>')
        back = f'<rect x="0" y="{top}" width="{WIDTH}" height="{y - top + 10}" fill="#3a3c55"/>'
        parts.insert(0, back)
        y += LEADING
    return parts, y + 16


def _buttons(labels: tuple[str, ...], y: int) -> tuple[list[str], int]:
    parts, x = [], LEFT
    for label in labels:
        width = 9 * len(label) + 24
        if x + width > WIDTH - 10:
            x, y = LEFT, y + 38
        parts.append(
            f'<rect x="{x}" y="{y - 12}" width="{width}" height="30" rx="4" fill="#4e5058"/>'
        )
        parts.append(f'<text class="button" x="{x + 12}" y="{y + 8}">{escape(label)}</text>')
        x += width + 8
    return parts, y + 38 if labels else y


def lines(text: str) -> list[str]:
    """Return *text* as it is shown, in lines that fit."""
    bare = re.sub(r"\\([\\*_~|`<\[#-])", r"\1", text)
    return [part for line in bare.split("\n") for part in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    if not line.startswith(SMALL):
        return textwrap.wrap(line, COLUMNS) or [""]
    return [SMALL + part for part in textwrap.wrap(line.removeprefix(SMALL), SMALL_COLUMNS)]


def pictures() -> dict[Path, str]:
    """Return the pictures by file."""
    warnings.simplefilter("ignore", DeprecationWarning)
    person, moderators = asyncio.run(exchange())
    return {
        HERE / "discord-fr.svg": drawn(person, "Une idée avec Café Socrate"),
        HERE / "discord-moderators-fr.svg": drawn(moderators, "modération"),
    }


if __name__ == "__main__":
    for path, picture in pictures().items():
        path.write_text(picture, "utf-8")
