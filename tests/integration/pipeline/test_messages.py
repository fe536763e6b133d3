"""Messages leave once: whoever is killed where, whatever the server answers, and whatever else is down."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from baosong.ledger import Notification
from baosong.ledger.services import Services
from baosong.pipeline.mail_lines import Spool
from baosong.pipeline.notify import send_due
from faults import Seam, closed, in_child, kill, seamed
from intake_run import CODE, drop, finished, keys, piece, receipts, run
from mail_help import ADDRESS, SECOND, SENDER, Post, mail, post_office, with_contacts


@pytest.fixture
def told(services: Services, tmp_path: Path) -> Services:
    return with_contacts(services, tmp_path / "campaigns")


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office() as post:
        yield post


def rows(services: Services) -> list[Notification]:
    return services.ledger.run(lambda s: list(s.scalars(select(Notification).order_by(Notification.id))))


def sent(services: Services, post: Post) -> dict[str, int]:
    return send_due(services, {"mail": post.line})


def later(services: Services) -> None:
    """Let the time come at which what was refused is sent again."""
    services.ledger.run(lambda s: s.execute(update(Notification).values(retry_at=None)))


def killed(services: Services, post: Post, seam: Seam) -> bool:
    """Send in a child that is ended on its way."""
    services.ledger.close()
    work = lambda: sent(seamed(services.settings, services.campaigns, seam), post)  # noqa: E731
    return in_child(work).killed


def test_a_mail_is_plain_text_that_any_phone_reads(told: Services, post: Post) -> None:
    told.ledger.notify([mail()])

    assert sent(told, post) == {"sent": 1, "waiting": 0}

    (got,) = post.mails()
    assert (got["Subject"], got.get_content()) == ("回执 1 号：全部接收", ".点在行首\r\n正文\r\n")
    assert got["From"] == f"自治区科学技术厅 <{SENDER}>"
    assert got["Reply-To"] == "nckjfwzx2020@163.com"
    assert (got.get_content_type(), got["Auto-Submitted"]) == ("text/plain", "auto-generated")
    assert post.recipients == [[SECOND, ADDRESS]]
    assert re.fullmatch(r"<\d{20}\.\d+@baosong>", got["Message-ID"])
    assert post.taken[0].isascii()


def test_what_was_decided_is_decided_once_and_sent_once(told: Services, post: Post) -> None:
    assert [told.ledger.notify([mail(), mail("2")]), told.ledger.notify([mail(), mail("3")])] == [2, 1]

    assert [sent(told, post)["sent"], sent(told, post)["sent"]] == [3, 0]
    assert [m["Subject"] for m in post.mails()] == [f"回执 {n} 号：全部接收" for n in "123"]


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_sender_killed_within_the_dialogue_has_sent_once_when_it_is_repeated(
    told: Services, post: Post, stage: str
) -> None:
    """DATA: the server has the mail, and its answer reaches nobody."""
    told.ledger.notify([mail()])
    post.kills = stage

    assert killed(told, post, Seam())
    sent(told, post)
    sent(told, post)

    assert len(post.taken) == 1


@pytest.mark.parametrize(("effect", "phase"), [(0, "before"), (1, "before"), (1, "after")])
def test_a_sender_killed_at_a_commit_has_sent_once_when_it_is_repeated(
    told: Services, post: Post, effect: int, phase: Any
) -> None:
    told.ledger.notify([mail()])
    seam = Seam(at_effect={(effect, phase): kill})

    assert killed(told, post, seam)
    sent(told, post)

    assert len(post.taken) == 1


def test_only_between_the_hand_over_and_the_last_dot_is_a_mail_lost_and_that_is_told(
    told: Services, post: Post
) -> None:
    """Nobody can tell this from a dot that arrived: what may have arrived is not sent twice."""
    told.ledger.notify([mail()])

    assert killed(told, post, Seam(at_effect={(0, "after"): kill}))
    sent(told, post)

    assert post.taken == []
    (row,) = rows(told)
    assert row.handed_over_at is not None
    assert row.sent_at is None


def test_an_answer_that_was_lost_is_no_reason_to_send_again(told: Services, post: Post) -> None:
    told.ledger.notify([mail(), mail("2")])
    post.answers["lost"] = ""

    sent(told, post)
    later(told)
    sent(told, post)

    assert sorted(m["Subject"][3] for m in post.mails()) == ["1", "2"]


@pytest.mark.parametrize("answer", ["451 busy", "552 too much"])
def test_a_refused_mail_waits_with_the_reason_in_words_and_goes_later_under_the_same_id(
    told: Services, post: Post, answer: str
) -> None:
    told.ledger.notify([mail(), mail("2")])
    post.answers["DATA"] = answer

    assert sent(told, post) == {"sent": 1, "waiting": 1}
    assert sent(told, post)["sent"] == 0, "not at once"
    assert f"（{answer[:3]}）" in rows(told)[0].note
    later(told)
    sent(told, post)

    assert sorted(m["Subject"][3] for m in post.mails()) == ["1", "2"]
    assert {row.note for row in rows(told)} == {""}


def test_a_dead_server_leaves_all_waiting_and_what_it_missed_goes_when_it_is_back(told: Services) -> None:
    told.ledger.notify([mail(str(n)) for n in range(3)])
    with post_office() as gone:
        pass

    assert sent(told, gone) == {"sent": 0, "waiting": 3}
    assert {row.note for row in rows(told)} == {"邮件服务器连不上或连接中断（ConnectionRefusedError）"}
    later(told)
    with post_office(gone.port) as back:
        assert sent(told, back)["sent"] == 3


def test_one_bad_address_keeps_nothing_from_the_others_and_no_note_quotes_it(told: Services, post: Post) -> None:
    told.ledger.notify([mail()])
    post.answers[SECOND] = f"550 <{SECOND}> unknown"

    assert sent(told, post)["sent"] == 1

    assert post.recipients == [[ADDRESS]]
    assert rows(told)[0].note == "2 个地址中有 1 个被邮件服务器拒绝"


def test_who_has_no_address_is_told_of_and_holds_up_nobody(told: Services, post: Post) -> None:
    told.ledger.notify([mail(prefecture="6502"), mail()])

    assert sent(told, post) == {"sent": 1, "waiting": 1}
    assert rows(told)[0].note == "活动文件里没有收件地址"


def test_a_stale_message_is_not_sent_and_an_unused_channel_forgets(told: Services, post: Post) -> None:
    told.ledger.notify([mail(), mail("2", channel="chat")])
    told.ledger.run(lambda s: s.execute(update(Notification).values(created_at=datetime(2023, 6, 1, tzinfo=UTC))))

    assert sent(told, post) == {"sent": 0, "waiting": 0}
    assert [row.channel for row in rows(told)] == ["mail"]


def test_without_a_server_mails_are_files_for_the_systems_own_user(told: Services, tmp_path: Path) -> None:
    told.ledger.notify([mail(), mail("2")])
    folder = tmp_path / "home" / "messages"

    send_due(told, {"mail": lambda: nullcontext(Spool(folder))})

    files = sorted(folder.iterdir())
    assert [f.suffix for f in files] == [".eml", ".eml"]
    assert {f.stat().st_mode & 0o777 for f in files} == {0o600}
    assert ADDRESS.encode() in files[0].read_bytes()
    assert {row.note for row in rows(told)} == {"没有设置邮件服务器，已存入 messages 文件夹"}


@pytest.mark.parametrize("death", [(0, "before"), (0, "after")])
def test_a_spooled_mail_is_one_file_whoever_is_killed(told: Services, tmp_path: Path, death: Any) -> None:
    told.ledger.notify([mail()])
    folder = tmp_path / "messages"
    spool: dict[Any, Callable[[], Any]] = {"mail": lambda: nullcontext(Spool(folder))}
    told.ledger.close()
    seam = Seam(at_effect={death: kill})

    assert in_child(lambda: send_due(seamed(told.settings, told.campaigns, seam), spool)).killed
    send_due(told, spool)

    assert len(list(folder.iterdir())) == 1


def test_two_senders_at_once_send_it_once(told: Services, post: Post) -> None:
    told.ledger.notify([mail()])
    (row,) = rows(told)

    assert told.ledger.hand_over(row.id, "one")
    assert told.ledger.hand_over(row.id, "one"), "the answer to its commit was lost"
    assert not told.ledger.hand_over(row.id, "other")
    told.ledger.postpone([row.id], "the other one's line went down", "other")
    assert sent(told, post)["sent"] == 0


def answered(services: Services) -> list[Notification]:
    run(services)
    return rows(services)


def test_each_receipt_has_a_message_with_what_must_be_mended_by_when_and_where_it_lies(told: Services) -> None:
    drop(told, piece())
    drop(told, b"no sheet", "统计表.xlsx", "统计表")

    (row,) = answered(told)

    assert (row.event, row.prefecture, row.cause, row.channel) == ("receipt", CODE, "1", "mail")
    assert row.subject == "回执001号：1个文件需修改（乌鲁木齐市，2023年自治区科技活动周）"
    lines = row.body.splitlines()
    assert lines[0] == "乌鲁木齐市：有 1 个文件需要修改后重新报送；1 个文件已接收并归档。"
    assert "1. 统计表.xlsx（活动开展情况统计表）" in lines
    for said in (
        "怎样修改：",
        "还缺总结报告、照片、视频影像资料",
        "截止时间：2023年6月15日24:00（北京时间）",
        "0991-3836587",
    ):
        assert said in row.body
    assert "有疑问请致电引进智力与人才服务处：0991-3836587、0991-3838217" in lines
    (page,) = keys(told, "outbox", "1个文件需修改.html")
    assert page.rpartition("/")[2] in row.body
    assert max(map(len, lines)) < 200
    for kept in (ADDRESS, "张三", told.settings.s3.secret_key):
        assert kept not in row.body + row.subject


def test_a_held_file_alarms_the_operators_and_no_message_names_it(told: Services) -> None:
    drop(told, piece(), "机密★.txt")

    found = {(row.event, row.prefecture, row.cause, row.channel): row for row in answered(told)}

    assert set(found) == {
        ("receipt", CODE, "1", "mail"),
        ("held", "", f"{CODE}/1", "mail"),
        ("held", "", f"{CODE}/1", "chat"),
    }
    assert not [row for row in found.values() if "机密" in row.body + row.subject]


def test_a_prefecture_without_an_address_costs_no_message(services: Services) -> None:
    drop(services, piece())

    assert answered(services) == []


def test_a_review_killed_anywhere_decides_one_message_per_receipt(told: Services, post: Post) -> None:
    drop(told, piece())
    seam = Seam()
    with closed(seamed(told.settings, told.campaigns, seam)) as undisturbed:
        run(undisturbed)
    decided = [n for n, name in enumerate(seam.effects) if name.endswith(("mark_replied", "open_receipts"))]
    first = len(rows(told))

    for number, (effect, phase) in enumerate((n, phase) for n in decided for phase in ("before", "after")):
        drop(told, piece(str(number)), f"{number}.txt")
        told.ledger.close()
        assert in_child(lambda: run(seamed(told.settings, told.campaigns, dying(effect, phase)))).killed  # noqa: B023
        run(told)

    assert first == 1
    assert [row.cause for row in rows(told)] == [str(n) for n in range(1, len(receipts(told)) + 1)]
    assert sent(told, post)["sent"] == len(receipts(told))


def dying(effect: int, phase: Any) -> Seam:
    return Seam(at_effect={(effect, phase): kill})


def test_a_dead_mail_server_delays_no_receipt(told: Services) -> None:
    """Nothing of a review asks for the server: it is not there, and its receipt is."""
    with post_office() as gone:
        pass
    drop(told, piece())
    sent(told, gone)

    assert [row.sent_at for row in answered(told)] == [None]
    assert len(receipts(told)) == 1
    assert finished(told)
