"""What a sheet says of files that came beside it: remarked when it differs, silent when nothing is known."""

from __future__ import annotations

import pytest

from baosong.campaign import Campaign
from baosong.campaign.layout import signature_cells
from baosong.ledger.services import Services
from baosong.preservation import records
from baosong.rules.findings import Kind
from baosong.validation.cross_file.context import (
    REPORT_DIFFERS,
)
from baosong_local.samples import dirt
from baosong_local.samples.documents import make_report
from baosong_local.samples.media import make_photo
from baosong_local.samples.sheets import make_sheet
from intake_run import run
from sheet_help import FIRST, LIST, TOTALS, edited, put

CODE, AREA = "6501", "2023/6501-乌鲁木齐市"


def drop(services: Services, area: str, folder: str, name: str, data: bytes) -> None:
    services.storage.put("intake", f"{area}/{folder}/{name}", data)


def remarked(services: Services, rule: str, code: str = CODE, kind: Kind = Kind.STATISTICS) -> list[str]:
    """The remarks of a rule on a prefecture's newest file of a kind."""
    row = [row for row in services.ledger.submissions("2023", code) if row.kind == kind][-1]
    assert row.state == "accepted"
    said = [finding for finding in row.findings if finding["rule"] == rule]
    return [finding["observed"] + ">" + finding["expected"] for finding in said]


def test_the_ledger_tells_what_is_accepted_or_on_its_way(services: Services, campaign: Campaign) -> None:
    prefecture = campaign.prefecture(CODE)

    def sheet(seed: int) -> None:
        drop(services, AREA, "统计表", "统计表.xlsx", make_sheet(campaign, prefecture, seed, photos=2).content)

    sheet(1)
    run(services)
    assert remarked(services, "statistics.file_count") == []
    drop(services, AREA, "照片", "a.jpg", make_photo(1, prefecture.name))
    run(services)
    sheet(2)
    run(services)
    assert remarked(services, "statistics.file_count") == ["2>1"]
    drop(services, AREA, "照片", "a.jpg", make_photo(2, prefecture.name))  # the same place again is the same photo
    drop(services, AREA, "照片", "b.jpg", make_photo(3, prefecture.name))
    drop(services, AREA, "照片", "坏.jpg", b"no photo")
    run(services)
    sheet(3)
    run(services)
    assert remarked(services, "statistics.file_count") == []


def test_a_report_and_a_sheet_that_come_together_or_one_by_one_are_held_against_each_other_once(
    services: Services, campaign: Campaign
) -> None:
    prefecture = campaign.prefecture(CODE)
    sheets = [make_sheet(campaign, prefecture, seed, activities=8 + seed) for seed in range(3)]
    together = make_report(campaign, prefecture, 1, {"A01": (5,)})
    drop(services, AREA, "统计表", "统计表.xlsx", sheets[0].content)
    drop(services, AREA, "总结报告", "总结.docx", together)
    run(services)
    assert remarked(services, "statistics.report_differs") == ["8>5（总结报告）"]
    assert remarked(services, REPORT_DIFFERS, kind=Kind.REPORT) == []
    drop(services, AREA, "统计表", "统计表.xlsx", sheets[1].content)
    run(services)
    assert remarked(services, "statistics.report_differs") == ["9>5（总结报告）"]
    drop(services, AREA, "总结报告", "总结.docx", make_report(campaign, prefecture, 2, {"A01": (9,)}))
    run(services)
    assert remarked(services, REPORT_DIFFERS, kind=Kind.REPORT) == []
    drop(services, AREA, "总结报告", "总结.docx", make_report(campaign, prefecture, 2, {"A01": (7,)}))
    run(services)
    assert remarked(services, REPORT_DIFFERS, kind=Kind.REPORT) == ["举办活动总数 7>9（统计表）"]


def test_remarks_made_again_after_a_crash_replace_the_earlier_ones_in_reading_order(
    services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefecture = campaign.prefecture(CODE)
    book = edited(put(LIST, f"M{FIRST}", "约500"), base=make_sheet(campaign, prefecture, 1, photos=2))
    drop(services, AREA, "统计表", "统计表.xlsx", dirt.written(book))
    drop(services, AREA, "照片", "a.jpg", make_photo(1, prefecture.name))
    with monkeypatch.context() as crash:
        crash.setattr(records, "put_verified", killed)
        with pytest.raises(KeyboardInterrupt):
            run(services)
    drop(services, AREA, "照片", "b.jpg", make_photo(2, prefecture.name))
    drop(services, AREA, "照片", "c.jpg", make_photo(3, prefecture.name))
    run(services)
    assert remarked(services, "statistics.file_count") == ["2>3"]
    row = services.ledger.newest_good("2023", CODE, Kind.STATISTICS)
    assert row
    # late, then down the sheets: the photographs, the people whom the list counts otherwise, and their number there
    assert [f["where"].get("sheet") for f in row.findings] == [None, TOTALS, TOTALS, LIST]
    archived = records.read_records(services.storage, "archive", row.archive_key or "")
    assert archived[0]["findings"] == row.findings


def killed(*_: object, **_more: object) -> None:
    raise KeyboardInterrupt


def test_another_prefectures_sheet_under_ones_own_name_is_recognised(services: Services, campaign: Campaign) -> None:
    kashgar, hotan = campaign.prefecture("6531"), campaign.prefecture("6532")
    theirs = make_sheet(campaign, kashgar, 1, activities=9)
    drop(services, f"2023/{kashgar.folder}", "统计表", "统计表.xlsx", theirs.content)
    run(services)
    unit = signature_cells(campaign.form)["unit"]
    copied = edited(put(TOTALS, unit, "和田地区科技局"), base=theirs)
    drop(services, f"2023/{hotan.folder}", "统计表", "统计表.xlsx", dirt.written(copied))
    run(services)
    own = "本地州市本次活动的数据"
    assert remarked(services, "statistics.same_content", "6532") == [f"与喀什地区相同>{own}"] * 2
    drop(services, f"2023/{kashgar.folder}", "统计表", "统计表.xlsx", make_sheet(campaign, kashgar, 2).content)
    run(services)
    drop(services, f"2023/{kashgar.folder}", "统计表", "统计表.xlsx", theirs.content)
    run(services)  # one's own earlier sheet is no stranger's, but the copy is by now
    assert remarked(services, "statistics.same_content", "6531") == [f"与和田地区相同>{own}"] * 2
