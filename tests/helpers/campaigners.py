"""Campaigns on the production stack: opened by its command, sent to by a few prefectures, all held in the end."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from audit import Audit, Drop
from baosong.campaign import Campaign, Prefecture
from baosong.ledger.services import Services
from baosong.rules.findings import Kind
from baosong_local.samples import documents, media, sheets
from containers import Container
from production import Production
from waiting import until

PATIENCE = 420.0
"""Seconds for whatever must come in the end: a lost worker's tasks come back after a minute and a retry's pause."""
Files = Iterator[tuple[Kind, str, bytes]]


@dataclass
class Campaigners:
    """Who sends, what was sent so far in all campaigns, and the audit that holds it against the stack's buckets."""

    production: Production
    folder: Path
    services: Services
    audit: Audit = field(init=False)
    drops: list[Drop] = field(default_factory=list)
    campaigns: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.audit = Audit(self.services, {})

    def open(self, name: str, prefectures: int = 3) -> Campaign:
        """Open a campaign of a few prefectures, as docs/operators.md says."""
        today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
        senders = self.services.campaigns.get("2023").prefectures[:prefectures]
        lines = [
            'extends: "2023"',
            f"id: {name}",
            f"title: {today.year}年自治区科技活动周（{name}）",
            f"window: {{start: {today - timedelta(days=14)}, end: {today - timedelta(days=3)}}}",
            f"deadline: {today + timedelta(days=12)} 24:00",
            "prefectures:",
            *(f"  - {{code: '{p.code}', name: {p.name}}}" for p in senders),
        ]
        folder = self.production.volumes / "home" / "campaigns"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text("\n".join([*lines, ""]), encoding="utf-8")
        self.production.worker().run("python", "-m", "baosong", "open", name)
        self.campaigns.append(name)
        return self.services.campaigns.get(name)

    def send(self, campaign: Campaign, *, which: slice = slice(None), wrong: bool = False) -> None:
        """Drop all that all or `which` prefectures owe, and for the first a sheet with a `wrong` total, if asked."""
        for number, prefecture in list(enumerate(campaign.prefectures))[which]:
            for kind, name, data in self._files(campaign, prefecture, number):
                self._drop(campaign, prefecture, kind, name, data)
        if wrong:
            first = campaign.prefectures[0]
            bad = sheets.wrong_total(sheets.make_sheet(campaign, first, seed=99, photos=1))
            verdict = ("rejected", frozenset({"statistics.total_mismatch"}))
            self._drop(campaign, first, Kind.STATISTICS, "统计表初稿.xlsx", bad, verdict)

    def send_film(self, campaign: Campaign) -> None:
        """Drop a film so long that it goes by the lane of its own."""
        film = media.rewrap(_clip(self.folder), self.folder / "film.mov", before=("-stream_loop", "11"))
        self._drop(campaign, campaign.prefectures[0], Kind.VIDEO, "开幕式.mov", film.read_bytes())

    def receives(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the reviews that are done of a DAG."""
        return [t for t in self.tasks("success") if (t["dag_id"], t["task_id"]) == (dag_id, "receive")]

    def hold(self, campaign: Campaign) -> None:
        """Wait until all is answered and the report is written, then hold everything: bytes, ledger, tasks, roll-up."""
        self.wait(lambda: not self.waiting(), f"an answer to {campaign.id}")
        self.wait(lambda: not self.without_report(), f"the report of {campaign.id}")
        self.audit.when_all_is_quiet(self.drops)
        self.production.worker().run("python", "-m", "baosong", "verify", campaign.id)
        for state in ("failed", "upstream_failed"):
            assert self.tasks(state) == []
        assert self.rolled_up() == sorted(self.campaigns)

    def wait(self, true: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        """Wait until something is true; to ask all the time would take a processor of the API server's."""
        until(true, seconds, what, every=0.3)

    def waiting(self) -> list[str]:
        """Return the keys of what lies in the intake, or has no receipt yet."""
        unfinished = self.services.ledger.unfinished()
        return [s.key for s in self.services.storage.list("intake")] or [str(u) for u in unfinished]

    def tasks(self, state: str) -> list[dict[str, Any]]:
        """Return the task instances of all DAGs in a state."""
        path = f"/dags/~/dagRuns/~/taskInstances?state={state}&limit=1000"
        found: list[dict[str, Any]] = self.production.api("GET", path)["task_instances"]
        return found

    def ids(self, state: str, queue: str = "") -> set[str]:
        """Return the ids of all task instances in a state, or of those of one queue; a second try has another."""
        return {task["id"] for task in self.tasks(state) if queue in ("", task["queue"])}

    def stop_reviews(self, worker: Container) -> int:
        """Stop the reviews that a worker is at work at, as if they took long; return how many stand still."""
        return worker.hold({task["pid"] for task in self.at_work().values() if task["hostname"] == worker.name})

    def fetched(self) -> set[str]:
        """Return the ids of queued tasks that workers have fetched from Redis and not begun."""
        told = [json.loads(line)[0] for line in self.production.redis("HVALS", "unacked")]
        return self._named([base64.b64decode(message["body"]) for message in told], "queued")

    def given_out_again(self) -> set[str]:
        """Return the ids of running tasks that lie in Redis once more."""
        told = [json.loads(line) for line in self.production.redis("LRANGE", "default", "0", "-1")]
        return self._named([base64.b64decode(message["body"]) for message in told], "running")

    def _named(self, messages: list[bytes], state: str) -> set[str]:
        text = b"".join(messages).decode()
        return {each for each in self.ids(state) if each in text}

    def without_report(self) -> list[str]:
        """Return the campaigns whose report is not written yet."""
        return [name for name in self.campaigns if name not in self.rolled_up("success")]

    def rolled_up(self, *states: str) -> list[str]:
        """Return the campaigns of the report's runs, in some states or all; one that is there twice ran twice."""
        runs = self.production.api("GET", "/dags/province_report/dagRuns?limit=1000")["dag_runs"]
        return sorted(str(run["partition_key"]) for run in runs if not states or run["state"] in states)

    def catch(self) -> tuple[Container, dict[str, Any]]:
        """Freeze the worker that first has a file's review in hand, and return it and the task."""
        caught: list[tuple[Container, dict[str, Any]]] = []
        self.wait(lambda: caught or self._try_to_catch(caught), "a task at work")
        return caught[0]

    def at_work(self) -> dict[str, dict[str, Any]]:
        """Return the tasks by id that review files just now, each on a worker."""
        found = [t for t in self.tasks("running") if t["task_id"] == "receive"]
        return {t["id"]: t for t in found if t["hostname"] in self.production.containers}

    def begun_by(self, worker: Container) -> set[str]:
        """Return the ids of the tasks that a worker has begun, or done."""
        found = [*self.tasks("running"), *self.tasks("success")]
        return {task["id"] for task in found if task["hostname"] == worker.name}

    def _try_to_catch(self, caught: list[tuple[Container, dict[str, Any]]]) -> None:
        for task in self.at_work().values():
            worker = self.production.containers[task["hostname"]]
            worker.freeze()
            if task["id"] in self.at_work():
                caught.append((worker, task))
                return
            worker.thaw()

    def _files(self, campaign: Campaign, prefecture: Prefecture, number: int) -> Files:
        yield Kind.REPORT, "总结报告.docx", documents.make_report(campaign, prefecture, seed=number)
        yield Kind.PHOTO, "活动照片1.jpg", media.make_photo(len(self.drops), prefecture.name)
        yield Kind.PRESS, "媒体报道1.docx", documents.make_press(campaign, prefecture, seed=number)
        comment = f"comment={campaign.id}-{number}"
        clip = media.rewrap(_clip(self.folder), self.folder / "own.mov", "-y", "-map", "0", "-metadata", comment)
        yield Kind.VIDEO, "启动仪式.mov", clip.read_bytes()
        sheet = sheets.make_sheet(campaign, prefecture, seed=number, photos=1)
        yield Kind.STATISTICS, sheet.name, sheet.content

    def _drop(
        self,
        campaign: Campaign,
        prefecture: Prefecture,
        kind: Kind,
        name: str,
        data: bytes,
        verdict: tuple[str, frozenset[str]] = ("accepted", frozenset()),
    ) -> None:
        key = f"{campaign.id}/{prefecture.folder}/{campaign.deliverable(kind).folder}/{name}"
        self.services.storage.put("intake", key, data)
        stored = self.services.storage.stat("intake", key)
        assert stored is not None
        drop = Drop(key, data, stored.identity)
        self.drops.append(drop)
        self.audit.verdicts = {**self.audit.verdicts, drop.sha256: verdict}


@cache
def _clip(folder: Path) -> Path:
    return media.make_clip(folder / "clip.mov", seconds=1)
