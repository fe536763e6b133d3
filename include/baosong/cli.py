"""The command line. Each command is a thin wrapper: the work is in the module it names.

Exit codes: 0 all well (for `check`: all accepted), 1 not all accepted or not done, 2 the call itself was wrong.
"""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from baosong import custody_cli
from baosong.campaign import Campaign, CampaignError, Campaigns, Prefecture
from baosong.findings import Checked, Kind, Verdict
from baosong.settings import PROJECT, SettingsError, campaign_dirs, home_of
from baosong.source import Source

app = typer.Typer(name="baosong", no_args_is_help=True, add_completion=False, help="报送：收集、校验、归档、汇总。")
out = Console()
err = Console(stderr=True)

app.command("verify")(custody_cli.verify)
app.command("export")(custody_cli.export)
app.command("rebuild-ledger")(custody_cli.rebuild_ledger)

CampaignId = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="活动编号，例如 2023")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE…", exists=True, dir_okay=False, readable=True)]
CampaignOption = Annotated[str, typer.Option("--campaign", help="活动编号")]
As = Annotated[Kind | None, typer.Option("--as", help="按哪一种材料处理；不写则自动识别")]


class CallError(Exception):
    """The call itself was wrong; the text is one line for the caller."""


def main() -> None:
    """Run the command line; what a caller can do wrong ends in one clear line and exit code 2."""
    with told():
        app(prog_name="baosong")


