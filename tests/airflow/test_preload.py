"""The scheduler's warm-up: what it spares its tasks, and that it does them no harm."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from baosong.validation.statistics import statistics
from baosong_airflow import preload

TASK = """
import os, threading
from baosong_airflow import preload
from baosong.receipts.view import render
from jinja2 import Environment

preload.warm_up()
assert threading.active_count() == 1, threading.enumerate()

def refuse(*_, **__):
    raise AssertionError("compiled again")

Environment.compile = refuse
if os.fork() == 0:
    preload._check_a_sheet()
    render("style.css")
    os._exit(0)
assert os.wait()[1] == 0
"""


def test_what_is_forked_from_a_warm_process_compiles_no_template_and_finds_no_thread() -> None:
    """A fork would lose the thread, with whatever lock it held."""
    done = subprocess.run([sys.executable, "-c", TASK], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_warm_up_that_fails_is_told_and_leaves_the_scheduler_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(statistics, "check", None)
    with caplog.at_level(logging.ERROR):
        preload.warm_up()
    assert "the tasks will be slower" in caplog.text
