"""Bring a database's tables up to date, importing Alembic only where there is something to do."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from bot.errors import ConfigError

NEWEST = "0004"
"""The number of the newest step in ``migrations/versions``."""
TREE = "0003"
"""The step that brought the Merkle tree: what is older is brought over by `storage.first`."""


def version(connection: Connection) -> str | None:
    """Return the step the database is at, or None if it holds none of our tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def without_tree(found: str | None) -> bool:
    """Tell whether a database at the step *found* is new, or older than the tree."""
    return found is None or found < TREE


def upgrade(connection: Connection) -> None:
    """Run the steps that are missing, in the transaction *connection* is in.

    Raises:
        ConfigError: The database is newer than this program.
    """
    from alembic import command  # noqa: PLC0415 # half a second, and hardly ever needed
    from alembic.config import Config  # noqa: PLC0415 # likewise
    from alembic.util import CommandError  # noqa: PLC0415 # likewise

    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as exc:
        raise ConfigError(
            "The database was made by a newer Café Socrate than this one: install that version, "
            "or restore a backup made before it."
        ) from exc
