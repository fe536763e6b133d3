"""How tests come to files that are held for another reason than their content, and to a campaign that takes few."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from baosong.campaign import Campaign
from baosong.ledger import Submission
from baosong.ledger.services import Services
from intake_run import rows, run
from scanner import answering

NOT_SCANNED = b"INSTREAM size limit exceeded. ERROR\n"


def run_unscanned(services: Services, files: int = 1) -> None:
    """Run the intake with a scanner that can judge none of these files: they are held, whatever they are."""
    with answering(*[NOT_SCANNED] * files) as address:
        run(replace(services, settings=replace(services.settings, clamd=address)))


def newest(services: Services) -> Submission:
    return rows(services)[-1]


def changed(services: Services, **update: Any) -> Services:
    """Return the services with the campaign changed in some fields."""

    class Changed:
        def ids(self) -> list[str]:
            return ["2023"]

        def get(self, campaign_id: str) -> Campaign:
            return services.campaigns.get(campaign_id).model_copy(update=update)

    return replace(services, campaigns=Changed())  # type: ignore[arg-type]


def taking(services: Services, kind: str, most: int) -> Services:
    """Return the services with a campaign that takes at most so many files of a kind."""
    asked = services.campaigns.get("2023").deliverables
    return changed(services, deliverables=[d.model_copy(update={"max": most}) if d.kind == kind else d for d in asked])


def lies_where_it_says(services: Services, row: Submission) -> bool:
    """Whether the bytes of a filed row are under its key, unchanged."""
    data = services.storage.read(row.bucket or "", row.archive_key or "")
    return hashlib.sha256(data).hexdigest() == row.sha256
