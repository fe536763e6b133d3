"""What the whole embedded stack uses: processor time of its processes and of those they waited for, and memory."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from baosong_local.stack.layout import Layout
from baosong_local.stack.state import read_state

TICKS = os.sysconf("SC_CLK_TCK")


def processes(home: Path) -> dict[str, int]:
    """Return the processes that the stack in this home has started itself, by the components' names."""
    state = read_state(Layout(home).state)
    return {component.name: component.pid for component in (state.components if state else ()) if component.pid}


def by_component(roots: Mapping[str, int]) -> dict[str, float]:
    """Return the seconds that each component has used; a local executor's tasks are its scheduler's."""
    return {name: processor_seconds([pid]) for name, pid in roots.items()}


def processor_seconds(roots: Collection[int]) -> float:
    """Return the seconds that processes, their descendants and their ended children have used."""
    return sum(sum(map(int, fields[11:15])) for fields in _family(roots).values()) / TICKS


def peak_memory(roots: Collection[int]) -> dict[str, int]:
    """Return the most MB that a process held so far, by the name of the program, of those that still run."""
    most: dict[str, int] = {}
    for pid in _family(roots):
        status = dict(line.split(":", 1) for line in _told(pid, "status").splitlines())
        if "VmHWM" in status:
            name = _told(pid, "cmdline").replace("\0", " ").strip()[:60]
            most[name] = max(most.get(name, 0), int(status["VmHWM"].split()[0]) >> 10)
    return most


def _family(roots: Collection[int]) -> dict[int, list[str]]:
    """Return the fields of /proc/PID/stat behind the program's name, of these processes and all below them."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (stat := _told(int(entry.name), "stat")):
            found[int(entry.name)] = stat.rpartition(")")[2].split()
    ours, grown = set(roots), True
    while grown:
        more = {pid for pid, fields in found.items() if int(fields[1]) in ours} - ours
        ours, grown = ours | more, bool(more)
    return {pid: found[pid] for pid in ours if pid in found}


def _told(pid: int, file: str) -> str:
    try:
        return Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended
        return ""
