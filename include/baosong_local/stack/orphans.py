"""Find and end the processes that a stack has left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import psutil


def descendants() -> list[psutil.Process]:
    """Return every process below this one; a subreaper's orphans are among them."""
    return psutil.Process().children(recursive=True)


def of_sessions(sessions: Iterable[int], until: float | None = None) -> Callable[[], list[psutil.Process]]:
    """Return a finder of the processes in these sessions, born before `until` (numbers are used again)."""
    wanted = set(sessions)

    def find() -> list[psutil.Process]:
        return [p for p in psutil.process_iter() if _session_of(p.pid) in wanted and _born_before(p, until)]

    return find


def end(find: Callable[[], list[psutil.Process]], retry_timeout: float = 0.0) -> int:
    """Wait some seconds for what `find` finds to end by itself, then kill until it finds nothing; return how many."""
    deadline = time.monotonic() + retry_timeout
    while (alive := _alive(find())) and time.monotonic() < deadline:
        time.sleep(0.1)
    killed = 0
    while alive:
        for process in alive:
            with suppress(psutil.Error):
                process.kill()
                killed += 1
        psutil.wait_procs(alive, timeout=1)
        alive = _alive(find())
    return killed


def _alive(found: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in found if p.pid != os.getpid() and _is_alive(p)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _born_before(process: psutil.Process, until: float | None) -> bool:
    try:
        return until is None or process.create_time() <= until
    except psutil.Error:
        return False
