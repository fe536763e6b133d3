"""Judges one harmful sheet in a process of its own and says what that took; imported once, forked for each sheet."""

from __future__ import annotations

import io
import resource
import time
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path

from baosong.rules.findings import Kind
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.sandbox import client
from baosong.validation.statistics import gx, statistics
from sheet_bombs import BOMBS
from sheet_corpus.case import said
from sheet_help import CAMPAIGN, URUMQI

__all__ = ["Taken", "run", "statistics"]  # imported before any fork
gx.great_expectations()
client.start()  # one for all, as the pipeline's workers have it


@dataclass(frozen=True)
class Taken:
    """The answer to a sheet, seconds of a processor and of the clock, and the most memory, of us and of the reader."""

    verdict: str
    found: list[str]
    seconds: float
    child_seconds: float
    clock: float
    memory: int
    child_memory: int


def run(name: str, answers: Queue[Taken]) -> None:
    suffix, _, make = BOMBS[name]
    data = make()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here on
    began, clock = time.process_time(), time.monotonic()
    checked = check(Source(f"统计表.{suffix}", len(data), lambda: io.BytesIO(data)), Kind.STATISTICS, CAMPAIGN, URUMQI)
    child = resource.getrusage(resource.RUSAGE_CHILDREN)
    answers.put(
        Taken(
            checked.verdict.value,
            [said(f).split()[1] for f in checked.findings],
            time.process_time() - began,
            child.ru_utime + child.ru_stime,
            time.monotonic() - clock,
            _peak(),
            child.ru_maxrss << 10,
        )
    )


def _peak() -> int:
    line = next(x for x in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) << 10
