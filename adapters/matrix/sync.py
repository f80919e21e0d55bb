"""What happened on the homeserver since a given moment: everything, once, in order."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from adapters.matrix.events import Event
from adapters.matrix.rooms import arrival
from adapters.matrix.wire import SERVER_FAILS, TOO_MANY, V3, RefusedError, UnreachableError, Wire

LOG = logging.getLogger(__name__)

POLL = 30
"""Seconds the server may wait for something to happen."""
GRACE = 30
"""Seconds after which a request that has not come back is given up, beyond `POLL`."""
PAGE = 100
"""Events in a page: servers give no more at once."""
_STATE = (
    "m.room.create",
    "m.room.name",
    "m.room.canonical_alias",
    "m.room.power_levels",
    "m.room.encryption",
    "m.room.member",
)
TYPES = (*_STATE, "m.room.message", "m.room.encrypted", "m.reaction", "m.room.redaction")
_NOTHING: dict[str, list[str]] = {"types": []}
FILTER: dict[str, Any] = {
    "presence": _NOTHING,
    "account_data": _NOTHING,
    "room": {
        "account_data": _NOTHING,
        "ephemeral": _NOTHING,
        "state": {"types": list(_STATE), "lazy_load_members": True},
        "timeline": {"types": list(TYPES), "limit": PAGE, "lazy_load_members": True},
    },
}


@dataclass
class Sync:
    """Reads one login's news."""

    wire: Wire
    me: str
    longest_gap: int
    """Events of one room that are fetched after an absence, at most."""
    filter: str = ""

    async def prepare(self) -> None:
        """Tell the server once what is wanted."""
        told = await self.wire.insist("POST", f"{V3}/user/{quote(self.me)}/filter", FILTER)
        self.filter = str(told["filter_id"])

    async def first(self, since: str | None) -> dict[str, Any]:
        """Return what happened since *since*, with all rooms and how they stand."""
        # Synapse keeps the answer to a request for minutes: an odd one is answered anew.
        odd = secrets.randbelow(9000)
        try:
            return await self._patiently(since, wait=odd, full_state="true")
        except RefusedError as exc:
            if since is None:
                raise
            # A server that was set up anew does not know old positions.
            LOG.warning("Matrix: the position in the news is lost, so older ones are: %s", exc)
            return await self._patiently(None, wait=odd, full_state="true")

    async def next(self, since: str) -> dict[str, Any]:
        """Return what happened since *since*, as soon as something does."""
        return await self._patiently(since, wait=POLL * 1000)

    async def since_arrival(
        self, room: str, timeline: Mapping[str, Any], since: str
    ) -> tuple[Sequence[Event], int]:
        """Return the room's events since *since* or the bot's arrival, and how many are left out.

        *timeline* is its part of a sync. Where the server cut it, the rest is fetched.
        """
        events: list[Event] = list(timeline.get("events", ()))
        start, missing = timeline.get("prev_batch"), timeline.get("limited", False)
        while missing and start and not arrival(events, self.me):
            if len(events) >= self.longest_gap:
                return events[-self.longest_gap :], 1
            page = await self._page(room, start, since)
            older = [event for event in page.get("chunk", ()) if event.get("type") in TYPES]
            events = [*reversed(older), *events]
            missing, start = bool(page.get("chunk")), page.get("end")
        return events[arrival(events, self.me) :], 0

    async def _page(self, room: str, start: str, since: str) -> dict[str, Any]:
        path = f"{V3}/rooms/{quote(room)}/messages"
        query: dict[str, Any] = {"from": start, "to": since, "dir": "b", "limit": PAGE}
        chosen = json.dumps({"types": list(TYPES)})
        return await self.wire.insist("GET", path, **query, filter=chosen)

    async def _patiently(self, since: str | None, *, wait: int, **query: object) -> dict[str, Any]:
        """Ask until there is an answer; a request that hangs is given up and made again.

        *wait* is how many milliseconds the server may take for nothing to happen.
        """
        tries = 0
        position = {} if since is None else {"since": since}
        while True:
            try:
                return await self.wire.ask(
                    "GET",
                    f"{V3}/sync",
                    within=wait / 1000 + (GRACE if tries else 4 * GRACE),
                    timeout=wait,
                    filter=self.filter,
                    **position,
                    **query,
                )
            except RefusedError as exc:
                if exc.status != TOO_MANY and exc.status < SERVER_FAILS:
                    raise
                pause = exc.retry_s or self.wire.pause(tries)
            except UnreachableError as exc:
                LOG.warning("Matrix: %s; trying again.", exc)
                pause = self.wire.pause(tries)
            tries += 1
            await asyncio.sleep(pause)
