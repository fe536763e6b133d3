"""Who may sign in to Airflow's pages, and as what: a file of our own, from which Airflow's two are written.

Airflow's simple sign-in reads the passwords at each sign-in, but names and roles when its API server starts, from
`airflow.cfg`: all other settings come from the environment. So a change of names starts that server anew.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from baosong.rules.errors import CallError
from baosong_local.roles import Role
from baosong_local.stack import lifecycle
from baosong_local.stack.layout import Layout
from baosong_local.stack.secrets import OPERATOR, new_password, open_secrets
from baosong_local.stack.state import read_json, write_json

_NAME = re.compile(r"[\w.-]{1,40}")
_RESTART_WITHIN = 120.0
_SERVER = "api-server"


# Airflow's `op` would also read connections and alter pools, which is an administrator's matter.
_AIRFLOW = {Role.VIEWER: "viewer", Role.OPERATOR: "user", Role.ADMIN: "admin"}


def accounts(layout: Layout) -> dict[str, dict[str, str]]:
    """Return `{name: {"role", "password"}}`; at first only the administrator whom the first start makes."""
    layout.make()
    known: dict[str, dict[str, str]] | None = read_json(layout.accounts)
    return known or {OPERATOR: {"role": Role.ADMIN, "password": open_secrets(layout.secrets).password}}


def roles(home: Path) -> dict[str, Role]:
    """Return who may sign in, with each one's role."""
    return {name: Role(account["role"]) for name, account in accounts(Layout(home)).items()}


def add(home: Path, name: str, role: Role) -> str:
    """Make an account and return its password; CallError if the name is taken or cannot be one."""
    layout = Layout(home)
    known = accounts(layout)
    if not _NAME.fullmatch(name):
        raise CallError(f"账号名“{name}”不能用：只用文字、数字、点、下划线和短横线，至多 40 个。")
    if name in known:
        raise CallError(f"已有账号“{name}”。要换密码或角色，请先用 account remove 删除，再增加。")
    password = new_password()
    _change(layout, {**known, name: {"role": role, "password": password}})
    return password


def remove(home: Path, name: str) -> None:
    """Remove an account; CallError if there is none such, or nobody would be left who administers."""
    layout = Layout(home)
    left = accounts(layout)
    if left.pop(name, None) is None:
        raise CallError(f"没有账号“{name}”。现有：{'、'.join(left)}。")
    if Role.ADMIN not in {account["role"] for account in left.values()}:
        raise CallError(f"“{name}”是最后一个管理员，不能删除。请先增加另一个：account add 姓名 --role admin。")
    _change(layout, left)


def publish(layout: Layout) -> None:
    """Write what Airflow reads of the accounts."""
    known = accounts(layout)
    users = ",".join(f"{name}:{_AIRFLOW[Role(account['role'])]}" for name, account in known.items())
    write_json(layout.airflow / "passwords.json", {name: account["password"] for name, account in known.items()})
    config = layout.airflow / "airflow.cfg"
    config.write_text(f"[core]\nsimple_auth_manager_users = {users}\n", encoding="utf-8")
    config.chmod(0o600)


def _change(layout: Layout, known: dict[str, dict[str, str]]) -> None:
    write_json(layout.accounts, known, durable=True)
    publish(layout)
    if lifecycle.is_running(layout.home):
        _restart_server(layout.home)


def _restart_server(home: Path) -> None:
    """End the API server, which the supervisor starts again, and wait until it answers; nothing where it is not up."""
    if (pid := _pid(home)) is None:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not _within(_RESTART_WITHIN, lambda: _pid(home) not in (None, pid)):
        raise CallError("账号已写好，但界面没有在两分钟内重新启动。请看 ./baosong status。")


def _pid(home: Path) -> int | None:
    """Return the process of the API server, if it answers."""
    return next((c.pid for c in lifecycle.status(home) if c.name == _SERVER and c.healthy), None)


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
