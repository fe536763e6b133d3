"""What Airflow serves as /auth: the sign-in's page, and tokens for programs."""

from __future__ import annotations

import time
from threading import Semaphore
from typing import Annotated
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager, get_cookie_path
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.simple.datamodels.login import LoginBody, LoginResponse
from airflow.api_fastapi.auth.managers.simple.utils import parse_login_body
from airflow.api_fastapi.core_api.security import is_safe_url
from airflow.configuration import conf
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from baosong.receipts.act_page import Values
from baosong.receipts.view import render
from baosong.store.accounts import authenticated
from baosong.store.settings import accounts_file
from baosong_airflow.board_acts import filled_in, from_this_board
from baosong_airflow.board_answers import OF_FORMS
from baosong_airflow.board_forms import text_of
from baosong_airflow.signed_in import SignedIn

GUESSES = parse("5 per minute")  # from one address for one name, right ones not counted
_AT_ONCE = Semaphore(2)  # to check a password takes 19 MB, and whoever likes may ask for it
_PATIENCE = 1.0  # seconds: who waits here holds one of the threads that serve all of Airflow's pages
_LONGEST = 200  # characters
limiter = MovingWindowRateLimiter(MemoryStorage())
app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@app.post("/token", status_code=201)
def give_token(request: Request, body: Annotated[LoginBody, Depends(parse_login_body)]) -> LoginResponse:
    """Sign a program in."""
    return LoginResponse(access_token=_token(request, body.username, body.password))


@app.post("/token/cli", status_code=201)
def give_token_to_cli(request: Request, body: LoginBody) -> LoginResponse:
    """Sign Airflow's command line in."""
    return LoginResponse(access_token=_token(request, body.username, body.password, "jwt_cli_expiration_time"))


@app.get("/login")
def ask() -> Response:
    """Show the form."""
    return _form()


@app.post("/login", dependencies=[Depends(from_this_board)])
def sign_in(request: Request, values: Annotated[Values, Depends(filled_in)], next: str = "") -> Response:
    """Sign a person in and go on to the page that was asked for, or say why not."""
    name = text_of(values, "name").strip()
    try:
        token = _token(request, name, text_of(values, "password"))
    except HTTPException as refused:
        answer: Response = _form(name, str(refused.detail), refused.status_code)
        answer.headers.update(refused.headers or {})
        return answer
    onward = next if next and is_safe_url(next, request) else conf.get("api", "base_url", fallback="/")
    outside = conf.get("api", "base_url", fallback="")  # a proxy in front ends TLS, and comes by http
    secure = "https" in (request.base_url.scheme, urlsplit(outside).scheme)
    secure |= bool(conf.get("api", "ssl_cert", fallback=""))
    answer = RedirectResponse(onward, 303)
    path = get_cookie_path()
    answer.set_cookie(COOKIE_NAME_JWT_TOKEN, token, path=path, secure=secure, httponly=True, samesite="lax")
    return answer


def _form(name: str = "", trouble: str = "", status: int = 200) -> Response:
    return HTMLResponse(render("sign_in.html", name=name, trouble=trouble), status, OF_FORMS)


def _token(request: Request, name: str, password: str, lifetime: str = "jwt_expiration_time") -> str:
    """Return a token for an account; HTTPException in Chinese where there is none for it."""
    who = (request.client.host if request.client else "", name[:_LONGEST])
    if not limiter.hit(GUESSES, *who):  # counted before it is looked at: guesses that come together count all
        seconds = max(1, round(limiter.get_window_stats(GUESSES, *who).reset_time - time.time()))
        again = {"Retry-After": str(seconds)}
        raise HTTPException(429, f"账号名或密码连续写错多次，请等 {seconds} 秒再试。", again)
    if not _AT_ONCE.acquire(timeout=_PATIENCE):
        raise HTTPException(503, "登录的人太多，请稍后再试。", {"Retry-After": "5"})
    try:
        short = max(len(name), len(password)) <= _LONGEST
        account = authenticated(accounts_file(), name, password) if short else None
    finally:
        _AT_ONCE.release()
    if account is None:
        raise HTTPException(401, "账号名或密码不对。忘记密码的，请找系统管理员换一个。")
    limiter.clear(GUESSES, *who)
    user = SignedIn(name, account)
    return str(get_auth_manager().generate_jwt(user, expiration_time_in_seconds=conf.getint("api_auth", lifetime)))
