"""The secrets of the production stack: made at once, never changed afterwards, and wrong ones told before the start."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from baosong.rules.errors import CallError
from baosong_local import env_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    env_file.complete(path)
    return path


def values(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())


def with_line(path: Path, line: str) -> list[str]:
    """Return what is said once the line stands in place of the one of its name, or at the end."""
    name = line.partition("=")[0]
    others = [old for old in path.read_text(encoding="utf-8").splitlines() if old.partition("=")[0] != name]
    path.write_text("\n".join([*others, line, ""]), encoding="utf-8")
    return list(env_file.problems(path))


def test_a_new_file_holds_all_that_compose_needs_and_nobody_else_can_read_it(path: Path) -> None:
    needed = {name for name, must in env_file.variables().items() if must}

    assert len(needed) >= 10
    assert values(path).keys() == needed
    assert list(env_file.problems(path)) == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(set(values(path).values())) == len(needed)
    Fernet(values(path)["AIRFLOW_FERNET_KEY"])


def test_each_variable_of_the_compose_file_has_its_rule_and_what_compose_takes_by_itself_is_right() -> None:
    text = (env_file.PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"(?<!\$)\$\{(\w+):-([^{}]*)\}", text))

    assert env_file._RULES.keys() == env_file.variables().keys()
    assert [n for n, v in defaults.items() if v and not re.fullmatch(env_file._RULES[n].pattern, v)] == []


def test_what_stands_there_stays_and_only_what_is_missing_is_added(path: Path) -> None:
    before = values(path)
    kept = "# ours\nUI_PORT=8443\n" + "\n".join(f"{n}={v}" for n, v in before.items() if n != "REDIS_PASSWORD")
    path.write_text(kept, encoding="utf-8")

    assert env_file.complete(path) == ["REDIS_PASSWORD"]
    assert path.read_text(encoding="utf-8").startswith(kept + "\nREDIS_PASSWORD=")
    assert env_file.complete(path) == []
    assert list(env_file.problems(path)) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("REDIS_PASSWORD=geheim", "REDIS_PASSWORD 应为至少 16 位十六进制数字（0-9、a-f）。删去这一行再运行 init-env"),
        ("LEDGER_DB_PASSWORD=", "LEDGER_DB_PASSWORD 应为"),
        ("LEDGER_DB_PASSWORD", "LEDGER_DB_PASSWORD 应为"),
        ("AIRFLOW_JWT_SECRET=" + "a" * 63, "至少 64 个字母或数字"),
        ("AIRFLOW_FERNET_KEY=" + "a" * 44, "Fernet"),
        ("OPERATOR_PASSWORD=ab$cdefghijklmn", "的值里有 $，docker compose 会把它当作变量"),
        ("BAOSONG_S3_ENDPOINT=http://s3.example:9000", "主机:端口，前面不写 http://"),
        ("BAOSONG_S3_SECURE=yes", "true 或 false"),
        ("UI_PORT=65536", "端口号，1 至 65535"),
        ("UI_PORTS=8080", "没有用到 UI_PORTS，名称可能写错了"),
        ("PORT 8080 UI", "不是“名称=值”"),
    ],
)
def test_a_wrong_line_is_told_with_its_number_and_what_to_do(path: Path, line: str, said: str) -> None:
    (problem,) = with_line(path, line)

    assert problem.startswith(f".env 第 {len(path.read_text(encoding='utf-8').splitlines())} 行")
    assert said in problem


def test_a_name_that_stands_there_twice_is_told_at_both_places(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8") + "UI_PORT=1\nUI_PORT=2\n", encoding="utf-8")

    assert [re.sub(r"\d+", "n", line) for line in env_file.problems(path)] == [
        ".env 第 n 行：UI_PORT 写了不止一次，请只留一个。"
    ] * 2


def test_a_file_that_others_can_read_is_told(path: Path) -> None:
    path.chmod(0o644)
    assert [line for line in env_file.problems(path) if "chmod 600" in line]


def test_a_file_that_is_no_text_is_left_alone(path: Path) -> None:
    path.write_bytes(b"\xff\xfeU\0")
    with pytest.raises(CallError, match="不是 UTF-8"):
        env_file.complete(path)
    assert path.read_bytes() == b"\xff\xfeU\0"


def test_the_command_makes_the_file_says_what_it_did_and_checks_it(tmp_path: Path) -> None:
    """Elsewhere than in this checkout, whose own file it would otherwise make."""
    code = "import pathlib, sys; from baosong_local import cli; cli.PROJECT = pathlib.Path(sys.argv[1]); "
    code += "sys.argv[1:] = ['init-env']; cli.main()"
    command = [sys.executable, "-c", code, str(tmp_path)]

    first = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    again = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (tmp_path / ".env").write_text("UI_PORT=x\n", encoding="utf-8")
    wrong = subprocess.run(command, capture_output=True, text=True, check=False)

    assert "POSTGRES_PASSWORD、" in first
    assert again == f"{tmp_path / '.env'} 齐全，可以启动：docker compose up -d --build\n"
    assert wrong.returncode == 1
    assert "UI_PORT 应为端口号" in wrong.stdout
