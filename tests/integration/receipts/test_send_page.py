"""The send page in a real browser, on the real store, with a prefecture's own key."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect, sync_playwright
from playwright.sync_api import TimeoutError as NotInTime

from axe_help import violations
from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.pipeline.open_campaign import open_campaign
from baosong.store.settings import S3Settings
from baosong.store.source import Source
from baosong.store.storage import Storage
from baosong.validation.check import classify
from baosong.validation.common.filetypes import identify
from baosong_local.samples.documents import make_report
from baosong_local.samples.sheets import make_sheet
from intake_run import piece
from intake_run import run as run_intake
from send_page_help import (
    DESK,
    PHONE,
    REFUSED,
    Line,
    browser,
    choose,
    needs_chromium,
    opened,
    page_file,
    row,
    send,
    wait_until,
)
from servers import Store

pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]
AREA = "2023/6501-乌鲁木齐市/"
FILM = b"\0\0\0\x14ftypqt  \0\0\0\0qt  "
MB = 1 << 20


@pytest.fixture
def keys(prefecture_keys: Callable[..., S3Settings], campaign: Campaign) -> S3Settings:
    return prefecture_keys(campaign, "6501")


@pytest.fixture
def path(tmp_path: Path, campaign: Campaign, keys: S3Settings) -> Path:
    return page_file(tmp_path, campaign, "6501", keys)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def desk(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with browser(playwright, tmp_path_factory.mktemp("profile"), DESK) as context:
        yield context


def made(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A film of 300 MB, no two of them alike, and its hash."""
    path, digest = tmp_path_factory.mktemp("films") / "启动仪式.mov", hashlib.sha256()
    with path.open("wb") as f:
        for n in range(300):
            block = (FILM + b"%d" % n).ljust(MB, b"%d" % (n % 10))
            f.write(block)
            digest.update(block)
    return path, digest.hexdigest()


def listed(storage: Storage) -> dict[str, int]:
    return {stored.key.removeprefix(AREA): stored.size for stored in storage.list("intake")}


def wait_for_share(page: Page, tenths: int) -> None:
    """Wait until so much of all files has been sent, and not all of it."""
    expect(page.locator("#totalText")).to_contain_text(re.compile(f"（[{tenths}-9]\\d%）"), timeout=60_000)


def test_a_line_that_comes_back_is_used_at_once_and_a_pause_is_kept(
    desk: BrowserContext, path: Path, storage: Storage, film: tuple[Path, str]
) -> None:
    sent, digest = film
    with opened(desk, path, REFUSED) as page:
        line = Line(page)
        choose(page, sent)
        send(page)
        wait_for_share(page, 2)
        page.get_by_role("button", name="全部暂停").click()
        wait_until(page, sent.name, "paused")
        line.cut()
        page.get_by_role("button", name="继续 启动仪式.mov").click()
        wait_until(page, sent.name, "retrying")
        line.mend()
        wait_until(page, sent.name, "done")
    assert hashlib.sha256(storage.read("intake", f"{AREA}视频/{sent.name}")).hexdigest() == digest


def test_a_cancelled_upload_leaves_nothing(
    desk: BrowserContext, path: Path, storage: Storage, store: Store, s3: S3Settings, film: tuple[Path, str]
) -> None:
    sent, _ = film
    with opened(desk, path) as page:
        choose(page, sent)
        send(page)
        wait_for_share(page, 2)
        page.get_by_role("button", name="取消 启动仪式.mov").click()
        expect(page.locator("li.file")).to_have_count(0)
        expect(page.locator("#unfinished")).to_be_hidden()
    assert listed(storage) == {}
    left = [p for p in (store.server.data / s3.buckets["intake"]).rglob("*") if p.stat().st_size >= MB]
    assert left == []


