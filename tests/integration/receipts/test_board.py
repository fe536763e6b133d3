"""The operators' board on the real ledger: who is complete, who is missing, what failed and why."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import unquote

from baosong.campaign import Campaign
from baosong.campaign.model import Contact
from baosong.ledger.notifications import SPOOLED
from baosong.ledger.services import Services
from baosong.receipts.board import render_board
from baosong.receipts.prefecture_page import render_prefecture
from baosong.receipts.view import script_hash
from baosong.rules.findings import Kind, Verdict, error, warning
from feed import NOW, feed, feed_all
from mail_help import mail

HOSTILE = "<script>alert(1)</script>\u202e.jpg"


def text_of(html: str) -> str:
    """Return a page's visible text without style, with spaces where tags were."""
    body = html[html.index("<body>") :]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", body)))


def board_of(services: Services, campaign: Campaign) -> str:
    return render_board(services.ledger, campaign, NOW, bool)


def rows_of(html: str) -> list[str]:
    """Return the text of each prefecture's line of the matrix."""
    matrix = html[html.index('<table class="matrix stacked">') :].partition("</table>")[0]
    return [text_of("<body>" + row) for row in matrix.split("<tr>")[2:]]


def follow_up(html: str) -> str:
    return text_of("<body>" + html[html.index("需要跟进") : html.index("<h2>最近到达")])


def test_an_empty_campaign_shows_fourteen_silent_prefectures_and_what_will_happen(
    services: Services, campaign: Campaign
) -> None:
    html = board_of(services, campaign)
    assert len(rows_of(html)) == 14
    assert all(row.count("○ 未报送") == 5 for row in rows_of(html))
    text = text_of(html)
    for said in ("0 / 14", "70 项材料未报齐，14 个单位尚未报送", "还没有收到任何文件", "目前没有被退回或待审核的文件"):
        assert said in text


def test_a_complete_prefecture_is_counted_and_marked(services: Services, campaign: Campaign) -> None:
    feed_all(services.ledger, campaign, "6504")
    html = board_of(services, campaign)
    assert "1 / 14" in text_of(html)
    assert rows_of(html)[2].count("✓ 已齐") == 5
    assert "✓ 报齐" in rows_of(html)[2]


def test_every_state_has_a_symbol_and_a_word_beside_its_colour(services: Services, campaign: Campaign) -> None:
    feed(services.ledger, campaign, "6501", Kind.PHOTO, "a.jpg", verdict=Verdict.REJECTED)
    feed(services.ledger, campaign, "6501", Kind.REPORT, "b.docx", verdict=Verdict.HELD)
    feed(services.ledger, campaign, "6501", Kind.PRESS, "c.pdf")
    row = rows_of(board_of(services, campaign))[0]
    for said in ("× 已退回，待重新报送", "△ 待人工审核", "✓ 已齐", "○ 未报送", "未报齐"):
        assert said in row


def test_a_rejection_is_listed_with_its_rule_and_reason_until_it_is_made_good(
    services: Services, campaign: Campaign
) -> None:
    feed(services.ledger, campaign, "6501", Kind.PHOTO, "a.jpg", verdict=Verdict.REJECTED)
    assert "照片无法打开 photo.unreadable" in follow_up(board_of(services, campaign))
    feed(services.ledger, campaign, "6501", Kind.PHOTO, "b.jpg", at=NOW + timedelta(minutes=5))
    assert "照片无法打开" not in follow_up(board_of(services, campaign))


def test_a_second_rejection_of_the_same_file_replaces_the_first(services: Services, campaign: Campaign) -> None:
    for minutes in range(2):
        at = NOW + timedelta(minutes=minutes)
        feed(services.ledger, campaign, "6501", Kind.STATISTICS, f"{minutes}.xlsx", verdict=Verdict.REJECTED, at=at)
    listed = follow_up(board_of(services, campaign))
    assert "1.xlsx" in listed
    assert "0.xlsx" not in listed


def test_a_held_file_waits_for_a_human_though_the_deliverable_is_there(services: Services, campaign: Campaign) -> None:
    feed(services.ledger, campaign, "6501", Kind.PRESS, "held.pdf", verdict=Verdict.HELD)
    feed(services.ledger, campaign, "6501", Kind.PRESS, "good.pdf")
    assert "held.pdf" in follow_up(board_of(services, campaign))


