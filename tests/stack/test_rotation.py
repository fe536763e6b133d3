"""Each secret of production can be changed: afterwards the new one opens, and the old one does not.

Those of the databases are in test_database_roles.py; a person's password is in tests/unit/store/test_accounts.py.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from jwt import InvalidSignatureError

import airflow_home
import weed
from baosong.rules.errors import CallError
from baosong.store.storage import Storage, StorageError
from baosong_local import env_file
from waiting import free_port, until

COMPOSE: dict[str, Any] = yaml.safe_load((airflow_home.PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))
CHANGEABLE = sorted(set(env_file.secret_files()) - {"operator_password", env_file.IDENTITIES})


@pytest.fixture
def env(tmp_path: Path) -> Path:
    env_file.complete(tmp_path / ".env")
    return tmp_path / ".env"


def value(env: Path, secret: str) -> str:
    return (env.with_name(env_file.SECRETS) / secret).read_text(encoding="utf-8")


def holders(secret: str) -> set[str]:
    return {name for name, service in COMPOSE["services"].items() if secret in service["secrets"]}


@pytest.mark.parametrize("secret", CHANGEABLE)
def test_a_changed_secret_is_another_that_is_right_and_each_service_that_holds_it_is_renewed(
    env: Path, secret: str
) -> None:
    before = {name: value(env, name) for name in env_file.secret_files()}

    steps = env_file.rotate(env, secret)

    changed = {name for name in before if value(env, name) != before[name]}
    assert changed == {secret} | ({env_file.IDENTITIES} if secret == "baosong_s3_secret_key" else set())
    assert list(env_file.problems(env)) == []
    renewed = {name for step in steps if " up " in step for name in step.split() if name in COMPOSE["services"]}
    assert renewed == set().union(*(holders(name) for name in changed))


def test_the_stores_identity_changes_with_the_pipelines_key(env: Path) -> None:
    env_file.rotate(env, "baosong_s3_secret_key")
    (identity,) = json.loads(value(env, env_file.IDENTITIES))["identities"]
    assert identity["credentials"][0]["secretKey"] == value(env, "baosong_s3_secret_key")


@pytest.mark.parametrize(("secret", "said"), [("operator_password", "account reset operator"), ("../.env", "没有名为")])
def test_what_is_not_changed_so_is_told_with_the_way(env: Path, secret: str, said: str) -> None:
    with pytest.raises(CallError, match=said):
        env_file.rotate(env, secret)


@contextmanager
def redis(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[str], str]]]:
    """Redis as the file starts it, in a folder of its own; it answers to a password."""
    port = free_port()
    told = {"/run/secrets": str(folder), "dir /data": f"dir {folder}\nport {port}\nbind 127.0.0.1", "$$": "$"}
    command = json.loads(json.dumps(COMPOSE["services"]["redis"]["command"]))
    for old, new in told.items():
        command = [part.replace(old, new) for part in command]

    def ping(password: str) -> str:
        ask = ["redis-cli", "-p", str(port), *(["--no-auth-warning", "-a", password] if password else []), "ping"]
        done = subprocess.run(ask, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            until(lambda: "NOAUTH" in ping(""), what="redis")
            yield server, ping
        finally:
            server.terminate()


@pytest.mark.debian("redis-server", "redis-server")
def test_redis_knows_its_newest_password_alone_which_no_list_of_processes_shows(env: Path) -> None:
    folder, before = env.with_name(env_file.SECRETS), value(env, "redis_password")
    with redis(folder) as (server, ping):
        assert ping(before) == "PONG\n"
        assert before not in Path(f"/proc/{server.pid}/cmdline").read_text(encoding="utf-8")

    env_file.rotate(env, "redis_password")

    with redis(folder) as (_, ping):
        assert ping(value(env, "redis_password")) == "PONG\n"
        assert "WRONGPASS" in ping(before)


def test_the_store_knows_the_pipelines_newest_key_alone_and_has_kept_what_it_holds(tmp_path: Path) -> None:
    with weed.serving(tmp_path) as first:
        storage = Storage(first.s3)
        storage.ensure_buckets()
        storage.put("archive", "a", b"kept")
    with weed.serving(tmp_path) as second:
        assert second.s3.secret_key != first.s3.secret_key
        assert Storage(second.s3).read("archive", "a") == b"kept"
        old = Storage(second.s3.as_prefecture(first.s3.access_key, first.s3.secret_key), retry_timeout=1)
        with pytest.raises(StorageError, match="SignatureDoesNotMatch"):
            old.read("archive", "a")


@pytest.fixture
def encrypted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An Airflow whose database has the tables of what it encrypts, and how to give it a key."""
    from airflow import settings
    from airflow.models import crypto, import_all_models
    from airflow.models.base import Base

    import_all_models()
    names = (
        "connection",
        "trigger",
        "variable",
        "connection_test_request",
        "task_instance",
        "asset_watcher",
        "callback",
    )
    tables = [Base.metadata.tables[name] for name in names]
    for table in tables:  # it grows while it is walked
        tables += {key.column.table for key in table.foreign_keys} - set(tables)
    Base.metadata.create_all(settings.engine, tables)

    def given(key: str) -> None:
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", key)
        crypto.get_fernet.cache_clear()

    yield given
    Base.metadata.drop_all(settings.engine, tables)
    crypto.get_fernet.cache_clear()


