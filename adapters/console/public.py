"""The page for everybody: a debate's rules, questions and figures, and nothing of anybody."""

from __future__ import annotations

from starlette.responses import Response

from adapters.console.charts import bars, columns, days
from adapters.console.debates import Scope, tallies
from adapters.console.doors import ANYBODY, get
from adapters.console.visit import Visit
from bot.domain import LANGUAGES, Move, Register

FEWEST = 5
"""People below whom no count is shown: one of three can be guessed."""


async def list_(visit: Visit) -> Response:
    """Name the debates whose organiser opened a page for them."""
    cafes = [c for c in await visit.hall.record.cafes() if c.name in visit.hall.options.public]
    return visit.page("public_list", cafes=cafes) if cafes else visit.trouble(404, "no-page")


async def debate(visit: Visit) -> Response:
    name = str(visit.request.path_params.get("name", ""))
    cafes = await visit.hall.record.cafes()
    cafe = next((cafe for cafe in cafes if cafe.name == name), None)
    if cafe is None or name not in visit.hall.options.public:
        return visit.trouble(404, "no-page")
    counts = await tallies(visit, Scope(debate=name, cafes=cafes))
    enough = counts.get("people", {}).get("new", 0) >= FEWEST
    shown = counts if enough else {}
    language = visit.words.language
    frames = visit.hall.book.frames(language, Register.FORMAL)
    series = days(shown.get("day", {}), "", "")
    return visit.page(
        "public",
        cafe=cafe,
        counts=shown,
        enough=enough,
        fewest=FEWEST,
        steering=visit.hall.steering(shown),
        series=series,
        columns=columns(series),
        languages_used=bars(
            shown.get("language", {}),
            lambda key: visit.words.named("language", key),
            order=LANGUAGES,
        ),
        moves={m.value: [f for f in frames if f.move is m] for m in Move},
        total=len(frames),
        note=await visit.hall.log.checkpoint() if visit.hall.log else "",
    )


DOORS = (
    get("/public", ANYBODY, list_),
    get("/public/{name}", ANYBODY, debate),
)
