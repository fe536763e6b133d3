"""The one process that owns the stack: `python -m baosong_local.stack.supervisor HOME`.

It is two processes. The outer one, the guardian, only waits: the kernel hands it every orphan of the stack, so when the
inner one, the supervisor, ends in whatever way, the guardian finds all that is left and ends it. Should the guardian be
killed, the supervisor is told by the kernel and stops everything; should both be killed, so is every component.
"""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO

import psycopg2

from baosong.campaign import Campaigns
from baosong.store.settings import CUSTODY_ENDPOINT, bucket_names, campaign_dirs
from baosong_local.stack import remains
from baosong_local.stack.airflow import environment, programs, version
from baosong_local.stack.areas import tell_endpoint
from baosong_local.stack.component import Component
from baosong_local.stack.errors import StackError
from baosong_local.stack.files import write_json
from baosong_local.stack.health import HealthWatch
from baosong_local.stack.layout import ALREADY_RUNS, Layout
from baosong_local.stack.objectstore import CUSTODY, ObjectStore
from baosong_local.stack.ports import choose_ports
from baosong_local.stack.postgres import Postgres
from baosong_local.stack.process import die_with_parent
from baosong_local.stack.setup import bury_job, prepare_databases
from baosong_local.stack.state import StackState
from baosong_local.stack.sweep import Sweeper
from baosong_local.stack.vault import OPERATOR, open_vault

_LOG = logging.getLogger(__name__)
_PR_SET_CHILD_SUBREAPER = 36
_TICK = 0.2
_REPORT_EVERY = 2.0
_CRASH_PATIENCE = 8.0
_NOTE_LIMIT = (
    "INSERT INTO intake_limit AS l (campaign, prefecture, closed, swept, swept_bytes) VALUES (%s, %s, %s, %s, %s) "
    "ON CONFLICT (campaign, prefecture) DO UPDATE SET closed = excluded.closed, swept = l.swept + excluded.swept, "
    "swept_bytes = l.swept_bytes + excluded.swept_bytes, at = now()"
)


