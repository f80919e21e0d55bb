"""One message in, at most one question out, everything on record."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from bot.agent import Agent, nothing_left, spent
from bot.commands import CONSENT, NEXT, Commands
from bot.domain import (
    Attempt,
    Decision,
    Delivery,
    Dialogue,
    Draft,
    Entry,
    Event,
    Finding,
    Idea,
    Kind,
    Label,
    Masked,
    Message,
    Move,
    Room,
    Source,
    Turn,
    Verdict,
)
from bot.errors import AnswerError, DeliveryError, ModelError
from bot.gate import findings, judge, outcome, vetted_may_pass
from bot.languages import Languages
from bot.moderation import Moderation
from bot.notices import PROCESS, Notices
from bot.ports import Masker, Platform, Policy, Record
from bot.rights import rectified

VETTED_TRIES = 8
"""Vetted questions tried before the bot prefers silence."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """Answers citizens' messages."""

    agent: Agent
    screens: Sequence[Policy]
    """Judge what citizens write."""
    gates: Sequence[Policy]
    """Judge what the bot would say."""
    judge: Policy | None = None
    """Gives a second look to what the gates let through, if a model is there for it."""
    record: Record
    commands: Commands
    notices: Notices
    languages: Languages
    masker: Masker
    moderation: Moderation
    attempts: int = 2
    """Drafts asked of a model before a vetted question is taken."""
    _locks: dict[Room, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def admit(self, message: Message, before: Iterable[Message] = ()) -> Message:
        """Return what may be kept of *message*: without consent, at most a command.

        *before* are the room's messages that wait to be answered: one may be the consent.
        """
        if message.moderator and message.about:
            return message
        dialogue = await self.record.dialogue(message.room, message.sender)
        for waiting in before:
            if waiting.sender == message.sender and waiting.command in CONSENT:
                dialogue = replace(dialogue, consented=waiting.command == CONSENT[0])
        if dialogue.consented:
            return message
        command = self.commands.understood(message, dialogue)
        if command:
            return replace(message, text="", command=command[0], language=command[1])
        # An empty message tells no language: the notice is then shown in all of them.
        language = self.languages.choose(message, dialogue) if message.text.strip() else None
        return replace(message, text="", language=language)

    async def handle(self, message: Message, platform: Platform) -> Entry | None:
        """Answer *message*, if it is meant for us.

        The answer is on record before it is sent: if the record cannot be written,
        `StorageError` propagates and nothing is said.
        """
        if not message.addressed:
            return None
        async with self._locks[message.room]:
            entry = await self.record.append(await self.decided(message))
            await self.deliver(entry, platform)
        return entry

    async def decided(self, message: Message) -> Event:
        """Return what is to be recorded of *message*, and said."""
        if message.moderator and message.about:
            return await self.moderation.answered(message)
        dialogue = await self.record.dialogue(message.room, message.sender)
        if message.edits:
            return await self._edited(message, dialogue)
        return await self.respond(message, dialogue)

    async def _edited(self, message: Message, dialogue: Dialogue) -> Event:
        """Take the old text of an edited or deleted message off the record."""
        text = self._without_personal_data(message, dialogue).text if message.text else ""
        theirs = await self.record.theirs(message.room, message.sender)
        return rectified(theirs, replace(message, text=text))

    async def deliver(self, entry: Entry, platform: Platform) -> None:
        """Send the reply that *entry* holds, and bring it before moderators if it needs them."""
        if case := await self.moderation.case(entry, platform.moderators):
            added = await self.record.append(case)
            if added.event is case:  # otherwise it was on record, and is on its way, already
                await self._send(added, platform)
        await self._send(entry, platform)

    async def _send(self, entry: Entry, platform: Platform) -> None:
        """Send the reply that *entry* holds, and record how that went."""
        reply = getattr(entry.event, "reply", None)
        if reply is None:
            return
        reply = replace(reply, number=entry.seq)
        try:
            delivery = Delivery(turn=entry.seq, external_id=await platform.send(reply))
        except DeliveryError as exc:
            delivery = Delivery(turn=entry.seq, failure=str(exc))
        await self.record.append(delivery)

    async def respond(self, message: Message, dialogue: Dialogue) -> Event:
        """Return what is to be recorded, and said, in answer to *message*."""
        spoken = replace(dialogue, language=message.language or dialogue.language)
        command, language = self.commands.understood(message, spoken) or (
            None,
            self.languages.choose(message, dialogue),
        )
        known = replace(dialogue, language=language or dialogue.language or self.languages.default)
        assert known.language  # noqa: S101 - for the type checker
        if not dialogue.consented and command not in CONSENT:
            return self.commands.first_contact(message, known.language)
        if command and command not in NEXT:
            return self.commands.obey(command, message, known, known.language)
        turn = Turn(message=message, language=known.language, command=command)
        if command:
            return await self._next(turn, known)
        message = self._without_personal_data(message, known)
        turn = replace(turn, message=message)
        return await self._answer(turn, _heard(known, message), understood=language is not None)

    def masked(self, dialogue: Dialogue) -> tuple[Dialogue, Masked]:
        """Return *dialogue* as rules and models see it: without names or personal data."""
        hidden = self._mask(dialogue.idea.texts, dialogue)
        idea = Idea(texts=hidden.texts, asked=dialogue.idea.asked)
        return replace(dialogue, idea=idea), hidden

    def _without_personal_data(self, message: Message, dialogue: Dialogue) -> Message:
        """Return *message* as it is kept: personal data goes on record as a kind only."""
        hidden = self._mask((*dialogue.idea.texts, message.text), dialogue)
        return replace(message, text=hidden.restored(hidden.texts[-1]))

    def _mask(self, texts: Sequence[str], dialogue: Dialogue) -> Masked:
        """Return *texts* masked; if that fails nothing of them is read, kept or prompted."""
        try:
            return self.masker.mask(texts, dialogue.language or "")
        except Exception:  # noqa: BLE001 - a broken rule must fail closed (rule 14)
            return Masked(texts=("",) * len(texts))

    async def _next(self, turn: Turn, dialogue: Dialogue) -> Turn:
        """Go on to another question: the person skipped one, or does not know (rule 7)."""
        if not dialogue.idea.texts:
            notice = self.notices.notice(turn.message, turn.language, "no-question")
            return replace(turn, reply=notice, why="nothing asked")
        return await self._ask(turn, dialogue)

    async def _answer(self, turn: Turn, dialogue: Dialogue, *, understood: bool) -> Turn:
        screening = await judge(self.screens, turn.message, dialogue)
        turn = replace(turn, screening=screening)
        if not vetted_may_pass(screening):
            return self._turned_down(turn)
        if not understood:
            return self._said(turn, self.languages.which(), Kind.NOTICE, why="language")
        return await self._ask(turn, dialogue)

    def _turned_down(self, turn: Turn) -> Turn:
        """Answer what calls for no question about the idea (rule 12)."""
        language, say = turn.language, self.notices.text
        labels = {f.label for f in findings(turn.screening)}
        if outcome(turn.screening) is Decision.ESCALATE:
            return self._said(turn, say(language, "handoff"), Kind.HELP, why="hand-off")
        if Label.EMPTY in labels:
            return self._said(turn, say(language, "empty"), Kind.NOTICE, why="empty")
        text = f"{say(language, 'decline')} {say(language, 'decline-question')}"
        return self._said(turn, text, Kind.DECLINE, why="declined")

    async def _ask(self, turn: Turn, dialogue: Dialogue) -> Turn:
        seen, hidden = self.masked(dialogue)
        reading = self.agent.read(seen)
        if spent(dialogue.idea) or nothing_left(reading):
            return self._recapped(turn, dialogue, specific=not spent(dialogue.idea))
        turn, passed = await self.worded(turn, seen)
        if passed is None:
            return replace(turn, why="no question passed")
        question = hidden.restored(passed.text)
        text = self.notices.acknowledged(question, dialogue, turn.language)
        turn = replace(turn, move=passed.move)
        return self._said(turn, text, Kind.QUESTION, why=turn.why or "ladder", actions=PROCESS)

    async def worded(self, turn: Turn, dialogue: Dialogue) -> tuple[Turn, Draft | None]:
        """Return *turn* with every draft tried, and the one that may be asked.

        *dialogue* is as `masked` gives it.
        """
        if self.agent.asks_model(dialogue) and not _kept_from_models(turn.screening):
            turn = await self._drafted(turn, dialogue)
            if turn.attempts and outcome(turn.attempts[-1].verdicts) is Decision.ALLOW:
                return turn, turn.attempts[-1].draft
        for draft in islice(self.agent.vetted(dialogue), VETTED_TRIES):
            turn = await self._tried(turn, draft, dialogue)
            if vetted_may_pass(turn.attempts[-1].verdicts):
                return turn, draft
        return turn, None

    async def _drafted(self, turn: Turn, dialogue: Dialogue) -> Turn:
        """Return *turn* with the model's drafts, until one passes or patience ends."""
        advice = ""
        for _ in range(self.attempts):
            try:
                draft = await self.agent.draft(dialogue, advice)
            except AnswerError as exc:
                turn = self._unusable(turn, exc.raw)
            except ModelError as exc:
                return replace(turn, why=f"model failed: {exc}")
            else:
                turn = await self._tried(turn, draft, dialogue)
            verdicts = turn.attempts[-1].verdicts
            if outcome(verdicts) is not Decision.REVISE:
                break
            advice = "; ".join(f.reason for f in findings(verdicts))
        return turn

    def _unusable(self, turn: Turn, raw: str) -> Turn:
        """Return *turn* with an answer that is no draft at all on record."""
        reason = self.notices.book.text(turn.language, "reason.unusable")
        found = Finding(rule="select.schema", label=Label.FORM, reason=reason)
        verdict = Verdict(policy="select", decision=Decision.REVISE, findings=(found,))
        draft = Draft(text="", move=Move.CLARIFY, source=Source.SELECT, raw=raw)
        return replace(turn, attempts=(*turn.attempts, Attempt(draft, (verdict,))))

    async def _tried(self, turn: Turn, draft: Draft, dialogue: Dialogue) -> Turn:
        verdicts: tuple[Verdict, ...] = await judge(self.gates, draft, dialogue)
        if self.judge and outcome(verdicts) is Decision.ALLOW:
            verdicts = (*verdicts, *await judge([self.judge], draft, dialogue))
        return replace(turn, attempts=(*turn.attempts, Attempt(draft, verdicts)))

    def _recapped(self, turn: Turn, dialogue: Dialogue, *, specific: bool) -> Turn:
        recap = self.notices.recap(dialogue, turn.language, specific=specific)
        text = f"{recap}\n{self.notices.text(turn.language, 'recap-end')}"
        turn = replace(turn, ends=True)
        return self._said(turn, text, Kind.RECAP, why="specific" if specific else "budget spent")

    def _said(
        self, turn: Turn, text: str, kind: Kind, *, why: str, actions: Sequence[str] = ()
    ) -> Turn:
        reply = self.notices.reply(turn.message, turn.language, text, kind=kind, actions=actions)
        return replace(turn, reply=reply, why=why)


def _kept_from_models(screening: Sequence[Verdict]) -> bool:
    """Return whether a screen found a command to the model, or could not run."""
    labels = {found.label for found in findings(screening)}
    return Label.INJECTION in labels or outcome(screening) is not Decision.ALLOW


def _heard(dialogue: Dialogue, message: Message) -> Dialogue:
    idea = Idea(texts=(*dialogue.idea.texts, message.text), asked=dialogue.idea.asked)
    return replace(dialogue, idea=idea)
