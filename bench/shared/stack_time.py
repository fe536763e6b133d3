"""Processor time of the whole embedded stack: of its processes, and of those that they have waited for."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(roots: Collection[int]) -> float:
    """Return the seconds that processes, their descendants and their ended children have used."""
    found: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (stat := _stat(entry)):
            fields = stat.rpartition(")")[2].split()
            found[int(entry.name)] = int(fields[1]), sum(map(int, fields[11:15])) / TICKS
    ours, grown = set(roots), True
    while grown:
        more = {pid for pid, (parent, _) in found.items() if parent in ours} - ours
        ours, grown = ours | more, bool(more)
    return sum(found[pid][1] for pid in ours if pid in found)


def _stat(entry: Path) -> str:
    try:
        return (entry / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended
        return ""
