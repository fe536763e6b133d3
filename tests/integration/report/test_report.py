"""The region's figures and workbook on the real ledger: exact, traceable, never executable, the same for the same."""

from __future__ import annotations

import json
import random
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from python_calamine import CalamineWorkbook
from sqlalchemy import delete, event
from tenacity import stop_after_attempt

from baosong.campaign import Campaign, Campaigns
from baosong.campaign.model import Quarantine
from baosong.ledger import Edition, Ledger
from baosong.ledger.services import Services
from baosong.report.consolidation import region_figures
from baosong.report.editions import ReportBusy, write_report
from baosong.report.identity import inputs_sha
from baosong.report.xlsx.workbook import make_workbook
from baosong.rules.findings import Kind, Verdict, warning
from feed import NOW, feed, feed_all

Stated = dict[str, dict[str, Decimal]]  # prefecture -> indicator and part -> value
DANGEROUS = ['=HYPERLINK("http://x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "=1\x00\x07"]


def sheet_of(campaign: Campaign, seed: int, names: list[str] | None = None) -> dict[str, Any]:
    """Return a sheet's figures as the check hands them over: decimals with digits that binary fractions cannot hold."""
    dice = random.Random(seed)
    indicators = []
    for row, indicator in enumerate(campaign.form.indicators.rows, start=5):
        offline, online = dice.randrange(10_000), dice.randrange(1_000)
        values: dict[str, Any] = {"total": offline + online, "offline": None, "online": None}
        if indicator.type == "decimal":
            values["total"] = f"{dice.randrange(100_000)}.{dice.randrange(100):02d}"
        elif indicator.code.startswith("B"):
            values = {"total": offline + online, "offline": offline, "online": online}
        indicators.append({"code": indicator.code, "cell": f"D{row}", **values})
    activities = [activity_of(row, name) for row, name in enumerate(names or ["科普大讲堂"], start=4)]
    return {"indicators": indicators, "activities": activities}


def activity_of(row: int, name: str) -> dict[str, Any]:
    dates = {"start": "2023-05-21", "end": "2023-05-22"}
    texts = {"name": name, "category": "竞赛", "place": name, "form": "线下", "host": "科技局", "major": "否"}
    return {"row": row, **dates, **texts, "offline": 120, "online": 0, "funds": "1.20", "phone": "0991-1234567"}


def feed_region(services: Services, campaign: Campaign, count: int = 4) -> Stated:
    """Feed the sheets of the first `count` prefectures, the first one complete; return what they state."""
    stated: Stated = {}
    for seed, prefecture in enumerate(campaign.prefectures[:count]):
        figures = sheet_of(campaign, seed)
        if seed == 0:
            feed_all(services.ledger, campaign, prefecture.code, figures)
        else:
            feed(services.ledger, campaign, prefecture.code, Kind.STATISTICS, "统计表.xlsx", figures=figures)
        stated[prefecture.code] = {
            f"{i['code']}.{part}": Decimal(str(i[part]))
            for i in figures["indicators"]
            for part in ("total", "offline", "online")
            if i[part] is not None
        }
    return stated


def summed(stated: Stated, key: str) -> Decimal:
    return sum((values[key] for values in stated.values() if key in values), Decimal(0))


def workbook_of(services: Services, campaign: Campaign, edition: str = "final") -> bytes:
    return make_workbook(region_figures(services.ledger, campaign, NOW), edition)


def recomputed(book: Workbook, formula: str, here: str = "各地州市") -> Decimal:
    """Return what a formula of the form =SUM(sheet!A1:A9) gives, one without a sheet's name on the sheet `here`."""
    match = re.fullmatch(r"=SUM\((?:(.+)!)?([A-Z]+)(\d+):([A-Z]+)(\d+)\)", formula)
    assert match, formula
    name, column, first, last_column, last = match.groups()
    cells = [c.value for row in book[name or here][f"{column}{first}:{last_column}{last}"] for c in row]
    return sum((Decimal(str(value)) for value in cells if value is not None), Decimal(0))


def texts(sheet: Worksheet) -> list[str]:
    return [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None]


def test_totals_are_the_exact_sums_of_the_accepted_sheets(services: Services, campaign: Campaign) -> None:
    stated = feed_region(services, campaign, count=14)
    figures = region_figures(services.ledger, campaign, NOW)
    for indicator in campaign.form.indicators.rows:
        total = figures.totals[indicator.code]
        assert total.total == summed(stated, f"{indicator.code}.total")
        if indicator.code.startswith("B"):
            assert (total.offline, total.online) == tuple(
                summed(stated, f"{indicator.code}.{part}") for part in ("offline", "online")
            )
        else:
            assert total.offline is None


def test_only_the_current_accepted_sheet_counts(services: Services, campaign: Campaign) -> None:
    for seed, verdict in enumerate([Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.REJECTED, Verdict.HELD]):
        at = NOW + timedelta(minutes=seed)
        figures = sheet_of(campaign, seed)
        feed(services.ledger, campaign, "6501", Kind.STATISTICS, "s.xlsx", figures=figures, at=at, verdict=verdict)
    figures = region_figures(services.ledger, campaign, NOW)
    assert [s.name for s in figures.sheets] == ["s.xlsx"]
    assert figures.totals["A01"].total == sheet_of(campaign, 1)["indicators"][0]["total"]
    assert len(figures.activities) == 1


def test_what_comes_while_the_ledger_is_read_is_in_none_of_the_figures(services: Services, campaign: Campaign) -> None:
    """Else sums of one moment would stand beside completeness of another."""
    feed_all(services.ledger, campaign, "6501", sheet_of(campaign, 1))
    before, other = region_figures(services.ledger, campaign, NOW), Ledger(services.settings.ledger_url)

    @event.listens_for(services.ledger.engine, "after_cursor_execute", once=True)
    def meanwhile(*_: object) -> None:
        feed(other, campaign, "6501", Kind.STATISTICS, "neu.xlsx", figures=sheet_of(campaign, 2), at=NOW)
        feed_all(other, campaign, "6502", sheet_of(campaign, 3))

    during, after = (region_figures(services.ledger, campaign, NOW) for _ in range(2))
    other.close()
    assert inputs_sha(during, None, b"") == inputs_sha(before, None, b"")
    assert (len(after.sheets), len(after.missing)) == (2, len(before.missing) - 1)


def test_the_workbooks_formulas_recompute_to_the_ledger(services: Services, campaign: Campaign) -> None:
    stated = feed_region(services, campaign, count=12)
    book = load_workbook(BytesIO(workbook_of(services, campaign)))
    for row, indicator in enumerate(campaign.form.indicators.rows, start=5):
        sheet = book["汇总"]
        assert sheet.cell(row, 1).value == indicator.code
        total = summed(stated, f"{indicator.code}.total")
        assert recomputed(book, sheet.cell(row, 4).value) == total
        assert Decimal(str(sheet.cell(row, 7).value)) == total
        for column, part in ((5, "offline"), (6, "online")):
            if indicator.code.startswith("B"):
                expected = summed(stated, f"{indicator.code}.{part}")
                assert recomputed(book, sheet.cell(row, column).value) == expected
            else:
                assert sheet.cell(row, column).value == "—"


def test_every_formula_carries_its_result_for_readers_that_do_not_calculate(
    services: Services, campaign: Campaign
) -> None:
    feed_region(services, campaign)
    raw = workbook_of(services, campaign)
    formulas, results = load_workbook(BytesIO(raw)), load_workbook(BytesIO(raw), data_only=True)
    shown = CalamineWorkbook.from_filelike(BytesIO(raw)).get_sheet_by_name("汇总").to_python(skip_empty_area=False)
    found = 0
    for sheet in formulas.worksheets:
        for cell in (c for row in sheet.iter_rows() for c in row if c.data_type == "f"):
            result = results[sheet.title][cell.coordinate].value
            assert result is not None, cell.coordinate
            if cell.value.startswith("=SUM"):
                assert Decimal(str(result)) == recomputed(results, cell.value, sheet.title)
            found += 1
    assert found > 100
    assert shown[4][3] == results["汇总"]["D5"].value
    assert shown[-1][-1] == "全部一致"


def test_the_region_row_of_the_prefectures_sheet_adds_up_too(services: Services, campaign: Campaign) -> None:
    stated = feed_region(services, campaign)
    book = load_workbook(BytesIO(workbook_of(services, campaign)))
    sheet = book["各地州市"]
    assert [sheet.cell(row, 1).value for row in range(7, 21)] == [p.code for p in campaign.prefectures]
    codes = [str(sheet.cell(5, column).value).split("\n")[0] for column in range(3, sheet.max_column + 1)]
    assert codes[:28] == [i.code for i in campaign.form.indicators.rows]
    for column, code in enumerate(codes[:28], start=3):
        assert sheet.cell(21, column).value == f"=SUM({get_column_letter(column)}7:{get_column_letter(column)}20)"
        assert Decimal(str(sheet.cell(9, column).value)) == stated["6504"][f"{code}.total"]


def test_numbers_stay_numbers_and_exact(services: Services, campaign: Campaign) -> None:
    feed_region(services, campaign)
    sheet = load_workbook(BytesIO(workbook_of(services, campaign)))["汇总"]
    assert isinstance(sheet["G5"].value, int)
    assert sheet["G5"].number_format == "#,##0"
    money = next(row for row in range(5, 40) if sheet.cell(row, 1).value == "E01")
    assert sheet.cell(money, 4).number_format == "#,##0.00"


def test_text_of_prefectures_is_never_a_formula(services: Services, campaign: Campaign) -> None:
    feed_all(services.ledger, campaign, "6501", sheet_of(campaign, 1, DANGEROUS))
    raw = workbook_of(services, campaign)
    sheet = load_workbook(BytesIO(raw))["活动明细"]
    names = [sheet.cell(row, 3) for row in range(5, 5 + len(DANGEROUS))]
    assert all(cell.data_type == "s" for cell in names)
    assert all(cell.quotePrefix for cell in names)
    assert names[0].value == DANGEROUS[0]
    with zipfile.ZipFile(BytesIO(raw)) as package:
        assert b"<f>" not in package.read("xl/worksheets/sheet3.xml")
        assert not [n for n in package.namelist() if "externalLink" in n or "vba" in n.lower()]


def test_the_same_inputs_give_the_same_bytes(services: Services, campaign: Campaign) -> None:
    feed_region(services, campaign)
    raw = workbook_of(services, campaign)
    assert raw == workbook_of(services, campaign)
    with zipfile.ZipFile(BytesIO(raw)) as package:
        assert {info.date_time for info in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert package.read("docProps/core.xml").count(b"2023-06-01T08:00:00Z") == 2


def test_who_is_missing_and_to_which_moment_it_counts_is_said_on_every_sheet(
    services: Services, campaign: Campaign
) -> None:
    feed_all(services.ledger, campaign, "6501", sheet_of(campaign, 1))
    book = load_workbook(BytesIO(workbook_of(services, campaign, "interim")))
    shown = "汇总 各地州市 活动明细 活动日程 报送情况 媒体报道 数据来源 数据质量 口径说明 图表"
    assert book.sheetnames == shown.split()
    for sheet in book.worksheets:
        head = "".join(texts(sheet)[:2])
        for said in ("2023年自治区科技活动周", "（中期）", "2023-06-01 16:00", "未报齐 13 个：克拉玛依市、吐鲁番市"):
            assert said in head
    assert "塔城地区（未计入）" in texts(book["各地州市"])


def test_sheets_are_set_up_for_a4_with_repeated_headers(services: Services, campaign: Campaign) -> None:
    feed_region(services, campaign)
    for sheet in load_workbook(BytesIO(workbook_of(services, campaign))).worksheets:
        assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "landscape")
        assert sheet.print_title_rows
        assert sheet.freeze_panes
    book = load_workbook(BytesIO(workbook_of(services, campaign)))
    assert book["活动明细"].auto_filter.ref == f"A4:{get_column_letter(book['活动明细'].max_column)}8"


def test_punctuality_tells_complete_on_time_and_resubmitted(services: Services, campaign: Campaign) -> None:
    late = campaign.deadline + timedelta(hours=1)
    feed(services.ledger, campaign, "6501", Kind.PHOTO, "a.jpg", verdict=Verdict.REJECTED)
    feed_all(services.ledger, campaign, "6501")
    feed(services.ledger, campaign, "6501", Kind.STATISTICS, "neu.xlsx", figures=sheet_of(campaign, 2), at=late)
    feed_all(services.ledger, campaign, "6502", at=late)
    first, second, third, *_ = region_figures(services.ledger, campaign, NOW).punctuality
    assert (first.complete, first.on_time, first.rejected, first.replaced, first.late) == (True, True, 1, 1, 1)
    assert (second.complete, second.on_time, second.late) == (True, False, 5)
    assert (third.complete, third.on_time, third.last_receipt) == (False, False, None)
    sheet = load_workbook(BytesIO(workbook_of(services, campaign)))["报送情况"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=5, max_row=7)]
    assert [row[7:9] for row in rows] == [["报齐", "按时"], ["报齐", "迟报"], ["未报齐", "—"]]
    assert rows[0][9:12] == [1, 1, 1]


