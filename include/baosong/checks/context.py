"""The form's checks that look beyond the file, at what else its prefecture sent: only the ledger knows that.

They are asked after the sheet itself was found good; offline there is no ledger, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from baosong.campaign import Campaign
from baosong.checks.crosschecks import worded
from baosong.findings import Checked, Finding, Kind, Where


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the ledger knows beside a sheet: how many files of a kind are accepted or still being checked."""

    files: Mapping[Kind, int]


def remarks(checked: Checked, campaign: Campaign, neighbours: Neighbours) -> list[Finding]:
    """Return what a sheet's figures and the prefecture's other files say against each other."""
    if not checked.figures:
        return []
    rows = {row["code"]: row for row in checked.figures["indicators"]}
    sheet = next(iter(checked.facts.get("used", [])), campaign.form.indicators.sheet)
    found = []
    for check in campaign.form.checks:
        row = rows.get(check.indicator or "")
        if check.test != "files" or check.deliverable is None or row is None or row["total"] is None:
            continue
        have = neighbours.files.get(check.deliverable, 0)
        if have and row["total"] != have:  # none at all: they have not been sent yet
            label = campaign.form.by_code[row["code"]].title
            words = {"label": label, "found": row["total"], "expected": have}
            found.append(worded(check, Where(sheet=sheet, cell=row["cell"]), words))
    return found
