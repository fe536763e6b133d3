"""What a sheet says of files that came beside it: remarked when it differs, silent when nothing is known."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from baosong.campaign import Campaign
from baosong.campaign.form import CrossCheck
from baosong.campaign.layout import indicator_cells
from baosong.checks.context import Neighbours, remarks
from baosong.findings import Checked, Finding, Kind, Severity
from baosong.samples.media import make_photo
from baosong.samples.sheets import make_sheet
from baosong.workdesk import Desk
from intake_run import run
from sheet_help import CAMPAIGN, TOTALS, judged, sample

CODE, AREA = "6501", "2023/6501-乌鲁木齐市"
CELL = indicator_cells(CAMPAIGN.form)


def said(photos: int, videos: int) -> list[Finding]:
    return remarks(judged(sample().content), CAMPAIGN, Neighbours({Kind.PHOTO: photos, Kind.VIDEO: videos}))


def test_the_numbers_of_files_are_held_against_those_that_came() -> None:
    assert said(4, 1) == []
    (photos,) = said(3, 1)
    assert (photos.rule, photos.severity) == ("statistics.file_count", Severity.WARNING)
    assert photos.where == {"sheet": TOTALS, "cell": CELL["F01", "total"]}
    assert photos.message == "F01“报送照片”填的是 4，目前收到 3 张照片"
    assert [f.where["cell"] for f in said(5, 2)] == [CELL[code, "total"] for code in ("F01", "F02")]


def test_nothing_is_said_of_what_has_not_come_at_all_or_of_a_sheet_without_figures() -> None:
    assert said(0, 0) == []
    assert remarks(Checked(), CAMPAIGN, Neighbours({Kind.PHOTO: 3})) == []


def test_a_check_of_files_must_say_which_files() -> None:
    check = next(c for c in CAMPAIGN.form.checks if c.test == "files")
    with pytest.raises(ValidationError, match="deliverable"):
        CrossCheck.model_validate(check.model_dump() | {"deliverable": None})


def test_offline_there_are_no_neighbours() -> None:
    assert judged(sample().content).findings == []


def remarked(desk: Desk) -> list[str]:
    """The remarks on the newest sheet."""
    sheet = [row for row in desk.ledger.submissions("2023", CODE) if row.kind == Kind.STATISTICS][-1]
    assert sheet.state == "accepted"
    said = [finding for finding in sheet.findings if finding["rule"] == "statistics.file_count"]
    return [finding["observed"] + ">" + finding["expected"] for finding in said]


def test_the_ledger_tells_what_is_accepted_or_on_its_way(desk: Desk, campaign: Campaign) -> None:
    prefecture = campaign.prefecture(CODE)

    def drop(folder: str, name: str, data: bytes) -> None:
        desk.storage.put("intake", f"{AREA}/{folder}/{name}", data)

    def sheet(seed: int) -> None:
        drop("统计表", "统计表.xlsx", make_sheet(campaign, prefecture, seed, photos=2).content)

    sheet(1)
    run(desk)
    assert remarked(desk) == []
    drop("照片", "a.jpg", make_photo(1, prefecture.name))
    run(desk)
    sheet(2)
    run(desk)
    assert remarked(desk) == ["2>1"]
    drop("照片", "a.jpg", make_photo(2, prefecture.name))  # the same place again is the same photo
    drop("照片", "b.jpg", make_photo(3, prefecture.name))
    drop("照片", "坏.jpg", b"no photo")
    run(desk)
    sheet(3)
    run(desk)
    assert remarked(desk) == []
