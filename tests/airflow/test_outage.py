"""A task that fails for an outage says in its log, in Chinese, what is ill and that nobody need do anything."""

from __future__ import annotations

import errno
import logging

import psycopg2
import pytest
from sqlalchemy.exc import OperationalError

import airflow_home  # noqa: F401 - Airflow reads its configuration at its first import
from baosong.store.storage import StorageError
from baosong_airflow import outage
from baosong_airflow.tasks import DEFAULT_ARGS

FULL = psycopg2.OperationalError('could not extend file "base/1": No space left on device')


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StorageError("写入 archive/a：对象存储未能完成（InternalError）。"), "写入 archive/a"),
        (OperationalError("SELECT 1", {}, psycopg2.OperationalError("connection refused")), "台账数据库暂时无法访问"),
        (OperationalError("INSERT", {}, FULL), "数据库所在的磁盘已满"),
        (OSError(errno.ENOSPC, "No space left on device"), "本机磁盘已满"),
        (ConnectionResetError(), "本机读写失败"),
    ],
    ids=["store", "database", "database full", "disk full", "network"],
)
def test_an_outage_is_named(error: BaseException, said: str, caplog: pytest.LogCaptureFixture) -> None:
    for callback in ("on_retry_callback", "on_failure_callback"):
        with caplog.at_level(logging.ERROR):
            DEFAULT_ARGS[callback]({"exception": error})
        assert said in caplog.text
        assert "不必清除任务" in caplog.text
        caplog.clear()


def test_a_bug_is_not_called_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    for context in ({"exception": ValueError("bug")}, {"exception": None}, {}):
        outage.log_outage(context)
    assert caplog.text == ""