def test_files_are_sorted_by_folder_content_and_name_and_arrive_as_they_are(
    desk: BrowserContext, path: Path, tmp_path: Path, storage: Storage
) -> None:
    top = tmp_path / "活动周"
    made(top / "照片" / "一" / "a.png", b"\x89PNG\r\n\x1a\n1")
    made(top / "照片" / "a.png", b"\x89PNG\r\n\x1a\n2")
    made(top / "b #1+2%20(x)'!.jpg", b"\xff\xd8\xff\xe0")
    made(top / "新闻链接.txt", b"https://example")
    made(top / "统计表" / "统计表.csv", "指标,合计".encode())
    made(top / "Thumbs.db", b"x")
    made(top / "照片" / "._a.png", b"x")
    made(top / "照片" / "~$表.xlsx", b"x")
    with opened(desk, path) as page:
        page.set_input_files("#folder", str(top))
        expect(page.locator("li.file")).to_have_count(5)
        expect(page.locator("#skippedText")).to_contain_text("3 个")
        send(page)
        expect(page.locator("#totalText")).to_contain_text("5 个文件已送达")
    found = {key: storage.read("intake", AREA + key) for key in listed(storage)}
    assert found == {
        "照片/一/a.png": b"\x89PNG\r\n\x1a\n1",
        "照片/a.png": b"\x89PNG\r\n\x1a\n2",
        "照片/活动周/b #1+2%20(x)'!.jpg": b"\xff\xd8\xff\xe0",
        "媒体报道/活动周/新闻链接.txt": b"https://example",
        "统计表/统计表.csv": "指标,合计".encode(),
    }


def test_what_is_plainly_wrong_is_told_and_not_sent(
    desk: BrowserContext, path: Path, tmp_path: Path, storage: Storage
) -> None:
    locked = bytearray(4096)
    locked[:8], locked[30], locked[48] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 9, 0
    locked[512:546] = "EncryptedPackage\0".encode("utf-16-le")
    files = [
        made(tmp_path / "空.jpg", b""),
        made(tmp_path / "统计表.xlsx", bytes(locked)),
        made(tmp_path / "手机.mov", b"\0\0\0\x18ftypmp42"),
        made(tmp_path / "照片.rar", b"Rar!\x1a\x07"),
        made(tmp_path / f"{'长' * 83}.jpg", b"\xff\xd8\xff\xe0"),
    ]
    words = ["空的", "打开密码", "mp4", "rar 压缩包", "文件名太长"]
    with opened(desk, path) as page:
        choose(page, *files)
        for file, word in zip(files, words, strict=True):
            expect(row(page, file.name)).to_contain_text(word)
            expect(row(page, file.name)).to_have_attribute("data-state", "blocked")
        expect(page.locator("#send")).to_be_hidden()
        page.get_by_role("button", name="仍要发送 手机.mov").click()
        send(page)
        wait_until(page, "手机.mov", "done")
        expect(page.locator("#totalText")).to_contain_text("另有 4 个没有发送")
    assert listed(storage) == {"视频/手机.mov": 12}


def test_two_files_for_one_place_are_not_both_sent(
    desk: BrowserContext, path: Path, tmp_path: Path, storage: Storage
) -> None:
    first, second = (made(tmp_path / part / "a.jpg", b"\xff\xd8\xff\xe0" + part.encode()) for part in "12")
    with opened(desk, path) as page:
        choose(page, first, second)
        expect(page.locator("li.file").first).to_contain_text("只能保留一个")
        expect(page.locator("#send")).to_be_hidden()
        page.get_by_role("button", name="移除 a.jpg").first.click()
        send(page)
        expect(page.locator("#totalText")).to_contain_text("1 个文件已送达")
    assert storage.read("intake", f"{AREA}照片/a.jpg") == b"\xff\xd8\xff\xe02"


