"""verify, export and rebuild-ledger as an operator calls them: what they say, and with which exit code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import bagit
import pytest

import airflow_home
from baosong.ledger.services import Services
from baosong.pipeline.publish import publish_report
from baosong.report.files import PAGE
from cli_help import call
from intake_run import drop, piece, rows, run
from preservation_help import lose
from servers import Store


@pytest.fixture
def told(services: Services) -> Callable[..., CompletedProcess[str]]:
    return lambda *words: call(*words, **airflow_home.baosong_environment(services.settings))


def test_verify_names_what_is_wrong_and_goes_on_where_it_was_interrupted(
    services: Services, store: Store, told: Callable[..., CompletedProcess[str]]
) -> None:
    began = datetime.now(UTC)
    drop(services, piece())
    run(services)
    good = told("verify", "2023")
    assert (good.returncode, "全部完好" in good.stdout) == (0, True), good.stderr
    mark = services.settings.home / "verify-2023.txt"
    assert not mark.exists()
    mark.write_text(began.isoformat())
    assert "本次读出 0 项" in told("verify", "2023", "--resume").stdout

    key = str(rows(services)[0].archive_key)
    kept = store.server.data / services.settings.s3.buckets["archive"] / key
    kept.write_bytes(kept.read_bytes()[::-1])
    bad = told("verify", "--sample", "50")
    assert bad.returncode == 1
    assert f"archive/{key}：内容已变" in bad.stderr
    assert told("verify", "1999").returncode == 2


def test_verify_names_a_file_of_a_report_with_both_hashes_and_mends_it_when_told(
    services: Services, store: Store, told: Callable[..., CompletedProcess[str]]
) -> None:
    prefix = publish_report(services, "2023", "final", datetime.now(UTC))["prefix"]
    file = store.server.data / services.settings.s3.buckets["reports"] / prefix / PAGE
    content = file.read_bytes()
    file.write_bytes(content[::-1])
    right, wrong = (hashlib.sha256(data).hexdigest() for data in (content, content[::-1]))
    bad = told("verify", "2023")
    assert f"reports/{prefix}{PAGE}：内容已变：sha256 应为 {right}，实为 {wrong}" in bad.stderr
    assert (bad.returncode, "共 14 项，本次读出 14 项，1 项有问题。" in bad.stdout) == (1, True), bad.stdout
    mended = told("verify", "2023", "--mend")
    assert f"已恢复 reports/{prefix}{PAGE}" in mended.stdout
    assert (mended.returncode, file.read_bytes() == content) == (0, True)


@pytest.mark.ledger_owner
def test_export_and_rebuild_say_what_they_did_and_refuse_what_they_must(
    services: Services, tmp_path: Path, told: Callable[..., CompletedProcess[str]]
) -> None:
    drop(services, piece())
    run(services)
    folder = tmp_path / "移交"
    assert told("export", "2023", str(folder)).returncode == 0
    bagit.Bag(str(folder)).validate()
    again = told("export", "2023", str(folder))
    assert (again.returncode, "已存在" in again.stderr) == (2, True)
    nowhere = told("export", "2023", "/proc/nowhere")
    assert (nowhere.returncode, "Traceback" in nowhere.stderr) == (2, False)

    in_use = told("rebuild-ledger")
    assert (in_use.returncode, "--replace" in in_use.stderr) == (2, True)
    lose(services)
    done = told("rebuild-ledger")
    assert (done.returncode, "文件 1" in done.stdout) == (0, True), done.stderr
    assert [row.state for row in rows(services)] == ["accepted"]


@pytest.mark.ledger_owner
def test_backup_and_restore_say_what_they_did_and_refuse_what_they_must(
    services: Services, tmp_path: Path, told: Callable[..., CompletedProcess[str]]
) -> None:
    drop(services, piece())
    run(services)
    folder = tmp_path / "备份"
    made = told("backup", str(folder))
    assert (made.returncode, "文件 " in made.stdout, str(folder / "points") in made.stdout) == (0, True, True)
    nowhere = told("backup", "/proc/nowhere")
    assert (nowhere.returncode, "Traceback" in nowhere.stderr) == (2, False)
    in_use = told("restore", str(folder))
    assert (in_use.returncode, "台账不是空的" in in_use.stderr) == (2, True)

    lose(services)
    done = told("restore", str(folder))
    assert (done.returncode, "已恢复" in done.stdout) == (0, True), done.stderr
    assert [row.state for row in rows(services)] == ["accepted"]
