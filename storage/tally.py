"""What is counted of each entry as it is written, and how an entry looks in a list.

Pure, so that every record counts alike: `tallied` says which facts an entry adds, `lined` how it
is listed. A fact is counted once, when its entry is written; erasing an entry changes no count.

The dimensions, each with its values:

=============  ====================================================================================
``kind``       the event's name on record
``day``        the ISO date of an exchange: the series over time
``people``     ``new``: somebody's first entry in the debate
``language``   of an exchange
``said``       the kind of the reply to a message; ``silence`` without one
``command``    what a message asked of the process
``why``        why that was said, or nothing was
``move``       what a question asks for
``source``     who worded a question
``depth``      which question on the idea it is: ``1``, ``2``, …
``decision``   the gravest verdict on any draft of an exchange
``label``      a label found in any draft, once in an exchange
``screen``     a label found in a message
``declined``   a label found in a message that was declined
``replaced``   a question for which earlier drafts were kept back: who worded the first of them
``model``      an exchange a model took part in: ``answered``, ``unusable``, ``failed``
``policy``     the version of rules and words an exchange was judged by
``delay``      seconds from the message to the decision: the first of `DELAYS` that holds
``delivery``   ``delivered`` or ``failed``
``consent``    ``granted`` or ``refused``
``contest``    ``opened``; ``upheld``, ``rejected`` or ``answered`` when first decided
``case``       what a person was needed for
``review``     the finding of a plain review
``judged``     ``steering`` or ``neutral``: the first plain review of a question
``idea``       ``approved``, ``dropped``
``outcome``    what came of a proposal
``erasure``    what entries were erased for
``access``     ``read``: somebody read what people wrote
=============  ====================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from bot.domain import (
    Access,
    Approval,
    Attempt,
    Cafe,
    Case,
    Consent,
    Contest,
    Decision,
    Delivery,
    Entry,
    Erasure,
    Event,
    Filter,
    Kind,
    Label,
    Line,
    Outcome,
    Review,
    Room,
    Source,
    Turn,
    Verdict,
)
from storage import codec

Fact: TypeAlias = tuple[str, str]
DELAYS = ("1", "3", "10", "30", "60", "more")
"""Seconds at most, as values of the dimension ``delay``."""
DECIDED = ("upheld", "rejected", "answered")
"""Findings of a review that answers a person; any other finding is a plain review's."""
NEUTRAL = "neutral"
"""Finding of a plain review that saw no steering."""
_ALIKE = ("kind", "platform", "debate", "language", "said", "move", "source", "decision")


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a count needs to know of the entries that were there before."""

    newcomer: bool = False
    """Whether the entry answers the person's first message in the debate."""
    depth: int = 0
    """How many questions were asked on the idea before."""
    first: bool = True
    """Whether no review of its kind, plain or deciding, was there of the same entry."""
    about: Line | None = None
    """The entry it is about, as it is listed."""


NOTHING_AROUND = Around()


def tallied(event: Event, at: datetime, around: Around = NOTHING_AROUND) -> Iterable[Fact]:
    """Return the facts that *event*, recorded *at*, adds to the counts of its debate and day."""
    yield "kind", codec.kind_of(event)
    if around.newcomer:
        yield "people", "new"
    match event:
        case Turn():
            yield from _of_turn(event, at, around)
        case Consent(granted=granted):
            yield "consent", "granted" if granted else "refused"
        case Delivery() if codec.settles(event):
            yield "delivery", "failed" if event.failure is not None else "delivered"
        case Contest():
            yield "contest", "opened"
        case Review():
            yield from _of_review(event, around)
        case _:
            yield from _of_rest(event)


def _of_rest(event: Event) -> Iterator[Fact]:
    match event:
        case Case(cause=cause):
            yield "case", cause
        case Approval():
            yield "idea", "approved"
        case Outcome(state=state):
            yield "outcome", state
        case Erasure(cause=cause):
            yield "erasure", cause
        case Access():
            yield "access", "read"


def _of_turn(turn: Turn, at: datetime, around: Around) -> Iterator[Fact]:
    said = turn.reply.kind if turn.reply else None
    yield "day", at.date().isoformat()
    yield "language", turn.language
    yield "said", said.value if said else "silence"
    if turn.command:
        yield "command", turn.command
    if turn.command == "drop" and turn.ends:
        yield "idea", "dropped"
    yield "why", _bare(turn.why)
    if turn.policy:
        yield "policy", turn.policy
    yield "delay", _delay((at - turn.message.sent_at).total_seconds())
    screened = _labels(turn.screening)
    yield from (("screen", label) for label in screened)
    if said is Kind.DECLINE:
        yield from (("declined", label) for label in screened)
    yield from _of_attempts(turn, around)


