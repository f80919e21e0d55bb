"""One message in, at most one question out, everything on record."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from bot.agent import Agent, nothing_left, spent
from bot.cafes import cafe_of, standing_of, told
from bot.commands import CONSENT, ELSEWHERE, NEXT, WITH_WORDS, WITHOUT_CONSENT, Commands
from bot.desk import Desk, about
from bot.domain import (
    GROUP_RULES,
    Cafe,
    Decision,
    Delivery,
    Dialogue,
    Draft,
    Entry,
    Event,
    Idea,
    Kind,
    Label,
    Masked,
    Message,
    Reply,
    Room,
    Turn,
)
from bot.errors import DeliveryError
from bot.gate import findings, judge, outcome, vetted_may_pass
from bot.groups import RECENT, silent
from bot.ideas import own_sentences, pending, saying
from bot.languages import Languages
from bot.limits import Limits
from bot.moderation import Moderation
from bot.notices import PROCESS, Notices
from bot.participation import receipted
from bot.ports import Log, Masker, Platform, Policy, Record
from bot.process import DECIDE
from bot.reading import Reading
from bot.requests import Request
from bot.rewording import Rewording
from bot.rights import own_data, rectified
from bot.trial import Trial

QUIET = ("quiet", "talk")
"""Commands after which the bot speaks only when called, and again when not."""
REWORD = "reword"
RECEIPT = "receipt"
DATA = "cafe-socrate.json"
PROOF = "cafe-socrate-{seq}.tlog-proof"
"""What files are called that are handed to people."""
_EASY: dict[str | None, bool] = {"easier": True, "usual": False}
_NOTICE = {
    "limit-person": "busy",
    "limit-room": "busy",
    "limit-day": "limit",
    "closed": "closed",
    "not-open": "not-open",
}
"""What a room is told of a rule."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """Answers citizens' messages."""

    agent: Agent
    screens: Sequence[Policy]
    """Judge what citizens write."""
    gates: Sequence[Policy]
    """Judge what the bot would say."""
    judge: Policy | None = None
    """Gives a second look to what a model wrote and the gates let through."""
    record: Record
    commands: Commands
    notices: Notices
    languages: Languages
    masker: Masker
    moderation: Moderation
    log: Log | None = None
    """Proves what is on record; None where nothing lasts that could be proved."""
    policy: str = ""
    """``policies@digest`` of the rules and words in force."""
    limits: Limits | None = None
    """How much is answered; None where whoever writes is at their own machine."""
    today: Callable[[], date] = lambda: datetime.now(UTC).date()
    attempts: int = 2
    """Drafts asked of a model before a vetted question is taken."""
    _locks: dict[Room, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def admit(self, message: Message, before: Iterable[Message] = ()) -> Message | None:
        """Return what may be kept of *message*: without consent, at most a command.

        *before* are the room's messages that wait to be answered: one may be the consent.
        Return None where people asked the bot to be quiet and it is not called.
        """
        if await self.moderation.concerns(message):
            return message
        if not message.called and await self.record.last_command(message.room, QUIET) == QUIET[0]:
            return None
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

    def joins(self, message: Message) -> bool:
        """Return whether *message* may be answered together with the person's next one."""
        talk = Dialogue(
            room=message.room, sender=message.sender, language=message.language, consented=True
        )
        special = message.edits or message.moderator or message.command or not message.text
        return not special and self.commands.understood(message, talk) is None

    async def handle(
        self, message: Message, platform: Platform, joined: Sequence[Message] = ()
    ) -> Entry | None:
        """Answer *message*, and those *joined* to it before, if it is meant for us.

        The answer is on record before it is sent: if the record cannot be written,
        `StorageError` propagates and nothing is said.
        """
        if not message.addressed:
            return None
        async with self._locks[message.room]:
            entry = await self.record.append(await self.decided(message, joined))
            await self.deliver(entry, platform)
        return entry

    async def decided(self, message: Message, joined: Sequence[Message] = ()) -> Event:
        """Return what is to be recorded of *message*, and said."""
        event = await self._decided(message, joined)
        return replace(event, policy=self.policy) if isinstance(event, Turn) else event

    async def _decided(self, message: Message, joined: Sequence[Message]) -> Event:
        if await self.moderation.concerns(message):
            return await self.moderation.answered(message)
        dialogue = await self.record.dialogue(message.room, message.sender)
        if message.edits:
            return await self._edited(message, dialogue)
        return await self.respond(message, dialogue, joined)

    async def _edited(self, message: Message, dialogue: Dialogue) -> Event:
        """Take the old text of an edited or deleted message off the record."""
        text = self._without_personal_data(message, dialogue).text if message.text else ""
        theirs = await self.record.theirs(message.room, message.sender)
        return rectified(theirs, await about(self.record, theirs), replace(message, text=text))

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
        reply = await self._as_sent(reply, entry)
        try:
            delivery = Delivery(turn=entry.seq, external_id=await platform.send(reply))
        except DeliveryError as exc:
            delivery = Delivery(turn=entry.seq, failure=str(exc))
        await self.record.append(delivery)

    async def _as_sent(self, reply: Reply, entry: Entry) -> Reply:
        """Return *reply* with what is known only once it is on record."""
        reply = replace(reply, number=entry.seq)
        turn = entry.event
        if isinstance(turn, Turn) and (reply.kind is Kind.DATA or turn.command == RECEIPT):
            theirs = await self.record.theirs(turn.message.room, turn.message.sender)
            attach = self._with_data if reply.kind is Kind.DATA else self._with_proof
            return await attach(reply, theirs)
        return reply

    async def _with_data(self, reply: Reply, theirs: Sequence[Entry]) -> Reply:
        said = [e for e in await about(self.record, theirs) if not isinstance(e.event, Turn)]
        return replace(reply, document=own_data([*theirs, *said]), document_name=DATA)

    async def _with_proof(self, reply: Reply, theirs: Sequence[Entry]) -> Reply:
        entry = receipted(reply.text, theirs)
        if entry is None or self.log is None:
            return reply
        proof = await self.log.proof(entry.seq)
        return replace(reply, document=proof, document_name=PROOF.format(seq=entry.seq))

    async def respond(
        self, message: Message, dialogue: Dialogue, joined: Sequence[Message] = ()
    ) -> Event:
        """Return what is to be recorded, and said, in answer to *message*."""
        spoken = replace(dialogue, language=message.language or dialogue.language)
        command, language = self.commands.understood(message, spoken) or (
            None,
            self.languages.choose(_together(message, joined), dialogue),
        )
        known = replace(
            dialogue,
            language=language or dialogue.language or self.languages.default,
            easy=_EASY.get(command, dialogue.easy),
        )
        cafe = cafe_of(await self.record.cafes(), message.room)
        here = self._speaking_in(cafe, easy=known.easy)
        turn = Turn(
            message=message,
            joined=tuple(joined),
            language=known.language or self.languages.default,
            command=command,
        )
        rule = await self._kept_silent_by(turn, known, cafe)
        event = await here.answered(turn, known, rule, understood=bool(language))
        return replace(event, easy=known.easy) if isinstance(event, Turn) else event

    def _speaking_in(self, cafe: Cafe | None, *, easy: bool) -> Service:
        """Return the service as it speaks to this person in the debate *cafe*."""
        facts = {**self.notices.facts, **(told(cafe) if cafe else {})}
        return replace(self, notices=replace(self.notices, facts=facts, easy=easy))

    async def answered(
        self, turn: Turn, dialogue: Dialogue, rule: str | None, *, understood: bool
    ) -> Event:
        """Return the same as `respond`, once language and debate of *turn* are known.

        *rule* is what keeps a question from being asked, if anything does.
        """
        message, command = turn.message, turn.command
        if not dialogue.consented and command not in WITHOUT_CONSENT:
            told = self.commands.first_contact(message, turn.language, self.notices)
            return self._silent(turn, rule) if rule else told
        if command and command not in NEXT and not rule:
            return await self._obeyed(command, message, dialogue)
        if command:
            return self._silent(turn, rule) if rule else await self._next(turn, dialogue)
        message = self._without_personal_data(message, dialogue)
        joined = (self._without_personal_data(each, dialogue) for each in turn.joined)
        turn = replace(turn, message=message, joined=tuple(joined))
        return await self._answer(turn, _heard(dialogue, turn), rule, understood=understood)

    async def _obeyed(self, command: str, message: Message, dialogue: Dialogue) -> Event:
        if command in WITH_WORDS:
            message = self._without_personal_data(message, dialogue)
        desk = Desk(
            record=self.record,
            notices=self.notices,
            commands=self.commands,
            provable=self.log is not None,
        )
        request = await desk.request(command, message, dialogue)
        if command == REWORD:
            return await self._reworded(request)
        return self.commands.obey(request)

    async def _reworded(self, request: Request) -> Turn:
        """Show another wording of the person's sentences: nothing changes by it."""
        idea = pending(request.theirs, request.message.room)
        hidden = self._mask([s.text for s in idea.sentences] if idea else [], request.dialogue)
        rewording = Rewording(agent=self.agent, gates=self.gates)
        return await rewording.shown(request, hidden)

    async def _kept_silent_by(
        self, turn: Turn, dialogue: Dialogue, cafe: Cafe | None
    ) -> str | None:
        """Return the rule by which no question is asked in *turn*, if there is one.

        Commands that need neither a question nor a model are always obeyed.
        """
        message = turn.message
        if turn.command not in {None, *ELSEWHERE}:
            return None
        if cafe and (state := standing_of(cafe, self.today())):
            return state
        if self.limits and (rule := self.limits.broken(message)):
            return rule
        if turn.command or not dialogue.consented or message.called:
            return None
        return silent(await self.record.recent(message.room, RECENT), message)

    def _silent(self, turn: Turn, rule: str) -> Turn:
        """Return *turn* with why nothing is asked, and a notice where one is due.

        Nothing of a message is kept that a limit or a closed debate keeps out.
        """
        if rule in GROUP_RULES:
            return replace(turn, why=rule)
        kept = replace(turn.message, text="")
        joined = tuple(replace(m, text="") for m in turn.joined)
        turn = replace(turn, message=kept, joined=joined, screening=())
        notice = _NOTICE.get(rule)
        if notice is None or (self.limits and not self.limits.may_tell(kept.room)):
            return replace(turn, why=rule)
        return self._said(turn, self.notices.text(turn.language, notice), Kind.NOTICE, why=rule)

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
        if not dialogue.idea.texts or self.agent.read(dialogue).greets:
            return self._nothing_asked(turn)
        return await self._ask(turn, dialogue)

    def _nothing_asked(self, turn: Turn) -> Turn:
        """Ask for an idea: so far nothing was said that a question could be about."""
        notice = self.notices.notice(turn.message, turn.language, "no-question")
        return replace(turn, reply=notice, why="nothing asked")

    async def _answer(
        self, turn: Turn, dialogue: Dialogue, rule: str | None, *, understood: bool
    ) -> Turn:
        screening = await judge(self.screens, _together(turn.message, turn.joined), dialogue)
        turn = replace(turn, screening=screening)
        if rule and outcome(screening) is not Decision.ESCALATE:
            return self._silent(turn, rule)  # but somebody in distress is never left without
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
        said = _together(turn.message, turn.joined).text
        bare = turn.command is None and self.agent.bare(said, turn.language)
        turn = replace(turn, depth=len(dialogue.idea.asked), bare=bare)
        reading = self.agent.read(seen)
        if reading.greets and dialogue.idea.asked:
            return self._nothing_asked(turn)
        if spent(dialogue.idea) or nothing_left(reading):
            return await self._recapped(turn, specific=not spent(dialogue.idea))
        turn, passed = await self.worded(turn, seen, reading)
        if passed is None and _alarmed(turn):
            return self._said(
                turn, self.notices.text(turn.language, "handoff"), Kind.HELP, why="hand-off"
            )
        if passed is None:
            return replace(turn, why="no-question-passed")
        question = hidden.restored(passed.text)
        text = self.notices.acknowledged(question, dialogue, turn.language)
        turn = replace(turn, move=passed.move)
        return self._said(turn, text, Kind.QUESTION, why=turn.why or "ladder", actions=PROCESS)

    async def worded(
        self, turn: Turn, dialogue: Dialogue, reading: Reading | None = None
    ) -> tuple[Turn, Draft | None]:
        """Return *turn* with every draft tried, and the one that may be asked.

        *dialogue* is as `masked` gives it; *reading* is the agent's, where it read it already.
        """
        trial = Trial(
            agent=self.agent,
            gates=self.gates,
            judge=self.judge,
            attempts=self.attempts,
            reading=reading,
        )
        return await trial.worded(turn, dialogue)

    async def _recapped(self, turn: Turn, *, specific: bool) -> Turn:
        """End the questions on this idea, and ask the person what they make of it."""
        message = turn.message
        theirs = await self.record.theirs(message.room, message.sender)
        idea = pending(theirs, message.room)
        said = [s.text for s in idea.sentences] if idea and not idea.closed else []
        if turn.command is None:
            said += own_sentences(m.text for m in saying(turn))
        recap = self.notices.recap(said, turn.language, specific=specific)
        text = f"{recap}\n{self.notices.recap_ask(turn.language)}"
        why = "specific" if specific else "budget-spent"
        turn = replace(turn, ends=True)
        return self._said(turn, text, Kind.RECAP, why=why, actions=(*DECIDE, "stop"))

    def _said(
        self, turn: Turn, text: str, kind: Kind, *, why: str, actions: Sequence[str] = ()
    ) -> Turn:
        reply = self.notices.reply(turn.message, turn.language, text, kind=kind, actions=actions)
        return replace(turn, reply=reply, why=why)


def _alarmed(turn: Turn) -> bool:
    """Return whether the model that was to word a question asked for a person instead."""
    return bool(turn.attempts) and outcome(turn.attempts[-1].verdicts) is Decision.ESCALATE


def _heard(dialogue: Dialogue, turn: Turn) -> Dialogue:
    said = tuple(m.text for m in (*turn.joined, turn.message) if m.text)
    idea = Idea(texts=(*dialogue.idea.texts, *said), asked=dialogue.idea.asked)
    return replace(dialogue, idea=idea)


def _together(message: Message, joined: Sequence[Message]) -> Message:
    """Return *message* with the text of those joined to it in front."""
    return replace(message, text="\n".join(m.text for m in (*joined, message)))
