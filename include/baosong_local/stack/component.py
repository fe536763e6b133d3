"""One supervised component: started, watched, started again with growing pauses when it dies."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from baosong_local.stack import orphans, process
from baosong_local.stack.process import Program
from baosong_local.stack.state import ComponentState, StackError

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
# After running this long the pause before the next restart is short again.
_STABLE_AFTER = 60.0
# A component that runs but does not answer for this long is hung; a start may take twice that on a slow machine.
HUNG_AFTER = 90.0


@dataclass(slots=True)
class Component:
    """A program and its history. `healthy` is set by the health watch; `before` runs ahead of each start."""

    program: Program
    before: Callable[[], object] = lambda: None
    child: subprocess.Popen[bytes] | None = None
    healthy: bool = False
    restarts: int = 0
    started_at: float = 0.0
    _pause: float = _FIRST_PAUSE
    _not_before: float = 0.0
    _last_healthy: float = 0.0
    sessions: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the component's name."""
        return self.program.name

    @property
    def alive(self) -> bool:
        """Return whether its process runs."""
        return self.child is not None and self.child.poll() is None

    def start(self) -> None:
        """Run `before`, then the program; OSError or StackError if that fails."""
        self.before()
        self.healthy = False
        self.child = process.start(self.program)
        _LOG.info("%s started, pid %d", self.name, self.child.pid)
        self.sessions = [self.child.pid]
        self.started_at = self._last_healthy = time.monotonic()

    def supervise(self, *, excused: bool = False) -> bool:
        """Clean up after a death, kill what hangs, restart what is due. Return whether anything changed.

        A component that depends on an unhealthy one is `excused` for not answering, and is not killed. A start that
        fails, because of a full disk for example, is retried like a death.
        """
        now = time.monotonic()
        if self.alive:
            if self.healthy or excused:
                self._last_healthy = now
            elif now - self._last_healthy > HUNG_AFTER * (2 if self._last_healthy == self.started_at else 1):
                _LOG.warning("%s runs but does not answer: killed", self.name)
                self.kill()
            return False
        if self.child is not None:
            self._mark_dead(now)
            return True
        if now < self._not_before:
            return False
        try:
            self.start()
        except (OSError, StackError) as refused:
            _LOG.warning("%s cannot be started: %s", self.name, refused)
            self._wait_longer(now)
        return True

    def ask_to_stop(self) -> None:
        """Send the signal that stops it cleanly."""
        if self.alive and self.child is not None:
            self.child.send_signal(self.program.stop)

    def kill(self) -> None:
        """End it and everything it started."""
        if self.child is not None:
            if self.alive:
                self.child.kill()
            self.child.wait()
        orphans.end(orphans.of_sessions(self.sessions))
        self.healthy = False

    def finish(self, asked: float) -> None:
        """Wait for the clean stop requested at `asked` (monotonic clock), then kill what is left."""
        if self.child is not None:
            with suppress(subprocess.TimeoutExpired):
                self.child.wait(max(0.1, asked + self.program.retry_timeout - time.monotonic()))
        _LOG.info("%s ended, code %s", self.name, self.child.poll() if self.child else None)
        self.kill()
        self.child = None

    def report(self) -> ComponentState:
        """Return how it is, for people."""
        if not self.alive:
            state, detail = ("restarting", "意外退出，即将重启") if self.restarts else ("stopped", "尚未启动")
        elif self.healthy:
            state, detail = "running", f"已重启 {self.restarts} 次" if self.restarts else ""
        else:
            state, detail = "starting", "正在启动或暂无响应"
        pid = self.child.pid if self.alive and self.child else None
        return ComponentState(self.name, state, self.alive and self.healthy, pid, self.restarts, detail)

    def _mark_dead(self, now: float) -> None:
        _LOG.warning("%s died, code %s", self.name, self.child.returncode if self.child else None)
        self.kill()  # or its workers would wait for ever for a parent that is gone
        self.child = None
        self._wait_longer(now)

    def _wait_longer(self, now: float) -> None:
        self.restarts += 1
        self._pause = _FIRST_PAUSE if now - self.started_at > _STABLE_AFTER else min(self._pause * 2, _LONGEST_PAUSE)
        self._not_before = now + self._pause
