"""A database is brought up to date by itself, whatever happened to it before."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event

from bot.errors import ConfigError
from storage import migrate
from storage.engine import for_writing, make_file, open_engine
from storage.sql import SqlRecord
from storage.tables import Table

ROOT = Path(__file__).parent.parent


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "record.db"


@pytest.fixture
def engine(path):
    make_file(path)
    engine = open_engine(path, read_only=False, wait=0.1)
    yield engine
    engine.dispose()


def upgrade(engine: Engine) -> None:
    with for_writing(engine).begin() as connection:
        migrate.upgrade(connection)


def differences(engine: Engine) -> list:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return compare_metadata(context, Table.metadata)


def schema(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%' ORDER BY name"
        ).fetchall()


def test_the_migrations_make_exactly_the_tables_declared(engine):
    upgrade(engine)

    assert differences(engine) == []


def test_the_migrations_make_the_same_constraints_by_name(engine, path, tmp_path):
    upgrade(engine)
    declared = tmp_path / "declared.db"
    make_file(declared)
    other = open_engine(declared, read_only=False, wait=0.1)
    with for_writing(other).begin() as connection:
        Table.metadata.create_all(connection)
    other.dispose()

    def words(rows):
        """Order of columns and clauses aside, the statements are the same."""
        return [(name, sorted(sql.replace(",", " ").split())) for name, sql in rows]

    assert words(schema(path)) == words(schema(declared))


def test_the_newest_step_is_the_one_the_cheap_check_looks_for():
    config = Config()
    config.set_main_option("script_location", "storage:migrations")

    assert ScriptDirectory.from_config(config).get_heads() == [migrate.NEWEST]


def upgraded(engine: Engine, *, stop_at: int) -> bool:
    """Upgrade, but be interrupted before statement number *stop_at*, if it comes to that."""
    statements = count()

    def interrupt(*_: object) -> None:
        if next(statements) == stop_at:
            raise KeyboardInterrupt

    event.listen(engine, "before_cursor_execute", interrupt)
    try:
        upgrade(engine)
    except KeyboardInterrupt:
        return False
    finally:
        event.remove(engine, "before_cursor_execute", interrupt)
    return True


def test_a_migration_interrupted_at_any_statement_is_safe_to_run_again(path, engine):
    stop_at = 0
    while not upgraded(engine, stop_at=stop_at):
        assert [name for name, _ in schema(path) if name != "sqlite_sequence"] == []
        stop_at += 1

    assert stop_at > 8
    assert differences(engine) == []


def test_running_the_migrations_again_changes_nothing(path, engine):
    upgrade(engine)
    before = schema(path)

    upgrade(engine)

    assert schema(path) == before


async def test_a_database_from_a_newer_version_is_refused_and_left_alone(path):
    async with SqlRecord(path):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = schema(path)

    with pytest.raises(ConfigError, match="newer"):
        async with SqlRecord(path):
            pass

    assert schema(path) == before


async def test_a_reader_does_not_migrate(path):
    make_file(path)

    with pytest.raises(ConfigError, match="db upgrade"):
        async with SqlRecord(path, read_only=True):
            pass

    assert schema(path) == []


def test_opening_a_record_that_is_up_to_date_does_not_import_alembic(path):
    record = SqlRecord(path)
    record.open()
    record.close()
    script = (
        "import sys; from storage.sql import SqlRecord; record = SqlRecord(sys.argv[1]); record.open();"
        "record.close(); sys.exit('alembic' in sys.modules)"
    )

    run = [sys.executable, "-c", script, str(path)]

    assert subprocess.run(run, cwd=ROOT, check=False).returncode == 0  # our own words
