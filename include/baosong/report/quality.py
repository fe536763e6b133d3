"""What the report says of doubtful figures: those of one sort at once, with who has most of them, and a few one by one.

The workbook has every one of them with its cell; a page of the same sentence about single activities helps nobody.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from baosong.report.excerpt import clean_line
from baosong.report.wording import join_names

if TYPE_CHECKING:
    from baosong.report.consolidation import RegionFigures
    from baosong.report.printable import Remark

_ALONE = 4  # remarks of one sort that are told one by one
_MOST_LINES, _MOST_EQUAL = 12, 3
_QUOTED = re.compile("(“[^“”]*+”)")
_CODE = re.compile("(?<![A-Za-z0-9])[A-Za-z0-9]++(?=“)")
_SPACED = re.compile(r"(?<=[\u4e00-\u9fff]) (?=\d)|(?<=\d) (?=[\u4e00-\u9fff])")


def quality_values(figures: RegionFigures) -> dict[str, Any]:
    """Return the values that a template may use; `余` counts the remarks that no line tells by itself."""
    kinds = {d.kind.value: d.name for d in figures.campaign.deliverables}
    counted = Counter(kinds.get(r.kind, r.kind) for r in figures.remarks)
    where = {r.prefecture for r in figures.remarks}
    names = {p.code: p.name for p in figures.campaign.prefectures}
    sorts: dict[str, list[Remark]] = {}
    for r in figures.remarks:
        sorts.setdefault(r.what or r.message, []).append(r)
    told = sorted(sorts.items(), key=lambda item: -len(item[1]))
    alone = [r for _, some in told if len(some) <= _ALONE for r in some]
    lines = [_at_once(what, some, names, len(figures.sheets)) for what, some in told if len(some) > _ALONE]
    single = [_one(figures, names[r.prefecture], r) for r in alone][: max(0, _MOST_LINES - len(lines))]
    return {
        "提醒": len(figures.remarks),
        "涉及": len(where),
        "全部": len(where) == len(names) > 1,
        "分类": "、".join(f"{kind}{n}处" for kind, n in counted.most_common()),
        "一类": next(iter(counted), "") if len(counted) == 1 else "",
        "名单": join_names([names[p] for p in names if p in where]),
        "各项": [*lines, *single],
        "余": len(figures.remarks) - len(single),
    }


def _at_once(what: str, remarks: list[Remark], names: dict[str, str], counted: int) -> str:
    """Return how many remarks there are of a sort, and where."""
    by = Counter(names[r.prefecture] for r in remarks)
    ((_, most), *_), told = by.most_common(), f"{what}{len(remarks)}处"
    if len(by) == 1:
        return f"{told}，都在{next(iter(by))}。"
    if len(by) <= _ALONE:
        return f"{told}：{'、'.join(f'{name}{n}处' for name, n in by.most_common())}。"
    first = [name for name, n in by.items() if n == most]
    spread = f"{len(by)}个地州市都有" if len(by) == counted else f"涉及{len(by)}个地州市"
    each = f"，各{most}处" if len(first) > 1 else f"（{most}处）"
    return f"{told}，{spread}" + (f"，最多的是{'、'.join(first)}{each}。" if len(first) <= _MOST_EQUAL else "。")


def _one(figures: RegionFigures, name: str, remark: Remark) -> str:
    """Return a remark in the words of its receipt, without codes and as a document of the office is spaced."""
    codes = {i.code for i in figures.campaign.form.indicators.rows}
    said = _CODE.sub(lambda found: "" if found[0] in codes else found[0], remark.message.rstrip("。"))
    pieces = (piece if n % 2 else _SPACED.sub("", piece) for n, piece in enumerate(_QUOTED.split(said)))
    return clean_line(f"{name}：{''.join(pieces)}。")
