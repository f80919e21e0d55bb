"""What is measured of the rules: what they find, what they miss, what they cost."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain import Draft, Label, Masked, Message, Move, Verdict
from bot.gate import judge
from bot.lab import Lab
from bot.measure_cases import NEUTRAL, Cases, Contribution, Personal, Question, Screened
from bot.measure_exchanges import NOW, ROOM, Counted, Found, elapsed, found, judged, stand
from bot.measure_figures import MISSING, Figures, Held
from bot.measure_progress import Progress
from bot.measure_statistics import Number, percentile, rates, tally
from bot.ports import Masker
from bot.service import Service

LEARNED = "learned"
"""The gate that is measured with and without."""
TIMED = 300
"""Contributions that the stages are timed on."""
HALF, WORST = 0.5, 0.99
STAGES = ("masking", "screens", "reading", "gates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A labelled question and what the gates say of it."""

    case: Question
    verdicts: tuple[Verdict, ...]

    def found(self, *, learned: bool = True) -> Found:
        """Return what is found, with or without the learned gate."""
        return found([v for v in self.verdicts if learned or v.policy != LEARNED])

    @property
    def neutral(self) -> bool:
        """Whether people hold the question to be neutral."""
        return self.case.label == NEUTRAL

    @property
    def form(self) -> bool:
        """Whether people hold only its form to be wrong."""
        return self.case.label == Label.FORM.value

    @property
    def steers(self) -> bool:
        """Whether people hold it to steer."""
        return not (self.neutral or self.form)


async def put_to_gates(service: Service, cases: Cases, progress: Progress) -> list[Judged]:
    """Put every labelled question to the gates, as if a model had written it."""
    made = []
    for case in progress.over("questions", cases.questions):
        heard = Contribution(id=case.id, lang=case.lang, texts=case.texts)
        verdicts = await judged(service, case.question, stand(heard, case.texts))
        made.append(Judged(case=case, verdicts=verdicts))
    return made


def detected(items: Sequence[Judged]) -> Figures:
    """Return what is found of what steers, and what of the rest is let through."""
    steering = [item for item in items if item.steers]
    return {
        **_detection(items, learned=True),
        "recall-by-label": rates(steering, _stopped, lambda i: i.case.label),
        "recall-by-language-and-label": {
            lang: rates(
                [i for i in steering if i.case.lang == lang], _stopped, lambda i: i.case.label
            )
            for lang in dict.fromkeys(i.case.lang for i in steering)
        },
        "named": rates([i for i in steering if _stopped(i)], _named, lambda i: i.case.label),
        "form-found": rates([i for i in items if i.form], _stopped, _language),
        "without-contribution": Number(value=sum(not i.case.texts for i in items), n=len(items)),
    }


def without_learned(items: Sequence[Judged]) -> Figures:
    """Return the same without the learned gate, if there is one."""
    if not any(v.policy == LEARNED for item in items[:1] for v in item.verdicts):
        return {MISSING: "learned"}
    return _detection(items, learned=False)


def _detection(items: Sequence[Judged], *, learned: bool) -> dict[str, Any]:
    def stopped(item: Judged) -> bool:
        return item.found(learned=learned).stopped

    return {
        "recall": rates([i for i in items if i.steers], stopped, _language),
        "precision": rates([i for i in items if stopped(i)], lambda i: not i.neutral, _language),
        "neutral-passed": rates(
            [i for i in items if i.neutral], lambda i: not stopped(i), _language
        ),
    }


def _stopped(item: Judged) -> bool:
    return item.found().stopped


def _named(item: Judged) -> bool:
    return item.case.label in {label.value for label in item.found().labels}


def _language(item: Judged) -> str:
    return item.case.lang


async def screened(service: Service, cases: Cases, progress: Progress) -> Figures:
    """Return whether messages are answered, declined and handed on as they should be."""
    lab = Lab(service)
    done: list[tuple[Screened, str]] = []
    for case in progress.over("screens", cases.screens):
        answer = await lab.screen({"text": case.text, "lang": case.lang})
        done.append((case, answer["action"]))
    harmless = [item for item in done if item[0].expect == "answer"]
    wrong = [(case, action) for case, action in done if action != case.expect]
    return {
        "right": rates(done, _right, lambda item: item[0].expect),
        "over-refused": rates(harmless, lambda item: not _right(item), lambda item: item[0].lang),
        "by-language": rates(done, _right, lambda item: item[0].lang),
        "by-kind": rates(done, _right, lambda item: item[0].kind),
        "mistaken": tuple(f"{case.id}: {case.expect} – {action}" for case, action in wrong),
    }


