"""What a participant asks of the bot itself, with all that is needed to obey."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain import Dialogue, Entry, Kind, Message, Outcome, Reply, Turn
from bot.notices import Notices


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One command of one person."""

    name: str
    message: Message
    dialogue: Dialogue
    language: str
    notices: Notices
    theirs: Sequence[Entry] = ()
    """All that is on record of them in this debate, as it stands, oldest first."""
    recent: Sequence[Entry] = ()
    """What was last said in the room, newest first."""
    about: Sequence[Entry] = ()
    """What others said about theirs: cases, verdicts, outcomes, quotes shown on request."""
    provable: bool = False
    """Whether a proof of an entry can be handed over."""
    outcomes: Mapping[int, Outcome] = field(default_factory=dict)
    """What came of their proposals, by the sequence number of the approval."""

    def text(self, key: str, **values: object) -> str:
        """Return the notice *key* in the person's language."""
        return self.notices.text(self.language, key, **values)

    def word(self, command: str) -> str:
        """Return what to write for *command*."""
        return self.notices.word(self.language, command)

    def reply(self, text: str, kind: Kind = Kind.NOTICE, actions: Iterable[str] = ()) -> Reply:
        """Return *text* as an answer for the person alone."""
        return self.notices.reply(
            self.message, self.language, text, kind=kind, actions=actions, private=True
        )

    def turn(self, reply: Reply, *, ends: bool = False, why: str = "") -> Turn:
        """Return the turn that obeys."""
        return Turn(
            message=self.message,
            language=self.language,
            command=self.name,
            reply=reply,
            why=why or self.name,
            ends=ends,
        )

    def told(
        self, key: str, *, actions: Iterable[str] = (), ends: bool = False, **values: object
    ) -> Turn:
        """Return the turn that answers with the notice *key*."""
        return self.turn(self.reply(self.text(key, **values), actions=actions), ends=ends)
