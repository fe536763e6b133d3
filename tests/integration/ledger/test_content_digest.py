"""When two sheets count as the same: by what their tables tell, not by their files, their order or their year."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from baosong.campaign import Campaign
from baosong.ledger.content_digest import FEWEST_ACTIVITIES, FEWEST_FIGURES, content_digests
from baosong.ledger.services import Services
from baosong.rules.findings import Kind
from baosong.store.settings import Settings
from baosong_local.samples.sheets import make_sheet
from intake_run import run
from sheet_help import judged, sample

BOTH = ["activities", "indicators"]


def figures(seed: int = 1) -> dict[str, Any]:
    found = judged(sample(seed=seed).content).figures
    assert found
    return found


def test_order_year_and_dates_do_not_make_a_list_another() -> None:
    mine = figures()
    rows = [a | {"name": f"2023年{a['name']}", "row": 99} for a in mine["activities"]]
    moved = [a | {"name": a["name"].replace("2023", "2022"), "start": "2022-05-21", "end": None} for a in rows]
    random.Random(1).shuffle(moved)
    assert content_digests({"activities": moved}) == content_digests({"activities": rows})


def test_one_changed_number_makes_it_another() -> None:
    mine, other = figures(), figures()
    other["indicators"][0]["total"] += 1
    other["activities"][0]["offline"] += 1
    assert sorted(content_digests(mine)) == BOTH
    assert set(content_digests(mine).values()).isdisjoint(content_digests(other).values())


def test_what_is_nearly_empty_is_like_many_others_and_has_no_fingerprint() -> None:
    mine = figures()
    filled = [i for i in mine["indicators"] if i["total"]]
    zeros = [i | {"total": 0, "offline": None, "online": None} for i in mine["indicators"]]
    few = mine["activities"][: FEWEST_ACTIVITIES - 1]
    assert content_digests({"indicators": filled[: FEWEST_FIGURES - 1], "activities": few}) == {}
    assert content_digests({"indicators": zeros + filled[: FEWEST_FIGURES - 1]}) == {}
    assert list(content_digests({"indicators": zeros + filled[:FEWEST_FIGURES]})) == ["indicators"]
    assert content_digests(None) == {}


@pytest.mark.parametrize("linked", [True, False])
def test_last_years_sheet_is_recognised_where_the_campaigns_are_linked(
    services: Services, campaign: Campaign, settings: Settings, tmp_path: Path, linked: bool
) -> None:
    settings.campaign_dirs.append(tmp_path)
    text = 'extends: "2023"\nid: "2024"\ntitle: 2024年自治区科技活动周\n' + ('previous: "2023"\n' if linked else "")
    (tmp_path / "2024.yaml").write_text(text, encoding="utf-8")
    hami = campaign.prefecture("6505")
    sheet = make_sheet(campaign, hami, 1).content
    for year in ("2023", "2024"):
        services.storage.put("intake", f"{year}/{hami.folder}/统计表/统计表.xlsx", sheet)
        run(services)
    row = services.ledger.newest_good("2024", "6505", Kind.STATISTICS)
    assert row
    said = [f["message"] for f in row.findings if f["rule"] == "statistics.same_content"]
    whose = "与“2023年自治区科技活动周”中哈密市报送的统计表完全相同"
    assert said == [f"“{table}”的内容{whose}" for table in ("指标汇总", "活动明细")] * linked
