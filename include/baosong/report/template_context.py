"""The context of a report's template: every number, share, ranking and list, computed once from the figures.

Its names are Chinese, because the department's own staff write the template: `{{ 指标.B01 }}`, `{{ 报送.未齐名单 }}`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from baosong.campaign.form import Indicator
from baosong.report import parts
from baosong.report.changes import Changes
from baosong.report.consolidation import RegionFigures
from baosong.report.decide import to_decide
from baosong.report.excerpt import Passages, clean_line
from baosong.report.indicator_view import IndicatorView, mean_of
from baosong.report.narrative import narrative, timeline_values
from baosong.report.own_words import own_words
from baosong.report.parts import Part, Picture
from baosong.report.press_list import press_tables, press_values
from baosong.report.quality import quality_values
from baosong.report.tiles import tile_map
from baosong.report.wording import (
    amount_text,
    date_text,
    dates_text,
    first_names,
    join_names,
    minute_text,
    rounded,
    share,
)
from baosong.report.year_over_year import Comparison

TemplateContext = dict[str, Any]
MARK = "\ue000"  # a private-use character, which `clean_line` removes from all text from outside


@dataclass(frozen=True, slots=True)
class Material:
    """A report's content beside its own figures: passages of prefectures' reports by code, photographs, other years."""

    passages: dict[str, Passages]
    photos: list[Picture]
    last_year: Comparison | None
    changes: Changes | None


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The place of a table, a chart or the photographs in a template; it needs a paragraph of its own."""

    name: str
    make: Callable[[], list[Part]]

    def __str__(self) -> str:
        return f"{MARK}{self.name}{MARK}"


def template_context(figures: RegionFigures, edition: str, version: int, material: Material) -> TemplateContext:
    """Return the context; it contains texts of prefectures unescaped, which the renderer must escape."""
    indicators = {i.code: IndicatorView(figures, i) for i in figures.campaign.form.indicators.rows}
    return {
        "活动": _campaign(figures),
        "版本": _edition(figures, edition, version, material.changes),
        "报送": _submissions(figures),
        "指标": indicators,
        "平均": partial(_per, figures),
        "空缺": partial(_gaps, len(figures.sheets)),
        "叙述": narrative(figures.campaign, counts := figures.activities.counts),
        "日程": timeline_values(counts.timeline),
        "亮点": (words := own_words(figures.campaign, material.passages))["案例"],
        "各地": words,
        "主场": _opening(figures),
        "质量": quality_values(figures),
        "待决": to_decide(figures),
        "上年": material.last_year.template_values() if material.last_year else None,
        "报道": press_values(figures),
        "照片数": len(material.photos),
        "附件": _annexes(figures, material),
        "明细": {"总数": len(figures.activities), "全列": parts.lists_all(figures), "所列": len(counts.first_major)},
        "表": _tables(figures, material),
        "图": _charts(figures),
    }


def _annexes(figures: RegionFigures, material: Material) -> dict[str, int]:
    """Return the numbers of the annexes that this edition has, by their names."""
    there = {"指标": True, "活动": True, "报道": figures.coverage.pieces, "照片": material.photos, "说明": True}
    return {name: n for n, name in enumerate((name for name, some in there.items() if some), start=1)}


def _gaps(count: int, *gaps: tuple[str, list[str]]) -> str:
    """Return what none of the sheets has, at once, and what some have not, with their names; "" where all have all."""
    nobody = [what for what, names in gaps if len(names) == count]
    some = [(what, names) for what, names in gaps if 0 < len(names) < count]
    none = "、".join(nobody[:-1]) + ("和" if len(nobody) > 1 else "") + "".join(nobody[-1:])
    told = [f"{count}份统计表{'都' if count > 1 else ''}没有{none}"] if nobody else []
    for what, names in some:
        told.append(f"没有{what}的有{len(names)}个地州市（{first_names(names)}）")
    return "；".join(told)


def _per(figures: RegionFigures, whole: IndicatorView, count: IndicatorView) -> str:
    """Return a mean, and beside it the one without who has half of all or more."""
    (a, one), (b, other) = ((view.indicator.code, _total(view)) for view in (whole, count))
    told = _mean(one, other, whole)
    first = whole.dominant()
    if first is None:
        return told
    rest, left = (s - (parts.value(first, code) or 0) for s, code in ((one, a), (other, b)))
    return f"{told}，不计{first.prefecture.name}为{_mean(rest, left, whole)}" if rest and left else told


def _mean(whole: Decimal, count: Decimal, view: IndicatorView) -> str:
    mean = mean_of(whole, count)
    return amount_text(mean if mean < 10 else rounded(mean, 0), view.indicator.unit)


def _total(view: IndicatorView) -> Decimal:
    return view.figures.totals[view.indicator.code].total or Decimal(0)


def _campaign(figures: RegionFigures) -> TemplateContext:
    c = figures.campaign
    return {
        "标题": c.title, "主题": c.theme, "地区": c.region, "主办": c.organizer, "处室": c.recipient.office,
        "开始": date_text(c.window.start), "结束": date_text(c.window.end), "截止": c.deadline_text,
    }  # fmt: skip


