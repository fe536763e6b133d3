"""The secrets of the production stack: made at once, never changed afterwards, and wrong ones told before the start."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from baosong.rules.errors import CallError
from baosong.store.settings import BUCKETS
from baosong_local import env_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    env_file.complete(path)
    return path


def values(path: Path, skip: int = 0) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines()[skip:])


def secret_values(path: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in path.with_name("secrets").iterdir()}


def with_line(path: Path, line: str) -> list[str]:
    """Return what is said once the line stands in place of the one of its name, or at the end."""
    name = line.partition("=")[0]
    others = [old for old in path.read_text(encoding="utf-8").splitlines() if old.partition("=")[0] != name]
    path.write_text("\n".join([*others, line, ""]), encoding="utf-8")
    return list(env_file.problems(path))


def test_a_new_file_holds_all_that_compose_needs_and_nobody_else_can_read_it(path: Path) -> None:
    needed = {name for name, must in env_file.variables().items() if must}

    assert values(path).keys() == needed == {"BAOSONG_S3_ACCESS_KEY"}
    assert list(env_file.problems(path)) == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_secrets_are_files_that_the_services_can_read_in_a_folder_that_nobody_else_enters(path: Path) -> None:
    """A container's user is another than the folder's owner, and compose mounts the file alone, with its mode."""
    made = secret_values(path)

    assert sorted(made) == sorted(env_file.secret_files())
    assert len(set(made.values())) == len(made) == 13
    assert stat.S_IMODE(path.with_name("secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.with_name("secrets").iterdir()} == {0o444}
    Fernet(made["airflow_fernet_key"])


def test_what_an_earlier_version_kept_in_the_file_moves_to_the_secrets(tmp_path: Path) -> None:
    old = {name: rule.make() for name, rule in env_file._SECRETS.items() if rule.make}
    lines = [f"{name}={value}" for name, value in {**old, "BAOSONG_S3_ACCESS_KEY": "pipeline"}.items()]
    path = tmp_path / ".env"
    path.write_text("\n".join(["# ours", *lines, "UI_PORT=8443"]), encoding="utf-8")

    assert env_file.complete(path) == []
    assert path.read_text(encoding="utf-8") == "# ours\nBAOSONG_S3_ACCESS_KEY=pipeline\nUI_PORT=8443\n"
    assert {name: secret_values(path)[name.lower()] for name in old} == old
    assert list(env_file.problems(path)) == []


def test_a_secret_that_stands_in_both_places_and_differs_is_told_and_touched_in_neither(path: Path) -> None:
    (problem,) = with_line(path, "REDIS_PASSWORD=" + "a" * 20)
    before = secret_values(path)

    assert "REDIS_PASSWORD 与 secrets/redis_password 里的不同，用的是后者" in problem
    assert env_file.complete(path) == []
    assert secret_values(path) == before
    assert "REDIS_PASSWORD=aaaa" in path.read_text(encoding="utf-8")


def test_the_stores_identity_follows_the_pipelines_key(path: Path) -> None:
    secret = path.with_name("secrets") / "baosong_s3_secret_key"
    secret.unlink()
    secret.write_text("s" * 40, encoding="utf-8")
    secret.chmod(0o444)
    env_file.complete(path)

    (identity,) = json.loads(secret_values(path)["s3_identities"])["identities"]
    assert identity["credentials"] == [{"accessKey": values(path)["BAOSONG_S3_ACCESS_KEY"], "secretKey": "s" * 40}]
    assert sorted(identity["actions"]) == sorted(f"Admin:{bucket}" for bucket in BUCKETS)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("redis_password", "geheim", "至少 16 位十六进制数字（0-9、a-f），末尾没有换行。删去它再运行 init-env"),
        ("ledger_db_password", "a" * 20 + "\n", "末尾没有换行"),
        ("airflow_db_password", "", "至少 16 位十六进制"),
        ("airflow_jwt_secret", "a" * 63, "至少 64 个字母或数字"),
        ("airflow_fernet_key", "a" * 44, "Fernet"),
    ],
)
def test_a_wrong_secret_is_told_by_its_file(path: Path, name: str, text: str, said: str) -> None:
    file = path.with_name("secrets") / name
    file.unlink()
    file.write_text(text, encoding="utf-8")
    file.chmod(0o444)

    (problem,) = env_file.problems(path)
    assert problem.startswith(f"secrets/{name} 应为")
    assert said in problem


def test_secrets_that_others_can_reach_or_that_no_service_can_read_are_told(path: Path) -> None:
    folder = path.with_name("secrets")
    folder.chmod(0o755)
    (folder / "redis_password").chmod(0o400)
    assert [line.partition("：")[0] for line in env_file.problems(path)] == [
        "secrets 别人也能进",
        "secrets/redis_password 服务读不到",
    ]


def test_each_variable_of_the_compose_file_has_its_rule_and_what_compose_takes_by_itself_is_right() -> None:
    text = (env_file.PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"(?<!\$)\$\{(\w+):-([^{}]*)\}", text))

    assert env_file._RULES.keys() == env_file.variables().keys()
    assert {*(name.lower() for name in env_file._SECRETS), env_file.IDENTITIES} == set(env_file.secret_files())
    assert [n for n, v in defaults.items() if v and not re.fullmatch(env_file._RULES[n].pattern, v)] == []


def test_what_stands_there_stays_and_only_what_is_missing_is_added(path: Path) -> None:
    before = values(path)
    others = secret_values(path)
    (path.with_name("secrets") / "redis_password").unlink()
    kept = "# ours\nUI_PORT=8443"
    path.write_text(kept, encoding="utf-8")

    assert env_file.complete(path) == ["REDIS_PASSWORD", "BAOSONG_S3_ACCESS_KEY"]
    assert path.read_text(encoding="utf-8").startswith(kept + "\nBAOSONG_S3_ACCESS_KEY=")
    assert values(path, skip=2).keys() == before.keys()
    changed = {name for name, value in secret_values(path).items() if value != others[name]}
    assert changed == {"redis_password", "s3_identities"}
    assert env_file.complete(path) == []
    assert list(env_file.problems(path)) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("BAOSONG_S3_ACCESS_KEY=", "BAOSONG_S3_ACCESS_KEY 应为至少 8 个字母或数字。删去这一行再运行 init-env"),
        ("BAOSONG_S3_ACCESS_KEY", "BAOSONG_S3_ACCESS_KEY 应为"),
        ("AIRFLOW_BASE_URL=https://ab$cd", "的值里有 $，docker compose 会把它当作变量"),
        ("BAOSONG_S3_ENDPOINT=http://s3.example:9000", "主机:端口，前面不写 http://"),
        ("BAOSONG_S3_SECURE=yes", "true 或 false"),
        ("UI_PORT=65536", "端口号，1 至 65535"),
        ("PUBLISH_ADDRESS=localhost", "本机的一个 IP 地址"),
        ("UI_PORTS=8080", "没有用到 UI_PORTS，名称可能写错了"),
        ("PORT 8080 UI", "不是“名称=值”"),
    ],
)
def test_a_wrong_line_is_told_with_its_number_and_what_to_do(path: Path, line: str, said: str) -> None:
    (problem,) = with_line(path, line)

    assert problem.startswith(f".env 第 {len(path.read_text(encoding='utf-8').splitlines())} 行")
    assert said in problem


@pytest.mark.parametrize(("line", "port"), [("UI_PORT=9000", "9000"), ("S3_PORT=08080", "8080")])
def test_two_services_on_one_port_are_told_before_docker_refuses_them(path: Path, line: str, port: str) -> None:
    (told,) = with_line(path, line)
    assert told.startswith(f".env：UI_PORT 和 S3_PORT 都是 {port}，")


def test_the_secret_of_a_store_of_ones_own_may_hold_what_others_make(path: Path) -> None:
    """A store that makes secrets of 40 characters with slashes and pluses was told to have a new one made."""
    secret = path.with_name("secrets") / "baosong_s3_secret_key"
    secret.unlink()
    secret.write_text("wJalrXUt/K7MDENG+bPxRfiCYEXAMPLEKEY", encoding="utf-8")
    secret.chmod(0o444)
    assert list(env_file.problems(path)) == []


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
    assert again == f"{tmp_path / '.env'} 和 secrets/ 齐全，可以启动：docker compose up -d --build\n"
    assert wrong.returncode == 1
    assert "UI_PORT 应为端口号" in wrong.stdout
