"""A send page of a prefecture, opened in Debian's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Playwright

from baosong.campaign import Campaign
from baosong.receipts.send_page import PAGE, write_send_page
from baosong.store.settings import S3Settings

needs_chromium = pytest.mark.debian("chromium", "chromium")
DESK, PHONE = (1280, 900), (390, 844)
REFUSED = "Failed to load resource"  # what the browser itself writes of an answer that is no success


def page_file(folder: Path, campaign: Campaign, code: str, keys: S3Settings) -> Path:
    """Write a prefecture's page and return its path."""
    prefecture = campaign.prefecture(code)
    write_send_page(folder, campaign, prefecture, keys)
    return folder / campaign.id / prefecture.folder / PAGE


@contextmanager
def browser(playwright: Playwright, profile: Path, size: tuple[int, int] = DESK) -> Iterator[BrowserContext]:
    """A browser with this profile, which keeps what pages remember; at its end it is closed as a person closes it."""
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=shutil.which("chromium"),
        args=["--no-sandbox"],
        viewport={"width": size[0], "height": size[1]},
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
    )
    yield context
    context.close()


@contextmanager
def opened(context: BrowserContext, path: Path, *expected: str) -> Iterator[Page]:
    """The page opened by double click; an error on its console that was not expected fails the test."""
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    page.locator("#receipts li:not(:text('正在读取'))").first.wait_for()
    yield page
    surprises = [error for error in errors if not error.startswith(expected)]
    assert not surprises, surprises
    page.close()


def row(page: Page, name: str) -> Locator:
    """Return the row of a file by its name."""
    return page.locator("li.file").filter(has=page.get_by_text(name, exact=True))


def choose(page: Page, *files: Path) -> None:
    """Choose files as the dialog would, and wait until they are sorted."""
    before = page.locator("li.file").count()
    page.set_input_files("#files", [str(path) for path in files])
    page.locator("li.file").nth(before + len(files) - 1).wait_for()


def send(page: Page) -> None:
    """Press the button that sends."""
    page.locator("#send").click()


def wait_until(page: Page, name: str, *states: str) -> None:
    """Wait until a file's row has one of these states."""
    wanted = ", ".join(f'[data-state="{state}"]' for state in states)
    row(page, name).and_(page.locator(wanted)).wait_for(timeout=120_000)


class Line:
    """The line between a page and everything else."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)

    def cut(self) -> None:
        self._set(offline=True)

    def mend(self) -> None:
        self._set(offline=False)

    def _set(self, *, offline: bool) -> None:
        speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self._session.send("Network.emulateNetworkConditions", {"offline": offline, **speed})
