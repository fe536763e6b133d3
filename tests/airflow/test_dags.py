"""The DAGs as Airflow reads them: all of them, without an error, cheap to read, and with a face for operators."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import airflow_home
from baosong_local.stack import airflow

PROJECT = airflow_home.PROJECT
DAG_FILES = sorted((PROJECT / "dags").glob("*.py"))
DAG_IDS = {
    "intake",
    "intake_large",
    "province_report",
    "nightly_consolidation",
    "fixity",
    "release_held",
    "messages",
    "reminders",
    "deadline",
}
HEAVY = (
    "pandas",
    "great_expectations",
    "openpyxl",
    "minio",
    "pymediainfo",
    "docx",
    "pptx",
    "PIL",
    "baosong.pipeline.discover",
)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def bag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(PROJECT / "dags")


@pytest.fixture(params=sorted(DAG_IDS))
def dag(bag: Any, request: pytest.FixtureRequest) -> Any:
    return bag.dags[request.param]


def test_exactly_these_dags_exist_and_none_fails_to_import(bag: Any) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == DAG_IDS


def test_a_dag_speaks_chinese_to_operators(dag: Any) -> None:
    assert CHINESE.search(dag.dag_display_name)
    assert CHINESE.search(dag.description)
    assert all(CHINESE.search(t.task_display_name) for t in dag.tasks)
    groups = [group for name, group in dag.task_group.get_task_group_dict().items() if name]
    assert all(CHINESE.search(group.group_display_name) for group in groups)


def test_a_dag_carries_its_manual(dag: Any) -> None:
    for question in ("**做什么**", "**何时运行**", "**变红怎么办**"):
        assert question in dag.doc_md


def test_a_dag_has_its_house_marks(dag: Any) -> None:
    assert "报送" in dag.tags
    assert dag.catchup is False
    assert dag.max_active_runs == {"intake": 3, "intake_large": 4, "deadline": 3}.get(dag.dag_id, 1)
    assert dag.is_paused_upon_creation is False
    assert {t.owner for t in dag.tasks} == {"科技厅"}


def test_a_task_outlives_a_minute_without_a_store_and_never_hangs_for_ever(dag: Any) -> None:
    for task in dag.tasks:
        waits = [min(task.retry_delay.total_seconds() * 2**n, 60) for n in range(task.retries)]
        assert sum(waits) >= 60, task.task_id
        assert task.max_retry_delay.total_seconds() == 60
        assert task.execution_timeout, task.task_id


def test_nothing_takes_a_workers_slot_while_it_waits(dag: Any) -> None:
    """Deferring in task position loses runs on this Airflow."""
    assert not [t.task_id for t in dag.tasks if getattr(t, "deferrable", False) or t.start_from_trigger]


LANES = pytest.mark.parametrize("lane", ["intake", "intake_large"])


@LANES
def test_a_receipt_is_two_tasks_away_and_nobody_waits_for_the_announcement(bag: Any, lane: str) -> None:
    dag = bag.dags[lane]
    down = {t.task_id: t.downstream_task_ids for t in dag.tasks}

    assert down == {
        "find_new": {"receive"},
        "receive": {"announce", "settled"},
        "announce": {"settled"},
        "settled": set(),
    }


def test_what_is_long_cannot_take_every_worker(bag: Any) -> None:
    """The pool has fewer slots than there are workers; what is quick needs none."""
    pools = {name: bag.dags[name].get_task("receive").pool for name in ("intake", "intake_large")}

    assert pools == {"intake": "default_pool", "intake_large": "large"}
    assert airflow.POOLS["large"][0] < airflow.WORKERS


@LANES
def test_one_run_at_a_time_announces(bag: Any, lane: str) -> None:
    assert bag.dags[lane].get_task("announce").pool == "announce"
    assert airflow.POOLS["announce"][0] == 1


def test_a_held_file_can_be_released_as_any_deliverable(bag: Any) -> None:
    """The form is written without importing the domain, so a sixth would be missing without a word."""
    from baosong.rules.findings import Kind

    offered = bag.dags["release_held"].params.get_param("deliverable").schema["enum"]
    assert offered == [None, *(kind.value for kind in Kind)]


@LANES
def test_any_failure_turns_the_run_red_though_the_others_go_on(bag: Any, lane: str) -> None:
    dag = bag.dags[lane]
    settled = dag.get_task("settled")

    assert [t.task_id for t in dag.leaves] == ["settled"]
    assert settled.trigger_rule == "none_failed"
    lenient = {t.task_id for t in dag.tasks if t.trigger_rule.startswith("all_done")}
    hidden = {u for t in lenient for u in dag.get_task(t).upstream_task_ids}
    assert hidden <= settled.upstream_task_ids


@LANES
def test_a_lane_is_rung_by_the_bucket_and_swept_by_the_clock(bag: Any, lane: str) -> None:
    timetable = bag.dags[lane].timetable
    (watcher,) = timetable.asset_condition.objects[0].watchers

    assert type(watcher.trigger).__name__ == "IntakeTrigger"
    assert watcher.trigger.lane == {"intake": "quick", "intake_large": "large"}[lane]
    assert timetable.timetable.expression == "*/5 * * * *"
    assert str(timetable.timetable.timezone) == "Asia/Shanghai"


def test_the_night_is_night_in_china(bag: Any) -> None:
    timetable = bag.dags["nightly_consolidation"].timetable

    assert (timetable.expression, timetable.timezone) == ("0 2 * * *", "Asia/Shanghai")


def test_custody_is_looked_after_when_the_night_run_is_over(bag: Any) -> None:
    timetable = bag.dags["fixity"].timetable

    assert (timetable.expression, timetable.timezone) == ("30 3 * * *", "Asia/Shanghai")


def test_reminders_are_looked_at_at_each_time_that_a_campaign_may_name(bag: Any) -> None:
    """The campaign file allows full and half hours from 07:00 to 20:30, and nobody is woken."""
    timetable = bag.dags["reminders"].timetable

    assert (timetable.expression, timetable.timezone) == ("0,30 7-20 * * *", "Asia/Shanghai")


def test_a_dag_survives_its_serialization(dag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    again = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))

    assert {t.task_id for t in again.tasks} == {t.task_id for t in dag.tasks}


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda f: f.stem)
def test_a_dag_file_only_wires(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    imported = _imports(file)

    assert len(lines) < 80
    assert imported <= {"__future__", "datetime", "airflow", "baosong_airflow"}


def test_reading_the_dags_costs_little_more_than_airflows_sdk() -> None:
    """In a process of its own, because this one has long imported everything."""
    probe = f"""
