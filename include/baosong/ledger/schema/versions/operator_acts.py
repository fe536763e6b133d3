"""Two ways more between states, as operators decide: a rejected file is taken after all, an accepted one withdrawn.

A withdrawn file that had been accepted (it has a version) is answered once more, hence the index's other condition.
"""

from __future__ import annotations

from alembic import op

revision = "r0013"
down_revision = "r0012"

_WAYS = """
    ('received', 'checked'), ('received', 'withdrawn'),
    ('checked', 'accepted'), ('checked', 'rejected'), ('checked', 'held'), ('checked', 'duplicate'),
    ('checked', 'superseded'), ('checked', 'withdrawn'),
    ('accepted', 'superseded'), ('duplicate', 'accepted'), ('held', 'checked')"""
_MORE = ", ('rejected', 'checked'), ('accepted', 'withdrawn')"


def upgrade() -> None:
    """Open the ways, and let what was withdrawn be answered."""
    _open(_WAYS + _MORE)
    _index("replied_at IS NULL AND (state <> 'withdrawn' OR version IS NOT NULL)")


def downgrade() -> None:
    """Close them again; what has gone them stays as it is."""
    _open(_WAYS)
    _index("replied_at IS NULL AND state <> 'withdrawn'")


def _open(ways: str) -> None:
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION refuse_illegal_transition() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF (OLD.state, NEW.state) NOT IN ({ways}
          ) THEN RAISE EXCEPTION 'illegal transition: % -> %', OLD.state, NEW.state;
          END IF;
          RETURN NEW;
        END $$
        """
    )


def _index(condition: str) -> None:
    op.execute("DROP INDEX ix_submission_unfinished")
    op.execute(f"CREATE INDEX ix_submission_unfinished ON submission (campaign, prefecture, id) WHERE {condition}")
