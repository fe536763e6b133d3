"""What a file replaced: the number of the version, and the figures and activities that changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from baosong.campaign import Campaign, Prefecture
from baosong.report.changes import PARTS, Change, Values, differences, flatten
from baosong.report.consolidation import exact
from baosong.rules.findings import Kind
from baosong.rules.words import ellipsize, time_text

if TYPE_CHECKING:
    from baosong.ledger import Replacement
    from baosong.ledger.models import IndicatorValue

MOST_CHANGES = 5
"""How many changes the sentence lists; the table has them all."""


def describe(replaced: Replacement, kind: str | None, campaign: Campaign, prefecture: Prefecture) -> dict[str, Any]:
    """Return what a file replaced as JSON values: a sentence, and for a sheet the changed figures."""
    before = replaced.before
    received = time_text(before.received_at, campaign.zone)
    view: dict[str, Any] = {
        "version": replaced.version,
        "submission": before.id,
        "file": before.name,
        "received_text": received,
        "text": f"替换了此前接收的“{ellipsize(before.name, 120)}”（{received} 收到）",
        "changes": [],
    }
    if kind != Kind.STATISTICS:
        return view
    changes = _changes(replaced, campaign, prefecture)
    summary = "；".join([*_figures(changes, campaign), *_activities(replaced)]) or "各项指标和活动明细都没有变化"
    return {
        **view,
        "text": f"{prefecture.name}第{replaced.version}次报送：{summary}。{view['text']}",
        "changes": [asdict(change) for change in changes],
        "activities": {"new": replaced.new, "gone": replaced.gone},
    }


def _changes(replaced: Replacement, campaign: Campaign, prefecture: Prefecture) -> list[Change]:
    names = {i.code: f"{i.name}（{i.unit}）" for i in campaign.form.indicators.rows}
    found = differences(prefecture.name, names, _values(replaced.then, campaign), _values(replaced.now, campaign))
    return sorted(found, key=lambda change: list(names).index(change.code))


def _values(rows: Iterable[IndicatorValue], campaign: Campaign) -> Values:
    """Return a sheet's figures; those of indicators that the form no longer has are left out."""
    form = campaign.form.by_code
    known = [(row, form[row.code]) for row in rows if row.code in form]
    return flatten({i.code: {part: exact(getattr(row, part), i) for part in PARTS} for row, i in known})


def _figures(changes: list[Change], campaign: Campaign) -> list[str]:
    units = {i.code: f"（{i.unit}）" for i in campaign.form.indicators.rows}
    texts = [f"{c.what.replace(units[c.code], '', 1)} {c.before}→{c.after}" for c in changes[:MOST_CHANGES]]
    return [*texts, f"等 {len(changes)} 处变化"] if len(changes) > MOST_CHANGES else texts


def _activities(replaced: Replacement) -> list[str]:
    texts = [f"新增 {replaced.new} 项" if replaced.new else "", f"减少 {replaced.gone} 项" if replaced.gone else ""]
    return ["活动明细" + "、".join(filter(None, texts))] if any(texts) else []