def test_another_prefectures_area_is_out_of_reach(
    desk: BrowserContext, path: Path, storage: Storage, s3: S3Settings
) -> None:
    storage.put("outbox", "2023/6502-克拉玛依市/状态.html", b"theirs")
    asked = """async ([method, bucket, key, list]) => {
        const store = new Store(JSON.parse(document.getElementById("settings").textContent));
        try {
            if (list) return (await store.list(bucket, key)).length;
            return (await store.call(method, bucket, key, { body: method === "PUT" ? new ArrayBuffer(1) : null })).etag;
        } catch (error) { return error.status; }
    }"""
    theirs = "2023/6502-克拉玛依市/"
    with opened(desk, path, REFUSED) as page:
        intake, outbox = s3.buckets["intake"], s3.buckets["outbox"]
        assert page.evaluate(asked, ["PUT", intake, f"{theirs}统计表/x.xlsx", False]) == 403
        assert page.evaluate(asked, ["GET", outbox, f"{theirs}状态.html", False]) == 403
        assert page.evaluate(asked, ["PUT", outbox, f"{AREA}状态.html", False]) == 403
        assert page.evaluate(asked, ["PUT", s3.buckets["archive"], "x", False]) == 403
        assert page.evaluate(asked, ["GET", outbox, theirs, True]) == 403
    assert listed(storage) == {}
    assert storage.read("outbox", "2023/6502-克拉玛依市/状态.html") == b"theirs"


def test_after_the_key_was_revoked_nothing_goes(
    desk: BrowserContext, path: Path, tmp_path: Path, storage: Storage, store: Store, keys: S3Settings
) -> None:
    sent = made(tmp_path / "a.jpg", b"\xff\xd8\xff\xe0")
    with opened(desk, path, REFUSED) as page:
        choose(page, sent)
        store.server.revoke(keys.access_key)
        send(page)
        wait_until(page, "a.jpg", "failed")
        expect(row(page, "a.jpg")).to_contain_text("密钥已经停用或更换")
    assert listed(storage) == {}


def test_receipts_that_cannot_be_read_are_not_said_to_be_on_their_way(
    desk: BrowserContext, path: Path, store: Store, keys: S3Settings
) -> None:
    store.server.revoke(keys.access_key)
    with opened(desk, path, REFUSED) as page:
        expect(page.locator("#receipts")).to_have_text("暂时读不到回执，会自动再试。")


def test_a_name_stays_text_wherever_it_is_shown(
    desk: BrowserContext, path: Path, tmp_path: Path, storage: Storage
) -> None:
    name = "<img src=x onerror=document.title='hit'>.xlsx"
    sent = made(tmp_path / name, b"PK\x03\x04")
    for receipt in (f"回执-001号-{name}.html", f"回执-001号-{name}-批注-{name}"):
        storage.put("outbox", f"{AREA}回执/{receipt}", b"<img src=x onerror=document.title='hit'><script>1</script>")
    with opened(desk, path, "Blocked script", "Executing inline", "Loading the image") as page:
        choose(page, sent)
        expect(row(page, name)).to_be_visible()
        page.get_by_role("button", name=re.compile("^回执-001号")).click()
        expect(page.locator("dialog b")).to_contain_text("<img src=x")
        page.get_by_role("button", name="关闭").click()
        send(page)
        wait_until(page, name, "done")
        assert page.locator("main img, dialog > img").count() == 0
        assert "发送页" in page.title()
    assert list(listed(storage)) == [name]


