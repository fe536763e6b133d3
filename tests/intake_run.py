"""What one run of the intake DAG does, without Airflow: for tests of what it leads to."""

from __future__ import annotations

from baosong import review
from baosong.findings import Kind
from baosong.workdesk import Desk

ALL_KINDS = [kind.value for kind in Kind]


def run(desk: Desk) -> None:
    """Find what is new, check it, file it away and answer."""
    for work in review.find_new(desk):
        place = work["campaign"], work["prefecture"]
        review.check(desk, *place, ALL_KINDS)
        review.file_away(desk, *place)
        review.reply(desk, *place)
