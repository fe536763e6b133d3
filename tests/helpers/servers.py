"""The real servers that tests talk to, and what is made afresh in them."""

from __future__ import annotations

import itertools
import os
import pwd
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from baosong.ledger import Ledger, privileges
from baosong.ledger.services import Services
from baosong.store.settings import BUCKETS, PROJECT, S3Settings, Settings
from baosong.store.storage import Storage
from baosong_local.stack.objectstore import ObjectStore
from baosong_local.stack.postgres import Postgres
from baosong_local.stack.process import Program, start, stop
from waiting import free_port, until

PIPELINE_KEY = "PIPELINE"
STALE_STORE = 40
"""Tests after which the store starts anew: it keeps a timer for every folder ever written to."""
numbers = itertools.count(1)


def run(program: Program, ready: Callable[[], bool]) -> subprocess.Popen[bytes]:
    """Start a program and wait until it is ready."""
    child = start(program)
    try:
        until(lambda: ready() or child.poll() is not None, 40, program.name)
        assert child.poll() is None, program.log.read_text(encoding="utf-8")[-2000:]
    except BaseException:
        stop(child, program.stop, 3)
        raise
    return child


@contextmanager
def fresh_database(postgres: Postgres, like: str = "template1") -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(numbers)}"
    postgres.execute(copying(like, name))
    yield postgres.url(name)
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def let_in(postgres: Postgres, role: str) -> None:
    """Let ourselves be this role, too, from the server's next start on."""
    with (postgres.data / "pg_ident.conf").open("a", encoding="utf-8") as f:
        f.write(f'ourselves "{pwd.getpwuid(os.geteuid()).pw_name}" {role}\n')


def as_runtime(url: str) -> str:
    """Return a database's URL for the role that production's running services have."""
    return url.replace("//postgres@", f"//{privileges.ROLE}@")


def filled_database(postgres: Postgres, like: str, fill: Callable[[Ledger], object]) -> str:
    """Return the name of a new database, filled once, to be copied by each test that wants what is in it."""
    name = f"filled_{os.getpid()}_{next(numbers)}"
    postgres.execute(copying(like, name))
    with closing(Ledger(postgres.url(name))) as ledger:
        fill(ledger)
    return name


def copying(database: str, name: str) -> str:
    """Return the statement that copies a database as files: in half the time that going through buffers takes."""
    return f'CREATE DATABASE "{name}" TEMPLATE "{database}" STRATEGY FILE_COPY'


class Store:
    """The session's object store; it can be stopped and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.server = ObjectStore(folder, free_port(), folder.parent / f"{folder.name}.log")
        self.secret = secrets.token_hex(16)
        self.server.prepare(())
        self.server.grant_all(PIPELINE_KEY, self.secret)
        self.start()
        self._used = 0

    def renew(self) -> None:
        """Start anew if many tests used it, which one calls before it begins."""
        self._used += 1
        if self._used % STALE_STORE == 0:
            self.stop()
            self.start()

    def start(self) -> None:
        self.child = run(self.server.program(), self.server.is_ready)

    def stop(self) -> None:
        stop(self.child, self.server.program().stop)

    def bytes_read(self) -> int:
        """Return what rclone itself has read so far, of files and of requests."""
        (rclone,) = [child for child in psutil.Process(self.child.pid).children() if child.name() == "rclone"]
        return int(rclone.io_counters().read_chars)


def fresh_buckets(store: Store) -> S3Settings:
    mark = next(numbers)
    buckets = {name: f"{name}-{mark}" for name in BUCKETS}
    settings = S3Settings(store.server.endpoint, PIPELINE_KEY, store.secret, False, "us-east-1", buckets)
    Storage(settings).ensure_buckets()
    return settings


def settings_of(home: Path, s3: S3Settings, postgres_url: str) -> Settings:
    return Settings(home, s3, postgres_url, [PROJECT / "include" / "campaigns"])


@contextmanager
def opened(settings: Settings) -> Iterator[Services]:
    services = Services.open(settings)
    services.ledger.migrate()
    yield services
    services.ledger.close()
