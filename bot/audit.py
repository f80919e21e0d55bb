"""The record as a person reads it: what was asked, under which prompt and model, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain import (
    Access,
    Approval,
    Attempt,
    Cafe,
    Case,
    Consent,
    Contest,
    Delivery,
    Draft,
    Entry,
    Erased,
    Erasure,
    Event,
    Line,
    Outcome,
    Rectification,
    Review,
    Turn,
    Verdict,
)
from bot.ports import PromptBook

DIAGNOSED = frozenset(
    (
        "no-consent",
        "limit-person",
        "limit-room",
        "limit-day",
        "loop",
        "turn-sharing",
        "too-many-words",
        "closed",
        "not-open",
        "budget-spent",
    )
)
"""Reasons of a turn (`Turn.why`) that have a sentence of their own."""


def listed(line: Line) -> str:
    """Return *line* as it stands in a list: number, time, what it is, what can be said of it."""
    what = line.kind if line.kind != "turn" else line.said or "silence"
    about = f"about {line.turn}" if line.turn else ""
    marks = [name for name in ("contested", "reviewed", "erased") if getattr(line, name)]
    words = (line.move, line.source, line.command, line.why, about, ",".join(line.labels), *marks)
    told = " ".join(dict.fromkeys(filter(None, words)))
    return f"{line.seq:>6}  {line.at:%Y-%m-%d %H:%M}  {what:<13}  {told}".rstrip()


def page(entry: Entry, book: PromptBook, language: str) -> str:
    """Return everything on record about *entry*, labels and reasons in *language*."""
    rows = [("seq", str(entry.seq)), ("at", entry.at.isoformat()), ("seal", entry.seal)]
    rows += _rows(entry.event, book, language)
    names = [(_name(key, book, language), value) for key, value in rows]
    width = max(len(name) for name, _ in names)
    return "\n".join(f"{name:<{width}}  {_shown(value, width)}" for name, value in names)


def diagnosis(entry: Entry | None, book: PromptBook, language: str) -> str:
    """Return why *entry* led to no question, in words that name the rule."""

    def say(key: str, rule: str = "") -> str:
        return book.text(language, f"diagnose.{key}").replace("{rule}", rule)

    turn = entry.event if entry else None
    if not isinstance(turn, Turn):
        return say("no-such-entry")
    if turn.why in DIAGNOSED:
        return say(turn.why, turn.why)
    if turn.reply:
        return say("answered", turn.why)
    rules = dict.fromkeys(
        found.rule
        for attempt in turn.attempts
        for verdict in attempt.verdicts
        for found in verdict.findings
    )
    return say("no-question-passed", ", ".join(rules))


def _rows(event: Event, book: PromptBook, language: str) -> list[tuple[str, str]]:
    match event:
        case Turn():
            return list(_turn(event, book, language))
        case Consent():
            return [
                ("room", f"{event.message.room.platform} {event.message.room.id}"),
                ("person", event.message.sender),
                ("consent", "yes" if event.granted else "no"),
                ("notice", event.notice),
            ]
        case Delivery():
            return [
                ("turn", str(event.turn)),
                ("delivered", event.external_id or event.failure or "–"),
            ]
        case Contest():
            return [("contested", str(event.turn)), ("room", event.message.room.id)]
        case Outcome() | Access():
            return _of_an_entry(event)
        case Review():
            return [("turn", str(event.turn)), ("review", f"{event.finding} {event.note}".strip())]
        case Case():
            said = event.reply.text if event.reply else "–"
            return [("case", event.cause), ("turn", str(event.turn)), ("said", said)]
        case Rectification():
            return [("change", str(change.turn)) for change in event.changes]
        case Erasure():
            why = f"{event.cause} {event.note}".strip()
            return [("erased", ", ".join(map(str, event.erased))), ("why", why)]
        case Approval():
            return [("approved", "\n".join(f"{s.text} [{s.turn}]" for s in event.sentences))]
        case Cafe():
            return [("cafe", f"{event.name}: {event.state}"), ("topic", event.topic)]
        case Erased():
            return [("erased", event.kind)]


def _of_an_entry(event: Outcome | Access) -> list[tuple[str, str]]:
    turn = ("turn", str(event.turn))
    if isinstance(event, Access):
        return [turn, ("read", f"{event.reader}: {event.reason}")]
    return [turn, ("outcome", f"{event.state} {event.note}".strip())]


def _turn(turn: Turn, book: PromptBook, language: str) -> Iterator[tuple[str, str]]:
    message = turn.message
    yield "room", f"{message.room.platform} {message.room.id}"
    yield "person", message.sender
    yield "language", turn.language
    yield "message", message.text or "–"
    yield "command", turn.command or "–"
    yield "screening", _verdicts(turn.screening, message.text, book, language)
    yield "policy", turn.policy or "–"
    yield "depth", str(turn.depth)
    yield "move", turn.move.value if turn.move else "–"
    for number, attempt in enumerate(turn.attempts, 1):
        yield f"draft {number}", attempt.draft.text
        yield from _attempt(attempt, book, language)
    yield "said", turn.reply.text if turn.reply else "–"
    yield "why", turn.why or "–"


def _attempt(attempt: Attempt, book: PromptBook, language: str) -> Iterator[tuple[str, str]]:
    draft = attempt.draft
    yield "  source", f"{draft.source.value} {draft.frame or ''}".rstrip()
    yield "  prompt", draft.prompt or "–"
    yield "  model", _model(draft)
    if draft.asked:
        yield "  asked", f"{draft.asked.system}\n\n{draft.asked.user}"
    if draft.raw and draft.raw.strip() != draft.text:
        yield "  raw", draft.raw
    yield "  verdicts", _verdicts(attempt.verdicts, draft.text, book, language)


def _model(draft: Draft) -> str:
    answer = draft.answer
    if answer is None:
        return "–"
    params = " ".join(f"{name}={value}" for name, value in answer.params)
    return f"{answer.model} {answer.digest} {params}".strip()


def _verdicts(verdicts: Sequence[Verdict], text: str, book: PromptBook, language: str) -> str:
    lines = []
    for verdict in verdicts:
        lines.append(f"{verdict.policy}: {verdict.decision.name.lower()}")
        for found in verdict.findings:
            label = book.text(language, f"label.{found.label.value}")
            span = text[found.start : found.end]
            lines.append(f"  {label} [{found.rule}] « {span} »: {found.reason}")
    return "\n".join(lines) or "–"


def _name(key: str, book: PromptBook, language: str) -> str:
    """Return the row's name in *language*; indentation and number are kept."""
    bare = key.strip()
    word, _, number = bare.partition(" ")
    named = f"{book.text(language, f'audit.{word}')} {number}".rstrip()
    return key[: len(key) - len(bare)] + named


def _shown(value: str, width: int) -> str:
    safe = "".join(c if c.isprintable() or c in "\n\u00a0" else "�" for c in value)
    return safe.replace("\n", "\n" + " " * (width + 2))
