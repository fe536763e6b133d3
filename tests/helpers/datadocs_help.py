"""A sheet with something wrong in its list, whose Data Docs are then looked at."""

from __future__ import annotations

from baosong_local.samples.dirt import written
from sheet_help import CAMPAIGN, LIST, edited, put

FIELDS = [f.name for f in CAMPAIGN.form.activities.fields]


def cell(name: str, row: int) -> str:
    return f"{chr(65 + FIELDS.index(name))}{row}"


def wrong_sheet(value: str = "很多") -> bytes:
    return written(edited(put(LIST, cell("offline", 4), value)))
