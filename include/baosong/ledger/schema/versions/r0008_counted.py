"""Counts, newest files and open failures by indexes of their own: a receipt must not read all that was ever sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0008"
down_revision = "r0007"

_FAILED = sa.text("state IN ('rejected', 'held')")
_KEPT = sa.text("state <> 'withdrawn'")


def upgrade() -> None:
    """Add the indexes."""
    place = ["campaign", "prefecture", "kind"]
    op.create_index("ix_submission_state", "submission", [*place, "state", "id"])
    op.create_index("ix_submission_last", "submission", [*place, "received_at"], postgresql_where=_KEPT)
    op.create_index("ix_submission_failed", "submission", [*place, "slot", "id", "state"], postgresql_where=_FAILED)


def downgrade() -> None:
    """Drop them."""
    for name in ("ix_submission_failed", "ix_submission_last", "ix_submission_state"):
        op.drop_index(name, "submission")
