"""What was written while the bot was away: read from the channels, oldest first."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

import discord

from adapters.discord.cursor import Cursor, time_of

log = logging.getLogger(__name__)

AT_MOST = 1000
"""Messages read of one channel after a gap."""
ARCHIVED_AFTER = timedelta(minutes=59)
"""Discord archives a thread after an hour of silence at the earliest."""


async def missed(
    client: discord.Client, guilds: Iterable[discord.Guild], cursor: Cursor
) -> AsyncIterator[discord.Message]:
    """Yield what was written since *cursor*; within a conversation, in its order.

    A channel comes before its threads: a message that starts a thread is the first of it.
    """
    for guild in guilds:
        for channel in guild.text_channels:
            async for message in _since(channel, channel.last_message_id, cursor):
                yield message
        for thread in guild.threads:
            async for message in _since(thread, thread.last_message_id, cursor):
                yield message
        async for thread in _archived(guild, cursor):
            async for message in _since(thread, thread.last_message_id, cursor):
                yield message
    for identifier in cursor.direct:
        direct = client.get_partial_messageable(identifier, type=discord.ChannelType.private)
        async for message in _since(direct, None, cursor):
            yield message


async def _since(
    channel: discord.TextChannel | discord.Thread | discord.PartialMessageable,
    newest: int | None,
    cursor: Cursor,
) -> AsyncIterator[discord.Message]:
    """Yield what was written in *channel*, whose *newest* message is known or not."""
    if newest is not None and newest <= cursor.again:
        return
    read = 0
    try:
        after = discord.Object(cursor.again)
        async for message in channel.history(after=after, oldest_first=True, limit=AT_MOST):
            read += 1
            yield message
    except discord.Forbidden:
        log.debug("Discord: channel %s cannot be read", channel.id)
    except discord.NotFound:
        log.debug("Discord: channel %s is gone", channel.id)
    if read == AT_MOST:
        log.warning("Discord: channel %s had more than %d messages to read", channel.id, AT_MOST)


async def _archived(guild: discord.Guild, cursor: Cursor) -> AsyncIterator[discord.Thread]:
    """Yield the threads that were archived since *cursor*."""
    if cursor.gap < ARCHIVED_AFTER:
        return
    channels: list[discord.TextChannel | discord.ForumChannel] = [
        *guild.text_channels,
        *guild.forums,
    ]
    for channel in channels:
        try:
            async for thread in channel.archived_threads(limit=None):
                if thread.archive_timestamp < time_of(cursor.again):
                    break
                yield thread
        except discord.Forbidden:
            log.debug("Discord: the archive of channel %s cannot be read", channel.id)
