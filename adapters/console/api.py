"""The same lists and counts for programs, and the description of every door (OpenAPI 3.1)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.responses import JSONResponse, Response

from adapters.console.debates import lines, scope, tallies
from adapters.console.doors import ANYBODY, Door, get
from adapters.console.roles import Right
from adapters.console.visit import Visit
from bot.domain import Filter

MOST = 200
"""Entries in one answer at most."""


async def counts(visit: Visit) -> Response:
    return JSONResponse(dict(await tallies(visit, await scope(visit))))


async def listed(visit: Visit) -> Response:
    within = await scope(visit)
    by = Filter(
        kind=visit.asked("kind"),
        since=within.since,
        until=within.until,
        before=visit.number("before"),
    )
    found = await lines(visit, by, within.places, MOST)
    hidden = {"why"}  # a review's finding would unblind whoever has still to judge
    rows = [
        {k: v for k, v in asdict(line).items() if line.kind != "review" or k not in hidden}
        | {"at": line.at.isoformat()}
        for line in found
    ]
    return JSONResponse({"lines": rows, "next": found[-1].seq if len(found) == MOST else 0})


def described(doors: tuple[Door, ...]) -> dict[str, Any]:
    """Return the OpenAPI description of *doors*."""
    paths: dict[str, dict[str, Any]] = {}
    for door in doors:
        paths.setdefault(door.path, {})[door.method.lower()] = _operation(door)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Café Socrate", "version": "1"},
        "paths": paths,
    }


def _operation(door: Door) -> dict[str, Any]:
    kinds = {
        "text": {"type": "string"},
        "number": {"type": "integer", "minimum": 0},
    }
    fields = {name: kinds[kind] for name, kind in door.takes.items()}
    parts = [part[1:-1] for part in door.path.split("/") if part.startswith("{")]
    path = [
        {
            "name": part,
            "in": "path",
            "required": True,
            "schema": kinds["number" if part == "seq" else "text"],
        }
        for part in parts
    ]
    query = [{"name": name, "in": "query", "schema": kind} for name, kind in fields.items()]
    codes = ["200", "303", "400", "401", "403", "404", "409", "421", "422", "429", "502", "503"]
    answers = {code: {"description": code} for code in codes}
    if door.method == "GET":
        return {"parameters": [*path, *query], "responses": answers}
    form = {"schema": {"type": "object", "properties": fields}}
    body = {"content": {"application/x-www-form-urlencoded": form}}
    return {"parameters": path, "requestBody": body, "responses": answers}


async def description(visit: Visit) -> Response:
    return JSONResponse(visit.console.description)


_ASKED = {"debate": "text", "period": "text", "since": "text", "until": "text"}
DOORS = (
    get("/api/counts", Right.COUNT, counts, **_ASKED),
    get("/api/lines", Right.COUNT, listed, kind="text", before="number", **_ASKED),
    get("/api/openapi.json", ANYBODY, description),
)
