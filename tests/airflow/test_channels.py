"""Messages by Airflow's connections: a real mail server, a real endpoint in a robot's place, files where neither is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import airflow_home
from baosong.receipts.messages import message_line
from baosong.validation.sandbox.run import missing_belts
from baosong_airflow import alarms, tasks
from baosong_airflow.assets import INTAKE
from baosong_airflow.channels import APPRISE_ID, SMTP_ID, lines
from faults import Seam, in_child, kill, seamed
from mail_help import SENDER, Post, mail, post_office, robot
from sandbox_help import kernel_without

if TYPE_CHECKING:
    from baosong.ledger.services import Services


class Notes(dict[Any, dict[str, str]]):
    """What the watchers have written down, as a task is given it: they looked just now."""

    def __missing__(self, asset: Any) -> dict[str, str]:
        return {"last_poll_at": datetime.now(UTC).isoformat()}


def send(notes: Any = None) -> None:
    tasks.send_messages_task(asset_state_store=Notes() if notes is None else notes)


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
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": SENDER, "timeout": 60}
    connected(monkeypatch, SMTP_ID, conn_type="smtp", host="127.0.0.1", port=post.port, extra=extra)


def by_robot(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    config = [{"path": f"json://127.0.0.1:{port}/"} for port in ports]
    connected(monkeypatch, APPRISE_ID, conn_type="apprise", extra={"config": config})


def alarm(cause: str = "1", **over: Any) -> Any:
    return mail(cause, "", event="alarm", campaign="t", subject="任务失败", body="收件 / 清点", **over)


def test_a_connection_leads_mails_to_its_server(told: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    told.ledger.notify([alarm()])
    with post_office() as post:
        by_smtp(monkeypatch, post)
        send()
        send()

    (got,) = post.mails()
    assert (got["To"], got["Subject"]) == ("zhiban@example.cn", "任务失败")


def test_without_a_connection_mails_are_files_and_robots_are_not_asked(told: Services) -> None:
    told.ledger.notify([alarm(), alarm(channel="chat")])

    send()

    assert len(list((told.settings.home / "messages").glob("*.eml"))) == 1
    assert [row.channel for row in told.ledger.last_notifications("t", 9)] == ["mail"]


def test_a_server_that_is_away_fails_no_task(told: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    told.ledger.notify([alarm()])
    with post_office() as gone:
        pass
    by_smtp(monkeypatch, gone)

    send()

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
        send()
        (row,) = told.ledger.last_notifications("t", 9)
        assert (row.sent_at, row.note) == (None, "群机器人没有收下")
        told.ledger.run(lambda s: setattr(s.get_one(type(row), row.id), "retry_at", None))
        send()
        send()

    assert [(m["title"], m["message"]) for m in heard] == [("任务失败", "收件 / 清点")] * 2


def test_a_robot_that_took_it_is_not_told_again_because_another_refused(
    told: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.ledger.notify([alarm(channel="chat")])
    heard = []
    with robot(lambda message: heard.append(message) or 200) as good, robot(lambda _: 503) as bad:
        by_robot(monkeypatch, good, bad)
        send()
        send()

    (row,) = told.ledger.last_notifications("t", 9)
    assert (len(heard), row.note) == (1, "有的群机器人没有收下")
    assert row.sent_at is not None


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
        send()

    assert len(heard) == 1


def test_only_between_the_hand_over_and_the_request_is_a_robots_message_lost_and_the_board_says_so(
    told: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can tell this from a request that arrived: what may have been heard is not said twice."""
    told.ledger.notify([alarm(channel="chat")])
    heard: list[dict[str, Any]] = []

    def work() -> None:
        import apprise

        from baosong.pipeline.notify import send_due

        apprise.apprise._shared_executor = None  # as above
        seam = Seam(at_effect={(0, "after"): kill})
        send_due(seamed(told.settings, told.campaigns, seam), lines(told.settings.home))

    with robot(lambda message: heard.append(message) or 200) as port:
        by_robot(monkeypatch, port)
        told.ledger.close()
        assert in_child(work).killed
        send()

    (row,) = told.ledger.last_notifications("t", 9)
    line = message_line(row, told.campaigns.get("t"), datetime.now(UTC) + timedelta(minutes=3))
    assert (heard, line["look"]) == ([], "held")
    assert "对方可能已收到，不再重发" in line["text"]


