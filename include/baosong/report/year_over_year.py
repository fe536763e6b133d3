"""The comparison with the previous campaign, restricted to the indicators and prefectures that both years have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from baosong.campaign import Campaign, CampaignError
from baosong.campaign.form import Indicator
from baosong.report.causes import Change, by_kind, by_place, furthest
from baosong.report.consolidation import PrefectureFigures, RegionFigures
from baosong.report.parts import Table, value
from baosong.report.wording import NOTHING, amount_text, exact_text, join_names, rounded

if TYPE_CHECKING:
    from baosong.ledger.services import Services

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Totals of `units` prefectures in both years, in the form's order: indicator, before, now.

    `places` are the changes of each of these prefectures in the required indicators, by code.
    """

    title: str
    units: list[str]
    rows: list[tuple[Indicator, Decimal, Decimal]]
    places: dict[str, list[Change]]

    def template_values(self) -> dict[str, Any]:
        """Return the values that a template may use."""
        changes = [
            f"{i.name}{_way(a, b, i.unit)}{amount_text(b, i.unit)}，{_moved(a, b)}"
            for i, a, b in self.rows
            if i.required
        ]
        return {
            "标题": self.title,
            "可比": len(self.units),
            "名单": join_names(self.units),
            "述": "；".join(changes),
            "下降": "；".join(self._falls()),
            "原因": [text for i, a, b in self.rows if i.required and (text := self._causes(i, b - a))],
        }

    def _causes(self, indicator: Indicator, change: Decimal) -> str:
        kinds = [(k.name, k.unit, b - a) for k, a, b in self.rows if k.adds_to == indicator.code]
        places = by_place(indicator.name, change, self.places.get(indicator.code, []))
        return "".join(f"{text}。" for text in (places, by_kind("" if places else indicator.name, kinds)) if text)

    def _falls(self) -> Iterator[str]:
        """Yield which required totals fell, and whom to ask about it; what the same are asked about is said at once."""
        asked: dict[tuple[str, ...], list[str]] = {}
        for i, a, b in self.rows:
            places = self.places.get(i.code, [])
            if i.required and b < a and len(places) > 1 and (most := furthest(places, -1)):
                asked.setdefault(tuple(most), []).append(f"{i.name}比上年{_moved(a, b)}")
        for names, falls in asked.items():
            yield f"{'、'.join(falls)}，请减少最多的{'、'.join(names)}分析原因"

    def table(self) -> Table:
        """Return all indicators of both years."""
        rows = [
            [i.name, i.unit, exact_text(a, i), exact_text(b, i), "持平" if a == b else _rate(a, b)]
            for i, a, b in self.rows
        ]
        return Table(["指标", "单位", "上年", "本年", "增减"], rows, [62, 22, 26, 26, 20], "lcrrr", "与上年比较")


def _way(before: Decimal, now: Decimal, unit: str) -> str:
    if now == before:
        return "为"
    return f"由{amount_text(before, unit)}{'增至' if now > before else '减至'}"


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
    pairs = {i.code: [_pair(before, p, i.code) for p in both] for i in same}
    rows = [(i, sum((a for a, _ in pairs[i.code]), _ZERO), sum((b for _, b in pairs[i.code]), _ZERO)) for i in same]
    places = {
        i.code: [(p.prefecture.name, i.unit, b - a) for p, (a, b) in zip(both, pairs[i.code], strict=True)]
        for i in same
        if i.required
    }
    return Comparison(last.title, [p.prefecture.name for p in both], rows, places)


def _pair(before: Mapping[tuple[str, str], Decimal], p: PrefectureFigures, code: str) -> tuple[Decimal, Decimal]:
    return before.get((p.prefecture.code, code), _ZERO), value(p, code) or _ZERO


def _previous_campaign(services: Services, campaign: Campaign) -> Campaign | None:
    try:
        return services.campaigns.get(campaign.previous) if campaign.previous else None
    except CampaignError:
        return None  # its file is gone, so the meaning of its figures is unknown
