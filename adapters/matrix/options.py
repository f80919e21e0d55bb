"""What the operator chose for Matrix; see docs/reference/settings.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How the bot may log in."""

    homeserver: str
    user: str = ""
    token: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    device: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The keys of ``[matrix]``, under the same names."""

    account: Account
    store: Path
    recovery: Path
    recovery_key: str = field(default="", repr=False)
    encryption: str = "optional"
    room_encryption: Mapping[str, str] = field(default_factory=dict)
    rooms: Sequence[str] = ()
    inviters: Sequence[str] = ()
    moderators: str = ""
    name: str = ""
    avatar: Path | None = None
    prefix: str = "!socrate"
    buttons: int = 0
    longest_gap: int = 5000
    key_wait: float = 10.0
    """Seconds in which the key of an encrypted message may still come."""

    @property
    def encrypts_anywhere(self) -> bool:
        """Whether the bot needs keys at all."""
        return any(mode != "off" for mode in (self.encryption, *self.room_encryption.values()))

    def encrypts(self, room: str) -> str:
        """Return ``off``, ``optional`` or ``required`` for *room*."""
        return self.room_encryption.get(room, self.encryption)
