"""The same layer on files: for researchers, moderators and tests. No platform, no record."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TextIO, TypeAlias

from bot.domain import (
    LANGUAGES,
    Decision,
    Dialogue,
    Draft,
    Finding,
    Idea,
    Label,
    Masked,
    Message,
    Move,
    Room,
    Turn,
)
from bot.gate import findings, judge, outcome
from bot.rules import quotations
from bot.service import Service

Item: TypeAlias = Mapping[str, Any]
Work: TypeAlias = Callable[[Item], Awaitable[dict[str, Any]]]
COMPARING = frozenset({"own_words", "quoted", "learned"})
"""Gates that compare a question with the person's words."""
_ROOM = Room("lab", "lab")
_NOW = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Lab:
    """Judges questions, screens messages, asks questions: one JSON object at a time."""

    service: Service

    async def judge(self, item: Item) -> dict[str, Any]:
        """Return the gates' verdict on ``question``, given the person's ``contribution``.

        Where the contribution is not known, what the question quotes counts as the person's,
        and the gates that compare words with theirs do not judge.
        """
        question = _text(item, "question")
        known = "contribution" in item
        quoted = tuple(question[a:b] for a, b in quotations(question))
        texts = _texts(item, "contribution", least=0) if known else quoted
        dialogue = self._dialogue(item, texts or (question,), (*texts, question))
        masked, _ = self._masked(dialogue)
        *said, asked = masked.idea.texts
        dialogue = replace(masked, idea=Idea(texts=tuple(said)))
        draft = Draft(text=asked, move=Move.CLARIFY)
        gates = [g for g in self.service.gates if known or g.name not in COMPARING]
        verdicts = await judge(gates, draft, dialogue)
        found = findings(verdicts)
        return {
            "decision": outcome(verdicts).name.lower(),
            "labels": _labels(found),
            "findings": [_finding(f, asked, question) for f in found],
        }

    async def screen(self, item: Item) -> dict[str, Any]:
        """Return what would be done with ``text``, and as what a model would see it."""
        text = _text(item, "text")
        dialogue = self._dialogue(item, (text,), (text,))
        command = self.service.commands.parse(text, dialogue)
        masked, hidden = self._masked(dialogue)
        kept = hidden.restored(masked.idea.texts[-1])
        verdicts = await judge(self.service.screens, _message(kept), dialogue)
        found = findings(verdicts)
        return {
            "action": _action(outcome(verdicts), found, command[0] if command else None),
            "labels": _labels(found),
            "masked": masked.idea.texts[-1],
            "lang": dialogue.language,
        }

    async def ask(self, item: Item) -> dict[str, Any]:
        """Return the question that the person's message or messages would get."""
        texts = _texts(item, "text")
        dialogue = self._dialogue(item, texts, texts)
        turn = Turn(message=_message(texts[-1]), language=dialogue.language or "")
        masked, hidden = self._masked(dialogue)
        turn, draft = await self.service.worded(turn, masked)
        if draft is None:
            called = any(attempt.draft.alarm for attempt in turn.attempts)
            raise ValueError(
                "the model calls a person" if called else "no question passed the gates"
            )
        return {
            "question": hidden.restored(draft.text),
            "move": draft.move.value,
            "frame": draft.frame,
            "source": draft.source.value,
            "attempts": len(turn.attempts),
            "lang": dialogue.language,
        }

    def _masked(self, dialogue: Dialogue) -> tuple[Dialogue, Masked]:
        masked, hidden = self.service.masked(dialogue)
        if any(dialogue.idea.texts) and not any(hidden.texts):
            raise ValueError("names and personal data could not be hidden")
        return masked, hidden

    def _dialogue(self, item: Item, spoken: Sequence[str], texts: Sequence[str]) -> Dialogue:
        languages = self.service.languages
        given = item.get("lang")
        language = given if given in LANGUAGES else languages.of(spoken[-1])
        return Dialogue(
            room=_ROOM,
            sender="lab",
            language=language or languages.default,
            consented=True,
            idea=Idea(texts=tuple(texts)),
        )


async def run(
    work: Work, source: Iterable[str], out: TextIO, errors: TextIO, *, warm: bool = True
) -> int:
    """Run *work* over JSON Lines; return 1 if a line could not be worked on, else 0.

    A broken line is named by its number on *errors*; the others are worked on. With *warm*,
    the first item of each language is worked on twice, so that ``ms`` leaves out the loading
    of its words; a model is never asked twice.
    """
    code, loaded = 0, set()
    for number, line in enumerate(source, 1):
        if not line.strip():
            continue
        try:
            item = _parsed(line)
            start = time.perf_counter()
            result = await work(item)
            if warm and (language := result.get("lang", item.get("lang"))) not in loaded:
                loaded.add(language)
                start = time.perf_counter()
                result = await work(item)
        except (ValueError, RecursionError) as exc:
            print(f"line {number}: {exc}", file=errors)
            code = 1
            continue
        result = {"id": item.get("id"), **result, "ms": _elapsed(start)}
        # ASCII only, so that lone surrogates can be written.
        print(json.dumps(result, ensure_ascii=not _printable(result)), file=out)
    return code


def _parsed(line: str) -> Item:
    try:
        item = json.loads(line)
    except ValueError as exc:
        raise ValueError(f"not JSON: {exc.args[0]}") from None
    if not isinstance(item, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error for one bad line
    return item


def _text(item: Item, key: str) -> str:
    if not isinstance(value := item.get(key), str):
        raise ValueError(f'"{key}" is missing or not a string')  # noqa: TRY004 - as above
    return value


def _texts(item: Item, key: str, *, least: int = 1) -> tuple[str, ...]:
    value = item.get(key)
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple) and all(isinstance(text, str) for text in value):
        if len(value) >= least:
            return tuple(value)
        raise ValueError(f'"{key}" is empty')
    raise ValueError(f'"{key}" is missing or neither a string nor a list of strings')


def _message(text: str) -> Message:
    return Message(id="lab", room=_ROOM, sender="lab", text=text, sent_at=_NOW)


def _action(decision: Decision, found: Sequence[Finding], command: str | None) -> str:
    if command == "stop":
        return "stop"
    if decision is Decision.ESCALATE:
        return "help"
    if any(f.label is Label.EMPTY for f in found):
        return "ignore"
    return "answer" if decision is Decision.ALLOW else "decline"


def _labels(found: Sequence[Finding]) -> list[str]:
    return list(dict.fromkeys(f.label.value for f in found))


def _finding(found: Finding, judged: str, question: str) -> dict[str, Any]:
    """Return *found* with its span in *question*; the whole of it where names were hidden."""
    same = judged == question
    return {
        "rule": found.rule,
        "label": found.label.value,
        "start": found.start if same else 0,
        "end": found.end if same else len(question),
        "reason": found.reason,
    }


def _elapsed(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 3)


def _printable(result: Mapping[str, Any]) -> bool:
    return not any(
        "\ud800" <= c <= "\udfff"
        for value in result.values()
        if isinstance(value, str)
        for c in value
    )
