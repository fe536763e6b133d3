"""Acting on the board in a real browser: by mouse, by keyboard, on a phone, and over a line without TLS."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, FrameLocator, Page, Playwright, expect, sync_playwright

import airflow_home  # noqa: F401 - before Airflow
from axe_help import violations
from board_help import HOSTILE, busy, desk_page, served, signed_in
from datadocs_help import wrong_sheet
from intake_run import drop, piece, run
from manual_review_help import newest, run_unscanned
from send_page_help import DESK, PHONE, needs_chromium

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.ledger.services import Services

pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]
PLAIN = "board.test"  # a name that no browser trusts as it does localhost: it sends no Sec-Fetch-Site there


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    arguments = ["--no-sandbox", "--no-proxy-server", f"--host-resolver-rules=MAP {PLAIN} 127.0.0.1"]
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
    yield browser
    browser.close()


@pytest.fixture
def url(client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    signed_in(monkeypatch)
    with served() as address:
        yield address


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with desk_page(chromium) as page:
        yield page


def held(services: Services, name: str = HOSTILE) -> int:
    drop(services, piece("看"), name)
    run_unscanned(services)
    return newest(services).id


def test_an_operator_releases_a_held_file_and_a_second_click_is_answered_in_words(
    page: Page, url: str, services: Services
) -> None:
    number = held(services)
    page.goto(f"{url}/2023")
    page.get_by_role("rowheader", name="乌鲁木齐市").get_by_role("link").click()
    page.locator(f"#f{number}").get_by_role("link", name="放行或退回").click()
    assert page.locator("main img").count() == 0
    page.get_by_label("放行：接收").check()
    page.get_by_role("textbox", name="理由").fill("已电话核实\n准予接收")
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_text("结论不能更改")).to_be_visible()
    page.get_by_role("button", name="返回修改").click()
    expect(page.get_by_role("textbox", name="理由")).to_have_value("已电话核实\n准予接收")
    page.get_by_role("button", name="下一步").click()
    second = another_tab(page)
    for tab in (page, second):
        tab.get_by_role("button", name="确认办理").click()
        expect(tab.get_by_text("结论已记下：放行")).to_be_visible()
    second.close()
    run(services)
    page.goto(f"{url}/2023/acts/review/6501/{number}")
    expect(page.get_by_text("已接收，不在待人工审核之列")).to_be_visible()
    page.get_by_role("link", name="返回乌鲁木齐市").click()
    expect(page.locator("#done ~ table")).to_contain_text("人工审核：放行。已电话核实 准予接收")
    assert services.ledger.submission(number).state == "accepted"
    assert "hit" not in page.title()


def test_an_operator_reads_a_rejection_waives_its_rule_and_withdraws_the_file(
    page: Page, url: str, services: Services
) -> None:
    drop(services, wrong_sheet(), "<img src=x onerror=document.title='hit'>.xlsx", "统计表")
    run(services)
    number = newest(services).id
    page.goto(f"{url}/2023/6501")
    with page.expect_download() as copy:
        page.get_by_role("link", name="下载批注副本").click()
    assert load_workbook(io.BytesIO(copy.value.path().read_bytes())).sheetnames
    page.locator(f"#f{number}").get_by_role("link", name="回执 001 号").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("回执")
    expect(page.get_by_text("需要修改").first).to_be_visible()
    assert page.locator("img").count() == 0
    page.go_back()
    answer(page, number, "免除要求…", "statistics.number")
    run(services)
    page.reload()
    expect(page.locator("#done ~ table")).to_contain_text("已电话核实")
    answer(page, number, "撤回…")
    run(services)
    page.reload()
    expect(page.locator(f"#f{number}")).to_contain_text("已撤回")
    assert services.ledger.submission(number).state == "withdrawn"
    assert "hit" not in page.title()


def answer(page: Page, number: int, act: str, *rules: str) -> None:
    """Do something about a file by its row's link, and come back."""
    page.locator(f"#f{number}").get_by_role("link", name=act).click()
    for rule in rules:
        page.get_by_role("checkbox", name=rule).check()
    page.get_by_role("textbox", name="理由").fill("已电话核实")
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("button", name="确认").click()
    page.get_by_role("link", name="返回乌鲁木齐市").click()


def test_an_operator_looks_at_a_held_file_after_a_warning(page: Page, url: str, services: Services) -> None:
    number = held(services)
    page.goto(f"{url}/2023/6501")
    page.locator(f"#f{number}").get_by_role("link", name="下载原件").click()
    expect(page.get_by_text("可能损坏、带有宏或病毒")).to_be_visible()
    with page.expect_download() as original:
        page.get_by_role("link", name="我知道风险，下载").click()
    assert original.value.path().read_bytes() == piece("看")


