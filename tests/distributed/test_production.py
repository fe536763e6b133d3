"""The production stack proved: docker-compose.yaml's own commands, environment and health checks, and many a fault.

`./baosong test distributed` runs it, as root, since each service gets a root and a network of its own.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import containers
import images
from baosong.store.settings import PROJECT
from campaigners import PATIENCE, Campaigners
from production import Production
from waiting import until

WAIT = 90.0
"""Seconds for which a lost task may hold up others, 60, and as much again as it takes to see it on a busy machine."""

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The whole stack with two workers."""
    if not containers.alone():
        pytest.skip("needs root and networks of its own: ./baosong test distributed")
    if missing := images.missing():
        pytest.skip(f"not installed here: {missing}")
    stack = Production(tmp_path_factory.mktemp("production"))
    try:
        stack.up(workers=2)
        yield stack
    finally:
        stack.down()


def test_every_service_is_healthy_by_its_own_check(production: Production) -> None:
    healthy = {container.service.name for container in production.containers.values() if container.was_healthy}
    assert healthy == set(production.services) - {"airflow-init"}


def test_a_load_balancer_is_told_without_signing_in_that_every_component_lives(production: Production) -> None:
    told = production.without_sign_in("/api/v2/monitor/health")
    assert {name: part["status"] for name, part in told.items()} == dict.fromkeys(
        ("metadatabase", "scheduler", "triggerer", "dag_processor"), "healthy"
    )


def test_the_first_administrator_signs_in_with_the_password_of_the_env_file(production: Production) -> None:
    pools = production.api("GET", "/pools")["pools"]
    assert {pool["name"] for pool in pools} == {"default_pool", "large", "announce"}


@pytest.fixture(scope="module")
def campaigners(production: Production, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaigners]:
    services = production.open_services()
    yield Campaigners(production, tmp_path_factory.mktemp("sent"), services)
    services.ledger.close()


def test_a_quiet_campaign_ends_as_it_must(campaigners: Campaigners) -> None:
    """Without a fault: what the others are held against."""
    campaign = campaigners.open("quiet")
    campaigners.send(campaign, wrong=True)
    campaigners.send_film(campaign)
    campaigners.hold(campaign)


def test_a_task_s_log_names_the_submission_in_each_of_its_lines_from_check_to_receipt(campaigners: Campaigners) -> None:
    task = campaigners.receives("intake")[0]
    run = f"/dags/intake/dagRuns/{quote(task['dag_run_id'])}/taskInstances/receive/logs/{task['try_number']}"
    lines = campaigners.production.api("GET", run, params={"map_index": task["map_index"]})["content"]
    ids: dict[str, set[int]] = {}
    for line in lines:
        ids.setdefault(line.get("logger") or "", set()).add(line.get("submission_id"))
    checked, archived, answered = (ids[f"baosong.pipeline.{stage}"] for stage in ("check", "archive", "reply"))
    assert checked == archived == answered
    assert checked
    assert all(isinstance(number, int) for number in checked)


def test_films_have_workers_of_their_own(campaigners: Campaigners) -> None:
    hosts = {lane: {t["hostname"] for t in campaigners.receives(lane)} for lane in ("intake", "intake_large")}
    assert hosts["intake_large"] == {"airflow-large-files"}
    assert hosts["intake"]
    assert {host.rpartition("-")[0] for host in hosts["intake"]} == {"airflow-worker"}


def test_a_worker_killed_at_work_with_tasks_fetched_and_not_begun_holds_nobody_up(campaigners: Campaigners) -> None:
    """What it was at work at is missed by its heartbeat; what it had only fetched is Redis's to give out again."""
    production = campaigners.production
    campaign = campaigners.open("killed")
    campaigners.send(campaign, which=slice(2))
    worker, _ = campaigners.catch()
    others = [other for other in production.workers() if other is not worker]
    for other in others:
        other.freeze()  # so that it is this one that fetches
    worker.hang()
    campaigners.send(campaign, which=slice(2, None))
    campaigners.wait(campaigners.fetched, "a task fetched and not begun")
    fetched = campaigners.fetched()
    worker.kill()
    for other in others:
        other.thaw()
    production.start(worker.name)  # as `restart: unless-stopped` does
    campaigners.wait(lambda: not fetched & campaigners.ids("queued"), "what it had fetched", WAIT)
    campaigners.hold(campaign)


