"""Requests to Discord: tried again while it is down, errors said in words an operator can use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from time import monotonic
from typing import Any

import aiohttp
import discord
from discord.http import HTTPClient, Route, handle_message_parameters

from bot.domain import Reply
from bot.errors import ConfigError, DeliveryError

log = logging.getLogger(__name__)

PATIENCE_S = 900.0
"""Seconds for which a request is tried again while Discord is down."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_INTERACTION = 10003, 10008, 10062
ACKNOWLEDGED = 40060
NO_ACCESS, NO_PERMISSION = 50001, 50013
ARCHIVED, LOCKED, HAS_THREAD = 50083, 160005, 160004
UNAUTHORISED, SERVER_ERROR = 401, 500
NEEDED = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "create_public_threads": "Create Public Threads",
    "read_message_history": "Read Message History",
    "attach_files": "Attach Files",
}
"""Permissions the bot needs, and what Discord's settings call them."""

TRANSIENT = (OSError, aiohttp.ClientError, asyncio.TimeoutError)


@dataclass
class Rest:
    """Discord's REST interface for one client."""

    client: discord.Client
    wait: Callable[[float], Any] = asyncio.sleep
    """How to wait between tries."""

    @property
    def http(self) -> HTTPClient:
        """discord.py's own client, which keeps to every rate limit."""
        return self.client.http

    async def request(
        self,
        route: Route,
        *,
        json: Any = None,
        attached: Reply | None = None,
        again: Callable[[], Any] | None = None,
    ) -> Any:
        """Return Discord's answer to *json*, with the document of *attached* beside it.

        Before it is tried again, *again* may find that it was done already.

        Raises:
            DeliveryError: Discord cannot be reached for `PATIENCE_S` seconds.
            discord.HTTPException: It refuses.
        """
        until, pause = monotonic() + PATIENCE_S, FIRST_WAIT_S
        while True:
            try:
                return await self.once(route, json, attached)
            except TRANSIENT as exc:
                reason = type(exc).__name__
            except discord.HTTPException as exc:
                if exc.status == UNAUTHORISED:
                    raise ConfigError(REFUSED) from exc
                if exc.status < SERVER_ERROR:
                    raise
                reason = str(exc.status)
            if monotonic() > until:
                raise DeliveryError(
                    f"Discord could not be reached for {PATIENCE_S:.0f} s: {reason}"
                )
            log.warning("Discord: %s failed (%s); again in %.0f s", route.method, reason, pause)
            await self.wait(pause)
            pause = min(2 * pause, LONGEST_WAIT_S)
            if again and (done := await again()) is not None:
                return done

    async def once(self, route: Route, json: Any = None, attached: Reply | None = None) -> Any:
        """Return Discord's answer, without trying again for longer than discord.py does."""
        if attached is None or not attached.document:
            return await self.http.request(route, **({} if json is None else {"json": json}))
        raw = BytesIO(attached.document.encode())
        file = discord.File(raw, filename=attached.document_name)
        with handle_message_parameters(file=file) as made:
            return await self.http.request(
                route, files=made.files, form=_with(json, made.multipart or [])
            )


REFUSED = (
    "Discord refuses the token: make a new one (Developer Portal, Bot, Reset Token) and set it "
    "as DISCORD_BOT_TOKEN"
)


def _with(json: Any, form: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *form*, a message with a file, with all that *json* says in it."""
    own = discord.utils._from_json(next(f["value"] for f in form if f["name"] == "payload_json"))  # noqa: SLF001 - the library's own JSON
    said = discord.utils._to_json({**json, "attachments": own["attachments"]})  # noqa: SLF001
    return [{**f, "value": said} if f["name"] == "payload_json" else f for f in form]


def explained(error: discord.HTTPException, client: discord.Client, channel: str) -> DeliveryError:
    """Return *error* as a sentence that says what to do."""
    if error.code == LOCKED:
        return DeliveryError(f"Discord: thread {channel} is locked; unlock it to go on")
    if error.code in (NO_ACCESS, NO_PERMISSION):
        missing = lacking(client.get_channel(int(channel))) or tuple(NEEDED.values())
        return DeliveryError(
            f"Discord: the bot may not write in channel {channel}; grant it: {', '.join(missing)}"
        )
    if error.code in (UNKNOWN_CHANNEL, UNKNOWN_MESSAGE):
        return DeliveryError(f"Discord: channel {channel} or the message in it was deleted")
    return DeliveryError(f"Discord refused the message: {error.status}, code {error.code}")


def lacking(channel: object) -> tuple[str, ...]:
    """Return the names of the permissions that the bot lacks in *channel*."""
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return ()
    try:
        granted = channel.permissions_for(channel.guild.me)
    except discord.ClientException:  # a thread whose channel the bot cannot see
        return (NEEDED["view_channel"],)
    return tuple(name for key, name in NEEDED.items() if not getattr(granted, key))
