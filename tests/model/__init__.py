"""The small language model of ``make test-model``, and the bot put before it."""

from __future__ import annotations

from collections.abc import Sequence

from bot import wiring
from bot.domain import Decision, Dialogue, Draft, Idea, Message, Move, Room, Turn
from bot.gate import judge as judge_all
from bot.gate import outcome
from bot.ports import ChatModel
from bot.settings import ModelSettings, Settings
from tests.conftest import NOON

Asked = tuple[str, str, int]
"""The question, who worded it (a `Source` value), and how many drafts it took."""
_ROOM = Room("lab", "lab")


async def ask(texts: Sequence[str], lang: str, model: ChatModel, strategy: str) -> Asked:
    """Return what the bot says to someone who wrote *texts*."""
    settings = Settings(model=ModelSettings.model_validate({"strategy": strategy}))
    service = wiring.service(settings, wiring.memory(), model)
    message = Message(id="1", room=_ROOM, sender="ana", text=texts[-1], sent_at=NOON)
    turn, draft = await service.worded(Turn(message=message, language=lang), _said(texts, lang))
    if draft is None:
        raise AssertionError("no question passed the gates")
    return draft.text, draft.source.value, len(turn.attempts)


async def judge(texts: Sequence[str], lang: str, question: str) -> Decision:
    """Return what all gates together decide on *question*, by a second, fresh look."""
    service = wiring.service(Settings(), wiring.memory())
    draft = Draft(text=question, move=Move.CLARIFY)
    return outcome(await judge_all(service.gates, draft, _said(texts, lang)))


def _said(texts: Sequence[str], lang: str) -> Dialogue:
    return Dialogue(
        room=_ROOM, sender="ana", language=lang, consented=True, idea=Idea(texts=tuple(texts))
    )
