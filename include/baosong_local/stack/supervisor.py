"""The one process that owns the stack: `python -m baosong_local.stack.supervisor HOME`.

It is two processes. The outer one, the reaper, only waits: the kernel gives it every orphan of the stack, so whichever
way the inner one, the supervisor, ends, the reaper finds all processes that are left and kills them. If the reaper is
killed, the kernel signals the supervisor, which stops everything; if both are killed, it signals every component.
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
from baosong.store import accounts
from baosong.store.settings import INTERNAL_ENDPOINT, bucket_names, campaign_dirs
from baosong_local.stack import orphans
from baosong_local.stack.airflow import environment, programs, version
from baosong_local.stack.component import Component
from baosong_local.stack.grants import record_endpoint
from baosong_local.stack.health import HealthWatch
from baosong_local.stack.layout import ALREADY_RUNS, Layout, Ports
from baosong_local.stack.objectstore import INTERNAL, ObjectStore
from baosong_local.stack.pages import renew_pages
from baosong_local.stack.postgres import Postgres
from baosong_local.stack.process import die_with_parent
from baosong_local.stack.secrets import open_secrets
from baosong_local.stack.setup import mark_job_dead, prepare_databases
from baosong_local.stack.state import StackError, StackState, write_json
from baosong_local.stack.sweep import Sweeper

_LOG = logging.getLogger(__name__)
_PR_SET_CHILD_SUBREAPER = 36
_TICK = 0.2
_REPORT_EVERY = 2.0
_CRASH_TIMEOUT = 8.0
_NOTE_LIMIT = (
    "INSERT INTO intake_limit AS l (campaign, prefecture, closed, swept, swept_bytes) VALUES (%s, %s, %s, %s, %s) "
    "ON CONFLICT (campaign, prefecture) DO UPDATE SET closed = excluded.closed, swept = l.swept + excluded.swept, "
    "swept_bytes = l.swept_bytes + excluded.swept_bytes, at = now()"
)


class Supervisor:
    """Starts the components in order, supervises them until asked to stop, and stops them in reverse order."""

    def __init__(self, home: Path, airflow: bool = True) -> None:
        self.layout = Layout(home)
        self.layout.make()
        self._with_airflow = airflow
        self._ports = Ports(os.environ)
        self._secrets = open_secrets(self.layout.secrets)
        self._postgres = Postgres(self.layout.postgres, self.layout.log("postgres"))
        self._store = ObjectStore(
            self.layout.objectstore, self._ports["BAOSONG_S3_PORT"], self.layout.log("objectstore")
        )
        self._internal = self._store.internal_server(self._ports["BAOSONG_S3_CUSTODY_PORT"], self.layout.log(INTERNAL))
        self._buckets = bucket_names(os.environ)
        self._campaigns = Campaigns(campaign_dirs())
        self._sweeper = Sweeper(self._store, self._buckets["intake"], self._campaigns, self._note_limit)
        self._base = [
            Component(self._postgres.program(), self._postgres.prepare),
            Component(self._store.program(), self._prepare_store),
            Component(self._internal.program(), self._prepare_internal),
        ]
        self._airflow = [
            Component(p, partial(mark_job_dead, self._postgres, p.name))
            for p in programs(self.layout, self._ports["BAOSONG_UI_PORT"], self._env())
        ]
        probes = {
            "postgres": self._postgres.is_ready,
            "objectstore": self._store.is_ready,
            INTERNAL: self._internal.is_ready,
        }
        self._watch = HealthWatch(self.components, probes, self._ports["BAOSONG_UI_PORT"])
        self._stopping = False
        self._published: StackState | None = None

    @property
    def components(self) -> list[Component]:
        """Return all components, in the order of their start."""
        return [*self._base, *(self._airflow if self._with_airflow else [])]

    def run(self) -> None:
        """Start, tend, stop. StackError if the start is impossible."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._ask_to_stop)
        try:
            self._start()
            while not self._stopping:
                self._supervise_all()
                time.sleep(_TICK)
        finally:
            self._stop()

    def facts(self) -> dict[str, str]:
        """Return where everything is, named as the environment variables that say the same."""
        return {
            "BAOSONG_HOME": str(self.layout.home),
            "BAOSONG_S3_ENDPOINT": self._store.endpoint,
            INTERNAL_ENDPOINT: self._internal.endpoint,
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

    def _prepare_internal(self) -> None:
        """Clean the buckets that only this server writes: an upload may be in progress through the other one."""
        self._internal.sweep_temporaries(there for bucket, there in self._buckets.items() if bucket != "intake")

    def _start(self) -> None:
        accounts.begin(self.layout.accounts, self._secrets.password)
        self._publish("starting", "正在启动数据库与对象存储")
        for component in self._base:
            component.start()
        self._watch.start()
        self._until_healthy(self._base, "正在启动数据库与对象存储")
        if self._stopping:
            return
        self._publish("starting", f"正在准备数据库（Airflow {version()}）")
        prepare_databases(self.layout, self._postgres, self._env(), with_airflow=self._with_airflow)
        for component in self._airflow if self._with_airflow else []:
            component.start()
        self._until_healthy(self.components, "正在启动 Airflow")
        if not self._stopping:
            if record_endpoint(self.layout, self._store.endpoint):
                renew_pages(self.layout, self._campaigns)
            write_json(self.layout.settings, self.facts())
            self._publish("up", "已就绪")

    def _until_healthy(self, wanted: list[Component], doing: str) -> None:
        while not self._stopping and not all(c.healthy for c in wanted):
            waiting = "、".join(c.name for c in wanted if not c.healthy)
            self._publish("starting", f"{doing}：{waiting}")
            for component in wanted:
                component.supervise()
                if component.restarts >= 3 and not component.healthy:
                    raise StackError(f"{component.name} 无法启动，原因见 {component.program.log}。")
            time.sleep(_TICK / 2)

    def _supervise_all(self) -> None:
        unhealthy = [c.name for c in self._base if not c.healthy]
        if not unhealthy:
            self._sweep()
        for component in self.components:
            component.supervise(excused=bool(unhealthy) and component in self._airflow)
        self._publish("up", f"{'、'.join(unhealthy)} 暂无响应，其余服务等它恢复" if unhealthy else "已就绪")

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
        self._publish("stopping", "正在停止")
        self.layout.settings.unlink(missing_ok=True)
        self._watch.stop()
        # Running tasks end first, while the services that they need are still up.
        for group in (self._airflow[1:], self._airflow[:1], self._base[1:], self._base[:1]):
            for component in group:
                component.ask_to_stop()
            asked = time.monotonic()
            for component in group:
                component.finish(asked)

    def _publish(self, phase: str, message: str) -> None:
        components = [c.report() for c in self.components]
        sessions = [s for c in self.components for s in c.sessions]
        state = StackState(phase, message, components, sessions)
        before = self._published
        same = before and (before.phase, before.message, before.components) == (phase, message, components)
        if before and same and state.written - before.written < _REPORT_EVERY:
            return
        self._published = state
        try:
            state.write(self.layout.state)
        except OSError as refused:  # a full disk must not end what may go on without it
            _LOG.warning("the state cannot be written: %s", refused)


def main(home: Path, airflow: bool = True) -> int:
    """Hold the lock, wait for the supervisor, and leave no process behind. Return the supervisor's exit code."""
    layout = Layout(home)
    lock = layout.lock.open("a+")
    if not _locked(lock):
        return ALREADY_RUNS
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    os.dup(lock.fileno())  # which nobody closes: the lock is held until the process has ended, not this function
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    reaper = os.getpid()
    child = os.fork()
    if child == 0:
        os._exit(_supervise(layout, airflow, reaper))
    return _reap_all(layout, child)


def _locked(lock: IO[str]) -> bool:
    """Take the lock; another process that only asks whether it is held may hold it for an instant."""
    for _ in range(20):
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.1)
    return False


