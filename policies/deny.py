"""Known ways of steering, by label: the rules that give a moderator a readable reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import Classifier, Tools
from bot.rules import RuleLists, outside_quotes
from bot.text import folded, without_placeholders

_MENDED = frozenset({Label.FORM, Label.MULTIPLE})
"""Labels that another draft can mend; the others steer."""


_FIRM = frozenset({Label.ELECTORAL, Label.IDENTITY, Label.LOADED, Label.OPINION, *_MENDED})
"""Labels that words alone tell: how the question is formed says nothing against them."""


@dataclass(frozen=True)
class Deny:
    """Looks for patterns outside the person's own quoted words.

    Of a thousand patterns each is wrong now and then. Where the classifier says that hardly any
    question that steers is formed like this one, they give way: decision 18.
    """

    rules: RuleLists
    classifier: Classifier
    name: str = "deny"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Withhold what steers; ask for another draft where only the form is wrong."""
        if isinstance(utterance, Draft) and utterance.frame:
            # Outside the quotes it is the frame itself, which the tests put to every rule.
            return Verdict(policy=self.name)
        # A hidden name counts as a word.
        rest = without_placeholders(outside_quotes(utterance.text, dialogue.idea.texts), "_")
        said = " ".join(folded(text) for text in dialogue.idea.texts)
        found = self.rules.find(rest, dialogue.language or "", said=said)
        if not found or self._gives_way(found, utterance, dialogue):
            return Verdict(policy=self.name)
        steers = any(f.label not in _MENDED for f in found)
        decision = Decision.WITHHOLD if steers else Decision.REVISE
        return Verdict(policy=self.name, decision=decision, findings=found)

    def _gives_way(
        self, found: Iterable[Finding], utterance: Message | Draft, dialogue: Dialogue
    ) -> bool:
        # What is told, such as another wording of somebody's text, has no question's form.
        asks = utterance.text.rstrip().endswith(("?", "؟"))
        texts, language = dialogue.idea.texts, dialogue.language or ""
        firm = self.rules.firm(language)
        if not asks or any(f.label in _FIRM or f.rule in firm for f in found):
            return False
        return self.classifier.clear(utterance.text, texts, language)


def build(tools: Tools) -> Deny:
    """Return the policy."""
    return Deny(RuleLists(tools.book, "deny", "rules", accents=True), tools.classifier)