def test_remarks_are_the_warnings_about_figures_of_accepted_files(services: Services, campaign: Campaign) -> None:
    doubt = [warning("statistics.round_figures", "像是估计数"), warning("file.late", "迟报")]
    late = campaign.deadline + timedelta(hours=1)  # else the ledger would not keep what says so
    figures = sheet_of(campaign, 1)
    feed(services.ledger, campaign, "6501", Kind.STATISTICS, "s.xlsx", figures=figures, findings=doubt, at=late)
    remarks = region_figures(services.ledger, campaign, NOW).remarks
    assert [(r.prefecture, r.kind, r.message) for r in remarks] == [("6501", "statistics", "像是估计数")]


def test_the_report_of_an_empty_campaign_says_zero_and_who_is_missing(services: Services, campaign: Campaign) -> None:
    written = write_report(services, campaign.id, "interim", NOW)
    assert set(written["totals"].values()) == {"0", "0.00"}
    assert written["missing"] == [p.code for p in campaign.prefectures]
    raw = services.storage.read("reports", f"{written['prefix']}汇总表.xlsx")
    book = load_workbook(BytesIO(raw))
    assert recomputed(book, book["汇总"]["D5"].value) == 0


def test_figures_json_holds_exact_strings_and_every_input(services: Services, campaign: Campaign) -> None:
    stated = feed_region(services, campaign)
    written = write_report(services, campaign.id, "final", NOW)
    told = json.loads(services.storage.read("reports", f"{written['prefix']}figures.json"))
    assert told["totals"] == written["totals"]
    assert {code: Decimal(text) for code, text in told["totals"].items()} == {
        i.code: summed(stated, f"{i.code}.total") for i in campaign.form.indicators.rows
    }
    assert re.fullmatch(r"\d+\.\d\d", told["totals"]["E01"])
    assert told["totals"]["B01"].isdigit()
    sheets = {s.prefecture: s for s in region_figures(services.ledger, campaign, NOW).sheets}
    assert {i["prefecture"]: (i["sha256"], i["archive_key"], i["submission"]) for i in told["inputs"]} == {
        code: (s.sha256, s.archive_key, s.id) for code, s in sheets.items()
    }
    assert told["prefectures"][0]["values"]["A01"]["cell"] == "D5"
    assert told["generated_at"] == "2023-06-01T16:00:00+08:00"


