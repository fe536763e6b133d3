"""The whole schema as of the first release: tables, indexes, triggers and views, in `initial.sql`."""

from __future__ import annotations

from pathlib import Path

from alembic import op

# The eight revisions before the release made all of this but `intake_limit`; a ledger that they made is refused.
revision = "r0009"
down_revision = None

_TABLES = (
    "custody, intake_limit, page, unwritten, expected, announcement, edition, fingerprint, activity, indicator_value, "
    "history"
)


def upgrade() -> None:
    """Make everything."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Drop everything, the views and triggers with their tables; what the tables held is gone."""
    op.execute(f"DROP TABLE {_TABLES}, submission, receipt CASCADE")
    op.execute("DROP FUNCTION note_unwritten, refuse_illegal_transition, refuse_change_of_history")
