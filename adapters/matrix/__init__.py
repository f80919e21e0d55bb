"""Rooms on Matrix, plain or encrypted."""

from adapters.matrix.door import Matrix
from adapters.matrix.options import Account, Options

__all__ = ["Account", "Matrix", "Options"]
