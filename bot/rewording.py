"""Asks a model for another wording of a person's text, and shows it if it keeps to their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.agent import Agent
from bot.domain import Attempt, Decision, Dialogue, Draft, Idea, Masked, Turn
from bot.errors import ModelError
from bot.gate import judge, outcome
from bot.ports import Policy
from bot.requests import Request
from bot.wording import difference, usable

GATES = frozenset({"own_words", "in_language"})
"""Gates that such a text must pass too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewording:
    """Another wording, shown as a difference: nothing changes by it."""

    agent: Agent
    gates: Sequence[Policy]

    async def shown(self, request: Request, hidden: Masked) -> Turn:
        """Return the turn that shows it; *hidden* are the person's sentences, masked."""
        talk = replace(request.dialogue, idea=Idea(texts=hidden.texts))
        try:
            draft = await self.agent.reword(hidden.texts, talk) if hidden.texts else None
        except ModelError:
            draft = None
        if draft is None:
            return request.told("reword-none")
        verdicts = await judge([g for g in self.gates if g.name in GATES], draft, talk)
        fits = outcome(verdicts) is Decision.ALLOW and not await self._steers(draft, talk)
        told = self._told(request, hidden, draft) if fits else request.told("reword-own")
        return replace(told, attempts=(Attempt(draft, verdicts),))

    async def _steers(self, draft: Draft, talk: Dialogue) -> bool:
        """Tell whether *draft* steers in a way that the person's own text does not."""
        own = replace(draft, text=" ".join(talk.idea.texts))
        deny = [gate for gate in self.gates if gate.name == "deny"]
        new, old = [
            {found.rule for verdict in await judge(deny, each, talk) for found in verdict.findings}
            for each in (draft, own)
        ]
        return not new <= old

    def _told(self, request: Request, hidden: Masked, draft: Draft) -> Turn:
        old, new = hidden.restored(" ".join(hidden.texts)), hidden.restored(draft.text)
        if not usable(old, new):
            return request.told("reword-own")
        text = f"{request.text('reword')}\n{difference(old, new)}"
        return request.turn(request.reply(text))
