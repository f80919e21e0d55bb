"""Approved proposals: what became of people's ideas, and how to take them out."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from adapters.console.charts import bars
from adapters.console.debates import Scope, lines, scope, tallies
from adapters.console.doors import get, post
from adapters.console.exchanges import attachment, reading, reason_of
from adapters.console.roles import Right
from adapters.console.visit import Visit
from bot.domain import Filter, Line

PAGE = 50
MOST = 5_000
"""Proposals in one file at most."""
FORMS = {"csv": "text/csv", "json": "application/jsonl", "md": "text/markdown"}
LIFE = ("received", "question", "recap", "approved", "dropped")


async def ideas(visit: Visit) -> Response:
    within = await scope(visit)
    found = await _approved(visit, within, PAGE)
    shown = [line.seq for line in found if _may_show(visit, line)]
    counts = await tallies(visit, within)
    return visit.page(
        "ideas",
        scope=within,
        lines=found,
        rows={row["number"]: row for row in await visit.hall.acts.proposals(shown)},
        life=bars(_life(counts), lambda key: visit.words.named("life", key), order=LIFE),
        outcomes=bars(counts.get("outcome", {}), lambda key: visit.words.named("state", key)),
        states=visit.hall.states,
        readable=[line.seq for line in found if await visit.may_in(Right.READ, line.debate)],
        said=visit.asked("said"),
    )


async def read(visit: Visit) -> Response:
    """Put the reading of each proposal on the page on record, then show them."""
    within, reason = await scope(visit), reason_of(visit)
    if not reason:
        return visit.to("/ideas", debate=within.debate, said="reason")
    for line in await _approved(visit, within, PAGE):
        if await visit.may_in(Right.READ, line.debate) and not line.erased:
            await reading(visit, line.seq, reason)
    return visit.to("/ideas", debate=within.debate)


async def export(visit: Visit) -> Response:
    """Give the approved proposals of a debate as a file, without their authors."""
    within, form, reason = await scope(visit), visit.asked("form"), reason_of(visit)
    if form not in (*FORMS, "print") or not reason:
        return visit.to("/ideas", debate=within.debate, said="reason")
    taken = [
        line.seq
        for line in await _approved(visit, within, MOST)
        if await visit.may_in(Right.EXPORT, line.debate) and not line.erased
    ]
    for seq in taken:
        await visit.hall.acts.read(seq, visit.name, f"export: {reason}")
    rows = sorted(await visit.hall.acts.proposals(taken), key=lambda row: row["number"])
    if form == "print":
        return visit.page("proposals", scope=within, rows=rows)
    return attachment(_written(visit, rows, form), f"proposals.{form}", FORMS[form])


async def outcome(visit: Visit) -> Response:
    """Say what came of a proposal: its author can ask for it at any time."""
    seq = visit.number()
    found = await visit.hall.archive.lines(Filter(before=seq + 1), limit=1)
    if not found or found[0].seq != seq or not await visit.may_in(Right.JUDGE, found[0].debate):
        return visit.trouble(403, "no-right")
    done = await visit.hall.acts.say_outcome(seq, visit.asked("state"), visit.asked("note"))
    return visit.to("/ideas", debate=visit.asked("debate"), said="" if done else "no-outcome")


def _written(visit: Visit, rows: list[dict[str, Any]], form: str) -> str:
    if form == "csv":
        return visit.hall.as_csv(rows)
    if form == "md":
        return visit.hall.as_markdown(rows)
    return "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)


async def _approved(visit: Visit, within: Scope, limit: int) -> list[Line]:
    by = Filter(kind="approval", since=within.since, until=within.until)
    return await lines(visit, by, within.places, limit)


def _may_show(visit: Visit, line: Line) -> bool:
    return not line.erased and visit.shows(line.seq)


def _life(counts: Any) -> dict[str, int]:
    said, idea = counts.get("said", {}), counts.get("idea", {})
    first = counts.get("depth", {}).get("1", 0)
    found = {
        "received": first,
        "question": said.get("question", 0),
        "recap": said.get("recap", 0),
        "approved": idea.get("approved", 0),
        "dropped": idea.get("dropped", 0),
    }
    return {key: count for key, count in found.items() if count}


_ASKED = {"debate": "text", "period": "text", "since": "text", "until": "text"}
_WHY = {"reason": "text", "note": "text"}
DOORS = (
    get("/ideas", Right.COUNT, ideas, **_ASKED),
    post("/ideas/read", Right.READ, read, **_ASKED, **_WHY),
    post("/ideas/export", Right.EXPORT, export, form="text", **_ASKED, **_WHY),
    post("/ideas/{seq}/outcome", Right.JUDGE, outcome, state="text", note="text", debate="text"),
)
