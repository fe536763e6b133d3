"""The scheduler's warm-up: what it spares its tasks, and that it does them no harm."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import OperationalError

import airflow_home
from baosong.rules.findings import Kind
from baosong.store.settings import PROJECT
from baosong.validation.statistics import statistics
from baosong_airflow import preload
from baosong_local.samples.documents import make_report
from baosong_local.samples.media import make_clip, make_photo
from baosong_local.samples.sheets import make_sheet
from waiting import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from baosong.campaign import Campaign
    from baosong.ledger.services import Services

TASK = """
import os, threading
from baosong_airflow import preload
from baosong.receipts.view import render
from great_expectations.validator.validation_graph import ValidationGraph
from jinja2 import Environment

preload.warm_up()
assert threading.active_count() == 1, threading.enumerate()

def refuse(*_, **__):
    raise AssertionError("worked out again")

Environment.compile = ValidationGraph.build_metric_dependency_graph = refuse
if os.fork() == 0:
    preload._check_a_sheet(preload._newest_campaign())
    render("style.css")
    os._exit(0)
assert os.wait()[1] == 0
"""


def test_what_is_forked_from_a_warm_process_works_nothing_out_again_and_finds_no_thread(
    services: Services,
) -> None:
    """A fork would lose the thread, with whatever lock it held."""
    env = os.environ | airflow_home.baosong_environment(services.settings)
    done = subprocess.run([sys.executable, "-c", TASK], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


TASKS = """
import sys
from datetime import datetime, UTC

import airflow_local_settings
from sqlalchemy.dialects.postgresql.base import PGCompiler
from baosong.ledger.services import Services

known = set(sys.modules)
compiled = []
make = PGCompiler.__init__

def tell(self, dialect, statement, *args, **kwargs):
    make(self, dialect, statement, *args, **kwargs)
    compiled.append(str(self.string).split(chr(10))[0][:60])

PGCompiler.__init__ = tell
from baosong_airflow import tasks  # as a task does: its functions import what they need
from baosong.pipeline import discover, leftovers, process, publish

services = Services.open(None, tasks.RETRY_TIMEOUT, tasks.ledger_of)
for work in discover.find_new(services, "quick"):
    process.process(services, work)
leftovers.remove_leftovers(services)
print(*[text for text in compiled if text.startswith("SELECT")], sep=chr(10))
assert not services.ledger.unfinished()
publish.publish_report(services, "2023", "interim", datetime(2023, 6, 1, tzinfo=UTC))
print("imported:", *sorted(set(sys.modules) - known))
"""

FEW = 10  # locks, and what is asked only once there is something; without the rehearsal dozens


def test_tasks_import_nothing_and_compile_few_queries_that_their_parent_could_have(
    services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    prefecture = campaign.prefectures[0]
    sheet = make_sheet(campaign, prefecture, seed=1)
    film = make_clip(tmp_path / "film.mov")
    dropped = {
        Kind.STATISTICS: (sheet.name, sheet.content),
        Kind.REPORT: ("总结.docx", make_report(campaign, prefecture, seed=1)),
        Kind.PHOTO: ("照片.jpg", make_photo(1, prefecture.name)),
        Kind.VIDEO: (film.name, film.read_bytes()),
    }
    for kind, (name, content) in dropped.items():
        key = "/".join((campaign.id, prefecture.folder, campaign.deliverable(kind).folder, name))
        services.storage.put("intake", key, content)
    env = os.environ | airflow_home.environment(tmp_path) | airflow_home.baosong_environment(services.settings)
    env["PYTHONPATH"] = str(PROJECT / "plugins" / "preload")
    done = subprocess.run([sys.executable, "-c", TASKS], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *compiled, imported = done.stdout.splitlines()
    assert imported == "imported:"
    assert len(compiled) <= FEW, compiled


def test_a_warm_up_that_fails_is_told_and_leaves_the_scheduler_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(statistics, "check", None)
    with caplog.at_level(logging.ERROR):
        preload.warm_up()
    assert "the tasks will be slower" in caplog.text


def test_a_warm_up_without_a_ledger_is_told_does_all_the_rest_and_waits_for_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The scheduler may start before the ledger does; a task would wait for it for a minute."""
    checked: list[statistics.Checked] = []
    check = statistics.check
    monkeypatch.setattr(statistics, "check", lambda *given: checked.append(check(*given)) or checked[-1])
    monkeypatch.setenv("BAOSONG_LEDGER_URL", f"postgresql+psycopg2://postgres@127.0.0.1:{free_port()}/none")
    with caplog.at_level(logging.WARNING):
        preload.warm_up()
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [OperationalError]
    assert "Retrying" not in caplog.text
    assert len(checked) == 1
