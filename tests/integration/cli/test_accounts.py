"""Accounts of the embedded stack: each person has one, and somebody always administers."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from baosong.rules.errors import CallError
from baosong_local.roles import Role
from baosong_local.stack import accounts


def test_there_is_an_administrator_before_anybody_was_added(tmp_path: Path) -> None:
    assert accounts.roles(tmp_path / "home") == {"operator": Role.ADMIN}


def test_airflow_reads_who_may_sign_in_and_nobody_else_can(tmp_path: Path) -> None:
    password = accounts.add(tmp_path, "张三", Role.OPERATOR)

    config, passwords = tmp_path / "airflow" / "airflow.cfg", tmp_path / "airflow" / "passwords.json"
    assert "simple_auth_manager_users = operator:admin,张三:user\n" in config.read_text(encoding="utf-8")
    assert json.loads(passwords.read_text(encoding="utf-8"))["张三"] == password
    assert len(password) == 16
    for path in (config, passwords, tmp_path / "accounts.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_who_is_removed_is_in_no_file_any_more(tmp_path: Path) -> None:
    accounts.add(tmp_path, "lisi", Role.VIEWER)
    accounts.remove(tmp_path, "lisi")

    assert accounts.roles(tmp_path) == {"operator": Role.ADMIN}
    told = [p.read_text(encoding="utf-8") for p in (tmp_path / "airflow").iterdir()]
    assert not [text for text in told if "lisi" in text]


def test_the_first_account_can_go_once_another_administers(tmp_path: Path) -> None:
    accounts.add(tmp_path, "wangwu", Role.ADMIN)
    accounts.remove(tmp_path, "operator")

    assert accounts.roles(tmp_path) == {"wangwu": Role.ADMIN}
    accounts.publish(accounts.Layout(tmp_path))
    assert "operator" not in (tmp_path / "airflow" / "airflow.cfg").read_text(encoding="utf-8")


def test_the_last_administrator_stays(tmp_path: Path) -> None:
    accounts.add(tmp_path, "lisi", Role.OPERATOR)
    with pytest.raises(CallError, match="最后一个管理员"):
        accounts.remove(tmp_path, "operator")


@pytest.mark.parametrize("name", ["", "a,b", "a:admin", "a b", "%(x)s", "x" * 41, "a\nb"])
def test_a_name_that_would_mean_something_else_to_airflow_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CallError, match="不能用"):
        accounts.add(tmp_path, name, Role.VIEWER)


def test_a_name_is_given_once_and_only_who_is_there_can_be_removed(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="已有账号"):
        accounts.add(tmp_path, "operator", Role.VIEWER)
    with pytest.raises(CallError, match="没有账号"):
        accounts.remove(tmp_path, "nobody")