def _right(item: tuple[Screened, str]) -> bool:
    return item[1] == item[0].expect


def masked(masker: Masker, cases: Cases, progress: Progress) -> Figures:
    """Return how much personal data is hidden, and how much of the rest."""
    seen = [(c, _hidden(masker, c)) for c in progress.over("personal data", cases.personal)]
    spans = [(case, span, hidden) for case, hidden in seen for span in case.spans]
    clean = [(case, hidden) for case, hidden in seen if not case.spans]
    missed = [(case, span) for case, span, hidden in spans if not _covered(case, span, hidden)]
    return {
        "hidden": rates(spans, lambda s: _covered(*s), lambda s: s[1][2]),
        "hidden-by-language": rates(spans, lambda s: _covered(*s), lambda s: s[0].lang),
        "over-hidden": rates(clean, lambda c: any(p for _, _, p in c[1]), lambda c: c[0].lang),
        "letters-over-hidden": tally(fact for case, hidden in seen for fact in _over(case, hidden)),
        "missed": tuple(f"{case.id}: {span[2]}" for case, span in missed),
    }


def _hidden(masker: Masker, case: Personal) -> list[tuple[int, int, bool]]:
    """Return what is hidden: start, end, and whether it is held to be personal."""
    return aligned(case.text, masker.mask([case.text], case.lang))


def aligned(text: str, masked_text: Masked) -> list[tuple[int, int, bool]]:
    """Return which spans of *text* were hidden, from the masked text alone."""
    hidden = {h.placeholder: h for h in masked_text.hidden}
    if not hidden:
        return []
    parts = re.split(f"({'|'.join(map(re.escape, hidden))})", masked_text.texts[0])
    pattern = "".join(
        f"({re.escape(hidden[part].text)}|.+?)" if i % 2 else re.escape(part)
        for i, part in enumerate(parts)
    )
    match = re.fullmatch(pattern, text, re.DOTALL)
    if match is None:
        raise ValueError("what was masked is not what was given")
    return [(*match.span(i + 1), hidden[p].personal) for i, p in enumerate(parts[1::2])]


def _covered(
    case: Personal, span: tuple[int, int, str], hidden: Sequence[tuple[int, int, bool]]
) -> bool:
    """Return whether no letter or digit of *span* is left to read."""
    left = {i for i in range(span[0], span[1]) if case.text[i : i + 1].isalnum()}
    return not left.difference(*(range(start, end) for start, end, _ in hidden))


def _over(case: Personal, hidden: Sequence[tuple[int, int, bool]]) -> list[bool]:
    """Return, for each character that is not personal data, whether it was hidden as such."""
    data = {i for start, end, _ in case.spans for i in range(start, end)}
    gone = {i for start, end, personal in hidden if personal for i in range(start, end)}
    return [i in gone for i in range(len(case.text)) if i not in data]


async def timed(
    service: Service, cases: Cases, held: Held, model: Counted | None, progress: Progress
) -> Figures:
    """Return the milliseconds of each stage; the first cases of a run are not counted."""
    stages: dict[str, list[float]] = {name: [] for name in STAGES}
    draft = {e.id: e.question for e in held.sent["built-in"]}
    for case in progress.over("stages", cases.contributions[:TIMED]):
        await _stages(service, case, draft.get(case.id, ""), stages)
    for name, exchanges in held.by.items():
        if name != "raw":
            stages[f"whole-{name}"] = [e.ms for e in exchanges]
    if model:
        stages["model"] = model.ms
    return {
        "half": {name: _share(values, HALF) for name, values in stages.items()},
        "worst": {name: _share(values, WORST) for name, values in stages.items()},
    }


async def _stages(
    service: Service, case: Contribution, question: str, stages: dict[str, list[float]]
) -> None:
    message = Message(id=case.id, room=ROOM, sender="", text=case.texts[-1], sent_at=NOW)
    heard = stand(case, case.texts)
    start = time.perf_counter()
    masked, _ = service.masked(heard)
    stages["masking"].append(elapsed(start))
    start = time.perf_counter()
    await judge(service.screens, message, heard)
    stages["screens"].append(elapsed(start))
    start = time.perf_counter()
    service.agent.read(masked)
    stages["reading"].append(elapsed(start))
    if question:
        start = time.perf_counter()
        await judge(service.gates, Draft(text=question, move=Move.CLARIFY), masked)
        stages["gates"].append(elapsed(start))


def _share(values: Sequence[float], share: float) -> Number:
    return Number(value=percentile(values, share) if values else None, n=len(values))
