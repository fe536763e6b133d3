"""Messages as people read them, on a phone: plain text, the main thing first; and what became of each, for the board.

They leave the house, so they hold no secret, no address, and not even the name of a file that bears a marking.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from baosong.campaign import Campaign, Prefecture
from baosong.ledger.notifications import SPOOLED, STALE, Message
from baosong.receipts.view import Json
from baosong.rules.words import ellipsize, time_text
from baosong.store.keys import RECEIPTS

if TYPE_CHECKING:
    from baosong.ledger import Notification

_UNDER_WAY = timedelta(minutes=2)
_CHANNELS = {"mail": "邮件", "chat": "群消息"}


def message_line(row: Notification, campaign: Campaign, now: datetime) -> Json:
    """Return a message as the board lists it: to whom, about what, and what became of it, with how that looks."""
    names = {p.code: p.name for p in campaign.prefectures}
    text, look = _outcome(row, campaign, now)
    return {
        "at": time_text(row.created_at, campaign.zone),
        "to": names.get(row.prefecture, row.prefecture) if row.prefecture else "值班人员",
        "channel": _CHANNELS[row.channel],
        "subject": f"{row.subject}（经办人：{row.who}）" if row.who else row.subject,
        "text": text,
        "look": look,
    }


def _outcome(row: Notification, campaign: Campaign, now: datetime) -> tuple[str, str]:
    if row.note == SPOOLED:
        return f"没有发出：{row.note}", "held"
    if row.sent_at:
        text = f"已发出 {time_text(row.sent_at, campaign.zone)}"
        return (f"{text}；{row.note}", "held") if row.note else (text, "done")
    if row.handed_over_at:
        if now - row.handed_over_at < _UNDER_WAY:
            return "正在发送", "waiting"
        return "发送时中断，对方可能已收到，不再重发；要紧的请电话确认", "held"
    if now - row.created_at > STALE:
        return f"{STALE.days} 天没有发出，不再发送；{row.note or '发送流程没有运行'}", "failed"
    return (f"等待重发：{row.note}", "failed") if row.note else ("等待发送", "waiting")


_MOST_FILES, _MOST_FINDINGS, _MOST_BRIEF = 10, 3, 30


def receipt_messages(campaign: Campaign, prefecture: Prefecture, receipt: Json, name: str) -> list[Message]:
    """Return what a receipt has to tell: its main line to the prefecture's contacts, held files to operators.

    `receipt` is its payload, `name` that of its page.
    """
    number, messages = str(receipt["number"]), []
    if campaign.contact(prefecture.code).emails:
        subject = f"回执{receipt['number_text']}：{receipt['answer']['short']}（{prefecture.name}，{campaign.title}）"
        body = _text(_receipt_lines(campaign, prefecture, receipt, name))
        messages.append(Message("receipt", campaign.id, prefecture.code, number, "mail", subject, body))
    held = sum(file["state"] == "held" for file in receipt["files"])
    if held:
        subject = f"{prefecture.name}有 {held} 个文件待人工审核（{campaign.title}）"
        body = _text([f"{subject}。", "", "请打开报送看板的“需要跟进”，看过后放行或退回。"])
        messages += to_operators(campaign, "held", f"{prefecture.code}/{number}", subject, body)
    return messages


def to_operators(campaign: Campaign, event: str, cause: str, subject: str, body: str, brief: str = "") -> list[Message]:
    """Return a message of a campaign to its operators, by mail if it has their addresses, and to the robots.

    A robot gets the `brief` text if there is one: that of WeCom takes 2,048 bytes.
    """
    mail = [Message(event, campaign.id, "", cause, "mail", subject, body)] if campaign.operators else []
    return [*mail, Message(event, campaign.id, "", cause, "chat", subject, brief or body)]


def system_alarm(campaigns: Sequence[Campaign], event: str, cause: str, what: str, now: datetime) -> list[Message]:
    """Return an alarm to the operators of all campaigns about the system as a whole, one per cause and day of `now`."""
    subject = f"报警：{what}"
    lines = [
        f"{what}。",
        "",
        f"时间：{now:%Y-%m-%d %H:%M}（北京时间）",
        "请打开报送看板和 Airflow 界面查看，处理办法见运行指南“出了故障”。同一原因当天不再提醒。",
    ]
    texts = (subject, _text(lines))
    day = f"{cause} {now:%Y-%m-%d}"
    mail = [Message(event, "", "", day, "mail", *texts)] if any(c.operators for c in campaigns) else []
    return [*mail, Message(event, "", "", day, "chat", *texts)]


class Reminded(NamedTuple):
    """A prefecture that has not sent all by its deadline; `deliverables` as `describe_deliverables` gives them."""

    prefecture: Prefecture
    deadline: datetime
    deliverables: list[Json]

    @property
    def missing(self) -> list[Json]:
        """Return what the prefecture has to send; what is being checked or reviewed it need not send again."""
        return [d for d in self.deliverables if d["lacking"] and d["state"] in ("missing", "rejected")]


def reminder_message(campaign: Campaign, reminded: Reminded, now: datetime) -> Message:
    """Return today's reminder: what is missing, in the words of the status page, and how many days are left."""
    prefecture, when = reminded.prefecture, _when(campaign, reminded.deadline, now)
    subject = f"催报：{when}，还缺 {len(reminded.missing)} 项（{prefecture.name}，{campaign.title}）"
    under_way = [d for d in reminded.deliverables if d["lacking"] and d not in reminded.missing]
    lines = [
        f"{prefecture.name}：{when}，{campaign.title}还缺 {len(reminded.missing)} 项材料：",
        *(f"· {d['name']}：{d['word']}（放入“{d['folder']}”）" for d in reminded.missing),
        *(["", "已收到、不必重新报送的："] if under_way else []),
        *(f"· {d['name']}：{d['word']}" for d in under_way),
        "",
        "请用发送页报送；已退回的按回执改好再放入一次。过了截止时间仍可报送，将标注为迟报。",
        *closing(campaign, reminded.deadline),
    ]
    return Message("reminder", campaign.id, prefecture.code, _day(campaign, now), "mail", subject, _text(lines))