def _edition(figures: RegionFigures, edition: str, version: int, changes: Changes | None) -> TemplateContext:
    local = figures.as_of.astimezone(figures.campaign.zone)
    return {
        "中期": edition == "interim",
        "缺报": figures.closed_at is not None,
        "序号": version,
        "截至": minute_text(local),
        "日期": date_text(local.date()),
        "前版": changes.against if changes else 0,
        "变化数": len(changes.figures) if changes else 0,
        "变化": [f"{clean_line(text)}。" for text in changes.texts] if changes else [],
    }


def _opening(figures: RegionFigures) -> TemplateContext | None:
    """Return where the main opening ceremony was; None where the notice names none of these prefectures.

    Nor is one told of that was on none of the campaign's days: a year that extends another has that one's, too.
    """
    said, window = figures.campaign.opening, figures.campaign.window
    if said and not window.start <= said.day <= window.end:
        return None
    place = next((p for p in figures.prefectures if said and p.prefecture.code == said.prefecture), None)
    if said is None or place is None:
        return None
    stated = {
        i.code: amount_text(v, i.unit)
        for i in figures.campaign.form.indicators.rows
        if (v := parts.value(place, i.code)) is not None
    }
    return {"地": place.prefecture.name, "日期": dates_text(said.day, None), "计入": bool(stated), "数": stated}


def _submissions(figures: RegionFigures) -> TemplateContext:
    status = figures.punctuality
    late = [s.prefecture.name for s in status if s.complete and not s.on_time]
    out = [p.prefecture.name for p in figures.prefectures if p.sheet is None]
    returned = max(status, key=lambda s: s.rejected, default=None)
    complete, on_time = sum(s.complete for s in status), sum(s.on_time for s in status)
    files = Counter(s.kind for s in figures.accepted)
    kinds = [f"{d.name}{files[d.kind.value]}个" for d in figures.campaign.deliverables]
    most = [s.prefecture.name for s in status if returned and returned.rejected == s.rejected]
    return {
        "应报": len(status), "计入": len(figures.sheets), "报齐": complete, "按时": on_time,
        "地": status[0].prefecture.name if len(status) == 1 else "",
        "按时占比": share(Decimal(on_time), Decimal(len(status))),
        "迟报": len(late), "迟报名单": join_names(late),
        "未齐": len(figures.missing), "未齐名单": join_names([p.name for p in figures.missing]),
        "缺项": "、".join(f"缺{name}的{n}个" for name, n in _wanting(figures) if n),
        "未计入": len(out), "未计入名单": join_names(out),
        "文件": sum(files.values()), "文件分类": "、".join(kinds),
        "退回": sum(s.rejected for s in status), "退回地": sum(bool(s.rejected) for s in status),
        "退回最多": f"{most[0]}（{returned.rejected}个）" if returned and returned.rejected and len(most) == 1 else "",
        "更正": sum(s.replaced for s in status),
    }  # fmt: skip


def _wanting(figures: RegionFigures) -> list[tuple[str, int]]:
    """Return how many prefectures have not sent enough of each required deliverable."""
    return [
        (d.name, sum(s.states.get(d.kind, ("", 0))[1] < d.min for s in figures.punctuality))
        for d in figures.campaign.deliverables
        if d.required
    ]


def _tables(figures: RegionFigures, material: Material) -> dict[str, Placeholder]:
    made: dict[str, Callable[[], list[Part]]] = {
        "报送情况": lambda: [parts.punctuality_table(figures)],
        "排行": lambda: [parts.ranking_table(figures)] if len(figures.sheets) > 1 else [],
        "各地州市": lambda: [*parts.indicator_tables(figures)],
        "活动": lambda: [table] if (table := parts.activity_table(figures)).rows else [],
        "照片": lambda: [*material.photos],
        "报道": lambda: [*press_tables(figures)],
        "变化": lambda: [parts.change_table(c)] if (c := material.changes) and c.figures else [],
        "上年": lambda: [material.last_year.table()] if material.last_year else [],
    }
    made |= {f"{i.code}分类": partial(_one, parts.kinds_table, figures, i) for i in _with_kinds(figures)}
    return {name: Placeholder(f"表.{name}", make) for name, make in made.items()}


def _charts(figures: RegionFigures) -> dict[str, Placeholder]:
    rows = figures.campaign.form.indicators.rows
    made = {i.code: partial(_one, parts.prefecture_chart, figures, i) for i in rows}
    made |= {f"{i.code}分类": partial(_one, parts.kinds_chart, figures, i) for i in _with_kinds(figures)}
    made |= {f"{i.code}地图": partial(_one, tile_map, figures, i) for i in rows}
    placed: dict[str, Callable[[], list[Part]]] = {**made, "日程": partial(_days, figures)}
    return {name: Placeholder(f"图.{name}", make) for name, make in placed.items()}


def _days(figures: RegionFigures) -> list[Part]:
    return [chart] if (chart := parts.timeline_chart(figures)) else []


def _with_kinds(figures: RegionFigures) -> list[Indicator]:
    form = figures.campaign.form
    return [i for i in form.indicators.rows if form.kinds_of(i.code)]


def _one(
    make: Callable[[RegionFigures, Indicator], Part | None], figures: RegionFigures, indicator: Indicator
) -> list[Part]:
    return [part] if (part := make(figures, indicator)) else []
