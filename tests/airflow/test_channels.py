"""Messages by Airflow's connections: a real mail server, a real endpoint in a robot's place, files where neither is."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import airflow_home
from baosong_airflow import tasks
from baosong_airflow.channels import APPRISE_ID, SMTP_ID, lines
from faults import Seam, in_child, kill, seamed
from mail_help import SENDER, Post, mail, post_office, robot

if TYPE_CHECKING:
    from baosong.ledger.services import Services

NAMES = {SMTP_ID: "AIRFLOW_CONN_BAOSONG_SMTP", APPRISE_ID: "AIRFLOW_CONN_BAOSONG_APPRISE"}


@pytest.fixture
def told(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Services with operators, as a task of Airflow opens them."""
    folder = services.settings.home / "campaigns"
    folder.mkdir(parents=True)
    (folder / "t.yaml").write_text('extends: "2023"\nid: t\noperators: [zhiban@example.cn]\n', encoding="utf-8")
    env = airflow_home.baosong_environment(services.settings)
    for name, value in {**env, "BAOSONG_CAMPAIGNS": str(folder)}.items():
        monkeypatch.setenv(name, value)
    tasks.open_services.cache_clear()
    yield tasks.open_services()
    tasks.open_services().ledger.close()
    tasks.open_services.cache_clear()


def connected(monkeypatch: pytest.MonkeyPatch, conn_id: str, **connection: Any) -> None:
    monkeypatch.setenv(NAMES[conn_id], json.dumps(connection))


def by_smtp(monkeypatch: pytest.MonkeyPatch, post: Post) -> None:
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": SENDER, "timeout": 10}
    connected(monkeypatch, SMTP_ID, conn_type="smtp", host="127.0.0.1", port=post.port, extra=extra)


def by_robot(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    config = {"path": f"json://127.0.0.1:{port}/"}
    connected(monkeypatch, APPRISE_ID, conn_type="apprise", extra={"config": config})


def alarm(cause: str = "1", **over: Any) -> Any:
    return mail(cause, "", event="alarm", campaign="t", subject="任务失败", body="收件 / 清点", **over)


def test_a_connection_leads_mails_to_its_server(told: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    told.ledger.notify([alarm()])
    with post_office() as post:
        by_smtp(monkeypatch, post)
        tasks.send_messages_task()
        tasks.send_messages_task()

    (got,) = post.mails()
    assert (got["To"], got["Subject"]) == ("zhiban@example.cn", "任务失败")


def test_without_a_connection_mails_are_files_and_robots_are_not_asked(told: Services) -> None:
    told.ledger.notify([alarm(), alarm(channel="chat")])

    tasks.send_messages_task()

    assert len(list((told.settings.home / "messages").glob("*.eml"))) == 1
    assert [row.channel for row in told.ledger.last_notifications("t", 9)] == ["mail"]


def test_a_server_that_is_away_fails_no_task(told: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    told.ledger.notify([alarm()])
    with post_office() as gone:
        pass
    by_smtp(monkeypatch, gone)

    tasks.send_messages_task()

    (row,) = told.ledger.last_notifications("t", 9)
    assert row.note == "邮件服务器连不上或连接中断（ConnectionRefusedError）"


def test_a_robot_is_told_once_and_again_only_if_it_refused(told: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    told.ledger.notify([alarm(channel="chat")])
    answers, heard = [503, 200], []

    def answer(message: dict[str, Any]) -> int:
        heard.append(message)
        return answers.pop(0)

    with robot(answer) as port:
        by_robot(monkeypatch, port)
        tasks.send_messages_task()
        (row,) = told.ledger.last_notifications("t", 9)
        assert (row.sent_at, row.note) == (None, "群机器人没有收下")
        told.ledger.run(lambda s: setattr(s.get_one(type(row), row.id), "retry_at", None))
        tasks.send_messages_task()
        tasks.send_messages_task()

    assert [(m["title"], m["message"]) for m in heard] == [("任务失败", "收件 / 清点")] * 2


@pytest.mark.parametrize("where", ["before it is told", "when it was told", "before that is recorded", "after"])
def test_a_robot_hears_once_whoever_is_killed(
    told: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    told.ledger.notify([alarm(channel="chat")])
    heard = []
    deaths: dict[str, Any] = {"before it is told": (0, "before"), "before that is recorded": (1, "before")}
    deaths["after"] = (1, "after")
    seam = Seam(at_effect={deaths[where]: kill} if where in deaths else {})
    child = tmp_path / "pid"

    def answer(message: dict[str, Any]) -> int:
        heard.append(message)
        if where == "when it was told" and len(heard) == 1:
            os.kill(int(child.read_text()), signal.SIGKILL)
        return 200

    def work() -> None:
        import apprise

        from baosong.pipeline.notify import send_due

        apprise.apprise._shared_executor = None  # its threads are the parent's; a task of Airflow has never used it
        child.write_text(str(os.getpid()))
        send_due(seamed(told.settings, told.campaigns, seam), lines(told.settings.home))

    with robot(answer) as port:
        by_robot(monkeypatch, port)
        told.ledger.close()
        assert in_child(work).killed
        tasks.send_messages_task()

    assert len(heard) == 1


def test_a_connection_without_an_address_is_told_in_words(told: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    told.ledger.notify([alarm(channel="chat")])
    connected(monkeypatch, APPRISE_ID, conn_type="apprise", extra={"config": {"path": "nonsense"}})

    tasks.send_messages_task()

    (row,) = told.ledger.last_notifications("t", 9)
    assert row.note == "连接 baosong_apprise 的 config 里没有可用的地址"
