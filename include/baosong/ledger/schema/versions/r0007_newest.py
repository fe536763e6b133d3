"""A campaign's newest arrivals by an index: the board shows fifteen, and sorted all that was ever sent to find them."""

from __future__ import annotations

from alembic import op

revision = "r0007"
down_revision = "r0006"


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_submission_newest", "submission", ["campaign", "received_at", "id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_submission_newest", "submission")
