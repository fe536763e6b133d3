"""How tests come to files that are held for another reason than their content, and to a campaign that takes few."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from baosong.campaign import Campaign
from baosong.ledger import Submission
from baosong.workdesk import Desk
from intake_run import rows, run
from test_antivirus import answering

NOT_SCANNED = b"INSTREAM size limit exceeded. ERROR\n"


def run_unscanned(desk: Desk, files: int = 1) -> None:
    """Run the intake with a scanner that can judge none of these files: they are held, whatever they are."""
    with answering(*[NOT_SCANNED] * files) as address:
        run(replace(desk, settings=replace(desk.settings, clamd=address)))


def newest(desk: Desk) -> Submission:
    return rows(desk)[-1]


def changed(desk: Desk, **update: Any) -> Desk:
    """Return the desk with the campaign changed in some fields."""

    class Changed:
        def ids(self) -> list[str]:
            return ["2023"]

        def get(self, campaign_id: str) -> Campaign:
            return desk.campaigns.get(campaign_id).model_copy(update=update)

    return replace(desk, campaigns=Changed())  # type: ignore[arg-type]


def taking(desk: Desk, kind: str, most: int) -> Desk:
    """Return the desk with a campaign that takes at most so many files of a kind."""
    asked = desk.campaigns.get("2023").deliverables
    return changed(desk, deliverables=[d.model_copy(update={"max": most}) if d.kind == kind else d for d in asked])


def lies_where_it_says(desk: Desk, row: Submission) -> bool:
    """Whether the bytes of a filed row are under its key, unchanged."""
    data = desk.storage.read(row.bucket or "", row.archive_key or "")
    return hashlib.sha256(data).hexdigest() == row.sha256
