"""Rooms on Matrix, plain or encrypted."""

from adapters.matrix.door import Matrix, Options
from adapters.matrix.login import Account

__all__ = ["Account", "Matrix", "Options"]
