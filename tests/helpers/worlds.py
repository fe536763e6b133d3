"""One small installation and its senders: what they drop is remembered, so that it can be held against the review."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, select

from audit import Audit, Drop, errors_of
from baosong.campaign import Campaigns
from baosong.ledger import Ledger, Submission
from baosong.ledger.models import Base
from baosong.ledger.services import Services
from baosong.rules.findings import Checked
from baosong.store.settings import BUCKETS, PROJECT, S3Settings, Settings
from baosong.store.storage import Storage
from baosong.validation import check as checks
from baosong_local.stack.postgres import Postgres
from faults import Ended, Seam, closed, in_child, kill, seamed
from intake_run import run
from servers import PIPELINE_KEY, Store, copying
from waiting import tick, until

CAMPAIGNS = Campaigns([PROJECT / "include" / "campaigns"])


@dataclass
class World:
    """Five buckets, a database, and what was dropped."""

    services: Services
    postgres: Postgres
    audit: Audit
    drops: list[Drop] = field(default_factory=list)

    def drop(self, key: str, data: bytes) -> None:
        """Put a file as a prefecture does; what lay there unread is overwritten."""
        self.take_back(key, remove=False)
        tick()
        self.services.storage.put("intake", key, data)
        stored = self.services.storage.stat("intake", key)
        assert stored is not None
        self.drops.append(Drop(key, data, stored.identity))

    def take_back(self, key: str, remove: bool = True) -> None:
        """Remove a file from the intake, if it still lies there."""
        there = self.services.storage.stat("intake", key)
        for drop in self.drops:
            if there is not None and (drop.key, drop.identity) == (key, there.identity):
                drop.taken_back = True
        if remove:
            self.services.storage.remove("intake", key)

    def review(self, seam: Seam | None = None, endpoint: str = "", retry_timeout: float = 5.0) -> Seam:
        """Review all there is, with things happening on the way; return what was done. `endpoint`: not the store's."""
        seam, settings = seam or Seam(), self.services.settings
        s3 = replace(settings.s3, endpoint=endpoint or settings.s3.endpoint)
        with closed(seamed(replace(settings, s3=s3), CAMPAIGNS, seam, retry_timeout)) as services:
            run(services)
        return seam

    def killed(self, seam: Seam, work: Callable[[Services], Any] = run, settle: bool = True) -> Ended:
        """Review in a child that the seam kills; return, to `settle`, when PostgreSQL, too, has noticed its end."""
        ended = in_child(lambda: work(seamed(self.services.settings, CAMPAIGNS, seam)))
        if settle:
            self.settled()
        return ended

    def rows(self) -> list[Submission]:
        return self.services.ledger.run(lambda s: list(s.scalars(select(Submission).order_by(Submission.id))))

    def settled(self) -> None:
        """Wait until no connection is left: a dead process's locks outlive it by moments."""
        self.services.ledger.close()
        query = "SELECT 1 FROM pg_stat_activity WHERE datname = %s"
        until(
            lambda: not self.postgres.execute(query, _name_of(self.services.settings)),
            what="the end of all connections",
        )

    def quieten(self) -> None:
        """Review undisturbed: once must be enough, whatever happened before. Then hold the audit."""
        self.settled()
        run(self.services)
        self.audit.when_all_is_quiet(self.drops)


def killing(effect: int, phase: Any) -> Seam:
    return Seam(at_effect={(effect, phase): kill})


