"""A citizen from first contact to an approved proposal and to being forgotten, in each language.

``python -m docs.stories`` writes the pages; the tests live through the same words.
"""  # noqa: INP001 - docs are no package

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot import wiring
from bot.domain import LANGUAGES, Kind, Message, Reply, Room
from bot.service import Service
from bot.settings import Settings
from storage.memory import MemoryRecord

SEAL = re.compile(r"[0-9a-f]{64}")
FOLDER = Path(__file__).parent / "explanation"


@dataclass(frozen=True, slots=True)
class Step:
    """What the person does, and what sort of answer they get."""

    what: str
    """A command of the bot's where `presses`, their own words otherwise."""
    answer: Kind
    presses: bool = False
    words: str = ""
    """What they write after the command."""


TITLES = {
    "fr": (
        "De la première rencontre à la proposition, puis à l'oubli",
        "La personne écrit après `>`.",
    ),
    "en": (
        "From first contact to a proposal, and to being forgotten",
        "The person writes after `>`.",
    ),
    "de": (
        "Von der ersten Begegnung zum Vorschlag, und bis zum Vergessen",
        "Was die Person schreibt, steht nach `>`.",
    ),
    "ar": ("من أول لقاء إلى الاقتراح، ثم إلى النسيان", "ما يكتبه الشخص يأتي بعد `>`."),
}
WORDS = {
    "fr": (
        "Bonjour",
        "Il faudrait plus de bancs en ville pour les anciens. Ma mère ne sort plus.",
        "Surtout entre la gare et le marché.",
        "Les gens attendent debout.",
        "Surtout près du marché.",
    ),
    "en": (
        "Hello",
        "We need more benches in town for older people. My mother stays at home.",
        "Mostly between the station and the market.",
        "People stand and wait.",
        "Mostly near the market.",
    ),
    "de": (
        "Guten Tag",
        "Wir brauchen mehr Bänke in der Stadt für ältere Leute. Meine Mutter bleibt zu Hause.",
        "Vor allem zwischen Bahnhof und Markt.",
        "Die Leute warten im Stehen.",
        "Vor allem am Markt.",
    ),
    "ar": (
        "مرحبا",
        "نحتاج إلى مقاعد أكثر في المدينة لكبار السن. أمي لا تخرج من البيت.",
        "خصوصا بين المحطة والسوق.",
        "الناس ينتظرون واقفين.",
        "خصوصا قرب السوق.",
    ),
}


def story(language: str) -> tuple[Step, ...]:
    """Return what the person of *language* lives through."""
    hello, opening, first, second, changed = WORDS[language]
    return (
        Step(hello, Kind.NOTICE),
        Step("agree", Kind.NOTICE, presses=True),
        Step(opening, Kind.QUESTION),
        Step("why", Kind.NOTICE, presses=True),
        Step(first, Kind.QUESTION),
        Step("skip", Kind.QUESTION, presses=True),
        Step(second, Kind.RECAP),
        Step("change", Kind.RECAP, presses=True, words=f"3 : {changed}"),
        Step("accept", Kind.NOTICE, presses=True),
        Step("status", Kind.NOTICE, presses=True),
        Step("receipt", Kind.NOTICE, presses=True),
        Step("forget", Kind.NOTICE, presses=True),
        Step("forget-now", Kind.NOTICE, presses=True),
        Step("status", Kind.NOTICE, presses=True),
    )


class Teller:
    """A platform with one person, that remembers what was said."""

    name = "story"
    moderators: Room | None = None

    def __init__(self, service: Service) -> None:
        self.service, self.said, self.count = service, list[Reply](), 0

    async def send(self, reply: Reply) -> str:
        """Keep *reply*."""
        self.said.append(reply)
        return str(len(self.said))

    async def writes(self, text: str) -> Reply:
        """Return what is answered to *text*."""
        self.count += 1
        message = Message(
            id=str(self.count),
            room=Room(self.name, "story"),
            sender="person",
            text=text,
            sent_at=datetime(2027, 1, 31, 18, tzinfo=UTC),
        )
        kept = await self.service.admit(message)
        assert kept is not None  # noqa: S101 - nobody asked for quiet
        await self.service.handle(kept, self)  # type: ignore[arg-type] # it never listens
        return self.said[-1]


async def lived(language: str) -> list[tuple[Step, str, Reply]]:
    """Return the story with what was written and what was answered."""
    settings = Settings.model_validate({"bot": {"language": language}})
    service = wiring.service(settings, MemoryRecord())
    teller, told = Teller(service), []
    for step in story(language):
        word = service.notices.word(language, step.what) if step.presses else step.what
        text = f"{word} {step.words}".strip()
        told.append((step, text, await teller.writes(text)))
    return told


def page(language: str, told: Sequence[tuple[Step, str, Reply]]) -> str:
    """Return the story as a page."""
    title, hint = TITLES[language]
    others = " · ".join(f"[{code}](story.{code}.md)" for code in LANGUAGES if code != language)
    lines = [f"> {text}\n{_steady(reply)}" for _, text, reply in told]
    return f"# {title}\n\n{others}\n\n{hint}\n\n```text\n{chr(10).join(lines)}\n```\n"


def _steady(reply: Reply) -> str:
    """Return the text of *reply* with a seal shortened: each record has its own."""
    return SEAL.sub("…", reply.text)


def write() -> None:
    """Write the page of every language."""
    for language in LANGUAGES:
        told = asyncio.run(lived(language))
        FOLDER.joinpath(f"story.{language}.md").write_text(page(language, told), "utf-8")


if __name__ == "__main__":
    write()
