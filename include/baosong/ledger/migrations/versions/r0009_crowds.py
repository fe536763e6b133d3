"""Whose area of the intake holds too much, and what was swept out of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "r0009"
down_revision = "r0008"


def upgrade() -> None:
    """Add the table; the embedded store's supervisor writes to it by hand, hence the defaults."""
    op.create_table(
        "crowd",
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("prefecture", sa.Text, nullable=False),
        *(
            sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
            for name in ("full", "closed", "told")
        ),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in ("swept", "swept_bytes")),
        _column("at", sa.DateTime(timezone=True), sa.func.now()),
        sa.PrimaryKeyConstraint("campaign", "prefecture", name="pk_crowd"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("crowd")


def _column(name: str, kind: Any, default: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default)
