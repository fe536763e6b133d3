"""`./baosong check` of one file, as a person calls it: from the launcher to the last line, a fresh process each time.

Budget: a sheet, a report, a photo and a film at most 2 s each on the clock, the best of a few calls; the first call of
all is left out, as it compiles what was just installed. Beside them stands `--help`, the least that a command costs.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from baosong.campaign import Campaigns
from baosong.store.settings import PROJECT, campaign_dirs, home_of
from baosong_local.samples.documents import make_report
from baosong_local.samples.media import make_clip, make_photo
from baosong_local.samples.sheets import make_sheet

REPEATS = 5
BUDGET = 2.0  # seconds
CAMPAIGN, CODE = "2023", "6501"


def run() -> dict[str, Any]:
    """Return seconds by the clock and of processors of each call, and whether the budget is kept."""
    files = _files(home_of() / "bench" / "check")
    calls = {"help": ["--help"]} | {
        kind: ["check", "--as", kind, "--prefecture", CODE, str(path)] for kind, path in files.items()
    }
    for words in calls.values():
        _call(words)
    measured = {name: [_call(words) for _ in range(REPEATS)] for name, words in calls.items()}
    best = {name: min(clock for clock, _ in times) for name, times in measured.items()}
    shown = {
        name: f"{best[name]:.2f} s best, {statistics.median(clock for clock, _ in times):.2f} s median, "
        f"{min(cpu for _, cpu in times):.2f} s of processors"
        for name, times in measured.items()
    }
    kept = all(seconds <= BUDGET for seconds in best.values())
    return {**shown, "budget": BUDGET, "kept": kept, "measured": measured}


def _files(folder: Path) -> dict[str, Path]:
    """Return a good file of each kind, made anew."""
    folder.mkdir(parents=True, exist_ok=True)
    campaign = Campaigns(campaign_dirs()).get(CAMPAIGN)
    prefecture = campaign.prefecture(CODE)
    contents = {
        "statistics": ("统计表.xlsx", make_sheet(campaign, prefecture, seed=1).content),
        "report": ("总结报告.docx", make_report(campaign, prefecture, seed=1)),
        "photo": ("照片.jpg", make_photo(1, prefecture.name)),
    }
    for name, content in contents.values():
        (folder / name).write_bytes(content)
    return {kind: folder / name for kind, (name, _) in contents.items()} | {
        "video": make_clip(folder / "片.mov", seconds=10)
    }


def _call(words: list[str]) -> tuple[float, float]:
    """Return what a call took by the clock, and of processors with all its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([str(PROJECT / "baosong"), *words], capture_output=True, text=True, check=False)
    clock, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"./baosong {' '.join(words)}: {done.stdout}{done.stderr}")
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
