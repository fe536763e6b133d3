"""Drop -> receipt of a small sheet on the warm embedded stack, beside the smallest DAG that could answer.

Budget: median <= 1.5 x floor. The floor is `bench/dags/floor.py`; both are measured in one run on one stack, one DAG
paused while the other is measured, each drop only when Airflow is idle again.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from baosong.ledger.services import Services
from baosong.store.settings import PROJECT, home_of
from baosong_local import stack
from baosong_local.samples.sheets import make_sheet
from baosong_local.stack.campaigns import open_campaign, storage_as
from baosong_local.stack.running import running_settings
from shared.drops import airflow, idle, make_campaign, switch_on, wait

DROPS = 20
WARM_UP = 3
CODE = "6501"
LOOKS_EVERY = 1.0  # seconds, of both watchers


def run() -> dict[str, Any]:
    """Return the medians in seconds, their ratio and every single time."""
    home = home_of() / "bench"
    os.environ.update({"BAOSONG_HOME": str(home), "BAOSONG_EXTRA_DAGS": str(PROJECT / "bench" / "dags")})
    stack.up(home)
    try:
        services = Services.open(running_settings())
        with airflow(home) as client:
            floor = _measure(client, "floor", "intake", _floor_drops(services))
            intake = _measure(client, "intake", "floor", _sheet_drops(services))
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
    campaign = services.campaigns.get(make_campaign(services.settings.home))
    open_campaign(services, campaign)
    prefecture, store = campaign.prefecture(CODE), storage_as(CODE)
    area = f"{campaign.id}/{prefecture.folder}"
    for number in range(WARM_UP + DROPS):
        sheet = make_sheet(campaign, prefecture, seed=number)
        page = f"{area}/回执/回执-{number + 1:03d}号-"  # to list all of them would slow down what is measured
        yield (
            lambda sheet=sheet: store.put("intake", f"{area}/统计表/{sheet.name}", sheet.content),
            lambda page=page: any(s.key.endswith(".html") for s in services.storage.list("outbox", page)),
        )


def _measure(airflow: httpx.Client, dag_id: str, other: str, drops: Iterator[Drop]) -> list[float]:
    """Return the seconds of each drop but the first ones, which warm the workers up.

    The drops are spread evenly over the time between two looks of the watcher: each comes when the answer to the last
    one is done, which a look has started, so that all would come at the same point of it.
    Airflow starts the trigger of a DAG just released from its pause when it next reads the file, up to a minute later.
    """
    switch_on(airflow, dag_id, off=[other])
    seconds = []
    for number, (drop, answered) in enumerate(drops):
        wait(lambda: idle(airflow))
        time.sleep(LOOKS_EVERY * (number % DROPS) / DROPS)
        began = time.monotonic()
        drop()
        wait(answered)
        seconds.append(round(time.monotonic() - began, 3))
    return seconds[WARM_UP:]
