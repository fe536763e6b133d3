"""Walk the main job from an empty machine to the region's report, and hold the result against what was dropped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.pipeline.open_campaign import renew_status_pages
from baosong.rules.errors import BaosongError
from baosong.rules.findings import Kind, Verdict
from baosong.store.settings import home_of
from baosong.store.storage import Storage
from baosong_local import stack
from baosong_local.demo.midway import Midway, make_midway, write_midway
from baosong_local.demo.plan import Drop, Plan, make_plan
from baosong_local.stack.campaigns import open_campaign, storage_as
from baosong_local.stack.running import running_settings
from baosong_local.tables import show_stack

ANSWERS_WITHIN = 300.0  # seconds; a demonstration that waits longer has failed and should say so
REPORT_WITHIN = 180.0


class DemoFailed(BaosongError):
    """Something did not come out as it must; the text says what."""


def run_demo(console: Console, *, small: bool) -> bool:
    """Run the demonstration and return whether everything held; the stack stays up either way."""
    began = time.monotonic()
    with console.status("正在启动服务……") as status:
        info = stack.up(home_of(), progress=status.update)
    show_stack(console, info)
    services = Services.open(running_settings())
    campaign = services.campaigns.get(new_campaign(services.settings.home))
    open_campaign(services, campaign)
    console.print(f"已开放：{campaign.title}，截止 {campaign.deadline_text}", highlight=False)
    try:
        with _progress(console) as progress:
            walk = _Walk(services, campaign, progress)
            plan = walk.make(small)
            walk.drop("报送", plan.first)
            midway, begun = _begin_midway(services, campaign, plan, progress)
            walk.wait_for_answers("等待回执", plan.first)
            walk.drop("更正后补报", plan.corrections)
            walk.wait_for_answers("等待补报回执", plan.corrections)
            figures, prefix = walk.wait_for_report()
            _end_midway(campaign, midway, begun)
        _hold(plan, figures)
    except DemoFailed as failed:
        console.print(f"演示未通过：{failed}", style="red", markup=False, highlight=False)
        return False
    _say(console, campaign, plan, services, prefix, info, time.monotonic() - began)
    _say_midway(console, midway.campaign, services, info)
    return True


def _begin_midway(services: Services, campaign: Campaign, plan: Plan, progress: Progress) -> tuple[_Walk, Midway]:
    """Open the campaign that is to stand in the middle, and drop what comes before its deadline."""
    home = services.settings.home
    second = services.campaigns.get(write_midway(home, campaign, campaign.deadline))
    video = next(d.path for d in plan.first if d.kind is Kind.VIDEO and d.expected is Verdict.ACCEPTED)
    made = make_midway(second, home / "demo" / second.id, video)
    open_campaign(services, second)
    walk = _Walk(services, second, progress)
    walk.drop("另一次活动：报送", made.first)
    return walk, made


def _end_midway(campaign: Campaign, walk: _Walk, made: Midway) -> None:
    """End its time once all of that is answered, however slow the machine, and drop what comes too late."""
    walk.wait_for_answers("另一次活动：等待回执", made.first)
    services = walk.services
    walk.campaign = services.campaigns.get(write_midway(services.settings.home, campaign, datetime.now(campaign.zone)))
    services.ledger.expect(walk.campaign)
    walk.drop("另一次活动：迟报", made.late)
    walk.wait_for_answers("另一次活动：等待迟报回执", made.late)
    renew_status_pages(services, walk.campaign.id)


def new_campaign(home: Path) -> str:
    """Write a campaign like that of 2023 with dates around today, and return its id."""
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    campaign_id = f"demo-{now:%Y%m%d-%H%M%S}"
    folder = home / "campaigns"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        'extends: "2023"',
        f"id: {campaign_id}",
        f"title: {now.year}年自治区科技活动周（演示）",
        f"window: {{start: {now.date() - timedelta(days=14)}, end: {now.date() - timedelta(days=3)}}}",
        f"deadline: {now.date() + timedelta(days=12)} 24:00",
    ]
    (folder / f"{campaign_id}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return campaign_id


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


@dataclass
class _Walk:
    services: Services
    campaign: Campaign
    progress: Progress
    read: set[str] = field(default_factory=set)  # receipts already read
    storages: dict[str, Storage] = field(default_factory=dict)

    def make(self, small: bool) -> Plan:
        total = len(self.campaign.prefectures) + 1
        task = self.progress.add_task("制作演示材料", total=total)
        folder = self.services.settings.home / "demo" / self.campaign.id
        return make_plan(self.campaign, folder, small=small, advance=lambda: self.progress.advance(task))

    def store(self, code: str) -> Storage:
        """Return the store as this prefecture sees it: with its own key."""
        return self.storages.setdefault(code, storage_as(code))

    def drop(self, title: str, drops: list[Drop]) -> None:
        for drop in self.progress.track(drops, description=title):
            area = f"{self.campaign.id}/{self.campaign.prefecture(drop.code).folder}"
            key = "/".join(part for part in (area, drop.folder, drop.path.name) if part)
            self.store(drop.code).put_file("intake", key, drop.path)

    def wait_for_answers(self, title: str, drops: list[Drop]) -> None:
        """Wait until every drop has a receipt with the verdict that it must get."""
        waiting = {(d.code, d.path.name): d.expected for d in drops}
        task = self.progress.add_task(title, total=len(waiting))

        def answered() -> bool:
            for code in {code for code, _ in waiting}:
                for name, verdict in self._new_answers(code):
                    expected = waiting.pop((code, name), verdict)
                    if verdict != expected:
                        raise DemoFailed(f"{code} 的 {name} 应为 {expected}，回执为 {verdict}。")
            self.progress.update(task, completed=len(drops) - len(waiting))
            return not waiting

        if not _until(answered, ANSWERS_WITHIN):
            names = "、".join(f"{code}/{name}" for code, name in sorted(waiting)[:5])
            raise DemoFailed(f"{ANSWERS_WITHIN:.0f} 秒内没有等到 {len(waiting)} 个文件的回执：{names}。")

    def _new_answers(self, code: str) -> Iterable[tuple[str, str]]:
        store = self.store(code)
        prefix = f"{self.campaign.id}/{self.campaign.prefecture(code).folder}/回执/"
        for stored in store.list("outbox", prefix):
            if stored.key.endswith(".json") and stored.key not in self.read:
                receipt = json.loads(store.read("outbox", stored.key))
                self.read.add(stored.key)
                yield from ((f["file"], f["verdict"]) for f in receipt["files"])

    def wait_for_report(self) -> tuple[dict[str, Any], str]:
        task = self.progress.add_task("等待全区汇总", total=1)
        prefix = f"{self.campaign.id}/final/v1/"
        if not _until(
            lambda: self.services.storage.head("reports", f"{prefix}figures.json") is not None, REPORT_WITHIN
        ):
            raise DemoFailed(f"{REPORT_WITHIN:.0f} 秒内没有写出全区汇总。")
        self.progress.advance(task)
        return json.loads(self.services.storage.read("reports", f"{prefix}figures.json")), prefix


def _until(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def _hold(plan: Plan, figures: dict[str, Any]) -> None:
    """Compare the report's totals with the sums of the sheets that were dropped."""
    if figures["missing"]:
        raise DemoFailed(f"汇总仍缺：{figures['missing']}。")
    for code, expected in plan.totals.items():
        found = Decimal(figures["totals"].get(code, "0"))
        if found != expected:
            raise DemoFailed(f"汇总的 {code} 为 {found}，各统计表之和为 {expected}。")
    if figures["activities"] != plan.activities:
        raise DemoFailed(f"汇总有 {figures['activities']} 项活动，各统计表共 {plan.activities} 项。")


