"""Run by Alembic inside the transaction that `Database.migrate` opened."""

from __future__ import annotations

from alembic import context

from baosong.ledger import privileges
from baosong.ledger.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table="ledger_revision",
)
with context.begin_transaction():
    context.run_migrations()
    privileges.grant(context.config.attributes["connection"])
