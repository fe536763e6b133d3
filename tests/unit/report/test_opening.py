"""The main opening ceremony: told of where it was in this campaign, never that of the campaign it extends."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from baosong.campaign import Campaign, Campaigns
from baosong.report import template_context
from baosong.report.consolidation import PrefectureFigures
from baosong.store.settings import PROJECT

NEXT = 'extends: "2023"\nid: "2024"\ntitle: 2024年活动周\nwindow: {start: 2024-05-25, end: 2024-06-01}\n'
NEXT += "deadline: 2024-06-15 24:00\n"


def told(campaign: Campaign) -> Any:
    places = [PrefectureFigures(prefecture, None, {}, {}) for prefecture in campaign.prefectures]
    return template_context._opening(SimpleNamespace(campaign=campaign, prefectures=places))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", None),
        ('opening: {prefecture: "6502", day: 2024-05-24}', None),
        ('opening: {prefecture: "6504", day: 2024-05-25}', ("吐鲁番市", "5月25日")),
        ('opening: {prefecture: "9999", day: 2024-05-25}', None),
    ],
)
def test_next_year_tells_of_its_own_opening_alone(more: str, said: tuple[str, str] | None, tmp_path: Path) -> None:
    (tmp_path / "2024.yaml").write_text(NEXT + more, encoding="utf-8")
    found = told(Campaigns([PROJECT / "include" / "campaigns", tmp_path]).get("2024"))
    assert (found and (found["地"], found["日期"])) == said


def test_the_notice_has_its_opening_on_its_first_day() -> None:
    found = told(Campaigns([PROJECT / "include" / "campaigns"]).get("2023"))
    assert (found["地"], found["日期"], found["计入"]) == ("克拉玛依市", "5月20日", False)
    assert date(2023, 5, 20) == Campaigns([PROJECT / "include" / "campaigns"]).get("2023").window.start
