"""The comparison with the previous campaign, restricted to the indicators and prefectures that both years have."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from baosong.campaign import Campaign, CampaignError
from baosong.campaign.form import Indicator
from baosong.report.consolidation import RegionFigures
from baosong.report.parts import Table, value
from baosong.report.wording import NOTHING, amount_text, exact_text, join_names, rounded

if TYPE_CHECKING:
    from baosong.ledger.services import Services


@dataclass(frozen=True, slots=True)
class Comparison:
    """Totals of `units` prefectures in both years, in the form's order: indicator, before, now."""

    title: str
    units: list[str]
    rows: list[tuple[Indicator, Decimal, Decimal]]

    def template_values(self) -> dict[str, Any]:
        """Return the values that a template may use."""
        changes = [
            f"{i.name}由{amount_text(a, i.unit)}到{amount_text(b, i.unit)}，{_moved(a, b)}"
            for i, a, b in self.rows
            if i.required
        ]
        return {"标题": self.title, "可比": len(self.units), "名单": join_names(self.units), "述": "；".join(changes)}

    def table(self) -> Table:
        """Return all indicators of both years."""
        rows = [[i.name, i.unit, exact_text(a, i), exact_text(b, i), _rate(a, b)] for i, a, b in self.rows]
        return Table(["指标", "单位", "上年", "本年", "增减"], rows, [62, 22, 26, 26, 20], "lcrrr", "与上年比较")


def _moved(before: Decimal, now: Decimal) -> str:
    if now == before:
        return "持平"
    rate = _rate(before, now)
    return ("增长" if now > before else "下降") + (rate.lstrip("+-") if rate != NOTHING else "")


def _rate(before: Decimal, now: Decimal) -> str:
    return f"{rounded((now - before) * 100 / before, 1):+}%" if before else NOTHING


def compare_years(services: Services, figures: RegionFigures) -> Comparison | None:
    """Return the comparison; None where the campaign names no previous one, or nothing can be compared."""
    last = _previous_campaign(services, figures.campaign)
    if last is None:
        return None
    before: dict[tuple[str, str], Decimal] = {
        (r.prefecture, r.code): r.total for r in services.ledger.indicators(last.id) if r.total is not None
    }
    sent = {code for code, _ in before}
    both = [p for p in figures.prefectures if p.sheet and p.prefecture.code in sent]
    defined = {(i.code, i.name, i.unit, i.type) for i in last.form.indicators.rows}
    same = [i for i in figures.campaign.form.indicators.rows if (i.code, i.name, i.unit, i.type) in defined]
    if not both or not same:
        return None
    rows = []
    for i in same:
        pairs = [(before.get((p.prefecture.code, i.code)), value(p, i.code)) for p in both]
        rows.append((i, *(sum((v for v in side if v is not None), Decimal(0)) for side in zip(*pairs, strict=True))))
    return Comparison(last.title, [p.prefecture.name for p in both], rows)  # type: ignore[arg-type]


def _previous_campaign(services: Services, campaign: Campaign) -> Campaign | None:
    try:
        return services.campaigns.get(campaign.previous) if campaign.previous else None
    except CampaignError:
        return None  # its file is gone, so the meaning of its figures is unknown
