"""The nouns of the service: frozen, comparable, free of I/O. Defined in docs/glossary.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, IntEnum
from hashlib import sha256
from typing import Any, Literal, TypeAlias

LANGUAGES = ("fr", "en", "de", "ar")
"""ISO 639-1 codes of the languages every text exists in, in the project's order."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where a debate happens: a Matrix room, a Discord thread, a terminal."""

    platform: str
    id: str
    debate: str = ""
    """The debate it is part of, for which consent is given; empty where it is one itself."""

    @property
    def place(self) -> str:
        """The debate, whether the room is one or is part of one."""
        return self.debate or self.id

    @property
    def address(self) -> str:
        """The place and its platform, as `Cafe.places` has them."""
        return f"{self.platform}:{self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a citizen wrote, as an adapter understood it."""

    id: str
    """The platform's event id: unique within the platform."""
    room: Room
    sender: str
    """A pseudonym, never the platform's name for the person."""
    text: str
    sent_at: datetime
    addressed: bool = True
    """Whether it is meant for the bot. What is not is neither kept nor read."""
    called: bool = True
    """Whether it calls the bot: by name, by command, in reply; not merely in its thread."""
    language: str | None = None
    """Set where the platform knows it; detected otherwise."""
    command: str | None = None
    """What a button, a reaction or a slash command stands for; recognised in the text otherwise."""
    about: str | None = None
    """The platform's id of the bot's message it replies to, or whose button was pressed."""
    moderator: bool = False
    """Whether it comes from somebody who answers for the debate, in their place for it."""
    edits: str | None = None
    """Id of the earlier message whose text it replaces; without text, that one was deleted."""


class Move(Enum):
    """What a question asks for, least directive first (docs/reference/rules.md, rule 6)."""

    CLARIFY = "clarify"
    EXAMPLE = "example"
    REASONS = "reasons"
    PEOPLE = "people"
    CONDITIONS = "conditions"
    MEASURE = "measure"
    ASSUMPTIONS = "assumptions"
    VIEWPOINTS = "viewpoints"
    CONSEQUENCES = "consequences"
    CHECK_BACK = "check-back"


class Label(Enum):
    """The ways in which words can steer, and what screens find. See docs/reference/rules.md."""

    OPINION = "opinion"
    ADVOCACY = "advocacy"
    LEADING = "leading"
    PRESUPPOSITION = "presupposition"
    FALSE_DILEMMA = "false-dilemma"
    SUGGESTION = "suggestion"
    LOADED = "loaded"
    UNSOURCED_FACT = "unsourced-fact"
    MULTIPLE = "multiple"
    ELECTORAL = "electoral"
    IDENTITY = "identity"
    TONE = "tone"
    FORM = "form"
    # What only a citizen's message can be:
    JUDGEMENT = "judgement"
    DISTRESS = "distress"
    INJECTION = "injection"
    PERSONAL_DATA = "personal-data"
    EMPTY = "empty"
    LANGUAGE = "language"
    # What only a machine can do:
    FAILURE = "failure"


class Register(Enum):
    """How the person is addressed, following how they address the bot."""

    FORMAL = "formal"
    FAMILIAR = "familiar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A question vetted by people, in one language and register."""

    id: str
    move: Move
    plain: str
    """The question as it stands."""
    slotted: str = ""
    """The question with ``{slot}`` for a verbatim span of the person's words.

    Empty where a quote would turn its sense: who is against « the wall » does not propose it.
    """
    suits: Literal["any", "proposal", "statement", "greeting"] = "any"
    """What it is asked of: any contribution, a ``proposal``, a ``statement``, a ``greeting``."""
    easy: str = ""
    """The question in easier words, without a quote."""
    without: frozenset[str] = frozenset()
    """Aspects (`ASPECTS` of ``bot/reading.py``) that leave nothing for it to ask."""
    everyday: bool = False
    """Whether it is asked only of what belongs to everyday life: work, housing, school …"""
    names: bool = False
    """Whether its quote only names the subject, which is the same for and against."""

    def fill(self, slot: str | None) -> str:
        """Return the question, quoting *slot* if there is one and it may be quoted."""
        return self.slotted.replace("{slot}", slot) if slot and self.slotted else self.plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Exactly what the language model is shown."""

    system: str
    """Written by the project; never a citizen's text."""
    user: str
    ref: str
    """``language:name@digest`` of the template, for the record."""
    schema: dict[str, Any] | None = None
    """JSON schema the answer must follow, or None for free text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a language model returned, and which one it was."""

    text: str
    model: str
    digest: str = ""
    """Digest of the weights where the server tells it."""
    params: tuple[tuple[str, str], ...] = ()
    """Parameters that reproduce the answer: temperature, seed, num_ctx, …"""


