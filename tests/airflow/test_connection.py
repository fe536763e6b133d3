"""The object store by Airflow's connection `baosong_s3`, by the environment, or by both."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import airflow_home  # noqa: F401  sets Airflow's home before it is imported
from baosong.store.settings import SettingsError
from baosong_airflow.connection import aload_settings, load_settings
from baosong_local.stack.running import running_settings

CONNECTION = {
    "conn_type": "aws",
    "host": "store.example",
    "port": 9000,
    "login": "pipeline",
    "password": "a long secret",
    "extra": {"secure": True, "region": "cn-north-1", "buckets": {"intake": "kjt-intake"}},
}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names the ledger, and a store only if the test says so."""
    monkeypatch.setenv("BAOSONG_HOME", str(tmp_path))
    monkeypatch.setenv("BAOSONG_LEDGER_URL", "postgresql://ledger")
    for name in ("ENDPOINT", "INTERNAL_ENDPOINT", "ACCESS_KEY", "SECRET_KEY", "SECURE", "REGION"):
        monkeypatch.delenv(f"BAOSONG_S3_{name}", raising=False)
    return monkeypatch


def test_neither_is_said_plainly(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="BAOSONG_S3_ENDPOINT"):
        load_settings()


def test_the_environment_alone_is_enough(environment: pytest.MonkeyPatch) -> None:
    for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
        environment.setenv(f"BAOSONG_S3_{name}", name)

    assert load_settings().s3.endpoint == "ENDPOINT"
    assert asyncio.run(aload_settings()) == load_settings()


def test_the_connection_alone_is_enough(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AIRFLOW_CONN_BAOSONG_S3", json.dumps(CONNECTION))

    s3 = load_settings().s3

    assert (s3.endpoint, s3.access_key, s3.secret_key) == ("store.example:9000", "pipeline", "a long secret")
    assert (s3.secure, s3.region) == (True, "cn-north-1")
    assert (s3.buckets["intake"], s3.buckets["outbox"]) == ("kjt-intake", "outbox")
    assert asyncio.run(aload_settings()).s3 == s3


def test_the_connection_wins_and_leaves_the_rest_to_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BAOSONG_S3_ENDPOINT", "elsewhere:1")
    environment.setenv("BAOSONG_S3_ACCESS_KEY", "key of the environment")
    environment.setenv("BAOSONG_S3_SECRET_KEY", "secret of the environment")
    environment.setenv("AIRFLOW_CONN_BAOSONG_S3", json.dumps({"conn_type": "aws", "host": "store.example"}))

    s3 = load_settings().s3

    assert (s3.endpoint, s3.access_key, s3.secure) == ("store.example", "key of the environment", False)


@pytest.mark.parametrize(("named", "second"), [("127.0.0.1:9000", "127.0.0.1:9001"), ("store.example", "")])
def test_the_running_stacks_second_endpoint_is_not_that_of_another_store(
    environment: pytest.MonkeyPatch, tmp_path: Path, named: str, second: str
) -> None:
    facts = {"BAOSONG_S3_ENDPOINT": "127.0.0.1:9000", "BAOSONG_S3_CUSTODY_ENDPOINT": "127.0.0.1:9001"}
    keys = {"BAOSONG_S3_ACCESS_KEY": "key", "BAOSONG_S3_SECRET_KEY": "secret"}
    (tmp_path / "stack.json").write_text(json.dumps({**facts, **keys}))
    assert running_settings().s3.internal_endpoint == "127.0.0.1:9001"
    environment.setenv("BAOSONG_S3_ENDPOINT", named)
    assert running_settings().s3.internal_endpoint == second
    for name, value in {**facts, **keys}.items():
        environment.setenv(name, value)
    environment.setenv("AIRFLOW_CONN_BAOSONG_S3", json.dumps({"conn_type": "aws", "host": named}))
    s3 = load_settings().s3
    assert (s3.endpoint, s3.internal_endpoint) == (named, second)
    assert [s3.endpoint_of(bucket) for bucket in ("intake", "archive")] == [named, second or named]