def test_what_airflow_has_encrypted_is_read_by_the_newest_key_alone_after_both_steps(env: Path, encrypted: Any) -> None:
    from airflow.cli.commands import rotate_fernet_key_command
    from airflow.models.connection import Connection
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session
    from cryptography.fernet import InvalidToken

    def password() -> str | None:
        with create_session() as session:
            kept = session.query(Connection).one()
            (trigger,) = session.query(Trigger)
            return kept.password if trigger.kwargs == {"a": "b"} else None

    before = value(env, "airflow_fernet_key")
    encrypted(before)
    with create_session() as session:
        session.add(Connection(conn_id="baosong_smtp", conn_type="smtp", password="sesame"))
        session.add(Trigger(classpath="x", kwargs={"a": "b"}))

    first = env_file.rotate(env, "airflow_fernet_key")
    assert [step.rpartition(" ")[2] for step in first[1:]] == ["rotate-fernet-key", "airflow_fernet_key"]
    encrypted(value(env, "airflow_fernet_key"))
    assert password() == "sesame"
    rotate_fernet_key_command.rotate_fernet_key.__wrapped__(None)  # without a look at tables that are not here
    assert list(env_file.problems(env)) == []

    second = env_file.rotate(env, "airflow_fernet_key")
    assert len(second) == 1
    encrypted(value(env, "airflow_fernet_key"))
    assert password() == "sesame"
    encrypted(before)
    with pytest.raises(InvalidToken):
        password()


def test_a_token_that_the_old_secret_signed_is_one_no_more(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of people and of tasks: both are signed by `jwt_secret`."""
    from airflow.api_fastapi.auth import tokens

    def sign() -> str:
        return tokens.JWTGenerator(**tokens.get_signing_args(), audience="apis", valid_for=60).generate({"sub": "1"})

    def opened(token: str) -> dict[str, Any]:
        told = tokens.get_sig_validation_args()
        return asyncio.run(tokens.JWTValidator(**told, audience="apis").avalidated_claims(token))

    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", value(env, "airflow_jwt_secret"))
    before = sign()
    assert opened(before)["sub"] == "1"
    env_file.rotate(env, "airflow_jwt_secret")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", value(env, "airflow_jwt_secret"))

    assert opened(sign())["sub"] == "1"
    with pytest.raises(InvalidSignatureError):
        opened(before)


def test_what_the_old_key_of_the_api_signed_is_refused(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.api_fastapi.core_api.datamodels.dags import _get_file_token_serializer
    from itsdangerous import BadSignature

    def serializer() -> Any:
        monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", value(env, "airflow_api_secret_key"))
        _get_file_token_serializer.cache_clear()
        return _get_file_token_serializer()

    before = serializer().dumps("a")
    env_file.rotate(env, "airflow_api_secret_key")

    assert serializer().loads(serializer().dumps("b")) == "b"
    with pytest.raises(BadSignature):
        serializer().loads(before)
    _get_file_token_serializer.cache_clear()


def test_monitoring_is_told_the_metrics_for_the_newest_token_alone(
    env: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from baosong_airflow import metrics_app

    name = "baosong_metrics_token"
    monkeypatch.setenv("BAOSONG_METRICS_TOKEN_FILE", str(env.with_name(env_file.SECRETS) / name))
    asked = TestClient(metrics_app.app)
    before = value(env, name)
    env_file.rotate(env, name)

    answers = [asked.get("/", headers={"Authorization": f"Bearer {token}"}) for token in (value(env, name), before)]
    assert [answer.status_code for answer in answers] == [200, 401]


def test_the_operators_guide_names_every_secret_and_how_it_is_changed() -> None:
    guide = (airflow_home.PROJECT / "docs" / "operators.md").read_text(encoding="utf-8")
    table = guide.partition("### 换发密码")[2].partition("\n### ")[0]
    named = set(
        re.findall(r"`(\w+)`", " ".join(row.split("|")[1] for row in table.splitlines() if row.startswith("|")))
    )
    assert named == set(env_file.secret_files()) - {env_file.IDENTITIES}