def test_what_nobody_could_classify_is_followed_up_until_the_prefecture_is_complete(
    services: Services, campaign: Campaign
) -> None:
    feed(services.ledger, campaign, "6501", None, "谜.bin", verdict=Verdict.REJECTED)
    assert "谜.bin" in follow_up(board_of(services, campaign))
    feed_all(services.ledger, campaign, "6501")
    assert "谜.bin" not in follow_up(board_of(services, campaign))


def test_names_and_findings_of_prefectures_are_escaped(services: Services, campaign: Campaign) -> None:
    bad = [error("photo.x", HOSTILE, observed=HOSTILE)]
    feed(services.ledger, campaign, "6501", Kind.PHOTO, HOSTILE, verdict=Verdict.REJECTED, findings=bad)
    html = board_of(services, campaign)
    assert html.count("<script") == 1  # our own
    assert "\u202e" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;‹U+202E›.jpg" in html


def test_a_late_arrival_is_flagged_and_the_passed_deadline_said(services: Services, campaign: Campaign) -> None:
    feed(services.ledger, campaign, "6501", Kind.PHOTO, "a.jpg", at=campaign.deadline + timedelta(hours=1))
    text = text_of(render_board(services.ledger, campaign, campaign.deadline + timedelta(days=3), bool))
    assert "迟报" in text
    assert "已超过截止时间 3 天" in text


def test_the_board_runs_its_own_script_alone_and_without_it_asks_for_itself_again(
    services: Services, campaign: Campaign
) -> None:
    html = board_of(services, campaign)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.S)
    assert f"; script-src '{script_hash(unescape(script))}'; connect-src 'self'" in unescape(html)
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in html
    assert "<img" not in html


def test_late_files_remarks_and_what_was_sent_back_besides_are_told_apart_from_a_file_without(
    services: Services, campaign: Campaign
) -> None:
    late, doubt = campaign.deadline + timedelta(hours=1), [warning("photo.name", "文件名看不出活动")]
    feed(services.ledger, campaign, "6501", Kind.PHOTO, "a.jpg")
    feed(services.ledger, campaign, "6502", Kind.PHOTO, "a.jpg", findings=doubt)
    feed(services.ledger, campaign, "6504", Kind.PHOTO, "a.jpg", at=late)
    feed(services.ledger, campaign, "6505", Kind.PHOTO, "a.jpg")
    feed(services.ledger, campaign, "6505", Kind.PHOTO, "b.jpg", verdict=Verdict.REJECTED)
    rows = rows_of(board_of(services, campaign))
    marks = [[mark for mark in ("提示", "迟报", "另退回 1") if mark in row] for row in rows[:4]]
    assert marks == [[], ["提示"], ["迟报"], ["另退回 1"]]
    assert all("✓ 已齐" in row for row in rows[:4])


def test_after_the_deadline_what_is_missing_is_overdue(services: Services, campaign: Campaign) -> None:
    feed(services.ledger, campaign, "6501", Kind.PHOTO, "a.jpg")
    html = render_board(services.ledger, campaign, campaign.deadline, bool)
    assert rows_of(html)[0].count("! 逾期未报送") == 4
    assert "69 项材料未报齐，13 个单位尚未报送" in text_of(html)


def test_what_is_at_work_and_what_waits_is_counted(services: Services, campaign: Campaign) -> None:
    assert "待答复的文件 没有" in text_of(board_of(services, campaign))
    for n in range(3):
        feed(services.ledger, campaign, f"650{n + 1}" if n < 2 else "6504", Kind.PHOTO, "a.jpg", replied=False)
    services.ledger.claim("quick", "run")
    feed(services.ledger, campaign, "6505", Kind.PHOTO, "a.jpg", replied=False)
    services.ledger.claim("large", "run")
    assert "待答复的文件 处理中 3 个，排队 1 个" in text_of(board_of(services, campaign))


FORMS = {"汇总表.xlsx": "汇总表", "汇总总结报告.docx": "Word", "汇总总结报告.html": "网页"}


