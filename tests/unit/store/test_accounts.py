"""Accounts: each person has one, somebody always administers, and no file tells a password."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from baosong.rules.errors import CallError
from baosong.store import accounts
from baosong.store.accounts import Role


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "accounts.json"
    accounts.begin(path, "first password")
    return path


def roles(path: Path) -> dict[str, Role]:
    return {name: account.role for name, account in accounts.read(path).items()}


def test_nobody_signs_in_before_there_is_an_account(tmp_path: Path) -> None:
    assert accounts.read(tmp_path / "accounts.json") == {}
    assert not accounts.authenticated(tmp_path / "accounts.json", "operator", "")


def test_the_first_administrator_is_made_once_and_keeps_the_password(path: Path) -> None:
    accounts.begin(path, "another password")

    assert roles(path) == {"operator": Role.ADMIN}
    assert accounts.authenticated(path, "operator", "first password")
    assert not accounts.authenticated(path, "operator", "another password")


def test_there_is_an_administrator_however_accounts_began(tmp_path: Path) -> None:
    accounts.add(tmp_path / "accounts.json", "lisi", Role.OPERATOR)
    accounts.begin(tmp_path / "accounts.json", "first password")

    assert roles(tmp_path / "accounts.json") == {"lisi": Role.OPERATOR, "operator": Role.ADMIN}


def test_a_password_opens_its_own_account_alone(path: Path) -> None:
    password = accounts.add(path, "张三", Role.OPERATOR)

    assert len(password) == 16
    assert accounts.authenticated(path, "张三", password)
    assert not accounts.authenticated(path, "operator", password)
    assert not accounts.authenticated(path, "张三", password[:-1])
    assert not accounts.authenticated(path, "李四", password)


def test_no_file_tells_a_password_and_only_its_owner_reads_it(path: Path) -> None:
    password = accounts.add(path, "张三", Role.OPERATOR)

    files = list(path.parent.iterdir())
    assert not [f for f in files if password in f.read_text(encoding="utf-8")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_password_ends_the_one_before(path: Path) -> None:
    before = accounts.read(path)["operator"].id
    password = accounts.reset(path, "operator")

    assert accounts.authenticated(path, "operator", password)
    assert not accounts.authenticated(path, "operator", "first password")
    assert accounts.read(path)["operator"].id != before


def test_who_is_removed_is_in_no_file_any_more(path: Path) -> None:
    password = accounts.add(path, "lisi", Role.VIEWER)
    accounts.remove(path, "lisi")

    assert roles(path) == {"operator": Role.ADMIN}
    assert "lisi" not in path.read_text(encoding="utf-8")
    assert not accounts.authenticated(path, "lisi", password)


def test_the_first_account_can_go_once_another_administers(path: Path) -> None:
    accounts.add(path, "wangwu", Role.ADMIN)
    accounts.remove(path, "operator")
    accounts.begin(path, "first password")

    assert roles(path) == {"wangwu": Role.ADMIN}


def test_the_last_administrator_stays(path: Path) -> None:
    accounts.add(path, "lisi", Role.OPERATOR)
    with pytest.raises(CallError, match="最后一个管理员"):
        accounts.remove(path, "operator")
    assert roles(path) == {"operator": Role.ADMIN, "lisi": Role.OPERATOR}


@pytest.mark.parametrize("name", ["", "a,b", "a b", "<b>", "x" * 41, "a\nb"])
def test_a_name_that_could_be_misread_is_refused(path: Path, name: str) -> None:
    with pytest.raises(CallError, match="不能用"):
        accounts.add(path, name, Role.VIEWER)


def test_a_name_is_given_once_and_only_who_is_there_can_be_changed(path: Path) -> None:
    with pytest.raises(CallError, match="已有账号"):
        accounts.add(path, "operator", Role.VIEWER)
    for change in (accounts.remove, accounts.reset):
        with pytest.raises(CallError, match="没有账号“nobody”。现有：operator"):
            change(path, "nobody")


def test_accounts_that_are_added_at_once_are_all_there(path: Path) -> None:
    names = [f"u{n}" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: accounts.add(path, name, Role.VIEWER), names))

    assert sorted(json.loads(path.read_text(encoding="utf-8"))) == sorted(["operator", *names])