def test_a_connection_without_an_address_is_told_in_words(told: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    told.ledger.notify([alarm(channel="chat")])
    connected(monkeypatch, APPRISE_ID, conn_type="apprise", extra={"config": {"path": "nonsense"}})

    send()

    (row,) = told.ledger.last_notifications("t", 9)
    assert row.note == "连接 baosong_apprise 的 config 里没有可用的地址"


def alarms_of(services: Services) -> list[tuple[str, str]]:
    found = services.ledger.last_notifications("", 20)
    return sorted((row.event, row.subject) for row in found if row.channel == "mail")


def failed(error: BaseException | None, task: str = "receive") -> None:
    """Have a task fail for good, as Airflow tells its callback."""
    named = {"dag": SimpleNamespace(dag_display_name="收件"), "task": SimpleNamespace(task_display_name="校验")}
    context = {"task_instance": SimpleNamespace(dag_id="intake", task_id=task), "exception": error, **named}
    tasks.DEFAULT_ARGS["on_failure_callback"](context)


def test_a_failed_task_alarms_the_operators_once_a_day_in_words(told: Services) -> None:
    from baosong.store.storage import StorageError

    for _ in range(3):
        failed(StorageError("写入 archive/2023/6501/绝密.docx：没有空间"))

    assert alarms_of(told) == [("failed", "报警：任务失败：收件 / 校验，对象存储暂时无法访问，或其磁盘已满")]
    send()
    (mail,) = (told.settings.home / "messages").glob("*.eml")
    assert "绝密" not in mail.read_bytes().decode()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, "进程中断或超时"),
        (ValueError("13912345678"), "程序错误：ValueError"),
        ("程序错误：ValueError: 13912345678", "程序错误：ValueError"),
        ("归档、隔离或汇总中有 2 项与登记不符，逐项见上。", "归档、隔离或汇总中有 2 项与登记不符，逐项见上"),
    ],
)
def test_an_alarm_quotes_no_file(error: Any, said: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    assert alarms.reason(AirflowFailException(error) if isinstance(error, str) else error) == said


def test_a_worker_whose_kernel_refuses_a_belt_alarms_the_operators_once_a_day(told: Services) -> None:
    """The board tries the machine that it runs on; workers may be on others."""

    def work() -> None:
        tasks.open_services.cache_clear()  # a child's connections are its own
        missing_belts.cache_clear()
        exec(kernel_without("landlock"), {})
        for _ in range(2):
            nothing = {"campaign": "t", "prefecture": "6501", "ids": [], "lane": "quick"}
            tasks.receive_task(nothing, dag_run=SimpleNamespace(run_id="r"))
        tasks.open_services().ledger.close()

    assert in_child(work).well
    said = f"报警：沙箱：工作进程所在的机器 {socket.gethostname()} 不提供 Landlock，在它上面打开文件时隔离较弱"
    assert alarms_of(told) == [("health", said)]


def test_a_callback_never_raises_and_hides_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "open_services", lambda *_: 1 / 0)

    failed(ValueError("bug"))


def test_a_silent_watcher_and_a_full_disk_alarm_once_a_day_and_a_healthy_system_never(
    told: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    send()
    assert alarms_of(told) == []

    silent = {"last_poll_at": (datetime.now(UTC) - timedelta(minutes=10)).isoformat()}
    usage = shutil.disk_usage(told.settings.home)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=usage.total // 50))
    for _ in range(2):
        send(Notes({INTAKE: silent}))

    watcher, disk = sorted(subject for _, subject in alarms_of(told))
    assert watcher == "报警：收件监视：10 分钟前查看过收件桶"
    assert disk.startswith("报警：磁盘：还有 ")


def test_what_waits_is_sent_though_the_watchers_cannot_be_asked(told: Services) -> None:
    told.ledger.notify([alarm()])

    with pytest.raises(KeyError):
        send({})

    assert told.ledger.last_notifications("t", 9)[0].sent_at is not None
