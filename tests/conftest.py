"""Real services for every test: one PostgreSQL and one S3 store a session, a fresh database and buckets a test."""

from __future__ import annotations

import gc
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from baosong.campaign import Campaign, Campaigns
from baosong.ledger import Ledger
from baosong.ledger.services import Services
from baosong.store.s3 import Storage
from baosong.store.settings import BUCKETS, PROJECT, S3Settings, Settings
from baosong_local import stack
from baosong_local.stack.objectstore import Area, ObjectStore
from baosong_local.stack.postgres import Postgres
from baosong_local.stack.process import Program, start, stop
from clips import Clips

if TYPE_CHECKING:
    from soak import WholeStack

PIPELINE_KEY = "PIPELINE"
_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Give each session a folder of its own: another session shuts the common one to our servers' account."""
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="baosong-tests-")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background: our children would ignore it, too
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and never among what was imported: that took a tenth of the processors' time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Leave nothing behind, unless somebody will want to look for what went wrong."""
    if exitstatus == pytest.ExitCode.OK:
        session.config.add_cleanup(lambda: shutil.rmtree(session.config.option.basetemp, ignore_errors=True))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes and must stay on one worker, so that the workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program that is not there, before its fixtures would start it."""
    if (mark := item.get_closest_marker("debian")) and shutil.which(mark.args[0]) is None:
        pytest.skip("{} is not installed (Debian: {})".format(*mark.args))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Keep files out of the names of tests: a zip holds the second it was made in, and workers compare the names."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 200) else None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import for the whole stack's tests only the files that speak of them: all the others take ten seconds."""
    wanted = config.option.markexpr.partition(" ")[0]
    if wanted not in ("stack", "soak") or not collection_path.name.startswith("test_"):
        return None
    return f"mark.{wanted}" not in collection_path.read_text(encoding="utf-8") or None


def free_port() -> int:
    """Return a port that was free just now, of those that the system gives to nobody who calls out."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as s, suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def until(true: Callable[[], object], seconds: float = 20.0, what: str = "the condition") -> None:
    """Wait until something holds; AssertionError if it never does.

    Nor is it given up before fifty looks, a second's worth: a starved machine must not decide.
    """
    deadline = time.monotonic() + seconds
    for looks in itertools.count(1):
        if true():
            return
        assert looks < 50 or time.monotonic() < deadline, f"{what} did not hold within {seconds} s"
        time.sleep(0.02)


def tick() -> None:
    """Wait until the clock that stamps files moves: it stands for 4 to 10 ms, and a file put over another of its size
    meanwhile could not be told from it."""

    def stamp() -> int:
        with tempfile.TemporaryFile() as new:  # a file that was looked at gets a finer stamp
            return os.fstat(new.fileno()).st_mtime_ns

    first, deadline = stamp(), time.monotonic() + 20
    while stamp() == first:
        assert time.monotonic() < deadline, "the clock of files stands still"


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


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    folder = tmp_path_factory.mktemp("postgres")
    server = Postgres(folder, folder / "postgres.log", durable=False)
    server.prepare()
    child = run(server.program(), server.is_ready)
    yield server
    stop(child, server.program().stop)
    server.drop_sockets()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A database without tables."""
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def empty_ledger(postgres: Postgres) -> str:
    """The name of a database with the ledger's tables, to be copied: to make them anew takes four times as long."""
    name = "empty_ledger"
    postgres.execute(f'CREATE DATABASE "{name}"')
    ledger = Ledger(postgres.url(name))
    ledger.migrate()
    ledger.close()
    return name


@pytest.fixture
def ledger_url(postgres: Postgres, empty_ledger: str) -> Iterator[str]:
    with fresh_database(postgres, empty_ledger) as url:
        yield url


@contextmanager
def fresh_database(postgres: Postgres, like: str = "template1") -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    postgres.execute(copying(like, name))
    yield postgres.url(name)
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


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

    def start(self) -> None:
        self.child = run(self.server.program(), self.server.is_ready)

    def stop(self) -> None:
        stop(self.child, self.server.program().stop)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    running = Store(tmp_path_factory.mktemp("objectstore"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def custody_door(store: Store) -> Iterator[ObjectStore]:
    """The second server of the session's store; most tests do without, as they look at its disk and change it."""
    door = store.server.custody_door(free_port(), store.server.log.with_name("custody.log"))
    child = run(door.program(), door.is_ready)
    yield door
    stop(child, door.program().stop)


@pytest.fixture
def s3(store: Store) -> S3Settings:
    return fresh_buckets(store)


def fresh_buckets(store: Store) -> S3Settings:
    mark = next(_numbers)
    buckets = {name: f"{name}-{mark}" for name in BUCKETS}
    settings = S3Settings(store.server.endpoint, PIPELINE_KEY, store.secret, False, "us-east-1", buckets)
    Storage(settings).ensure_buckets()
    return settings


@pytest.fixture
def storage(s3: S3Settings) -> Storage:
    return Storage(s3)


@pytest.fixture
def prefecture_keys(store: Store, s3: S3Settings) -> Callable[..., S3Settings]:
    """Return a maker of keys jailed to a prefecture's own areas: `prefecture_keys(campaign, "6501")`."""

    def make(campaign: Campaign, code: str) -> S3Settings:
        folder = f"{campaign.id}/{campaign.prefecture(code).folder}"
        key, secret = f"P{code}N{next(_numbers)}", secrets.token_hex(16)
        areas = [Area(s3.buckets["intake"], folder, True), Area(s3.buckets["outbox"], folder, False)]
        store.server.grant(key, key, secret, areas)
        return s3.as_prefecture(key, secret)

    return make


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a whole stack that is not started yet, with ports of its own; nothing else is in the environment."""
    for name in [n for n in os.environ if n.startswith("BAOSONG_") and not n.startswith("BAOSONG_SOAK")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BAOSONG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BAOSONG_S3_PORT", str(free_port()))
    monkeypatch.setenv("BAOSONG_S3_CUSTODY_PORT", str(free_port()))
    monkeypatch.setenv("BAOSONG_UI_PORT", str(free_port()))
    return tmp_path / "home"


@pytest.fixture
def embedded(home: Path) -> Iterator[WholeStack]:
    """A whole running stack."""
    from soak import WholeStack

    stack.up(home)
    yield WholeStack(home)
    stack.down(home)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def campaign() -> Campaign:
    return Campaigns([PROJECT / "include" / "campaigns"]).get("2023")


@pytest.fixture
def settings(tmp_path: Path, s3: S3Settings, ledger_url: str) -> Settings:
    return settings_of(tmp_path / "home", s3, ledger_url)


def settings_of(home: Path, s3: S3Settings, postgres_url: str) -> Settings:
    return Settings(home, s3, postgres_url, [PROJECT / "include" / "campaigns"])


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    with opened(settings) as services:
        yield services


@contextmanager
def opened(settings: Settings) -> Iterator[Services]:
    services = Services.open(settings)
    services.ledger.migrate()
    yield services
    services.ledger.close()
