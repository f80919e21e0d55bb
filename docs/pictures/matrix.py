"""Hold a real conversation on a real homeserver and draw it: ``python -m docs.pictures.matrix``.

Needs the Synapse of the tests (``make test`` installs it). Writes ``matrix-fr.svg`` beside this
file. It is a drawing of the events in the room, not a photograph of a client.
"""  # noqa: INP001 - docs are no package

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import Any

from tests.matrix_bot import Bot
from tests.matrix_people import Person, by
from tests.synapse import Synapse

PICTURE = Path(__file__).with_name("matrix-fr.svg")
SAID = (
    "!socrate bonjour",
    "✅",
    "Il faudrait plus de bancs en ville pour les anciens.",
    "Surtout entre la gare et le marché.",
    "voir mon idée",
)
WIDTH, LETTERS, LEADING, MARGIN = 760, 92, 19, 24
STYLE = (
    "text{font:13px system-ui,'Segoe UI','DejaVu Sans',sans-serif;fill:#1d2226}"
    ".who{font-weight:600}.ana{fill:#0b6e4f}.bot{fill:#7a3e9d}.dim{fill:#68737d}"
    ".chip{fill:#eef1f4;stroke:#cdd5dc}.bar{fill:#f4f6f8}"
)


@dataclass
class Line:
    """One message, with the reactions under it."""

    who: str
    text: str
    chips: list[str]


async def conversation(server: Synapse, folder: Path) -> list[Line]:
    """Return what was said and pressed in a room, oldest first."""
    bot = Bot(server, folder / "bot", "socrate-picture", settings={"buttons": 6})
    async with Person(server, "ana-picture") as ana:
        with bot:
            room = await ana.room(bot.id, name="Une place plus vivante")
            await ana.hears(room, lambda e: e.get("state_key") == bot.id and _in(e))
            thread = None
            for number, text in enumerate(SAID, 1):
                last = [event for event in ana.seen[room] if by(bot.id)(event)]
                if text == "✅":
                    await ana.reacts(room, last[-1]["event_id"], text)
                else:
                    said = await ana.says(room, text, thread)
                    thread = thread or said
                await ana.hears(room, by(bot.id), number)
            await ana.hears(room, by(bot.id, "m.reaction"), 15)
        return [_line(event, ana.seen[room], bot.id) for event in ana.seen[room] if _spoken(event)]


def drawn(lines: list[Line]) -> str:
    """Return the picture of *lines*."""
    parts, y = [], 74
    for line in lines:
        bot = line.who == "Café Socrate"
        parts.append(_text(MARGIN, y, line.who, "who bot" if bot else "who ana"))
        for row in line.text.split("\n"):
            for piece in wrap(row, LETTERS) or [""]:
                y += LEADING
                parts.append(_text(MARGIN, y, piece))
        if line.chips:
            y += 10
            parts += [_chip(MARGIN + 62 * n, y, chip) for n, chip in enumerate(line.chips)]
            y += 22
        y += 32
    head = f'<rect class="bar" width="{WIDTH}" height="44"/>' + _text(
        MARGIN, 27, "# Une place plus vivante · Fil de discussion", "who"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
        f'viewBox="0 0 {WIDTH} {y}"><style>{STYLE}</style>'
        f'<rect width="{WIDTH}" height="{y}" fill="#fff" stroke="#cdd5dc"/>{head}'
        + "".join(parts)
        + "</svg>\n"
    )


def _line(event: dict[str, Any], events: list[dict[str, Any]], bot: str) -> Line:
    pressed: dict[str, int] = {}
    for other in events:
        relation = other.get("content", {}).get("m.relates_to", {})
        if other["type"] == "m.reaction" and relation.get("event_id") == event["event_id"]:
            pressed[relation["key"]] = pressed.get(relation["key"], 0) + 1
    who = "Café Socrate" if event["sender"] == bot else "Ana"
    return Line(who, event["content"]["body"], [f"{key} {n}" for key, n in pressed.items()])


def _spoken(event: dict[str, Any]) -> bool:
    return event["type"] == "m.room.message"


def _in(event: dict[str, Any]) -> bool:
    return bool(event["content"].get("membership") == "join")


def _text(x: int, y: int, text: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{style}">{escape(text)}</text>'


def _chip(x: int, y: int, text: str) -> str:
    box = f'<rect class="chip" x="{x}" y="{y}" width="54" height="22" rx="11"/>'
    return box + _text(x + 10, y + 16, text)


def main() -> None:
    """Draw the picture anew."""
    with tempfile.TemporaryDirectory() as folder:
        server = Synapse(Path(folder) / "synapse")
        server.start()
        try:
            lines = asyncio.run(conversation(server, Path(folder)))
        finally:
            server.stop()
    PICTURE.write_text(drawn(lines), "utf-8")


if __name__ == "__main__":
    main()
