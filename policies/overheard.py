"""What the rules do not hear: distress and requests to decline, by a small classifier.

How it was trained, how well it does and what it must not be used for:
docs/reference/model-card-screens.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from itertools import chain, pairwise
from math import sqrt
from typing import Any
from zlib import crc32

from bot.domain import LANGUAGES, Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import PromptBook, Tools
from bot.senses import Senses, together
from bot.text import bare, sentences

RULE = "overheard.v2"
SPACE = 1 << 20
"""Buckets that features are hashed to."""
READ = 2_000
"""Characters of a text that are read."""
LONGEST = 30
"""Letters of a word that are read."""
HEADS = ("help", "decline", "votes")
"""Scores, in stored order: needs a human; asks for a verdict; of those, about a vote."""
HELP, DECLINE, VOTES = range(3)
GROUPS = (1.0, 1.5, 1.0)
"""Weight of the words, of the letters and of the senses."""
STEADY = (4, 20, 6)
"""Features of each group that a text is held to have besides: few tell less than many."""
ATTACHED = frozenset({"ar"})
"""Languages that write short words in one with the next."""
MARGIN = 1.0
"""Log-odds by which a part of a text must be surer than the whole: it has less context."""
_TOKEN = re.compile(r"[^\W_]+|[?؟!]")

Scores = tuple[float, ...]
"""One log-odds for each head."""


def tokens(sentence: str) -> list[str]:
    """Return the words and signs of *sentence*, bare; every number is the same one."""
    found = _TOKEN.findall(bare(sentence))
    return ["?" if t == "؟" else "0" if t.isdecimal() else t[:LONGEST] for t in found]


def word_features(run: Sequence[str]) -> Iterator[str]:
    """Yield the words of a sentence, one by one and two by two, its ends included."""
    yield from ("w" + token for token in run)
    yield from (f"w{one} {two}" for one, two in pairwise(("^", *run, "$")))


def letter_features(run: Iterable[str]) -> Iterator[str]:
    """Yield sequences of letters within each word: they survive a misspelling."""
    for token in run:
        if token[0].isalnum():
            padded = f" {token} "
            ends = range(3, len(padded) + 1)
            yield from ["c" + padded[end - 3 : end] for end in ends]
            yield from ["c" + padded[end - 4 : end] for end in ends[1:]]
            yield from ["c" + padded[end - 5 : end] for end in ends[2:]]


def sense_features(sentence: str, senses: Senses) -> Iterator[str]:
    """Yield the senses of the words of a sentence, one by one and two by two, in any order."""
    yield from ("k" + found for found in together(senses.of(sentence)))


def grouped(sentence: str, senses: Senses) -> tuple[Iterator[str], ...]:
    """Return the features of a sentence, in the order of `GROUPS`."""
    run = tokens(sentence)
    return word_features(run), letter_features(run), sense_features(sentence, senses)


def bucket(feature: str) -> int:
    """Return where *feature* is counted, the same on every machine."""
    return crc32(feature.encode()) % SPACE


@lru_cache(maxsize=4096)
def letter_buckets(token: str) -> tuple[int, ...]:
    """Return where the letters of *token* are counted. Kept, since most words come again."""
    return tuple(map(bucket, letter_features((token,))))


@dataclass(frozen=True, slots=True)
class Span:
    """Some sentences of a text, and what they add up to."""

    start: int
    end: int
    counts: tuple[int, ...]
    """Features of words, of letters, and of senses."""
    sums: tuple[Scores, ...]
    """Weights of words, of letters, and of senses, for each head."""

    def __add__(self, other: Span) -> Span:
        """Return both together."""
        return Span(
            self.start,
            other.end,
            tuple(map(sum, zip(self.counts, other.counts, strict=True))),
            tuple(_added(a, b) for a, b in zip(self.sums, other.sums, strict=True)),
        )


NOTHING = Span(0, 0, (0,) * len(GROUPS), ((0.0,) * len(HEADS),) * len(GROUPS))


def _added(one: Scores, other: Scores) -> Scores:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def located(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each sentence of *text* with its span."""
    end = 0
    for sentence in sentences(text):
        start = text.find(sentence, end)
        end = start + len(sentence)
        yield sentence, start, end


def shares(counts: Iterable[int]) -> tuple[float, ...]:
    """Return what one feature of each group weighs in a text that has *counts* of them."""
    groups = zip(GROUPS, STEADY, counts, strict=True)
    return tuple(weight / sqrt(count + steady) for weight, steady, count in groups)


