"""Try drafts at the gates until one may be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from bot.agent import Agent
from bot.domain import (
    Attempt,
    Decision,
    Dialogue,
    Draft,
    Finding,
    Label,
    Turn,
    Verdict,
)
from bot.errors import ModelError
from bot.gate import findings, judge, outcome, vetted_may_pass
from bot.ports import Policy
from bot.reading import Reading

_ALARM = ("select.help", "distress", Label.DISTRESS, Decision.ESCALATE)
_UNUSABLE = ("select.schema", "unusable", Label.FORM, Decision.REVISE)
VETTED_TRIES = 8
"""Vetted questions tried before the bot prefers silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A model's drafts first, if one takes part; then vetted questions."""

    agent: Agent
    gates: Sequence[Policy]
    judge: Policy | None
    attempts: int
    """Drafts asked of a model before a vetted question is taken."""
    reading: Reading | None = None
    """What the person's messages say, where they were read already."""

    async def worded(self, turn: Turn, dialogue: Dialogue) -> tuple[Turn, Draft | None]:
        """Return *turn* with every draft tried, and the one that may be asked.

        *dialogue* is as `masked` gives it.
        """
        if self.agent.asks_model(dialogue) and not _kept_from_models(turn.screening):
            turn = await self._drafted(turn, dialogue)
            last = outcome(turn.attempts[-1].verdicts) if turn.attempts else Decision.WITHHOLD
            if last is Decision.ALLOW:
                return turn, turn.attempts[-1].draft
            if last is Decision.ESCALATE:
                return turn, None
        for draft in islice(self.agent.vetted(dialogue, self.reading), VETTED_TRIES):
            turn = await self._tried(turn, draft, dialogue)
            if vetted_may_pass(turn.attempts[-1].verdicts):
                return turn, draft
        return turn, None

    async def _drafted(self, turn: Turn, dialogue: Dialogue) -> Turn:
        """Return *turn* with the model's drafts, until one passes or patience ends."""
        advice = ""
        for _ in range(self.attempts):
            try:
                draft = await self.agent.draft(dialogue, advice)
            except ModelError as exc:
                return replace(turn, why=f"model failed: {exc}")
            usable = draft.text and not draft.alarm
            turn = (
                await self._tried(turn, draft, dialogue) if usable else self._unasked(turn, draft)
            )
            verdicts = turn.attempts[-1].verdicts
            if outcome(verdicts) is not Decision.REVISE:
                break
            advice = "; ".join(f.reason for f in findings(verdicts))
        return turn

    def _unasked(self, turn: Turn, draft: Draft) -> Turn:
        """Return *turn* with an answer on record that is no question at all."""
        rule, key, label, decision = _ALARM if draft.alarm else _UNUSABLE
        reason = self.agent.book.text(turn.language, f"reason.{key}")
        found = Finding(rule=rule, label=label, reason=reason)
        verdict = Verdict(policy="select", decision=decision, findings=(found,))
        return replace(turn, attempts=(*turn.attempts, Attempt(draft, (verdict,))))

    async def _tried(self, turn: Turn, draft: Draft, dialogue: Dialogue) -> Turn:
        verdicts: tuple[Verdict, ...] = await judge(self.gates, draft, dialogue)
        if self.judge and outcome(verdicts) is Decision.ALLOW:
            verdicts = (*verdicts, *await judge([self.judge], draft, dialogue))
        return replace(turn, attempts=(*turn.attempts, Attempt(draft, verdicts)))


def _kept_from_models(screening: Sequence[Verdict]) -> bool:
    """Return whether a screen found a command to the model, or could not run."""
    labels = {found.label for found in findings(screening)}
    return Label.INJECTION in labels or outcome(screening) is not Decision.ALLOW
