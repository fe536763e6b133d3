"""Messages leave once: whoever is killed where, whatever the server answers, and whatever else is down."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select, update

from baosong.campaign import Campaigns
from baosong.ledger import Notification
from baosong.ledger.services import Services
from baosong.pipeline.mail_lines import Spool
from baosong.pipeline.notify import send_due
from baosong.store.settings import PROJECT
from faults import Seam, in_child, kill, seamed
from mail_help import SENDER, Post, mail, post_office

ADDRESS, SECOND = "kjj@example.cn", "ban@example.cn"
WITH_CONTACTS = {
    "contacts": {"6501": {"name": "张三", "emails": [ADDRESS, SECOND]}, "6502": {"phone": "0990-1234567"}},
    "operators": ["zhiban@example.cn"],
}


@pytest.fixture
def told(services: Services, tmp_path: Path) -> Services:
    """Services whose campaign has contacts: the notice, with theirs written in."""
    notice = yaml.safe_load((PROJECT / "include/campaigns/2023.yaml").read_text(encoding="utf-8"))
    form = str(PROJECT / "include/campaigns" / notice["form"])
    folder = tmp_path / "campaigns"
    folder.mkdir()
    text = yaml.safe_dump({**notice, "form": form, **WITH_CONTACTS}, allow_unicode=True)
    (folder / "2023.yaml").write_text(text, encoding="utf-8")
    settings = replace(services.settings, campaign_dirs=[folder])
    return replace(services, settings=settings, campaigns=Campaigns([folder]))


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
    assert sent(told, post)["sent"] == 0