def reminder_overview(campaign: Campaign, reminded: Sequence[Reminded], now: datetime) -> list[Message]:
    """Return what operators are told of today's reminders: who lacks what, and who can be reached by telephone only."""
    subject = f"今天催报 {len(reminded)} 个地州市（{campaign.title}）"
    lines = [f"{subject}：", *(_overview_line(campaign, one, now) for one in reminded)]
    brief = [f"· {one.prefecture.name} 缺 {len(one.missing)} 项" for one in reminded[:_MOST_BRIEF]]
    if len(reminded) > _MOST_BRIEF:
        brief.append(f"· 共 {len(reminded)} 个，其余见看板")
    return to_operators(campaign, "reminder", _day(campaign, now), subject, _text(lines), _text(brief))


def extension_messages(campaign: Campaign, prefecture: Prefecture, reason: str) -> list[Message]:
    """Return what a prefecture is told of its new deadline, which is the `campaign`'s here."""
    if not campaign.contact(prefecture.code).emails:
        return []
    until = campaign.deadline_text
    subject = f"截止时间延长至{until}（{prefecture.name}，{campaign.title}）"
    lines = [
        f"{prefecture.name}报送{campaign.title}材料的截止时间延长至{until}（北京时间）。",
        f"理由：{reason}",
        "",
        "在新的截止时间之前收到的文件，此前标注“迟报”的不再算迟报；已发出的回执不变，以状态页为准。",
        *closing(campaign, campaign.deadline),
    ]
    cause = campaign.deadline.isoformat()
    return [Message("extension", campaign.id, prefecture.code, cause, "mail", subject, _text(lines))]


def _overview_line(campaign: Campaign, one: Reminded, now: datetime) -> str:
    lacking = "、".join(f"{d['name']}（{d['word']}）" for d in one.missing)
    if all(d["state"] == "missing" and not d["accepted"] for d in one.deliverables):
        lacking = f"全部 {len(one.missing)} 项"
    by_phone = "" if campaign.contact(one.prefecture.code).emails else "；没有邮箱，请电话催报"
    return f"· {one.prefecture.name}：{_when(campaign, one.deadline, now)}，缺{lacking}{by_phone}"


def _day(campaign: Campaign, now: datetime) -> str:
    return now.astimezone(campaign.zone).date().isoformat()


def _when(campaign: Campaign, deadline: datetime, now: datetime) -> str:
    left = (campaign.last_day(deadline) - now.astimezone(campaign.zone).date()).days
    if left > 0:
        return f"还有 {left} 天截止"
    if now < deadline:
        return "今天截止"
    return f"已过截止时间 {-left} 天" if left else "今天已过截止时间"


def closing(campaign: Campaign, deadline: datetime) -> list[str]:
    """Return the end of a message to a prefecture: by when, whom to ask, and that mail is no way to submit."""
    office = campaign.recipient
    return [
        "",
        f"截止时间：{campaign.text_of(deadline)}（北京时间）",
        f"有疑问请致电{office.office}：{'、'.join(office.phones)}",
        "",
        f"{campaign.organizer}。本邮件由系统自动发送；材料请用发送页报送，不要用邮件发送。",
    ]


def _text(lines: Sequence[str] | Iterator[str]) -> str:
    return "\n".join(lines) + "\n"


def _receipt_lines(campaign: Campaign, prefecture: Prefecture, receipt: Json, name: str) -> Iterator[str]:
    yield f"{prefecture.name}：{receipt['answer']['text']}"
    if receipt["late"]:
        yield f"其中 {receipt['late']} 个文件在截止时间之后收到，已照常处理并标注“迟报”。"
    if rejected := [file for file in receipt["files"] if file["state"] == "rejected"]:
        yield from ["", "需要修改的："]
        for number, file in enumerate(rejected[:_MOST_FILES], start=1):
            yield from _rejected_lines(number, file)
        if len(rejected) > _MOST_FILES:
            yield f"共 {len(rejected)} 个文件，其余见回执。"
    yield from ["", "接下来："] if receipt["next"] else []
    yield from (f"· {step}" for step in receipt["next"])
    yield from [
        "",
        f"回执时间：{receipt['issued_text']}",
        f"回执全文在“{RECEIPTS}”文件夹，也可在发送页下方打开：{name}.html",
    ]
    yield from closing(campaign, campaign.deadline)


def _rejected_lines(number: int, file: Json) -> Iterator[str]:
    if any(finding["rule"] == "file.classified" for finding in file["findings"]):
        yield f"{number}. 一个文件，见回执"
        return
    yield f"{number}. {ellipsize(file['title'])}（{file['deliverable_name']}）"
    errors = [finding for finding in file["findings"] if finding["severity"] == "error"]
    for finding in errors[:_MOST_FINDINGS]:
        yield f"   · {ellipsize(finding['place'])}：{ellipsize(finding['message'], 120)}"
        if finding["fix"]:
            yield f"     怎样修改：{ellipsize(finding['fix'], 160)}"
    if len(errors) > _MOST_FINDINGS:
        yield f"   · 共 {len(errors)} 处，其余见回执"