def test_each_edition_is_listed_the_latest_in_all_forms(services: Services, campaign: Campaign) -> None:
    for version in range(1, 5):
        stated = {"files": dict.fromkeys((*FORMS, "一页纸.docx", "汇报幻灯片.pptx"), "x")}
        figures = stated if version == 4 else {}
        services.ledger.add_edition(campaign.id, "final", version, f"2023/final/v{version}/", "x", figures)
    pdf = {"2023/final/v4/汇总总结报告.pdf", "2023/final/v4/一页纸.pdf"}
    html = unquote(render_board(services.ledger, campaign, NOW, pdf.__contains__))
    links = re.findall(r'<a href="2023/reports/final/(v\d)/(.+?)">(.+?)</a>', html)
    forms = list(FORMS.items())
    more = [
        ("汇总总结报告.pdf", "PDF"),
        ("一页纸.docx", "一页纸"),
        ("一页纸.pdf", "一页纸PDF"),
        ("汇报幻灯片.pptx", "幻灯片"),
    ]
    newest = [("v4", *form) for form in [*forms, *more]]
    assert links == [*newest, *((version, *form) for version in ("v3", "v2", "v1") for form in forms)]
    assert html.index("以前的 1 版") < html.index("终稿 第 1 版"), "folded"
    assert "终稿 第 4 版" in html


def test_the_board_says_of_each_message_what_became_of_it_in_words(services: Services, campaign: Campaign) -> None:
    ledger, now = services.ledger, datetime.now(UTC)
    ledger.notify([mail(str(n)) for n in range(5)] + [mail("5", "", subject="任务失败", campaign="")])
    rows = {row.subject[3]: row for row in ledger.last_notifications("2023", 9)}
    ledger.hand_over(rows["0"].id, "one")
    ledger.mark_sent(rows["0"].id)
    ledger.postpone([rows["1"].id], "邮件服务器连不上")
    ledger.hand_over(rows["2"].id, "killed")
    ledger.mark_sent(rows["3"].id, SPOOLED)

    soon, minutes, days = (
        text_of(render_board(ledger, campaign, now + later, bool))
        for later in (timedelta(0), timedelta(minutes=9), timedelta(days=4))
    )

    assert "回执 0 号：全部接收 ✓ 已发出" in soon
    assert "回执 1 号：全部接收 × 等待重发：邮件服务器连不上" in soon
    assert "○ 正在发送" in soon
    assert "△ 没有发出：没有设置邮件服务器，已存入 messages 文件夹" in soon
    assert "值班人员 邮件 任务失败 ○ 等待发送" in soon
    assert "△ 发送时中断，对方可能已收到，不再重发" in minutes
    assert "× 3 天没有发出，不再发送；邮件服务器连不上" in days


def test_a_prefectures_page_says_whom_to_ask_and_who_gets_no_mail(services: Services, campaign: Campaign) -> None:
    contact = Contact(name="张三<b>", phone="0991-1234567", emails=["kjj@example.cn"])
    told = campaign.model_copy(update={"contacts": {"6501": contact}})

    page, without = (render_prefecture(services, told, code, NOW) for code in ("6501", "6502"))

    assert "联系人： 张三<b> 0991-1234567 kjj@example.cn" in text_of(page).replace("：张", "： 张")
    assert 'href="mailto:kjj%40example.cn"' in page
    assert "张三<b>" not in page
    assert "没有电子邮箱，回执和催报不会发邮件" in text_of(without)


def test_an_edition_says_whether_some_were_missing(services: Services, campaign: Campaign) -> None:
    missing = {"missing": [{"code": "6501", "name": "乌鲁木齐市"}]}
    services.ledger.add_edition(campaign.id, "interim", 1, "2023/interim/2023-06-01/", "x", missing)
    services.ledger.add_edition(campaign.id, "interim", 2, "2023/interim/2023-06-01/", "y", missing)
    services.ledger.add_edition(campaign.id, "final", 1, "2023/final/v1/", "x", missing)
    services.ledger.add_edition(campaign.id, "final", 2, "2023/final/v2/", "y", {"missing": []})

    told = text_of(board_of(services, campaign))

    assert re.findall(r"(终稿|中期) 第 (\d) 版.{0,40}?(缺 1 个地州市|全部报齐)", told) == [
        ("终稿", "2", "全部报齐"), ("终稿", "1", "缺 1 个地州市"), ("中期", "2", "缺 1 个地州市"),
    ]  # fmt: skip
