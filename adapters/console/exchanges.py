"""Exchanges: a list to search, and one of them on one page."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from starlette.responses import PlainTextResponse, Response

from adapters.console.debates import lines, scope
from adapters.console.doors import get, post
from adapters.console.roles import Right
from adapters.console.visit import SHORTEST_REASON, Visit
from bot.domain import (
    LANGUAGES,
    Approval,
    Contest,
    Delivery,
    Entry,
    Erased,
    Filter,
    Kind,
    Label,
    Line,
    Message,
    Move,
    Register,
    Source,
    Turn,
)

PAGE = 50
"""Lines of a list at a time."""
YES_NO = {"yes": True, "no": False}
CHOICES = {
    "kind": ("turn", "consent", "contest", "case", "review", "approval", "outcome"),
    "language": LANGUAGES,
    "said": tuple(kind.value for kind in Kind),
    "move": tuple(move.value for move in Move),
    "source": tuple(source.value for source in Source),
    "decision": ("allow", "revise", "withhold", "escalate"),
    "label": tuple(label.value for label in Label),
    "contested": tuple(YES_NO),
    "reviewed": tuple(YES_NO),
}
"""What each filter may be set to."""
REASONS = ("review", "contest", "person", "audit", "other")
"""Why somebody reads what people wrote; with a note in their own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An entry, with what of it may be shown to whom."""

    entry: Entry
    line: Line
    readable: bool
    """Whether the account may ask to read it."""
    shown: bool
    """Whether it may see what people wrote, now."""
    judges: bool


async def exchanges(visit: Visit) -> Response:
    within = await scope(visit)
    chosen = {key: visit.asked(key) for key in CHOICES if visit.asked(key) in CHOICES[key]}
    chosen.setdefault("kind", "turn")
    by = Filter(
        platform=visit.asked("platform"),
        since=within.since,
        until=within.until,
        before=visit.number("before"),
        contested=YES_NO.get(chosen.get("contested", "")),
        reviewed=YES_NO.get(chosen.get("reviewed", "")),
        **{k: v for k, v in chosen.items() if k not in {"contested", "reviewed"}},
    )
    found = await lines(visit, by, within.places, PAGE + 1)
    return visit.page(
        "_lines" if visit.swapping else "exchanges",
        scope=within,
        chosen=chosen,
        choices=CHOICES,
        lines=found[:PAGE],
        more=found[PAGE - 1].seq if len(found) > PAGE else 0,
    )


async def exchange(visit: Visit) -> Response:
    """Show one entry: without anybody's words, until they are asked for with a reason."""
    opened = await open_(visit)
    return await _page(visit, opened) if opened else visit.trouble(404, "no-entry")


async def read(visit: Visit) -> Response:
    """Put on record who reads the entry and why; only then is it shown."""
    opened = await open_(visit)
    if opened is None or not opened.readable:
        return visit.trouble(404 if opened is None else 403, "no-right")
    reason = reason_of(visit)
    if not reason:
        return await _page(visit, opened, said="reason", status=400)
    await reading(visit, opened.entry.seq, reason)
    return visit.to(f"/exchanges/{opened.entry.seq}", queue=visit.asked("queue"))


async def judge(visit: Visit) -> Response:
    """Record what a reviewer finds, if they have read what they judge."""
    opened = await _shown_to_judge(visit)
    if opened is None:
        return visit.trouble(403, "read-first")
    seq, note = opened.entry.seq, visit.asked("note")
    done = await visit.hall.acts.judge(seq, visit.name, visit.asked("finding"), note)
    if not done:
        return await _page(visit, opened, said="not-judged", status=409)
    queue = visit.asked("queue")
    return visit.to("/review", queue=queue, done=seq) if queue else visit.to(f"/exchanges/{seq}")


async def decide(visit: Visit) -> Response:
    """Answer a contest: the person is told the finding and the reason."""
    opened = await _shown_to_judge(visit)
    if opened is None:
        return visit.trouble(403, "read-first")
    note = visit.asked("note")
    if len(note) < SHORTEST_REASON:
        return await _page(visit, opened, said="reason", status=400)
    seq = opened.entry.seq
    done = await visit.hall.acts.decide(seq, visit.name, visit.asked("finding"), note)
    if not done:
        return await _page(visit, opened, said="not-judged", status=409)
    return visit.to(f"/exchanges/{seq}", queue=visit.asked("queue"))