def test_an_added_worker_takes_what_waits_behind_long_tasks_and_none_is_done_twice(campaigners: Campaigners) -> None:
    """Redis takes their worker for dead and gives them out again, and what only waits for its turn is left alone."""
    production = campaigners.production
    worker, *others = production.workers()
    for other in others:
        other.stop()
    campaign = campaigners.open("added", prefectures=6)
    campaigners.send(campaign)
    slots = int(worker.environment["AIRFLOW__CELERY__WORKER_CONCURRENCY"])
    until(lambda: campaigners.stop_reviews(worker) == slots, PATIENCE, "a long task on each slot", every=0.1)
    campaigners.wait(lambda: campaigners.ids("queued", "default"), "a task without a slot")
    waiting = campaigners.ids("queued", "default")
    campaigners.wait(lambda: len(campaigners.given_out_again()) == slots, "the long tasks in Redis again")
    long = campaigners.given_out_again()
    assert waiting <= campaigners.ids("queued")
    added = production.start("airflow-worker-3")
    campaigners.wait(lambda: waiting & campaigners.begun_by(added), "the added worker at work")
    worker.thaw()
    campaigners.hold(campaign)
    done = campaigners.ids("success") | campaigners.ids("skipped")  # as is an announcement of nothing
    assert waiting | long <= done  # a second try has another id
    assert production.api("GET", "/eventLogs?event=stuck%20in%20queued%20reschedule")["total_entries"] == 0


def test_a_worker_frozen_for_a_minute_neither_loses_nor_doubles_its_work(campaigners: Campaigners) -> None:
    """So long that the scheduler gives its task up and another worker does it anew; then it goes on, late."""
    campaign = campaigners.open("frozen")
    campaigners.send(campaign)
    worker, _ = campaigners.catch()
    thaw = time.monotonic() + 60
    until(lambda: time.monotonic() > thaw, 90)
    worker.thaw()
    campaigners.hold(campaign)


def test_a_worker_cut_off_the_network_neither_loses_nor_doubles_its_work(campaigners: Campaigners) -> None:
    """It goes on at first, and hears nothing; when the line is back, it has to find out that its task is another's."""
    campaign = campaigners.open("cut")
    campaigners.send(campaign)
    worker, task = campaigners.catch()
    campaigners.production.networks.cut(worker.name)
    worker.thaw()
    campaigners.wait(lambda: task["id"] not in campaigners.at_work(), "the scheduler's notice")
    campaigners.production.networks.cut(worker.name, off=False)
    campaigners.hold(campaign)


def test_scheduler_and_api_server_started_anew_at_work_cost_nothing(campaigners: Campaigners) -> None:
    production = campaigners.production
    campaign = campaigners.open("restarted")
    campaigners.send(campaign)
    worker, _ = campaigners.catch()
    worker.thaw()
    for name in ("airflow-scheduler", "airflow-api-server"):
        production.containers[name].stop()
        production.start(name).await_health()
    campaigners.hold(campaign)


def test_what_the_faults_page_restarts_comes_back_and_what_was_in_hand_goes_on(campaigners: Campaigners) -> None:
    """Each `docker compose restart` of docs/faults.md that no other test does."""
    production = campaigners.production
    campaign = campaigners.open("outages")
    campaigners.send(campaign)
    worker, _ = campaigners.catch()
    worker.thaw()
    for name in ("s3", "postgres", "airflow-triggerer", worker.name):
        production.restart(name)
    campaigners.hold(campaign)


def test_a_new_version_is_rolled_out_while_files_are_at_work(
    campaigners: Campaigners, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As `docker compose up -d` does with a new image: init first, then each service ends as it may and starts anew."""
    production, version = campaigners.production, "9.9.9"
    assert version not in production.version()
    campaign = campaigners.open("rolled")
    campaigners.send(campaign)
    worker, _ = campaigners.catch()
    worker.thaw()
    production.roll_to(newer(version, tmp_path_factory.mktemp("newer")))
    assert version in production.version()
    again = campaigners.open("rolled-again")
    campaigners.send(again)
    campaigners.hold(again)


def newer(version: str, folder: Path) -> Path:
    """Copy the tree, as another version of it."""
    tree = folder / "tree"
    left_out = shutil.ignore_patterns(".git", ".venv", ".baosong", "__pycache__")
    shutil.copytree(PROJECT, tree, ignore=left_out)
    project = tree / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(re.sub(r'^version = ".*"', f'version = "{version}"', text, count=1, flags=re.M), "utf-8")
    return tree
