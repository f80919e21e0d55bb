"""Rooms on Matrix, plain or encrypted."""

from adapters.matrix.door import Matrix
from adapters.matrix.options import Account, Options
from adapters.matrix.standing import Standing, standing

__all__ = ["Account", "Matrix", "Options", "Standing", "standing"]
