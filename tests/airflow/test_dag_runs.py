"""`intake` and `nightly_consolidation` run by Airflow itself, on PostgreSQL, the ledger and the object store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any

import pytest

import airflow_home
from baosong.receipts.board import render_board
from baosong_local.samples.sheets import make_sheet
from feed import feed_all
from intake_run import piece
from mail_help import mail
from manual_review_help import run_unscanned

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.ledger.services import Services
    from baosong_local.stack.postgres import Postgres
    from servers import Store

pytestmark = pytest.mark.xdist_group("dag_runs")
Run = dict[str, Any]
PLACES = {"6501": "2023/6501-乌鲁木齐市", "6502": "2023/6502-克拉玛依市"}
METADATA = "airflow_for_dag_runs"


@pytest.fixture(scope="module")
def airflow_env(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of an Airflow with a metadata database and pools of its own."""
    home = tmp_path_factory.mktemp("airflow")
    postgres.ensure_databases((METADATA,))
    env = {
        **os.environ,
        **airflow_home.environment(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.url(METADATA),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": postgres.url(METADATA, "asyncpg"),
    }
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=env, capture_output=True, check=True)
    yield env
    postgres.execute(f'DROP DATABASE "{METADATA}" WITH (FORCE)')


class Runner:
    """One process that runs DAGs on request."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("w") as stderr:
            self._child = self._start(env, stderr)

    @staticmethod
    def _start(env: dict[str, str], stderr: IO[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).parents[1] / "helpers" / "run_dag.py")],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def __call__(
        self, dag_id: str, services: Services, ill: str | None = None, lost: str | None = None, **conf: Any
    ) -> Run:
        """Run a DAG once on a services; a run that dies shows the end of its log."""
        assert self._child.stdin
        assert self._child.stdout
        env = airflow_home.baosong_environment(services.settings)
        request = {"dag": dag_id, "env": env, "ill": ill, "lost": lost, "conf": conf}
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        for line in self._child.stdout:
            if line.startswith("RESULT "):
                return json.loads(line.removeprefix("RESULT "))
        raise AssertionError(self._log.read_text()[-4000:])

    def close(self) -> None:
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.wait(30)


@pytest.fixture(scope="module")
def run(airflow_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    runner = Runner(airflow_env, tmp_path_factory.mktemp("runs") / "log")
    yield runner
    runner.close()


def states(run: Run, task: str) -> set[tuple[str | None, str]]:
    """Return (map index as operators see it, state) of a task's instances."""
    return {(t["name"], t["state"]) for t in run["tasks"] if t["task"] == task}


def drop_sheet(services: Services, campaign: Campaign, code: str) -> None:
    sheet = make_sheet(campaign, campaign.prefecture(code), seed=1)
    services.storage.put("intake", f"{PLACES[code]}/统计表/{sheet.name}", sheet.content)


def listed(services: Services, bucket: str, end: str = "") -> list[str]:
    return [s.key for s in services.storage.list(bucket) if s.key.endswith(end)]


def test_good_bad_and_homeless_files_are_answered_in_one_green_run(
    run: Runner, services: Services, campaign: Campaign
) -> None:
    drop_sheet(services, campaign, "6501")
    services.storage.put("intake", f"{PLACES['6502']}/统计表/统计表.xlsx", b"not a sheet")
    services.storage.put("intake", "1999/whoever/x.xlsx", b"of nobody")

    done = run("intake", services)

    assert done["state"] == "success"
    assert {(name.partition("：")[0], state) for name, state in states(done, "receive")} == {
        ("乌鲁木齐市", "success"),
        ("克拉玛依市", "success"),
        ("不属于任何地州市", "success"),
    }
    assert states(done, "announce") == {(None, "skipped")}
    assert listed(services, "intake") == []
    verdicts = {s.prefecture: s.state for s in services.ledger.submissions("2023")}
    assert verdicts == {"6501": "accepted", "6502": "rejected"}
    receipts = [key for key in listed(services, "outbox", ".html") if "回执" in key]
    assert {key.split("/")[1] for key in receipts if key.startswith("2023/")} == {"6501-乌鲁木齐市", "6502-克拉玛依市"}
    assert any(key.startswith("_unplaced/") for key in listed(services, "outbox"))


