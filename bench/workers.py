"""The production form with 1, 2 and 4 workers: what a file costs each service when a region sends its 126 at once.

docker-compose.yaml is run as `./baosong test distributed` runs it, which needs root and the same of Debian's packages.
Budget: with four workers a file costs the whole stack at most 1.3 times what it costs with one, so that adding some
adds pace. It counts processor seconds from the first drop to the last receipt, without the report.
BAOSONG_BENCH_WORKERS names other numbers, none above four.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from baosong.store.settings import PROJECT
from baosong_local.test_command import APART

HELPERS = PROJECT / "tests" / "helpers"
NUMBERS = tuple(int(n) for n in os.environ.get("BAOSONG_BENCH_WORKERS", "1,2,4").split(","))
FILES, WARM_UP = 126, 14
LONG = 1800.0
BUDGET = 1.3


def run() -> dict[str, Any]:
    """Return processor seconds a file of each service and number of workers, seconds by the clock, and the verdict."""
    if os.geteuid():
        return {"not measured": "needs root"}
    subprocess.run([sys.executable, HELPERS / "images.py"], cwd=PROJECT, check=True)
    paths = os.pathsep.join(map(str, (HELPERS, PROJECT / "bench")))
    alone = subprocess.run(
        [*APART, sys.executable, __file__], env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.PIPE, check=True
    )
    measured = {int(number): told for number, told in json.loads(alone.stdout).items()}
    costs = {number: sum(told["services"].values()) for number, told in measured.items()}
    fewest, most = min(costs), max(costs)
    ratio = round(costs[most] / costs[fewest], 2)
    shown = {
        service: ", ".join(f"{told['services'].get(service, 0):.3f}" for told in measured.values())
        for service in measured[most]["services"]
    }
    told = {
        "workers": ", ".join(map(str, measured)),
        "whole stack": ", ".join(f"{cost:.2f}" for cost in costs.values()),
        "seconds by the clock": ", ".join(f"{told['clock']:.0f}" for told in measured.values()),
    }
    return told | shown | {"ratio": ratio, "budget": BUDGET, "kept": ratio <= BUDGET}


def _measured(folder: Path) -> dict[int, dict[str, Any]]:
    """Start the stack with few workers and then more, and let a campaign of each number run."""
    from campaigners import Campaigners
    from production import Production

    production = Production(folder)
    try:
        production.up(NUMBERS[0])
        campaigners = Campaigners(production, folder, production.open_services())
        _campaign(campaigners, "warm", WARM_UP)
        measured = {}
        for number in NUMBERS:
            for name in production.of("airflow-worker", number):
                if name not in production.containers:
                    production.start(name).await_health()
            measured[number] = _campaign(campaigners, f"bench-{number}", FILES)
    finally:
        production.down()
    return measured


def _campaign(campaigners: Any, name: str, files: int) -> dict[str, Any]:
    """Let 14 prefectures send so many files at once; return seconds a file by service and those of the clock."""
    from shared.drops import wait
    from shared.region import key_of, make_drops

    campaign = campaigners.open(name, prefectures=14)
    drops = make_drops(campaign, campaigners.folder / name, files)[:files]
    containers = campaigners.production.containers
    wait(lambda: not campaigners.tasks("running"), LONG)
    spent, began = _spent(containers), time.monotonic()
    for drop in drops:
        campaigners.services.storage.put_file("intake", key_of(campaign, drop), drop.path)
    wait(lambda: not campaigners.waiting(), LONG)
    clock, used = time.monotonic() - began, _spent(containers)
    if files >= FILES:  # then all is complete, and the report must not be counted to the next
        wait(lambda: name in campaigners.rolled_up("success"), LONG)
    return {"clock": clock, "services": {service: (used[service] - spent[service]) / files for service in used}}


def _spent(containers: dict[str, Any]) -> dict[str, float]:
    """Return the processor seconds of each service so far, of all of its containers that run."""
    from shared.stack_time import processor_seconds

    used: dict[str, float] = {}
    for container in containers.values():
        if container.is_running():
            name = container.service.name
            used[name] = used.get(name, 0.0) + processor_seconds([container.process.pid])
    return used


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="baosong-bench-") as made:
        told = _measured(Path(made))
    sys.stdout.write(json.dumps(told))
