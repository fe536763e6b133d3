"""A PostgreSQL and an object store of a benchmark's own, real ones, gone when it ends."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baosong.store.settings import BUCKETS, INTERNAL_ENDPOINT, PROJECT
from baosong_local.stack.objectstore import ObjectStore
from baosong_local.stack.postgres import Postgres
from baosong_local.stack.process import Program, start, stop

KEY = "BENCH"


@dataclass(frozen=True, slots=True)
class Backends:
    """The running services, both of the store's doors among them.

    `environment` makes a ledger and names the buckets of one installation on them.
    """

    folder: Path
    postgres: Postgres
    store: ObjectStore
    internal: ObjectStore
    secret: str

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment that leads to an installation; its database is made, its buckets are not."""
        self.postgres.execute(f'CREATE DATABASE "{name}"')
        return {
            "BAOSONG_HOME": str(self.folder / "home"),
            "BAOSONG_LEDGER_URL": self.postgres.url(name),
            "BAOSONG_S3_ENDPOINT": self.store.endpoint,
            INTERNAL_ENDPOINT: self.internal.endpoint,
            "BAOSONG_S3_ACCESS_KEY": KEY,
            "BAOSONG_S3_SECRET_KEY": self.secret,
            "BAOSONG_CAMPAIGNS": os.pathsep.join(
                (str(PROJECT / "include" / "campaigns"), str(self.folder / "campaigns"))
            ),
            **{f"BAOSONG_BUCKET_{bucket.upper()}": f"{bucket}-{name}" for bucket in BUCKETS},
        }


@contextmanager
def backends(folder: Path) -> Iterator[Backends]:
    """Run the services in `folder` and end them."""
    for part in ("postgres", "objectstore"):
        (folder / part).mkdir()
    postgres = Postgres(folder / "postgres", folder / "postgres.log", durable=False)
    postgres.prepare()
    store = ObjectStore(folder / "objectstore", _free_port(), folder / "objectstore.log")
    store.prepare(())
    internal = store.internal_server(_free_port(), folder / "internal.log")
    secret = secrets.token_hex(16)
    store.grant_all(KEY, secret)
    children: list[tuple[Any, Program]] = []
    try:
        for server in (postgres, store, internal):
            children.append((start(server.program()), server.program()))
            _wait(server.is_ready)
        yield Backends(folder, postgres, store, internal, secret)
    finally:
        for child, program in reversed(children):
            stop(child, program.stop)
        postgres.drop_sockets()


def _wait(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError("a service did not start")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