def _say(
    console: Console,
    campaign: Campaign,
    plan: Plan,
    services: Services,
    prefix: str,
    info: stack.StackInfo,
    seconds: float,
) -> None:
    data = services.settings.home / "objectstore" / "data"
    sent = len(plan.first) + len(plan.corrections)
    back = len([d for d in plan.first if d.expected is Verdict.REJECTED])
    lines = [
        f"演示通过：{len(campaign.prefectures)} 个地州市报送 {sent} 个文件，{back} 个退回后更正，{seconds:.0f} 秒。",
        f"汇总的 {len(plan.totals)} 项指标与各统计表之和一致，活动 {plan.activities} 项。",
        f"全区汇总  {data / 'reports' / prefix}",
        f"回执      {data / 'outbox' / campaign.id}",
        f"报送看板  {info.ui_url}/baosong/{campaign.id}",
    ]
    _print(console, lines)


def _say_midway(console: Console, campaign: Campaign, services: Services, info: stack.StackInfo) -> None:
    """Say where to look next: at a campaign in which there is something to do."""
    outbox = services.settings.home / "objectstore" / "data" / "outbox" / campaign.id
    area = campaign.prefectures[2].folder
    first = services.settings.home / "secrets.json"
    lines = [
        "另一次活动停在中途：有报齐、提示、退回、待审核、迟报和没有报送的，可以接着看：",
        f"  看板    {info.ui_url}/baosong/{campaign.id}",
        f"  状态页  {outbox / area / '状态.html'}",
        f"Airflow   {info.ui_url}（管理员 {info.user}，首次的密码是 {first} 中的 password）",
        "为每个人建账号：./baosong account add 姓名 --role operator。服务仍在运行，停止请用 ./baosong down。",
    ]
    _print(console, lines)


def _print(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
