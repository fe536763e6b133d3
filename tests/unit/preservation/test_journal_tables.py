"""What the journal tells of."""

from __future__ import annotations

from baosong.ledger.models import Base
from baosong.ledger.restore import DERIVED, LOGGED


def test_every_table_is_told_of_or_follows_from_what_is() -> None:
    serving = {"unwritten", "page", "expected", "intake_limit", "work_queue"}  # the last three are made anew
    serving.add("notification")  # what waited there, receipts and status pages tell all the same
    assert set(LOGGED) | set(DERIVED) | serving == set(Base.metadata.tables)
