"""The commands of preservation: verify, export, rebuild the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from baosong.rules.errors import CallError

out = Console()
err = Console(stderr=True)


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that shows progress under a title: done of total."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as progress:
        tasks: dict[str, TaskID] = {}

        def show(title: str, done: int, total: int) -> None:
            if title not in tasks:
                tasks[title] = progress.add_task(title, total=total)
            progress.update(tasks[title], completed=done, total=total)

        yield show


def verify(
    campaign_id: Annotated[
        str | None, typer.Argument(metavar="[CAMPAIGN]", help="活动编号；不写则核对全部，包括认不出报送单位的")
    ] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="只抽读这么多个，其余只核对清单")] = None,
    mend: Annotated[bool, typer.Option("--mend", help="先据台账补写缺失或损坏的日志，再据副本恢复汇总文件")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="接着上次中断的地方继续")] = False,
) -> None:
    """核对归档：逐个读出归档和隔离的文件以及全区汇总，与记录、台账比对；全部完好时退出码为 0。"""
    from baosong.ledger.services import Services
    from baosong.preservation import change_log, fixity

    services = Services.open()
    if campaign_id is not None:
        services.campaigns.get(campaign_id)
    mark = services.settings.home / f"verify-{campaign_id or 'all'}.txt"
    for key in change_log.repair(services, campaign_id) if mend else ():
        out.print(f"已补写日志 archive/{key}", markup=False, highlight=False, soft_wrap=True)
    for key in fixity.repair_reports(services, campaign_id) if mend else ():
        out.print(f"已恢复 reports/{key}", markup=False, highlight=False, soft_wrap=True)
    chosen = fixity.sample(sample) if sample else fixity.since(_began(mark, resume=resume))
    with _bar() as show:
        result = fixity.verify(services, campaign_id, chosen, lambda done, total: show("核对归档", done, total))
    if not sample:
        mark.unlink(missing_ok=True)
    for place, faults in result.faults.items():
        _print_error(f"{place}：{'；'.join(faults)}")
    summary = f"共 {result.total} 项，本次读出 {result.read} 项，"
    summary += f"{len(result.faults)} 项有问题。" if result.faults else "全部完好。"
    out.print(summary, highlight=False)
    raise typer.Exit(1 if result.faults else 0)


def _began(mark: Path, *, resume: bool) -> datetime:
    """Return the start of this verification, which for a resumed one is that of the first attempt."""
    if resume and mark.exists():
        return datetime.fromisoformat(mark.read_text(encoding="utf-8"))
    if resume:
        err.print("没有中断的核对，从头开始。")
    now = datetime.now(UTC)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(now.isoformat(), encoding="utf-8")
    return now


def export(
    campaign_id: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="活动编号，例如 2023")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="新的或空的文件夹")],
) -> None:
    """导出移交：把接收的材料、记录、回执和汇总装成一个 BagIt 包。"""
    from baosong.ledger.services import Services
    from baosong.preservation.export import export as make

    services = Services.open()
    campaign = services.campaigns.get(campaign_id)
    try:
        with _bar() as show:
            files = make(services, campaign, folder, datetime.now(UTC), lambda done, total: show("导出", done, total))
    except OSError as refused:
        raise CallError(f"无法写入 {folder}：{refused.strerror}。") from None
    out.print(f"已导出 {files} 个文件到 {folder}", markup=False, highlight=False, soft_wrap=True)


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="新的、空的，或上次备份的文件夹；再次备份只取新的内容")],
) -> None:
    """备份：台账、全部存储桶和配置（含口令）；可反复备份到同一文件夹，每次是一个可恢复的时点。"""
    from baosong.ledger.services import Services
    from baosong.preservation.backup import backup as make
    from baosong.rules.words import size_text

    try:
        with _bar() as show:
            made = make(Services.open(), folder, datetime.now(UTC), show)
    except OSError as refused:
        raise CallError(f"无法写入 {folder}：{refused.strerror or refused}。") from None
    new = f"其中新取 {made.fetched} 个（{size_text(made.fetched_bytes)}）"
    out.print(f"已备份台账 {made.rows} 行、文件 {made.objects} 个，{new}，存于：", highlight=False, soft_wrap=True)
    out.print(str(made.point), markup=False, highlight=False, soft_wrap=True)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="./baosong backup 写出的文件夹；恢复其中最新的时点")],
) -> None:
    """恢复：把备份放回新装的系统；先通读核对备份，有损坏或系统已有数据时不作改动。"""
    from baosong.ledger.services import Services
    from baosong.preservation.restore import restore as put_back

    with _bar() as show:
        done = put_back(Services.open(), folder, show)
    line = f"已恢复 {done.point.name}：台账 {done.rows} 行，文件 {done.objects} 个，配置 {len(done.configuration)} 个。"
    out.print(line, highlight=False, soft_wrap=True)
    for path in done.left:
        out.print(f"与备份不同，未改动：{path}", markup=False, highlight=False, soft_wrap=True)
    for path, kept in done.failed:
        out.print(f"未能写入，请手工放回：{path}（备份在 {kept}）", markup=False, highlight=False, soft_wrap=True)
    out.print("请再运行 ./baosong open 恢复版本和保留锁、重发密钥，并用 ./baosong verify 核对。", soft_wrap=True)


def rebuild_ledger(
    replace: Annotated[bool, typer.Option("--replace", help="台账不空时也重建；现有台账改名保留")] = False,
) -> None:
    """从归档重建台账：台账丢失后，仅凭归档桶和隔离桶恢复全部登记。"""
    from baosong.ledger.services import Services
    from baosong.preservation.rebuild import rebuild

    with _bar() as show:
        done = rebuild(Services.open(), show, replace=replace)
    rows = "，".join(f"{_TABLES[name]} {count}" for name, count in done.rows.items())
    out.print(f"台账已重建：日志 {done.segments} 页；{rows}。", highlight=False, soft_wrap=True)
    if done.salvaged:
        out.print(f"有 {done.salvaged} 个文件日志没有记载，已据归档记录补登，下次收件时出具回执。", highlight=False)
    if done.aside:
        out.print(f"原来的台账保留在数据库模式 {done.aside} 中，确认无误后可由管理员删除。", highlight=False)
    for fault in done.faults:
        _print_error(fault)
    raise typer.Exit(1 if done.faults else 0)


def _print_error(line: str) -> None:
    err.print(line, style="red", markup=False, highlight=False, soft_wrap=True)


_TABLES = {
    "receipt": "回执",
    "submission": "文件",
    "history": "状态变化",
    "edition": "报告",
    "announcement": "交齐通知",
    "closing": "截止确认",
    "extension": "延长截止",
    "custody": "保管核对",
    "indicator_value": "指标",
    "activity": "活动",
    "fingerprint": "内容指纹",
}
