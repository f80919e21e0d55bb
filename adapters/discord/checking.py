"""Whether Discord is set up as it must be: what `socrate check` says about it."""

from __future__ import annotations

import aiohttp
import discord
from discord.http import Route

from adapters.discord.rest import NEEDED, REFUSED
from bot.errors import ConfigError, DeliveryError

PERMISSIONS = discord.Permissions(**dict.fromkeys(NEEDED, True))
"""The least that the bot needs; none of them is one that only administrators should have."""
SCOPES = ("bot", "applications.commands")
SCARCE = 20
"""Connections left today below which something must be wrong."""


def invite(application: int) -> str:
    """Return the address at which a server's administrator adds the bot."""
    return discord.utils.oauth_url(application, permissions=PERMISSIONS, scopes=SCOPES)


async def check(
    token: str, *, message_content: bool, moderators: str = "", api: str = Route.BASE
) -> str:
    """Return where to add the bot, without connecting to the gateway.

    Raises:
        ConfigError: Something is not set up; the message says what to do.
        DeliveryError: Discord cannot be reached.
    """
    Route.BASE = api
    async with discord.Client(intents=discord.Intents.none()) as client:
        try:
            await client.login(token)
            left = await _connections(client)
            _content(client, wanted=message_content)
            if moderators:
                await _moderators(client, moderators)
        except discord.LoginFailure as exc:
            raise ConfigError(REFUSED) from exc
        except (OSError, aiohttp.ClientError, discord.DiscordException) as exc:
            raise DeliveryError(f"Discord cannot be reached: {type(exc).__name__}") from exc
        return f"{left} connections left today; add it at {invite(client.application_id or 0)}"


async def _connections(client: discord.Client) -> int:
    _shards, _url, limit = await client.http.get_bot_gateway()
    if limit["remaining"] < SCARCE:
        raise ConfigError(
            f"only {limit['remaining']} connections are left today: find out why it restarts"
        )
    return limit["remaining"]


def _content(client: discord.Client, *, wanted: bool) -> None:
    flags = client.application_flags
    if wanted and not (flags.gateway_message_content or flags.gateway_message_content_limited):
        raise ConfigError(
            "the Message Content intent is off: switch it on (Developer Portal, Bot) or set "
            "discord.message_content = false"
        )


async def _moderators(client: discord.Client, channel: str) -> None:
    try:
        await client.fetch_channel(int(channel))
    except discord.Forbidden as exc:
        raise ConfigError(f"give the bot View Channel in the moderators' {channel}") from exc
    except (discord.NotFound, ValueError) as exc:
        raise ConfigError(f"discord.moderators: there is no channel {channel}") from exc
