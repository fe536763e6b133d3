"""The command line as others script against it: exit codes, the JSON contract, and one clear line for a wrong call."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from baosong.campaign import Campaign
from baosong.cli import main
from baosong.rules.errors import CallError
from baosong.rules.findings import Severity, Verdict
from baosong_local.samples import sheets
from cli_help import call

FINDING = {"rule", "severity", "message", "where", "observed", "expected", "fix"}


def answers(*words: str) -> tuple[int, list[dict[str, Any]]]:
    done = call("check", "--json", *words)
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert told["campaign"] == "2023"
    return done.returncode, told["files"]


@pytest.fixture
def good(campaign: Campaign, tmp_path: Path) -> Path:
    sample = sheets.make_sheet(campaign, campaign.prefecture("6504"), seed=1)
    path = tmp_path / sample.name
    path.write_bytes(sample.content)
    return path


def test_check_of_bad_files_tells_everything_in_one_pass_and_exits_1(good: Path, tmp_path: Path) -> None:
    empty = tmp_path / "总结报告.docx"
    empty.touch()
    odd = tmp_path / "<b>[red]怪名字.bin"
    odd.write_bytes(os.urandom(100))
    code, files = answers(str(good), str(empty), str(odd), "--prefecture", "乌鲁木齐市")
    assert code == 1
    assert [f["file"] for f in files] == [str(good), str(empty), str(odd)]
    assert [f["verdict"] for f in files] == [Verdict.REJECTED] * 3
    for file in files:
        assert set(file) == {"file", "deliverable", "verdict", "findings", "facts"}
        for finding in file["findings"]:
            assert set(finding) == FINDING
            assert finding["severity"] in set(Severity)
    assert "statistics.wrong_prefecture" in {f["rule"] for f in files[0]["findings"]}
    assert files[2]["deliverable"] is None


def test_check_of_a_good_sheet_is_accepted_and_exits_0(good: Path) -> None:
    code, files = answers(str(good), "--prefecture", "6504", "--as", "statistics")
    assert code == 0
    assert files[0]["verdict"] == "accepted"
    assert files[0]["deliverable"] == "statistics"


def test_check_of_a_zip_answers_for_each_file_in_it(good: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "材料.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.write(good, "统计表/统计表.xlsx")
        archive.writestr("照片/空.jpg", b"")
    code, files = answers(str(bundle), "--prefecture", "6504")
    assert code == 1
    assert [(f["file"], f["deliverable"], f["verdict"], [x["rule"] for x in f["findings"]]) for f in files] == [
        (str(bundle), None, "accepted", ["file.bundle"]),
        (f"{bundle}/统计表/统计表.xlsx", "statistics", "accepted", []),
        (f"{bundle}/照片/空.jpg", "photo", "rejected", ["file.empty"]),
    ]


def test_check_for_people_shows_hostile_names_as_they_are(tmp_path: Path) -> None:
    odd = tmp_path / "[red]怪名字.docx"
    odd.touch()
    done = call("check", str(odd))
    assert done.returncode == 1
    assert "[red]怪名字.docx" in done.stdout.replace("\n", "")
    assert "文件是空的" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check", "x", "--campaign", "1999"], "“x”不存在"),
        (["check", __file__, "--campaign", "1999"], "没有活动“1999”"),
        (["check", __file__, "--prefecture", "北京"], "没有地州市“北京”"),
        (["check", __file__, "--as", "song"], "song"),
        (["template", "2023", "-o", "/nowhere/x.xlsx"], "无法写入"),
        (["submit", __file__, "--prefecture", "6501"], "./baosong"),
        (["report", "2023"], "./baosong up"),
        (["account", "add", "zhangsan", "--role", "viewer"], "docker compose exec airflow-api-server"),
        (["account", "reset", "operator"], "在第一次启动时建立"),
        (["logs", "cron"], "没有服务“cron”"),
        (["dance"], "dance"),
    ],
)
def test_wrong_call_gets_a_clear_word_and_exit_2(words: list[str], told: str, tmp_path: Path) -> None:
    done = call(*words, BAOSONG_HOME=str(tmp_path))
    assert done.returncode == 2, done.stdout + done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "accounts.json").exists()


def test_wrong_campaign_file_is_one_clear_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text('extends: "2023"\nid: x\ndeadline: 明天\n', encoding="utf-8")
    done = call("template", "x", "-o", str(tmp_path / "t.xlsx"), BAOSONG_CAMPAIGNS=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("x.yaml:3：字段 deadline：")


def test_template_command_writes_a_sheet_that_bears_the_prefectures_name(tmp_path: Path) -> None:
    done = call("template", "2023", "-o", str(tmp_path / "t.xlsx"), "--prefecture", "巴州")
    assert done.returncode == 0, done.stderr
    # An unfilled sheet is read as what it is: the right form of the right prefecture, with nothing in it yet.
    _, files = answers(str(tmp_path / "t.xlsx"), "--prefecture", "6528")
    rules = {f["rule"] for f in files[0]["findings"]}
    assert files[0]["verdict"] == "rejected"
    assert "statistics.wrong_prefecture" not in rules


def test_status_of_a_stack_that_does_not_run_exits_1(tmp_path: Path) -> None:
    assert call("status", BAOSONG_HOME=str(tmp_path)).returncode == 1


@pytest.mark.parametrize("name", ["统计表.xlsx", "材料.zip"])
def test_a_file_that_vanishes_while_others_are_checked_is_told_in_one_line(
    name: str, campaign: Campaign, tmp_path: Path
) -> None:
    with pytest.raises(CallError, match=r"读不了.+移走"):
        main.read_answers(tmp_path / name, None, campaign, None)
