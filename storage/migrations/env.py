"""What Alembic runs: the steps that are missing, in the transaction it is given."""

from __future__ import annotations

from alembic import context

from storage.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,  # SQLite can; an interrupted step leaves nothing behind
)
with context.begin_transaction():
    context.run_migrations()
