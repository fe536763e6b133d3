"""The command line of a checkout: what production has, and the embedded stack, the demo, tests and benchmarks."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import typer

from baosong.cli.accounts import app as accounts
from baosong.cli.chinese import App, run
from baosong.cli.main import (
    Address,
    As,
    CampaignId,
    CampaignOption,
    Files,
    KeysFile,
    PrefectureCode,
    campaign_of,
    one_line_errors,
    out,
    policy,
    prefecture_of,
    read_keys,
    say,
    say_opened,
    write_pages,
)
from baosong.cli.main import app as production
from baosong.rules.errors import CallError, OneLineError
from baosong.store.settings import PROJECT, home_of

app = App(name="baosong", help=production.info.help)
app.registered_commands += [command for command in production.registered_commands if command.name != "open"]
key = App(help="地州市的密钥：更换、停用、权限策略。")
app.add_typer(key, name="key")
key.command()(policy)
app.add_typer(accounts, name="account")
OFFLINE = {"check", "template"}
PRODUCTION = {c.name or getattr(c.callback, "__name__", "") for c in production.registered_commands}


@app.callback()
def prepare(context: typer.Context) -> None:
    """报送：收集、校验、归档、汇总。"""
    if context.invoked_subcommand in PRODUCTION - OFFLINE:
        from baosong_local.stack.running import running_environment

        os.environ.update(running_environment())


def main() -> None:
    """Run the command line; what a caller can do wrong ends in one clear line and exit code 2."""
    with one_line_errors():
        run(app)


@app.command("open")
def open_(campaign_id: CampaignId, keys: KeysFile = None, address: Address = "") -> None:
    """开放一次活动：建好存储桶、各地州市的文件夹、空白统计表、密钥、发送页和通知函。"""
    from baosong.ledger.services import Services
    from baosong_local.stack.campaigns import open_campaign

    services, campaign = Services.open(), campaign_of(campaign_id)
    pairs = read_keys(keys, campaign) if keys else {}
    if folder := open_campaign(services, campaign):
        say_opened(campaign, f"密钥在 {folder}，发送页和通知函在其下的 {campaign.id}")
    else:
        say_opened(campaign, "密钥由您的对象存储另行发放")
        write_pages(services, campaign, pairs, address)


@key.command()
def rotate(code: PrefectureCode) -> None:
    """更换一个地州市的密钥：旧的立即失效，写出新的发送页。"""
    from baosong_local.stack import campaigns

    pages = campaigns.rotate(code)
    then = "请把新的发送页交给对方：" if pages else "新的发送页在活动开放后、服务启动时写出。"
    say(f"已更换 {code} 的密钥，旧的立即失效。{then}")
    for page in pages:
        say(str(page))


@key.command()
def revoke(code: PrefectureCode) -> None:
    """停用一个地州市的密钥：立即失效，发送页随之删除；rotate 可再发新的。"""
    from baosong_local.stack import campaigns

    had = campaigns.revoke(code)
    text = f"已停用 {code} 的密钥，立即失效。要重新发放，请运行 ./baosong key rotate {code}。"
    say(text if had else f"{code} 现在没有密钥。")


@app.command("init-env")
def init_env(
    rotate: Annotated[
        str, typer.Option("--rotate", metavar="名称", help="换发密码文件夹里的一个，并列出接着要运行的命令")
    ] = "",
) -> None:
    """写出正式部署用的 .env 和旁边的密码文件：生成全部密码；已有的只补缺少的，并逐项检查，有错时退出码为 1。"""
    from baosong_local import env_file

    path = PROJECT / ".env"
    made = env_file.complete(path)
    steps = env_file.rotate(path, rotate) if rotate else []
    if made:
        say(f"已写入 {path} 和旁边的 secrets/（只有您能读）：{'、'.join(made)}。请另存一份到安全的地方。")
    wrong = list(env_file.problems(path))
    for line in wrong:
        say(line)
    if wrong:
        raise typer.Exit(1)
    if rotate:
        say("\n".join([f"已换发 secrets/{rotate.lower()}，请另存一份到安全的地方。接着依次运行：", *steps]))
    else:
        say(f"{path} 和 secrets/ 齐全，可以启动：docker compose up -d --build")


@app.command()
def up(foreground: Annotated[bool, typer.Option("--foreground", help="留在前台，按 Ctrl-C 停止")] = False) -> None:
    """启动内嵌的全部服务。"""
    from baosong_local import stack
    from baosong_local.tables import show_stack

    with out.status("正在启动……") as status:
        info = stack.up(home_of(), foreground=foreground, progress=status.update)
    show_stack(out, info)
    if foreground:
        stack.stay(home_of())


@app.command()
def down() -> None:
    """停止内嵌的全部服务。"""
    from baosong_local import stack

    out.print("已停止。" if stack.down(home_of()) else "服务没有运行。")


@app.command()
def status() -> None:
    """显示各服务的状态；全部正常时退出码为 0。"""
    from baosong.validation.sandbox.run import SandboxUnavailable, missing_belts
    from baosong_local import stack
    from baosong_local.tables import show_components

    components = stack.status(home_of())
    show_components(out, components)
    if any(c.name == "postgres" and c.healthy for c in components):
        _show_waiting()
    try:
        if missing := missing_belts():
            out.print(f"这台机器不提供 {'、'.join(missing)}，报送的文件在较弱的隔离中打开。")
    except SandboxUnavailable as untried:
        out.print(str(untried))
    raise typer.Exit(0 if components and all(c.healthy for c in components) else 1)


def _show_waiting() -> None:
    """Show how long the oldest unanswered files have waited; nothing where the ledger cannot be asked just now."""
    from sqlalchemy.exc import SQLAlchemyError

    from baosong.ledger import Ledger
    from baosong.receipts.board import waiting_text
    from baosong_local.stack.running import running_settings

    with suppress(SQLAlchemyError, OneLineError):
        since = Ledger(running_settings().ledger_url, 0).oldest_queued()
        out.print(waiting_text(since, datetime.now(UTC)) or "没有尚未答复的文件。")


@app.command()
def logs(
    component: Annotated[str | None, typer.Argument(help="只看一个服务，例如 scheduler")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="持续显示")] = False,
) -> None:
    """显示各服务的日志。"""
    from baosong_local import stack

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


@app.command()
def submit(
    files: Files,
    prefecture: Annotated[str, typer.Option(help="地州市代码或名称")],
    kind: As = None,
    campaign_id: CampaignOption = "2023",
) -> None:
    """以某地州市的身份报送文件。"""
    from baosong_local.stack.campaigns import storage_as

    campaign = campaign_of(campaign_id)
    owner = prefecture_of(campaign, prefecture)
    storage = storage_as(owner.code)
    folder = f"{campaign.id}/{owner.folder}" + (f"/{campaign.deliverable(kind).folder}" if kind else "")
    for path in files:
        storage.put_file("intake", f"{folder}/{path.name}", path)
        out.print(f"已送达 {folder}/{path.name}", markup=False, highlight=False)


@app.command()
def demo(small: Annotated[bool, typer.Option("--small", help="每个地州市只报最少的文件")] = False) -> None:
    """演示：启动服务，14 个地州市报送、更正，直到写出全区汇总。"""
    from baosong_local.demo import run_demo

    raise typer.Exit(0 if run_demo(out, small=small) else 1)


@app.command()
def bench(name: Annotated[str | None, typer.Argument(help="只跑一项，例如 latency")] = None) -> None:
    """性能测量：与同类工具在同一次运行中对比，输出 JSON 和表格。"""
    known = sorted(path.stem for path in (PROJECT / "bench").glob("*.py"))
    if name and name not in known:
        raise CallError(f"没有名为“{name}”的测量。可用：{'、'.join(known)}。")
    from baosong_local.tables import show_figures

    sys.path.append(str(PROJECT / "bench"))  # for what they share
    for chosen in [name] if name else known:
        figures = runpy.run_path(str(PROJECT / "bench" / f"{chosen}.py"))["run"]()
        typer.echo(json.dumps({"bench": chosen, **figures}, ensure_ascii=False))
        show_figures(out, chosen, figures)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """运行测试：unit 只跑单元测试，changed 只跑与改动有关的；其余参数交给 pytest。"""
    from baosong_local import test_command

    raise typer.Exit(test_command.run(context.args))
