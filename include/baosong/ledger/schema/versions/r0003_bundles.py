"""The files that came in a zip, and in which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0003"
down_revision = "r0002"


def upgrade() -> None:
    """Add the columns; whatever arrived before them came by itself."""
    op.add_column("submission", sa.Column("bundle_id", sa.BigInteger, nullable=True))
    op.add_column("submission", sa.Column("member", JSONB, nullable=True))
    op.create_foreign_key("fk_submission_bundle_id", "submission", "submission", ["bundle_id"], ["id"])
    came_in_one = sa.text("bundle_id IS NOT NULL")
    op.create_index("ix_submission_bundle", "submission", ["bundle_id"], postgresql_where=came_in_one)


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("submission", "member")
    op.drop_column("submission", "bundle_id")
