"""The whole walk on the whole stack: the demo with few files, its scheduler killed half-way, and nothing left after."""

from __future__ import annotations

import json
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from baosong.rules.findings import Kind
from baosong_local import stack
from recount import Region, digits, read_sheet
from soak import WholeStack, baosong, ended, finished_runs
from waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600), pytest.mark.xdist_group("whole")]


def component(home: Path, name: str) -> stack.ComponentState:
    return next(c for c in stack.status(home) if c.name == name)


@dataclass
class Demo:
    """What the demo told and left behind, and what a running stack had answered before it was stopped."""

    home: Path
    told: str
    killed: int
    scheduler: stack.ComponentState  # as it was when the demo had ended
    reports: list[dict[str, Any]]  # the runs of the report's DAG
    stranger: int  # how the board answers somebody without a name
    answering: list[int]  # the ports that answer after `down`
    living: list[psutil.Process]  # and the processes that live

    @property
    def report(self) -> Path:
        """Return the folder of the report as the demo tells it."""
        line = next(line for line in self.told.splitlines() if line.startswith("全区汇总"))
        return Path(line.removeprefix("全区汇总").strip())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = tmp_path_factory.mktemp("a home in a rather deep folder with spaces 报送") / "home"
    process = baosong(home, "demo", "--small")
    try:
        outbox = home / "objectstore" / "data" / "outbox"
        until(lambda: process.poll() is not None or list(outbox.glob("*/*/回执/*.json")), 300, "the first receipt")
        assert process.poll() is None, process.communicate()[0]
        killed = component(home, "scheduler").pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        told = ended(process, 400)
        scheduler, reports = component(home, "scheduler"), finished_runs(WholeStack(home), "province_report")
        facts = json.loads((home / "stack.json").read_text(encoding="utf-8"))
        stranger = httpx.get(f"{facts['BAOSONG_UI_URL']}/baosong/", timeout=30, trust_env=False).status_code
    finally:
        process.kill()
        process.communicate()
        ended(baosong(home, "down"), 120)
    ports = [int(facts[name].rsplit(":", 1)[1]) for name in ("BAOSONG_UI_URL", "BAOSONG_S3_ENDPOINT")]
    answering = [port for port in ports if answers(port)]
    living = [p for p in psutil.process_iter() if belongs(p, home)]
    return Demo(home, told, killed, scheduler, reports, stranger, answering, living)


def test_demo_succeeds_although_its_scheduler_was_killed(demo: Demo) -> None:
    assert "演示通过" in demo.told
    assert demo.scheduler.pid != demo.killed
    assert demo.scheduler.restarts >= 1


def test_the_other_campaign_stands_in_the_middle(demo: Demo) -> None:
    """Something of all that a board can show, said last, with where to look."""
    assert demo.told.index("另一次活动停在中途") > demo.told.index("演示通过")
    board = next(line for line in demo.told.splitlines() if line.startswith("  看板"))
    outbox = demo.home / "objectstore" / "data" / "outbox" / board.rpartition("/")[2]
    files = [f for path in outbox.glob("*/回执/*.json") for f in json.loads(path.read_text(encoding="utf-8"))["files"]]
    assert {f["verdict"] for f in files} == {"accepted", "rejected", "held"}
    assert [f["late"] for f in files].count(True) == 2
    remarked = [f for f in files if any(x["rule"] == "statistics.file_count" for x in f["findings"])]
    assert [f["verdict"] for f in remarked] == ["accepted"]
    assert len(list(outbox.glob("*/状态.html"))) == 6
    assert len({path.parts[-3] for path in outbox.glob("*/回执/*.json")}) == 5, "one has sent nothing"


def test_roll_up_fires_exactly_once(demo: Demo) -> None:
    assert [(run["state"], run["run_type"]) for run in demo.reports] == [("success", "asset_triggered")]


def test_report_lies_where_the_demo_says(demo: Demo) -> None:
    assert {"figures.json", "汇总表.xlsx", "汇总总结报告.docx"} <= {p.name for p in demo.report.iterdir()}


def test_report_adds_up_the_sheets_in_the_archive(demo: Demo) -> None:
    """Recounted from the archived bytes, without the project's code; in full this is done by test_editions.py."""
    archive = demo.home / "objectstore" / "data" / "archive" / demo.report.parts[-3]
    paths = archive.glob(f"*/{Kind.STATISTICS.value}/*.xlsx")
    sheets = {path.parts[-3]: read_sheet(path.read_bytes()) for path in paths}
    region = Region(dict.fromkeys(sheets, ""), sheets)
    told = json.loads((demo.report / "figures.json").read_text(encoding="utf-8"))
    assert len(sheets) == 14
    assert told["totals"] == {code: digits(region.total(code), code) for code in region.indicators}
    assert told["activities"] == len(region.activities)


def test_intake_is_empty_when_all_is_answered(demo: Demo) -> None:
    left = [p for p in (demo.home / "objectstore" / "data" / "intake").rglob("*") if p.is_file()]
    assert [p for p in left if not p.name.startswith(".rclone_temp_")] == []


def test_board_is_closed_to_strangers(demo: Demo) -> None:
    assert demo.stranger == 401


def test_down_leaves_no_process_and_no_port(demo: Demo) -> None:
    assert (demo.answering, demo.living) == ([], [])


def answers(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def belongs(process: psutil.Process, home: Path) -> bool:
    try:
        return str(home) in " ".join(process.cmdline()) or process.environ().get("BAOSONG_HOME") == str(home)
    except psutil.Error:
        return False
