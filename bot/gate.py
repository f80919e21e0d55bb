"""Run every policy; the gravest verdict wins; a policy that crashes withholds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import Policy


async def judge(
    policies: Iterable[Policy], utterance: Message | Draft, dialogue: Dialogue
) -> tuple[Verdict, ...]:
    """Return one verdict per policy, in order."""
    return tuple([await _check(policy, utterance, dialogue) for policy in policies])


def outcome(verdicts: Sequence[Verdict]) -> Decision:
    """Reduce *verdicts* to the decision to act on: the gravest wins."""
    return max((v.decision for v in verdicts), default=Decision.ALLOW)


def findings(verdicts: Sequence[Verdict]) -> tuple[Finding, ...]:
    """Return everything that was found, in order."""
    return tuple(f for v in verdicts for f in v.findings)


def vetted_may_pass(verdicts: Sequence[Verdict]) -> bool:
    """Return whether a frame may be asked: nothing against it but rules that could not run.

    People vetted it, so a broken rule does not silence the bot (rule 14).
    """
    return all(
        v.decision is Decision.ALLOW or {f.label for f in v.findings} == {Label.FAILURE}
        for v in verdicts
    )


async def _check(policy: Policy, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
    try:
        return await policy.check(utterance, dialogue)
    except Exception as exc:  # noqa: BLE001 - a broken policy must fail closed
        # The class only: the exception's text may hold what a citizen wrote.
        broken = Finding(rule=policy.name, label=Label.FAILURE, reason=type(exc).__name__)
        return Verdict(policy=policy.name, decision=Decision.WITHHOLD, findings=(broken,))
