"""The board's own server, as a browser reaches it, and a campaign in which every state is to be seen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page

from baosong.campaign import Campaign
from baosong.ledger import Submission
from baosong.ledger.services import Services
from baosong.rules.findings import Kind, Verdict, warning
from datadocs_help import wrong_sheet
from feed import feed, feed_all
from intake_run import drop, piece, rows, run
from manual_review_help import run_unscanned
from send_page_help import DESK
from waiting import free_port, until

LONG = "2023年自治区科技活动周启动仪式暨优秀科普作品展示" * 3 + ".jpg"
OPERATOR = "阿依古丽<img src=x onerror=document.title='hit'>"  # as an account may be called
HOSTILE = "<img src=x onerror=document.title='hit'>.txt"


def signed_in(monkeypatch: pytest.MonkeyPatch, name: str = OPERATOR, role: str = "op") -> None:
    """Have every request be somebody's from now on."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user

    from baosong_airflow import board_app

    user = SimpleAuthManagerUser(username=name, role=role)
    monkeypatch.setitem(board_app.app.dependency_overrides, get_user, lambda: user)


@contextmanager
def desk_page(browser: Browser) -> Iterator[Page]:
    """A page at a desk; an error on its console fails the test."""
    page, errors = browser.new_page(viewport={"width": DESK[0], "height": DESK[1]}, locale="zh-CN"), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield page
    page.close()
    assert [error for error in errors if "Failed to load resource" not in error] == []


@contextmanager
def served() -> Iterator[str]:
    """Serve the board as Airflow mounts it, and give its address."""
    from baosong_airflow import board_app

    above = FastAPI()
    above.mount("/baosong", board_app.app)
    server = uvicorn.Server(uvicorn.Config(above, port=free_port(), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.config.port}/baosong"
    finally:
        server.should_exit = True
        thread.join()


def busy(services: Services, campaign: Campaign) -> dict[str, Submission]:
    """Fill a campaign so that the board has all of its states to tell; return 6501's files by name.

    These went through the intake: an accepted list, a rejected sheet and text, a held and a marked file.
    """
    ledger, late = services.ledger, campaign.deadline + timedelta(hours=3)
    feed_all(ledger, campaign, "6504")
    feed_all(ledger, campaign, "6505", at=late)
    feed(ledger, campaign, "6502", Kind.PHOTO, LONG, findings=[warning("photo.name", "文件名看不出活动")])
    feed(ledger, campaign, "6502", Kind.PHOTO, "坏.jpg", verdict=Verdict.REJECTED)
    feed(ledger, campaign, "6523", Kind.VIDEO, "启动.mov", verdict=Verdict.REJECTED)
    feed(ledger, campaign, "6523", None, "谜.bin", verdict=Verdict.REJECTED)
    drop(services, piece("好"), "链接.txt")
    drop(services, b"", HOSTILE)
    drop(services, wrong_sheet(), "统计表.xlsx", "统计表")
    drop(services, piece("密"), "机密★.txt", "总结报告")
    run(services)
    drop(services, piece("看"), "待审核.txt")
    run_unscanned(services)
    return {row.name: row for row in rows(services) if row.prefecture == "6501"}
