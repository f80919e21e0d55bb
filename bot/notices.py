"""What the bot says besides questions, worded by the prompt book."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from bot.domain import LANGUAGES, Action, Attempt, Dialogue, Draft, Kind, Message, Reply, Source
from bot.ports import PromptBook

PROCESS = ("why", "skip", "unsure", "leading", "stop")
"""Actions that go with a question (rule 10)."""
SYMBOLS = {
    "agree": "✅",
    "disagree": "🚫",
    "help": "ℹ️",
    "about": "📜",
    "stop": "🛑",
    "skip": "⏭️",
    "unsure": "🤷",
    "why": "❓",
    "leading": "🚩",
    "recap": "📄",
    "accept": "👌",
    "change": "✏️",
    "drop": "🗑️",
    "status": "📬",
    "data": "📦",
    "correct": "🔧",
    "forget": "🧽",
    "forget-now": "❌",
    "receipt": "🧾",
    "human": "🙋",
    "language": "🌐",
    "speak-fr": "1️⃣",
    "speak-en": "2️⃣",
    "speak-de": "3️⃣",
    "speak-ar": "4️⃣",
    "easier": "🔤",
    "usual": "🔠",
    "withdraw": "↩️",
    "research": "🔬",
    "no-research": "🚷",
    "minor": "🧒",
    "others": "👥",
    "reword": "🪞",
    "quiet": "🤫",
    "talk": "💬",
    "uphold": "👍",
    "reject": "👎",
}
"""What stands for each action where there is no room for words."""

_UNKNOWN = {"organiser": "team", "where": "here"}
"""What is said of a fact that the operator does not tell; ``none`` of any other."""


@dataclass(frozen=True)
class Notices:
    """Words notices and replies."""

    book: PromptBook
    facts: Mapping[str, str] = field(default_factory=dict)
    """What only the operator knows: ``keeps``, ``model``, ``contacts``, …"""
    easy: bool = False
    """Whether the person asked for easier words."""

    def text(self, language: str, key: str, **values: object) -> str:
        """Return the notice *key* with its placeholders filled."""
        easier = self.book.lexicon(language, "easy")["notice"] if self.easy else {}
        text: str = easier.get(key) or self.book.text(language, f"notice.{key}")
        for name, value in {**self.facts, **values}.items():
            unknown = f"notice.{_UNKNOWN.get(name, 'none')}"
            text = text.replace(f"{{{name}}}", str(value) or self.book.text(language, unknown))
        return text

    def reply(
        self,
        message: Message,
        language: str,
        text: str,
        *,
        kind: Kind = Kind.NOTICE,
        actions: Iterable[str] = (),
        private: bool = False,
    ) -> Reply:
        """Return *text* as the answer to *message*."""
        return Reply(
            room=message.room,
            to=message.id,
            text=text,
            kind=kind,
            language=language,
            actions=self.actions(language, actions),
            person=message.sender,
            private=private,
        )

    def notice(
        self, message: Message, language: str, key: str, *, actions: Iterable[str] = ()
    ) -> Reply:
        """Return the notice *key* as the answer to *message*."""
        return self.reply(message, language, self.text(language, key), actions=actions)

    def actions(self, language: str, names: Iterable[str]) -> tuple[Action, ...]:
        """Return the actions called *names*, with the word that stands for each."""
        return tuple(Action(n, self.label(language, n), SYMBOLS[n]) for n in names)

    def label(self, language: str, name: str) -> str:
        """Return what stands on the button of the action *name*."""
        menu = self.book.lexicon(language, "menu")
        return str(menu[name].get("label") or self.book.text(language, f"action.{name}"))

    def welcome(self, language: str, *, asked_in: str | None) -> str:
        """Return who the bot is and what it keeps; in every language while none is known."""
        said = self.text(language, "welcome")
        others = () if asked_in else (o for o in LANGUAGES if o != language)
        return "\n".join((said, *(self._consent(code) for code in (language, *others))))

    def notice_ref(self, language: str) -> str:
        """Return ``language:version@digest`` of the notice, for the record of a consent."""
        words = self.book.text(language, "notice.welcome") + self._consent(language)
        digest = sha256(words.encode()).hexdigest()[:12]
        return f"{language}:{self.book.text(language, 'notice.version')}@{digest}"

    def recap(self, said: Iterable[str], language: str, *, specific: bool = False) -> str:
        """Return *said*, the person's own sentences, in their order (rule 9)."""
        lines = (f"{number}. {sentence}" for number, sentence in enumerate(said, 1))
        opening = (self.text(language, "specific"),) if specific else ()
        return "\n".join((*opening, self.text(language, "recap-intro"), *lines))

    def recap_ask(self, language: str) -> str:
        """Return what the person may do with a recap."""
        names = ("accept", "change", "drop")
        return self.text(language, "recap-ask", **{n: self.word(language, n) for n in names})

    def state(self, language: str, name: str) -> str:
        """Return what the state *name* of an idea is called."""
        return self.book.text(language, f"state.{name}")

    def why(self, dialogue: Dialogue, language: str) -> str:
        """Return why the last question was asked."""
        last = dialogue.last
        if last is None or not last.attempts:
            return self.text(language, "no-question")
        draft = last.attempts[-1].draft
        return self.text(
            language,
            "why",
            move=self.book.text(language, f"move.{draft.move.value}"),
            source=self._source(draft, language),
            frame=draft.frame or draft.prompt,
            seq=dialogue.last_seq,
            leading=self.word(language, "leading"),
        )

    def acknowledged(self, question: str, dialogue: Dialogue, language: str) -> str:
        """Return *question* after a fixed, neutral word of receipt, not the same twice."""
        acks: Sequence[str] = self.book.lexicon(language, "notices")["notice"]["ack"]
        depth = len(dialogue.idea.asked)
        return f"{acks[(depth - 1) % len(acks)]} {question}" if depth else question

    def _source(self, draft: Draft, language: str) -> str:
        words = self.book.text(language, f"source.{draft.source.value}")
        model = draft.answer.model if draft.answer else ""
        return words.replace("{model}", model)

    def _consent(self, language: str) -> str:
        words = {name: self.word(language, name) for name in ("agree", "research")}
        return self.text(language, "consent", **words)

    def word(self, language: str, command: str) -> str:
        """Return what to write for *command*."""
        word: str = self.book.lexicon(language, "commands")[command]["words"][0]
        return word


def asked_by(attempts: Sequence[Attempt]) -> Source | None:
    """Return who worded the question that *attempts* ended with."""
    return attempts[-1].draft.source if attempts else None
