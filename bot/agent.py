"""Choose what to ask for, and how: by vetted frames, with or without a model."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal, TypeAlias

from bot.domain import Answer, Dialogue, Draft, Frame, Idea, Move, Prompt, Source
from bot.errors import ModelError
from bot.ports import ChatModel, PromptBook
from bot.reading import Reader, Readers, Reading
from bot.text import clean, count_words, plain

Strategy: TypeAlias = Literal["built-in", "select", "draft"]

OPENING = (Move.CLARIFY, Move.EXAMPLE, Move.REASONS, Move.PEOPLE)
"""The least directive moves: one of them opens."""
LADDER = (*OPENING, Move.CONDITIONS, Move.MEASURE)
LATER = (Move.ASSUMPTIONS, Move.VIEWPOINTS, Move.CONSEQUENCES)
"""Only after two answers (rule 6)."""
FOLLOW_UPS = 3
"""Questions on one idea at most (rule 6)."""
SAME_KIND = 2
"""Questions of one move on one idea at most (rule 6)."""
QUESTION_WORDS = 20
RAW = 2_000
"""Characters of a model's answer that go on record."""
STRIDE = 13
"""A prime above the number of frames of any move: every frame has its turn."""
OFFERED = 12
"""Frames a model may choose among."""
QUOTES = 12
"""Groups of the person's words a model may choose among."""

_ALREADY = {
    Move.EXAMPLE: "example",
    Move.REASONS: "reason",
    Move.PEOPLE: "who",
    Move.MEASURE: "number",
}
"""What a contribution says already when a move has nothing left to ask."""
_SPECIFIC = frozenset({"who", "what", "reason", "example"})


def nothing_left(reading: Reading) -> bool:
    """Return whether the contribution is already specific (rule 8)."""
    return reading.says >= _SPECIFIC and bool(reading.says & {"where", "when"})


def spent(idea: Idea) -> bool:
    """Return whether the budget of questions on this idea is used up."""
    return len(idea.asked) >= FOLLOW_UPS


def choose_moves(idea: Idea, reading: Reading) -> tuple[Move, ...]:
    """Return the moves that may come next, the first to be tried first.

    What is asked depends on what was said and asked, never on which side it takes: see
    docs/decisions/0003-same-frame-for-both-sides.md.
    """
    if nothing_left(reading):
        return (Move.CHECK_BACK,)
    used = Counter(asked.move for asked in idea.asked)
    last = idea.asked[-1].move if idea.asked else None
    open_moves = [
        move
        for move in _rungs(len(idea.asked), reading)
        if used[move] < SAME_KIND and move is not last and _has_room(move, reading)
    ]
    fresh = sorted(open_moves, key=lambda move: used[move])
    return (*fresh, Move.CHECK_BACK)


def _rungs(depth: int, reading: Reading) -> Sequence[Move]:
    if reading.brief or reading.greets or depth == 1:
        return LADDER
    if depth == 0:
        return (*_turned(OPENING, reading), *LADDER[len(OPENING) :])
    return (*_turned(LATER, reading), *LADDER)


def _has_room(move: Move, reading: Reading) -> bool:
    if move in {Move.CONDITIONS, Move.MEASURE} and not reading.proposal:
        return False
    return _ALREADY.get(move) not in reading.says


def _turned(moves: Sequence[Move], reading: Reading) -> Sequence[Move]:
    """Return *moves* in another order for each topic, so that debates do not sound alike."""
    first, order = reading.topic % len(moves), reading.topic // len(moves)
    rest = [move for move in moves if move is not moves[first]]
    turn = order % len(rest)
    return (moves[first], *rest[turn:], *rest[:turn])