def test_an_operator_grants_more_time_on_a_prefectures_page(page: Page, url: str, campaign: Campaign) -> None:
    until = (datetime.now(campaign.zone) + timedelta(days=3)).replace(hour=18, minute=30)
    page.goto(f"{url}/2023/6501")
    page.get_by_role("link", name="延长截止时间").click()
    page.get_by_label("新的截止时间").fill(until.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("textbox", name="理由").fill("暴雪断路")
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_text(f"延长到{campaign.text_of(until)}")).to_be_visible()
    page.get_by_role("button", name="返回修改").click()
    expect(page.get_by_label("新的截止时间")).to_have_value(until.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("button", name="确认延长").click()
    expect(page.get_by_text("状态页已更新")).to_be_visible()
    page.get_by_role("link", name="返回乌鲁木齐市").click()
    expect(page.locator("#done ~ table")).to_contain_text(f"延长截止时间至{campaign.text_of(until)}。暴雪断路")
    page.get_by_role("link", name="返回看板").click()
    expect(page.get_by_role("rowheader", name="乌鲁木齐市")).to_contain_text(f"延至 {campaign.text_of(until)}")
    page.goto(f"{url}/2023/acts/remind/6501")
    expect(page.get_by_text("请电话催报")).to_be_visible()


def another_tab(page: Page) -> Page:
    """Return a page that asks for the same confirmation."""
    assert page.context.browser
    second = page.context.browser.new_page(locale="zh-CN")
    second.goto(page.url)
    second.get_by_label("放行：接收").check()
    second.get_by_role("textbox", name="理由").fill("已电话核实\n准予接收")
    second.get_by_role("button", name="下一步").click()
    return second


def test_it_goes_by_keyboard_alone_and_on_a_phone(page: Page, url: str, services: Services) -> None:
    number = held(services)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.goto(f"{url}/2023/6501")
    page.locator(f"#f{number} a.act").focus()
    page.keyboard.press("Enter")
    page.get_by_label("退回：不接收").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("不是活动周的报道")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="确认办理")).to_be_visible()
    page.get_by_role("button", name="确认办理").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("结论已记下：退回")).to_be_visible()
    assert services.ledger.submission(number).verdict == "rejected"


def test_it_goes_over_a_line_without_tls(page: Page, url: str, services: Services) -> None:
    """Over plain HTTP a browser tells no Sec-Fetch-Site, and without a referrer policy of its own no origin."""
    number, plain = held(services), url.replace("127.0.0.1", PLAIN)
    page.goto(f"{plain}/2023/acts/review/6501/{number}")
    with page.expect_request(lambda request: request.method == "POST") as sent:
        send_back(page)
    headers = sent.value.all_headers()
    assert ("sec-fetch-site" in headers, headers["origin"]) == (False, plain.removesuffix("/baosong"))


def test_it_goes_in_airflows_frame(page: Page, url: str, services: Services) -> None:
    frame = f'<iframe src="{url}/2023/acts/review/6501/{held(services)}" style="width:900px;height:700px"'
    frame += ' sandbox="allow-scripts allow-same-origin allow-forms allow-downloads">'
    page.route("**/plugin/baosong", lambda route: route.fulfill(content_type="text/html", body=frame))
    page.goto(url.replace("/baosong", "/plugin/baosong"))
    send_back(page.frame_locator("iframe"))


def send_back(page: Page | FrameLocator) -> None:
    page.get_by_label("退回：不接收").check()
    page.get_by_role("textbox", name="理由").fill("重复")
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("button", name="确认办理").click()
    expect(page.get_by_text("结论已记下：退回")).to_be_visible()


def test_another_sites_form_does_nothing(page: Page, url: str, services: Services) -> None:
    number = held(services)
    form = f'<form method="post" action="{url}/2023/acts/review/6501/{number}">'
    form += '<input name="step" value="do"><input name="decision" value="refuse"><input name="reason" value="x">'
    page.route("http://evil.test/", lambda route: route.fulfill(content_type="text/html", body=f"{form}<button>x"))
    page.goto("http://evil.test/")
    page.get_by_role("button").click()
    expect(page.get_by_text("这个请求不是从看板的页面发出的")).to_be_visible()
    assert services.ledger.submission(number).state == "held"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE])
def test_everybody_can_use_each_form_in_both_themes_at_a_desk_and_on_a_phone(
    chromium: Browser, url: str, services: Services, campaign: Campaign, theme: Any, size: tuple[int, int]
) -> None:
    files = busy(services, campaign)
    services.ledger.extend(campaign, "6501", campaign.deadline + timedelta(days=5), "张三", "暴雪断路")
    page = chromium.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=theme, locale="zh-CN")
    found = {}
    for path in paths(files):
        page.goto(url + path)
        found[path] = violations(page)
        if page.get_by_role("button", name="下一步").count():
            page.get_by_role("button", name="下一步").evaluate("it => { it.form.noValidate = true; it.click() }")
            page.get_by_role("alert").wait_for()
            found[f"{path} refused"] = violations(page)
    page.goto(f"{url}/2023/acts/review/6501/{files['待审核.txt'].id}")
    page.get_by_label("放行：接收").check()
    page.get_by_role("textbox", name="理由").fill("已电话核实")
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("button", name="确认办理").wait_for()
    found["confirm"] = violations(page)
    page.get_by_role("button", name="确认办理").click()
    page.get_by_text("结论已记下").wait_for()
    found["done"] = violations(page)
    page.goto(f"{url}/2023/6501")
    found["history"] = violations(page)
    page.goto(f"{url}/2023")
    found["board"] = violations(page)
    assert found == {path: [] for path in found}
    page.close()


def paths(files: dict[str, Any]) -> list[str]:
    """Return the addresses of each form, for a file that it fits and for one that it does not."""
    return [
        f"/2023/acts/review/6501/{files['待审核.txt'].id}",
        f"/2023/acts/review/6501/{files['机密★.txt'].id}",
        f"/2023/acts/review/6501/{files['链接.txt'].id}",
        f"/2023/acts/waive/6501/{files['统计表.xlsx'].id}",
        f"/2023/acts/withdraw/6501/{files['链接.txt'].id}",
        "/2023/acts/extend/6501",
        "/2023/acts/remind/6501",
    ]
