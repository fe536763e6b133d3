"""The board without a ledger."""

from __future__ import annotations

import pytest

from baosong.campaign import Campaign
from baosong.receipts.board import render_index


@pytest.mark.parametrize("count", [0, 2])
def test_the_index_lists_campaigns_or_says_that_there_are_none(campaign: Campaign, count: int) -> None:
    pages = [campaign.model_copy(update={"id": f"y{n}", "title": f"<b>{n}</b>"}) for n in range(count)]
    html = render_index(pages)
    assert html.count('<a href="y') == count
    assert "<b>" not in html
    assert ("还没有开放的活动" in html) is (count == 0)
