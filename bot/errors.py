"""Everything the bot raises on purpose.

BotError
├── ConfigError        the operator must act
├── ModelError         the language model failed; a vetted question is asked instead
├── StorageError       the record could not be read or written; nothing may be said
│   └── NoteError      a checkpoint or proof is not of its form, or not by a key that is known
├── WitnessError       a witness did not vouch for the record
└── DeliveryError      the platform refused the reply
"""

from __future__ import annotations


class BotError(Exception):
    """Base class of every error raised on purpose. Its text says what to do."""


class ConfigError(BotError):
    """The configuration is missing something or contradicts itself."""


class ModelError(BotError):
    """The language model failed or answered with nothing usable."""


class StorageError(BotError):
    """The record could not be read or written."""


class NoteError(StorageError):
    """A signed note or proof is malformed, or its signatures are not what they claim."""


class WitnessError(BotError):
    """A witness did not answer, refused, or contradicts the record."""


class DeliveryError(BotError):
    """The platform refused to carry a reply."""
