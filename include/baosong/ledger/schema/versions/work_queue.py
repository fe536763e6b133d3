"""The queue of unanswered files: which lane each goes by, and which DAG run is at it.

It is not in the change log: the next run makes a lost one anew.
"""

from __future__ import annotations

from alembic import op

revision = "r0010"
down_revision = "r0009"


def upgrade() -> None:
    """Make the table, empty: the next run fills it."""
    op.execute(
        """
        CREATE TABLE work_queue (
            submission_id bigint CONSTRAINT pk_work_queue PRIMARY KEY
                CONSTRAINT fk_work_queue_submission_id REFERENCES submission,
            lane text NOT NULL CONSTRAINT ck_work_queue_known_lane CHECK (lane IN ('quick', 'large')),
            claimed_by text,
            claimed_until timestamptz
        )
        """
    )


def downgrade() -> None:
    """Drop the table; whatever was claimed is claimed anew."""
    op.execute("DROP TABLE work_queue")
