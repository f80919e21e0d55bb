"""What the core asks of the outside world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.domain import (
    Answer,
    Cafe,
    Dialogue,
    Draft,
    Entry,
    Event,
    Filter,
    Frame,
    Label,
    Line,
    Masked,
    Message,
    Prompt,
    Register,
    Reply,
    Room,
    Tallies,
    Verdict,
)


class Platform(Protocol):
    """A chat network. One module each in ``adapters/``."""

    @property
    def name(self) -> str:
        """What it is called in the configuration and on record."""
        ...

    @property
    def moderators(self) -> Room | None:
        """Where those who answer for the debate are shown cases, if anywhere."""
        ...

    def messages(self, cursor: str | None) -> AsyncIterator[tuple[Message | None, str]]:
        """Yield what citizens write since *cursor*, each with the cursor to keep with it.

        A message that was yielded before may come again: its id tells. None instead of a
        message only moves the cursor.
        """
        ...

    async def send(self, reply: Reply) -> str:
        """Post *reply* under its ``send_id``; return the platform's id for it.

        Sending the same ``send_id`` twice shows one message.

        Raises:
            DeliveryError: The platform refused.
        """
        ...


class ChatModel(Protocol):
    """A language model. One module each in ``adapters/``."""

    @property
    def name(self) -> str:
        """Which model it is, as the configuration names it."""
        ...

    async def complete(self, prompt: Prompt) -> Answer:
        """Return the model's answer, bounded in time and size.

        Raises:
            ModelError: No usable answer, whatever the cause.
        """
        ...


class Policy(Protocol):
    """A rule on what may be answered or said. One module each in ``policies/``."""

    @property
    def name(self) -> str:
        """What it is called in the configuration and on record."""
        ...

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Judge *utterance*; ``dialogue.language`` is set, ``dialogue.idea`` holds the words.

        The verdict depends on nothing but these two.
        """
        ...


class PromptBook(Protocol):
    """The bot's words. One folder per language in ``prompts/``."""

    def frames(self, language: str, register: Register) -> Sequence[Frame]:
        """Return every vetted question, in a fixed order."""
        ...

    def text(self, language: str, key: str) -> str:
        """Return the notice or prompt called *key*, such as ``notice.welcome``.

        Raises:
            ConfigError: There is none of that name.
        """
        ...

    def lexicon(self, language: str, name: str) -> Mapping[str, Any]:
        """Return one of the language's word lists, as its TOML file gives it.

        Raises:
            ConfigError: There is none of that name.
        """
        ...


class Lemmatiser(Protocol):
    """The dictionary forms of words."""

    def lemmas(self, word: str, language: str) -> frozenset[str]:
        """Return the forms under which *word* counts as the same word, itself included."""
        ...

    def knows(self, word: str, language: str) -> bool:
        """Return whether *word* is in the dictionary of *language*; True where there is none."""
        ...


class LanguageDetector(Protocol):
    """Which language a text is in."""

    def detect(self, text: str) -> Mapping[str, float]:
        """Return a score from 0 to 1 for each language the text may be in."""
        ...


class Classifier(Protocol):
    """What was learned of how questions are formed that steer, and of how neutral ones are."""

    def steering(
        self, question: str, texts: Sequence[str], language: str, *, unsure: bool = False
    ) -> Label | None:
        """Return in what way *question*, put on *texts*, most probably steers; None if not.

        *unsure* asks so of all that is not `clear`.

        Raises:
            OSError: Nothing was learned for *language*.
        """
        ...

    def clear(self, question: str, texts: Sequence[str], language: str) -> bool:
        """Return whether hardly any question that steers is formed like *question*.

        Raises:
            OSError: Nothing was learned for *language*.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a policy is built from."""

    book: PromptBook
    lemmatiser: Lemmatiser
    detector: LanguageDetector
    classifier: Classifier


class Masker(Protocol):
    """Hides names and personal data before any rule or model reads a text."""

    def mask(self, texts: Sequence[str], language: str) -> Masked:
        """Return *texts* with placeholders; the same words get the same one in all of them."""
        ...


