"""Discord: slash commands, threads and buttons, with no privileged intent."""

from adapters.discord.checking import check, invite
from adapters.discord.platform import Discord, Options

__all__ = ["Discord", "Options", "check", "invite"]
