"""A moderator compares symbols with the bot, to be sure that its device is the bot's.

The short authentication string of the Matrix specification, from device to device.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nio import (
    KeyVerificationKey,
    KeyVerificationMac,
    KeyVerificationStart,
    ToDeviceEvent,
    UnknownToDeviceEvent,
)
from nio.crypto import Sas
from nio.event_builders import ToDeviceMessage

from adapters.matrix.crypto import Crypto

REQUEST = "m.key.verification.request"


@dataclass(frozen=True)
class Verification:
    """Answers those who may ask; others get a refusal."""

    crypto: Crypto
    trusted: Callable[[str], Awaitable[bool]]
    """Whether that user answers for the debate."""
    show: Callable[[str], Awaitable[None]]
    """Shows the symbols to whoever runs the bot."""

    def watch(self) -> None:
        """Begin to answer."""
        self.crypto.client.add_to_device_callback(self.take, None)

    async def take(self, event: ToDeviceEvent) -> None:
        """Answer *event*, if it belongs to a verification."""
        if isinstance(event, UnknownToDeviceEvent) and event.type == REQUEST:
            await self._requested(event.sender, event.source.get("content", {}))
        elif isinstance(event, KeyVerificationStart):
            await self._started(event)
        elif isinstance(event, KeyVerificationKey) and (sas := self._sas(event.transaction_id)):
            await self._compare(sas)
        elif isinstance(event, KeyVerificationMac) and (sas := self._sas(event.transaction_id)):
            await self._end(sas)

    async def _requested(self, sender: str, said: Mapping[str, Any]) -> None:
        device, transaction = said.get("from_device"), said.get("transaction_id")
        if not isinstance(device, str) or not isinstance(transaction, str):
            return
        told: dict[str, Any] = {"transaction_id": transaction}
        if await self.trusted(sender):
            own = self.crypto.client.device_id
            told |= {"from_device": own, "methods": ["m.sas.v1"]}
            await self._tell("m.key.verification.ready", sender, device, told)
        else:
            told |= {"code": "m.user", "reason": "Only a moderator may verify this bot."}
            await self._tell("m.key.verification.cancel", sender, device, told)

    async def _started(self, event: KeyVerificationStart) -> None:
        if self._sas(event.transaction_id) is None:
            # The device is new to us: once its keys are known, the other side may start again.
            await self.crypto.settle()
            self.crypto.olm.handle_key_verification(event)
        sas = self._sas(event.transaction_id)
        if sas is None:
            return
        if await self.trusted(event.sender):
            await self.crypto.tell(sas.accept_verification())
        else:
            sas.cancel()
            await self.crypto.tell(sas.get_cancellation())

    async def _compare(self, sas: Sas) -> None:
        """Show what the other side sees; whether the two are alike is for them to say."""
        await self.crypto.settle()  # our own key goes out first
        await self.show(" ".join(symbol for symbol, _ in sas.get_emoji()))
        sas.accept_sas()
        await self.crypto.tell(sas.get_mac())

    async def _end(self, sas: Sas) -> None:
        if sas.verified:
            device = sas.other_olm_device
            told = {"transaction_id": sas.transaction_id}
            await self._tell("m.key.verification.done", device.user_id, device.id, told)

    def _sas(self, transaction: str) -> Sas | None:
        found = self.crypto.olm.key_verifications.get(transaction)
        return found if isinstance(found, Sas) else None

    async def _tell(self, kind: str, user: str, device: str, told: dict[str, Any]) -> None:
        await self.crypto.tell(ToDeviceMessage(kind, user, device, told))
