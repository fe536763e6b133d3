"""What the archive is told of the ledger's rows, and when each object under custody was last read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0004"
down_revision = "r0003"

# The key by which each table's rows are known; what is not told here follows from what is.
_TOLD = {
    "receipt": "'id'",
    "submission": "'id'",
    "history": "'id'",
    "edition": "'id'",
    "announcement": "'campaign', 'prefecture'",
    "custody": "'bucket', 'key'",
}
_FUNCTION = """
CREATE FUNCTION note_unwritten() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    new_row jsonb := to_jsonb(NEW);
    old_row jsonb;
    told jsonb := new_row;
    place record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        old_row := to_jsonb(OLD);
        SELECT jsonb_object_agg(n.key, n.value) INTO told FROM jsonb_each(new_row) n
        WHERE n.key = ANY (TG_ARGV) OR n.value IS DISTINCT FROM old_row -> n.key;
    END IF;
    IF TG_TABLE_NAME = 'history' THEN
        SELECT campaign, prefecture INTO place FROM submission WHERE id = (new_row ->> 'submission_id')::bigint;
    ELSE
        SELECT new_row ->> 'campaign' AS campaign, coalesce(new_row ->> 'prefecture', '') AS prefecture INTO place;
    END IF;
    INSERT INTO unwritten (campaign, prefecture, "table", "row")
    VALUES (place.campaign, place.prefecture, TG_TABLE_NAME, told);
    RETURN NULL;
END $$;
"""
_THERE_ALREADY = """
INSERT INTO unwritten (campaign, prefecture, "table", "row")
SELECT t.campaign, {prefecture}, '{table}', to_jsonb({row}) FROM {source} ORDER BY {row}.{order};
"""


def upgrade() -> None:
    """Make the tables, let every change be noted, and note what is there already."""
    _tables()
    op.execute(_FUNCTION)
    for table, key in _TOLD.items():
        op.execute(
            f"CREATE TRIGGER note_unwritten AFTER INSERT OR UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION note_unwritten({key})"
        )
    of_history = "submission t JOIN history h ON h.submission_id = t.id"
    for table, prefecture, row, source, order in (
        ("receipt", "t.prefecture", "t", "receipt t", "id"),
        ("submission", "t.prefecture", "t", "submission t", "id"),
        ("history", "t.prefecture", "h", of_history, "id"),
        ("edition", "''", "t", "edition t", "id"),
        ("announcement", "t.prefecture", "t", "announcement t", "at"),
    ):
        names = {"table": table, "prefecture": prefecture, "row": row, "source": source, "order": order}
        op.execute(_THERE_ALREADY.format(**names))


def downgrade() -> None:
    """Drop what was made; the pages in the archive stay."""
    for table in _TOLD:
        op.execute(f"DROP TRIGGER note_unwritten ON {table}")
    op.execute("DROP FUNCTION note_unwritten()")
    for table in ("custody", "page", "unwritten"):
        op.drop_table(table)


def _tables() -> None:
    op.create_table(
        "unwritten",
        sa.Column("id", sa.BigInteger, primary_key=True),
        *_place(),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("row", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_unwritten"),
    )
    op.create_index("ix_unwritten_place", "unwritten", ["campaign", "prefecture", "id"])
    op.create_table(
        "page",
        *_place(),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("campaign", "prefecture", name="pk_page"),
    )
    op.create_table(
        "custody",
        sa.Column("bucket", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        *_place(),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("faults", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("bucket", "key", name="pk_custody"),
    )
    op.create_index("ix_custody_faulty", "custody", ["campaign"], postgresql_where=sa.text("faults <> '[]'"))


def _place() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in ("campaign", "prefecture")]