def test_the_same_inputs_make_no_new_version(services: Services, campaign: Campaign) -> None:
    feed_region(services, campaign)
    first = write_report(services, campaign.id, "final", NOW)
    raw = services.storage.read("reports", "2023/final/v1/汇总表.xlsx")
    again = write_report(services, campaign.id, "final", NOW + timedelta(days=1))
    assert (first["version"], first["prefix"], first["new"]) == (1, "2023/final/v1/", True)
    assert again == {**first, "new": False}
    assert services.storage.read("reports", "2023/final/v1/汇总表.xlsx") == raw
    assert len(services.ledger.editions(campaign.id)) == 1


MOVED = {"deadline": NOW + timedelta(days=40), "title": "活动周", "previous": "2022"}
PRESS = [warning("press.link", "链接清单里没有找到网址。")]


def changed(services: Services, campaign: Campaign, how: str) -> Services:
    """Change one thing that an edition prints besides figures of the sheets."""
    if how in MOVED:
        moved = campaign.model_copy(update={how: MOVED[how]})
        return replace(services, campaigns=Fixed(moved, campaign.model_copy(update={"id": "2022"})))
    if how == "warning":
        feed(services.ledger, campaign, "6504", Kind.PRESS, "链接.txt", findings=PRESS)
    else:
        verdict = Verdict.REJECTED if how == "rejected" else Verdict.ACCEPTED
        feed(
            services.ledger, campaign, "6504", Kind("photo" if how == "rejected" else how), f"x.{how}", verdict=verdict
        )
    return services