import importlib, json, sys, time
from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, RollupMapper, task, task_group
start = time.process_time()
sys.path[:0] = [{str(PROJECT / "dags")!r}]
for name in {[f.stem for f in DAG_FILES]!r}: importlib.import_module(name)
print(json.dumps([time.process_time() - start, [m for m in {HEAVY!r} if m in sys.modules]]))
"""
    env = {**os.environ, **airflow_home.environment(os.environ["AIRFLOW_HOME"])}
    done = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, text=True, check=True)
    seconds, heavy = json.loads(done.stdout.splitlines()[-1])

    assert heavy == []
    assert seconds < 0.3


def test_airflow_sees_one_file_of_the_plugins_and_only_dags_in_dags() -> None:
    """Airflow executes each .py it sees in plugins/ under its bare name, which once broke smtplib with an email.py."""
    from airflow._shared.module_loading import find_path_from_directory

    plugins, dags = PROJECT / "plugins", PROJECT / "dags"
    seen = {Path(f).relative_to(plugins) for f in find_path_from_directory(plugins, ".airflowignore", "glob")}
    assert {f for f in seen if f.suffix == ".py"} == {Path("baosong_plugin.py")}

    shown = {Path(f) for f in find_path_from_directory(dags, ".airflowignore", "glob") if f.endswith(".py")}
    assert {f.stem for f in shown} == DAG_IDS


def test_the_plugin_registers_what_the_scheduler_needs_and_leads_to_the_board() -> None:
    from airflow import plugins_manager

    (plugin,) = (p for p in plugins_manager._get_plugins()[0] if p.name == "baosong")
    (view,) = plugin.external_views

    assert "baosong_airflow.partitions.CampaignOf" in plugins_manager.get_partition_mapper_plugins()
    assert "baosong_airflow.partitions.AllPrefectures" in plugins_manager.get_windows_plugins()
    assert not view["href"].startswith("/")


def _imports(file: Path) -> set[str]:
    """Return the top-level names of all that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found
