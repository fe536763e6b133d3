"""What was asked about closing a campaign after its deadline, and how it was answered; part of the change log."""

from __future__ import annotations

from alembic import op

revision = "r0012"
down_revision = "r0011"


def upgrade() -> None:
    """Make the table, empty: no campaign has been closed with prefectures missing."""
    op.execute(
        """
        CREATE TABLE closing (
            campaign text,
            day date,
            run text NOT NULL,
            missing jsonb NOT NULL,
            decided_at timestamptz,
            closed boolean,
            who text,
            reason text,
            CONSTRAINT pk_closing PRIMARY KEY (campaign, day),
            CONSTRAINT ck_closing_decided CHECK ((decided_at IS NULL) = (closed IS NULL))
        );
        CREATE UNIQUE INDEX ix_closing_once ON closing (campaign) WHERE closed;
        CREATE TRIGGER note_unwritten AFTER INSERT OR UPDATE ON closing
        FOR EACH ROW EXECUTE FUNCTION note_unwritten('campaign', 'day');
        """
    )


def downgrade() -> None:
    """Drop the table; who closed what is in the change log."""
    op.execute("DROP TABLE closing")
