"""The outbox of messages to prefectures and operators, so that each is decided once and sent once.

It is not in the change log: what was waiting when a ledger was lost is told by receipts and status pages all the same.
"""

from __future__ import annotations

from alembic import op

revision = "r0011"
down_revision = "r0010"


def upgrade() -> None:
    """Make the table, empty: what happened before is not told any more."""
    op.execute(
        """
        CREATE TABLE notification (
            id bigserial CONSTRAINT pk_notification PRIMARY KEY,
            event text NOT NULL,
            campaign text NOT NULL,
            prefecture text NOT NULL,
            cause text NOT NULL,
            channel text NOT NULL CONSTRAINT ck_notification_known_channel CHECK (channel IN ('mail', 'chat')),
            subject text NOT NULL,
            body text NOT NULL,
            created_at timestamptz NOT NULL,
            attempts integer DEFAULT 0 NOT NULL,
            retry_at timestamptz,
            note text DEFAULT '' NOT NULL,
            handed_over_at timestamptz,
            handed_over_by text,
            sent_at timestamptz,
            CONSTRAINT uq_notification_event UNIQUE (event, campaign, prefecture, cause, channel)
        )
        """
    )
    op.execute("CREATE INDEX ix_notification_unsent ON notification (id) WHERE sent_at IS NULL")


def downgrade() -> None:
    """Drop the table, and with it what was not sent yet."""
    op.execute("DROP TABLE notification")
