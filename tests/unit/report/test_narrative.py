"""What is counted of the lists of activities: sums as exact as the figures that they are of."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from baosong.campaign import Campaigns
from baosong.report.listed import count
from baosong.report.narrative import narrative
from baosong.store.settings import PROJECT

CAMPAIGN = Campaigns([PROJECT / "include" / "campaigns"]).get("2023")


def activity(people: str) -> Any:
    code = CAMPAIGN.prefectures[0].code
    rest = {"prefecture": code, "fields": {}, "online": None, "start": None, "end": None, "form": None}
    return SimpleNamespace(name="科学家精神报告会", offline=Decimal(people), **rest)


def test_a_theme_s_people_are_added_up_before_anything_is_rounded() -> None:
    """Each cut to a whole number, three means of 0.75 thousand written as decimals lost two people."""
    counts = count(CAMPAIGN, [activity("10.75"), activity("10.75"), activity("0.5")])
    assert narrative(CAMPAIGN, counts)["主题"] == "科学家精神3项、22人次"