class Fixed(Campaigns):
    """These campaigns, whatever stands on the disk."""

    def __init__(self, *campaigns: Campaign) -> None:
        self._by_id = {campaign.id: campaign for campaign in campaigns}

    def get(self, campaign_id: str) -> Campaign:
        return self._by_id[campaign_id]


@pytest.mark.parametrize("how", ["press", "photo", "video", "report", "rejected", "warning", *MOVED])
def test_what_is_printed_besides_figures_makes_a_new_version_too(
    services: Services, campaign: Campaign, how: str
) -> None:
    feed_region(services, campaign.model_copy(update={"id": "2022"}))
    feed_region(services, campaign)
    first = write_report(services, campaign.id, "final", NOW)
    services = changed(services, campaign, how)
    second = write_report(services, campaign.id, "final", NOW)
    assert (second["version"], second["new"]) == (first["version"] + 1, True)
    assert write_report(services, campaign.id, "final", NOW) == {**second, "new": False}


@pytest.mark.parametrize("update", [{"previous": "2022"}, {"quarantine": Quarantine(keep_days=99)}], ids=str)
def test_what_nothing_prints_makes_no_new_version(
    services: Services, campaign: Campaign, update: dict[str, Any]
) -> None:
    """A year without figures is not compared with, and how long rejected files are kept is nobody's to read here."""
    feed_region(services, campaign)
    first = write_report(services, campaign.id, "final", NOW)
    moved = Fixed(campaign.model_copy(update=update), campaign.model_copy(update={"id": "2022"}))
    again = write_report(replace(services, campaigns=moved), campaign.id, "final", NOW + timedelta(days=1))
    assert again == {**first, "new": False}


