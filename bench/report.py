"""An edition of the region's report for 14, 333 and 2,843 units of 200 activities: seconds and memory.

Budget: memory below 1 GB, and time that grows with the number of activities. PostgreSQL and the object store are real
and the bench's own; each report is written in a fresh process, whose peak memory the kernel tells. Twenty units have
reports and photographs, which is as many as a report quotes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from baosong.campaign import Campaign
from baosong.ledger import Arrival, Filed
from baosong.ledger.services import Services
from baosong.rules.findings import Checked, Kind
from baosong.store.source import Source
from baosong.validation.check import check
from baosong_local.samples.documents import make_report
from baosong_local.samples.media import make_photo
from baosong_local.samples.sheets import make_sheet
from shared.backends import backends

SIZES = (14, 333, 2_843)
ACTIVITIES = 200
QUOTED = 20
BUDGET = 1024  # MB
NOW = datetime(2023, 6, 20, tzinfo=UTC)
WRITE = """
import json, sys, time
from datetime import datetime
from baosong.report.editions import write_report
from baosong.ledger.services import Services
services, began = Services.open(), time.monotonic()
written = write_report(services, sys.argv[1], "interim", datetime.fromisoformat(sys.argv[2]))
print(json.dumps({"seconds": time.monotonic() - began, "prefix": written["prefix"]}))
"""


def run() -> dict[str, Any]:
    """Return seconds (also of the processor) and peak memory of each size, and whether the budget is kept."""
    folder = Path(tempfile.mkdtemp(prefix="baosong-bench-"))
    try:
        with backends(folder) as running:
            os.environ.update(running.environment("bench"))
            services = Services.open()
            services.ledger.migrate()
            services.storage.ensure_buckets()
            measured = [_measure(services, folder, units) for units in SIZES]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    shown = {
        f"{m['units']:,} units": f"{m['seconds']:.1f} s, of the processor {m['processor']:.1f} s "
        f"({m['per_thousand']:.3f} s per 1,000 activities), {m['memory']:.0f} MB, {m['size'] / 1e6:.1f} MB of files"
        for m in measured
    }
    return {**shown, "budget": BUDGET, "kept": all(m["memory"] < BUDGET for m in measured), "measured": measured}


def _measure(services: Services, folder: Path, units: int) -> dict[str, Any]:
    campaign = _campaign(services, folder / "campaigns", units)
    _fill(services, campaign)
    with Popen([sys.executable, "-c", WRITE, campaign.id, NOW.isoformat()], stdout=PIPE) as process:
        answer = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the report of {units} units failed")
    told = json.loads(answer.splitlines()[-1])
    size = sum(s.size for s in services.storage.list("reports", told["prefix"]))
    processor = used.ru_utime + used.ru_stime
    per_thousand = processor / (units * ACTIVITIES / 1000)
    memory = used.ru_maxrss / 1024
    return {
        **told,
        "units": units,
        "processor": processor,
        "memory": memory,
        "size": size,
        "per_thousand": per_thousand,
    }


def _campaign(services: Services, folder: Path, units: int) -> Campaign:
    folder.mkdir(exist_ok=True)
    prefectures = [f'  - {{code: "{100_000 + n}", name: 第{n}个报送单位}}' for n in range(1, units + 1)]
    lines = ['extends: "2023"', f"id: bench-{units}", "prefectures:", *prefectures]
    (folder / f"bench-{units}.yaml").write_text("\n".join(lines), encoding="utf-8")
    return services.campaigns.get(f"bench-{units}")


def _fill(services: Services, campaign: Campaign) -> None:
    """File the same sheet for every unit, and a report and two photographs for the first ones."""
    first = campaign.prefectures[0]
    made = make_sheet(campaign, first, seed=1, activities=ACTIVITIES)
    source = Source(made.name, len(made.content), lambda: io.BytesIO(made.content))
    checked = check(source, Kind.STATISTICS, campaign, first)
    report, photo = make_report(campaign, first, seed=1), make_photo(1, first.name)
    for n, prefecture in enumerate(campaign.prefectures):
        _file(services, campaign, prefecture.code, Kind.STATISTICS, made.name, made.content, checked)
        if n < QUOTED:
            _file(services, campaign, prefecture.code, Kind.REPORT, "总结报告.docx", report, Checked([]))
            for name in ("1.jpg", "2.jpg"):
                _file(services, campaign, prefecture.code, Kind.PHOTO, name, photo + name.encode(), Checked([]))


def _file(
    services: Services, campaign: Campaign, code: str, kind: Kind, name: str, content: bytes, checked: Checked
) -> None:
    sha, folder = hashlib.sha256(content).hexdigest(), campaign.deliverable(kind).folder
    key = f"{campaign.id}/{code}/{folder}/{name}"
    slot = "" if campaign.deliverable(kind).single else name
    arrival = Arrival(
        campaign=campaign.id, prefecture=code, kind=kind.value, slot=slot, key=key, name=name, folder=folder,
        size=len(content), identity=sha, etag=sha, modified_at=NOW, version_id=None, received_at=NOW, late=False,
    )  # fmt: skip
    services.ledger.receive([arrival])
    row = services.ledger.submissions(campaign.id, code)[-1]
    services.ledger.record_check(row.id, checked, campaign.rules_version)
    kept = f"{campaign.id}/{code}/{kind.value}/{sha[:12]}-{name}"
    if kind is not Kind.STATISTICS:
        services.storage.put("archive", kept, content)
    filed = Filed(sha256=sha, bucket="archive", key=kept, at=NOW)
    services.ledger.file(row.id, filed)
