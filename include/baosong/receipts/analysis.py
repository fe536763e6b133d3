"""The operators' analysis of a campaign: when its files came, beside the deadline, and which rules they broke most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from baosong.campaign import Campaign
from baosong.receipts.view import Json, render
from baosong.rules.catalogue import known_title, level
from baosong.rules.findings import Severity

if TYPE_CHECKING:
    from baosong.ledger import Ledger
    from baosong.ledger.board_queries import Day

LEAST_BARS, MOST_BARS = 14, 62  # one day alone would be a wall
FILTERS = {"code": "地州市", "kind": "材料", "severity": "级别"}
WIDTH, HEIGHT = 1000, 180  # of the chart, in its own units


class Chosen(NamedTuple):
    """What the ranking is narrowed down to; empty for all."""

    code: str = ""
    kind: str = ""
    severity: str = ""


def render_analysis(ledger: Ledger, campaign: Campaign, chosen: Chosen) -> str:
    """Return the page of a campaign's arrivals and of its findings; KeyError if what was chosen is not there."""
    offered = {
        "code": [("", "全部"), *((p.code, p.name) for p in campaign.prefectures)],
        "kind": [("", "全部"), *((d.kind.value, d.name) for d in campaign.deliverables)],
        "severity": [("", "全部"), *((name.value, level(name)) for name in Severity)],
    }
    if any(value not in dict(offered[field]) for field, value in chosen._asdict().items()):
        raise KeyError(chosen)
    found = ledger.ranking(campaign.id, *chosen)
    return render(
        "analysis.html",
        campaign=campaign,
        chart=_chart(ledger.days(campaign.id, str(campaign.zone)), campaign),
        ranking=[{**f._asdict(), "title": known_title(f.rule), "level": level(f.severity)} for f in found],
        most=max((f.times for f in found), default=0),
        filters=[(name, _choices(chosen, field, offered[field])) for field, name in FILTERS.items()],
    )


def _choices(chosen: Chosen, field: str, values: Sequence[tuple[str, str]]) -> list[Json]:
    """Return the values of a filter as links that keep the other filters."""
    return [
        {
            "name": name,
            "href": "?" + urlencode({k: v for k, v in {**chosen._asdict(), field: value}.items() if v}),
            "current": getattr(chosen, field) == value,
        }
        for value, name in values
    ]


def _chart(days: Sequence[Day], campaign: Campaign) -> Json | None:
    """Return bars of equal spans of days, at most so many, and where the deadline lies; None if nothing has come."""
    if not days:
        return None
    due = campaign.deadline.astimezone(campaign.zone) - timedelta(microseconds=1)  # 24:00 belongs to the day before
    last = max(days[-1].day, due.date())
    first = min(days[0].day, due.date(), last - timedelta(days=LEAST_BARS - 1))
    span = math.ceil(((last - first).days + 1) / MOST_BARS)
    number = math.ceil(((last - first).days + 1) / span)
    bars: list[Json] = [{"day": first + timedelta(days=n * span), "good": 0, "bad": 0} for n in range(number)]
    for day in days:
        bar = bars[(day.day - first).days // span]
        bar["good"] += day.files - day.rejected
        bar["bad"] += day.rejected
    highest, width = max(bar["good"] + bar["bad"] for bar in bars), WIDTH / number
    for n, bar in enumerate(bars):
        tall, low = HEIGHT * (bar["good"] + bar["bad"]) / highest, HEIGHT * bar["bad"] / highest
        bar |= {"x": n * width, "y": HEIGHT - tall, "good_height": tall - low, "low_y": HEIGHT - low, "low": low}
    after = ((due.date() - first).days + 1) / span * width
    return {"bars": bars, "width": width, "deadline": after, "highest": highest, "span": span, "of": (WIDTH, HEIGHT)}