async def erase(visit: Visit) -> Response:
    """Erase all that the author of the entry wrote in that debate."""
    opened, reason = await open_(visit), reason_of(visit)
    if opened is None:
        return visit.trouble(404, "no-entry")
    if not reason or visit.asked("sure") != "yes":
        return await _page(visit, opened, said="reason", status=400)
    await visit.hall.acts.erase(opened.entry.seq, visit.name, reason)
    return visit.to(f"/exchanges/{opened.entry.seq}")


async def rejudge(visit: Visit) -> Response:
    """Put the drafts of an exchange to the rules of today."""
    opened = await open_(visit)
    if opened is None or not opened.shown or not isinstance(opened.entry.event, Turn):
        return visit.trouble(403, "read-first")
    turn = opened.entry.event
    said = [message.text for message in (*turn.joined, turn.message)]
    again = [
        await visit.hall.trials.judge(
            {"lang": turn.language, "contribution": said, "question": attempt.draft.text}
        )
        for attempt in turn.attempts
        if attempt.draft.text
    ]
    return await _page(visit, opened, again=again)


async def replay(visit: Visit) -> Response:
    """Show the models that took part what they were shown then, and compare their answers."""
    opened = await open_(visit)
    if opened is None or not opened.shown or visit.hall.replay is None:
        return visit.trouble(403, "read-first")
    return await _page(visit, opened, replays=await visit.hall.replay(opened.entry.event))


async def proof(visit: Visit) -> Response:
    """Give the proof that the entry is in the log, for anybody's tool to check."""
    entry = await visit.hall.record.entry(visit.number())
    if entry is None or visit.hall.log is None:
        return visit.trouble(404, "no-entry")
    name = f"entry-{entry.seq}.tlog-proof"
    return attachment(await visit.hall.log.proof(entry.seq), name, "text/plain")


async def case(visit: Visit) -> Response:
    """Give the upheld contest as a case for the rules, as `socrate lab judge` takes it."""
    opened = await open_(visit)
    if opened is None or not opened.shown:
        return visit.trouble(403, "read-first")
    found = await visit.hall.acts.case(opened.entry.seq)
    if found is None:
        return visit.trouble(404, "no-case")
    body = json.dumps(found, ensure_ascii=True) + "\n"
    return attachment(body, f"contest-{opened.entry.seq}.jsonl", "application/jsonl")


def attachment(body: str, name: str, kind: str) -> Response:
    """Return *body* as a file called *name*, which no browser opens as a page."""
    response = PlainTextResponse(body, media_type=kind)
    response.headers["content-disposition"] = f'attachment; filename="{name}"'
    return response


def reason_of(visit: Visit) -> str:
    """Return why words are read, as it goes on record; empty where no reason was given."""
    kind, note = visit.asked("reason"), visit.asked("note")
    if kind not in REASONS or (kind == "other" and len(note) < SHORTEST_REASON):
        return ""
    return f"{kind}: {note}" if note else kind


async def reading(visit: Visit, seq: int, reason: str) -> None:
    """Put on record that entry *seq* is read, then let it be shown for a while.

    Raises:
        StorageError: It is not on record: nothing is shown.
    """
    entry = await visit.hall.record.entry(seq)
    event = entry.event if entry else None
    # Whoever reads a contest reads the question, and what it was asked about.
    seqs = [seq, event.turn] if isinstance(event, Contest) and event.turn else [seq]
    for each in seqs:
        await visit.hall.acts.read(each, visit.name, reason)
    if visit.session:
        await asyncio.to_thread(visit.store.shown, visit.session, seqs)


async def open_(visit: Visit) -> Opened | None:
    """Return the entry that the address names, if there is one."""
    seq = visit.number()
    entry = await visit.hall.record.entry(seq) if seq else None
    found = await visit.hall.archive.lines(Filter(before=seq + 1), limit=1) if entry else ()
    if entry is None or not found or found[0].seq != seq:
        return None
    line = found[0]
    readable = await visit.may_in(Right.READ, line.debate) and has_words(entry)
    shown = readable and visit.shows(seq)
    judges = await visit.may_in(Right.JUDGE, line.debate)
    return Opened(entry=entry, line=line, readable=readable, shown=shown, judges=judges)


