"""Whether Discord is set up as it must be: what `socrate check` says about it."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from adapters.discord.rest import NEEDED

PERMISSIONS = discord.Permissions(**dict.fromkeys(NEEDED, True))
"""The least that the bot needs; none of them is one that only administrators should have."""
SCOPES = ("bot", "applications.commands")
SCARCE = 20
"""Connections left today below which something must be wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    fine: bool
    name: str
    detail: str


def invite(application: int) -> str:
    """Return the address at which a server's administrator adds the bot."""
    return discord.utils.oauth_url(application, permissions=PERMISSIONS, scopes=SCOPES)


async def check(token: str, *, message_content: bool, moderators: str = "") -> list[Finding]:
    """Return what is found with *token*, without connecting to the gateway.

    Raises:
        OSError: Discord cannot be reached.
    """
    async with discord.Client(intents=discord.Intents.none()) as client:
        try:
            await client.login(token)
        except discord.LoginFailure:
            return [Finding(fine=False, name="token", detail="refused: make a new one")]
        found = [Finding(fine=True, name="token", detail=f"accepted: {client.user}")]
        found.append(await _connections(client))
        found.append(await _content(client, message_content))
        if moderators:
            found.append(await _moderators(client, moderators))
        found.append(
            Finding(fine=True, name="invite", detail=invite(client.application_id or 0)),
        )
        return found


async def _connections(client: discord.Client) -> Finding:
    _shards, _url, limit = await client.http.get_bot_gateway()
    left, total = limit["remaining"], limit["total"]
    return Finding(fine=left >= SCARCE, name="connections", detail=f"{left} of {total} left today")


async def _content(client: discord.Client, wanted: bool) -> Finding:
    flags = client.application_flags
    granted = flags.gateway_message_content or flags.gateway_message_content_limited
    if wanted and not granted:
        detail = "asked for, but off: Developer Portal, Bot, Message Content Intent"
        return Finding(fine=False, name="message content", detail=detail)
    detail = "read in its threads" if wanted else "not asked for: people reply, or use buttons"
    return Finding(fine=True, name="message content", detail=detail)


async def _moderators(client: discord.Client, channel: str) -> Finding:
    try:
        await client.fetch_channel(int(channel))
    except discord.HTTPException as exc:
        detail = f"channel {channel} cannot be seen ({exc.status}): give the bot View Channel there"
        return Finding(fine=False, name="moderators", detail=detail)
    return Finding(fine=True, name="moderators", detail=f"channel {channel}")
