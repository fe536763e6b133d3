"""The child process that opens files: what it may not do, what becomes of one that does, and who is left afterwards."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl import Workbook

from baosong.campaign import Campaign
from baosong.rules.findings import Kind, Verdict
from baosong.store.source import Source
from baosong.validation import check as checks
from baosong.validation import inspection
from baosong.validation.check import check
from baosong.validation.sandbox import client, confine
from baosong.validation.sandbox.programs.sheet_answer import encoded
from baosong.validation.statistics import cells
from hostile_makers.pdfs import endless
from sandbox_help import children
from waiting import until

INCLUDE = Path(__file__).parents[3] / "include"
EMPTY: dict[str, Any] = {
    "sheets": [],
    "problem": None,
    "texts": [],
    "days": [],
    "moments": [],
    "times": [],
    "spans": [],
}
SHEET: dict[str, Any] = {
    "name": "甲",
    "start": (0, 0),
    "rows": [],
    "cells": [],
    "merged": [],
    "pictures": [],
    "hidden": False,
}
FILE = Source("a.txt", 3, lambda: io.BytesIO(b"abc"))


class Does:
    """Code that the child runs as it takes its work in, as a parser that was taken over might."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.code, {})


def written(answer: dict[str, Any]) -> bytes:
    """Return what a reader that was taken over might answer."""
    return json.dumps(answer).encode()


def done_in_child(code: str, seconds: int = client.SECONDS) -> bytes:
    return client.run(inspection.words, FILE, "txt", Does(code), seconds=seconds)


def raised_in_child(code: str) -> str:
    """Return the last line of what the code raised."""
    with pytest.raises(client.WorkerError) as failed:
        done_in_child(code)
    return str(failed.value).strip().rsplit("\n", 1)[1]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of processor time that a test can wait for."""
    monkeypatch.setitem(client.run.__kwdefaults__, "seconds", 2)


@pytest.fixture
def own_server() -> Iterator[client.Server]:
    """A server that this test may kill."""
    yield client.start()
    client._drop_server()


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("while True: pass", "时间"),
        ("import signal; signal.pause()", "时间"),
        ("import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", "时间"),
        ("x = bytearray(2 << 30)", "内存"),
        ("x = []\nwhile True: x.append(bytes(1 << 20))", "内存"),
    ],
)
def test_a_child_that_uses_up_its_limits_is_ended(code: str, what: str) -> None:
    with pytest.raises(client.ResourceLimitExceeded, match=what):
        done_in_child(code, seconds=1)
    until(lambda: not children(), what="the child's end")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE])
def test_a_parser_that_crashes_takes_nobody_with_it(number: int) -> None:
    with pytest.raises(client.WorkerCrashed, match=f"信号 {int(number)}"):
        done_in_child(f"import os; os.kill(os.getpid(), {int(number)})")
    assert client.run(inspection.words, FILE, "txt")


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "import socket; socket.socket(socket.AF_UNIX)",
        "open('/etc/passwd')",
        "open('/proc/1/environ')",
        "open('/proc/PARENT/environ')",
        "open('/proc/PARENT/mem')",
        f"open({str(Path(__file__))!r})",
        "open('/tmp/no-such-file', 'w')",
        "import os; os.mkdir('/tmp/no-such-folder')",
        f"import os; os.unlink({str(Path(__file__))!r})",
        "import os; os.listdir('/')",
        "import os; os.fork()",
        "import os; os.execv('/bin/sh', ['sh'])",
        "import os; os.kill(os.getppid(), 0)",
        "import os; os.kill(PARENT, 0)",
    ],
)
def test_a_child_reaches_nothing(code: str) -> None:
    assert raised_in_child(code.replace("PARENT", str(os.getpid()))).startswith("PermissionError")


def test_a_child_has_no_secret_in_its_environment() -> None:
    names = raised_in_child("import os; raise LookupError(*os.environ)")
    assert set(re.findall(r"'(\w+)'", names)) <= {"LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONPATH"}


def test_a_child_holds_its_own_descriptors_only() -> None:
    assert raised_in_child(
        "import os\nfor n in range(200):\n    try: os.fstat(n); print\n    except OSError: continue\n"
        "    else: globals().setdefault('held', []).append(n)\nraise LookupError(held)"
    ).endswith("[0, 1, 2, 100, 101, 102]")


def test_what_judges_a_file_is_imported_once_and_not_in_each_child() -> None:
    """Its twenty modules cost a child more than most documents do."""
    client.run(inspection.words, FILE, "txt")
    with pytest.raises(client.WorkerError, match="RuntimeError: True"):
        client.run(len, FILE, Does("import sys; raise RuntimeError('baosong.validation.inspection' in sys.modules)"))


def test_a_bug_of_ours_comes_up_with_its_place() -> None:
    with pytest.raises(client.WorkerError, match=r"(?s)Traceback.*in no_such_thing|ZeroDivisionError"):
        done_in_child("1 / 0")


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"{",
        b"[]",
        b'{"findings": "x"}',
        b'{"findings": [{"rule": "a", "severity": "none", "message": "x"}]}',
        b'{"findings": [], "facts": {"a": "\\u0000"}}',
        b'{"findings": [], "held": "perhaps"}',
        b"\x80\x05cos\nsystem\n.",
    ],
)
def test_an_answer_that_no_check_gives_is_not_believed(
    told: bytes, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "run", lambda *_, **__: told)
    checked = check(FILE, Kind.PRESS, campaign, None)
    assert (checked.verdict, [f.rule for f in checked.findings]) == (Verdict.REJECTED, ["file.crash"])


def test_an_answer_without_end_is_cut_off() -> None:
    with pytest.raises(client.WorkerCrashed, match="过长"):
        done_in_child("import os\nwhile True: os.write(101, bytes(1 << 16))")
    until(lambda: not children(), what="the child's end")


def test_a_server_that_was_killed_is_started_again(own_server: client.Server) -> None:
    assert client.run(inspection.words, FILE, "txt")
    own_server.process.kill()
    own_server.process.wait()
    assert client.run(inspection.words, FILE, "txt")
    assert client.start().process.pid != own_server.process.pid


def test_a_server_that_dies_at_every_file_is_an_ill_system(
    own_server: client.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_PROGRAM", Path("/dev/null"))
    own_server.process.kill()
    with pytest.raises(OSError, match="sandbox"):
        client.run(inspection.words, FILE, "txt")


FAMILY = """
import io, os, sys
from baosong.store.source import Source
from baosong.validation import inspection
from baosong.validation.sandbox import client
source = Source("a.txt", 3, lambda: io.BytesIO(b"abc"))
class Waits:
    def __reduce__(self): return exec, ("import signal; signal.pause()", {})