@dataclass(frozen=True)
class Agent:
    """Words questions. Whether they are asked is not its business."""

    book: PromptBook
    model: ChatModel | None = None
    strategy: Strategy = "built-in"
    fence: Callable[[], str] = lambda: secrets.token_hex(8)
    """Marks the person's text for a model; unguessable, so that the text cannot close it."""
    readers: Readers = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "readers", Readers(self.book))

    def asks_model(self, dialogue: Dialogue) -> bool:
        """Return whether a model words the next question: the last one is always vetted.

        The risk of steering grows with depth, so freedom shrinks with it (rule 6).
        """
        takes_part = self.model is not None and self.strategy != "built-in" and not dialogue.easy
        return takes_part and len(dialogue.idea.asked) < FOLLOW_UPS - 1

    def read(self, dialogue: Dialogue) -> Reading:
        """Return what the person's messages on this idea say so far."""
        return self._reader(dialogue).read(dialogue.idea.texts)

    def bare(self, text: str, language: str) -> bool:
        """Return whether *text* says nothing of an idea: « oui », « j'ai une question »."""
        return self.readers[language].bare(text)

    def vetted(self, dialogue: Dialogue, reading: Reading | None = None) -> Iterator[Draft]:
        """Yield vetted questions, the most fitting first, without a model.

        *reading* is what `read` returned, where it was called already.
        """
        reading = reading or self.read(dialogue)
        for move in choose_moves(dialogue.idea, reading):
            for frame in self._frames(dialogue, reading, move):
                if dialogue.easy and frame.easy:
                    yield _filled(replace(frame, plain=frame.easy), None)
                else:
                    yield _filled(frame, self._slot_for(frame, reading, dialogue.idea))

    async def draft(self, dialogue: Dialogue, advice: str = "") -> Draft:
        """Return one question a model chose or wrote; *advice* says what to mend.

        Its text is empty where the answer is no question at all.

        Raises:
            ModelError: There is no answer.
        """
        if self.model is None:
            raise ModelError("no language model is configured")
        write = self._select if self.strategy == "select" else self._write
        return await write(self.model, dialogue, advice)

    async def reword(self, said: Sequence[str], dialogue: Dialogue) -> Draft | None:
        """Return the sentences *said* as a model words them, or None where there is no model.

        Raises:
            ModelError: There is no usable answer.
        """
        if self.model is None:
            return None
        prompt = self._fenced(dialogue, "reword", " ".join(map(clean, said)))
        answer = await self.model.complete(prompt)
        return Draft(
            text=" ".join(answer.text.split()),
            move=Move.CHECK_BACK,
            prompt=prompt.ref,
            raw=answer.text[:RAW],
            answer=answer,
            asked=prompt,
        )

    async def _select(self, model: ChatModel, dialogue: Dialogue, advice: str) -> Draft:
        reading = self.read(dialogue)
        offered = self._offered(dialogue, reading)
        said, reader = dialogue.idea.texts[-1], self._reader(dialogue)
        quotes = reader.quotes(said)[:QUOTES]
        prompt = self._select_prompt(dialogue, offered, quotes, advice)
        answer = await model.complete(prompt)
        wished = frozenset(reader.quotes(said, reader.asks))
        if _alarmed(answer.text):
            return replace(_no_question(prompt, answer), alarm=True)
        chosen = _selected(answer.text, offered, quotes, wished)
        if chosen is None:
            return _no_question(prompt, answer)
        return _filled(*chosen, source=Source.SELECT, prompt=prompt, answer=answer)

    async def _write(self, model: ChatModel, dialogue: Dialogue, advice: str) -> Draft:
        move = choose_moves(dialogue.idea, self.read(dialogue))[0]
        prompt = self._write_prompt(dialogue, move, advice)
        answer = await model.complete(prompt)
        return Draft(
            text=answer.text.strip(),
            move=move,
            source=Source.DRAFT,
            prompt=prompt.ref,
            raw=answer.text[:RAW],
            answer=answer,
            asked=prompt,
        )

    def _frames(self, dialogue: Dialogue, reading: Reading, move: Move) -> list[Frame]:
        """Return the frames of *move* that fit, begun where the topic says."""
        asked = {a.frame for a in dialogue.idea.asked}
        heard = {_opener(a.text) for a in dialogue.idea.asked}
        everything = self.book.frames(self._language(dialogue), reading.register)
        frames = [f for f in everything if f.move is move and f.suits != "greeting"]
        start = reading.topic // len(OPENING)
        fitting = [
            frame
            for place in range(len(frames))
            # By strides: what does not fit is not always followed by the same neighbour.
            if (frame := frames[(start + place * STRIDE) % len(frames)]).id not in asked
            and frame.suits in {"any", "proposal" if reading.proposal else "statement"}
            and not frame.without & reading.says
            and (reading.everyday or not frame.everyday)
        ]
        if not heard:
            begin = [f for f in everything if f.move is move and f.suits == "greeting"]
            return [*begin, *fitting] if reading.greets else fitting
        # A new opening word is worth more than the topic's turn.
        return sorted(fitting, key=lambda frame: _opener(frame.plain) in heard)

    def _offered(self, dialogue: Dialogue, reading: Reading) -> tuple[Frame, ...]:
        moves = choose_moves(dialogue.idea, reading)
        frames = [f for move in moves for f in self._frames(dialogue, reading, move)[:4]]
        return tuple(frames[:OFFERED])

    def _slot_for(self, frame: Frame, reading: Reading, idea: Idea) -> str | None:
        """Return words to quote, if any.

        The last question leaves them out, since freedom shrinks.
        """
        slot = reading.subject if frame.names else reading.slot
        if slot is None or len(idea.asked) >= FOLLOW_UPS - 1:
            return None
        if any(slot in asked.text for asked in idea.asked):
            return None
        return slot if _may_quote(frame, slot) else None

    def _select_prompt(
        self, dialogue: Dialogue, offered: Sequence[Frame], quotes: Sequence[str], advice: str
    ) -> Prompt:
        question = [{"id": f.id, "question": f.fill("…")} for f in offered]
        said = [clean(text) for text in dialogue.idea.texts]
        user = {"messages": said, "questions": question, "quotes": quotes}
        return self._prompt(
            dialogue,
            "select",
            user=json.dumps(user, ensure_ascii=False),
            advice=advice,
            schema=_select_schema(offered, quotes),
        )

    def _write_prompt(self, dialogue: Dialogue, move: Move, advice: str) -> Prompt:
        said = "\n".join(clean(t) for t in dialogue.idea.texts)
        aim = self.book.text(self._language(dialogue), f"move.{move.value}")
        return self._fenced(dialogue, "draft", said, advice=advice, move=aim)

    def _fenced(
        self, dialogue: Dialogue, name: str, said: str, advice: str = "", **values: str
    ) -> Prompt:
        """Return the prompt *name* with what the person *said* between unguessable marks."""
        fence = self.fence()
        return self._prompt(
            dialogue,
            name,
            user=f"[{fence}]\n{said}\n[{fence}]",
            advice=advice,
            values={"fence": fence, **values},
        )

    def _prompt(
        self,
        dialogue: Dialogue,
        name: str,
        *,
        user: str,
        advice: str,
        schema: dict[str, Any] | None = None,
        values: dict[str, str] | None = None,
    ) -> Prompt:
        language = self._language(dialogue)
        system = self.book.text(language, f"prompt.{name}")
        if advice:
            system = f"{system}\n{self.book.text(language, 'prompt.repair')}"
        ref = f"{language}:{name}@{sha256(system.encode()).hexdigest()[:12]}"
        for key, value in {**(values or {}), "advice": advice}.items():
            system = system.replace(f"{{{key}}}", value)
        return Prompt(system=system, user=user, ref=ref, schema=schema)

    def _reader(self, dialogue: Dialogue) -> Reader:
        return self.readers[self._language(dialogue)]

    def _language(self, dialogue: Dialogue) -> str:
        if dialogue.language is None:
            raise ValueError("the language of a dialogue is known before a question is worded")
        return dialogue.language


