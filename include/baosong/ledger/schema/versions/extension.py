"""More time that was granted to single prefectures, as rows that nobody alters; and who had a message sent."""

from __future__ import annotations

from alembic import op

revision = "r0014"
down_revision = "r0013"


def upgrade() -> None:
    """Make the table, empty: every prefecture has its campaign's deadline."""
    op.execute(
        """
        CREATE TABLE extension (
            id bigserial CONSTRAINT pk_extension PRIMARY KEY,
            campaign text NOT NULL,
            prefecture text NOT NULL,
            deadline timestamptz NOT NULL,
            who text NOT NULL,
            reason text NOT NULL,
            at timestamptz NOT NULL
        );
        CREATE UNIQUE INDEX uq_extension_deadline ON extension (campaign, prefecture, deadline);
        CREATE FUNCTION refuse_change_of_extension() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'extensions are append-only'; END $$;
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON extension
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_extension();
        CREATE TRIGGER note_unwritten AFTER INSERT ON extension
        FOR EACH ROW EXECUTE FUNCTION note_unwritten('id');
        ALTER TABLE notification ADD COLUMN who text
        """
    )


def downgrade() -> None:
    """Drop the table; what was granted is in the change log."""
    op.execute("ALTER TABLE notification DROP COLUMN who")
    op.execute("DROP TABLE extension")
    op.execute("DROP FUNCTION refuse_change_of_extension()")
