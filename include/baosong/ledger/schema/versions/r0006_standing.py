"""How each slot stands, told by an index alone: boards and status pages must not read all that was ever sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"


def upgrade() -> None:
    """Add the index."""
    slots: list[str | sa.TextClause] = ["campaign", "prefecture", "kind", "slot", sa.text("id DESC")]
    op.create_index("ix_submission_standing", "submission", slots, postgresql_include=["state", "received_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_submission_standing", "submission")