class Source(Enum):
    """Who worded a question."""

    FRAME = "frame"
    """Code chose a vetted frame."""
    SELECT = "select"
    """A model chose a vetted frame and the person's words to quote."""
    DRAFT = "draft"
    """A model wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A question the agent would like to ask."""

    text: str
    move: Move
    source: Source = Source.DRAFT
    frame: str | None = None
    """Id of the vetted frame, or None where a model wrote the text."""
    slot: str | None = None
    """The person's words quoted in it."""
    prompt: str = ""
    """Reference of the prompt that led to it; empty without a model."""
    raw: str = ""
    """The model's answer to the letter, cut to a bound; empty without a model."""
    answer: Answer | None = None
    """The model's identity and parameters; None without a model."""
    asked: Prompt | None = None
    """Exactly what the model was shown; None without a model."""
    alarm: bool = False
    """Whether the model holds that a person is needed, not a question."""


class Decision(IntEnum):
    """What a policy wants done. Ordered, so that the gravest wins."""

    ALLOW = 0
    REVISE = 1
    WITHHOLD = 2
    ESCALATE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a policy saw, where it saw it, and why it matters."""

    rule: str
    label: Label
    start: int = 0
    end: int = 0
    """Span in the judged text, in code points: ``text[start:end]``."""
    reason: str = ""
    """A sentence a moderator can read, in the language of the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One policy's opinion of one utterance."""

    policy: str
    decision: Decision = Decision.ALLOW
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A draft and what every policy said of it."""

    draft: Draft
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """Something the participant may ask of the process: never a ready answer."""

    name: str
    """A command of ``bot/commands.py``."""
    label: str
    """How a platform shows it, in the person's language."""
    symbol: str = ""
    """The same as an emoji, for reactions and buttons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a platform may offer in a menu, in one language."""

    name: str
    """As `Action.name` and `Message.command` have it."""
    word: str
    """For a slash command: lower case, no spaces, 32 characters at most."""
    label: str
    """For a button."""
    about: str
    """What it does, in 100 characters at most."""
    symbol: str
    moderator: bool = False
    """Whether it is for those who answer for the debate."""


class Kind(Enum):
    """What sort of thing the bot says."""

    QUESTION = "question"
    RECAP = "recap"
    NOTICE = "notice"
    GOODBYE = "goodbye"
    DECLINE = "decline"
    HELP = "help"
    """A human hand-off."""
    CASE = "case"
    """Something for moderators to look at, where they answer for the debate."""
    VERDICT = "verdict"
    """What a moderator answered, brought to the person."""
    DATA = "data"
    """What is kept about the person, for them alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the bot says, to which message, and what can be done next."""

    room: Room
    to: str
    """Id of the message it answers."""
    text: str
    kind: Kind
    language: str
    actions: tuple[Action, ...] = ()
    person: str = ""
    """Pseudonym of the person who is answered; empty where it is for the room."""
    private: bool = False
    """Whether it is for that person alone, where the platform can do so."""
    cause: str = ""
    """Id of the moderator's message that led to it, where the person's own did not."""
    number: int = 0
    """Sequence number of the entry that holds it; known, and set, once it is on record."""
    document: str = ""
    """A file to be handed over with it; made when it is sent, and not on record."""
    document_name: str = ""
    """What that file is called."""

    @property
    def send_id(self) -> str:
        """The same id for the same occasion, so that sending twice says it once."""
        occasion = (self.room.platform, self.room.id, self.to, self.cause)
        key = "\n".join(part for part in occasion if part)
        return sha256(key.encode(errors="surrogatepass")).hexdigest()[:24]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One exchange, with all a person needs to judge and reproduce it."""

    message: Message
    """As it was kept: without consent, its text is empty."""
    joined: tuple[Message, ...] = ()
    """Messages the person sent just before, answered together with it; oldest first."""
    language: str
    command: str | None = None
    """The command the message was, if it was one."""
    easy: bool = False
    """Whether the person is spoken to in easier words from here on."""
    screening: tuple[Verdict, ...] = ()
    move: Move | None = None
    attempts: tuple[Attempt, ...] = ()
    reply: Reply | None = None
    turn: int | None = None
    """Sequence number of the entry whose words it shows to somebody else, if it does."""
    why: str = ""
    """Why this was said, in one machine-readable word or two: ``ladder``, ``budget spent``, …"""
    depth: int = 0
    """How many questions had been asked on the idea before."""
    policy: str = ""
    """``policies@digest`` of the rules and words it was judged by."""
    ends: bool = False
    """Whether this turn closes the idea: the next contribution opens a new one."""
    bare: bool = False
    """Whether the message says nothing of the idea: « oui », « merci », « j'ai une question »."""


