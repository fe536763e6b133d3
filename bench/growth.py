"""What 100,000 archived files cost the work of the day: three installations with 0, 1,000 and 100,000, in one run.

Budget: the poll of the intake within 10 % whatever is archived. Every round does the same in each installation, in
turn, so that a busy machine is busy for all; medians are compared. All files are of one campaign and its 14
prefectures, so that the prefecture whose drop is reviewed has 7,143 of the 100,000.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event

from baosong.ledger.services import Services
from baosong.pipeline import archive, check, completeness, discover, intake_limits, reply
from baosong.receipts.board import render_board
from baosong.report.consolidation import region_figures
from baosong.report.material import sources
from baosong.store.settings import Settings
from baosong_local.samples.media import make_photo
from shared.archived import fill
from shared.backends import Backends, backends

SIZES = tuple(int(n) for n in os.environ.get("BAOSONG_BENCH_ARCHIVED", "0,1000,100000").split(","))
ROUNDS, POLLS = 9, 20  # polls in each round
CAMPAIGN, CODE = "2023", "6501"
BUDGET = 1.10
Times = defaultdict[tuple[str, int], list[float]]


def run() -> dict[str, Any]:
    """Return the median seconds of each piece of work by size, what it is beside the smallest, and the verdict."""
    folder = Path(tempfile.mkdtemp(prefix="baosong-bench-"))
    try:
        with backends(folder) as running:
            desks = {size: _installation(running, size) for size in SIZES}
            times: Times = defaultdict(list)
            for number in range(-1, ROUNDS):
                for size, services in desks.items():
                    _round(services, number, times if number >= 0 else defaultdict(list), size)
            whole_reads = _whole_reads(desks[SIZES[-1]])
            for services in desks.values():
                services.ledger.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {**_figures(times), "tables read whole": whole_reads}


def _installation(running: Backends, size: int) -> Services:
    services = Services.open(Settings.load(running.environment(f"with-{size}")))
    services.ledger.migrate()
    services.storage.ensure_buckets()
    fill(services, services.campaigns.get(CAMPAIGN), running.store.data, size)
    return services


def _round(services: Services, number: int, times: Times, size: int) -> None:
    """Do a day's work once. Each round drops one link list and one photo, both new."""
    campaign = services.campaigns.get(CAMPAIGN)
    prefecture = campaign.prefecture(CODE)

    def timed(what: str, work: Callable[[], object]) -> None:
        began = time.perf_counter()
        work()
        times[what, size].append(time.perf_counter() - began)

    for _ in range(POLLS):
        timed("poll", lambda: discover.unknown(intake_limits.areas(services.storage), services.ledger.pending()))
    area = f"{CAMPAIGN}/{prefecture.folder}"
    told = f"科技活动周启动 https://www.xjdaily.com/{number}".encode()
    services.storage.put("intake", f"{area}/媒体报道/链接{number}.txt", told)
    services.storage.put(
        "intake", f"{area}/照片/照片{number}.jpg", make_photo(1000 + number, prefecture.name, (640, 427))
    )
    timed("find new", lambda: discover.find_new(services))
    timed("check", lambda: check.check(services, CAMPAIGN, CODE))
    timed("archive", lambda: archive.archive(services, CAMPAIGN, CODE))
    timed("reply", lambda: reply.reply(services, CAMPAIGN, CODE))
    timed("newly complete", lambda: completeness.newly_complete(services))
    timed("state page", lambda: reply.write_status(services, campaign, prefecture))
    timed("board", lambda: render_board(services.ledger, campaign, datetime.now(UTC), bool))
    timed("night", lambda: sources(region_figures(services.ledger, campaign, datetime.now(UTC))))


def _whole_reads(services: Services) -> str:
    """Return how often the day's work makes PostgreSQL read a table from end to end, by what EXPLAIN says."""
    asked: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if statement.startswith("SELECT") and not many:
            asked[statement] = values

    event.listen(services.ledger.engine, "before_cursor_execute", note)
    _round(services, ROUNDS, defaultdict(list), SIZES[-1])
    event.remove(services.ledger.engine, "before_cursor_execute", note)
    with services.ledger.engine.connect() as connection:
        plans = ["\n".join(connection.exec_driver_sql(f"EXPLAIN {q}", v).scalars()) for q, v in asked.items()]
    found = Counter(table for plan in plans for table in re.findall(r"Seq Scan on (\w+)", plan))
    told = ", ".join(f"{table} {n} x" for table, n in found.items()) or "none"
    return f"{told}, of {len(plans)} questions"


def _figures(times: Times) -> dict[str, Any]:
    medians = {place: statistics.median(seconds) for place, seconds in times.items()}
    works = list(dict.fromkeys(what for what, _ in medians))
    shown = {
        f"{what}, {size:,} archived": f"{1000 * medians[what, size]:.1f} ms, "
        f"{medians[what, size] / medians[what, SIZES[0]]:.2f} x"
        for what in works
        for size in SIZES
    }
    ratio = max(medians["poll", size] / medians["poll", SIZES[0]] for size in SIZES)
    measured = [{"work": what, "archived": size, "seconds": seconds} for (what, size), seconds in medians.items()]
    return {**shown, "poll ratio": ratio, "budget": BUDGET, "kept": ratio <= BUDGET, "measured": measured}
