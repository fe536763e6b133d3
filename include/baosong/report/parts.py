"""The tables, charts and photographs of a report as data, independent of how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from baosong.campaign.form import Indicator
from baosong.report import listed
from baosong.report.changes import Changes
from baosong.report.consolidation import Figure, PrefectureFigures, RegionFigures, exact
from baosong.report.wording import NOTHING, dates_text, exact_text, group_thousands, share
from baosong.rules.words import CELL_WORDS

COLUMNS = 7  # indicators per table, beside the prefecture's name on a portrait page
MOST_UNITS = 400  # rows of prefectures in the Word report; the workbook has all
MOST_BARS = 20
MOST_CHANGES = 600
_COMPARED = 2  # bars that a chart needs, for one alone is said in a sentence
SHADES = ("DEDEDE", "B8B8B8", "8C8C8C", "4D4D4D")  # of a map, the least first; the last one bears white letters
_TEXT = 156.0  # mm across the text of a page
_NAME = 37.0  # the longest name, 克孜勒苏柯尔克孜自治州, on one line
_FOUR = 15.0  # four characters on one line
_SHORT = 8  # letters of a number that every column has room for


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `widths` in mm, `aligns` one letter per column: l, c, r, or u for addresses, which lead there.

    `last_is_sum` emphasizes the last row.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[float]
    aligns: str
    caption: str = ""
    last_is_sum: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Horizontal bars; several series are stacked. Values are exact."""

    title: str
    names: Sequence[str]
    series: Sequence[tuple[str, Sequence[Decimal]]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A photograph: a small JPEG without metadata, its size in pixels, and its caption."""

    jpeg: bytes
    width: int
    height: int
    caption: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A prefecture's name and figure; `shade` is its place in `SHADES`, None where it stated nothing."""

    name: str
    text: str
    shade: int | None


@dataclass(frozen=True, slots=True)
class TileMap:
    """The tiles by row and column, None where no prefecture lies, and a legend of tiles without names."""

    title: str
    rows: Sequence[Sequence[Tile | None]]
    legend: Sequence[Tile]


Part = Table | Chart | Picture | TileMap
Ranked = tuple[int, PrefectureFigures, Decimal]  # rank, prefecture, value


def units(figures: RegionFigures) -> list[PrefectureFigures]:
    """Return the prefectures in the tables of the Word report."""
    return figures.prefectures[:MOST_UNITS]


def value(p: PrefectureFigures, code: str) -> Decimal | None:
    """Return a prefecture's total of an indicator, None where it was not stated."""
    return p.values.get(code, Figure()).total


def ranked(figures: RegionFigures, code: str) -> list[Ranked]:
    """Return (rank, prefecture, value), the largest first; equal values share a rank, missing and 0 have none."""
    stated = [(p, v) for p in figures.prefectures if (v := value(p, code))]
    stated.sort(key=lambda item: -item[1])
    first: dict[Decimal, int] = {}
    for place, (_, v) in enumerate(stated, start=1):
        first.setdefault(v, place)
    return [(first[v], p, v) for p, v in stated]


def indicator_tables(figures: RegionFigures) -> list[Table]:
    """Return all indicators by prefecture, a few per table, each with the region's sums below."""
    rows = figures.campaign.form.indicators.rows
    parts = [rows[i : i + COLUMNS] for i in range(0, len(rows), COLUMNS)]
    return [_indicator_table(figures, part, f"（{n}/{len(parts)}）") for n, part in enumerate(parts, start=1)]


def _indicator_table(figures: RegionFigures, part: Sequence[Indicator], number: str) -> Table:
    rows = [
        [p.prefecture.name + ("" if p.sheet else "（未计入）"), *(exact_text(value(p, i.code), i) for i in part)]
        for p in units(figures)
    ]
    rows.append(["合计", *(exact_text(figures.totals[i.code].total or Decimal(0), i) for i in part)])
    return Table(
        head=["地州市", *(f"{i.name}（{i.unit}）" for i in part)],
        rows=rows,
        widths=[_NAME, *_widths([row[1:] for row in rows], _TEXT - _NAME)],
        aligns="l" + "r" * len(part),
        caption=f"各地州市主要指标{number}",
        last_is_sum=True,
    )


def _widths(rows: Sequence[Sequence[str]], room: float) -> list[float]:
    """Return the widths of columns of numbers, alike but for long numbers, which would break."""
    longest = [max(_SHORT, *map(len, column)) for column in zip(*rows, strict=True)]
    return [room * length / sum(longest) for length in longest]


def kinds_table(figures: RegionFigures, indicator: Indicator) -> Table | None:
    """Return the kinds that add up to an indicator, with shares; None where there is but one."""
    whole = figures.totals[indicator.code].total
    kinds = figures.campaign.form.kinds_of(indicator.code)
    if sum(bool(_total(figures, k)) for k in kinds) < _COMPARED:
        return None
    rows = [[k.name, exact_text(v := _total(figures, k), k), k.unit, share(v, whole)] for k in kinds]
    rows.append([indicator.name, exact_text(whole or Decimal(0), indicator), indicator.unit, share(whole, whole)])
    return Table(["类别", "数量", "单位", "占比"], rows, [72, 30, 27, 27], "lrcr", f"{indicator.name}分类", True)


def kinds_chart(figures: RegionFigures, indicator: Indicator) -> Chart | None:
    """Return the kinds of an indicator as bars; None where fewer than two have any."""
    kinds = figures.campaign.form.kinds_of(indicator.code)
    values = [_total(figures, k) for k in kinds]
    if sum(map(bool, values)) < _COMPARED:
        return None
    return Chart(f"{indicator.name}分类（{indicator.unit}）", [k.name for k in kinds], [("合计", values)])


def _total(figures: RegionFigures, indicator: Indicator) -> Decimal:
    return _exact(figures.totals[indicator.code].total, indicator)


def _exact(value: Decimal | None, indicator: Indicator) -> Decimal:
    """Return a value with the form's digits, because the database gives each number two decimals."""
    return Decimal(exact(value or Decimal(0), indicator) or 0)


def ranking_table(figures: RegionFigures) -> Table:
    """Return share and rank of each prefecture in the required indicators."""
    form = figures.campaign.form
    wanted = [i for i in form.indicators.rows if i.required][:2]
    ranks = {i.code: {p.prefecture.code: str(n) for n, p, _ in ranked(figures, i.code)} for i in wanted}
    rows = []
    for p in units(figures):
        row = [p.prefecture.name]
        for i in wanted:
            v = value(p, i.code)
            rank = ranks[i.code].get(p.prefecture.code, NOTHING)
            row += [exact_text(v, i), share(v, figures.totals[i.code].total) if v is not None else NOTHING, rank]
        rows.append(row)
    sums = [[exact_text(_total(figures, i), i), share(t := _total(figures, i), t), NOTHING] for i in wanted]
    rows.append(["合计", *(text for part in sums for text in part)])
    head = ["地州市", *(text for i in wanted for text in (f"{i.name}（{i.unit}）", "占比", "名次"))]
    widths = [_NAME, *([32.0, _FOUR, 12.0] * len(wanted))]
    return Table(head, rows, widths, "l" + "rrc" * len(wanted), "各地州市占比和名次", True)


def prefecture_chart(figures: RegionFigures, indicator: Indicator) -> Chart | None:
    """Return an indicator by prefecture as bars, the largest first; 线下 and 线上 are stacked where both are stated.

    None where fewer than two have any.
    """
    shown = ranked(figures, indicator.code)[:MOST_BARS]
    if len(shown) < _COMPARED:
        return None
    values = [p.values[indicator.code] for _, p, _ in shown]
    split = all(v.offline is not None and v.online is not None for v in values)
    named = (("线下", "offline"), ("线上", "online")) if split else (("合计", "total"),)
    series = [(name, [_exact(getattr(v, part), indicator) for v in values]) for name, part in named]
    first = f"，前{MOST_BARS}位" if len(figures.prefectures) > MOST_BARS else ""
    names = [p.prefecture.name for _, p, _ in shown]
    return Chart(f"各地州市{indicator.name}（{indicator.unit}{first}）", names, series)


def punctuality_table(figures: RegionFigures) -> Table:
    """Return the state of each prefecture's deliverables, and whether they were complete and on time."""
    kinds = figures.campaign.deliverables
    rows = []
    for status in figures.punctuality[:MOST_UNITS]:
        cells = [status.states.get(d.kind, ("missing", 0)) for d in kinds]
        states = [str(n) if n else CELL_WORDS[state].partition("，")[0] for state, n in cells]  # 已退回 is enough here
        timely = ("按时" if status.on_time else "迟报") if status.complete else "未报齐"
        rows.append([status.prefecture.name, *states, timely, str(status.rejected), str(status.replaced)])
    room = (_TEXT - _NAME - 3 * _FOUR) / len(kinds)
    head = ["地州市", *(f"{d.name}（个）" for d in kinds), "是否按时报齐", "退回文件", "更正替换"]
    widths = [_NAME, *([room] * len(kinds)), *([_FOUR] * 3)]
    return Table(head, rows, widths, "l" + "c" * (len(kinds) + 3), "材料报送情况")


def lists_all(figures: RegionFigures) -> bool:
    """Return whether the Word report lists every activity; of a long list it has only the major ones (重大示范)."""
    return len(figures.activities) <= listed.MOST_LISTED


def timeline_chart(figures: RegionFigures) -> Chart | None:
    """Return the days as bars, or the weeks of a long campaign; None where there is nothing to compare."""
    told = figures.activities.counts.timeline
    weeks = -(-len(told.days) // (MOST_BARS * 7))
    step = 1 if len(told.days) <= MOST_BARS else weeks * 7
    spans = [(told.days[n], told.days[n : n + step][-1]) for n in range(0, len(told.days), step)]
    counts = [told.under_way(first, last) for first, last in spans]
    if sum(map(any, counts)) < _COMPARED:
        return None
    series = [(form, [Decimal(row[n]) for row in counts]) for n, form in enumerate(told.forms)]
    said = "每日开展的活动" if step == 1 else f"每{weeks if weeks > 1 else ''}周开展的活动"
    return Chart(f"{said}（项）", [dates_text(first, last) for first, last in spans], series)


def activity_table(figures: RegionFigures) -> Table:
    """Return at most `MOST_LISTED` activities, with their numbers in the workbook's list."""
    counts = figures.activities.counts
    names = {p.prefecture.code: p.prefecture.name for p in figures.prefectures}
    rows = [
        [
            str(number), names[a.prefecture], a.name, a.category or NOTHING, dates_text(a.start, a.end),
            str(a.fields.get("place") or NOTHING), f"{a.offline or 0:,.0f}", f"{a.online or 0:,.0f}",
        ]
        for number, a in (counts.first if lists_all(figures) else counts.first_major)
    ]  # fmt: skip
    head = ["序号", "地州市", "活动名称", "类别", "日期", "地点", "线下人次", "线上人次"]
    return Table(head, rows, [9, 20, 38, _FOUR, 21, 25, 14, 14], "cllcclrr", "活动一览")


def change_table(changes: Changes) -> Table:
    """Return the figures that differ from the previous version."""
    rows = [
        [c.place, c.what, group_thousands(c.before), group_thousands(c.after)] for c in changes.figures[:MOST_CHANGES]
    ]
    return Table(["地州市", "指标", f"第{changes.against}版", "本版"], rows, [46, 60, 25, 25], "llrr", "数据变化")
