"""Airflow's auth manager for our accounts: its simple roles, for people who count from one request to the next.

Airflow's own simple manager keeps passwords as they are, reads names and roles only when it starts, lets those who were
removed go on until their token ends, and lets anybody guess without end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

from baosong.store import accounts
from baosong.store.settings import accounts_file
from baosong_airflow.signed_in import SignedIn

if TYPE_CHECKING:
    from fastapi import FastAPI

_DESCRIPTION = re.compile(r"(?:/[^/]+)?/(?:docs|docs/oauth2-redirect|redoc|openapi\.json)")


class AccountsAuthManager(SimpleAuthManager):
    """Airflow's auth manager for the accounts in `accounts_file`."""

    def init(self) -> None:
        """Make no file of passwords, as the simple manager would."""
        BaseAuthManager.init(self)

    def serialize_user(self, user: SignedIn) -> dict[str, Any]:  # type: ignore[override]
        """Return what a token says: whose it is, and under which password it was given."""
        return {"sub": user.username, "account": user.account_id}

    def deserialize_user(self, token: dict[str, Any]) -> SignedIn:
        """Return who a token's holder is now; KeyError or ValueError if the account is gone or its password another."""
        name = token["sub"]
        account = accounts.read(accounts_file())[name]
        if account.id != token["account"]:
            raise ValueError("the account's password was changed")
        return SignedIn(name, account)

    def get_fastapi_app(self) -> FastAPI:
        """Return what Airflow mounts as /auth."""
        from baosong_airflow.sign_in_app import app

        return app

    def get_fastapi_middlewares(self) -> list[tuple[Any, dict[str, Any]]]:
        """Return what stands before all of Airflow's server."""
        return [(_Undescribed, {})]


class _Undescribed:
    """Keeps to itself what Airflow describes of its API to everybody who asks, signed in or not."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from fastapi.responses import Response

        hidden = scope["type"] == "http" and _DESCRIPTION.fullmatch(scope["path"])
        await (Response(None, 404) if hidden else self._app)(scope, receive, send)
