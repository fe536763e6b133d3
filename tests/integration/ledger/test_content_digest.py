"""When two sheets count as the same: by what their tables tell, not by their files, their order or their year."""

from __future__ import annotations

from pathlib import Path

import pytest

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.rules.findings import Kind
from baosong.store.settings import Settings
from baosong_local.samples.sheets import make_sheet
from intake_run import run


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