@contextmanager
def told() -> Iterator[None]:
    """Turn the errors that a caller can cause into one line; everything else is ours and shows where it broke."""
    try:
        yield
    except Exception as wrong:
        if not isinstance(wrong, _callers_errors()):
            raise
        err.print(str(wrong), style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


def _callers_errors() -> tuple[type[Exception], ...]:
    """Import what names them only when there is an error: it takes most commands longer than their work."""
    from baosong.acts import ActRefused
    from baosong.report import TemplateRefused
    from baosong.stack import StackError
    from baosong.storage import StorageError

    return ActRefused, CallError, CampaignError, SettingsError, StackError, StorageError, TemplateRefused


def campaign_of(campaign_id: str) -> Campaign:
    """Return a campaign by id; CampaignError if unknown."""
    return Campaigns(campaign_dirs()).get(campaign_id)


def prefecture_of(campaign: Campaign, text: str) -> Prefecture:
    """Return a prefecture by code, name or alias; CallError if the campaign has none such."""
    known = [p for p in campaign.prefectures if p.code == text]
    found = known[0] if known else campaign.prefecture_named(text)
    if found is None:
        names = "、".join(f"{p.code} {p.name}" for p in campaign.prefectures)
        raise CallError(f"没有地州市“{text}”。可用：{names}。")
    return found


@app.command()
def check(
    files: Files,
    campaign_id: CampaignOption = "2023",
    prefecture: Annotated[str | None, typer.Option(help="地州市代码或名称")] = None,
    kind: As = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """校验文件：与正式流程完全相同的规则，离线运行。"""
    campaign = campaign_of(campaign_id)
    owner = prefecture_of(campaign, prefecture) if prefecture else None
    answers = [answer for path in files for answer in answers_of(path, kind, campaign, owner)]
    if as_json:
        typer.echo(json.dumps({"campaign": campaign.id, "files": answers}, ensure_ascii=False, indent=2))
    else:
        from baosong.tables import show_answers

        show_answers(out, campaign, answers)
    raise typer.Exit(0 if all(a["verdict"] == Verdict.ACCEPTED for a in answers) else 1)


def answers_of(path: Path, kind: Kind | None, campaign: Campaign, owner: Prefecture | None) -> Iterator[dict[str, Any]]:
    """Check a file and yield its answer, for a bundle also those of all files in it."""
    from baosong import bundles
    from baosong.bundles import offline
    from baosong.checks import check as run
    from baosong.checks import classify

    source = Source.from_path(path)
    if bundles.is_bundle(source):
        for inside, told, checked in offline.check(source, kind, campaign, owner):
            yield answer_of(f"{path}/{inside}" if inside else str(path), told, checked)
    else:
        known = kind or classify(source, campaign)
        yield answer_of(str(path), known, run(source, known, campaign, owner))


def answer_of(file: str, kind: Kind | None, checked: Checked) -> dict[str, Any]:
    """Return one file's answer as the `check --json` contract spells it."""
    return {
        "file": file,
        "deliverable": kind.value if kind else None,
        "verdict": checked.verdict.value,
        "findings": [f.as_json() for f in checked.findings],
        "facts": checked.facts,
    }


@app.command()
def template(
    campaign_id: CampaignId,
    output: Annotated[Path, typer.Option("-o", "--output", help="写到哪个 xlsx 文件")],
    prefecture: Annotated[str | None, typer.Option(help="预填哪个地州市")] = None,
) -> None:
    """生成空白统计表。"""
    from baosong.template import make_template

    campaign = campaign_of(campaign_id)
    owner = prefecture_of(campaign, prefecture) if prefecture else None
    try:
        output.write_bytes(make_template(campaign, owner))
    except OSError as refused:
        raise CallError(f"无法写入 {output}：{refused.strerror}。") from None
    out.print(f"已生成 {output}", highlight=False)


@app.command()
def up(foreground: Annotated[bool, typer.Option(help="留在前台，按 Ctrl-C 停止")] = False) -> None:
    """启动内嵌的全部服务。"""
    from baosong import stack
    from baosong.tables import show_stack

    with out.status("正在启动……") as status:
        info = stack.up(home_of(), foreground=foreground, progress=status.update)
    show_stack(out, info)
    if foreground:
        stack.stay(home_of())


@app.command()
def down() -> None:
    """停止内嵌的全部服务。"""
    from baosong import stack

    out.print("已停止。" if stack.down(home_of()) else "服务没有运行。")


@app.command()
def status() -> None:
    """显示各服务的状态；全部正常时退出码为 0。"""
    from baosong import stack
    from baosong.tables import show_components

    components = stack.status(home_of())
    show_components(out, components)
    raise typer.Exit(0 if components and all(c.healthy for c in components) else 1)


@app.command()
def logs(
    component: Annotated[str | None, typer.Argument(help="只看一个服务，例如 scheduler")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="持续显示")] = False,
) -> None:
    """显示各服务的日志。"""
    from baosong import stack

    paths = stack.log_paths(home_of())
    if component and component not in paths:
        raise CallError(f"没有服务“{component}”。可用：{'、'.join(paths) or '（尚未启动过）'}。")
    chosen = [str(p) for name, p in paths.items() if component in (None, name) and p.exists()]
    if not chosen:
        raise CallError("还没有日志。请先运行 ./baosong up。")
    flags = ["-n", "40", *(["-F"] if follow else [])]
    try:
        raise typer.Exit(subprocess.run(["tail", *flags, *chosen], check=False).returncode)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


@app.command("open")
def open_(campaign_id: CampaignId) -> None:
    """开放一次活动：建好存储桶、各地州市的文件夹、空白统计表和密钥。"""
    from baosong.opening import open_campaign
    from baosong.workdesk import Desk

    campaign = campaign_of(campaign_id)
    folder = open_campaign(Desk.open(), campaign)
    keys = f"密钥在 {folder}" if folder else "密钥由您的对象存储另行发放"
    told = f"{campaign.title}已开放，{len(campaign.prefectures)} 个地州市；{keys}。"
    out.print(told, markup=False, highlight=False, soft_wrap=True)


@app.command()
def submit(
    files: Files,
    prefecture: Annotated[str, typer.Option(help="地州市代码或名称")],
    kind: As = None,
    campaign_id: CampaignOption = "2023",
) -> None:
    """以某地州市的身份报送文件。"""
    from baosong.opening import storage_as

    campaign = campaign_of(campaign_id)
    owner = prefecture_of(campaign, prefecture)
    storage = storage_as(owner.code)
    folder = f"{campaign.id}/{owner.folder}" + (f"/{campaign.deliverable(kind).folder}" if kind else "")
    for path in files:
        storage.put_file("intake", f"{folder}/{path.name}", path)
        out.print(f"已送达 {folder}/{path.name}", markup=False, highlight=False)


@app.command()
def report(
    campaign_id: CampaignId,
    interim: Annotated[bool, typer.Option(help="未收齐也写，标明中期")] = False,
) -> None:
    """立即生成全区汇总。"""
    from baosong.report import write_report
    from baosong.report.pdf import put_pdf
    from baosong.workdesk import Desk

    desk = Desk.open()
    campaign = desk.campaigns.get(campaign_id)
    missing = {p.code for p in campaign.prefectures} - set(desk.ledger.complete_prefectures(campaign))
    if missing and not interim:
        names = "、".join(campaign.prefecture(code).name for code in sorted(missing))
        raise CallError(f"尚有 {len(missing)} 个地州市未报齐：{names}。如需先看中期汇总，请加 --interim。")
    written = write_report(desk, campaign_id, "interim" if interim else "final", datetime.now(campaign.zone))
    put_pdf(desk.storage, written["prefix"])
    out.print(f"{'已生成' if written['new'] else '数据未变，沿用'} reports/{written['prefix']}", highlight=False)


@app.command()
def held(campaign_id: Annotated[str | None, typer.Argument(metavar="CAMPAIGN", help="只看一次活动")] = None) -> None:
    """列出待人工审核的文件：序号、原因和可以怎样办。"""
    from baosong.tables import show_held
    from baosong.workdesk import Desk

    desk = Desk.open()
    if campaign_id:
        campaign_of(campaign_id)
    show_held(out, desk.ledger.held(campaign_id))


@app.command()
def release(
    number: Annotated[int, typer.Argument(metavar="ID", help="文件的台账序号，见 ./baosong held")],
    reason: Annotated[str, typer.Option(help="理由，写进回执和台账")],
    kind: Annotated[Kind | None, typer.Option("--as", help="没有认出材料的，指明是哪一项")] = None,
    refuse: Annotated[bool, typer.Option("--refuse", help="不放行，退回")] = False,
    who: Annotated[str | None, typer.Option("--by", help="审核人；不写则记当前系统用户")] = None,
) -> None:
    """人工审核：放行（或退回）一个待审核的文件，随即归档并出具回执。"""
    from baosong import acts
    from baosong.tables import show_settled
    from baosong.workdesk import Desk

    desk, who = Desk.open(), who or acts.operator()
    if refuse:
        acts.refuse(desk, number, who, reason)
    else:
        acts.release(desk, number, who, reason, kind)
    show_settled(out, acts.settle(desk, number))


@app.command()
def demo(small: Annotated[bool, typer.Option(help="每个地州市只报最少的文件")] = False) -> None:
    """演示：启动服务，14 个地州市报送、更正，直到写出全区汇总。"""
    from baosong.demo import run_demo

    raise typer.Exit(0 if run_demo(out, small=small) else 1)


@app.command()
def bench(name: Annotated[str | None, typer.Argument(help="只跑一项，例如 latency")] = None) -> None:
    """性能测量：与同类工具在同一次运行中对比，输出 JSON 和表格。"""
    known = sorted(path.stem for path in (PROJECT / "bench").glob("*.py"))
    if name and name not in known:
        raise CallError(f"没有名为“{name}”的测量。可用：{'、'.join(known)}。")
    from baosong.tables import show_figures

    sys.path.append(str(PROJECT / "bench"))  # for what they share
    for chosen in [name] if name else known:
        figures = runpy.run_path(str(PROJECT / "bench" / f"{chosen}.py"))["run"]()
        typer.echo(json.dumps({"bench": chosen, **figures}, ensure_ascii=False))
        show_figures(out, chosen, figures)


# Half of the suite waits for other processes; more than four workers would ask for more memory than a desk has.
SPREAD = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadgroup", "-m", "not stack and not soak")
ALONE = ("-m", "stack and not soak")  # the whole stack is a computer's work already


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """运行测试；其余参数交给 pytest。"""

    def run(*words: str, **how: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([sys.executable, "-m", *words], cwd=PROJECT, check=False, **how)

    if context.args:
        raise typer.Exit(run("pytest", *context.args).returncode)
    checks = [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["pytest", *SPREAD], ["pytest", *ALONE]]
    with ThreadPoolExecutor(1) as beside:  # one process that nobody waits for: it fills what the tests leave idle
        types = beside.submit(run, "mypy", stdout=subprocess.PIPE)
        codes = [run(*c).returncode for c in checks]
        sys.stdout.buffer.write(types.result().stdout)
    raise typer.Exit(next((c for c in [*codes, types.result().returncode] if c), 0))