def _filled(
    frame: Frame,
    slot: str | None,
    *,
    source: Source = Source.FRAME,
    prompt: Prompt | None = None,
    answer: Answer | None = None,
) -> Draft:
    return Draft(
        text=frame.fill(slot),
        move=frame.move,
        source=source,
        frame=frame.id,
        slot=slot,
        prompt=prompt.ref if prompt else "",
        raw=answer.text[:RAW] if answer else "",
        answer=answer,
        asked=prompt,
    )


def _no_question(prompt: Prompt, answer: Answer) -> Draft:
    """Return what is to be kept of an answer that chose nothing."""
    return Draft(
        text="",
        move=Move.CLARIFY,
        source=Source.SELECT,
        prompt=prompt.ref,
        raw=answer.text[:RAW],
        answer=answer,
        asked=prompt,
    )


def _select_schema(offered: Sequence[Frame], quotes: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "move": {"type": "string", "enum": sorted({f.move.value for f in offered})},
            "frame": {"type": "string", "enum": [f.id for f in offered]},
            "slot": {"type": "string", "enum": ["", *quotes]},
            "help": {"type": "boolean"},
        },
        "required": ["move", "frame", "slot", "help"],
        "additionalProperties": False,
    }


def _alarmed(text: str) -> bool:
    """Return whether a model says that somebody may be in danger."""
    try:
        return json.loads(text)["help"] is True
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _selected(
    text: str, offered: Sequence[Frame], quotes: Sequence[str], wished: Collection[str]
) -> tuple[Frame, str | None] | None:
    """Return the frame and words a model chose, or None where they were not offered to it.

    Only a question that names the subject quotes what is not *wished* for.
    """
    try:
        chosen = json.loads(text)
        frame = next(f for f in offered if f.id == chosen["frame"])
        slot = chosen["slot"]
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError):
        return None
    if slot not in ("", *quotes):
        return None
    quoted = slot and _may_quote(frame, slot) and (frame.names or slot in wished)
    return frame, slot if quoted else None


def _may_quote(frame: Frame, slot: str) -> bool:
    return bool(frame.slotted) and count_words(frame.fill(slot)) <= QUESTION_WORDS


def _opener(question: str) -> str:
    """Return the word a question begins with, past any quotation and what leads to it."""
    return plain(question).partition(" ")[0]
