"""What a receipt says when a file replaces another: the how-manieth it is, and what has changed, old and new."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.pipeline import reply
from baosong.rules.findings import Kind
from baosong_local.samples.documents import make_report
from baosong_local.samples.sheets import SheetSample, make_sheet
from intake_run import CODE, Killed, drop, killed_at, piece, receipts, rows, run, states
from recount import read_shortly

PARTS = ("合计", "线下", "线上")


def send_sheet(services: Services, campaign: Campaign, seed: int, name: str = "统计表.xlsx") -> SheetSample:
    sheet = make_sheet(campaign, campaign.prefecture(CODE), seed)
    drop(services, sheet.content, name, "统计表")
    run(services)
    return sheet


def replaced(services: Services) -> Any:
    """Return what the newest receipt says that its one file has replaced."""
    (file,) = receipts(services)[-1]["files"]
    return file["replaced"]


def differing(before: SheetSample, after: SheetSample) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the figures that differ between two sheets, read from their bytes with openpyxl alone."""
    one, two = (_figures(sheet.content) for sheet in (before, after))
    return {key: (one.get(key, "—"), two.get(key, "—")) for key in {*one, *two} if one.get(key) != two.get(key)}


def _figures(content: bytes) -> dict[tuple[str, str], str]:
    values = read_shortly(content).values
    return {
        (code, part): f"{figure:.2f}" if code in ("E01", "E02") else str(figure)
        for code, figures in values.items()
        for part, figure in zip(PARTS, figures, strict=True)
        if figure is not None
    }


def test_a_first_sheet_has_replaced_nothing(services: Services, campaign: Campaign) -> None:
    send_sheet(services, campaign, 1)
    assert replaced(services) is None
    assert (rows(services)[0].version, rows(services)[0].replaces_id) == (1, None)


def test_a_sheet_that_replaces_tells_every_figure_that_has_changed(services: Services, campaign: Campaign) -> None:
    before = send_sheet(services, campaign, 1)
    drop(services, b"", "空.xlsx", "统计表")  # sent back: no further submission was accepted
    run(services)
    after = send_sheet(services, campaign, 2)
    told = replaced(services)
    names = {i.code: f"{i.name}（{i.unit}）" for i in campaign.form.indicators.rows}
    expected = differing(before, after)
    assert len(expected) > 10
    marks = {"合计": "", "线下": "（线下）", "线上": "（线上）"}
    assert {c["what"]: (c["before"], c["after"]) for c in told["changes"]} == {
        names[code] + marks[part]: values for (code, part), values in expected.items()
    }
    assert told["version"] == 2
    first = expected["A01", "合计"]
    assert told["text"].startswith(f"乌鲁木齐市第2次报送：举办活动总数 {first[0]}→{first[1]}；")
    assert [c["code"] for c in told["changes"]] == sorted(c["code"] for c in told["changes"])
    mine, others = ({(a[1], a[5], a[6]) for a in read_shortly(s.content).activities} for s in (after, before))
    assert told["activities"] == {"new": len(mine - others), "gone": len(others - mine)}
    view = services.ledger.run(lambda s: s.execute(text("select 指标, 分项, 原数, 新数, 第几次 from v_changes")).all())
    assert {(code, part): (_as_told(code, one), _as_told(code, two)) for code, part, one, two, _ in view} == expected
    assert {row.第几次 for row in view} == {2}


def _as_told(code: str, value: Decimal | None) -> str:
    if value is None:
        return "—"
    return f"{value:.2f}" if code in ("E01", "E02") else f"{value:.0f}"


def test_a_sheet_that_changes_nothing_says_so_and_the_third_is_the_third(
    services: Services, campaign: Campaign
) -> None:
    from sheet_help import edited, put, sample, LIST  # noqa: I001 - its campaign is read when it is imported
    from baosong_local.samples import dirt

    book = edited(base=sample())
    for number, leader in enumerate(("甲", "乙", "丙"), 1):
        put(LIST, "R4", leader)(book)
        drop(services, dirt.written(book), "统计表.xlsx", "统计表")
        run(services)
        if number > 1:
            assert replaced(services)["text"].startswith(f"乌鲁木齐市第{number}次报送：各项指标和活动明细都没有变化。")
    assert [row.version for row in rows(services)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("folder", "names"), [("总结报告", ("初稿.docx", "终稿.docx")), ("媒体报道", ("链接.txt", "链接.txt"))]
)
def test_another_file_says_which_one_it_replaces(
    services: Services, campaign: Campaign, folder: str, names: tuple[str, str]
) -> None:
    for seed, name in enumerate(names):
        report = make_report(campaign, campaign.prefecture(CODE), seed)
        drop(services, report if folder == "总结报告" else piece(str(seed)), name, folder)
        run(services)
    told = replaced(services)
    assert told["text"].startswith(f"替换了此前接收的“{names[0]}”（")
    assert (told["version"], told["submission"], told["changes"]) == (2, rows(services)[0].id, [])
    page = next(k.key for k in services.storage.list("outbox") if "回执-002号" in k.key and k.key.endswith(".html"))
    assert told["text"] in services.storage.read("outbox", page).decode()


def test_a_double_and_a_new_photo_replace_nothing(services: Services) -> None:
    for name in ("一.txt", "二.txt"):
        drop(services, piece(), name)
        run(services)
        assert replaced(services) is None
    assert states(services) == ["accepted", "duplicate"]


def test_an_interrupted_receipt_tells_the_same_though_the_file_was_replaced_since(
    services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_sheet(services, campaign, 1)
    with monkeypatch.context() as patch:
        patch.setattr(reply, "write_status", killed_at(reply.write_status, after=False))
        with pytest.raises(Killed):
            send_sheet(services, campaign, 2)
    before = replaced(services)
    send_sheet(services, campaign, 3)
    (again,) = receipts(services)[1]["files"]
    assert again["replaced"] == before
    assert rows(services)[-1].version == 3


def test_activities_that_differ_only_in_figures_are_neither_new_nor_gone(
    services: Services, campaign: Campaign
) -> None:
    from feed import feed

    def figures(*names: str, offline: int) -> dict[str, Any]:
        day = date(2023, 5, 20).isoformat()
        rows = [{"row": n, "name": name, "start": day, "end": day, "offline": offline} for n, name in enumerate(names)]
        total = {"code": "B01", "total": offline, "offline": offline, "online": None, "cell": "D18"}
        return {"indicators": [total], "activities": rows}

    feed(services.ledger, campaign, CODE, Kind.STATISTICS, "1.xlsx", figures=figures("甲", "甲", "乙", offline=1))
    row = feed(services.ledger, campaign, CODE, Kind.STATISTICS, "2.xlsx", figures=figures("甲", "乙", "丙", offline=2))
    found = services.ledger.replacement(row.id)
    assert found is not None
    assert (found.new, found.gone) == (1, 1)
