"""Everything the bot raises on purpose.

BotError
├── ConfigError        the operator must act
├── ModelError         the language model failed; a vetted question is asked instead
│   └── AnswerError    it answered with nothing usable; it may be asked once more
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


class AnswerError(ModelError):
    """The language model's answer is not of the form that was asked for."""

    def __init__(self, raw: str) -> None:
        """Keep the *raw* answer for the record; it is never part of the message."""
        super().__init__("the answer is not one of the questions offered")
        self.raw = raw


class StorageError(BotError):
    """The record could not be read or written."""


class NoteError(StorageError):
    """A signed note or proof is malformed, or its signatures are not what they claim."""


class WitnessError(BotError):
    """A witness did not answer, refused, or contradicts the record."""


class DeliveryError(BotError):
    """The platform refused to carry a reply."""