PURPOSES = ("reply", "audit", "research")
"""What consent may be given for. The first two go together: nothing is said off the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A person's yes or no to being kept on record, given by an act."""

    message: Message
    """The act, its text replaced by the command it stands for."""
    granted: bool
    notice: str
    """``language:version@digest`` of the notice the person was shown."""
    purposes: tuple[str, ...] = ()
    """What for: some of `PURPOSES`; none where it is refused or withdrawn."""
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of a person's own, and where they wrote it."""

    text: str
    turn: int
    """Sequence number of the entry that holds it."""
    message: str
    """Id of the message it stands in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person approves their idea as the recap gives it: it becomes a proposal."""

    message: Message
    sentences: tuple[Sentence, ...]
    language: str
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the organiser says came of a proposal, and why."""

    turn: int
    """Sequence number of the approval."""
    state: str
    """``synthesis``, ``adopted``, ``declined`` or ``other``."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cafe:
    """A debate: what it is about, who answers for it, where and when it is held."""

    name: str
    state: str
    """``planned``, ``open`` or ``closed``; the newest one of a name counts."""
    topic: str = ""
    organiser: str = ""
    contacts: str = ""
    languages: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    """``platform:place`` of each room or channel it is held in."""
    opens: str = ""
    """ISO 8601 date; empty for at once."""
    closes: str = ""
    """ISO 8601 date, the last day included; empty until it is closed by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Whether a platform carried a reply."""

    turn: int
    """Sequence number of the entry that holds the reply."""
    external_id: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A participant says that a question is leading."""

    message: Message
    turn: int
    """Sequence number of the entry that holds the question; 0 if none was asked."""
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something that a moderator ought to see: a hand-off, a contest."""

    turn: int
    """Sequence number of the entry that led to it."""
    cause: str
    """``hand-off``, ``request`` or ``contest``."""
    reply: Reply | None = None
    """What moderators are shown; None where the platform has no place for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A moderator's judgement of an entry."""

    turn: int
    moderator: str
    """A pseudonym."""
    finding: str
    """``upheld``, ``rejected`` or ``answered``; in a plain review ``neutral`` or a label."""
    note: str = ""
    message: Message | None = None
    """Where the moderator said so, if on a platform."""
    reply: Reply | None = None
    """What the person is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An entry without the words that were taken back."""

    turn: int
    """Sequence number of the entry that had them."""
    event: Turn | Approval
    """What stands in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectification:
    """A person edited or deleted what they had written."""

    message: Message
    """The edit; its text is in the changes only."""
    erased: tuple[int, ...] = ()
    """The entries it erases: the changed ones, and earlier changes of them."""
    changes: tuple[Change, ...] = ()
    """What stands in their place: all that still holds of earlier changes included."""
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Entries whose contents are gone for good; their leaves stay."""

    erased: tuple[int, ...]
    cause: str
    """``person``, ``retention``, ``operator`` (`socrate audit erase`), ``officer`` (console)."""
    note: str = ""
    """Why, in an operator's or officer's words."""
    message: Message | None = None
    """The request, without its sender."""
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What is left of an entry whose contents were erased."""

    kind: str
    """What it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Somebody who answers for the debate read what people wrote in an entry."""

    turn: int
    """Sequence number of the entry that was read."""
    reader: str
    """The account, as the console knows it."""
    reason: str


Event: TypeAlias = (
    Turn
    | Consent
    | Delivery
    | Contest
    | Case
    | Review
    | Rectification
    | Erasure
    | Erased
    | Approval
    | Outcome
    | Cafe
    | Access
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event as recorded: numbered, dated, a leaf of the record's tree."""

    seq: int
    """From 1, without gaps."""
    at: datetime
    event: Event
    seal: str
    """Hash of its leaf, in hexadecimal: with a proof, it shows that nobody changed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An entry in a list: what can be said of it without reading what anybody wrote."""

    seq: int
    at: datetime
    kind: str
    """What sort of event it is, as the record names it."""
    platform: str = ""
    debate: str = ""
    room: str = ""
    language: str = ""
    said: str = ""
    """The kind of the reply; empty if nothing was said."""
    command: str = ""
    why: str = ""
    """Why a turn is as it is, a review's finding, what a case was for: see `storage.tally`."""
    move: str = ""
    source: str = ""
    """Who worded the question that was sent."""
    decision: str = ""
    """The gravest verdict on any draft, in lower case; empty where nothing was judged."""
    labels: tuple[str, ...] = ()
    """Labels found in the message or in any draft, each once, in alphabetical order."""
    turn: int = 0
    """The entry it is about; 0 if none."""
    contested: bool = False
    reviewed: bool = False
    erased: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries a list holds; what is empty or None does not matter."""

    kind: str = ""
    platform: str = ""
    debate: str = ""
    language: str = ""
    said: str = ""
    move: str = ""
    source: str = ""
    decision: str = ""
    label: str = ""
    contested: bool | None = None
    reviewed: bool | None = None
    since: str = ""
    """ISO 8601 date, that day included."""
    until: str = ""
    """ISO 8601 date, that day included."""
    before: int = 0
    """Only entries with a smaller number: where the next page starts; 0 for the newest."""


Tallies: TypeAlias = Mapping[str, Mapping[str, int]]
"""Counts by dimension and value: ``{"language": {"fr": 12, "ar": 3}, …}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """A name or personal datum that a placeholder stands for."""

    placeholder: str
    """Such as ``[PARTY_1]``: the same for the same words throughout an idea."""
    kind: str
    """What it is: ``PARTY``, ``PERSON``, ``PHONE``, …"""
    text: str
    """What the person wrote."""
    personal: bool
    """Whether it is personal data, which is never said again by the bot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """Texts with names and personal data replaced: all that rules and models see."""

    texts: tuple[str, ...]
    hidden: tuple[Hidden, ...] = ()

    def restored(self, text: str) -> str:
        """Return *text* with public names back in place; personal data stays hidden."""
        for hidden in self.hidden:
            if not hidden.personal:
                text = text.replace(hidden.placeholder, hidden.text)
        return text


@dataclass(frozen=True, slots=True)
class Asked:
    """A question already put on this idea."""

    text: str
    move: Move
    frame: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """What one person has said of one idea so far, and what they were asked."""

    texts: tuple[str, ...] = ()
    """Their messages, oldest first, the one being answered included, as written."""
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """Where an exchange stands: rebuilt from the record, never stored apart."""

    room: Room
    sender: str
    language: str | None = None
    """The language of the thread so far, if there was one."""
    consented: bool = False
    purposes: tuple[str, ...] = ()
    """What consent was given for."""
    easy: bool = False
    """Whether the person asked for easier words."""
    greeted: bool = False
    """Whether the person has been shown the notice."""
    idea: Idea = field(default_factory=Idea)
    last: Turn | None = None
    """The latest turn in which a question was asked, for « why? » and contests."""
    last_seq: int = 0
    """Sequence number of that turn's entry; 0 if there is none."""


IDEA_REPLIES = (Kind.QUESTION, Kind.RECAP)
"""The replies that carry an idea on."""
GROUP_RULES = frozenset({"too-many-words", "turn-sharing"})
"""Why nothing was asked, among several people, of what was heard all the same."""


def contributes(turn: Turn) -> bool:
    """Return whether *turn* carries words of the person's own on their idea."""
    answered = turn.reply.kind in IDEA_REPLIES if turn.reply else turn.why in GROUP_RULES
    return answered and turn.command is None


def standing(entries: Sequence[Entry]) -> list[Entry]:
    """Return *entries*, oldest first, with what was changed later in its place."""
    changed = {
        change.turn: change.event
        for entry in entries
        if isinstance(entry.event, Rectification)
        for change in entry.event.changes
    }
    return [
        replace(entry, event=changed.get(entry.seq, entry.event))
        if isinstance(entry.event, Erased)
        else entry
        for entry in entries
    ]
