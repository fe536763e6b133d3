"""What a receipt says of a file that replaced another: the how-manieth it is, and which figures have changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from baosong.campaign import Campaign, Prefecture
from baosong.report.consolidation import exact
from baosong.report.differences import Change, Stated, differences, stated
from baosong.rules.findings import Kind
from baosong.rules.words import moment, shortened

if TYPE_CHECKING:
    from baosong.ledger import Replacement
    from baosong.ledger.models import IndicatorValue

SAID = 5
"""How many changes the sentence tells; the table has them all."""


def describe(replaced: Replacement, kind: str | None, campaign: Campaign, prefecture: Prefecture) -> dict[str, Any]:
    """Return what a file replaced as JSON values: a sentence, and the changed figures if it is a sheet."""
    before = replaced.before
    received = moment(before.received_at, campaign.zone)
    told: dict[str, Any] = {
        "version": replaced.version,
        "submission": before.id,
        "file": before.name,
        "received_text": received,
        "text": f"替换了此前接收的“{shortened(before.name, 120)}”（{received} 收到）",
        "changes": [],
    }
    if kind != Kind.STATISTICS:
        return told
    changes = _changes(replaced, campaign, prefecture)
    said = "；".join([*_figures(changes, campaign), *_activities(replaced)]) or "各项指标和活动明细都没有变化"
    return {
        **told,
        "text": f"{prefecture.name}第{replaced.version}次报送：{said}。{told['text']}",
        "changes": [asdict(change) for change in changes],
        "activities": {"new": replaced.new, "gone": replaced.gone},
    }


def _changes(replaced: Replacement, campaign: Campaign, prefecture: Prefecture) -> list[Change]:
    names = {i.code: f"{i.name}（{i.unit}）" for i in campaign.form.indicators.rows}
    found = differences(prefecture.name, names, _of(replaced.then, campaign), _of(replaced.now, campaign))
    return sorted(found, key=lambda change: list(names).index(change.code))


def _of(rows: Iterable[IndicatorValue], campaign: Campaign) -> Stated:
    """Return a sheet's figures in the form's order; those that the form does not know any more are left out."""
    values = {row.code: row for row in rows}
    return stated(
        {
            i.code: {part: exact(getattr(row, part), i) for part in ("total", "offline", "online")}
            for i in campaign.form.indicators.rows
            if (row := values.get(i.code))
        }
    )


def _figures(changes: list[Change], campaign: Campaign) -> list[str]:
    units = {i.code: f"（{i.unit}）" for i in campaign.form.indicators.rows}
    said = [f"{c.what.replace(units[c.code], '', 1)} {c.before}→{c.after}" for c in changes[:SAID]]
    return [*said, f"等 {len(changes)} 处变化"] if len(changes) > SAID else said


def _activities(replaced: Replacement) -> list[str]:
    said = [f"新增 {replaced.new} 项" if replaced.new else "", f"减少 {replaced.gone} 项" if replaced.gone else ""]
    return ["活动明细" + "、".join(filter(None, said))] if any(said) else []