def test_an_idle_sweep_is_green(run: Runner, services: Services) -> None:
    done = run("intake", services)

    assert done["state"] == "success"
    assert states(done, "find_new") == {(None, "success")}
    assert states(done, "receive") == {(None, "skipped")}
    assert states(done, "settled") == {(None, "success")}


def test_a_complete_prefecture_is_announced_once_as_a_partition(
    run: Runner, services: Services, campaign: Campaign, postgres: Postgres
) -> None:
    feed_all(services.ledger, campaign, "6501")
    before = announced(postgres)

    first, second = run("intake", services), run("intake", services)

    assert states(first, "announce") == {(None, "success")}
    assert states(second, "announce") == {(None, "skipped")}
    assert announced(postgres)[len(before) :] == ["2023|6501"]
    assert services.ledger.announced("2023") == {"6501"}


def test_what_was_announced_but_not_recorded_is_announced_again(
    run: Runner, services: Services, campaign: Campaign
) -> None:
    feed_all(services.ledger, campaign, "6501")

    unrecorded = run("intake", services, lost="announce")
    assert states(unrecorded, "announce") == {(None, "success")}
    assert services.ledger.announced("2023") == set()

    assert states(run("intake", services), "announce") == {(None, "success")}
    assert services.ledger.announced("2023") == {"6501"}


def test_an_ill_system_turns_the_run_red_but_not_the_announcement_and_the_next_run_heals(
    run: Runner, services: Services, campaign: Campaign
) -> None:
    drop_sheet(services, campaign, "6501")
    feed_all(services.ledger, campaign, "6502")

    ill = run("intake", services, ill="receive")

    assert ill["state"] == "failed"
    assert services.ledger.announced("2023") == {"6502"}
    assert len(listed(services, "intake")) == 1

    healed = run("intake", services)
    assert healed["state"] == "success"
    assert listed(services, "intake") == []


def test_the_night_writes_an_interim_edition_once(run: Runner, services: Services, campaign: Campaign) -> None:
    services.storage.put("outbox", f"{PLACES['6501']}/状态.html", b"opened")
    feed_all(services.ledger, campaign, "6501")

    first, second = run("nightly_consolidation", services), run("nightly_consolidation", services)

    page = services.storage.read("outbox", f"{PLACES['6501']}/状态.html").decode()
    assert campaign.deadline_text in page  # written anew, whatever it said
    assert first["state"] == second["state"] == "success"
    assert states(first, "consolidate") == {("2023", "success")}
    (edition,) = services.ledger.editions("2023")
    assert edition.edition == "interim"
    documents = {"汇总总结报告.docx", "汇总总结报告.html", "汇总表.xlsx", "一页纸.docx", "汇报幻灯片.pptx"}
    names = {key.rsplit("/", 1)[1] for key in listed(services, "reports") if edition.prefix in key}
    names -= {"汇总总结报告.pdf", "一页纸.pdf"}  # where LibreOffice is
    assert names == documents | {"figures.json", "changes.json"}


def test_the_night_makes_good_a_roll_up_that_was_lost(run: Runner, services: Services, campaign: Campaign) -> None:
    services.storage.put("outbox", f"{PLACES['6501']}/状态.html", b"opened")
    for prefecture in campaign.prefectures:
        feed_all(services.ledger, campaign, prefecture.code)

    run("nightly_consolidation", services)

    assert [(e.edition, e.version) for e in services.ledger.editions("2023")] == [("final", 1)]
    assert "2023/final/v1/汇总表.xlsx" in listed(services, "reports")


def test_the_night_leaves_alone_what_was_never_opened(run: Runner, services: Services) -> None:
    assert run("nightly_consolidation", services)["state"] == "success"
    assert listed(services, "reports") == []


