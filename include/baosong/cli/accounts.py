"""The commands for the accounts of the sign-in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from baosong.cli.chinese import App
from baosong.rules.errors import CallError
from baosong.store import accounts
from baosong.store.accounts import Role
from baosong.store.settings import accounts_file

app = App(help="登录界面的账号：增加、删除、换密码、列出；都立即生效。")
Name = Annotated[str, typer.Argument(metavar="NAME", help="账号名，例如姓名的拼音；审核、结束收报等都记这个名字")]


@app.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="viewer 只看，operator 触发流程和作出决定，admin 管理")],
) -> None:
    """增加一个账号，显示一次密码。"""
    typer.echo(f"账号 {name}（{role}），密码 {accounts.add(_begun(), name, role)}（只显示这一次）")


@app.command()
def reset(name: Name) -> None:
    """换一个新密码，显示一次：旧密码作废，用它登录着的要重新登录。"""
    typer.echo(f"账号 {name}，新密码 {accounts.reset(_begun(), name)}（只显示这一次）")


@app.command()
def remove(name: Name) -> None:
    """删除一个账号：不能再登录，已经登录的也立即失效。"""
    accounts.remove(_begun(), name)
    typer.echo(f"已删除账号 {name}。")


@app.command("list")
def list_accounts() -> None:
    """列出账号和角色。"""
    known = accounts.read(accounts_file())
    if not known:
        typer.echo(f"还没有账号：第一次启动时建立管理员 {accounts.FIRST}。")
    for name, account in known.items():
        typer.echo(f"{name}　{account.role}")


def _begun() -> Path:
    """Return the accounts' file; CallError where none was begun: nobody could sign in with what it would hold."""
    if not accounts.read(accounts_file()):
        raise CallError(
            f"这里还没有账号：第一个管理员 {accounts.FIRST} 在第一次启动时建立。在本机试用，先运行 ./baosong up；"
            "正式部署的账号在容器里：docker compose exec airflow-api-server python -m baosong account …"
        )
    return accounts_file()
