"""What the board tells of the system itself: when the intake was looked at, how the archive is, what the disk has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

import airflow_home  # noqa: F401 - before Airflow
from baosong_airflow import board_health
from feed import NOW

if TYPE_CHECKING:
    from baosong.store.settings import Settings

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def metadata() -> Iterator[Any]:
    """A session of an Airflow whose database has the tables that are asked, and those that these refer to."""
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.models.asset import AssetModel
    from airflow.models.asset_state_store import AssetStateStoreModel
    from airflow.models.base import Base
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    import_all_models()
    tables = [model.__table__ for model in (AssetModel, AssetStateStoreModel, DagRun)]
    for table in tables:  # it grows while it is walked
        tables += {key.column.table for key in table.foreign_keys} - set(tables)
    Base.metadata.create_all(settings.engine, tables)
    with create_session() as session:
        yield session
    Base.metadata.drop_all(settings.engine, tables)


def told(settings: Settings, now: datetime = NOW) -> dict[str, tuple[str, str]]:
    return {fact.name: (fact.text, fact.look) for fact in board_health.facts(settings, now, ZONE)}


def noted(session: Any, number: int, name: str, **notes: str) -> None:
    from airflow.models.asset import AssetModel
    from airflow.models.asset_state_store import AssetStateStoreModel

    session.add(AssetModel(id=number, name=name, uri=f"baosong://{name}", group="baosong"))
    for key, value in notes.items():
        session.add(AssetStateStoreModel(asset_id=number, key=key, value=json.dumps(value)))
    session.commit()


def test_the_watcher_that_looked_longest_ago_is_told_and_a_silent_or_failing_one_looks_ill(
    metadata: Any, settings: Settings
) -> None:
    noted(metadata, 1, "intake", last_poll_at=NOW.isoformat(), last_error="")
    assert told(settings)["收件监视"] == ("还没有查看过收件桶", "held")
    noted(metadata, 2, "intake_large", last_poll_at=(NOW - timedelta(seconds=50)).isoformat())
    assert told(settings)["收件监视"] == ("50 秒前查看过收件桶", "done")
    assert told(settings, NOW + timedelta(minutes=5))["收件监视"] == ("5 分钟前查看过收件桶", "failed")
    noted(metadata, 3, "other", last_error="x")
    from airflow.models.asset_state_store import AssetStateStoreModel

    metadata.get(AssetStateStoreModel, (1, "last_error")).value = '"StorageError"'
    metadata.commit()
    assert told(settings)["收件监视"] == ("收件桶列不出来，50 秒前查看过收件桶", "failed")


def test_monitoring_is_told_of_each_watcher_that_ever_looked_and_of_none_without_airflows_database(
    metadata: Any,
) -> None:
    noted(metadata, 1, "intake", last_poll_at=(NOW - timedelta(seconds=50)).isoformat(), last_error="")
    assert board_health.watchers(NOW) == {"intake": (50.0, False)}
    noted(metadata, 2, "intake_large", last_poll_at=NOW.isoformat(), last_error="StorageError")
    assert board_health.watchers(NOW) == {"intake": (50.0, False), "intake_large": (0.0, True)}
    metadata.rollback()
    metadata.connection().exec_driver_sql("DROP TABLE asset_state_store")
    metadata.commit()
    assert board_health.watchers(NOW) == {}


def test_the_last_fixity_run_that_ended_is_told(metadata: Any, settings: Settings) -> None:
    from airflow.models.dagrun import DagRun

    assert told(settings)["保管核对"] == ("还没有运行过", "held")
    for n, state in enumerate(["failed", "success", "running"]):
        ended = None if state == "running" else NOW - timedelta(days=2 - n)
        run = {"dag_id": "fixity", "run_id": str(n), "run_type": "manual", "run_after": NOW, "state": state}
        run |= {"log_template_id": None}
        metadata.execute(insert(DagRun).values(**run, end_date=ended))
        metadata.commit()
        look = ("2023-05-30 16:00 没有通过", "failed") if n == 0 else ("2023-05-31 16:00 完好", "done")
        assert told(settings)["保管核对"] == look
    assert told(settings, NOW + timedelta(days=3))["保管核对"][1] == "held"


def test_the_disk_is_told_of_a_store_on_this_machine_alone(settings: Settings) -> None:
    assert "磁盘" not in told(settings)  # its home is not there yet
    settings.home.mkdir()
    text, look = told(settings)["磁盘"]
    assert text.startswith("还有 ")
    assert look in ("done", "failed")
    elsewhere = replace(settings, s3=replace(settings.s3, endpoint="s3.example.cn:443"))
    assert "磁盘" not in told(elsewhere)


def test_an_airflow_whose_database_does_not_answer_is_left_out(settings: Settings) -> None:
    assert "收件监视" not in told(settings, datetime.now(UTC))