def test_a_damaged_archive_turns_the_night_red_and_the_board_names_it(
    run: Runner, services: Services, campaign: Campaign, store: Store
) -> None:
    drop_sheet(services, campaign, "6501")
    run("intake", services)
    assert run("fixity", services)["state"] == "success"
    (sheet,) = services.ledger.submissions("2023")
    kept = store.server.data / services.settings.s3.buckets["archive"] / str(sheet.archive_key)
    content = kept.read_bytes()
    kept.unlink()

    assert run("fixity", services)["state"] == "failed"
    board = render_board(services.ledger, campaign, datetime.now(UTC), bool)
    assert str(sheet.archive_key) in board
    assert "对象缺失" in board

    services.storage.put("archive", str(sheet.archive_key), content)
    assert run("fixity", services)["state"] == "success"
    assert "对象缺失" not in render_board(services.ledger, campaign, datetime.now(UTC), bool)


def test_the_report_asks_the_ledger_before_it_believes_the_partition(
    services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    from baosong_airflow import tasks

    for name, value in airflow_home.baosong_environment(services.settings).items():
        monkeypatch.setenv(name, value)
    tasks.open_services.cache_clear()

    with pytest.raises(AirflowFailException, match="分区键"):
        tasks.confirm_complete_task(dag_run=SimpleNamespace(partition_key=None))
    with pytest.raises(AirflowSkipException, match="尚未交齐"):
        tasks.confirm_complete_task(dag_run=SimpleNamespace(partition_key="2023"))
    for prefecture in campaign.prefectures:
        feed_all(services.ledger, campaign, prefecture.code)
    assert tasks.confirm_complete_task(dag_run=SimpleNamespace(partition_key="2023")) == "2023"
    tasks.open_services().ledger.close()
    tasks.open_services.cache_clear()


def test_only_an_ill_system_is_worth_waiting_for() -> None:
    """A parser that breaks on a file would break on it again, and each retry holds up everybody's next drop."""
    from airflow.sdk.exceptions import AirflowFailException

    from baosong.store.storage import StorageError
    from baosong_airflow import tasks

    for away in (StorageError("away"), ConnectionResetError()):
        with pytest.raises(type(away)), tasks._no_retry_of_bugs():
            raise away
    for bug in (ValueError("bug"), ExceptionGroup("two files", [ValueError("bug"), KeyError("bug")])):
        with pytest.raises(AirflowFailException, match="程序错误"), tasks._no_retry_of_bugs():
            raise bug


def test_an_operator_releases_a_held_file_from_the_form_and_the_intake_does_the_rest(
    run: Runner, services: Services, campaign: Campaign, postgres: Postgres
) -> None:
    services.storage.put("intake", f"{PLACES['6501']}/媒体报道/链接.txt", piece())
    run_unscanned(services)
    (row,) = services.ledger.submissions("2023")
    fired = events_of(postgres, "intake")

    form = {"number": row.id, "decision": "放行", "reason": "已核实", "deliverable": None}
    decided = run("release_held", services, **form)
    answered = run("intake", services)

    assert (decided["state"], answered["state"]) == ("success", "success")
    assert events_of(postgres, "intake") == fired + 1, "the intake need not wait for its sweep"
    assert services.ledger.submission(row.id).state == "accepted"
    assert [h.who for h in services.ledger.history(row.id) if h.who]
    assert len([key for key in listed(services, "outbox", ".html") if "回执-002号" in key]) == 1


def test_a_form_that_cannot_be_carried_out_is_answered_in_words_and_changes_nothing(
    run: Runner, services: Services, postgres: Postgres
) -> None:
    """Red says that the system is ill; a wrong number is an answer, in the return value and in the log."""
    services.storage.put("intake", f"{PLACES['6501']}/媒体报道/机密★.txt", piece())
    run("intake", services)
    (row,) = services.ledger.submissions("2023")
    given = "SELECT value #>> '{}' FROM xcom WHERE dag_id = 'release_held' AND task_id = 'decide' ORDER BY timestamp"

    marked = run("release_held", services, number=row.id, decision="放行", reason="看着没事", deliverable=None)
    unknown = run("release_held", services, number=row.id + 1, decision="退回", reason="退", deliverable=None)

    assert (marked["state"], unknown["state"]) == ("success", "success")
    *_, of_marked, of_unknown = metadata(postgres, given)
    assert "没有办理" in of_marked
    assert "不能放行，只能退回" in of_marked
    assert f"没有第 {row.id + 1} 号文件" in of_unknown
    assert services.ledger.submission(row.id).state == "held"


def test_the_board_rings_for_both_lanes_in_airflows_own_database(
    run: Runner, services: Services, postgres: Postgres, airflow_env: dict[str, str]
) -> None:
    """What an operator decided need not wait for the sweep: no task is there to emit the event."""
    run("intake", services)
    run("intake_large", services)
    before = [events_of(postgres, lane) for lane in ("intake", "intake_large")]
    env = {**airflow_env, "PYTHONPATH": os.pathsep.join(["plugins", "include"])}

    ringing = [sys.executable, "-c", "from baosong_airflow.doorbell import ring; ring()"]
    subprocess.run(ringing, env=env, cwd=airflow_home.PROJECT, capture_output=True, check=True)

    assert [events_of(postgres, lane) for lane in ("intake", "intake_large")] == [n + 1 for n in before]


def test_the_board_starts_the_report_once_in_airflows_own_database(
    run: Runner, services: Services, postgres: Postgres, airflow_env: dict[str, str]
) -> None:
    run("province_report", services)  # which has Airflow know the DAG
    env = {**airflow_env, "PYTHONPATH": os.pathsep.join(["plugins", "include"])}
    starting = """
from baosong_airflow.report_now import start, under_way
before = under_way("2023")
start("2023", "张三", "领导要看")
print(before, under_way("2023"), under_way("2024"))
"""

    done = subprocess.run(
        [sys.executable, "-c", starting], env=env, cwd=airflow_home.PROJECT, capture_output=True, check=False
    )

    assert done.stdout.decode().split()[-3:] == ["False", "True", "False"], done.stderr
    asked = "SELECT triggering_user_name || partition_key || state FROM dag_run WHERE dag_id = 'province_report'"
    assert metadata(postgres, f"{asked} ORDER BY id DESC LIMIT 1") == ["张三2023queued"]


def test_the_night_tidies_quarantine(run: Runner, services: Services) -> None:
    services.storage.put("outbox", f"{PLACES['6501']}/状态.html", b"opened")
    services.storage.put("intake", f"{PLACES['6501']}/媒体报道/空.txt", b"")
    run("intake", services)
    (row,) = services.ledger.submissions("2023")
    old = datetime(2020, 1, 1, tzinfo=UTC)
    services.ledger.run(lambda s: setattr(s.get_one(type(row), row.id), "replied_at", old))

    done = run("nightly_consolidation", services)

    assert states(done, "tidy") == {("2023", "success")}
    assert listed(services, "quarantine") == [f"{row.archive_key}.json"]
    assert services.ledger.submission(row.id).purged_at


def test_messages_and_reminders_are_green_and_what_waits_is_a_file(run: Runner, services: Services) -> None:
    services.ledger.notify([mail("1", "", event="alarm", campaign="")])

    assert run("reminders", services)["state"] == "success"
    assert run("messages", services)["state"] == "success"

    (row,) = services.ledger.last_notifications("", 9)
    assert row.note == "活动文件里没有收件地址"


def test_a_task_that_fails_for_good_is_an_alarm(run: Runner, services: Services) -> None:
    run("intake", services, ill="find_new")

    told = services.ledger.last_notifications("", 9)
    assert [row.subject for row in told] == ["报警：任务失败：收件 / 清点新文件，本机读写失败"]


def events_of(postgres: Postgres, asset: str) -> int:
    """Return how many events of an asset Airflow has recorded."""
    query = "SELECT count(*) FROM asset_event e JOIN asset a ON a.id = e.asset_id WHERE a.name = %s"
    (number,) = metadata(postgres, query, asset)
    return int(number)


def announced(postgres: Postgres) -> list[str]:
    """Return the partitions that Airflow has recorded, in their order."""
    return metadata(postgres, "SELECT partition_key FROM asset_event WHERE partition_key IS NOT NULL ORDER BY id")


def metadata(postgres: Postgres, query: str, *values: str) -> list[Any]:
    """Return the first column of what Airflow's own database answers."""
    import psycopg2

    connection = psycopg2.connect(host=str(postgres.sockets), user="postgres", dbname=METADATA)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return [row[0] for row in cursor.fetchall()]
    finally:
        connection.close()
