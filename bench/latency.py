"""Drop -> receipt of a small sheet on the warm embedded stack, beside a no-op DAG of the same trigger and shape.

Budget: median <= 2 x floor. The floor is `bench/dags/floor.py`; both are measured in one run on one stack, one DAG
paused while the other is measured, each drop only when Airflow is idle again.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from baosong.ledger.services import Services
from baosong.store.settings import PROJECT, home_of
from baosong_local import stack
from baosong_local.samples.sheets import make_sheet
from baosong_local.stack.campaigns import open_campaign, running_settings, storage_as

DROPS = 20
WARM_UP = 3
CODE = "6501"
WITHIN = 120.0


def run() -> dict[str, Any]:
    """Return the medians in seconds, their ratio and every single time."""
    home = home_of() / "bench"
    os.environ.update({"BAOSONG_HOME": str(home), "BAOSONG_EXTRA_DAGS": str(PROJECT / "bench" / "dags")})
    stack.up(home)
    try:
        services = Services.open(running_settings())
        with _airflow(home) as airflow:
            floor = _measure(airflow, "floor", "intake", _floor_drops(services))
            intake = _measure(airflow, "intake", "floor", _sheet_drops(services))
    finally:
        stack.down(home)
    medians = {"intake": statistics.median(intake), "floor": statistics.median(floor)}
    return {**medians, "ratio": medians["intake"] / medians["floor"], "intake_all": intake, "floor_all": floor}


Drop = tuple[Callable[[], None], Callable[[], bool]]


def _floor_drops(services: Services) -> Iterator[Drop]:
    for number in range(WARM_UP + DROPS):
        key = f"{time.time_ns()}-{number}.xlsx"  # the bench's stack is kept: an old answer must not do for a new drop
        yield (
            lambda key=key: services.storage.put("intake", key, b"x" * 20_000),
            lambda key=key: services.storage.stat("outbox", f"{key}.answer") is not None,
        )


def _sheet_drops(services: Services) -> Iterator[Drop]:
    campaign = services.campaigns.get(_campaign(services.settings.home))
    open_campaign(services, campaign)
    prefecture, store = campaign.prefecture(CODE), storage_as(CODE)
    area = f"{campaign.id}/{prefecture.folder}"
    for number in range(WARM_UP + DROPS):
        sheet = make_sheet(campaign, prefecture, seed=number)
        before = _receipts(services, area)
        yield (
            lambda sheet=sheet: store.put("intake", f"{area}/统计表/{sheet.name}", sheet.content),
            lambda before=before: _receipts(services, area) > before,
        )


def _receipts(services: Services, area: str) -> int:
    return sum(1 for stored in services.storage.list("outbox", f"{area}/回执/") if stored.key.endswith(".html"))


def _campaign(home: Path) -> str:
    today = datetime.now().date()
    campaign_id = f"bench-{datetime.now():%Y%m%d-%H%M%S}"
    (home / "campaigns").mkdir(exist_ok=True)
    lines = [
        'extends: "2023"',
        f"id: {campaign_id}",
        f"window: {{start: {today - timedelta(days=9)}, end: {today}}}",
        f"deadline: {today + timedelta(days=9)} 24:00",
    ]
    (home / "campaigns" / f"{campaign_id}.yaml").write_text("\n".join(lines), encoding="utf-8")
    return campaign_id


@contextmanager
def _airflow(home: Path) -> Iterator[httpx.Client]:
    password = json.loads((home / "airflow" / "passwords.json").read_text(encoding="utf-8"))["operator"]
    facts = json.loads((home / "stack.json").read_text(encoding="utf-8"))
    with httpx.Client(base_url=facts["BAOSONG_UI_URL"], timeout=30, trust_env=False) as client:
        token = client.post("/auth/token", json={"username": "operator", "password": password}).json()
        client.headers["Authorization"] = f"Bearer {token['access_token']}"
        yield client


def _measure(airflow: httpx.Client, dag_id: str, other: str, drops: Iterator[Drop]) -> list[float]:
    """Return the seconds of each drop but the first ones, which warm the workers up.

    Airflow starts the trigger of a DAG just released from its pause when it next reads the file, up to a minute later.
    """
    _wait(lambda: airflow.get(f"/api/v2/dags/{dag_id}").status_code == 200)
    _wait(lambda: _idle(airflow))  # a run of a paused DAG would stay for ever
    airflow.patch(f"/api/v2/dags/{other}", json={"is_paused": True}).raise_for_status()
    airflow.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": False}).raise_for_status()
    seconds = []
    for drop, answered in drops:
        _wait(lambda: _idle(airflow))
        began = time.monotonic()
        drop()
        _wait(answered)
        seconds.append(round(time.monotonic() - began, 3))
    return seconds[WARM_UP:]


def _idle(airflow: httpx.Client) -> bool:
    active = {"state": ["running", "queued"], "limit": 1}
    return airflow.get("/api/v2/dags/~/dagRuns", params=active).json()["total_entries"] == 0


def _wait(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing happened within {WITHIN:.0f} s")
        time.sleep(0.05)