class Record(Protocol):
    """The append-only record and the only memory. Implemented in ``storage/``."""

    async def append(self, event: Event) -> Entry:
        """Record *event* durably before returning.

        In the same transaction the message it answers leaves the inbox, and a reply it
        holds enters the outbox; a `Delivery` takes it out. A second event for a message
        already answered is not recorded: the first one's entry is returned. So it is with a
        second `Case` for an entry, and with a `Review` from no platform that decides what is
        decided, or is its moderator's second plain one. What a `Rectification` or an `Erasure`
        names is erased.

        Raises:
            StorageError: It is not on record; the caller must stay silent.
        """
        ...

    async def entry(self, seq: int) -> Entry | None:
        """Return the entry with that sequence number, if there is one."""
        ...

    async def theirs(self, room: Room, sender: str) -> Sequence[Entry]:
        """Return all that is on record of *sender* in the debate of *room*, oldest first.

        These are the entries that answer their messages, as they stand after later changes.
        """
        ...

    async def about(self, seq: int) -> Sequence[Entry]:
        """Return the entries about the entry *seq*: cases, reviews, outcomes, …; oldest first."""
        ...

    async def recent(self, room: Room, limit: int) -> Sequence[Entry]:
        """Return the last *limit* entries that answer messages in *room*, newest first."""
        ...

    async def last_command(self, room: Room, commands: Sequence[str]) -> str | None:
        """Return which of *commands* was obeyed last in *room*, whoever gave it."""
        ...

    async def cafes(self) -> Sequence[Cafe]:
        """Return the debates as they stand, in the order in which they were created."""
        ...

    async def delivered(self, platform: str, external_id: str) -> Entry | None:
        """Return the entry whose reply *platform* shows under that id, if there is one."""
        ...

    def entries(self, *, after: int = 0) -> AsyncIterator[Entry]:
        """Yield what is on record, oldest first, from sequence number *after* + 1."""
        ...

    async def dialogue(self, room: Room, sender: str) -> Dialogue:
        """Return where the exchange with *sender* in *room* stands."""
        ...


class Archive(Protocol):
    """The record as those who answer for it read it: lists and counts, without anybody's words."""

    async def lines(self, wanted: Filter, *, limit: int) -> Sequence[Line]:
        """Return at most *limit* entries that *wanted* describes, newest first."""
        ...

    async def findings(self, debate: str, *, limit: int) -> Sequence[tuple[int, str]]:
        """Return at most *limit* findings of reviews in *debate* (all of them if empty).

        Each with the entry it is about, newest first; see `storage.tally.reason`.
        """
        ...

    async def tallies(self, *, debate: str = "", since: str = "", until: str = "") -> Tallies:
        """Return how often what happened in *debate* (all of them if empty), by kind of fact.

        *since* and *until* are ISO 8601 dates, both included; empty for no bound. See
        `storage.tally` for the dimensions. Erasing changes no count.
        """
        ...


class Mailbox(Protocol):
    """What has come in and not been answered, what was decided and not been sent."""

    async def receive(self, message: Message, cursor: str) -> bool:
        """Keep *message* and the platform's *cursor* in one transaction.

        Return False, keeping nothing but the cursor, where its id is already known.

        Raises:
            StorageError: Neither is kept.
        """
        ...

    async def waiting(self, platform: str) -> Sequence[Message]:
        """Return the messages that no entry answers yet, oldest first."""
        ...

    async def unsent(self, platform: str) -> Sequence[Entry]:
        """Return the entries whose reply has no delivery yet, oldest first."""
        ...

    async def cursor(self, platform: str) -> str | None:
        """Return the platform's stored cursor, or None at the very start."""
        ...

    async def move(self, platform: str, cursor: str) -> None:
        """Keep *cursor* alone."""
        ...

    async def known(self, room: Room) -> bool:
        """Return whether a message of *room* was ever kept: whether the bot takes part in it."""
        ...

    async def received(self, platform: str, message: str) -> bool:
        """Return whether the message with the id *message* was ever kept."""
        ...

    async def author(self, platform: str, message: str) -> str | None:
        """Return the pseudonym of whoever wrote the message with that id, if it was kept."""
        ...


class Log(Protocol):
    """The record as a log that others can check: checkpoints and proofs, in C2SP's formats."""

    async def checkpoint(self) -> str:
        """Return the newest checkpoint, a signed note."""
        ...

    async def consistency(self, old: int, new: int) -> Sequence[bytes]:
        """Return the proof that the first *new* entries begin with the first *old* ones.

        Raises:
            StorageError: There are not as many entries.
        """
        ...

    async def proof(self, seq: int) -> str:
        """Return the tlog-proof of the entry numbered *seq*.

        Raises:
            StorageError: There is none.
        """
        ...

    async def vouched(self) -> str:
        """Return the newest checkpoint that a witness cosigned; empty if none has."""
        ...

    async def cosigned(self, note: str) -> None:
        """Keep the checkpoint *note*, which now bears cosignatures."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a witness answered, as it goes over HTTP."""

    status: int
    text: str
    kind: str = "text/plain"
    """Its content type."""


class Witness(Protocol):
    """Somebody elsewhere who remembers how far a log had come (C2SP tlog-witness)."""

    async def add(self, request: bytes) -> Statement:
        """Answer the add-checkpoint *request*: with a cosignature, or why there is none.

        Raises:
            WitnessError: It cannot be reached, or does not answer in time.
            StorageError: Its memory cannot be used; nothing is vouched for.
        """
        ...
