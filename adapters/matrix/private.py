"""What is for one person alone: said in a direct room, files included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from mimetypes import guess_type
from typing import Any, Protocol
from urllib.parse import quote

from nio.crypto import encrypt_attachment

from adapters.matrix import content
from adapters.matrix.house import House
from adapters.matrix.wire import V3, RefusedError, Wire
from bot.domain import Reply
from bot.errors import DeliveryError

NOT_FOUND = 404
_ENCRYPTED = "application/octet-stream"


class Post(Protocol):
    """Whoever can say something in a room."""

    async def post(self, room: str, said: Mapping[str, Any], transaction: str) -> str:
        """Send a message; return its id."""
        ...


@dataclass(frozen=True)
class Private:
    """Finds, or opens, the direct room of a person."""

    wire: Wire
    house: House
    door: Post
    pseudonym: Callable[[str, str], str]

    async def send(self, reply: Reply, room: str) -> str:
        """Say *reply* to the person it names, who is in *room*; return its id.

        Raises:
            DeliveryError: The person is no longer there.
        """
        alone = room
        if not (await self.house.entered(room)).direct:
            alone = await self._direct_room(await self._who(reply.person, room))
        bare = content.message(reply)
        bare.pop("m.relates_to", None)
        sent = await self.door.post(alone, bare, reply.send_id)
        await self._attach(alone, reply)
        return sent

    async def _attach(self, room: str, reply: Reply) -> None:
        """Post the document of *reply* as a file."""
        raw = reply.document.encode("utf-8", "replace")
        file: dict[str, Any] = {}
        if await self.house.encrypted(room):
            raw, file = encrypt_attachment(raw)
            file = dict(file)
        kind = guess_type(reply.document_name)[0] or "text/plain"
        told = await self.wire.upload(raw, _ENCRYPTED if file else kind)
        said: dict[str, Any] = {
            "msgtype": "m.file",
            "body": reply.document_name,
            "filename": reply.document_name,
            "info": {"mimetype": kind, "size": len(raw)},
            "m.mentions": {},
        }
        said |= {"file": {**file, "url": told}} if file else {"url": told}
        await self.door.post(room, said, f"{reply.send_id}-file")

    async def _who(self, person: str, room: str) -> str:
        path = f"{V3}/rooms/{quote(room)}/joined_members"
        members = (await self.wire.insist("GET", path)).get("joined", {})
        for user in members:
            if self.pseudonym(room, user) == person:
                return str(user)
        raise DeliveryError("the person has left the room")

    async def _direct_room(self, user: str) -> str:
        """Return a room with *user* alone; rooms that were opened before are found again."""
        known = await self._direct_rooms()
        for room in known.get(user, ()):
            if await self._shared(room, user):
                return str(room)
        asked = {"is_direct": True, "preset": "trusted_private_chat", "invite": [user]}
        room = str((await self.wire.insist("POST", f"{V3}/createRoom", asked))["room_id"])
        await self.wire.insist("PUT", self._account_data, {**known, user: [room]})
        return room

    async def _direct_rooms(self) -> dict[str, Any]:
        try:
            return await self.wire.insist("GET", self._account_data)
        except RefusedError as exc:
            if exc.status != NOT_FOUND:
                raise
            return {}

    async def _shared(self, room: str, user: str) -> bool:
        """Return whether *user* is in *room*, or may still accept the invitation."""
        path = f"{V3}/rooms/{quote(room)}/state/m.room.member/{quote(user)}"
        try:
            told = await self.wire.insist("GET", path)
        except RefusedError:
            return False
        return told.get("membership") in {"join", "invite"}

    @property
    def _account_data(self) -> str:
        return f"{V3}/user/{quote(self.wire.client.user_id)}/account_data/m.direct"
