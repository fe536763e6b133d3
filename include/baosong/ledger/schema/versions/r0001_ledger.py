"""The first schema: arrivals and their history, figures of sheets, receipts, editions, announcements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)
_FIGURE = sa.Numeric(18, 2)
_STATES = ["received", "checked", "accepted", "rejected", "held", "duplicate", "superseded", "withdrawn"]
_CURRENT = sa.text("state = 'accepted'")
_UNFINISHED = sa.text("replied_at IS NULL AND state <> 'withdrawn'")

_APPEND_ONLY = """
CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'history is append-only'; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history();
"""


def upgrade() -> None:
    """Make all tables."""
    _receipt()
    _submission()
    _submission_indexes()
    _history()
    _figures()
    _reports()


def downgrade() -> None:
    """Drop all tables."""
    for table in ("announcement", "edition", "activity", "indicator_value", "history", "submission", "receipt"):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change_of_history()")


def _receipt() -> None:
    op.create_table(
        "receipt",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("prefecture", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("issued_at", _TIME, nullable=False),
        sa.Column("status", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_receipt"),
        sa.UniqueConstraint("campaign", "prefecture", "number", name="uq_receipt_campaign"),
    )


def _submission() -> None:
    states = ", ".join(f"'{state}'" for state in _STATES)
    op.create_table(
        "submission",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("prefecture", sa.Text, nullable=False),
        sa.Column("kind", sa.Text),
        sa.Column("slot", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("folder", sa.Text),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("arrival", sa.Integer, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("modified_at", _TIME, nullable=False),
        sa.Column("version_id", sa.Text),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("findings", JSONB, nullable=False),
        sa.Column("facts", JSONB, nullable=False),
        sa.Column("figures", JSONB),
        sa.Column("rules_version", sa.Text),
        sa.Column("checked_at", _TIME),
        sa.Column("sha256", sa.Text),
        sa.Column("bucket", sa.Text),
        sa.Column("archive_key", sa.Text),
        sa.Column("filed_at", _TIME),
        sa.Column("receipt_id", sa.BigInteger, sa.ForeignKey("receipt.id", name="fk_submission_receipt_id")),
        sa.Column("replied_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_submission"),
        sa.CheckConstraint(f"state IN ({states})", name=op.f("ck_submission_known_state")),
        sa.UniqueConstraint("campaign", "prefecture", "key", "identity", "arrival", name="uq_submission_arrival"),
    )


def _submission_indexes() -> None:
    place = ["campaign", "prefecture"]
    content, slot = [*place, "kind", "sha256"], [*place, "kind", "slot"]
    op.create_index("uq_submission_content", "submission", content, unique=True, postgresql_where=_CURRENT)
    op.create_index("uq_submission_slot", "submission", slot, unique=True, postgresql_where=_CURRENT)
    op.create_index("ix_submission_unfinished", "submission", [*place, "id"], postgresql_where=_UNFINISHED)
    op.create_index("ix_submission_place", "submission", [*place, "id"])
    op.create_index("ix_submission_receipt", "submission", ["receipt_id"])
    op.create_index("ix_submission_archive", "submission", ["archive_key"])


def _history() -> None:
    op.create_table(
        "history",
        sa.Column("id", sa.BigInteger, primary_key=True),
        _submission_id(table="history"),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
    )
    op.create_index("ix_history_submission_id", "history", ["submission_id"])
    op.execute(_APPEND_ONLY)


def _figures() -> None:
    op.create_table(
        "indicator_value",
        _submission_id(table="indicator_value"),
        sa.Column("code", sa.Text, nullable=False),
        *(sa.Column(name, _FIGURE) for name in ("total", "offline", "online")),
        sa.Column("cell", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "code", name="pk_indicator_value"),
    )
    op.create_table(
        "activity",
        _submission_id(table="activity"),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("start", sa.Date),
        sa.Column("end", sa.Date),
        sa.Column("form", sa.Text),
        sa.Column("offline", _FIGURE),
        sa.Column("online", _FIGURE),
        sa.Column("fields", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "row", name="pk_activity"),
    )


def _reports() -> None:
    op.create_table(
        "edition",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("edition", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("inputs_sha", sa.Text, nullable=False),
        sa.Column("figures", JSONB, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_edition"),
        sa.UniqueConstraint("campaign", "edition", "version", name="uq_edition_campaign"),
    )
    op.create_table(
        "announcement",
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("prefecture", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("campaign", "prefecture", name="pk_announcement"),
    )


def _submission_id(table: str) -> sa.Column[int]:
    reference = sa.ForeignKey("submission.id", name=f"fk_{table}_submission_id")
    return sa.Column("submission_id", sa.BigInteger, reference, nullable=False)
