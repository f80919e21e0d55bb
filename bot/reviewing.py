"""What those who answer for a debate may do: each act is an entry, reading included."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from bot.agreement import alpha
from bot.domain import (
    Access,
    Approval,
    Contest,
    Entry,
    Erasure,
    Filter,
    Kind,
    Label,
    Line,
    Message,
    Outcome,
    Review,
    Tallies,
    Turn,
)
from bot.erasing import of_person
from bot.measure_statistics import Rate
from bot.moderation import Moderation
from bot.ports import Archive, Record
from bot.proposals import STATES

NEUTRAL = "neutral"
"""Finding of a plain review that saw no steering."""
STEERING = tuple(label.value for label in list(Label)[: list(Label).index(Label.FORM)])
"""The twelve labels of docs/reference/rules.md by which a question can steer."""
CONTESTED = ("upheld", "rejected")
READERS = 2
"""Plain reviews that a question gets: one more tells nothing of agreement."""
LOOKED_AT = 40
"""Lines that a queue looks at to find one that is left to review."""
JUDGED = 2_000
"""Reviews that agreement is computed from, at most: the newest."""


@dataclass(frozen=True, kw_only=True)
class Reviewing:
    """Reads, judges, answers and erases for an account, whose rights are not checked here."""

    record: Record
    archive: Archive
    moderation: Moderation
    chance: Random

    async def read(self, seq: int, reader: str, reason: str) -> None:
        """Put on record that *reader* is about to read entry *seq*, and why.

        Raises:
            StorageError: It is not on record: nothing may be shown.
        """
        await self.record.append(Access(turn=seq, reader=reader, reason=reason))

    async def judge(self, seq: int, account: str, finding: str, note: str) -> bool:
        """Record what *account* finds of the question in entry *seq*: `NEUTRAL` or a label.

        Return False, recording nothing, if there is no question, or they judged it before.
        """
        entry = await self.record.entry(seq)
        known = await self.reviews(seq)
        if finding not in {NEUTRAL, *STEERING} or not entry or not _asks(entry):
            return False
        if any(_plain(review) and review.moderator == account for review in known):
            return False
        review = Review(turn=seq, moderator=account, finding=finding, note=note.strip())
        return await self._recorded(review)

    async def decide(self, seq: int, account: str, finding: str, note: str) -> bool:
        """Answer the contest in entry *seq*; the person is told the finding and the *note*.

        Return False, recording nothing, if it is no contest, or was decided before.
        """
        entry = await self.record.entry(seq)
        known = await self.reviews(seq)
        if finding not in CONTESTED or not entry or not isinstance(entry.event, Contest):
            return False
        if any(not _plain(review) for review in known):
            return False
        review = Review(turn=seq, moderator=account, finding=finding, note=note.strip())
        return await self._recorded(await self.moderation.told(review, f"console/{seq}"))

    async def _recorded(self, review: Review) -> bool:
        """Record *review*; False if somebody was quicker, at another console perhaps."""
        return (await self.record.append(review)).event is review

    async def say_outcome(self, seq: int, state: str, note: str) -> bool:
        """Record what came of the proposal in entry *seq*; False if it is none."""
        entry = await self.record.entry(seq)
        if state not in STATES or not entry or not isinstance(entry.event, Approval):
            return False
        await self.record.append(Outcome(turn=seq, state=state, note=note.strip()))
        return True

    async def erase(self, seq: int, account: str, reason: str) -> int:
        """Erase all that the author of entry *seq* wrote in that debate; return how many entries.

        Who asked for it, and why, stays on record as an access to *seq*.
        """
        entry = await self.record.entry(seq)
        message: Message | None = getattr(entry.event, "message", None) if entry else None
        if message is None or not message.sender:
            return 0
        await self.read(seq, account, reason)
        gone = await of_person(self.record, message.room, message.sender)
        if gone:
            await self.record.append(Erasure(erased=gone, cause="officer", note=reason))
        return len(gone)

    async def reviews(self, seq: int) -> list[Review]:
        """Return what moderators found of entry *seq*, oldest first."""
        said = await self.record.about(seq)
        return [entry.event for entry in said if isinstance(entry.event, Review)]

    async def visible(self, seq: int, account: str, *, judges: bool) -> list[Review]:
        """Return the reviews of *seq* that *account* may see.

        Whoever *judges* sees the others' plain reviews only after their own: two reviewers stay
        blind to each other.
        """
        found = await self.reviews(seq)
        judged = any(_plain(review) and review.moderator == account for review in found)
        return [r for r in found if judged or not judges or not _plain(r)]

    async def next_up(self, queue: str, account: str, places: Iterable[str]) -> int:
        """Return the entry that *account* should look at next in *queue*, in one of *places*.

        ``contested`` gives the oldest open contest looked at, ``risky`` a question of which a
        draft was kept back or that a model worded, ``random`` any question; 0 if there is none.
        """
        for place in places:
            for line in await self._candidates(queue, place):
                if not line.erased and await self._left(line, account):
                    return line.seq
        return 0

    async def _candidates(self, queue: str, place: str) -> list[Line]:
        """Return lines of *place* that belong into *queue*, in the order to look at them."""
        if queue == "contested":
            waiting = Filter(kind="contest", debate=place, reviewed=False)
            return list(reversed(await self.archive.lines(waiting, limit=LOOKED_AT)))
        asked = Filter(kind="turn", said=Kind.QUESTION.value, debate=place)
        if queue == "risky":
            kinds = (
                replace(asked, decision="withhold"),
                replace(asked, decision="escalate"),
                replace(asked, source="draft"),
            )
            found = [
                line for kind in kinds for line in await self.archive.lines(kind, limit=LOOKED_AT)
            ]
        else:
            found = await self._drawn(asked)
        self.chance.shuffle(found)
        # Half-judged questions first: only those judged twice tell how far reviewers agree.
        return sorted(found, key=lambda line: not line.reviewed)

    async def _drawn(self, asked: Filter) -> list[Line]:
        """Return questions from a place of the record that chance picks, and some after it."""
        newest = await self.archive.lines(Filter(), limit=1)
        last = newest[0].seq if newest else 0
        start = replace(asked, before=self.chance.randint(1, last + 1))
        drawn = await self.archive.lines(start, limit=LOOKED_AT)
        return list(drawn or await self.archive.lines(asked, limit=LOOKED_AT))

    async def _left(self, line: Line, account: str) -> bool:
        """Tell whether entry *line* still wants a review by *account*."""
        if line.kind == "contest":
            return True
        plain = [review for review in await self.reviews(line.seq) if _plain(review)]
        return len(plain) < READERS and account not in {review.moderator for review in plain}

    async def agreement(self, places: Iterable[str]) -> tuple[float | None, int]:
        """Return Krippendorff's alpha over plain reviews, and how many entries had two."""
        units: dict[int, list[str]] = {}
        for place in places:
            for seq, finding in await self.archive.findings(place, limit=JUDGED):
                if finding in {NEUTRAL, *STEERING}:
                    units.setdefault(seq, []).append(finding)
        twice = [unit for unit in units.values() if len(unit) > 1]
        return alpha(twice), len(twice)

    async def proposals(self, seqs: Iterable[int]) -> list[dict[str, Any]]:
        """Return the approved proposals in entries *seqs*, as `bot.proposals` has them."""
        found = [await self._proposal(seq) for seq in seqs]
        return [row for row in found if row]

    async def _proposal(self, seq: int) -> dict[str, Any] | None:
        entry = await self.record.entry(seq)
        if entry is None or not isinstance(entry.event, Approval):
            return None
        said = [e.event for e in await self.record.about(seq) if isinstance(e.event, Outcome)]
        return {
            "number": seq,
            "approved": entry.at.date().isoformat(),
            "language": entry.event.language,
            "sentences": [{"text": s.text, "entry": s.turn} for s in entry.event.sentences],
            "state": said[-1].state if said else "approved",
            "why": said[-1].note if said else "",
        }

    async def case(self, seq: int) -> dict[str, Any] | None:
        """Return the contested question of *seq* as a case for `socrate lab judge`, if upheld.

        The rules are to stop it from now on: the label is the reviewers', or ``leading``.
        """
        entry = await self.record.entry(seq)
        if entry is None or not isinstance(entry.event, Contest):
            return None
        asked = await self.record.entry(entry.event.turn)
        upheld = any(review.finding == "upheld" for review in await self.reviews(seq))
        if not upheld or asked is None or not isinstance(asked.event, Turn):
            return None
        return _case(asked.seq, asked.event, await self.reviews(asked.seq))


def steering(counts: Tallies) -> Rate:
    """Return how many of the questions that were judged were found to steer."""
    judged = counts.get("judged", {})
    return Rate(hits=judged.get("steering", 0), n=sum(judged.values()))


def _case(seq: int, turn: Turn, reviews: Sequence[Review]) -> dict[str, Any]:
    labels = [review.finding for review in reviews if review.finding in STEERING]
    said = [message.text for message in (*turn.joined, turn.message)]
    return {
        "id": f"contest/{seq}",
        "lang": turn.language,
        "contribution": said,
        "question": turn.attempts[-1].draft.text if turn.attempts else "",
        "label": labels[0] if labels else Label.LEADING.value,
    }


def _asks(entry: Entry) -> bool:
    event = entry.event
    return isinstance(event, Turn) and bool(event.reply and event.reply.kind is Kind.QUESTION)


def _plain(review: Review) -> bool:
    return review.finding == NEUTRAL or review.finding in STEERING
