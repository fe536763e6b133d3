"""A whole region in one go: 420 files dropped at once, to the last receipt and to the final report.

Budget: the report within 60 s of the last drop, or within a quarter of the time in which `bench/dags/naive.py`, the
DAG that one would write first, only checks the same files. BAOSONG_BENCH_FILES is their number.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.rules.findings import Kind
from baosong.store.settings import PROJECT, home_of
from baosong_local import stack
from baosong_local.demo.plan import Drop
from baosong_local.samples.media import make_photo
from baosong_local.stack.campaigns import open_campaign, storage_as
from baosong_local.stack.running import running_settings
from shared.drops import airflow, idle, make_campaign, switch_on, wait
from shared.region import key_of, make_drops
from shared.stack_time import by_component, processes

FILES = int(os.environ.get("BAOSONG_BENCH_FILES", "420"))
LONG = 1800.0
BUDGET_SECONDS, BUDGET_RATIO = 60, 0.25


def run() -> dict[str, Any]:
    """Return seconds and processor seconds of the intake and of the naive DAG, and whether the budget is kept."""
    home = home_of() / "bench"
    os.environ.update({"BAOSONG_HOME": str(home), "BAOSONG_EXTRA_DAGS": str(PROJECT / "bench" / "dags")})
    stack.up(home)
    try:
        services = Services.open(running_settings())
        with airflow(home) as client:
            _end_runs(client, "naive")
            for ours_again in ("intake", "intake_large"):  # which an earlier benchmark has paused here
                switch_on(client, ours_again, off=())
            _await_watcher(services, client, home)
            ours = measure_intake(services, client, home)
            naive = _measure_naive(services, client, home)
            _end_runs(client, "naive")  # else no benchmark that follows finds Airflow idle
    finally:
        stack.down(home)
    ratio = round(ours["report"] / naive["answered"], 3)
    kept = ours["report"] <= BUDGET_SECONDS or ratio <= BUDGET_RATIO
    shown = {f"{who} {what}": n for who, figures in (("intake", ours), ("naive", naive)) for what, n in figures.items()}
    return {"files": FILES, **shown, "ratio": ratio, "budget": BUDGET_RATIO, "kept": kept}


def _await_watcher(services: Services, client: httpx.Client, home: Path) -> None:
    """Send photos of another campaign until one is found at once: a DAG that was paused is watched within a minute.

    One that the regular sweep finds says nothing.
    """
    campaign = services.campaigns.get(make_campaign(home))
    open_campaign(services, campaign)
    prefecture, began = campaign.prefectures[0], datetime.now(UTC).isoformat()
    asked = {"run_type": "asset_triggered", "start_date_gte": began}
    for number in count(1):
        drop = Drop(prefecture.code, Kind.PHOTO, campaign.deliverable(Kind.PHOTO).folder, Path(f"{number}.jpg"))
        services.storage.put("intake", key_of(campaign, drop), make_photo(number, prefecture.name))
        wait(lambda: not any(services.storage.list("intake", f"{campaign.id}/")), LONG)
        if client.get("/api/v2/dags/intake/dagRuns", params=asked).raise_for_status().json()["total_entries"]:
            return


def _end_runs(client: httpx.Client, dag_id: str) -> None:
    """Pause a DAG and end its runs: one of an earlier benchmark still waits for files, and Airflow is never idle."""
    wait(lambda: client.get(f"/api/v2/dags/{dag_id}").status_code == 200)
    client.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": True}).raise_for_status()
    runs = f"/api/v2/dags/{dag_id}/dagRuns"
    for each in client.get(runs, params={"state": ["running", "queued"]}).json()["dag_runs"]:
        client.patch(f"{runs}/{each['dag_run_id']}", json={"state": "failed"}).raise_for_status()


def measure_intake(services: Services, client: httpx.Client, home: Path) -> dict[str, float]:
    """Drop all files with the prefectures' own keys; return seconds from the last drop, and of the processors."""
    campaign = services.campaigns.get(make_campaign(home))
    open_campaign(services, campaign)

    def send(drops: list[Drop]) -> None:
        for drop in drops:
            storage_as(drop.code).put_file("intake", key_of(campaign, drop), drop.path)

    def is_answered() -> bool:
        return not any(services.storage.list("intake", f"{campaign.id}/"))

    def is_reported() -> bool:
        return services.storage.head("reports", f"{campaign.id}/final/v1/figures.json") is not None

    ends = {"answered": is_answered, "report": is_reported}
    return _measured(home, campaign, send, ends, lambda: idle(client))


def _measure_naive(services: Services, client: httpx.Client, home: Path) -> dict[str, float]:
    switch_on(client, "naive", off=("intake", "intake_large"))
    campaign = services.campaigns.get(make_campaign(home))

    def send(drops: list[Drop]) -> None:
        for drop in drops:
            services.storage.put_file("intake", f"naive/{key_of(campaign, drop)}", drop.path)

    def is_answered() -> bool:
        return not any(services.storage.list("intake", "naive/"))

    return _measured(home, campaign, send, {"answered": is_answered}, lambda: True)


def _measured(
    home: Path,
    campaign: Campaign,
    send: Callable[[list[Drop]], None],
    ends: dict[str, Callable[[], bool]],
    settled: Callable[[], bool],
) -> dict[str, float]:
    folder = home / "tmp" / campaign.id
    drops = make_drops(campaign, folder, FILES)
    wait(settled)
    roots = processes(home)
    spent = by_component(roots)
    send(drops)
    began, seconds = time.monotonic(), {}
    for name, ended in ends.items():
        wait(ended, LONG, every=0.5)  # each look lists all that lies there
        seconds[name] = round(time.monotonic() - began, 1)
    shutil.rmtree(folder)
    wait(settled)
    used = {name: round(now - spent[name], 1) for name, now in by_component(roots).items()}
    return seconds | {"processor": round(sum(used.values()), 1)} | {f"of it {name}": n for name, n in used.items()}
