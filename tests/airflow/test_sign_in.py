"""Signing in: the page, tokens for programs, guesses, and accounts that are gone or have another password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from airflow.api_fastapi import app as airflow_app
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from jwt import InvalidTokenError

import airflow_home  # noqa: F401  sets Airflow's home before it is imported
from baosong.store import accounts
from baosong.store.accounts import Role
from baosong_airflow import sign_in_app
from baosong_airflow.sign_in import AccountsAuthManager

HERE = {"origin": "http://testserver"}
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "accounts.json"
    monkeypatch.setenv("BAOSONG_ACCOUNTS", str(path))
    accounts.begin(path, "right")
    return path


@pytest.fixture
def manager(path: Path, monkeypatch: pytest.MonkeyPatch) -> AccountsAuthManager:
    """Our auth manager as Airflow has it, on a database with the one table that a token's check asks for."""
    from airflow import settings
    from airflow.models.base import Base
    from airflow.models.revoked_token import RevokedToken

    Base.metadata.create_all(settings.engine, [RevokedToken.__table__])
    manager = AccountsAuthManager()
    monkeypatch.setattr(airflow_app._AuthManagerState, "instance", manager)
    return manager


@pytest.fixture
def client(manager: AccountsAuthManager) -> Iterator[TestClient]:
    """Airflow's server as far as it concerns who signs in: all around it asks the database."""
    server = FastAPI()
    server.mount("/auth", manager.get_fastapi_app())
    for middleware, options in manager.get_fastapi_middlewares():
        server.add_middleware(middleware, **options)
    sign_in_app.limiter.storage.reset()
    with TestClient(server, follow_redirects=False) as client:
        yield client


def token(client: TestClient, name: str, password: str) -> Response:
    return client.post("/auth/token", json={"username": name, "password": password})


def fill_in(client: TestClient, name: str, password: str, query: str = "", headers: dict[str, str] = HERE) -> Response:
    return client.post(f"/auth/login{query}", data={"name": name, "password": password}, headers=headers)


def role_by(manager: AccountsAuthManager, given: str) -> str | None:
    return asyncio.run(manager.get_user_from_token(given)).role  # type: ignore[attr-defined]


@pytest.mark.parametrize(("role", "airflows"), [("viewer", "viewer"), ("operator", "user"), ("admin", "admin")])
def test_a_token_makes_its_holder_what_the_account_is(
    client: TestClient, manager: AccountsAuthManager, path: Path, role: str, airflows: str
) -> None:
    answer = token(client, "张三", accounts.add(path, "张三", Role(role)))

    assert answer.status_code == 201
    assert role_by(manager, answer.json()["access_token"]) == airflows


@pytest.mark.parametrize(("name", "password"), [("operator", "wrong"), ("nobody", "right"), ("operator", "x" * 10_000)])
def test_whatever_is_wrong_the_answer_is_the_same(client: TestClient, name: str, password: str) -> None:
    answer = token(client, name, password)

    assert (answer.status_code, answer.json()["detail"][:9]) == (401, "账号名或密码不对。")


def test_after_five_wrong_guesses_the_right_one_must_wait_and_others_need_not(client: TestClient, path: Path) -> None:
    other = accounts.add(path, "lisi", Role.VIEWER)
    assert [token(client, "operator", "wrong").status_code for _ in range(5)] == [401] * 5

    held_up = token(client, "operator", "right")
    assert held_up.status_code == 429
    assert 0 < int(held_up.headers["retry-after"]) <= 60
    assert f"等 {held_up.headers['retry-after']} 秒" in held_up.json()["detail"]
    assert token(client, "lisi", other).status_code == 201


def test_who_signs_in_rightly_may_do_so_any_number_of_times(client: TestClient) -> None:
    assert {token(client, "operator", "right").status_code for _ in range(12)} == {201}


def test_a_token_ends_with_its_account(client: TestClient, manager: AccountsAuthManager, path: Path) -> None:
    given = token(client, "lisi", accounts.add(path, "lisi", Role.VIEWER)).json()["access_token"]
    accounts.remove(path, "lisi")

    with pytest.raises(InvalidTokenError):
        role_by(manager, given)
    accounts.add(path, "lisi", Role.ADMIN)
    with pytest.raises(InvalidTokenError):
        role_by(manager, given)


def test_a_token_ends_with_its_password(client: TestClient, manager: AccountsAuthManager, path: Path) -> None:
    given = token(client, "operator", "right").json()["access_token"]
    assert role_by(manager, given) == "admin"
    accounts.reset(path, "operator")

    with pytest.raises(InvalidTokenError):
        role_by(manager, given)


def test_behind_a_proxy_that_ends_tls_the_cookie_is_sent_by_https_alone(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy asks by http; that people come by https, the UI's own address says."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://baosong.example")
    assert "; Secure" in fill_in(client, "operator", "right").headers["set-cookie"]


def test_the_page_signs_in_and_goes_on_to_what_was_asked_for(client: TestClient, manager: AccountsAuthManager) -> None:
    answer = fill_in(client, " operator ", "right", "?next=/baosong/2023")

    assert (answer.status_code, answer.headers["location"]) == (303, "/baosong/2023")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert role_by(manager, cookie.partition("=")[2].partition(";")[0]) == "admin"


@pytest.mark.parametrize("onward", ["//elsewhere.example/", "https://elsewhere.example", "javascript:alert(1)", ""])
def test_nobody_is_led_elsewhere_by_a_link_to_the_page(client: TestClient, onward: str) -> None:
    answer = fill_in(client, "operator", "right", f"?next={quote(onward)}")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_the_page_says_what_was_wrong_and_keeps_the_name_as_text(client: TestClient) -> None:
    answer = fill_in(client, HOSTILE, "wrong")

    assert answer.status_code == 401
    assert "账号名或密码不对" in answer.text
    assert HOSTILE not in answer.text
    assert "&lt;img" in answer.text
    assert "form-action 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers", [{"origin": "http://elsewhere"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}]
)
def test_another_site_signs_nobody_in(client: TestClient, headers: dict[str, str]) -> None:
    assert fill_in(client, "operator", "right", headers=headers).status_code == 403


@pytest.mark.parametrize("page", ["/docs", "/redoc", "/openapi.json", "/auth/docs", "/execution/openapi.json"])
def test_nobody_is_told_how_to_ask(client: TestClient, page: str) -> None:
    assert client.get(page).status_code == 404
    assert client.get("/auth/login").status_code == 200
