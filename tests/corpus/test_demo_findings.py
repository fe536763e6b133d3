"""What the demonstration's wrong files are told is what it was before the rooms and the catalogue of rules came."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from baosong.rules.findings import Kind
from baosong.store.source import Source
from baosong.validation.check import check
from baosong_local.samples import documents, sheets
from sheet_help import CAMPAIGN

BEFORE = json.loads((Path(__file__).parents[1] / "helpers/data/demo_findings.json").read_text(encoding="utf-8"))
WRONG: dict[str, tuple[Kind, str, Callable[[sheets.SheetSample], bytes]]] = {
    "6504": (Kind.STATISTICS, "统计表.xlsx", sheets.wrong_total),
    "6529": (Kind.STATISTICS, "统计表.xlsx", lambda sheet: documents.lock(sheet.content)),
    "6531": (Kind.STATISTICS, "统计表.xlsx", lambda sheet: _sheet("6501", 99).content),
    "6540": (Kind.REPORT, "总结报告.docx", lambda sheet: b""),
    "6543": (Kind.STATISTICS, "统计表.xlsx", sheets.broken),
}


def _sheet(code: str, seed: int) -> sheets.SheetSample:
    return sheets.make_sheet(CAMPAIGN, CAMPAIGN.prefecture(code), seed=seed, photos=4)


@pytest.mark.parametrize("code", WRONG)
def test_a_wrong_file_of_the_demonstration_is_told_no_less_than_before(code: str) -> None:
    kind, name, make = WRONG[code]
    number = [p.code for p in CAMPAIGN.prefectures].index(code)
    data = make(_sheet(code, number))
    checked = check(Source(name, len(data), lambda: io.BytesIO(data)), kind, CAMPAIGN, CAMPAIGN.prefecture(code))
    assert [finding.as_json() for finding in checked.findings] == BEFORE[code]
