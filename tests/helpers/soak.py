"""The whole embedded stack under a demonstration's drops, for tests that break things; and what must be true after.

The truth is kept by the test itself: what was dropped, and what the sheets say when openpyxl alone reads them.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psutil

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.rules.findings import Kind, Verdict
from baosong.store.settings import PROJECT
from baosong.store.storage import Storage, StorageError
from baosong_local import stack
from baosong_local.demo.plan import Drop, Plan, make_plan
from baosong_local.demo.run import new_campaign
from baosong_local.stack.campaigns import open_campaign, storage_as
from baosong_local.stack.running import running_settings
from recount import read_sheet
from waiting import until


@dataclass
class WholeStack:
    """A running stack in `home`, driven as an operator does, by commands and the API."""

    home: Path

    def up(self) -> float:
        """Start it again and return how many seconds that took."""
        began = time.monotonic()
        stack.up(self.home)
        return time.monotonic() - began

    def processes(self) -> list[psutil.Process]:
        """Return all that lives of it, the reaper first."""
        try:
            reaper = psutil.Process(int((self.home / "stack.lock").read_text()))
            return [reaper, *reaper.children(recursive=True)]
        except (psutil.Error, OSError, ValueError):
            return []

    def kill(self) -> int:
        """Kill all of it at once, as a power cut would, and return how many processes there were."""
        doomed = self.processes()
        for process in doomed:
            with suppress(psutil.Error):
                process.kill()
        until(lambda: not stack.is_running(self.home), 30, "the end of the reaper")
        return len(doomed)

    def pid(self, name: str) -> int:
        """Return the process of a component."""
        (found,) = [c.pid for c in stack.status(self.home) if c.name == name]
        assert found is not None
        return found

    def sends(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a component and to all that it has started."""
        with suppress(psutil.NoSuchProcess):  # it has just died, and the status does not know yet
            main = psutil.Process(self.pid(name))
            for process in [main, *main.children(recursive=True)]:
                process.send_signal(number)

    def api(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Ask Airflow as the operator would; AssertionError unless it agrees."""
        facts = json.loads((self.home / "stack.json").read_text(encoding="utf-8"))
        password = json.loads((self.home / "secrets.json").read_text(encoding="utf-8"))["password"]
        with httpx.Client(base_url=facts["BAOSONG_UI_URL"], timeout=60, trust_env=False) as client:
            token = client.post("/auth/token", json={"username": "operator", "password": password}).json()
            headers = {"Authorization": f"Bearer {token['access_token']}"}
            answer = client.request(method, f"/api/v2{path}", headers=headers, **more)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the runs of a DAG."""
        found: list[dict[str, Any]] = self.api("GET", f"/dags/{dag_id}/dagRuns?limit=1000")["dag_runs"]
        return found


@dataclass
class Submitting:
    """Fourteen prefectures that drop, are sent back, and correct; in a thread, whatever befalls the stack."""

    services: Services
    campaign: Campaign
    plan: Plan
    dropped: list[Drop] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)
    _stores: dict[str, Storage] = field(default_factory=dict)
    _thread: threading.Thread | None = None

    @classmethod
    def on(cls, home: Path) -> Submitting:
        """Open a campaign of the demonstration's on the running stack and make its files."""
        services = Services.open(running_settings())
        campaign = services.campaigns.get(new_campaign(home))
        open_campaign(services, campaign)
        plan = make_plan(campaign, home / "dropped", small=True, advance=lambda: None)
        return cls(services, campaign, plan)

    def begin(self, pauses: Callable[[], float], drops: list[Drop], *, correct: bool) -> None:
        """Drop files in the background, a pause before each; if asked, correct then what was sent back."""
        self._thread = threading.Thread(target=self._go, args=(pauses, drops, correct), daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Return whether all is dropped; what the thread met is raised here."""
        assert self._thread is not None
        if self.failed:
            raise self.failed[0]
        return not self._thread.is_alive()

    def drop(self, drop: Drop) -> None:
        """Drop a file as its prefecture does: until the store has taken it."""
        store = self._stores.setdefault(drop.code, storage_as(drop.code))
        area = f"{self.campaign.id}/{self.campaign.prefecture(drop.code).folder}"
        key = "/".join(part for part in (area, drop.folder, drop.path.name) if part)
        while True:
            with suppress(StorageError):
                store.put_file("intake", key, drop.path)
                self.dropped.append(drop)
                return
            time.sleep(1)  # a clerk tries again

    def answers(self) -> dict[tuple[str, str], set[str]]:
        """Return the verdicts by prefecture and file of all receipts in the outbox."""
        told: dict[tuple[str, str], set[str]] = {}
        for stored in self.services.storage.list("outbox", f"{self.campaign.id}/"):
            if "/回执/" in stored.key and stored.key.endswith(".json"):
                receipt = json.loads(self.services.storage.read("outbox", stored.key))
                for file in receipt["files"]:
                    told.setdefault((receipt["prefecture"]["code"], file["file"]), set()).add(file["verdict"])
        return told

    def unanswered(self, drops: Iterable[Drop] | None = None) -> list[str]:
        """Return which of these drops, or of all, have no receipt with the verdict they must get."""
        told, asked = self.answers(), (*self.plan.first, *self.plan.corrections) if drops is None else drops
        return [f"{d.code}/{d.path.name}" for d in asked if d.expected not in told.get((d.code, d.path.name), ())]

    def _go(self, pauses: Callable[[], float], drops: list[Drop], correct: bool) -> None:
        try:
            for drop in drops:
                time.sleep(pauses())
                self.drop(drop)
            if correct:
                self._correct(pauses)
        except BaseException as broken:
            self.failed.append(broken)

    def _correct(self, pauses: Callable[[], float]) -> None:
        """Drop each correction as soon as the wrong file was sent back."""
        wrong = {(d.code, d.kind): d.path.name for d in self.plan.wrong()}
        waiting = {(d.code, d.kind): d for d in self.plan.corrections}
        while waiting:
            time.sleep(pauses())
            told = {}
            with suppress(StorageError):
                told = self.answers()
            for place in [p for p in waiting if Verdict.REJECTED in told.get((p[0], wrong[p]), ())]:
                self.drop(waiting.pop(place))


def final(embedded: WholeStack, submitting: Submitting) -> dict[str, Any]:
    """Return the figures of the final report: the roll-up's, or, if that was lost, what the night makes good."""
    storage, key, by = submitting.services.storage, f"{submitting.campaign.id}/final/v1/figures.json", "the roll-up"
    try:
        until(lambda: storage.stat("reports", key) is not None, 180, by)
    except AssertionError:
        by = "the night"
        embedded.api("POST", "/dags/nightly_consolidation/dagRuns", json={"logical_date": None})
        until(lambda: storage.stat("reports", key) is not None, 180, by)
    print(f"the final report is made by {by}", flush=True)
    found: dict[str, Any] = json.loads(storage.read("reports", key))
    return found


def audit(submitting: Submitting, figures: dict[str, Any]) -> None:
    """Hold the end against the test's own truth: receipts, archive and quarantine, and every figure of the report."""
    plan, services, prefix = submitting.plan, submitting.services, f"{submitting.campaign.id}/"
    assert submitting.unanswered() == []
    accepted = [d for d in (*plan.first, *plan.corrections) if d.expected is Verdict.ACCEPTED]
    assert shas(services, "archive", prefix) == {_sha(d.path) for d in accepted}
    assert shas(services, "quarantine", prefix) == {_sha(d.path) for d in plan.wrong()}
    assert [s.key for s in services.storage.list("intake", prefix)] == []
    assert services.ledger.unfinished() == []
    sheets = [read_sheet(d.path.read_bytes()) for d in accepted if d.kind is Kind.STATISTICS]
    assert len(sheets) == len(submitting.campaign.prefectures)
    for code in plan.totals:
        assert Decimal(figures["totals"].get(code, "0")) == sum(s.values.get((code, "total"), 0) for s in sheets)
    assert figures["activities"] == sum(len(s.activities) for s in sheets)
    assert figures["missing"] == []


def shas(services: Services, bucket: str, prefix: str) -> set[str]:
    """Return the hashes of the bytes that lie in a bucket, without the records beside them."""
    keys = [s.key for s in services.storage.list(bucket, prefix)]
    return {hashlib.sha256(services.storage.read(bucket, k)).hexdigest() for k in keys if f"{k}.json" in keys}


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def seed() -> random.Random:
    """Return the chance of this run; BAOSONG_SOAK_SEED repeats that of another one."""
    number = int(os.environ.get("BAOSONG_SOAK_SEED") or time.time_ns() % 1_000_000)
    print(f"BAOSONG_SOAK_SEED={number}", flush=True)
    return random.Random(number)


def baosong(home: Path, *words: str) -> subprocess.Popen[str]:
    """Start a command on the stack of a home, without what this process knows of another."""
    env = {**os.environ, "BAOSONG_HOME": str(home)}
    for name in [n for n in env if n.startswith(("AIRFLOW__", "BAOSONG_S3", "BAOSONG_LEDGER", "BAOSONG_CAMPAIGNS"))]:
        del env[name]
    argv = [sys.executable, "-m", "baosong_local", *words]
    return subprocess.Popen(argv, cwd=PROJECT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ended(process: subprocess.Popen[str], seconds: float) -> str:
    """Wait for a command's good end and return what it told."""
    told, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0, told
    return told


def finished_runs(embedded: WholeStack, dag_id: str) -> list[dict[str, Any]]:
    """Return the runs of a DAG, when all of them have ended: the report's does so after it wrote."""
    found: list[dict[str, Any]] = []

    def all_ended() -> bool:
        found[:] = embedded.runs(dag_id)
        return not {run["state"] for run in found} & {"queued", "running"}

    until(all_ended, what=f"the end of {dag_id}")
    return found