def parts(count: int) -> Iterator[tuple[int, int]]:
    """Yield which sentences, from and to, are looked at apart: each, and each with its next."""
    if count > 1:
        yield from ((i, i + 1) for i in range(count))
    if count > 2:  # noqa: PLR2004 - two sentences together are the whole
        yield from ((i, i + 2) for i in range(count - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What was learned for one language."""

    biases: Scores
    weights: Mapping[int, Scores]
    """For each bucket, its weight for each head."""
    thresholds: tuple[float, float]
    """Log-odds from which a text is for a human, and from which the bot declines."""
    senses: Senses

    def judge(self, text: str) -> tuple[Label, int, int] | None:
        """Return what *text* is and the span that tells, or None if it is to be answered."""
        found = self._spans(text)
        for head, threshold in enumerate(self.thresholds):
            odds, span = self.best(found, head)
            if odds >= threshold:
                return self._label(head, span), span.start, span.end
        return None

    def best(self, found: Sequence[Span], head: int) -> tuple[float, Span]:
        """Return the highest score of *found*, whole or in part, and where it is."""
        whole = sum(found, start=NOTHING)
        best = self.odds(whole, head), whole
        for start, end in parts(len(found)):
            part = found[start] if end == start + 1 else found[start] + found[start + 1]
            odds = self.odds(part, head) - MARGIN
            if odds > best[0]:
                best = odds, part
        return best

    def odds(self, span: Span, head: int) -> float:
        """Return the log-odds of *head* for *span*."""
        found = (
            share * sums[head] for share, sums in zip(shares(span.counts), span.sums, strict=True)
        )
        return sum(found, start=self.biases[head])

    def score(self, text: str) -> tuple[float, float]:
        """Return the log-odds that *text* is for a human, and that the bot should decline."""
        found = self._spans(text)
        return self.best(found, HELP)[0], self.best(found, DECLINE)[0]

    def whole(self, text: str) -> Span:
        """Return what all sentences of *text* add up to."""
        return sum(self._spans(text), start=NOTHING)

    def _spans(self, text: str) -> list[Span]:
        # A sentence that is written again tells nothing new.
        new: dict[str, tuple[int, int]] = {}
        for sentence, start, end in located(text[:READ]):
            new.setdefault(sentence, (start, end))
        return [self._sentence(sentence, *span) for sentence, span in new.items()]

    def _label(self, head: int, span: Span) -> Label:
        if head == HELP:
            return Label.DISTRESS
        return Label.ELECTORAL if self.odds(span, VOTES) > 0 else Label.JUDGEMENT

    def _sentence(self, sentence: str, start: int, end: int) -> Span:
        run = tokens(sentence)
        groups = (
            map(bucket, word_features(run)),
            chain.from_iterable(map(letter_buckets, run)),
            map(bucket, sense_features(sentence, self.senses)),
        )
        counts, sums = zip(*map(self._sum, groups), strict=True)
        return Span(start, end, counts, sums)

    def _sum(self, buckets: Iterable[int]) -> tuple[int, Scores]:
        found = tuple(buckets)
        known = filter(None, map(self.weights.get, found))
        return len(found), tuple(map(sum, zip(*known, strict=True))) or NOTHING.sums[0]


@dataclass(frozen=True)
class Overheard:
    """Hands over, or declines, what resembles such messages more than contributions."""

    book: PromptBook
    name: str = "overheard"
    _models: dict[str, Model] = field(default_factory=dict)

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Escalate distress, withhold what asks for a verdict; other languages pass."""
        language = dialogue.language or ""
        if language not in LANGUAGES:
            return Verdict(policy=self.name)
        if language not in self._models:
            self._models[language] = load(language, self.book)
        judged = self._models[language].judge(utterance.text)
        if judged is None:
            return Verdict(policy=self.name)
        label, start, end = judged
        reason = self.book.text(language, f"reason.{label.value}")
        found = Finding(rule=RULE, label=label, start=start, end=end, reason=reason)
        decision = Decision.ESCALATE if label is Label.DISTRESS else Decision.WITHHOLD
        return Verdict(policy=self.name, decision=decision, findings=(found,))


def load(language: str, book: PromptBook) -> Model:
    """Return what was learned for *language*, whose senses *book* lists.

    Raises:
        OSError: The weights are missing; the screen then fails closed.
    """
    path = resources.files(__package__).joinpath("weights", f"screens-{language}.json")
    return read(json.loads(path.read_text("utf-8")), senses_of(language, book))


def senses_of(language: str, book: PromptBook) -> Senses:
    """Return the senses that *book* lists for *language*."""
    return Senses(book.lexicon(language, "senses"), attached=language in ATTACHED)


def read(stored: Mapping[str, Any], senses: Senses) -> Model:
    """Return the model that ``bench/train_screens.py`` wrote."""
    heads = [stored["heads"][name] for name in HEADS]
    columns = [dict(_weights(head)) for head in heads]
    return Model(
        biases=tuple(head["bias"] for head in heads),
        weights={b: tuple(c.get(b, 0.0) for c in columns) for b in set().union(*columns)},
        thresholds=(stored["thresholds"]["help"], stored["thresholds"]["decline"]),
        senses=senses,
    )


def _weights(head: Mapping[str, Any]) -> Iterator[tuple[int, float]]:
    for where, weight in zip(head["buckets"].split(), head["hundredths"].split(), strict=True):
        yield int(where, 36), int(weight) / 100


def build(tools: Tools) -> Overheard:
    """Return the policy."""
    return Overheard(tools.book)