def test_receipts_are_shown_newest_first_and_tell_the_rows_what_became_of_them(
    desk: BrowserContext, path: Path, tmp_path: Path, storage: Storage
) -> None:
    status = '<html><body><h1>报送状态</h1><a href="回执/x.html">回执</a></body></html>'
    storage.put("outbox", f"{AREA}状态.html", status.encode())
    storage.put("outbox", f"{AREA}模板/空白表.xlsx", b"PK")
    sent = made(tmp_path / "统计表.csv", b"1,2")
    with opened(desk, path) as page:
        expect(page.frame_locator("#status").locator("h1")).to_have_text("报送状态")
        choose(page, sent)
        send(page)
        wait_until(page, "统计表.csv", "done")
        receipt = {"files": [{"file": "统计表.csv", "state": "rejected"}]}
        storage.put("outbox", f"{AREA}回执/回执-001号-需修改.json", json.dumps(receipt).encode())
        storage.put("outbox", f"{AREA}回执/回执-001号-需修改-批注-统计表.xlsx", b"PK marked")
        storage.put("outbox", f"{AREA}回执/回执-001号-需修改.html", "<h1>第一份回执</h1>".encode())
        expect(row(page, "统计表.csv")).to_contain_text("已退回", timeout=20_000)
        page.get_by_role("button", name="看回执 统计表.csv").click()
        expect(page.frame_locator("#frame").locator("h1")).to_have_text("第一份回执")
        with page.expect_download() as marked:
            page.locator("dialog").get_by_role("button", name="下载批注副本").click()
        assert marked.value.suggested_filename == "回执-001号-需修改-批注-统计表.xlsx"
        assert marked.value.path().read_bytes() == b"PK marked"
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_be_hidden()
        expect(page.get_by_role("button", name="回执-001号-需修改", exact=True)).to_be_visible()
        storage.put("outbox", f"{AREA}状态.html", status.replace("报送状态", "新的状态").encode())
        expect(page.frame_locator("#status").locator("h1")).to_have_text("新的状态", timeout=20_000)


def choose_by_enter(page: Page, sent: Path) -> None:
    """Press Enter until the dialog opens: a window that is only now coming to the front swallows the first one."""
    for _ in range(5):
        page.bring_to_front()
        with suppress(NotInTime):
            with page.expect_file_chooser(timeout=6000) as dialog:
                page.keyboard.press("Enter")
            dialog.value.set_files(str(sent))
            return
    pytest.fail("no dialog opened")


def test_the_keyboard_alone_will_do(playwright: Playwright, path: Path, tmp_path: Path, storage: Storage) -> None:
    """In a browser of its own: a window that was never in front opens no dialog."""
    sent = made(tmp_path / "a.jpg", b"\xff\xd8\xff\xe0")
    with browser(playwright, tmp_path / "profile") as fresh, opened(fresh, path) as page:
        page.on("filechooser", lambda _: None)  # from here on none of the desktop's own dialogs opens
        page.bring_to_front()
        page.keyboard.press("Tab")
        expect(page.locator("#pickFiles")).to_be_focused()
        choose_by_enter(page, sent)
        expect(page.locator("#send")).to_be_focused()
        page.keyboard.press("Enter")
        wait_until(page, "a.jpg", "done")
    assert listed(storage) == {"照片/a.jpg": 4}


def test_a_phone_shows_it_without_scrolling_sideways(
    playwright: Playwright, path: Path, tmp_path: Path, storage: Storage
) -> None:
    storage.put("outbox", f"{AREA}回执/回执-001号-20230601-0900-{'1个文件需修改' * 6}.html", b"<p>")
    names = ("很长的文件名" * 12 + ".jpg", "IMG_" + "0123456789" * 8 + ".jpg", "空.jpg")
    files = [made(tmp_path / name, b"" if name == "空.jpg" else b"\xff\xd8\xff\xe0") for name in names]
    with browser(playwright, tmp_path / "profile", PHONE) as phone, opened(phone, path) as page:
        page.get_by_text("要报送哪些材料").click()
        for step in (lambda: choose(page, *files), lambda: send(page)):
            step()
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_everybody_can_use_it_in_both_themes_at_a_desk_and_on_a_phone(
    desk: BrowserContext, path: Path, tmp_path: Path, storage: Storage
) -> None:
    """As axe tells: no violation of whatever severity, with files in several states, receipts and an open receipt."""
    storage.put("outbox", f"{AREA}状态.html", b"<html lang='zh'><title>x</title><main><h1>x</h1></main>")
    storage.put(
        "outbox", f"{AREA}回执/回执-001号-需修改.html", b"<html lang='zh'><title>x</title><main><h1>x</h1></main>"
    )
    files = [made(tmp_path / "a.jpg", b"\xff\xd8\xff\xe0"), made(tmp_path / "空.jpg", b"")]
    found = {}
    with opened(desk, path) as page:
        choose(page, *files)
        for step in ("list", "receipt"):
            for theme, size in itertools.product(("light", "dark"), (DESK, PHONE)):
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                page.set_viewport_size({"width": size[0], "height": size[1]})
                found[step, theme, size] = violations(page)
            if step == "list":
                page.get_by_role("button", name=re.compile("^回执-001号")).click()
        page.get_by_role("button", name="关闭").click()
        page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    assert found == {place: [] for place in found}


