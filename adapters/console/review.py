"""What waits for a reviewer: contested, risky and random questions."""

from __future__ import annotations

from starlette.responses import Response

from adapters.console.debates import lines, scope, tallies
from adapters.console.doors import get, post
from adapters.console.exchanges import reading
from adapters.console.roles import Right
from adapters.console.visit import Visit
from bot.domain import Filter

QUEUES = ("contested", "risky", "random")
SHOWN = 20
"""Open contests in the list at most."""


async def review(visit: Visit) -> Response:
    within = await scope(visit)
    places = await visit.within(Right.JUDGE)
    waiting = Filter(kind="contest", reviewed=False)
    counts = await tallies(visit, within)
    return visit.page(
        "review",
        scope=within,
        queues=QUEUES,
        waiting=await lines(visit, waiting, places, SHOWN),
        agreement=await visit.hall.acts.agreement(places),
        steering=visit.hall.steering(counts),
        counts=counts.get("review", {}),
        done=visit.number("done"),
        last=visit.asked("queue"),
        empty=visit.asked("empty"),
    )


async def next_up(visit: Visit) -> Response:
    """Open what is next in a queue; reading it is on record with the queue as its reason."""
    queue = visit.asked("queue")
    if queue not in QUEUES:
        return visit.trouble(400, "no-page")
    places = await visit.within(Right.JUDGE)
    seq = await visit.hall.acts.next_up(queue, visit.name, places)
    if not seq:
        return visit.to("/review", empty=queue)
    await reading(visit, seq, f"review: {queue}")
    return visit.to(f"/exchanges/{seq}", queue=queue)


DOORS = (
    get("/review", Right.JUDGE, review, queue="text", done="number", empty="text"),
    post("/review/next", Right.JUDGE, next_up, queue="text"),
)