def test_other_figures_of_last_year_make_a_new_version(services: Services, campaign: Campaign) -> None:
    last = campaign.model_copy(update={"id": "2022"})
    services = replace(services, campaigns=Fixed(campaign.model_copy(update={"previous": "2022"}), last))
    feed_region(services, last)
    feed_region(services, campaign)
    assert write_report(services, campaign.id, "final", NOW)["version"] == 1
    at = NOW + timedelta(hours=1)
    feed(services.ledger, last, "6501", Kind.STATISTICS, "neu.xlsx", figures=sheet_of(campaign, 99), at=at)
    assert write_report(services, campaign.id, "final", NOW)["version"] == 2


def test_a_corrected_sheet_makes_the_next_version_and_keeps_the_one_before(
    services: Services, campaign: Campaign
) -> None:
    feed_region(services, campaign)
    first = write_report(services, campaign.id, "final", NOW)
    raw = services.storage.read("reports", "2023/final/v1/汇总表.xlsx")
    at = NOW + timedelta(hours=1)
    feed(services.ledger, campaign, "6504", Kind.STATISTICS, "neu.xlsx", figures=sheet_of(campaign, 99), at=at)
    second = write_report(services, campaign.id, "final", at)
    assert (second["version"], second["prefix"], second["new"]) == (2, "2023/final/v2/", True)
    assert second["totals"] != first["totals"]
    assert services.storage.read("reports", "2023/final/v1/汇总表.xlsx") == raw


def test_interim_and_final_are_counted_apart(services: Services, campaign: Campaign) -> None:
    feed_region(services, campaign)
    night = datetime(2023, 6, 1, 18, 0, tzinfo=UTC)
    assert write_report(services, campaign.id, "interim", night)["prefix"] == "2023/interim/2023-06-02/"
    assert write_report(services, campaign.id, "final", night)["version"] == 1


def test_a_prefecture_that_becomes_complete_renews_the_interim_edition(services: Services, campaign: Campaign) -> None:
    feed(services.ledger, campaign, "6502", Kind.STATISTICS, "s.xlsx", figures=sheet_of(campaign, 1))
    assert "6502" in write_report(services, campaign.id, "interim", NOW)["missing"]
    for kind in set(Kind) - {Kind.STATISTICS}:
        feed(services.ledger, campaign, "6502", kind, "x")
    renewed = write_report(services, campaign.id, "interim", NOW + timedelta(days=1))
    assert renewed["new"] is True
    assert "6502" not in renewed["missing"]


@pytest.mark.ledger_owner
def test_a_crash_before_the_ledger_knew_is_healed_by_writing_the_same_version(
    services: Services, campaign: Campaign
) -> None:
    feed_region(services, campaign)
    first = write_report(services, campaign.id, "final", NOW)
    raw = services.storage.read("reports", "2023/final/v1/汇总表.xlsx")
    services.ledger.run(lambda session: session.execute(delete(Edition)))
    assert write_report(services, campaign.id, "final", NOW) == first
    assert services.storage.read("reports", "2023/final/v1/汇总表.xlsx") == raw


def test_two_runs_at_once_write_one_edition(services: Services, campaign: Campaign) -> None:
    feed_region(services, campaign, count=2)
    with ThreadPoolExecutor(2) as pool:
        written = list(pool.map(lambda _: write_report(services, campaign.id, "final", NOW), range(2)))
    assert sorted(w["new"] for w in written) == [False, True]
    assert {w["version"] for w in written} == {1}


def test_an_edition_that_somebody_else_is_writing_is_not_touched(services: Services, campaign: Campaign) -> None:
    at_once = write_report.retry_with(stop=stop_after_attempt(1))  # type: ignore[attr-defined]
    with services.ledger.advisory_lock(f"report:{campaign.id}:final") as mine:
        assert mine
        with pytest.raises(ReportBusy):
            at_once(services, campaign.id, "final", NOW)
    assert services.ledger.editions(campaign.id) == []
