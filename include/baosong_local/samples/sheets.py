"""Made-up statistics sheets in the campaign's own template that look like the real thing, and ways to spoil them.

The same campaign, prefecture and seed give the same sheet. A made sheet passes every check without a remark.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from openpyxl import Workbook, load_workbook

from baosong.campaign import Campaign, Prefecture
from baosong.campaign.blank_form.template import new_book
from baosong.campaign.layout import first_activity_row, indicator_cells, signature_cells
from baosong_local.samples import places

Amounts = tuple[int | Decimal, int | Decimal | None, int | Decimal | None]
KINDS = {
    "启动仪式": "A03", "讲座报告": "A04", "展览展示": "A05", "竞赛": "A06", "培训": "A07", "咨询义诊": "A08",
    "影视放映": "A09", "进基层": "A10", "开放参观": "A11", "研讨座谈": "A11", "其他": "A11",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SheetSample:
    """A made sheet: its file name and bytes, each indicator's (合计, 线下, 线上), and how many activities it lists."""

    name: str
    content: bytes
    indicators: dict[str, Amounts]
    activities: int


def make_sheet(
    campaign: Campaign,
    prefecture: Prefecture,
    seed: int,
    activities: int | None = None,
    photos: int = 4,
    videos: int = 1,
) -> SheetSample:
    """Return a filled sheet that passes all checks; `activities` is the length of its list (else 8 to 30)."""
    rng = random.Random(f"{prefecture.code}/{seed}")
    rows = _activities(rng, campaign, prefecture, activities or rng.randint(8, 30))
    figures = _figures(rng, rows, photos, videos)
    figures |= {spec.code: (0, None, None) for spec in campaign.form.indicators.rows if spec.code not in figures}
    figures = {spec.code: figures[spec.code] for spec in campaign.form.indicators.rows}
    book = new_book(campaign, prefecture)
    _fill(book, campaign, figures, rows)
    _sign(book, campaign, prefecture, rng)
    name = f"{prefecture.name}{campaign.title}开展情况统计表.xlsx"
    return SheetSample(name, _bytes(book), figures, len(rows))


