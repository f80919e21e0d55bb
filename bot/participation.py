"""Commands on a person's consent, idea and rights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.domain import (
    PURPOSES,
    Approval,
    Consent,
    Entry,
    Erasure,
    Event,
    Kind,
    Rectification,
    Sentence,
    Turn,
)
from bot.ideas import Progress, changed, numbered, pending, progress
from bot.process import recapped
from bot.requests import Request
from bot.rights import rectified

NEEDED = PURPOSES[:2]
"""What nobody can take part without: being answered, and that being checkable."""


def agree(request: Request) -> Event:
    return _consent(request, "agreed", NEEDED)


def disagree(request: Request) -> Event:
    return _consent(request, "refused", ())


def minor(request: Request) -> Event:
    return _consent(request, "minor", ())


def withdraw(request: Request) -> Event:
    return _consent(request, "withdrawn", (), forget=request.word("forget"))


def research(request: Request) -> Event:
    return _consent(request, "research-on", PURPOSES)


def no_research(request: Request) -> Event:
    return _consent(request, "research-off", NEEDED)


def accept(request: Request) -> Event:
    """Make the idea a proposal, if the person has seen it as it is now."""
    idea = pending(request.theirs, request.message.room)
    if idea is None:
        return request.told("nothing-to-approve")
    if not idea.recapped:
        return recapped(request, _texts(idea))
    text = request.text("approved", status=request.word("status"))
    return Approval(
        message=request.message,
        sentences=idea.sentences,
        language=request.language,
        reply=request.reply(text, actions=("status", "data")),
    )


def change(request: Request) -> Event:
    """Word a sentence anew; the original stays on record."""
    idea = pending(request.theirs, request.message.room)
    if idea is None:
        return request.told("nothing-to-approve")
    number, words = numbered(request.message.text) or (0, None)
    if number and not 1 <= number <= len(idea.sentences):
        return request.told("no-such-sentence", number=number)
    if words is None:
        return request.told("change-how", lines=_lines(idea), change=request.word("change"))
    now = changed(idea, request.message, 0)
    if not now.sentences:
        return drop(request)
    return recapped(request, _texts(now), request.text("changed"))


def drop(request: Request) -> Event:
    if pending(request.theirs, request.message.room) is None:
        return request.told("nothing-to-approve")
    return replace(request, name="drop").told("dropped", ends=True)


def correct(request: Request) -> Event:
    """Put right what is on record: the old words are erased."""
    ideas = progress(request.theirs, request.message.room)
    if not ideas:
        return request.told("nothing-to-approve")
    idea = ideas[-1]
    number, words = numbered(request.message.text) or (0, None)
    if number and not 1 <= number <= len(idea.sentences):
        return request.told("no-such-sentence", number=number)
    if words is None:
        return request.told("correct-how", lines=_lines(idea), correct=request.word("correct"))
    return _corrected(request, idea.sentences[number - 1], words)


def data(request: Request) -> Event:
    if not request.theirs:
        return request.told("data-none")
    text = request.text("data", count=len(request.theirs))
    return request.turn(request.reply(text, kind=Kind.DATA))


def forget(request: Request) -> Event:
    word = request.word("forget-now")
    return request.told("forget-ask", forget_now=word, actions=("forget-now", "data"))


def forget_now(request: Request) -> Event:
    """Erase everything, once the person has been asked whether they are sure."""
    last = request.theirs[-1].event if request.theirs else None
    if not isinstance(last, Turn) or last.command != "forget":
        return forget(replace(request, name="forget"))
    reply = replace(request.reply(request.text("forgotten")), person="")
    return Erasure(
        erased=tuple(sorted({entry.seq for entry in (*request.theirs, *request.about)})),
        cause="person",
        message=replace(request.message, sender="", text=""),
        reply=reply,
    )


def receipt(request: Request) -> Event:
    spoken = [e for e in request.theirs if isinstance(e.event, Turn) and not e.event.command]
    if not spoken:
        return request.told("receipt-none")
    said = request.text("receipt", seq=spoken[-1].seq, seal=spoken[-1].seal)
    proof = (request.text("receipt-proof"),) if request.provable else ()
    return request.turn(request.reply("\n".join((said, *proof))))


def receipted(text: str, theirs: Sequence[Entry]) -> Entry | None:
    """Return which of *theirs* the receipt *text* is of: it bears its seal."""
    return next((entry for entry in theirs if entry.seal in text), None)


def human(request: Request) -> Event:
    return request.turn(request.reply(request.text("human"), kind=Kind.HELP))


def status(request: Request) -> Event:
    ideas = progress(request.theirs)
    if not ideas:
        return request.told("status-none")
    return request.turn(request.reply("\n".join(_state(request, idea) for idea in ideas)))


def _consent(request: Request, key: str, purposes: tuple[str, ...], **values: object) -> Consent:
    return Consent(
        message=request.message,
        granted=bool(purposes),
        notice=request.notices.notice_ref(request.language),
        purposes=purposes,
        reply=request.reply(request.text(key, **values)),
    )


def _corrected(request: Request, sentence: Sentence, text: str) -> Rectification:
    turns = {e.seq: e.event for e in request.theirs if isinstance(e.event, Turn)}
    held = turns[sentence.turn]
    old = next(m.text for m in (*held.joined, held.message) if m.id == sentence.message)
    new = old.replace(sentence.text, text)
    edit = replace(request.message, edits=sentence.message, text=new)
    reply = request.reply(request.text("corrected"))
    change = rectified(request.theirs, request.about, edit)
    return replace(change, message=replace(request.message, text=""), reply=reply)


def _state(request: Request, idea: Progress) -> str:
    outcome = request.outcomes.get(idea.approved)
    state = request.notices.state(request.language, outcome.state if outcome else idea.state)
    seq = idea.approved or idea.sentences[0].turn
    line = request.text("status-line", seq=seq, state=state)
    if outcome and outcome.note:
        line = f"{line}\n{request.text('status-why', note=outcome.note)}"
    return f"{line}\n{idea.sentences[0].text}"


def _texts(idea: Progress) -> list[str]:
    return [sentence.text for sentence in idea.sentences]


def _lines(idea: Progress) -> str:
    return "\n".join(f"{n}. {text}" for n, text in enumerate(_texts(idea), 1))


PARTICIPATION: dict[str, Callable[[Request], Event]] = {
    "agree": agree,
    "disagree": disagree,
    "minor": minor,
    "withdraw": withdraw,
    "research": research,
    "no-research": no_research,
    "accept": accept,
    "change": change,
    "drop": drop,
    "correct": correct,
    "data": data,
    "forget": forget,
    "forget-now": forget_now,
    "receipt": receipt,
    "human": human,
    "status": status,
}
