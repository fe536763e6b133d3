"""What a report must tell of the lists of activities, recounted from the sheets and from the form's own words."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import yaml

from baosong.store.settings import PROJECT
from recount import Region, days, spoken

_FORM = PROJECT / "include" / "campaigns" / "forms" / "2023.yaml"
_CAMPAIGN = PROJECT / "include" / "campaigns" / "2023.yaml"


def of_lists(r: Region) -> Iterator[str]:
    """Yield every sentence about themes, places and the activities with most people."""
    words = yaml.safe_load(_FORM.read_text(encoding="utf-8"))["activities"]
    rows = [(code, a) for code, _, a in r.activities]
    themes = {t: [a for _, a in rows if _holds(a["活动名称"], some)] for t, some in words["themes"].items()}
    told = sorted((t for t in themes if themes[t]), key=lambda t: -len(themes[t]))
    if told:
        said = (f"{t}{len(themes[t])}项、{spoken(sum(map(people, themes[t]), Decimal(0)), '人次')}" for t in told)
        several = sum(sum(_holds(a["活动名称"], some) for some in words["themes"].values()) > 1 for _, a in rows)
        yield f"从活动名称看，{'；'.join(said)}{f'（涉及几个主题的{several}项，分别计数）' if several else ''}。"
    yield _spread(r, rows)
    at = {s: sum(_holds(a["举办地点"], some) for _, a in rows) for s, some in words["settings"].items()}
    if any(at.values()):
        most = sorted((s for s in at if at[s]), key=lambda s: -at[s])
        yield f"从地点名称看，{'、'.join(f'{s}{at[s]}项' for s in most)}。"
    yield from _largest(r, rows)


def _holds(text: str, words: list[str]) -> bool:
    return any(word in text for word in words)


def people(a: dict[str, Any]) -> Decimal:
    return Decimal(a["线下人次"] or 0) + Decimal(a["线上人次"] or 0)


def _spread(r: Region, rows: list[tuple[str, dict[str, Any]]]) -> str:
    stated = yaml.safe_load(_CAMPAIGN.read_text(encoding="utf-8"))["prefectures"]
    known = {p["code"]: p.get("counties", []) for p in stated}
    found = {(code, a["县（市、区）"]) for code, a in rows if a["县（市、区）"] in known[code]}
    # The made sheets write the full names only, so that no two of these are one county.
    return f"活动明细写明的举办地涉及{len({code for code, _ in found})}个地州市的{len(found)}个县（市、区）。"


def _largest(r: Region, rows: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    def three(some: list[tuple[str, dict[str, Any]]]) -> str:
        best = sorted(some, key=lambda item: -people(item[1]))[:3]
        return "；".join(
            f"{a['活动名称']}（{r.places[code]}，{days(a['开始日期'], a['结束日期'])}，{a['举办地点']}，"
            f"{spoken(people(a), '人次')}）"
            for code, a in best
        )

    every, major = three(rows), three([(c, a) for c, a in rows if a["是否重大示范"] == "是"])
    yield f"重大示范活动中，参与人次居前的有：{major}。"
    if every != major:
        yield f"全部活动中，参与人次居前的是：{every}。"
