"""Fixtures that start real services: one PostgreSQL and one S3 store a session, a fresh database and buckets a test.

A plugin, and not a conftest.py of each folder that needs it, as two folders would then start two servers.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from baosong.campaign import Campaign
from baosong.ledger import Ledger, privileges
from baosong.ledger.services import Services
from baosong.store.settings import S3Settings, Settings
from baosong.store.storage import Storage
from baosong_local import stack
from baosong_local.samples.media import make_clip
from baosong_local.stack.objectstore import Area, ObjectStore
from baosong_local.stack.postgres import Postgres
from baosong_local.stack.process import stop
from clips import Clips
from servers import Store, as_runtime, fresh_buckets, fresh_database, let_in, numbers, opened, run, settings_of
from waiting import free_port

if TYPE_CHECKING:
    from soak import WholeStack


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    folder = tmp_path_factory.mktemp("postgres")
    server = Postgres(folder, folder / "postgres.log", durable=False)
    server.prepare()
    let_in(server, privileges.ROLE)
    child = run(server.program(), server.is_ready)
    server.execute(f"CREATE ROLE {privileges.ROLE} LOGIN")
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
def ledger_url(postgres: Postgres, empty_ledger: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A ledger, for a role that may do what production's running services may, unless the test is its owner's."""
    with fresh_database(postgres, empty_ledger) as url:
        yield url if request.node.get_closest_marker("ledger_owner") else as_runtime(url)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    running = Store(tmp_path_factory.mktemp("objectstore"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def internal_server(store: Store) -> Iterator[ObjectStore]:
    """The second server of the session's store; most tests do without, as they look at its disk and change it."""
    door = store.server.internal_server(free_port(), store.server.log.with_name("custody.log"))
    child = run(door.program(), door.is_ready)
    yield door
    stop(child, door.program().stop)


@pytest.fixture
def s3(store: Store) -> S3Settings:
    store.renew()
    return fresh_buckets(store)


@pytest.fixture
def storage(s3: S3Settings) -> Storage:
    return Storage(s3)


@pytest.fixture
def prefecture_keys(store: Store, s3: S3Settings) -> Callable[..., S3Settings]:
    """Return a maker of keys jailed to a prefecture's own areas: `prefecture_keys(campaign, "6501")`."""

    def make(campaign: Campaign, code: str) -> S3Settings:
        folder = f"{campaign.id}/{campaign.prefecture(code).folder}"
        key, secret = f"P{code}N{next(numbers)}", secrets.token_hex(16)
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


@pytest.fixture
def settings(tmp_path: Path, s3: S3Settings, ledger_url: str) -> Settings:
    return settings_of(tmp_path / "home", s3, ledger_url)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    with opened(settings) as services:
        yield services


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    ledger = Ledger(ledger_url, retry_timeout=10)
    yield ledger
    ledger.close()


@pytest.fixture
def client(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A logged-in operator's browser."""
    from fastapi.testclient import TestClient

    from airflow_home import baosong_environment
    from baosong_airflow import board_app, tasks

    for name, value in baosong_environment(services.settings).items():
        monkeypatch.setenv(name, value)
    tasks.open_services.cache_clear()
    for guard in (board_app.operators_only, board_app.reviewers_only):
        monkeypatch.setitem(board_app.app.dependency_overrides, guard, lambda: None)
    yield TestClient(board_app.app, follow_redirects=False)
    tasks.open_services.cache_clear()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("film") / "片.mov", seconds=1.5)
