"""When a campaign's files came and which rules they broke, against the deadline and narrowed down."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.receipts.analysis import MOST_BARS, Chosen, render_analysis
from baosong.rules.findings import Kind, Verdict, error, warning
from feed import NOW, feed

DAYS = [0, 0, 3]


def fill(services: Services, campaign: Campaign) -> None:
    bad, doubt = error("photo.unreadable", "照片无法打开"), warning("photo.small", "照片偏小")
    for n, day in enumerate(DAYS):
        verdict = Verdict.REJECTED if n else Verdict.ACCEPTED
        found = [bad, doubt] if n else [doubt]
        code = "6502" if day else "6501"
        at = NOW + timedelta(days=day)
        feed(services.ledger, campaign, code, Kind.PHOTO, f"{n}.jpg", verdict=verdict, findings=found, at=at)
    gone = [error("press.x", "<b>不在目录里的规则</b>")]
    feed(services.ledger, campaign, "6501", Kind.PRESS, "a.pdf", verdict=Verdict.REJECTED, findings=gone)


def shown(services: Services, campaign: Campaign, **chosen: str) -> list[tuple[str, ...]]:
    """Return rule, count, files and prefectures of each line of the ranking."""
    html = render_analysis(services.ledger, campaign, Chosen(**chosen))
    line = r'<code class="soft">([^<]*)</code>.*?次数">(\d+)<.*?文件">(\d+)<.*?地州市">(\d+)<'
    return re.findall(line, html)


def test_rules_are_ranked_and_narrowed_down(services: Services, campaign: Campaign) -> None:
    assert shown(services, campaign) == []
    fill(services, campaign)
    small, unreadable, gone = (
        ("photo.small", "3", "3", "2"),
        ("photo.unreadable", "2", "2", "2"),
        ("press.x", "1", "1", "1"),
    )
    assert shown(services, campaign) == [small, unreadable, gone]
    assert shown(services, campaign, severity="error") == [unreadable, gone]
    assert shown(services, campaign, kind="press") == [gone]
    assert shown(services, campaign, code="6502") == [(rule, "1", "1", "1") for rule, *_ in (small, unreadable)]
    assert shown(services, campaign, code="6502", kind="press") == []
    assert "<b>不在" not in render_analysis(services.ledger, campaign, Chosen())


@pytest.mark.parametrize("chosen", [{"code": "9999"}, {"kind": "x\0"}, {"severity": "'"}])
def test_a_choice_that_is_not_offered_is_an_error(
    services: Services, campaign: Campaign, chosen: dict[str, str]
) -> None:
    with pytest.raises(KeyError):
        render_analysis(services.ledger, campaign, Chosen(**chosen))


def test_days_are_the_campaigns_own_and_the_deadline_stands_where_it_is(services: Services, campaign: Campaign) -> None:
    assert "还没有收到任何文件" in render_analysis(services.ledger, campaign, Chosen())
    fill(services, campaign)
    html = render_analysis(services.ledger, campaign, Chosen())
    assert re.findall(r"<title>(\d.*?)</title>", html) == [
        "2023-06-01：收到 3 个，其中退回 2 个",
        "2023-06-04：收到 1 个，其中退回 1 个",
    ]
    assert 'x1="1000.0"' in html  # the deadline ends the last day, the fifteenth
    assert html.count("<rect") == 4


def test_a_long_campaign_has_no_more_bars_than_can_be_told_apart(services: Services, campaign: Campaign) -> None:
    for days in (0, 200):
        feed(services.ledger, campaign, "6501", Kind.PHOTO, f"{days}.jpg", at=NOW + timedelta(days=days))
    html = render_analysis(services.ledger, campaign, Chosen())
    assert "一格 4 天" in html
    widths = {float(width) for width in re.findall(r'width="([\d.]+)" height', html)}
    assert min(widths) >= 1000 / MOST_BARS - 2.1
