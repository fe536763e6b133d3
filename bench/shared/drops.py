"""What benchmarks of drops need: a campaign of their own, Airflow's API, and how to wait for a receipt."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from baosong.ledger.services import Services

WITHIN = 120.0


def receipts(services: Services, area: str) -> int:
    """Return how many receipts a prefecture has."""
    return sum(1 for stored in services.storage.list("outbox", f"{area}/回执/") if stored.key.endswith(".html"))


def make_campaign(home: Path) -> str:
    """Write a campaign that is open now into an installation; return its id."""
    today = datetime.now().date()
    campaign_id = f"bench-{datetime.now():%Y%m%d-%H%M%S}"
    (home / "campaigns").mkdir(exist_ok=True)
    lines = [
        'extends: "2023"',
        f"id: {campaign_id}",
        f"title: {today.year}年自治区科技活动周",  # else each sheet would be marked as last year's
        f"window: {{start: {today - timedelta(days=9)}, end: {today}}}",
        f"deadline: {today + timedelta(days=9)} 24:00",
    ]
    (home / "campaigns" / f"{campaign_id}.yaml").write_text("\n".join(lines), encoding="utf-8")
    return campaign_id


@contextmanager
def airflow(home: Path) -> Iterator[httpx.Client]:
    """Give a client of the API, signed in as the operator."""
    password = json.loads((home / "secrets.json").read_text(encoding="utf-8"))["password"]
    facts = json.loads((home / "stack.json").read_text(encoding="utf-8"))
    with httpx.Client(base_url=facts["BAOSONG_UI_URL"], timeout=30, trust_env=False) as client:
        token = client.post("/auth/token", json={"username": "operator", "password": password}).json()
        client.headers["Authorization"] = f"Bearer {token['access_token']}"
        yield client


def switch_on(airflow: httpx.Client, dag_id: str, off: Iterable[str]) -> None:
    """Release a DAG from its pause, and pause others when they are idle: a run of a paused DAG would stay for ever."""
    wait(lambda: airflow.get(f"/api/v2/dags/{dag_id}").status_code == 200)
    wait(lambda: idle(airflow))
    for other, paused in (*((each, True) for each in off), (dag_id, False)):
        airflow.patch(f"/api/v2/dags/{other}", json={"is_paused": paused}).raise_for_status()


def idle(airflow: httpx.Client) -> bool:
    """Return whether no DAG is running."""
    active = {"state": ["running", "queued"], "limit": 1}
    return airflow.get("/api/v2/dags/~/dagRuns", params=active).json()["total_entries"] == 0


def wait(true: Callable[[], bool], within: float = WITHIN, every: float = 0.05) -> None:
    """Wait until something is true, and look every so many seconds; TimeoutError after `within` seconds."""
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing happened within {within:.0f} s")
        time.sleep(every)
