"""The walk of one accepted sheet, from the listing of the intake to the region's report: what it enters and asks for.

Counts the named functions and files of include/baosong that run, transactions of the ledger (advisory locks are none)
and requests to the store. PostgreSQL and the object store are real and the bench's own. A first walk, in an
installation of its own, imports everything and is not counted: imports that are profiled would exceed a check's limit
of processor time. What runs in the sandbox's child processes is not counted either.
"""

from __future__ import annotations

import inspect
import os
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import Connection, event

from baosong.ledger.services import Services
from baosong.pipeline import archive, check, completeness, discover, reply
from baosong.pipeline.open_campaign import open_campaign
from baosong.pipeline.publish import publish_report
from baosong.store.settings import PROJECT
from baosong_local.samples.sheets import make_sheet
from shared.backends import backends

ROOM = f"{PROJECT / 'include' / 'baosong'}{os.sep}"
CODE = "6501"
STORE = {"list_objects": "list", "stat_object": "head", "get_object": "get", "put_object": "put"}
STORE |= {"remove_object": "remove"}
BUDGET = {"files": 60, "functions": 400, "transactions": 32}


@dataclass
class Walk:
    """What was entered and asked for."""

    functions: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    transactions: int = 0
    store: Counter[str] = field(default_factory=Counter)

    def called(self, frame: FrameType, what: str, _argument: object) -> None:
        """Note a call, as `sys.setprofile` tells it."""
        code = frame.f_code
        if what != "call":
            return
        if code.co_filename.startswith(ROOM) and code.co_filename.endswith(".py"):  # templates are none
            if code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<"):  # no class body, no lambda
                self.functions.add(f"{code.co_filename.removeprefix(ROOM)}:{code.co_qualname}")
                self.files.add(code.co_filename.removeprefix(ROOM))
        elif code.co_filename.endswith("minio/api.py") and code.co_name in STORE:
            self.store[STORE[code.co_name]] += 1

    def begun(self, connection: Connection) -> None:
        """Note a transaction; a connection that holds an advisory lock has none."""
        self.transactions += connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT"

    @property
    def figures(self) -> dict[str, int]:
        """Return the four numbers."""
        counts = {"files": len(self.files), "functions": len(self.functions), "transactions": self.transactions}
        return {**counts, "store": self.store.total()}


def run() -> dict[str, Any]:
    """Return the totals, those of each step, and the requests to the store by kind."""
    folder = Path(tempfile.mkdtemp(prefix="baosong-bench-"))
    try:
        with backends(folder) as running:
            for name, watched in (("warm", _unwatched), ("walk", _watched)):
                os.environ.update(running.environment(name))
                walks = _walked(watched)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    total = Walk(
        set().union(*(w.functions for w in walks.values())),
        set().union(*(w.files for w in walks.values())),
        sum(w.transactions for w in walks.values()),
        sum((w.store for w in walks.values()), Counter()),
    )
    kept = all(total.figures[name] <= most for name, most in BUDGET.items())
    steps = {step: ", ".join(f"{n} {what}" for what, n in walk.figures.items()) for step, walk in walks.items()}
    entered = [f"{step} {name}" for step, walk in walks.items() for name in sorted(walk.functions)]
    return {**total.figures, "store_calls": dict(total.store), **steps, "budget": BUDGET, "kept": kept, "all": entered}


def _walked(watched: Callable[[Services], AbstractContextManager[Walk]]) -> dict[str, Walk]:
    services = Services.open()
    services.ledger.migrate()
    campaign = services.campaigns.get(services.campaigns.ids()[0])
    open_campaign(services, campaign)
    prefecture, place = campaign.prefecture(CODE), (campaign.id, CODE)
    sheet = make_sheet(campaign, prefecture, seed=1)
    folder = f"{campaign.id}/{prefecture.folder}/统计表"
    services.storage.put("intake", f"{folder}/{sheet.name}", sheet.content)
    services.ledger.close()
    services = Services.open()  # as a task does: the campaign's file is still to be read
    steps: dict[str, Callable[[], object]] = {
        "find_new": lambda: discover.find_new(services),
        "check": lambda: check.check(services, *place),
        "archive": lambda: archive.archive(services, *place),
        "reply": lambda: reply.reply(services, *place),
        "newly_complete": lambda: completeness.newly_complete(services),
        "report": lambda: publish_report(services, campaign.id, "interim", datetime.now(UTC)),
    }
    walks = {}
    for name, step in steps.items():
        with watched(services) as walks[name]:
            step()
    (row,) = services.ledger.submissions(*place)
    if (row.state, row.replied_at is None) != ("accepted", False):
        raise RuntimeError(f"the sheet is {row.state}")
    services.ledger.close()
    return walks


def _unwatched(_services: Services) -> AbstractContextManager[Walk]:
    return nullcontext(Walk())


@contextmanager
def _watched(services: Services) -> Iterator[Walk]:
    walk = Walk()
    event.listen(services.ledger.engine, "begin", walk.begun)
    threading.setprofile(walk.called)
    sys.setprofile(walk.called)
    try:
        yield walk
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        event.remove(services.ledger.engine, "begin", walk.begun)