server = client.start().process.pid
if os.fork() == 0:
    client.run(inspection.words, source, "txt")
    assert client.start().process.pid == server
    print("shared", server, flush=True)
    client.run(inspection.words, source, "txt", Waits())
os.wait()
"""


def test_forked_processes_share_a_server_and_nobody_outlives_them() -> None:
    """A worker forks a process for each task; what any of them leaves behind ends with the last of them."""
    env = {"PYTHONPATH": str(INCLUDE), "PATH": os.environ["PATH"]}
    with subprocess.Popen([sys.executable, "-c", FAMILY], env=env, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        word, server = parent.stdout.readline().split()
        assert word == "shared"
        until(lambda: len(psutil.Process(int(server)).children()) == 1, what="the waiting child")
        everybody = psutil.Process(parent.pid).children(recursive=True)
        assert len(everybody) == 3  # the server, the fork, the waiting child
        for process in (parent, *(p for p in everybody if p.ppid() == parent.pid and p.pid != int(server))):
            process.kill()
    _, alive = psutil.wait_procs(everybody, timeout=60)
    assert not alive


@pytest.mark.usefixtures("impatient")
def test_a_file_without_end_is_answered_with_what_to_do(campaign: Campaign) -> None:
    data = endless()
    checked = check(Source("总结.pdf", len(data), lambda: io.BytesIO(data)), Kind.REPORT, campaign, None)
    (finding,) = checked.findings
    assert (checked.verdict, finding.rule) == (Verdict.REJECTED, "file.too_costly")
    assert "时间" in finding.message
    assert "重新上传" in finding.fix


def test_what_lies_outside_the_folders_is_classified_within_seconds(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All prefectures wait for `find_new`: a file that cannot be told in time is not told."""
    monkeypatch.setattr(checks, "SECONDS_TO_CLASSIFY", 1)
    data = endless()
    assert checks.classify(Source("a.pdf", len(data), lambda: io.BytesIO(data)), campaign) is None