def test_what_is_sent_is_judged_by_the_pipeline_and_answered_on_the_page(
    desk: BrowserContext, path: Path, tmp_path: Path, services: Services, campaign: Campaign
) -> None:
    open_campaign(services, campaign)
    good, bad = made(tmp_path / "链接-新闻.txt", piece()), made(tmp_path / "统计表.csv", "没有指标".encode())
    with opened(desk, path) as page:
        expect(page.locator("#templates")).to_contain_text("2023年统计表-乌鲁木齐市.xlsx")
        choose(page, good, bad)
        send(page)
        wait_until(page, good.name, "done")
        wait_until(page, bad.name, "done")
        run_intake(services)
        wait_until(page, good.name, "good")
        wait_until(page, bad.name, "bad")
        expect(page.frame_locator("#status").locator("main")).to_contain_text(good.name, timeout=20_000)
        page.get_by_role("button", name="看回执 统计表.csv").click()
        expect(page.frame_locator("#frame").locator("main")).to_contain_text("材料报送回执")


SAMPLES = {
    "启动仪式.mov": FILM,
    "旧.mov": b"\0\0\0\x08wide\0\0\0\0mdat",
    "手机.MP4": b"\0\0\0\x18ftypmp42\0\0\0\0isom",
    "片.mpg": b"\0\0\x01\xba" + bytes(40),
    "流.ts": (b"\x47" + bytes(187)) * 8,
    "a.jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(40),
    "新闻截图.png": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "媒体宣传统计.csv": "一,二".encode(),
    "新闻链接清单.csv": "一,二".encode(),
    "总结报告.pdf": b"%PDF-1.4\n",
    "媒体报道总结.doc": b"%PDF-1.4\n",
    "工作报告（媒体）.txt": "一".encode(),
    "没有名堂.bin": b"\x01\x02\x03\x04" * 10,
    "包.rar": b"Rar!\x1a\x07\x01\0" + bytes(40),
    "包.7z": b"7z\xbc\xaf\x27\x1c" + bytes(40),
}


def test_the_page_sorts_as_the_pipeline_does(desk: BrowserContext, path: Path, campaign: Campaign) -> None:
    """By the same tables and patterns, as far as first bytes and names tell; what only its words tell stays open."""
    office = {
        "统计.xlsx": make_sheet(campaign, campaign.prefecture("6501"), 1).content,
        "总结.docx": make_report(campaign, campaign.prefecture("6501"), 1),
    }
    asked = """async ([name, bytes]) => {
        const settings = JSON.parse(document.getElementById("settings").textContent);
        const type = await identify(new File([new Uint8Array(bytes)], name));
        return [type, classify(settings, name, type)];
    }"""
    with opened(desk, path) as page:
        for name, content in (SAMPLES | office).items():
            source = Source(name, len(content), partial(io.BytesIO, content))
            kind, actual = classify(source, campaign), identify(source)
            told = page.evaluate(asked, [name, list(content)])
            assert told == ["" if actual == "txt" else actual or "", kind.value if kind else ""], name
