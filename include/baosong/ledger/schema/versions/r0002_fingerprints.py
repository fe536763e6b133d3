"""The digests by which sheets of the same content are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"


def upgrade() -> None:
    """Make the table; sheets that were checked before it have no digest and are not compared with."""
    reference = sa.ForeignKey("submission.id", name="fk_fingerprint_submission_id")
    op.create_table(
        "fingerprint",
        sa.Column("submission_id", sa.BigInteger, reference, nullable=False),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "table", name="pk_fingerprint"),
    )
    op.create_index("ix_fingerprint_digest", "fingerprint", ["digest"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("fingerprint")