class Supervisor:
    """Starts the components in order, tends them until asked to stop, and stops them in the opposite order."""

    def __init__(self, home: Path, airflow: bool = True) -> None:
        self.layout = Layout(home)
        self.layout.make()
        self._with_airflow = airflow
        self._ports = choose_ports(os.environ)
        self._secrets = open_vault(self.layout.secrets)
        self._postgres = Postgres(self.layout.postgres, self.layout.log("postgres"))
        self._store = ObjectStore(
            self.layout.objectstore, self._ports["BAOSONG_S3_PORT"], self.layout.log("objectstore")
        )
        self._custody = self._store.custody_door(self._ports["BAOSONG_S3_CUSTODY_PORT"], self.layout.log(CUSTODY))
        self._buckets = bucket_names(os.environ)
        self._sweeper = Sweeper(self._store, self._buckets["intake"], Campaigns(campaign_dirs()), self._note_limit)
        self._base = [
            Component(self._postgres.program(), self._postgres.prepare),
            Component(self._store.program(), self._prepare_store),
            Component(self._custody.program(), self._prepare_custody),
        ]
        self._airflow = [
            Component(p, partial(bury_job, self._postgres, p.name))
            for p in programs(self.layout, self._ports["BAOSONG_UI_PORT"], self._env())
        ]
        probes = {
            "postgres": self._postgres.is_ready,
            "objectstore": self._store.is_ready,
            CUSTODY: self._custody.is_ready,
        }
        self._watch = HealthWatch(self.components, probes, self._ports["BAOSONG_UI_PORT"])
        self._stopping = False
        self._said: StackState | None = None

    @property
    def components(self) -> list[Component]:
        """Return all components, in the order of their start."""
        return [*self._base, *(self._airflow if self._with_airflow else [])]

    def run(self) -> None:
        """Live: start, tend, stop. StackError if the start is impossible."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._ask_to_stop)
        try:
            self._start()
            while not self._stopping:
                self._tend()
                time.sleep(_TICK)
        finally:
            self._stop()

    def facts(self) -> dict[str, str]:
        """Return where everything is, named as the environment variables that say the same."""
        return {
            "BAOSONG_HOME": str(self.layout.home),
            "BAOSONG_S3_ENDPOINT": self._store.endpoint,
            CUSTODY_ENDPOINT: self._custody.endpoint,
            "BAOSONG_S3_ACCESS_KEY": self._secrets.s3_access_key,
            "BAOSONG_S3_SECRET_KEY": self._secrets.s3_secret_key,
            "BAOSONG_S3_SECURE": "false",
            "BAOSONG_S3_REGION": "us-east-1",
            "BAOSONG_LEDGER_URL": self._postgres.url("ledger"),
            "BAOSONG_UI_URL": f"http://127.0.0.1:{self._ports['BAOSONG_UI_PORT']}",
        }

    def _env(self) -> dict[str, str]:
        domain = {**{k: v for k, v in os.environ.items() if k.startswith("BAOSONG_")}, **self.facts()}
        return environment(self.layout, self._postgres, self._secrets, self._ports["BAOSONG_UI_PORT"], domain)

    def _prepare_store(self) -> None:
        self._store.prepare()
        self._store.grant_all(self._secrets.s3_access_key, self._secrets.s3_secret_key)
        self._store.sweep_temporaries([self._buckets["intake"]])

    def _prepare_custody(self) -> None:
        """Clear up where this door alone writes: through the other one an upload may be going on."""
        self._custody.sweep_temporaries(there for bucket, there in self._buckets.items() if bucket != "intake")

    def _start(self) -> None:
        write_json(self.layout.airflow / "passwords.json", {OPERATOR: self._secrets.password})
        self._say("starting", "正在启动数据库与对象存储")
        for component in self._base:
            component.start()
        self._watch.start()
        self._until_healthy(self._base, "正在启动数据库与对象存储")
        if self._stopping:
            return
        self._say("starting", f"正在准备数据库（Airflow {version()}）")
        prepare_databases(self.layout, self._postgres, self._env(), with_airflow=self._with_airflow)
        for component in self._airflow if self._with_airflow else []:
            component.start()
        self._until_healthy(self.components, "正在启动 Airflow")
        if not self._stopping:
            tell_endpoint(self.layout, self._store.endpoint)
            write_json(self.layout.settings, self.facts())
            self._say("up", "已就绪")

    def _until_healthy(self, wanted: list[Component], doing: str) -> None:
        while not self._stopping and not all(c.healthy for c in wanted):
            waiting = "、".join(c.name for c in wanted if not c.healthy)
            self._say("starting", f"{doing}：{waiting}")
            for component in wanted:
                component.tend()
                if component.restarts >= 3 and not component.healthy:
                    raise StackError(f"{component.name} 无法启动，原因见 {component.program.log}。")
            time.sleep(_TICK / 2)

    def _tend(self) -> None:
        ill = [c.name for c in self._base if not c.healthy]
        if not ill:
            self._sweep()
        for component in self.components:
            component.tend(excused=bool(ill) and component in self._airflow)
        self._say("up", f"{'、'.join(ill)} 暂无响应，其余服务等它恢复" if ill else "已就绪")

    def _sweep(self) -> None:
        try:
            self._sweeper.run_if_due()
        except (OSError, psycopg2.Error) as refused:  # what others need goes on without it
            _LOG.warning("the intake cannot be swept: %s", refused)

    def _note_limit(self, campaign: str, prefecture: str, closed: bool, swept: int, size: int) -> None:
        self._postgres.execute(_NOTE_LIMIT, campaign, prefecture, closed, swept, size, database="ledger")

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _stop(self) -> None:
        self._stopping = True
        self._say("stopping", "正在停止")
        self.layout.settings.unlink(missing_ok=True)
        self._watch.stop()
        # Running tasks end first, while all that they need is still there.
        for group in (self._airflow[1:], self._airflow[:1], self._base[1:], self._base[:1]):
            for component in group:
                component.ask_to_stop()
            asked = time.monotonic()
            for component in group:
                component.finish(asked)

    def _say(self, phase: str, message: str) -> None:
        components = [c.report() for c in self.components]
        sessions = [s for c in self.components for s in c.sessions]
        state = StackState(phase, message, components, sessions)
        before = self._said
        same = before and (before.phase, before.message, before.components) == (phase, message, components)
        if before and same and state.written - before.written < _REPORT_EVERY:
            return
        self._said = state
        try:
            state.write(self.layout)
        except OSError as refused:  # a full disk must not end what may go on without it
            _LOG.warning("the state cannot be written: %s", refused)


def main(home: Path, airflow: bool = True) -> int:
    """Hold the lock, guard the supervisor, and leave nothing behind. Return the supervisor's exit code."""
    layout = Layout(home)
    lock = layout.lock.open("a+")
    if not _locked(lock):
        return ALREADY_RUNS
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    guardian = os.getpid()
    child = os.fork()
    if child == 0:
        os._exit(_supervise(layout, airflow, guardian))
    return _guard(layout, child)


def _locked(lock: IO[str]) -> bool:
    """Take the lock; somebody who only asks whether it is held may have it for an instant."""
    for _ in range(20):
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.1)
    return False


def _guard(layout: Layout, child: int) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
    status = _wait_for(child)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    crashed = os.WIFSIGNALED(status)
    # In a crash the kernel has told each component to stop: give the database the time to close its files.
    remains.end(remains.descendants, retry_timeout=_CRASH_PATIENCE if crashed else 1.0)
    layout.settings.unlink(missing_ok=True)
    Postgres(layout.postgres, layout.log("postgres")).drop_sockets()
    if crashed:
        StackState("failed", f"监督进程被信号 {os.WTERMSIG(status)} 终止，其余进程已清理").write(layout)
    return 1 if crashed else os.waitstatus_to_exitcode(status)


def _wait_for(child: int) -> int:
    """Wait for one child, burying on the way every orphan that the kernel hands us."""
    while True:
        with suppress(ChildProcessError, InterruptedError):
            ended, status = os.wait()
            if ended == child:
                return status


def _supervise(layout: Layout, airflow: bool, guardian: int) -> int:
    die_with_parent(signal.SIGTERM)
    if os.getppid() != guardian:
        return 1
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        Supervisor(layout.home, airflow).run()
    except StackError as wrong:
        StackState("failed", str(wrong)).write(layout)
        return 2
    except Exception as broken:
        traceback.print_exc()
        StackState("failed", f"启动失败（{type(broken).__name__}），详见 {layout.log('supervisor')}。").write(layout)
        return 1
    StackState("stopped", "已停止").write(layout)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), airflow="--without-airflow" not in sys.argv[2:]))
