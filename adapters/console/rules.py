"""Rules and words as they are and were, a place to try them, and every question there is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from difflib import unified_diff
from hashlib import sha256
from importlib.resources.abc import Traversable
from itertools import islice
from typing import Any

from starlette.responses import Response

from adapters.console.charts import bars
from adapters.console.doors import get, post
from adapters.console.marks import marked
from adapters.console.roles import Right
from adapters.console.visit import Visit
from bot.domain import LANGUAGES, Finding, Label, Move, Register, Verdict

KEPT = (".toml", ".py")
"""Files of words and rules whose versions are kept; weights are too large to read."""
MOST_LINES = 4_000
"""Lines of a difference that are shown."""
LONGEST = 4_000
"""Characters of a text that is tried."""
WORKS = ("ask", "judge", "screen")


async def rules(visit: Visit) -> Response:
    counts = await visit.hall.archive.tallies()
    return visit.page(
        "rules",
        labels=[label.value for label in Label],
        steering=visit.hall.findings[1:],
        policies=bars(counts.get("policy", {}), str),
        found=counts.get("label", {}),
        files=sorted(name for name, _ in snapshot_files(visit.hall.folders)),
        versions=await asyncio.to_thread(visit.store.versions),
    )


async def questions(visit: Visit) -> Response:
    """Show every vetted question of a language, by what it asks for."""
    language = visit.asked("of")
    language = language if language in LANGUAGES else visit.words.language
    frames = visit.hall.book.frames(language, Register.FORMAL)
    return visit.page(
        "questions",
        of=language,
        total=len(frames),
        moves={m.value: [f for f in frames if f.move is m] for m in Move},
    )


async def versions(visit: Visit) -> Response:
    """Show what changed between two versions of words and rules, and when."""
    known = await asyncio.to_thread(visit.store.versions)
    digests = [digest for digest, _ in known]
    new = visit.asked("new") if visit.asked("new") in digests else (digests or [""])[0]
    older = digests[digests.index(new) + 1 :] if new else []
    old = visit.asked("old") if visit.asked("old") in digests else (older or [""])[0]
    changes = await asyncio.to_thread(_changes, visit, old, new) if old and new else []
    return visit.page("versions", versions=known, new=new, old=old, changes=changes)


async def trial_page(visit: Visit) -> Response:
    return visit.page("try", **_trial(visit))


async def trial(visit: Visit) -> Response:
    """Run the rules on a text, as `socrate lab` does: nothing of it is kept."""
    work, text = visit.asked("work"), visit.asked("text")[:LONGEST]
    if work not in WORKS or not text:
        return visit.page("try", 400, **_trial(visit, failed="nothing"))
    item: dict[str, Any] = {"text": text, "question": text, "id": "try"}
    if visit.asked("of") in LANGUAGES:
        item["lang"] = visit.asked("of")
    if words := visit.asked("words")[:LONGEST]:
        item["contribution"] = words
    do = {"ask": visit.hall.trials.ask, "judge": visit.hall.trials.judge}
    try:
        result = await do.get(work, visit.hall.trials.screen)(item)
    except ValueError:
        return visit.page("try", 422, **_trial(visit, failed="none"))
    name = "_tried" if visit.swapping else "try"
    return visit.page(name, **_trial(visit, result=result))


def snapshot_files(folders: Any) -> Iterator[tuple[str, Traversable]]:
    """Yield the files of words and rules by name."""
    for name, folder in sorted(folders.items()):
        yield from _files(name, folder)


def version(folders: Any) -> tuple[str, dict[str, str]]:
    """Return the digest of words and rules as they are now, and the files."""
    files = {name: file.read_text("utf-8") for name, file in snapshot_files(folders)}
    return sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:12], files


def _files(name: str, folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.is_dir():
            yield from _files(f"{name}/{file.name}", file)
        elif file.name.endswith(KEPT) and not file.name.startswith("_"):
            yield f"{name}/{file.name}", file


def _changes(visit: Visit, old: str, new: str) -> list[tuple[str, str]]:
    """Return the lines that differ, each with its kind: ``+``, ``-``, ``@``, ``file`` or blank."""
    before, after = visit.store.version(old), visit.store.version(new)
    found: list[tuple[str, str]] = []
    for name in sorted(before.keys() | after.keys()):
        a, b = before.get(name, "").splitlines(), after.get(name, "").splitlines()
        if a != b:
            found.append(("file", name))
            found += [(line[:1], line[1:]) for line in islice(unified_diff(a, b, n=2), 2, None)]
    return found[:MOST_LINES]


def _trial(visit: Visit, *, failed: str = "", result: dict[str, Any] | None = None) -> Any:
    text = visit.asked("text")
    judged = (result or {}).get("question", text)
    found = [
        Finding(
            rule=f["rule"],
            label=Label(f["label"]),
            start=f["start"],
            end=f["end"],
            reason=f["reason"],
        )
        for f in (result or {}).get("findings", ())
    ]
    return {
        "works": WORKS,
        "work": visit.asked("work") or "judge",
        "text": text,
        "contribution": visit.asked("words"),
        "of": visit.asked("of"),
        "failed": failed,
        "result": result,
        "pieces": marked(judged, [Verdict(policy="", findings=tuple(found))]) if result else (),
        "found": found,
    }


DOORS = (
    get("/rules", Right.COUNT, rules),
    get("/rules/questions", Right.COUNT, questions, of="text"),
    get("/rules/versions", Right.COUNT, versions, old="text", new="text"),
    get("/rules/try", Right.COUNT, trial_page),
    post("/rules/try", Right.COUNT, trial, work="text", text="text", words="text", of="text"),
)