class Worlds:
    """Makes worlds on one store and one PostgreSQL: each is empty, or a copy of one that was prepared."""

    def __init__(self, store: Store, postgres: Postgres, folder: Path, name: str) -> None:
        self._store, self._postgres, self._folder, self._name = store, postgres, folder, name
        self._numbers = itertools.count(1)
        self.verdicts: dict[str, tuple[str, frozenset[str]]] = {}
        self._empty = self._prepared_empty()

    def _prepared_empty(self) -> Settings:
        settings = self._settings("empty", self._database("empty"))
        self._postgres.execute(f'CREATE DATABASE "{self._database("empty")}"')
        Storage(settings.s3).ensure_buckets()
        ledger = Ledger(settings.ledger_url)
        ledger.migrate()
        ledger.close()
        return settings

    def _database(self, mark: str) -> str:
        return f"{self._name}_{mark}"

    def _settings(self, mark: str, database: str) -> Settings:
        buckets = {name: f"{name}-{self._name}-{mark}" for name in BUCKETS}
        s3 = S3Settings(self._store.server.endpoint, PIPELINE_KEY, self._store.secret, False, "us-east-1", buckets)
        url = self._postgres.url(database)
        return Settings(self._folder / "home", s3, url, [PROJECT / "include" / "campaigns"])

    @contextmanager
    def world(self, like: World | None = None) -> Iterator[World]:
        """Give a world and clear it away afterwards: an empty one, or one like another, its files' times included.

        There is one empty world at a time, because all of them use the same database in turn.
        """
        number = next(self._numbers)
        self._store.renew()
        settings = self._settings(str(number), self._database(str(number)) if like else self._database("empty"))
        if like:
            like.settled()
            self._postgres.execute(copying(_name_of(like.services.settings), _name_of(settings)))
        self._copy_of(like.services.settings if like else self._empty, settings)
        services = Services(settings, Storage(settings.s3), Ledger(settings.ledger_url), CAMPAIGNS)
        world = World(
            services, self._postgres, Audit(services, self.verdicts), [replace(d) for d in like.drops] if like else []
        )
        try:
            yield world
        finally:
            if like:
                services.ledger.close()
                self._postgres.execute(f'DROP DATABASE "{_name_of(settings)}" WITH (FORCE)')
            else:
                _emptied(world)
            for name in BUCKETS:
                shutil.rmtree(self._store.server.data / settings.s3.buckets[name])

    def _copy_of(self, origin: Settings, settings: Settings) -> None:
        """Copy the buckets with their files' times: these are the identities that the ledger knows."""
        for name in BUCKETS:
            source, target = (self._store.server.data / s.s3.buckets[name] for s in (origin, settings))
            subprocess.run(["cp", "-a", str(source), str(target)], check=True)

    def learn(self, drops: Sequence[tuple[str, bytes]]) -> None:
        """Review these files undisturbed, each under a name of its own, and keep what was said of them."""
        with self.world() as world:
            for number, (key, data) in enumerate(drops):
                folder, _, name = key.rpartition("/")
                world.drop(f"{folder}/{number}-{name}" if folder else f"{number}-{name}", data)
            run(world.services)
            for row in world.rows():
                self.verdicts[row.sha256 or ""] = (row.verdict or "", errors_of(row.findings))


def _name_of(settings: Settings) -> str:
    return make_url(settings.ledger_url).database or ""


def _emptied(world: World) -> None:
    """Empty the tables, also of what the ledger itself refuses to give up."""
    world.settled()
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with closed(world.services), world.services.ledger.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(f"TRUNCATE {tables}")


def remembering(check: Callable[..., Checked]) -> Callable[..., Checked]:
    """Return the check with a memory: of the same bytes it says again what it said, since it looks at nothing else.

    A schedule is about effects; without this it would be nearly all arithmetic of sheets.
    """
    known: dict[tuple[Any, ...], Checked] = {}

    def checked(source: Any, kind: Any, campaign: Any, prefecture: Any = None) -> Checked:
        with source.open() as f:
            digest = hashlib.sha256(f.read()).hexdigest()
        what = (digest, source.name, kind, campaign.id, prefecture and prefecture.code)
        if what not in known:
            known[what] = check(source, kind, campaign, prefecture)
        return deepcopy(known[what])

    return checked


def installed(patch: Any) -> None:
    patch.setattr(checks, "check", remembering(checks.check))


@contextmanager
def own_store(postgres: Postgres, folder: Path) -> Iterator[Worlds]:
    """Make worlds on a store of their own: what a child of theirs leaves behind is in nobody's way."""
    store = Store(folder / "store")
    with pytest.MonkeyPatch.context() as patch:
        installed(patch)
        (folder / "copies").mkdir()
        yield Worlds(store, postgres, folder / "copies", folder.name)
    store.stop()
