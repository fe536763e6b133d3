"""One prefecture is granted more time: all that speaks of its deadline follows, and nobody else's moves."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from baosong.campaign import Campaign
from baosong.ledger import Notification
from baosong.ledger.services import Services
from baosong.pipeline import check, closing, discover, more_time, process, reply
from baosong.pipeline.manual_review import ReviewRefused
from baosong.pipeline.open_campaign import open_campaign, renew_status_pages, write_send_pages
from baosong.pipeline.publish import publish_report
from baosong.pipeline.reminders import reminders
from baosong.preservation import change_log
from baosong.preservation.rebuild import rebuild
from baosong.receipts.board import render_board
from baosong.receipts.prefecture_page import render_prefecture
from baosong.report.files import WORKBOOK
from baosong.rules.findings import Kind, Verdict, warning
from baosong.store.settings import Settings
from cli_help import call
from feed import feed, feed_all
from intake_run import AREA, CODE, drop, piece, receipts, rows, run, with_deadline
from mail_help import with_contacts
from preservation_help import lose, tables

WHY = "暴雪断路 <b>"
UNTIL = "2023-06-20 24:00"
WORDS = "2023年6月20日24:00"
LATE = "file.late"


def extend(
    services: Services, campaign: Campaign, until: str = UNTIL, *, code: str = CODE, now: datetime | None = None
) -> str:
    at = now or campaign.deadline - timedelta(days=1)
    return more_time.extend(services, campaign, code, until, "张三", WHY, at)


def status_page(services: Services, area: str = AREA) -> str:
    return services.storage.read("outbox", f"{area}/状态.html").decode()


def sent(services: Services) -> list[Notification]:
    return services.ledger.run(lambda s: list(s.scalars(select(Notification).order_by(Notification.id))))


@pytest.fixture
def over(services: Services) -> Services:
    """Services of a campaign whose deadline has passed an hour ago."""
    return with_deadline(services, datetime.now(UTC) - timedelta(hours=1))


def tomorrow(services: Services) -> str:
    here = datetime.now(services.campaigns.get("2023").zone) + timedelta(days=1)
    return here.strftime("%Y-%m-%d %H:%M")


def grant(services: Services, now: datetime | None = None) -> str:
    campaign = services.campaigns.get("2023")
    return extend(services, campaign, tomorrow(services), now=now or datetime.now(UTC))


# --- what follows


def test_status_page_boards_views_and_mail_say_the_new_deadline_of_this_prefecture_alone(
    services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    told = with_contacts(services, tmp_path / "campaigns")
    campaign, now = told.campaigns.get("2023"), campaign.deadline + timedelta(hours=2)
    open_campaign(told, campaign)

    assert extend(told, campaign) == f"乌鲁木齐市的截止时间已延长到{WORDS}，状态页已更新。"

    assert WORDS in status_page(told)
    assert campaign.deadline_text not in status_page(told)
    assert campaign.deadline_text in status_page(told, "2023/6502-克拉玛依市")
    board = render_board(told.ledger, campaign, now, bool)
    assert board.count(f"延至 {WORDS}") == 1
    assert board.count("! 逾期未报送</a>") == 13 * 5, "who has time is not overdue"
    page = render_prefecture(told, campaign, CODE, now)
    assert f"（截止 {WORDS}，已延长）" in page
    assert f"延长截止时间至{WORDS}。暴雪断路 &lt;b&gt;" in page
    with told.ledger.engine.connect() as connection:
        due = dict(connection.execute(text('SELECT 代码, "截止时间" FROM v_punctuality')).all())
    assert due[CODE] - due["6502"] == timedelta(days=5)
    open_campaign(told, campaign)
    with told.ledger.engine.connect() as connection:
        assert due == dict(connection.execute(text('SELECT 代码, "截止时间" FROM v_punctuality')).all())
    (mail,) = sent(told)
    assert (mail.event, mail.prefecture, WORDS in mail.subject, WHY in mail.body) == ("extension", CODE, True, True)


def test_a_file_within_the_new_time_is_not_late_and_its_receipt_says_when_the_time_is_over(over: Services) -> None:
    grant(over)
    drop(over, piece("内"), "内.txt")
    over.storage.put("intake", "2023/6502-克拉玛依市/媒体报道/外.txt", piece("外"))
    run(over)

    mine, other = sorted(rows(over), key=lambda row: row.prefecture)
    assert (mine.late, other.late) == (False, True)
    own = over.ledger.campaign_for(over.campaigns.get("2023"), CODE)
    receipt = next(r for r in receipts(over) if r["prefecture"]["code"] == CODE)
    assert (receipt["late"], receipt["campaign"]["deadline_text"]) == (0, own.deadline_text)
    assert receipt["remaining"].startswith("距截止还有")


def test_after_the_new_time_a_file_is_late_by_it(services: Services, campaign: Campaign) -> None:
    extend(services, campaign)
    drop(services, piece(), "迟.txt")  # years after
    run(services)

    (row,) = rows(services)
    assert [(f["rule"], f["expected"]) for f in row.findings] == [(LATE, f"{WORDS}前")]


def test_a_file_that_came_late_but_within_the_new_time_is_late_no_more(over: Services, campaign: Campaign) -> None:
    """As a clerk expects who telephoned in time and was granted the week on the day after."""
    drop(over, piece("先"), "先.txt")
    run(over)
    (row,) = rows(over)
    assert (row.late, [f["rule"] for f in row.findings], receipts(over)[0]["late"]) == (True, [LATE], 1)

    grant(over)

    (row,) = rows(over)
    assert (row.late, row.findings, row.state) == (False, [], "accepted")
    assert "迟报</span>" not in status_page(over)
    assert receipts(over)[0]["late"] == 1, "what was answered stays as it was answered"


def test_other_remarks_stay_and_so_does_what_came_after_the_new_time(services: Services, campaign: Campaign) -> None:
    doubts = [warning("photo.name", "文件名看不出活动"), warning(LATE, "迟报"), warning("photo.small", "偏小")]
    for n, days in enumerate((1, 5, 6)):
        at = campaign.deadline + timedelta(days=days)
        feed(services.ledger, campaign, CODE, Kind.PHOTO, f"{n}.jpg", findings=doubts, at=at)
        feed(services.ledger, campaign, "6502", Kind.PHOTO, f"{n}.jpg", findings=doubts, at=at)

    extend(services, campaign)

    told = [(row.late, [f["rule"] for f in row.findings]) for row in services.ledger.submissions("2023", CODE)]
    others, all_three = ["photo.name", "photo.small"], ["photo.name", LATE, "photo.small"]
    assert told == [(False, others), (False, others), (True, all_three)], "the fifth day's midnight is in time"
    assert all(row.late for row in services.ledger.submissions("2023", "6502"))


def test_time_that_is_granted_in_the_midst_of_a_run_counts_for_its_files(
    over: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between listing and recording, and between a check's first look and its result."""
    drop(over, piece("一"), "一.txt")
    receive, record = over.ledger.receive, check.sheet_results.write_page

    def granted_first(then: Callable[..., object]) -> Callable[..., object]:
        def both(*args: object) -> object:
            monkeypatch.undo()
            grant(over)
            return then(*args)

        return both

    monkeypatch.setattr(over.ledger, "receive", granted_first(receive))
    run(over)
    assert [(row.late, row.findings) for row in rows(over)] == [(False, [])]

    over.storage.put("intake", "2023/6502-克拉玛依市/媒体报道/二.txt", piece("二"))
    work = discover.find_new(over)

    def other_granted(*args: object) -> object:
        monkeypatch.undo()
        more_time.extend(over, over.campaigns.get("2023"), "6502", tomorrow(over), "张三", WHY, datetime.now(UTC))
        return record(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(check.sheet_results, "write_page", other_granted)
    for piece_of_work in work:
        process.process(over, piece_of_work)
    (row,) = over.ledger.submissions("2023", "6502")
    assert (row.state, row.late, row.findings) == ("accepted", False, [])


def test_the_report_calls_on_time_who_was_granted_it_and_says_until_when(
    services: Services, campaign: Campaign
) -> None:
    for prefecture in campaign.prefectures:
        feed_all(services.ledger, campaign, prefecture.code, at=campaign.deadline + timedelta(days=2))
    first = publish_report(services, "2023", "final", campaign.deadline + timedelta(days=3))
    extend(services, campaign)
    second = publish_report(services, "2023", "final", campaign.deadline + timedelta(days=3))

    assert (first["version"], second["version"]) == (1, 2), "another input, another version"
    book = openpyxl.load_workbook(io.BytesIO(services.storage.read("reports", f"{second['prefix']}{WORKBOOK}")))
    sheet = book["报送情况"]
    said = {row[0]: row for row in sheet.iter_rows(min_row=5, values_only=True) if row[0]}
    column = list(next(sheet.iter_rows(min_row=4, max_row=4, values_only=True))).index("是否按时")
    assert (said[CODE][column], said["6502"][column]) == ("按时", "迟报")
    assert f"（乌鲁木齐市延长至 {WORDS}）" in str([cell.value for row in sheet["A1:A3"] for cell in row])


def test_a_letter_and_send_page_that_are_written_later_give_the_new_deadline(
    services: Services, campaign: Campaign
) -> None:
    extend(services, campaign)
    folder = write_send_pages(services, campaign, {CODE: ("k", "s"), "6502": ("k", "s")}, "")
    pages = {path.parent.name[:4]: path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}
    assert (WORDS in pages[CODE], WORDS in pages["6502"]) == (True, False)


def test_reminders_go_by_the_new_deadline(services: Services, campaign: Campaign, tmp_path: Path) -> None:
    told = with_contacts(services, tmp_path / "campaigns", reminders={"at": "09:00", "before": [0], "after": []})
    campaign = told.campaigns.get("2023")
    extend(told, campaign)
    at = {day: datetime(2023, 6, day, 10, tzinfo=campaign.zone) for day in (15, 20)}

    assert [m.prefecture for m in reminders(told, campaign, at[15]) if m.prefecture] == []
    (message,) = [m for m in reminders(told, campaign, at[20]) if m.prefecture]
    assert (message.prefecture, "今天截止" in message.subject, WORDS in message.body) == (CODE, True, True)


# --- closing


def test_nobody_is_asked_to_close_a_campaign_while_somebody_who_is_missing_has_time(
    services: Services, campaign: Campaign
) -> None:
    services.storage.put("outbox", "2023/opened", b"")
    extend(services, campaign)
    over = campaign.deadline + timedelta(hours=15)

    assert closing.questions(services, "run", over) == []
    assert len(closing.questions(services, "run", campaign.deadline + timedelta(days=5, hours=15))) == 1
    feed_all(services.ledger, campaign, CODE)
    (asked,) = closing.questions(services, "another", over)
    assert "13 个地州市未报齐" in asked["subject"], "who is complete does not use the time"


def test_an_answer_does_not_close_out_who_was_granted_time_since_the_question(
    services: Services, campaign: Campaign
) -> None:
    services.storage.put("outbox", "2023/opened", b"")
    over = campaign.deadline + timedelta(hours=15)
    closing.questions(services, "run", over)
    extend(services, campaign, now=over)

    day = over.astimezone(campaign.zone).date()
    assert closing.decide(services, "2023", day, True, "张处长", "不等了", over) == "继续等待。"
    assert services.ledger.closure("2023") is None
    assert services.ledger.editions("2023") == []


def test_a_closed_campaign_is_reopened_for_one_prefecture(services: Services, campaign: Campaign) -> None:
    open_campaign(services, campaign)
    for prefecture in campaign.prefectures[1:]:
        feed_all(services.ledger, campaign, prefecture.code)
    over = campaign.deadline + timedelta(hours=15)
    closing.questions(services, "run", over)
    day = over.astimezone(campaign.zone).date()
    closing.decide(services, "2023", day, True, "张处长", "不等了", over)
    assert "收报已于" in status_page(services)

    until = (datetime.now(campaign.zone) + timedelta(days=1)).strftime("%Y-%m-%d %H:%M")
    extend(services, campaign, until, now=datetime.now(UTC))
    assert "收报已于" not in status_page(services)
    assert "前报齐" in status_page(services)
    feed_all(services.ledger, campaign, CODE, at=datetime.now(UTC))

    assert not any(row.late for row in services.ledger.submissions("2023", CODE))
    assert closing.edition_due(services, "2023") == "final"
    written = publish_report(services, "2023", "final", over)
    assert (written["version"], written["missing"]) == (2, [])


def test_who_is_granted_time_after_the_end_is_reminded_alone_and_the_final_report_follows_it(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed without two, reopened for one: every page, mail and edition says so, and of the other what it said."""
    told = with_contacts(services, tmp_path / "campaigns", reminders={"at": "09:00", "before": [1], "after": [1]})
    campaign = told.campaigns.get("2023")
    open_campaign(told, campaign)
    for prefecture in campaign.prefectures[2:]:
        feed_all(told.ledger, campaign, prefecture.code)
    end = campaign.deadline + timedelta(hours=8)
    closing.questions(told, "run", end)
    times = [end]
    monkeypatch.setattr(reply, "datetime", SimpleNamespace(now=lambda zone: times[-1].astimezone(zone)))
    closing.decide(told, "2023", end.date(), True, "张处长", "不等了", end)

    assert extend(told, campaign, now=end).endswith("它报齐后，当夜另出新版终稿。")

    own, other = status_page(told), status_page(told, "2023/6502-克拉玛依市")
    assert ("收报已于" in own, f"请在 {WORDS} 前报齐" in own, "收报已于" in other) == (False, True, True)
    times.append(end + timedelta(days=60))
    renew_status_pages(told, "2023")
    assert "收报已于" in status_page(told), "its time, too, is over"
    board = render_board(told.ledger, campaign, end, bool)
    assert ("当时未报齐的：乌鲁木齐市、克拉玛依市" in board, board.count(f"延至 {WORDS}")) == (True, 1)
    mails = [
        (day, m.prefecture)
        for day in range(16, 24)
        for m in reminders(told, campaign, datetime(2023, 6, day, 10, tzinfo=campaign.zone))
        if m.channel == "mail" and m.prefecture
    ]
    assert mails == [(19, CODE), (21, CODE)]
    assert closing.edition_due(told, "2023") == "interim", "nothing has come"
    feed_all(told.ledger, campaign, CODE, at=end)
    assert closing.edition_due(told, "2023") == "final"
    written = publish_report(told, "2023", "final", end + timedelta(days=1))
    assert (written["version"], written["missing"]) == (2, ["6502"])
    assert publish_report(told, "2023", "final", end + timedelta(days=2))["new"] is False
    assert closing.questions(told, "later", end + timedelta(days=9)) == []


# --- what is refused, and what is kept


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("2023-06-15 24:00", "已经是2023年6月15日24:00"),
        ("2023-06-15 23:59", "只能延长，不能提前"),
        ("2023-08-15", "最多延长 60 天，即不晚于2023年8月14日24:00"),
        ("9999-12-31 24:00", "看不懂"),
        ("9999-12-31 23:59", "最多延长 60 天"),
        ("0001-01-01 00:00", "只能延长，不能提前"),
        ("明天", "看不懂"),
        ("", "看不懂"),
        ("2023-02-30", "看不懂"),
        ("2023-06-20 25:00", "看不懂"),
        ("２０２３-06-20", "看不懂"),
    ],
)
def test_a_time_that_cannot_be_granted_is_refused_in_words(
    services: Services, campaign: Campaign, until: str, said: str
) -> None:
    with pytest.raises(ReviewRefused, match=said):
        extend(services, campaign, until)
    assert services.ledger.extensions("2023", CODE) == []


def test_a_time_that_is_over_and_a_reason_that_is_none_are_refused(services: Services, campaign: Campaign) -> None:
    with pytest.raises(ReviewRefused, match="已经过去"):
        extend(services, campaign, now=campaign.deadline + timedelta(days=5))
    with pytest.raises(ReviewRefused, match="请写明理由"):
        more_time.extend(services, campaign, CODE, UNTIL, "张三", " ", campaign.deadline)
    extend(services, campaign, "2023-08-10 24:00", now=campaign.deadline + timedelta(days=30))


def test_granting_twice_is_once_and_only_more_can_follow(services: Services, campaign: Campaign) -> None:
    for _ in range(2):
        extend(services, campaign)
    with pytest.raises(ReviewRefused, match=f"已经是{WORDS}"):
        more_time.extend(services, campaign, CODE, UNTIL, "李四", "别的", campaign.deadline)
    with pytest.raises(ReviewRefused, match="不能提前"):
        extend(services, campaign, "2023-06-19")
    extend(services, campaign, "2023-06-22")

    granted = services.ledger.extensions("2023", CODE)
    assert [campaign.text_of(e.deadline) for e in granted] == ["2023年6月22日24:00", WORDS]
    assert {(e.who, e.reason) for e in granted} == {("张三", WHY)}
    assert services.ledger.campaign_for(campaign, CODE).deadline_text == "2023年6月22日24:00"


def test_a_campaign_file_that_gives_everybody_more_counts(services: Services, campaign: Campaign) -> None:
    extend(services, campaign)
    later = campaign.ending(campaign.deadline + timedelta(days=30))
    assert set(services.ledger.deadlines(later).values()) == {later.deadline}


@pytest.mark.ledger_owner
def test_nobody_alters_what_was_granted(services: Services, campaign: Campaign) -> None:
    extend(services, campaign)
    for wrong in ("UPDATE extension SET who = 'x'", "DELETE FROM extension", "TRUNCATE extension"):
        with pytest.raises(DBAPIError, match="append-only"):
            services.ledger.run(lambda session, wrong=wrong: session.execute(text(wrong)))  # type: ignore[misc]


@pytest.mark.ledger_owner
def test_a_lost_ledger_comes_back_with_the_time_that_was_granted(over: Services) -> None:
    drop(over, piece("先"), "先.txt")
    run(over)
    grant(over)
    change_log.write_all(over)
    before, due = tables(over.ledger), over.ledger.deadlines(over.campaigns.get("2023"))
    lose(over)

    assert rebuild(over, lambda *_: None).faults == []

    assert tables(over.ledger) == before
    assert over.ledger.deadlines(over.campaigns.get("2023")) == due


@pytest.mark.ledger_owner
def test_what_is_known_from_its_record_alone_is_late_no_more_either(over: Services) -> None:
    """The record is from before the time was granted, and the segment that held the file is lost."""
    drop(over, piece("先"), "先.txt")
    run(over)
    segments = [s.key for s in over.storage.list("archive", f"2023/{CODE}/_journal/")]
    grant(over)
    change_log.write_all(over)
    for key in segments:
        over.storage.remove("archive", key)
    lose(over)

    assert rebuild(over, lambda *_: None).salvaged == 1

    (row,) = rows(over)
    assert (row.late, row.findings) == (False, [])


def test_the_command_does_the_same_and_refuses_in_one_line(services: Services, settings: Settings) -> None:
    from airflow_home import baosong_environment

    until, env = tomorrow(services), baosong_environment(settings)
    done = call("extend", CODE, until, "--reason", WHY, "--by", "张三", **env)
    assert (done.returncode, "状态页已更新" in done.stdout) == (0, True), done.stderr
    assert [e.who for e in services.ledger.extensions("2023", CODE)] == ["张三"]
    for words, said in ((("乌鲁木齐市", "2023-06-01"), "不能提前"), (("9999", until), "没有地州市")):
        wrong = call("extend", *words, "--reason", WHY, **env)
        assert (wrong.returncode, said in wrong.stderr, "Traceback" in wrong.stderr) == (2, True, False)


# --- reminding at once


def test_a_prefecture_is_reminded_at_once_but_once_in_an_hour_and_by_whom_is_kept(
    services: Services, tmp_path: Path
) -> None:
    told = with_contacts(services, tmp_path / "campaigns")
    campaign = told.campaigns.get("2023")
    extend(told, campaign)
    at = datetime(2023, 6, 17, 10, 5, tzinfo=campaign.zone)

    answers = [more_time.remind(told, campaign, CODE, "张三", at + timedelta(minutes=n)) for n in (0, 50, 55)]
    assert ["没有再发" in answer for answer in answers] == [False, True, False]
    mails = [row for row in sent(told) if row.event == "reminder"]
    assert [(m.prefecture, m.who, WORDS in m.body) for m in mails] == [(CODE, "张三", True)] * 2
    assert "（经办人：张三）" in render_board(told.ledger, campaign, at, bool)


def test_nobody_is_reminded_who_lacks_nothing_or_has_no_address(services: Services, tmp_path: Path) -> None:
    told = with_contacts(services, tmp_path / "campaigns")
    campaign, now = told.campaigns.get("2023"), datetime.now(UTC)
    feed(told.ledger, campaign, CODE, Kind.PHOTO, "a.jpg", verdict=Verdict.HELD)
    feed_all(told.ledger, campaign, CODE)
    for code, said in ((CODE, "没有要催的"), ("6502", "请电话催报")):
        with pytest.raises(ReviewRefused, match=said):
            more_time.remind(told, campaign, code, "张三", now)
    assert sent(told) == []