def has_words(entry: Entry) -> bool:
    """Tell whether there is anything in *entry* that a person wrote."""
    return isinstance(entry.event, Turn | Contest | Approval)


async def _shown_to_judge(visit: Visit) -> Opened | None:
    opened = await open_(visit)
    return opened if opened and opened.judges and opened.shown else None


async def _page(visit: Visit, opened: Opened, *, status: int = 200, **more: Any) -> Response:
    entry = opened.entry
    event = entry.event
    about = await visit.hall.record.about(entry.seq)
    asked = await visit.hall.record.entry(event.turn) if isinstance(event, Contest) else entry
    turn = asked.event if asked and isinstance(asked.event, Turn) else None
    return visit.page(
        "exchange",
        status,
        opened=opened,
        entry=entry,
        line=opened.line,
        kind=opened.line.kind,
        turn=turn,
        asked=asked,
        text=Masked(visit, turn.language if turn else opened.line.language),
        plain={frame.id: frame.plain for frame in _frames(visit, turn)} if turn else {},
        approval=event if isinstance(event, Approval) else None,
        contest=event if isinstance(event, Contest) else None,
        erased=isinstance(event, Erased) or opened.line.erased,
        deliveries=[e for e in about if isinstance(e.event, Delivery)],
        contests=[e for e in about if isinstance(e.event, Contest)],
        others=[e for e in about if not isinstance(e.event, Delivery | Contest)],
        reviews=await visit.hall.acts.visible(entry.seq, visit.name, judges=opened.judges),
        judged=await _judged(visit, entry.seq),
        findings=visit.hall.findings,
        reasons=REASONS,
        queue=visit.asked("queue"),
        log=visit.hall.log,
        models=bool(visit.hall.replay and turn and any(a.draft.asked for a in turn.attempts)),
        **{"said": "", "again": None, "replays": None, **more},
    )


async def _judged(visit: Visit, seq: int) -> bool:
    found = await visit.hall.acts.visible(seq, visit.name, judges=True)
    return any(r.moderator == visit.name and r.finding in visit.hall.findings for r in found)


def _frames(visit: Visit, turn: Turn) -> list[Any]:
    return list(visit.hall.book.frames(turn.language, Register.FORMAL))


@dataclass(frozen=True, slots=True)
class Masked:
    """Shows texts as the account may see them: names hidden, unless it may unmask."""

    visit: Visit
    language: str

    def __call__(self, text: str) -> str:
        if self.visit.may(Right.UNMASK):
            return text
        try:
            return self.visit.hall.masker.mask([text], self.language).texts[0]
        except Exception:  # noqa: BLE001 - what cannot be masked is not shown
            return "…"

    def said(self, turn: Turn) -> list[tuple[Message, str]]:
        """Return the messages of *turn* with their texts."""
        return [(message, self(message.text)) for message in (*turn.joined, turn.message)]


_FILTERS = dict.fromkeys((*CHOICES, "debate", "platform", "since", "until", "period"), "text")
DOORS = (
    get("/exchanges", Right.COUNT, exchanges, before="number", **_FILTERS),
    get("/exchanges/{seq}", Right.COUNT, exchange, queue="text"),
    post("/exchanges/{seq}/read", Right.READ, read, reason="text", note="text", queue="text"),
    post("/exchanges/{seq}/judge", Right.JUDGE, judge, finding="text", note="text", queue="text"),
    post("/exchanges/{seq}/decide", Right.JUDGE, decide, finding="text", note="text", queue="text"),
    post("/exchanges/{seq}/erase", Right.ERASE, erase, reason="text", note="text", sure="text"),
    post("/exchanges/{seq}/rejudge", Right.READ, rejudge),
    post("/exchanges/{seq}/replay", Right.CHECK, replay),
    get("/exchanges/{seq}/proof", Right.CHECK, proof),
    get("/exchanges/{seq}/case", Right.EXPORT, case),
)
