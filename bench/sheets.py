"""The statistics sheet's whole check beside bare Great Expectations, pandera and frictionless, in one run.

Budget: at 10,000 rows at most 1.3 x bare Great Expectations on a ready frame plus reading, and faster than
frictionless. Each contender judges the same good sheet in a fresh process, warmed up with a sheet of 100 rows; the best
of a few runs counts. Memory is the peak of the process and its children together.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from baosong.campaign import Campaign, Campaigns
from baosong.campaign.blank_form.template import first_activity_row
from baosong.store.settings import PROJECT, campaign_dirs, home_of
from baosong.validation.statistics.expectations import DATE, INTEGER, decimal
from baosong_local.samples.sheets import make_sheet

REPEATS = {100: 7, 1_000: 5, 10_000: 7, 100_000: 1}
NAMES = ("baosong", "bare", "pandera", "frictionless")
CAMPAIGN, CODE = "2023", "6501"
BUDGET, BUDGET_ROWS = 1.3, 10_000
CONTENDER = PROJECT / "bench" / "contenders" / "sheet.py"


def run() -> dict[str, Any]:
    """Return seconds, ratio to bare and peak memory of each contender and size, and whether the budget is kept."""
    home = home_of() / "bench"
    campaign = Campaigns(campaign_dirs()).get(CAMPAIGN)
    sheets = {rows: _sheet(home / "sheets", campaign, rows) for rows in REPEATS}
    pythons = {name: _peers(home / "peers") if name in NAMES[2:] else Path(sys.executable) for name in NAMES}
    schema, measured = json.dumps(_schema(campaign)), []
    for rows, path in sheets.items():
        for name in NAMES:
            command = [str(pythons[name]), str(CONTENDER), name, str(path), str(sheets[100]), str(REPEATS[rows])]
            measured.append({"rows": rows, "name": name, **_measured(command, schema)})
    return _figures(measured)


def _figures(measured: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = {(m["rows"], m["name"]): m["seconds"] for m in measured}
    shown = {
        f"{m['rows']:,} rows, {m['name']}": f"{m['seconds']:.3f} s, "
        f"{m['seconds'] / seconds[m['rows'], 'bare']:.2f} x bare, {m['memory']:.0f} MB"
        for m in measured
    }
    ours = seconds[BUDGET_ROWS, "baosong"]
    ratio = ours / seconds[BUDGET_ROWS, "bare"]
    kept = ratio <= BUDGET and ours < seconds[BUDGET_ROWS, "frictionless"]
    return {**shown, "ratio": ratio, "budget": BUDGET, "kept": kept, "measured": measured}


def _measured(command: list[str], schema: str) -> dict[str, Any]:
    """Run one contender; its memory is looked at from outside, where the children count too."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        peaks = [0.0]
        watcher = threading.Thread(target=_watch, args=(process.pid, peaks))
        watcher.start()
        answer, _ = process.communicate(schema.encode())
        watcher.join()
    if process.returncode:
        raise RuntimeError(f"{command[2]} failed on {command[3]}")
    told = json.loads(answer.splitlines()[-1])
    return {**told, "memory": max(told["memory"], *peaks)}


def _watch(pid: int, peaks: list[float]) -> None:
    """Add the memory of a process and its children in MB, some twenty times a second, until it ends.

    Shared pages are shared out: a child just forked would count its parent a second time.
    """
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            family = [process, *process.children(recursive=True)]
            peaks.append(sum(p.memory_full_info().pss for p in family if p.is_running()) / (1 << 20))
            time.sleep(0.05)
    except psutil.Error:
        return


def _sheet(folder: Path, campaign: Campaign, rows: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{rows}.xlsx"
    path.write_bytes(make_sheet(campaign, campaign.prefecture(CODE), seed=1, activities=rows).content)
    return path


def _schema(campaign: Campaign) -> dict[str, Any]:
    """Return the activity list's rules in words that each contender can turn into its own."""
    form = campaign.form.activities
    columns = [
        {
            "label": f"{field.label}*" if field.required else field.label,
            "type": field.type,
            "required": field.required,
            "choices": list(field.choices),
            "longest": field.max_length,
            "pattern": {"date": DATE, "decimal": decimal(field.scale)}.get(field.type, INTEGER),
        }
        for field in form.fields
        if field.name != "number"
    ]
    header = first_activity_row(campaign.form) - 2
    return {"campaign": CAMPAIGN, "prefecture": CODE, "sheet": form.sheet, "header": header, "columns": columns}


def _peers(folder: Path) -> Path:
    """Return the Python of the environment that holds the peers; made where it is missing, apart from our own."""
    python, wanted = folder / "bin" / "python", PROJECT / "requirements-bench.txt"
    stamp = folder / "requirements.txt"
    if stamp.is_file() and stamp.read_bytes() == wanted.read_bytes():
        return python
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(wanted)]
    subprocess.run(install, check=True)
    stamp.write_bytes(wanted.read_bytes())
    return python
