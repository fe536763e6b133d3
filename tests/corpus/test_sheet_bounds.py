"""Whatever a sheet is made of, each of two processes takes at most ten seconds of a processor and 1 GiB for it."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from baosong.validation.sandbox import run as sandbox
from baosong.validation.sandbox.programs import read_sheet
from baosong.validation.statistics import cells, sheet_answer
from bounds_run import Taken, run
from sheet_bombs import BOMBS, NOT_SEARCHED

SECONDS, MEMORY = 10, 1 << 30


@pytest.fixture(scope="module")
def server() -> ForkServerContext:
    """One process that has imported everything, and is forked for each sheet: pytest itself has threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bounds_run"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # some Pythons do not tell it, and preload nothing
        forkserver.ensure_running()
    return context


def taken(server: ForkServerContext, name: str) -> Taken:
    answers = server.Queue()
    process = server.Process(target=run, args=(name, answers))
    process.start()
    try:
        return answers.get(timeout=200)
    finally:
        process.kill()
        process.join()


@pytest.mark.parametrize("name", BOMBS)
def test_a_harmful_sheet_gets_its_answer_within_the_bounds(server: ForkServerContext, name: str) -> None:
    _, rule, _ = BOMBS[name]
    answer = taken(server, name)
    if answer.clock < cells.TIMEOUT_SECONDS or answer.found != ["file.too_costly"]:  # else others kept the processors
        assert answer.verdict == {"": "accepted", NOT_SEARCHED: "held"}.get(rule, "rejected"), answer
        assert set(answer.found) == ({rule} if rule else set())
    assert answer.seconds < SECONDS, answer
    assert answer.child_seconds < SECONDS, answer
    assert answer.memory < MEMORY, answer
    assert answer.child_memory < MEMORY, answer


def test_the_reader_cannot_take_longer_whatever_it_is_given(tmp_path: Path) -> None:
    """A reader that tells its own limits: the system ends it after so many seconds and at so much memory."""
    (tmp_path / "python_calamine.py").write_text(
        "import resource as r\n"
        "class PasswordError(Exception): pass\n"
        "class CalamineError(Exception): pass\n"
        "def load_workbook(_): raise ValueError(str((r.getrlimit(r.RLIMIT_CPU), r.getrlimit(r.RLIMIT_AS))))\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-S", "-P", str(cells.CHILD), "10"]
    paths = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(sandbox.INCLUDE)])}
    done = subprocess.run(command, input=b"x", capture_output=True, env=paths, check=True)
    limits = ((read_sheet.SECONDS, read_sheet.SECONDS + 2), (MEMORY,) * 2)
    assert sheet_answer.decoded(done.stdout) == ([], f"ValueError: {limits}")
    assert read_sheet.SECONDS + 2 <= SECONDS
    assert cells.TIMEOUT_SECONDS == 4 * read_sheet.SECONDS
