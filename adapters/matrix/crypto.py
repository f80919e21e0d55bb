"""End-to-end encryption: nio keeps the sessions, this module keeps them in step with the server."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from nio import (
    AsyncClient,
    KeysClaimResponse,
    KeysQueryResponse,
    KeysUploadResponse,
    MatrixRoom,
    MegolmEvent,
    SyncResponse,
    ToDeviceResponse,
)
from nio.crypto import Olm
from nio.event_builders import ToDeviceMessage
from nio.events import BadEvent, UnknownBadEvent
from nio.exceptions import EncryptionError

from adapters.matrix.events import Event, content
from adapters.matrix.wire import V3, RefusedError, Wire
from bot.errors import ConfigError

LOG = logging.getLogger(__name__)


class UnreadableError(Exception):
    """The key of an encrypted event is not there."""

    def __init__(self, session: str) -> None:
        super().__init__("no key")
        self.session = session
        """Id of the group session whose key is missing."""


@dataclass
class Crypto:
    """The bot's device: its keys on the server, its sessions with others'."""

    wire: Wire
    _known: dict[str, MatrixRoom] = field(default_factory=dict)
    """Rooms whose members are known."""
    _locks: defaultdict[str, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    @property
    def client(self) -> AsyncClient:
        """The login as nio keeps it."""
        return self.wire.client

    @property
    def olm(self) -> Olm:
        """The machine that nio encrypts with."""
        if self.client.olm is None:
            raise ConfigError("matrix.store: the keys could not be opened.")
        return self.client.olm

    async def publish(self) -> dict[str, Any]:
        """Give the server the device's keys; return what it knows of our account's.

        Raises:
            ConfigError: The server knows other keys of this device: ours were lost.
        """
        known = await self._query({self.client.user_id})
        device = known.get("device_keys", {}).get(self.client.user_id, {}).get(self._device)
        if device and device["keys"].get(f"ed25519:{self._device}") != self.fingerprint:
            raise ConfigError(
                f"matrix.store: the keys of device {self._device} are lost, so nothing encrypted "
                "for it can be read any more. Log in anew: delete login.json in the store's "
                "folder, or set a new MATRIX_ACCESS_TOKEN."
            )
        await self._upload()
        return known

    @property
    def fingerprint(self) -> str:
        """The public key that people compare."""
        return str(self.olm.account.identity_keys["ed25519"])

    @property
    def _device(self) -> str:
        return str(self.client.device_id)

    async def take(self, sync: Mapping[str, Any]) -> None:
        """Take in the keys that *sync* brings, and answer what has to be answered."""
        counts = sync.get("device_one_time_keys_count")
        parts = {name: sync[name] for name in ("to_device", "device_lists") if name in sync}
        response = SyncResponse.from_dict(
            {**parts, "device_one_time_keys_count": counts or {}, "next_batch": sync["next_batch"]}
        )
        if isinstance(response, SyncResponse):
            await self.client.receive_response(response)
        await self.settle()

    async def settle(self) -> None:
        """Send whatever nio has queued."""
        if self.olm.should_upload_keys:
            await self._upload()
        if self.olm.users_for_key_query:
            await self._query(set(self.olm.users_for_key_query))
        if self.olm.wedged_devices or self.olm.key_request_devices_no_session:
            await self._claim(self.olm.get_users_for_key_claiming())
        for message in tuple(self.olm.outgoing_to_device_messages):
            await self.tell(message)
            self.olm.handle_response(ToDeviceResponse(message))

    async def tell(self, message: ToDeviceMessage) -> None:
        """Send one message from device to device."""
        await self._to_device(message.type, message.as_dict())

    def opened(self, event: Event, room: str) -> Event:
        """Return *event* decrypted.

        Raises:
            UnreadableError: Its key is not there.
        """
        said = content(event)
        session = str(said.get("session_id", ""))
        try:
            sealed = MegolmEvent.parse_encrypted_event({**event, "room_id": room})
        except (TypeError, ValueError, KeyError, AttributeError):
            sealed = None
        if not isinstance(sealed, MegolmEvent):
            raise UnreadableError(session)
        try:
            found = self.olm.decrypt_megolm_event(sealed, room)
        except (EncryptionError, TypeError, ValueError, KeyError) as exc:
            # The library lets some malformed events through to where they cannot be worked on.
            raise UnreadableError(session) from exc
        if isinstance(found, BadEvent | UnknownBadEvent):
            return {**event, "content": {}}
        return {**found.source, "unsigned": event.get("unsigned", {})}

    async def sealed(self, room: str, said: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Return type and content of the event that says *said* to the devices in *room* alone."""
        async with self._locks[room]:
            await self._members(room)
            if self.olm.should_share_group_session(room):
                await self._share(room)
            kind, made = self.client.encrypt(room, "m.room.message", dict(said))
        return kind, made

    def changed(self, room: str) -> None:
        """Forget who is in *room*: somebody came or went, and must not read on."""
        self._known.pop(room, None)
        self.client.rooms.pop(room, None)
        self.olm.outbound_group_sessions.pop(room, None)

    async def _members(self, room: str) -> None:
        if room not in self._known:
            path = f"{V3}/rooms/{quote(room)}/members"
            found = await self.wire.insist("GET", path, not_membership="leave")
            known = MatrixRoom(room, self.client.user_id, encrypted=True)
            for event in found["chunk"]:
                if content(event).get("membership") in {"join", "invite"}:
                    known.add_member(event["state_key"], None, None)
            known.members_synced = True
            self._known[room] = self.client.rooms[room] = known
            self.olm.update_tracked_users(known)
        if self.olm.users_for_key_query:
            await self._query(set(self.olm.users_for_key_query))

    async def _share(self, room: str) -> None:
        users = list(self._known[room].users)
        missing = self.olm.get_missing_sessions(users)
        if missing:
            await self._claim(missing)
        # Whether a device is verified is for people to judge: all of the room's may read.
        shares = self.olm.share_group_session_parallel(room, users, ignore_unverified_devices=True)
        for _, body in shares:
            await self._to_device("m.room.encrypted", body)
        self.olm.outbound_group_sessions[room].shared = True

    async def _upload(self) -> None:
        if not self.olm.should_upload_keys:
            return
        keys = self.olm.share_keys()
        # Kept before they are sent: after a crash the same ones are sent again.
        self.olm.save_account()
        try:
            told = await self.wire.insist("POST", f"{V3}/keys/upload", keys)
        except RefusedError as exc:
            raise ConfigError(
                f"matrix.store: the homeserver will not have this device's keys ({exc}). They are "
                "those of an older copy: log in anew by deleting login.json in the store's folder."
            ) from exc
        count = told.get("one_time_key_counts", {}).get("signed_curve25519", 0)
        self.olm.handle_response(KeysUploadResponse(0, count))

    async def _query(self, users: set[str]) -> dict[str, Any]:
        asked: dict[str, Any] = {"device_keys": {user: [] for user in sorted(users)}}
        told = await self.wire.insist("POST", f"{V3}/keys/query", asked)
        response = KeysQueryResponse(told.get("device_keys", {}), told.get("failures", {}))
        await self.client.receive_response(response)
        # A server that does not answer for somebody must not be asked for ever.
        self.olm.users_for_key_query -= users
        return told

    async def _claim(self, devices: Mapping[str, list[str]]) -> None:
        wanted = {
            user: dict.fromkeys(names, "signed_curve25519") for user, names in devices.items()
        }
        told = await self.wire.insist("POST", f"{V3}/keys/claim", {"one_time_keys": wanted})
        self.olm.handle_response(KeysClaimResponse(told.get("one_time_keys", {}), {}))

    async def _to_device(self, kind: str, body: object) -> None:
        path = f"{V3}/sendToDevice/{quote(kind)}/{uuid4().hex}"
        await self.wire.insist("PUT", path, body)
