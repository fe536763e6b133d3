"""What the ledger refuses before any database is asked."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy.exc import OperationalError

from baosong.ledger import TRANSITIONS, IllegalTransition, Ledger, State, Submission, figure


@pytest.mark.parametrize(("before", "after"), [(b, a) for b, a in product([None, *State], State)])
def test_only_ways_in_the_table_are_open(before: State | None, after: State) -> None:
    row = Submission()
    if before is not None:
        row.__dict__["state"] = before.value
    if after in TRANSITIONS[before]:
        row.state = after
        assert row.state == after
    else:
        with pytest.raises(IllegalTransition):
            row.state = after


@pytest.mark.parametrize("value", ["1e30", 10**16, "NaN", "十", True])
def test_what_is_no_figure_or_does_not_fit_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not"):
        figure(value)


def test_an_absent_database_is_reported_when_patience_ends() -> None:
    ledger = Ledger("postgresql+psycopg2://nobody@/none?host=/nowhere", retry_timeout=0.5)
    with pytest.raises(OperationalError):
        ledger.submissions("2023")
