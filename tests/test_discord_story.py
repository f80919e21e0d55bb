"""What people live through on Discord, told as stories: real discord.py on a simulated Discord."""

from __future__ import annotations

import pytest

from bot.domain import Consent, Delivery, Kind, Turn
from tests.conftest import BENCHES
from tests.discord_world import world


async def test_a_mention_opens_a_thread_and_nothing_is_kept_before_consent():
    async with world() as w:
        await w.sends(w.mention(BENCHES))
        assert len(w.channel.threads) == 1
        (welcome,) = w.said()
        assert "Café Socrate" in welcome.content and "(IA)" in welcome.content
        (turn, delivery) = await w.events()
        assert turn.message.text == "" and isinstance(delivery, Delivery)