def _reap_all(layout: Layout, child: int) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
    status = _wait_for(child)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    crashed = os.WIFSIGNALED(status)
    # After a crash the kernel has signalled each component: give the database time to close its files.
    orphans.end(orphans.descendants, retry_timeout=_CRASH_TIMEOUT if crashed else 1.0)
    layout.settings.unlink(missing_ok=True)
    Postgres(layout.postgres, layout.log("postgres")).drop_sockets()
    if crashed:
        StackState("failed", f"监督进程被信号 {os.WTERMSIG(status)} 终止，其余进程已清理").write(layout.state)
    return 1 if crashed else os.waitstatus_to_exitcode(status)


def _wait_for(child: int) -> int:
    """Wait for one child, and reap every orphan that the kernel gives us meanwhile."""
    while True:
        with suppress(ChildProcessError, InterruptedError):
            ended, status = os.wait()
            if ended == child:
                return status


def _supervise(layout: Layout, airflow: bool, reaper: int) -> int:
    die_with_parent(signal.SIGTERM)
    if os.getppid() != reaper:
        return 1
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        Supervisor(layout.home, airflow).run()
    except StackError as wrong:
        StackState("failed", str(wrong)).write(layout.state)
        return 2
    except Exception as broken:
        traceback.print_exc()
        message = f"启动失败（{type(broken).__name__}），详见 {layout.log('supervisor')}。"
        StackState("failed", message).write(layout.state)
        return 1
    StackState("stopped", "已停止").write(layout.state)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), airflow="--without-airflow" not in sys.argv[2:]))