def _activities(rng: random.Random, campaign: Campaign, prefecture: Prefecture, count: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    names: set[str] = set()
    for index in range(count):
        category = "启动仪式" if index == 0 else rng.choice([c for c in KINDS if c != "启动仪式"])
        row = _activity(rng, campaign, prefecture, category)
        base, again = row["name"], 2
        while row["name"] in names:
            row["name"], again = f"{base}（第{again}场）", again + 1
        names.add(row["name"])
        rows.append({"number": index + 1, **row})
    return rows


def _activity(rng: random.Random, campaign: Campaign, prefecture: Prefecture, category: str) -> dict[str, Any]:
    county = rng.choice(places.COUNTIES.get(prefecture.code, (prefecture.name,)))
    start = campaign.window.start + timedelta(
        days=rng.randrange((campaign.window.end - campaign.window.start).days + 1)
    )
    end = min(campaign.window.end, start + timedelta(days=rng.choice((0, 0, 0, 0, 1, 2, 4))))
    opening = category == "启动仪式"
    form = "线下" if opening else rng.choices(("线下", "线上", "线上线下结合"), (7, 1, 2))[0]
    topic = rng.choice(places.TOPICS)
    year = campaign.window.start.year
    return {
        "name": rng.choice(places.FORMS[category]).format(topic=topic, county=county, year=year),
        "category": category,
        "county": county,
        "place": f"{county}{rng.choice(places.VENUES)}" if form != "线上" else "网络平台",
        "start": campaign.window.start if opening else start,
        "end": campaign.window.start if opening else end,
        "host": f"{county}{rng.choice(places.HOSTS)}",
        "organizer": f"{county}{rng.choice(places.VENUES)}" if rng.random() < 0.4 else None,
        "form": form,
        "offline": 0 if form == "线上" else rng.randint(35, 1800),
        "online": 0 if form == "线下" else rng.randint(120, 9000),
        "experts": rng.randint(2, 40),
        "materials": rng.randint(20, 2500),
        "funds": Decimal(rng.randint(5, 400)) / 100,
        "major": "是" if opening or rng.random() < 0.15 else "否",
        "coverage": rng.randint(0, 6),
        "leader": rng.choice(places.SURNAMES) + rng.choice(places.GIVEN)
        if rng.random() < 0.7
        else rng.choice(places.MINORITY),
        "phone": f"09{rng.randint(90, 99)}-{rng.randint(2000000, 8999999)}",
        "summary": f"围绕“{topic}”开展宣传，现场解答群众提问，发放科普资料。",
    }


def _figures(rng: random.Random, rows: list[dict[str, Any]], photos: int, videos: int) -> dict[str, Amounts]:
    """Return figures that agree with the list and with one another."""
    offline, online = sum(r["offline"] for r in rows), sum(r["online"] for r in rows)
    online_rows = sum(r["form"] == "线上" for r in rows)
    figures: dict[str, Amounts] = {"A01": (len(rows), len(rows) - online_rows, online_rows)}
    figures["A02"] = (sum(r["major"] == "是" for r in rows), None, None)
    for code in sorted(set(KINDS.values())):
        figures[code] = (sum(KINDS[r["category"]] == code for r in rows), None, None)
    figures["A12"] = (rng.randint(1, 12), None, None)
    figures["B01"] = (offline + online, offline, online)
    figures["B02"] = (offline * 3 // 10 + online // 5, offline * 3 // 10, online // 5)
    experts = sum(r["experts"] for r in rows)
    figures["B03"], figures["B04"] = (experts, None, None), (experts // 3, None, None)
    figures["C01"] = (sum(r["materials"] for r in rows), None, None)
    figures |= {
        code: (rng.randint(*least), None, None)
        for code, least in (("C02", (11, 190)), ("C03", (3, 95)), ("C04", (0, 9)))
    }
    press = [rng.randint(0, 3), rng.randint(1, 9), sum(r["coverage"] for r in rows)]
    figures |= dict(zip(("D01", "D02", "D03", "D04"), ((n, None, None) for n in (sum(press), *press)), strict=True))
    funds = sum((r["funds"] for r in rows), Decimal(0))
    figures["E01"], figures["E02"] = (funds, None, None), ((funds * 7 / 10).quantize(Decimal("0.01")), None, None)
    figures["F01"], figures["F02"] = (photos, None, None), (videos, None, None)
    return figures


def _fill(book: Workbook, campaign: Campaign, figures: dict[str, Amounts], rows: list[dict[str, Any]]) -> None:
    form = campaign.form
    totals, details = book[form.indicators.sheet], book[form.activities.sheet]
    cells = indicator_cells(form)
    for code, amounts in figures.items():
        for column, amount in zip(("total", "offline", "online"), amounts, strict=True):
            totals[cells[code, column]].value = amount
    for number, row in enumerate(rows, first_activity_row(form)):
        details.row_dimensions[number].height = 42  # a person's Excel would fit it to the text
        for at, spec in enumerate(form.activities.fields, 1):
            cell = details.cell(number, at, row.get(spec.name))
            cell.number_format = "yyyy-mm-dd" if spec.type == "date" else cell.number_format


def _sign(book: Workbook, campaign: Campaign, prefecture: Prefecture, rng: random.Random) -> None:
    sheet, cells = book[campaign.form.indicators.sheet], signature_cells(campaign.form)
    sheet[cells["unit"]].value = f"{prefecture.name}科学技术局"
    sheet[cells["person"]].value = rng.choice(places.SURNAMES) + rng.choice(places.GIVEN)
    sheet[cells["phone"]].value = f"09{rng.randint(90, 99)}-{rng.randint(2000000, 8999999)}"
    sheet[cells["date"]].value = campaign.window.end + timedelta(days=rng.randint(2, 10))


def wrong_total(sample: SheetSample) -> bytes:
    """Return the sheet with 37 people too many in B01's 合计, as a slip of the hand would leave it."""
    return _changed(sample, lambda totals, _: _add(totals, _find(totals, "B01", 4), 37))


def wrong_prefecture(sample: SheetSample, other: Prefecture) -> bytes:
    """Return the sheet signed by another prefecture."""
    return _changed(sample, lambda totals, _: setattr(totals["C2"], "value", f"{other.name}科学技术局"))


def dates_reversed(sample: SheetSample) -> bytes:
    """Return the sheet with its first activity ending a day before it starts."""

    def turn(_: Any, details: Any) -> None:
        start, end = (_head(details, text) for text in ("开始日期", "结束日期"))
        details.cell(4, end).value = details.cell(4, start).value - timedelta(days=1)

    return _changed(sample, turn)


def missing_required(sample: SheetSample) -> bytes:
    """Return the sheet without its first activity's place and without A01's 合计."""

    def clear(totals: Any, details: Any) -> None:
        _find(totals, "A01", 4).value = None
        details.cell(4, _head(details, "举办地点")).value = None

    return _changed(sample, clear)


def encrypted(sample: SheetSample, password: str = "kjhdz2023") -> bytes:  # noqa: S107 made-up, and printed nowhere
    """Return the sheet as a person would lock it: an OLE file around encrypted xlsx."""
    from msoffcrypto.format.ooxml import OOXMLFile

    locked = io.BytesIO()
    OOXMLFile(io.BytesIO(sample.content)).encrypt(password, locked)
    return locked.getvalue()


def broken(sample: SheetSample) -> bytes:
    """Return the sheet as an upload cut short leaves it."""
    return sample.content[: len(sample.content) * 2 // 3]


def _changed(sample: SheetSample, change: Callable[[Any, Any], None]) -> bytes:
    book = load_workbook(io.BytesIO(sample.content))
    change(book.worksheets[0], book.worksheets[1])
    return _bytes(book)


def _find(sheet: Any, code: str, column: int) -> Any:
    row = next(c.row for c in sheet["A"] if c.value == code)
    return sheet.cell(row, column)


def _head(sheet: Any, label: str) -> int:
    return next(int(c.column) for c in sheet[3] if str(c.value).startswith(label))


def _add(sheet: Any, cell: Any, more: int) -> None:
    cell.value += more


def _bytes(book: Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