def test_a_film_is_looked_at_without_a_child(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be 50 GB, and stays where it is."""
    monkeypatch.setattr(client, "run", None)
    data = b"\0\0\0\x14ftypqt  \0\0\0\0qt  \0\0\0\x08wide\0\0\x10\0mdat" + bytes(5000)
    assert checks.classify(Source("a", len(data), lambda: io.BytesIO(data)), campaign) is Kind.VIDEO
    assert check(Source("a", len(data), lambda: io.BytesIO(data)), Kind.VIDEO, campaign, None).findings


def test_of_a_file_of_gigabytes_only_both_ends_travel(campaign: Campaign) -> None:
    size = 3 << 30

    class Zeros(io.RawIOBase):
        """A zip's first bytes and nothing else."""

        at, given = 0, 0

        def seek(self, at: int, whence: int = 0) -> int:
            self.at = at
            return at

        def read(self, count: int = -1) -> bytes:
            assert 0 <= count <= 8 << 20
            Zeros.given += count
            return b"PK\x03\x04".ljust(count, b"\0") if self.at == 0 else bytes(count)

    checked = check(Source("片花.mov", size, Zeros), Kind.VIDEO, campaign, None)
    assert [f.rule for f in checked.findings] == ["file.unreadable"]
    assert Zeros.given < 8 << 20


def test_where_the_kernel_offers_nothing_the_limits_still_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old kernel answers each request with an error: none of them may stop the work."""

    class Refuses:
        def __getattr__(self, name: str) -> Any:
            return lambda *_: -1

    monkeypatch.setattr(confine, "_LIBC", Refuses())
    confine.drop_network()
    confine.forbid_new_processes()


CONFINED = """
from baosong.validation.sandbox import confine
confine.confine(1 << 30, 20)
try:
    {code}
except PermissionError:
    print("refused")
"""


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "open('/etc/passwd')",
        "open('/tmp/no-such-file', 'w')",
        "import os; os.fork()",
        "import os; os.execv('/bin/sh', ['sh'])",
    ],
)
def test_a_program_that_is_shut_in_reaches_nothing(code: str) -> None:
    command = [sys.executable, "-S", "-P", "-c", CONFINED.format(code=code)]
    done = subprocess.run(command, env={"PYTHONPATH": str(INCLUDE)}, capture_output=True, check=True)
    assert done.stdout == b"refused\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        pickle.dumps((Does("raise SystemError('taken over')"), None)),
        written({**EMPTY, "more": 3}),
        written({**EMPTY, "sheets": [{"name": "甲"}]}),
        written({**EMPTY, "sheets": [SHEET | {"rows": [1], "cells": [7]}]}),
        written({**EMPTY, "sheets": [SHEET | {"rows": [2], "cells": [1.5]}]}),
        written({**EMPTY, "sheets": [SHEET | {"rows": [1], "cells": [[1.5]]}]}),
        written({**EMPTY, "sheets": [SHEET | {"start": (0, 1 << 40)}]}),
        written({**EMPTY, "sheets": [SHEET | {"start": (0, 255), "rows": [1, 2], "cells": [1.5] * 3}]}),
        written({**EMPTY, "sheets": [SHEET | {"merged": [1, 2, 3]}]}),
        written({**EMPTY, "sheets": [SHEET | {"comments": [0, 0, None]}]}),
        written({**EMPTY, "texts": [5]}),
        written({**EMPTY, "problem": "x" * 1000}),
    ],
    ids=[
        "nothing",
        "half a word",
        "something that acts",
        "too much",
        "not a sheet",
        "a text that is nowhere",
        "fewer cells than rows need",
        "a cell in a cell",
        "a sheet far to the right",
        "a row beyond the last column",
        "half a merged area",
        "a comment without a text",
        "a number as a text",
        "an endless reason",
    ],
)
def test_a_sheet_reader_that_was_taken_over_is_not_believed(answer: bytes) -> None:
    with pytest.raises(cells.UnreadableSheet):
        cells._sheets(answer)


@pytest.mark.parametrize(
    "answer",
    [
        b"\x80\x05Nr\xff\xff\xff\x3f.",
        b"[" * 1_000_000,
        b'{"sheets":' + b"[" * 1_000_000,
        written({**EMPTY, "sheets": [SHEET | {"cells": 7}]})[:-40] + b"9" * 1_000_000,
        written({**EMPTY, "sheets": [SHEET | {"rows": [1], "cells": ["9" * 1_000_000]}]}),
        written({**EMPTY, "sheets": [SHEET | {"start": (0, 256), "rows": [1] * 600_000, "cells": [1.5] * 600_000}]}),
        written({**EMPTY, "sheets": [SHEET | {"rows": [0] * 1_000_000}] * 3}),
        written({**EMPTY, "sheets": [SHEET | {"merged": [0] * 4_000_000}]}),
        written({**EMPTY, "sheets": [SHEET] * 5_000}),
    ],
    ids=[
        "a place in a memo of a billion",
        "a list in a list in a list",
        "a sheet in a sheet in a sheet",
        "a number of a million digits",
        "a whole number of a million digits",
        "rows that grow to the left",
        "more rows than there are",
        "more areas than there are",
        "more sheets than there are",
    ],
)
def test_what_a_taken_over_reader_claims_takes_no_memory(answer: bytes) -> None:
    """A pickle of nine bytes takes gigabytes of a memo; of nested containers one line multiplies."""
    tracemalloc.start()
    try:
        with pytest.raises(cells.UnreadableSheet):
            cells._sheets(answer)
        assert tracemalloc.get_traced_memory()[1] < 12 * len(answer) + (1 << 23)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("first", [1, 2, 25, 256])
@pytest.mark.parametrize("last", [256, 257, 400])
def test_a_sheet_comes_up_to_the_last_column_that_is_read_wherever_it_begins(first: int, last: int) -> None:
    """A row that begins further right is filled up from column A on: it must not end further right for that."""
    book, data = Workbook(), io.BytesIO()
    for column in {first, 256, last}:
        book.worksheets[0].cell(5, column, column)
    book.save(data)
    [sheet] = cells.read_book(data.getvalue(), max_rows=100)
    [row] = sheet.rows
    assert {column: value for column, value in enumerate(row, 1) if value not in (None, "")} == {first: first, 256: 256}
    assert (len(row), sheet.clipped) == (256, last > 256)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
)


@given(st.lists(st.lists(VALUES, max_size=5), max_size=5), st.integers(0, 250))
@example([[1.0, 1, True], [0.0, 0, False]], 0)  # equal, and not the same
def test_every_cell_comes_up_as_it_was_read(rows: list[list[Any]], left: int) -> None:
    texts = {(1, 2): "甲", (3, 4): ""}
    read = {
        "name": "表",
        "hidden": False,
        "start": (3, left),
        "rows": rows,
        "merged": [((1, 2), (3, 4))],
        "comments": texts,
        "struck": texts | {(5, 6): None},
        "hidden_rows": [7],
    }
    [sheet] = cells._sheets(encoded([read], None))
    due = [[None] * left + row if row else [] for row in rows]
    assert [[(type(v), v) for v in row] for row in sheet.rows] == [[(type(v), v) for v in row] for row in due]
    assert (sheet.top, sheet.merged, sheet.comments) == (3, read["merged"], texts)
    assert (sheet.struck, sheet.hidden_rows) == (read["struck"], [7])


RUN = """
import sys
from baosong.validation.sandbox import run
child = run.Program([sys.executable, "-c", sys.argv[1]], {})
run.run(child, b"", wall=3, silent=sys.argv[2] == "True")
"""
CHILD = "import os; os.mkfifo({go!r}); open({begun!r}, 'w').close(); open({go!r}).read()"


@pytest.mark.parametrize("silent", [False, True])
def test_a_machine_that_stood_still_is_not_the_file_s_fault(tmp_path: Path, silent: bool) -> None:
    """A worker may be frozen with its child for longer than any child is waited for."""
    go, begun = tmp_path / "go", tmp_path / "begun"
    script = CHILD.format(go=str(go), begun=str(begun))
    command = [sys.executable, "-c", RUN, script, str(silent)]
    with subprocess.Popen(command, env={"PYTHONPATH": str(INCLUDE)}, stderr=subprocess.PIPE) as waiting:
        until(begun.exists, what="the child's start")
        both = [*psutil.Process(waiting.pid).children(), psutil.Process(waiting.pid)]
        for process in both:
            process.suspend()
        thaw = time.monotonic() + 4
        until(lambda: time.monotonic() > thaw, what="more seconds than the child may take")
        for process in both:
            process.resume()
        go.write_text("")
        _, errors = waiting.communicate(timeout=60)
    assert (waiting.returncode, errors) == (0, b"")
