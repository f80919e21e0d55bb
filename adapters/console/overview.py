"""The first page: what happens in a debate, in figures."""

from __future__ import annotations

from starlette.responses import Response

from adapters.console.charts import bars, columns, days
from adapters.console.debates import PERIODS, scope, tallies
from adapters.console.doors import get
from adapters.console.roles import Right
from adapters.console.visit import Visit
from bot.domain import LANGUAGES, Move, Tallies

SHOWN = (
    ("language", LANGUAGES),
    ("move", tuple(move.value for move in Move)),
    ("source", ("frame", "select", "draft")),
    ("said", ()),
    ("label", ()),
    ("replaced", ()),
    ("declined", ()),
    ("depth", ("1", "2", "3", "4", "5")),
    ("why", ()),
    ("delay", ("1", "3", "10", "30", "60", "more")),
    ("model", ("answered", "unusable", "failed")),
    ("delivery", ("delivered", "failed")),
)
"""Dimensions of the counts that have a chart, and the order of their values where they have one."""
OF_BOT = {"label": "label", "declined": "label"}
"""Dimensions whose values the bot's own words name."""


async def overview(visit: Visit) -> Response:
    within = await scope(visit)
    counts = await tallies(visit, within)
    series = days(counts.get("day", {}), within.since, within.until)
    contests = counts.get("contest", {})
    closed = sum(count for value, count in contests.items() if value != "opened")
    return visit.page(
        "overview",
        scope=within,
        periods=PERIODS,
        counts=counts,
        charts={name: _bars(visit, counts, name, order) for name, order in SHOWN},
        series=series,
        columns=columns(series),
        open=max(0, contests.get("opened", 0) - closed),
        steering=visit.hall.steering(counts),
        agreement=await visit.hall.acts.agreement(within.places),
    )


def _bars(visit: Visit, counts: Tallies, name: str, order: tuple[str, ...]) -> object:
    def called(value: str) -> str:
        if name in OF_BOT:
            return visit.words.of_bot(f"{OF_BOT[name]}.{value}")
        if name == "why":
            return visit.words.cause(value)
        table = "source" if name == "replaced" else name
        return visit.words.named(table, value)

    return bars(counts.get(name, {}), called, order=order)


DOORS = (get("/", Right.COUNT, overview, debate="text", period="text", since="text", until="text"),)
