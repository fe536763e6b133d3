"""The board's pages behind Airflow: what they show, and what nobody can get out of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from baosong.receipts.view import script_hash
from baosong.report.editions import write_report
from feed import NOW

if TYPE_CHECKING:
    from baosong.ledger.services import Services

FOLDER = "2023/6501-乌鲁木齐市"


def test_every_route_asks_who_is_there() -> None:
    from baosong_airflow import board_app

    for route in board_app.app.routes:
        assert board_app.operators_only in {d.call for d in route.dependant.dependencies}


def test_before_any_campaign_is_opened_the_entry_says_so(client: Any) -> None:
    answer = client.get("/")

    assert answer.status_code == 200
    assert "还没有开放的活动" in answer.text


def test_with_one_opened_campaign_the_entry_leads_to_its_board(client: Any, services: Services) -> None:
    services.storage.put("outbox", f"{FOLDER}/状态.html", b"x")

    answer = client.get("/")

    assert (answer.status_code, answer.headers["location"]) == (307, "2023")


def test_the_board_shows_every_prefecture_and_runs_no_script_but_its_own(client: Any, services: Services) -> None:
    answer = client.get("/2023")

    assert answer.status_code == 200
    assert all(p.name in answer.text for p in services.campaigns.get("2023").prefectures)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert {"base-uri 'none'", "form-action 'none'", "frame-ancestors 'self'"} <= set(policy.split("; "))
    (script,) = re.findall(r"<script>(.*?)</script>", answer.text, re.S)
    assert re.findall(r"script-src[^;]*", policy) == [f"script-src '{script_hash(script)}'"]


def test_a_receipt_opens_in_the_browser_and_runs_no_script(client: Any, services: Services) -> None:
    page = "<!doctype html><script>alert(1)</script>回执"
    services.storage.put("outbox", f"{FOLDER}/回执/0001.html", page.encode(), content_type="text/html")

    answer = client.get("/2023/receipts/6501/0001.html")

    assert answer.text == page
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert policy.endswith("; sandbox allow-same-origin allow-downloads")
    assert "script-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_report_is_downloaded_under_its_chinese_name(client: Any, services: Services) -> None:
    content = bytes(range(256)) * 9000
    services.storage.put("reports", "2023/final/v1/汇总表.xlsx", content)

    answer = client.get("/2023/reports/final/v1/汇总表.xlsx")

    assert answer.content == content
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%E6%B1%87%E6%80%BB%E8%A1%A8.xlsx"


def test_a_report_in_every_form_can_be_reached_from_the_board(client: Any, services: Services) -> None:
    """The page opens where it is, and runs nothing; no other page below the reports opens unless in its sandbox."""
    prefix = write_report(services, "2023", "interim", NOW)["prefix"]
    services.storage.put("reports", f"{prefix}汇总总结报告.pdf", b"%PDF")

    links = re.findall(r'<a href="(2023/reports/[^"]+)"', client.get("/2023").text)
    answers = {unquote(link).rpartition(".")[2]: client.get(f"/{link}") for link in links}

    assert list(answers) == ["xlsx", "docx", "html", "pdf", "pptx"]
    assert {answer.status_code for answer in answers.values()} == {200}
    assert [form for form, a in answers.items() if "content-disposition" not in a.headers] == ["html"]
    assert answers["html"].headers["content-security-policy"].startswith("default-src 'none'; style-src")
    services.storage.put("reports", "2023/checks/6501/12.html", b"x")
    assert "content-disposition" in client.get("/2023/reports/checks/6501/12.html").headers


def test_the_page_of_a_checked_sheet_is_shut_in_a_sandbox(client: Any, services: Services) -> None:
    services.storage.put("reports", "2023/checks/6501/12.html", "<p>逐项".encode())

    answer = client.get("/2023/checks/6501/12")

    assert (answer.status_code, answer.text) == (200, "<p>逐项")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; ")
    assert policy.endswith("; sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["6501/13", "6502/12", "6501/012", "6501/1e1", "6501/１２", "6501/12.html", "6501/-1"])
def test_a_sheet_without_a_page_is_told_so_in_chinese(client: Any, services: Services, path: str) -> None:
    services.storage.put("reports", "2023/checks/6501/12.html", b"secret")

    answer = client.get(f"/2023/checks/{path}")

    assert answer.status_code == 404
    assert "没有这份统计表的逐项校验结果" in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_stranger_gets_no_page_of_a_sheet(client: Any, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is Airflow's own, asked with a request that carries no token."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    from baosong_airflow import board_app

    services.storage.put("reports", "2023/checks/6501/12.html", b"secret")
    monkeypatch.delitem(board_app.app.dependency_overrides, board_app.operators_only)
    monkeypatch.setattr(board_app.app.state, "auth_manager", SimpleAuthManager(), raising=False)

    answer = client.get("/2023/checks/6501/12")

    assert answer.status_code == 401
    assert b"secret" not in answer.content


OUTSIDE = [
    "/1999",
    "/1999/receipts/6501/0001.html",
    "/2023/receipts/9999/0001.html",
    "/2023/receipts/6501/none.html",
    "/2023/receipts/6501/..",
    "/2023/receipts/6501/%2e%2e",
    "/2023/receipts/6501/%2e%2e%2f%2e%2e%2f6502-%E5%85%8B%E6%8B%89%E7%8E%9B%E4%BE%9D%E5%B8%82%2fsecret.html",
    "/2023/receipts/6501/..%2fsecret.html",
    "/2023/receipts/6501/..%5c..%5csecret.html",
    "/2023/receipts/..%2f6501/0001.html",
    "/2023/reports/..%2f..%2foutbox%2fsecret.html",
    "/2023/reports/..%2fx%2fsecret.html",
    "/2023/reports/%2e%2e/%2e%2e/secret.html",
    "/2023/reports//etc/passwd",
    "/2023/checks/6501/..%2f..%2f..%2fsecret",
    "/2023/checks/%2e%2e/%2e%2e%2fsecret",
    "/2023/checks/..%2fchecks%2f6501/12",
    "/2023/checks/x/12",
    "/2023/checks//12",
    "/1999/checks/6501/12",
    "/2023/reports/final/v1/",
    "/2023/reports/x%00.html",
    "/..%2f2023",
]


def test_nothing_outside_can_be_named(client: Any, services: Services) -> None:
    for key in ("secret.html", "2023/secret.html", f"{FOLDER}/secret.html", "x/secret.html"):
        services.storage.put("outbox", key, b"secret")
    for key in ("secret.html", "x/secret.html", "outbox/secret.html", "2023/checks/x/12.html"):
        services.storage.put("reports", key, b"secret")

    answers = {path: client.get(path) for path in OUTSIDE}

    assert {path for path, answer in answers.items() if answer.status_code != 404} == set()
    assert {path for path, answer in answers.items() if b"secret" in answer.content} == set()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BAOSONG_S3_ENDPOINT", "127.0.0.1:1", "对象存储暂时无法访问"),
        ("BAOSONG_LEDGER_URL", "postgresql+psycopg2://nobody@127.0.0.1:1/none", "台账数据库暂时无法访问"),
    ],
)
def test_what_is_away_is_named_at_once_and_the_page_asks_again(
    client: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    from baosong_airflow import board_lookup, tasks

    monkeypatch.setattr(board_lookup, "RETRY_TIMEOUT", 0.1)
    monkeypatch.setenv(name, value)
    tasks.open_services.cache_clear()

    answer = client.get("/" if "S3" in name else "/2023")

    assert (answer.status_code, answer.headers["refresh"]) == (503, "15")
    assert said in answer.text
