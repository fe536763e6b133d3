"""Drop -> receipt of a small sheet alone, and while every prefecture's film is in work.

Budget: the median at most 1.5 times that alone, and none more than 3 times, for a neighbour's sheet and for that of a
prefecture whose own film is in work. The films' bytes are no film: they are read, copied, read back and sent back.
BAOSONG_BENCH_FILMS is their number and their size in MB, by default 14,2048.
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Any

from baosong.campaign import Campaign, Prefecture
from baosong.ledger.services import Services
from baosong.store.settings import home_of
from baosong_local import stack
from baosong_local.samples.sheets import make_sheet
from baosong_local.stack.campaigns import open_campaign, storage_as
from baosong_local.stack.running import running_settings
from shared.drops import airflow, idle, make_campaign, receipts, wait
from shared.stack_time import processes, processor_seconds

FILMS, MEGABYTES = (int(n) for n in os.environ.get("BAOSONG_BENCH_FILMS", "14,2048").split(","))
DROPS, WARM_UP = 20, 3
LONG = 3600.0


def run() -> dict[str, Any]:
    """Return seconds alone and beside films, ratios, how long the films took, and processor seconds a receipt."""
    home = home_of() / "bench"
    os.environ["BAOSONG_HOME"] = str(home)
    stack.up(home)
    try:
        services = Services.open(running_settings())
        campaign = services.campaigns.get(make_campaign(home))
        open_campaign(services, campaign)
        with airflow(home) as client:
            wait(lambda: idle(client))
            return _measured(services, campaign, home)
    finally:
        stack.down(home)


def _measured(services: Services, campaign: Campaign, home: Path) -> dict[str, Any]:
    roots = processes(home)
    alone = [_drop(services, campaign, campaign.prefectures[n % 2], n) for n in range(WARM_UP + DROPS)][WARM_UP:]
    before, began = processor_seconds(roots.values()), time.monotonic()
    _send_films(services, campaign, home)
    beside: dict[str, list[float]] = {"own": [], "neighbour": []}
    n = 1000
    while _films_left(services):
        whose = campaign.prefectures[-1 if n % 2 else 0]  # with fewer films than prefectures the last has none
        beside["neighbour" if n % 2 else "own"].append(_drop(services, campaign, whose, n))
        n += 1
    took = time.monotonic() - began
    median = statistics.median(alone)
    ratios = {f"ratio_{k}": round(statistics.median(v) / median, 2) for k, v in beside.items() if v}
    worst = round(max([*beside["own"], *beside["neighbour"]]) / median, 2)
    spent = processor_seconds(roots.values()) - before
    return {
        "alone": median,
        **ratios,
        "worst": worst,
        "films": round(took, 1),
        "drops": n - 1000,
        "processor": round(spent),
    } | {
        "alone_all": alone,
        **beside,
    }


def _send_films(services: Services, campaign: Campaign, home: Path) -> None:
    """Put the same bytes into each prefecture's area on the disk: to send them would take as long as to review them."""
    film, block = home / "tmp" / "film.bin", os.urandom(1 << 20)
    with film.open("wb") as file:
        for _ in range(MEGABYTES):
            file.write(block)
    data = home / "objectstore" / "data" / "intake"
    for prefecture in campaign.prefectures[:FILMS]:
        folder = data / campaign.id / prefecture.folder / "视频"
        folder.mkdir(parents=True, exist_ok=True)
        os.link(film, folder / f"{time.time_ns()}.mov")
    film.unlink()


def _films_left(services: Services) -> bool:
    return any(stored.size > 1 << 26 for stored in services.storage.list("intake"))


def _drop(services: Services, campaign: Campaign, prefecture: Prefecture, number: int) -> float:
    area = f"{campaign.id}/{prefecture.folder}"
    sheet = make_sheet(campaign, prefecture, seed=number)
    before, began = receipts(services, area), time.monotonic()
    storage_as(prefecture.code).put("intake", f"{area}/统计表/{sheet.name}", sheet.content)
    # A film's receipt may come first; a sheet's leaves nothing of it in the intake.
    key = f"{area}/统计表/{sheet.name}"
    wait(lambda: receipts(services, area) > before and services.storage.stat("intake", key) is None, LONG)
    return round(time.monotonic() - began, 2)
