"""What needs a person: cases for moderators, and their answers on the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.audit import diagnosis
from bot.commands import MODERATORS, Commands
from bot.domain import (
    Case,
    Contest,
    Dialogue,
    Entry,
    Event,
    Kind,
    Message,
    Reply,
    Review,
    Room,
    Turn,
)
from bot.ideas import numbered
from bot.notices import Notices
from bot.ports import Record

DIAGNOSE = "diagnose"
"""What a moderator's question about an entry is called on record."""
FINDINGS = {"uphold": "upheld", "reject": "rejected"}
"""What a review is called after the moderator's command."""


@dataclass(frozen=True)
class Moderation:
    """Brings what needs a person before the moderators, and their answer back."""

    record: Record
    notices: Notices
    commands: Commands
    language: str
    """The moderators' language."""

    async def case(self, entry: Entry, room: Room | None) -> Case | None:
        """Return the case that *entry* makes for the moderators in *room*, if it makes one."""
        event = entry.event
        if isinstance(event, Contest):
            asked = await self.record.entry(event.turn)
            question = asked and _reply(asked.event)
            shown = question.text if question else ""
            return self._case(entry.seq, "contest", event.message, shown, room)
        if isinstance(event, Turn) and event.reply and event.reply.kind is Kind.HELP:
            if event.command:
                words = await self._last_words(event.message)
                return self._case(entry.seq, "request", event.message, words, room)
            return self._case(entry.seq, "hand-off", event.message, event.message.text, room)
        return None

    async def _last_words(self, message: Message) -> str:
        """Return what the person wrote last on their idea: a moderator needs to know."""
        talk = await self.record.dialogue(message.room, message.sender)
        return talk.idea.texts[-1] if talk.idea.texts else "–"

    async def concerns(self, message: Message) -> bool:
        """Return whether *message* is a moderator's, on a case or on why nothing was asked.

        Who moderates may also take part: a reply to a question is a citizen's.
        """
        if not message.moderator or not (message.about or self._asked_about(message)):
            return False
        shown = await self.record.delivered(message.room.platform, message.about or "")
        asked = isinstance(shown.event, Turn | Contest) if shown else False
        return not asked or getattr(shown and shown.event, "command", None) == DIAGNOSE

    async def answered(self, message: Message) -> Review | Turn:
        """Return what is to be recorded of a moderator's *message*, and said."""
        if seq := self._asked_about(message):
            return await self._diagnosed(seq, message)
        shown = await self.record.delivered(message.room.platform, message.about or "")
        case = shown.event if shown else None
        if not isinstance(case, Case):
            return self._silent(message, "no case")
        command, note = self._understood(message)
        finding = FINDINGS.get(command, "answered")
        if not note and finding == "answered":
            return self._silent(message, "no answer")
        review = Review(turn=case.turn, moderator=message.sender, finding=finding, note=note)
        return replace(await self.told(review, message.id), message=message)

    async def told(self, review: Review, cause: str) -> Review:
        """Return *review* with what the person is told of it.

        Nobody is told anything, once they are forgotten. *cause* is the id of what the moderator
        did: the same for the same act.
        """
        about = await self.record.entry(review.turn)
        reply = self._verdict(about, review, cause) if about else None
        return replace(review, reply=reply)

    def _case(self, turn: int, cause: str, message: Message, words: str, room: Room | None) -> Case:
        text = self.notices.text(self.language, f"case-{cause}", seq=turn, words=words)
        if room is None:
            return Case(turn=turn, cause=cause)
        names = MODERATORS if cause == "contest" else ()
        reply = Reply(
            room=room,
            to=message.id,
            text=text,
            kind=Kind.CASE,
            language=self.language,
            actions=self.notices.actions(self.language, names),
        )
        return Case(turn=turn, cause=cause, reply=reply)

    def _asked_about(self, message: Message) -> int:
        """Return the entry whose silence is to be explained: « pourquoi 12 ? »; 0 if none is."""
        asked = numbered(message.text)
        head = message.text.partition(str(asked[0]))[0] if asked else ""
        talk = Dialogue(room=message.room, sender=message.sender, language=self.language)
        found = self.commands.parse(head, talk) if head.strip() else None
        return asked[0] if asked and found and found[0] == "why" else 0

    async def _diagnosed(self, seq: int, message: Message) -> Turn:
        text = diagnosis(await self.record.entry(seq), self.notices.book, self.language)
        reply = self.notices.reply(message, self.language, text, private=True)
        return replace(self._silent(message, "diagnosed"), command=DIAGNOSE, reply=reply)

    def _silent(self, message: Message, why: str) -> Turn:
        """Return that *message* was no answer to a case: nothing is kept of what it says."""
        return Turn(message=replace(message, text=""), language=self.language, why=why)

    def _understood(self, message: Message) -> tuple[str, str]:
        """Return the command and the reason that a moderator gave."""
        if message.command:
            return message.command, message.text
        word, _, reason = message.text.partition(":")
        for text, note in ((word, reason), (message.text, "")):
            if command := self.commands.moderators(text, self.language):
                return command, note.strip()
        return "answer", message.text.strip()

    def _verdict(self, about: Entry, review: Review, cause: str) -> Reply | None:
        event: Event = about.event
        reply = _reply(event)
        if reply is None or not isinstance(event, Turn | Contest):
            return None
        notice = review.finding if review.note else f"{review.finding}-bare"
        return Reply(
            room=reply.room,
            to=reply.to,
            cause=cause,
            text=self.notices.text(reply.language, notice, note=review.note, seq=about.seq),
            kind=Kind.VERDICT,
            language=reply.language,
            person=event.message.sender,
        )


def _reply(event: Event) -> Reply | None:
    return event.reply if isinstance(event, Turn | Contest) else None