def _of_attempts(turn: Turn, around: Around) -> Iterator[Fact]:
    if took_part := _model(turn):
        yield "model", took_part
    if not turn.attempts:
        return
    yield "decision", _gravest(turn.attempts)
    verdicts = [verdict for attempt in turn.attempts for verdict in attempt.verdicts]
    yield from (("label", label) for label in _labels(verdicts))
    if turn.reply and turn.reply.kind is Kind.QUESTION:
        yield "source", turn.attempts[-1].draft.source.value
        yield "depth", str(around.depth + 1)
        if turn.move:
            yield "move", turn.move.value
        if len(turn.attempts) > 1:
            yield "replaced", turn.attempts[0].draft.source.value


def _of_review(review: Review, around: Around) -> Iterator[Fact]:
    about = around.about
    if review.finding not in DECIDED:
        yield "review", review.finding
        if around.first:
            yield "judged", NEUTRAL if review.finding == NEUTRAL else "steering"
    elif around.first and about and about.kind == "contest":
        yield "contest", review.finding


def repeats(review: Review, known: Event) -> bool:
    """Tell whether *known*, about the same entry, is what *review* would do once more.

    Away from any platform a person is answered once, and an account judges a question once.
    """
    if review.message is not None or not isinstance(known, Review):
        return False
    decides, decided = review.finding in DECIDED, known.finding in DECIDED
    if decides or decided:
        return decides and decided
    return review.moderator == known.moderator


def lined(entry: Entry) -> Line:
    """Return *entry* as it is listed when it is written: nothing is known of later ones."""
    event = entry.event
    message, reply = codec.answered(event), codec.reply_of(event)
    room = message.room if message else Room("", "")
    attempts = event.attempts if isinstance(event, Turn) else ()
    asked = bool(reply and reply.kind is Kind.QUESTION and attempts)
    move = event.move if isinstance(event, Turn) else None
    return Line(
        seq=entry.seq,
        at=entry.at,
        kind=codec.kind_of(event),
        platform=room.platform,
        debate=room.place,
        room=room.id,
        language=_language(event),
        said=reply.kind.value if reply else "",
        command=getattr(event, "command", None) or "",
        why=reason(event),
        move=move.value if move else "",
        source=attempts[-1].draft.source.value if asked else "",
        decision=_gravest(attempts) if attempts else "",
        labels=_found(event),
        turn=getattr(event, "turn", None) or 0,
    )


def reason(event: Event) -> str:
    """Return what sort of *event* it is, in a word or two: a reason, a finding, a state.

    A `Turn`'s reason, a `Review`'s finding, what a `Case` or an `Erasure` was for, the state of
    an `Outcome` or a `Cafe`.
    """
    match event:
        case Turn(why=word):
            return _bare(word)
        case Review(finding=word) | Case(cause=word) | Erasure(cause=word):
            return word
        case Outcome(state=word) | Cafe(state=word):
            return word
        case _:
            return ""


def wanted(line: Line, by: Filter) -> bool:
    """Tell whether *line* is among those that *by* describes."""
    asked = ((getattr(by, name), getattr(line, name)) for name in _ALIKE)
    if any(value and value != found for value, found in asked):
        return False
    if by.label and by.label not in line.labels:
        return False
    for value, found in ((by.contested, line.contested), (by.reviewed, line.reviewed)):
        if value is not None and value is not found:
            return False
    day = line.at.date().isoformat()
    in_time = (by.since or day) <= day <= (by.until or day)
    return in_time and (not by.before or line.seq < by.before)


def _model(turn: Turn) -> str:
    """Return how the model did, if one took part in *turn*; empty otherwise."""
    if turn.why.startswith("model failed"):
        return "failed"
    drafts = [a.draft for a in turn.attempts if a.draft.source is not Source.FRAME]
    if not drafts:
        return ""
    return "answered" if any(draft.text or draft.alarm for draft in drafts) else "unusable"


def _bare(why: str) -> str:
    """Return *why* without the particulars of a failure, which are many."""
    return why.partition(":")[0]


def _language(event: Event) -> str:
    reply = codec.reply_of(event)
    return getattr(event, "language", None) or (reply.language if reply else "")


def _found(event: Event) -> tuple[str, ...]:
    if not isinstance(event, Turn):
        return ()
    drafts = [verdict for attempt in event.attempts for verdict in attempt.verdicts]
    return tuple(_labels([*event.screening, *drafts]))


def _labels(verdicts: Iterable[Verdict]) -> list[str]:
    """Return the labels in *verdicts*, each once, in alphabetical order."""
    found: set[Label] = {f.label for verdict in verdicts for f in verdict.findings}
    return sorted(label.value for label in found)


def _gravest(attempts: Iterable[Attempt]) -> str:
    decisions = (v.decision for attempt in attempts for v in attempt.verdicts)
    return max(decisions, default=Decision.ALLOW).name.lower()


def _delay(seconds: float) -> str:
    return next((name for name in DELAYS[:-1] if seconds <= float(name)), DELAYS[-1])
