"""Start, stop and query the embedded stack from outside."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from baosong.store.accounts import FIRST
from baosong_local.stack import orphans, process
from baosong_local.stack.layout import ALREADY_RUNS, COMPONENTS, Layout
from baosong_local.stack.process import Program
from baosong_local.stack.secrets import show_password_once
from baosong_local.stack.state import ComponentState, StackError, read_json, read_state

_UP_WITHIN = 300.0
_DOWN_WITHIN = 90.0
_LOG_LIMIT = 20 * 1024 * 1024
# A supervisor writes its state more often than this as long as it lives.
_STALE = 15.0
_SCARCE = 0.02  # share of a file system that is left when its line appears in the status
# The reapers that this process has started, to be waited for when they end.
_CHILDREN: dict[Path, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class StackInfo:
    """Where the running stack is. `password` is the operator's, given once and None ever after."""

    ui_url: str
    s3_endpoint: str
    user: str
    password: str | None


def up(
    home: Path,
    *,
    foreground: bool = False,
    airflow: bool = True,
    progress: Callable[[str], object] = lambda text: None,
) -> StackInfo:
    """Start the stack unless it runs, and wait until every component is healthy.

    `foreground` ties it to the life of this process: follow with `stay`. `airflow=False` starts the database and the
    store alone. `progress` receives in Chinese what is being waited for. StackError says what prevents the start; an
    interrupt stops what was started.
    """
    if foreground:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    layout = Layout(home)
    layout.make()
    state = read_state(layout.state)
    if state is not None and state.phase == "stopping":
        _wait_for(lambda: not is_running(home), _DOWN_WITHIN)
    child = None if is_running(home) else _launch(layout, foreground, airflow)
    try:
        _wait_until_up(layout, child, progress)
    except KeyboardInterrupt:
        down(home)
        raise
    facts = read_json(layout.settings) or {}
    password = show_password_once(layout.secrets) if airflow else None
    return StackInfo(facts.get("BAOSONG_UI_URL", ""), facts.get("BAOSONG_S3_ENDPOINT", ""), FIRST, password)


def stay(home: Path) -> None:
    """Block until the stack ends, after `up` in the foreground; stop it on Ctrl-C or SIGTERM."""
    try:
        while is_running(home):
            time.sleep(0.5)
    except KeyboardInterrupt:
        down(home)


def down(home: Path) -> bool:
    """Stop the stack and everything it started; return whether it ran."""
    layout = Layout(home)
    ran = is_running(home)
    reaper = _reaper(layout)
    if ran and reaper:
        with suppress(ProcessLookupError):
            os.kill(reaper, signal.SIGTERM)
        if not _wait_for(lambda: not is_running(home), _DOWN_WITHIN):
            with suppress(ProcessLookupError):
                os.kill(reaper, signal.SIGKILL)
            _wait_for(lambda: not is_running(home), 30.0)
    _wait_for_child(home)
    _end_orphans(layout)
    layout.settings.unlink(missing_ok=True)
    return ran


def status(home: Path) -> list[ComponentState]:
    """Return the state of each component, all stopped where nothing runs, and a line more for a disk that is full."""
    state = read_state(Layout(home).state)
    if state is None or not is_running(home):
        return [ComponentState(name, "stopped", False, None, 0, "未启动") for name in COMPONENTS]
    states = list(state.components)
    if time.time() - state.written > _STALE:
        states = [replace(c, healthy=False, detail="监督进程没有响应") for c in states]
    return [*states, *_full_disks(Layout(home))]


def _full_disks(layout: Layout) -> list[ComponentState]:
    """Return a line per file system of the home that is almost full: then no file can be received or answered."""
    lines: dict[int, ComponentState] = {}
    for folder in (layout.home, layout.objectstore, layout.postgres, layout.copies):
        if not folder.exists():
            continue
        space = shutil.disk_usage(folder)
        if space.free < space.total * _SCARCE:
            detail = f"{folder} 所在的磁盘将满，只剩 {space.free / 1e6:.0f} MB；腾出空间后自动恢复，无需其他操作"
            lines[folder.stat().st_dev] = ComponentState("disk", "full", False, None, 0, detail)
    return list(lines.values())


def log_paths(home: Path) -> dict[str, Path]:
    """Return where each log is, also of those that do not exist yet."""
    layout = Layout(home)
    return {name: layout.log(name) for name in ("supervisor", *COMPONENTS, "migration")}


def is_running(home: Path) -> bool:
    """Return whether a stack runs in this home: its reaper holds the lock."""
    lock = Layout(home).lock
    if not lock.exists():
        return False
    with lock.open("rb") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def is_embedded(home: Path) -> bool:
    """Return whether the object store in use is the one of the stack that runs in this home."""
    facts = read_json(Layout(home).settings) or {}
    return bool(facts) and os.environ.get("BAOSONG_S3_ENDPOINT") in (None, "", facts.get("BAOSONG_S3_ENDPOINT"))


def _launch(layout: Layout, foreground: bool, airflow: bool) -> subprocess.Popen[bytes]:
    _wait_for_child(layout.home)
    _end_orphans(layout)
    layout.state.unlink(missing_ok=True)
    for log in layout.logs.glob("*.log"):
        if log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
    argv = [sys.executable, "-m", "baosong_local.stack.supervisor", str(layout.home)]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    program = Program(
        "supervisor", argv if airflow else [*argv, "--without-airflow"], layout.home, layout.log("supervisor"), env
    )
    _CHILDREN[layout.home] = process.start(program, bound=foreground)
    return _CHILDREN[layout.home]


def _wait_for_child(home: Path) -> None:
    if (child := _CHILDREN.pop(home, None)) is not None:
        child.wait()


def _wait_until_up(layout: Layout, child: subprocess.Popen[bytes] | None, progress: Callable[[str], object]) -> None:
    deadline = time.monotonic() + _UP_WITHIN
    while True:
        ended = not is_running(layout.home) if child is None else child.poll() not in (None, ALREADY_RUNS)
        state = read_state(layout.state)
        if state is not None and state.phase == "up":
            return
        if state is not None and state.phase == "failed":
            down(layout.home)
            raise StackError(state.message)
        if ended or time.monotonic() > deadline:
            why = "启动进程意外退出" if ended else f"{_UP_WITHIN:.0f} 秒内没有启动完成"
            down(layout.home)
            raise StackError(f"{why}，详见 {layout.log('supervisor')}。")
        if state is not None:
            progress(state.message)
        time.sleep(0.1)


def _wait_for(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _reaper(layout: Layout) -> int | None:
    try:
        return int(layout.lock.read_text())
    except (OSError, ValueError):
        return None


def _end_orphans(layout: Layout) -> None:
    """End what may still run after reaper and supervisor were both killed."""
    state = read_state(layout.state)
    if state is not None and not is_running(layout.home):
        orphans.end(orphans.of_sessions(state.sessions, until=state.written + 3))
