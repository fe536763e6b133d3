"""The command line. Each command is a thin wrapper: the work is in the module it names.

Exit codes: 0 all well (for `check`: all accepted), 1 not all accepted or not done, 2 the call itself was wrong.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from baosong.cli import preservation
from baosong.cli.accounts import app as accounts
from baosong.cli.chinese import App, run
from baosong.rules.errors import CallError, OneLineError
from baosong.rules.findings import Checked, Kind, Verdict
from baosong.store.settings import bucket_names, campaign_dirs
from baosong.store.source import Source

if TYPE_CHECKING:  # help and status read no campaign: its model costs them a third of their time
    from baosong.campaign import Campaign, Prefecture
    from baosong.ledger.services import Services

app = App(name="baosong", help="报送：收集、校验、归档、汇总。")
out = Console()
err = Console(stderr=True)

key = App(help="地州市的密钥：更换、停用、权限策略。")
app.add_typer(key, name="key")
app.add_typer(accounts, name="account")
NO_KEYS_HERE = "密钥由您的对象存储发放：请在那里换发或停用（见运行指南第五部分），再用 open --keys 重写发送页。"

app.command("verify")(preservation.verify)
app.command("export")(preservation.export)
app.command("backup")(preservation.backup)
app.command("restore")(preservation.restore)
app.command("rebuild-ledger")(preservation.rebuild_ledger)

CampaignId = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="活动编号，例如 2023")]
Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE…", exists=True, dir_okay=False, readable=True, help="文件的路径，可以写多个"),
]
CampaignOption = Annotated[str, typer.Option("--campaign", help="活动编号")]
KeysFile = Annotated[
    Path | None,
    typer.Option("--keys", exists=True, dir_okay=False, help="密钥清单，每行“代码 密钥 私钥”：据此写发送页和通知函"),
]
Address = Annotated[
    str, typer.Option("--address", help="地州市访问对象存储的网址，如 https://s3.example；不写则与系统的相同")
]
PrefectureCode = Annotated[str, typer.Argument(metavar="CODE", help="地州市代码，例如 6501")]
FileNumber = Annotated[int, typer.Argument(metavar="ID", help="文件的台账序号，见看板和 ./baosong held")]
Reason = Annotated[str, typer.Option(help="理由，写进回执和台账")]
Deadline = Annotated[
    str, typer.Argument(metavar="WHEN", help="新的截止时间，例如 '2023-06-20 24:00'；只写日期即当日 24:00")
]
By = Annotated[str | None, typer.Option("--by", help="经办人；不写则记当前系统用户")]
As = Annotated[Kind | None, typer.Option("--as", help="按哪一种材料处理；不写则自动识别")]


def main() -> None:
    """Run the command line; what a caller can do wrong ends in one clear line and exit code 2."""
    with one_line_errors():
        run(app)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn the errors that a caller can cause into one line; everything else is ours and shows where it broke."""
    try:
        yield
    except OneLineError as wrong:
        err.print(str(wrong), style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


def campaign_of(campaign_id: str) -> Campaign:
    """Return a campaign by id; CampaignError if unknown."""
    from baosong.campaign import Campaigns

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
    from baosong.validation.check import prepare

    prepare(kind, [path.name for path in files])
    campaign = campaign_of(campaign_id)
    owner = prefecture_of(campaign, prefecture) if prefecture else None
    answers = [answer for path in files for answer in read_answers(path, kind, campaign, owner)]
    if as_json:
        typer.echo(json.dumps({"campaign": campaign.id, "files": answers}, ensure_ascii=False, indent=2))
    else:
        from baosong.cli.tables import show_answers

        show_answers(out, campaign, answers)
    raise typer.Exit(0 if all(a["verdict"] == Verdict.ACCEPTED for a in answers) else 1)


def read_answers(path: Path, kind: Kind | None, campaign: Campaign, owner: Prefecture | None) -> list[dict[str, Any]]:
    """Return a file's answers; CallError if it cannot be read, or no longer."""
    from baosong.validation.sandbox.run import SandboxUnavailable

    try:
        return list(answers_of(path, kind, campaign, owner))
    except SandboxUnavailable:
        raise
    except OSError as gone:
        raise CallError(f"读不了 {path}：{gone.strerror}。校验期间文件可能被移走、改名或断开，请确认后重试。") from gone


def answers_of(path: Path, kind: Kind | None, campaign: Campaign, owner: Prefecture | None) -> Iterator[dict[str, Any]]:
    """Check a file and yield its answer, for a bundle also those of all files in it."""
    from baosong.validation import packages
    from baosong.validation.check import check as run
    from baosong.validation.check import classify
    from baosong.validation.packages import offline

    source = Source.from_path(path)
    if packages.is_bundle(source):
        for inside, inner, checked in offline.check(source, kind, campaign, owner):
            yield answer_of(f"{path}/{inside}" if inside else str(path), inner, checked)
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
    from baosong.campaign.blank_form.template import make_template

    campaign = campaign_of(campaign_id)
    owner = prefecture_of(campaign, prefecture) if prefecture else None
    try:
        output.write_bytes(make_template(campaign, owner))
    except OSError as refused:
        raise CallError(f"无法写入 {output}：{refused.strerror}。") from None
    out.print(f"已生成 {output}", highlight=False)


@app.command("open")
def open_(campaign_id: CampaignId, keys: KeysFile = None, address: Address = "") -> None:
    """开放一次活动：建好存储桶、各地州市的文件夹和空白统计表；给出密钥清单的，写出发送页和通知函。"""
    from baosong.ledger.services import Services
    from baosong.pipeline.open_campaign import open_campaign

    services, campaign = Services.open(), campaign_of(campaign_id)
    pairs = read_keys(keys, campaign) if keys else {}
    open_campaign(services, campaign)
    say_opened(campaign, "密钥由您的对象存储另行发放")
    write_pages(services, campaign, pairs, address)


def say_opened(campaign: Campaign, keys: str) -> None:
    """Tell who opened a campaign what is open, and where the keys come from."""
    say(f"{campaign.title}已开放，{len(campaign.prefectures)} 个地州市；{keys}。")


def say(text: str) -> None:
    """Print a line as it is."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def read_keys(path: Path, campaign: Campaign) -> dict[str, tuple[str, str]]:
    """Return the key pairs of a list by prefecture; CallError names a line that is none."""
    found, codes = {}, {p.code for p in campaign.prefectures}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.split()
        if words and (len(words) != 3 or words[0] not in codes):
            raise CallError(f"{path} 第 {number} 行应为“地州市代码 密钥 私钥”，并且是这次活动的地州市。")
        if words:
            found[words[0]] = (words[1], words[2])
    return found


def write_pages(services: Services, campaign: Campaign, pairs: dict[str, tuple[str, str]], address: str) -> None:
    """Make a store of one's own ready for send pages, write those whose keys are given, and tell what lacks."""
    from baosong.pipeline.open_campaign import allow_pages, write_send_pages

    if not allow_pages(services):
        methods = "GET、HEAD、PUT、POST、DELETE"
        say(f"对象存储没有接受跨域设置（CORS），发送页用不了：请在存储上允许任意来源的 {methods}，并公开 ETag。")
    if pairs:
        say(f"{len(pairs)} 个地州市的发送页和通知函在 {write_send_pages(services, campaign, pairs, address)}。")
    else:
        say("要写发送页，请用 --keys 给出密钥清单。")


@key.command()
def rotate(code: PrefectureCode) -> None:
    """更换一个地州市的密钥（只用于单机内嵌的存储）。"""
    raise CallError(NO_KEYS_HERE)


@key.command()
def revoke(code: PrefectureCode) -> None:
    """停用一个地州市的密钥（只用于单机内嵌的存储）。"""
    raise CallError(NO_KEYS_HERE)


@key.command()
def policy(code: PrefectureCode, campaign_id: CampaignOption = "2023") -> None:
    """输出一个地州市密钥的权限策略（JSON，AWS 的写法），用于自备的对象存储。"""
    from baosong.store.policy import key_policy

    owner = prefecture_of(campaign_of(campaign_id), code)
    typer.echo(json.dumps(key_policy(campaign_id, owner.code, bucket_names(os.environ)), indent=2))


@app.command()
def report(
    campaign_id: CampaignId, interim: Annotated[bool, typer.Option("--interim", help="未收齐也写，标明中期")] = False
) -> None:
    """立即生成全区汇总。"""
    from baosong.ledger.services import Services
    from baosong.pipeline.publish import publish_report

    services = Services.open()
    campaign = services.campaigns.get(campaign_id)
    missing = {p.code for p in campaign.prefectures} - set(services.ledger.complete_prefectures(campaign))
    if missing and not interim:
        names = "、".join(campaign.prefecture(code).name for code in sorted(missing))
        raise CallError(f"尚有 {len(missing)} 个地州市未报齐：{names}。如需先看中期汇总，请加 --interim。")
    written = publish_report(services, campaign_id, "interim" if interim else "final", datetime.now(campaign.zone))
    out.print(f"{'已生成' if written['new'] else '数据未变，沿用'} reports/{written['prefix']}", highlight=False)


@app.command()
def held(campaign_id: Annotated[str | None, typer.Argument(metavar="CAMPAIGN", help="只看一次活动")] = None) -> None:
    """列出待人工审核的文件：序号、原因和可以怎样办。"""
    from baosong.cli.tables import show_held
    from baosong.ledger.services import Services

    services = Services.open()
    if campaign_id:
        campaign_of(campaign_id)
    show_held(out, services.ledger.held(campaign_id))


@app.command()
def release(
    number: FileNumber,
    reason: Reason,
    kind: Annotated[Kind | None, typer.Option("--as", help="没有认出材料的，指明是哪一项")] = None,
    refuse: Annotated[bool, typer.Option("--refuse", help="不放行，退回")] = False,
    who: By = None,
) -> None:
    """人工审核：放行（或退回）一个待审核的文件，随即归档并出具回执。"""
    from baosong.cli.tables import show_settled
    from baosong.ledger.services import Services
    from baosong.pipeline import manual_review

    services, who = Services.open(), who or manual_review.operator()
    if refuse:
        manual_review.refuse(services, number, who, reason)
    else:
        manual_review.release(services, number, who, reason, kind)
    show_settled(out, manual_review.settle(services, number))


@app.command()
def waive(
    number: FileNumber,
    rules: Annotated[list[str], typer.Option("--rule", help="免除哪一条规则；退回的原因都要写，可以写几次")],
    reason: Reason,
    who: By = None,
) -> None:
    """免除要求：接收一个因这些规则被退回的文件，随即归档并出具回执。"""
    from baosong.cli.tables import show_settled
    from baosong.ledger.services import Services
    from baosong.pipeline import manual_review, operator_acts

    services = Services.open()
    operator_acts.waive(services, number, who or manual_review.operator(), rules, reason)
    show_settled(out, manual_review.settle(services, number))


@app.command()
def withdraw(number: FileNumber, reason: Reason, who: By = None) -> None:
    """撤回：应请求让一个已接收的文件不再计入，随即出具回执；原件和记录保留。"""
    from baosong.cli.tables import show_settled
    from baosong.ledger.services import Services
    from baosong.pipeline import manual_review, operator_acts

    services = Services.open()
    operator_acts.withdraw(services, number, who or manual_review.operator(), reason)
    show_settled(out, manual_review.settle(services, number))


@app.command()
def extend(
    code: PrefectureCode, until: Deadline, reason: Reason, who: By = None, campaign_id: CampaignOption = "2023"
) -> None:
    """延长一个地州市的截止时间：此前标注迟报、在新的截止时间之前收到的文件不再算迟报。"""
    from baosong.ledger.services import Services
    from baosong.pipeline import manual_review, more_time

    services = Services.open()
    campaign = services.campaigns.get(campaign_id)
    owner, who, now = prefecture_of(campaign, code), who or manual_review.operator(), datetime.now(campaign.zone)
    say(more_time.extend(services, campaign, owner.code, until, who, reason, now))
