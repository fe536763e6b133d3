"""The board in a real browser: it keeps itself up to date, tells when it cannot, and can be used by everybody."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import HTTPException
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

import airflow_home  # noqa: F401 - before Airflow
from axe_help import violations
from baosong.pipeline import discover
from baosong.pipeline.open_campaign import open_campaign
from baosong.pipeline.publish import publish_report
from baosong.receipts.board import render_index
from baosong.report.files import PAGE
from baosong.store.storage import StorageError
from board_help import HOSTILE, busy, desk_page, served
from intake_run import drop, keys, piece, run
from send_page_help import DESK, PHONE, needs_chromium

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.ledger.services import Services

pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture
def url(client: Any) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with desk_page(chromium) as page:
        yield page


def test_a_drop_shows_within_five_seconds_and_nothing_jumps(page: Page, url: str, services: Services) -> None:
    drop(services, piece("旧"), "旧.txt")
    run(services)
    page.goto(f"{url}/2023")
    page.evaluate("scrollTo(0, 100); document.querySelector('a[href=\"2023/6543\"]').focus({ preventScroll: true })")
    page.evaluate("document.body.marked = true")
    drop(services, piece("新"), HOSTILE)
    discover.find_new(services, "quick", "run")
    expect(page.get_by_text(HOSTILE).first).to_be_visible(timeout=5000)
    expect(page.locator("td.cell", has_text="校验中").first).to_be_visible()
    assert page.evaluate("[scrollY, document.body.marked, document.activeElement.getAttribute('href')]") == [
        100,
        True,
        "2023/6543",
    ]
    assert page.locator("main img").count() == 0
    assert "报送看板" in page.title()


def test_what_was_unfolded_stays_so_while_the_page_is_renewed(
    page: Page, url: str, services: Services, campaign: Campaign
) -> None:
    busy(services, campaign)
    page.goto(f"{url}/2023/6501")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('afterbegin', '<details><summary>x</summary></details>')"
    )
    expect(page.locator("details")).to_have_count(0, timeout=5000)  # it is as the server says again
    drop(services, piece("新"), "新.txt")
    discover.find_new(services, "quick", "run")
    expect(page.get_by_text("Airflow 运行")).to_be_visible(timeout=5000)


def test_a_cut_line_is_told_and_so_is_a_service_that_is_away_and_both_pass(
    page: Page, url: str, services: Services
) -> None:
    page.goto(f"{url}/2023")
    page.context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("与服务器的连接中断", timeout=10_000)
    expect(page.locator("table.matrix")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("alert")).to_be_hidden(timeout=15_000)
    page.route("**/2023", lambda route: route.fulfill(status=503, body="<main><p>台账数据库暂时无法访问。</p></main>"))
    expect(page.get_by_role("alert")).to_contain_text("台账数据库暂时无法访问", timeout=10_000)
    page.unroute("**/2023")
    expect(page.get_by_role("alert")).to_be_hidden(timeout=10_000)


def test_a_page_that_nobody_sees_asks_for_nothing(page: Page, url: str, services: Services) -> None:
    page.clock.install()
    page.goto(f"{url}/2023")
    with page.expect_response("**/2023"):
        page.clock.run_for(3000)
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(600_000)
    assert len(asked) <= 1  # the one that was due
    with page.expect_request("**/2023"):
        page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")


def test_airflows_own_theme_goes_before_the_systems(page: Page, url: str, services: Services) -> None:
    page.goto(f"{url}/2023")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(paper)
    page.evaluate("localStorage.theme = 'light'")
    page.reload()
    assert (page.evaluate(paper), light != dark) == (light, True)
    page.evaluate("localStorage.theme = 'dark'")
    page.emulate_media(color_scheme="light")
    page.reload()
    assert page.evaluate(paper) == dark
    page.emulate_media(media="print")
    assert page.evaluate(paper) == light


def test_in_airflows_frame_its_own_pages_open_in_its_own_window(page: Page, url: str, services: Services) -> None:
    drop(services, piece(), "新.txt")
    discover.find_new(services, "quick", "run:1")
    frame = f'<iframe src="{url}/2023/6501" sandbox="allow-scripts allow-same-origin allow-forms allow-downloads">'
    page.route("**/plugin/baosong", lambda route: route.fulfill(content_type="text/html", body=frame))
    page.goto(url.replace("/baosong", "/plugin/baosong"))
    page.evaluate("addEventListener('popstate', () => { document.title = location.pathname })")
    page.frame_locator("iframe").get_by_text("Airflow 运行").click()
    expect(page).to_have_title("/dags/intake/runs/run%3A1")


LOOKS = list(itertools.product(("light", "dark"), (DESK, PHONE)))


def test_everybody_can_use_each_page_in_both_themes_at_a_desk_and_on_a_phone(
    chromium: Browser, url: str, services: Services, campaign: Campaign
) -> None:
    """As axe tells: no violation of whatever severity, and nothing to be scrolled sideways."""
    open_campaign(services, campaign)
    page = chromium.new_page(locale="zh-CN")
    empty = ["/2023", "/2023/analysis", "/2023/6501", "/2023/9999", "/2023/status/6502/"]
    found = {path: seen(page, url + path) for path in empty}
    services.storage.put("intake", "1999/whoever/x.xlsx", b"of nobody")
    files = busy(services, campaign)
    ended = campaign.deadline + timedelta(hours=9)  # closed with two missing, and reopened for one of them
    services.ledger.ask_closing("2023", ended.date(), "run", ["6501", "6502"])
    services.ledger.decide_closing("2023", ended.date(), ["6501", "6502"], "张三", "不再等待", ended)
    services.ledger.extend(campaign, "6501", campaign.deadline + timedelta(days=5), "张三", "暴雪断路")
    written = publish_report(services, "2023", "interim", ended)
    report = f"/2023/reports/{written['prefix'].removeprefix('2023/')}{PAGE}"
    full = ["/2023", "/2023/analysis", "/2023/analysis?kind=press", "/2023/6501", "/2023/6502", report]
    full += ["/2023/previews/6504", "/2023/status/6501/", *(f"/2023/receipts/6501/{n}" for n in (1, 2, 3))]
    full += [f"/2023/files/6501/{files['待审核.txt'].id}", f"/2023/checks/6501/{files['统计表.xlsx'].id}"]
    found |= {f"full {path}": seen(page, url + path) for path in full}
    found["index"] = shown(page, render_index([campaign, campaign]))
    (unplaced,) = keys(services, "outbox", "未能识别报送单位.html")
    found["unplaced"] = shown(page, services.storage.read("outbox", unplaced).decode())
    assert found == {path: [] for path in found}
    page.close()


@pytest.mark.parametrize("failure", [HTTPException(401), HTTPException(403), StorageError("no answer")])
def test_everybody_can_read_why_a_page_is_not_shown(
    chromium: Browser, url: str, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    from baosong_airflow import board_app

    def refuse() -> None:
        raise failure

    monkeypatch.setitem(board_app.app.dependency_overrides, board_app.operators_only, refuse)
    page = chromium.new_page(locale="zh-CN")
    assert seen(page, f"{url}/2023") == []
    assert page.get_by_role("heading").count() == 1
    page.close()


def seen(page: Page, address: str) -> list[str]:
    """Look at a page, outside of its sandbox if it has one: axe is a script, too."""
    answer = page.request.get(address)
    if "sandbox" in answer.headers["content-security-policy"]:
        return shown(page, answer.text())
    page.goto(address)
    return looked_at(page)


def shown(page: Page, text: str) -> list[str]:
    page.set_content(text)
    return looked_at(page)


def looked_at(page: Page) -> list[str]:
    """Return what stands between a page and its readers, in each theme and width."""
    found = []
    for theme, (width, height) in LOOKS:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": height})
        found += [f"{theme} {width}: {one}" for one in violations(page)]
    return found
