"""What a file costs in campaigns of 14, 333 and 2,843 units: processor seconds of the whole stack, and memory.

Budget: within 15 % of 14 units, and no process above 1 GB. In each campaign 14 units send a sheet at the same time,
five times over, so that only the size of the campaign differs. BAOSONG_BENCH_UNITS names other sizes.
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.pipeline.open_campaign import open_campaign
from baosong.store.settings import home_of
from baosong_local import stack
from baosong_local.samples.sheets import make_sheet
from baosong_local.stack.running import running_settings
from shared.drops import airflow, idle, wait
from shared.stack_time import peak_memory, processes, processor_seconds

SIZES = tuple(int(n) for n in os.environ.get("BAOSONG_BENCH_UNITS", "14,333,2843").split(","))
WAVES, SENDERS = 5, 14
BUDGET_RATIO, BUDGET_MEMORY = 1.15, 1024


def run() -> dict[str, Any]:
    """Return processor seconds a file and clock seconds a wave of each size, ratios, memory, and the verdict."""
    home = home_of() / "bench"
    os.environ["BAOSONG_HOME"] = str(home)
    names = {units: _written(home, units) for units in SIZES}  # before the start, as where campaigns are deployed
    stack.up(home)
    try:
        services = Services.open(running_settings())
        campaigns = {units: _opened(services, name) for units, name in names.items()}
        with airflow(home) as client:
            measured = _measured(services, client, campaigns, processes(home))
        memory = peak_memory(processes(home).values())
        with services.ledger.engine.connect() as connection:
            size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    finally:
        stack.down(home)
    cost, took = ({u: statistics.median(w[part] for w in waves) for u, waves in measured.items()} for part in (0, 1))
    ratio = round(max(cost.values()) / cost[SIZES[0]], 3)
    shown = {f"{u:,} units": f"{cost[u]:.3f} s of the processor a file, {took[u]:.1f} s a wave" for u in measured}
    largest = max(memory, key=lambda name: memory[name])
    kept = ratio <= BUDGET_RATIO and memory[largest] < BUDGET_MEMORY
    told = {"ratio": ratio, "largest process": f"{memory[largest]} MB: {largest}", "ledger": f"{size / 1e6:.1f} MB"}
    return shown | told | {"budget": BUDGET_RATIO, "kept": kept, "waves": list(measured.items()), "memory": [memory]}


def _written(home: Path, units: int) -> str:
    """Write a campaign of so many units into an installation; return its id."""
    name = f"scale-{units}-{time.time_ns() // 10**9}"
    listed = [f'  - {{code: "{100_000 + n}", name: 第{n}个报送单位}}' for n in range(1, units + 1)]
    today = time.strftime("%Y-%m-%d")
    lines = ['extends: "2023"', f"id: {name}", f"deadline: {today} 24:00", "prefectures:", *listed]
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / "campaigns").mkdir(exist_ok=True)
    (home / "campaigns" / f"{name}.yaml").write_text("\n".join(lines), encoding="utf-8")
    return name


def _opened(services: Services, name: str) -> Campaign:
    """Open a campaign without keys: a thousand of them are another benchmark's matter."""
    campaign = services.campaigns.get(name)
    open_campaign(services, campaign)
    return campaign


def _measured(
    services: Services, client: httpx.Client, campaigns: dict[int, Campaign], roots: dict[str, int]
) -> dict[int, list[tuple[float, float]]]:
    """Return processor seconds a file and seconds of each wave; the sizes take turns, the first wave is for warmth."""
    measured: dict[int, list[tuple[float, float]]] = {units: [] for units in campaigns}
    for number in range(-1, WAVES):
        for units, campaign in campaigns.items():
            wave = _wave(services, client, campaign, number, roots)
            if number >= 0:
                measured[units].append(wave)
    return measured


def _wave(
    services: Services, client: httpx.Client, campaign: Campaign, number: int, roots: dict[str, int]
) -> tuple[float, float]:
    step = max(1, len(campaign.prefectures) // SENDERS)
    senders = campaign.prefectures[::step][:SENDERS]
    sheets = [make_sheet(campaign, prefecture, seed=number * SENDERS + n) for n, prefecture in enumerate(senders)]
    wait(lambda: idle(client))
    spent, began = processor_seconds(roots.values()), time.monotonic()
    waiting = [f"{campaign.id}/{p.folder}/统计表/{s.name}" for p, s in zip(senders, sheets, strict=True)]
    for key, sheet in zip(waiting, sheets, strict=True):
        services.storage.put("intake", key, sheet.content)
    for key in waiting:  # one by one: to list the folders of all units would cost the store more than the sheets do
        wait(lambda key=key: services.storage.stat("intake", key) is None)
    took = round(time.monotonic() - began, 2)
    wait(lambda: idle(client))
    return round((processor_seconds(roots.values()) - spent) / SENDERS, 3), took
