"""Every program that opens others' files, ours and foreign ones: no secret, no network, no file but its own."""

from __future__ import annotations

import io
import os
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import docx
import psutil
import pytest

from baosong.report import pdf
from baosong.rules.errors import BaosongError
from baosong.store.source import Source
from baosong.validation.packages import other_methods
from baosong.validation.sandbox import run as sandbox
from baosong.validation.sandbox.run import ResourceLimitExceeded, SandboxUnavailable, WorkerCrashed
from baosong.validation.statistics import cells
from baosong.validation.video import media_info, stream_end, thumbnail
from office import needs_office, stand_in_office
from sheet_help import sample
from waiting import until

SECRETS = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://airflow:sesame@db/airflow",
    "AIRFLOW__CORE__FERNET_KEY": "sesame-fernet",
    "AIRFLOW__API_AUTH__JWT_SECRET": "sesame-jwt",
    "AIRFLOW_CONN_BAOSONG_S3": "aws://key:sesame@store",
}
ALLOWED = {"LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONPATH"}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def run(command: list[str], sort: str = "filter", data: bytes = b"", **more: Any) -> sandbox.Finished:
    program = sandbox.foreign_program(command, memory=1 << 30, seconds=20, sort=sort)
    return sandbox.run(program, data, **{"wall": 60.0, **more})


@pytest.mark.parametrize("sort", ["filter", "office"])
def test_a_foreign_program_has_an_empty_environment(sort: str) -> None:
    assert run(["/usr/bin/env"], sort) == sandbox.Finished(0, b"", b"")


@pytest.mark.parametrize(
    "command",
    [
        ["/usr/bin/cat", "/etc/passwd"],
        ["/usr/bin/cat", "/proc/PARENT/environ"],
        ["/usr/bin/cat", __file__],
        ["/usr/bin/env", "/usr/bin/id"],
        ["/usr/bin/touch", "/tmp/no-such-file"],
        ["/usr/bin/dd", "of=/tmp/no-such-file"],
    ],
)
def test_a_filter_reaches_no_file_and_no_other_program(command: list[str]) -> None:
    finished = run([part.replace("PARENT", str(os.getpid())) for part in command])
    assert finished.exit_code
    assert b"Permission denied" in finished.errors
    assert finished.output == b""


@pytest.mark.parametrize(
    "script",
    [
        "cat /proc/PARENT/environ",
        "kill -0 PARENT",
        "grep -v 'lo:' /proc/net/dev | grep :",  # any network but its own empty one
    ],
)
def test_an_office_program_reaches_neither_the_network_nor_other_processes(script: str) -> None:
    finished = run(["/bin/sh", "-c", script.replace("PARENT", str(os.getpid()))], "office")
    assert finished.exit_code
    assert b"sesame" not in finished.output


@pytest.mark.parametrize("url", ["/etc/passwd", "tcp://127.0.0.1:9", "udp://127.0.0.1:9", "unix:/tmp/no-such-socket"])
def test_ffmpeg_itself_can_open_no_file_and_no_connection(url: str) -> None:
    import imageio_ffmpeg

    finished = run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-i", url, "-f", "null", "-"])
    assert finished.exit_code
    assert b"not permitted" in finished.errors or b"denied" in finished.errors


def test_what_an_office_program_started_ends_with_it(tmp_path: Path) -> None:
    """LibreOffice is a script around the program that hangs."""
    script = f"sleep 600 & echo $! > {tmp_path}/pid; wait"
    with pytest.raises(ResourceLimitExceeded, match="时间"):
        run(["/bin/sh", "-c", script], "office", wall=2.0)
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not psutil.pid_exists(pid), what="the end of what was started")


def test_a_foreign_program_that_uses_up_its_processor_time_is_ended() -> None:
    program = sandbox.foreign_program(["/usr/bin/yes"], memory=1 << 30, seconds=1)
    with pytest.raises((ResourceLimitExceeded, WorkerCrashed)):
        sandbox.run(program, b"", wall=60)


def test_one_that_writes_without_end_is_ended() -> None:
    with pytest.raises(WorkerCrashed, match="过长"):
        run(["/usr/bin/yes"], longest=1 << 20)


def test_one_that_is_not_there_is_no_fault_of_the_file() -> None:
    with pytest.raises(SandboxUnavailable, match="No such file"):
        run(["/no/such/program"])
    with pytest.raises(OSError, match="cannot start"):
        sandbox.start(sandbox.Program(["/no/such/program"], {}))


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environment of each child that is started, as the kernel has it."""
    seen: list[dict[str, str]] = []
    real = sandbox.start

    def start(*arguments: Any, **more: Any) -> Any:
        child = real(*arguments, **more)
        seen.append(psutil.Process(child.pid).environ())
        return child

    monkeypatch.setattr(sandbox, "start", start)
    return seen


# What a program of ours does once its belts are on, in the place of its work: as a parser that was taken over would.
TAKEN_OVER = """
import os, runpy, socket, sys
from baosong.validation.sandbox import confine
line, port, parent, secret = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
tries = {
    "network": lambda: socket.create_connection(("127.0.0.1", port), 5),
    "the parent's secrets": lambda: open(f"/proc/{parent}/environ", "rb").read(),
    "a signal to the parent": lambda: os.kill(int(parent), 0),
    "a file": lambda: open("/etc/passwd").read(),
    "a secret file": lambda: open(secret).read(),
    "a folder": lambda: os.listdir("/"),
    "a written file": lambda: open(secret + ".new", "w").close(),
    "a process": lambda: os._exit(0) if os.fork() == 0 else None,
}
def attempt():
    done = [name for name, act in tries.items() if can(act)]
    done += ["a secret in the environment"] if "sesame" in str(os.environ) else []
    held = [n for n in range(1024) if n > 2 and n != line and can(lambda: os.fstat(n))]
    os.write(line, ";".join(done + (["descriptors"] if held else [])).encode() or b"nothing")
    os._exit(0)
def can(act):
    try:
        act()
    except OSError:
        return False
    return True
def then(belt):
    def put_on(*arguments, **more):
        belt(*arguments, **more)
        attempt()
    return put_on
for name in ("confine", "confine_filter", "confine_office"):
    setattr(confine, name, then(getattr(confine, name)))
sys.argv[:] = sys.argv[5:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class TakenOver:
    """Starts our programs as `TAKEN_OVER` would have them, with a secret in a descriptor that could be inherited."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.programs: set[Path] = set()
        self.reached: set[str] = set()
        self._folder = folder
        self._own_program, self._start = sandbox.own_program, sandbox.start
        monkeypatch.setattr(sandbox, "own_program", self.own_program)
        monkeypatch.setattr(sandbox, "start", self.start)

    def own_program(self, path: Path, *arguments: str, **more: Any) -> sandbox.Program:
        self.programs.add(path)
        return self._own_program(path, *arguments, **more)

    def start(self, program: sandbox.Program, **how: Any) -> Any:
        at = program.command.index("-P") + 1
        (self._folder / "secret").write_text("sesame")
        ours, theirs = os.pipe()
        with socket.create_server(("127.0.0.1", 0)) as server, open(self._folder / "secret") as inherited:
            os.set_inheritable(inherited.fileno(), True)
            told = [str(theirs), str(server.getsockname()[1]), str(os.getpid()), str(self._folder / "secret")]
            command = [*program.command[:at], "-c", TAKEN_OVER, *told, *program.command[at:]]
            child = self._start(sandbox.Program(command, program.environment), **how, pass_fds=[theirs])
            os.close(theirs)
            with open(ours, "rb") as report:
                self.reached |= {*report.read().decode().split(";")}
        return child


@pytest.fixture
def taken_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TakenOver:
    stand_in_office(tmp_path, monkeypatch, "exit 1")
    monkeypatch.setattr(pdf, "_has_chinese_font", lambda: True)  # or its own program alone would be taken over
    return TakenOver(tmp_path, monkeypatch)


# LibreOffice needs files and processes, and opens a document of our own.
OFFICE_CAN = {"a file", "a secret file", "a folder", "a written file", "a process"}


def draw() -> None:
    with open(__file__, "rb") as file:
        assert thumbnail.thumbnail(file, "MOV") == b""


def end_of_a_stream() -> None:
    assert stream_end.look(Source("a.mpg", 5, lambda: io.BytesIO(b"abcde")), "MPEG-PS")


def unpack() -> None:
    with suppress(other_methods.Damaged), closing(other_methods.OtherMethod(io.BytesIO(b"x"), "a", 12, 1, 9, 0)) as o:
        o.read(9)


CHILDREN: dict[str, Callable[[], object]] = {
    "the sheet reader": lambda: cells.read_book(sample().content, 100),
    "the media reader": lambda: media_info.inspect(Source("a.mpg", 5, lambda: io.BytesIO(b"abcde"))),
    "a member of a zip": unpack,
    "ffmpeg for a thumbnail": draw,
    "ffmpeg for the end of a stream": end_of_a_stream,
    "LibreOffice": lambda: pdf.make_pdfs([b""]),
}


@pytest.mark.parametrize("use", CHILDREN.values(), ids=CHILDREN)
def test_a_child_of_every_kind_is_started_without_a_secret(
    use: Any, environments: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in_office(tmp_path, monkeypatch, "exit 1")
    use()
    assert environments
    assert set().union(*environments) <= ALLOWED


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_that_was_taken_over_reaches_nothing(name: str, taken_over: TakenOver) -> None:
    with suppress(BaosongError):  # what it answers is no answer
        CHILDREN[name]()
    assert taken_over.reached == (OFFICE_CAN if name == "LibreOffice" else {"nothing"})


def programs() -> set[Path]:
    """Every file of the domain that is started as a program."""
    domain = Path(sandbox.INCLUDE) / "baosong"
    return {path for path in domain.rglob("*.py") if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")}


def test_no_program_is_forgotten_here(taken_over: TakenOver) -> None:
    """A new one in the folder of programs, or elsewhere, fails until it is tried above."""
    for use in CHILDREN.values():
        with suppress(BaosongError):
            use()
    elsewhere = {"fork_server.py", "show_belts.py"}  # tried in test_sandbox.py; opens nothing of anybody's
    commands = {path for path in programs() if "sandbox" in path.parts}
    assert taken_over.programs == {path for path in commands if path.name not in elsewhere}


def test_nothing_else_of_the_domain_starts_programs() -> None:
    starts = re.compile(r"subprocess\.(?:Popen|run|call|check_\w+)\(|\bos\.(?:exec|spawn|popen|system|fork)")
    found = {p.name for p in (sandbox.INCLUDE / "baosong").rglob("*.py") if starts.search(p.read_text("utf-8"))}
    assert found == {"run.py", "exec_confined.py", "fork_server.py"}


def test_the_program_in_libreoffices_place_has_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in_office(tmp_path, monkeypatch, f'env > {tmp_path}/env; printf %s %PDF > "$6/0.pdf"')
    assert pdf.make_pdfs([b""]) == [b"%PDF"]
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names <= {"FONTCONFIG_FILE", "PWD", "OLDPWD", "SHLVL", "_"}  # which fonts; a shell's own


def running(name: str) -> Iterator[dict[str, str]]:
    for child in psutil.Process().children(recursive=True):
        try:
            if child.name().startswith(name):
                yield child.environ()
        except psutil.NoSuchProcess:
            continue


def test_ffmpeg_at_work_has_nothing_in_its_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "film")
    monkeypatch.setattr(thumbnail, "WALL_SECONDS", 5.0)
    with open(os.open(tmp_path / "film", os.O_RDWR), "r+b", buffering=0) as file, ThreadPoolExecutor(1) as beside:
        drawing = beside.submit(thumbnail.thumbnail, file, "MOV")
        until(lambda: {} in running("ffmpeg"), what="an ffmpeg without environment")
        monkeypatch.setattr(thumbnail, "WALL_SECONDS", 0.1)
        assert drawing.result() == b""


@needs_office
def test_libreoffice_at_work_has_no_secret_and_makes_its_pdf() -> None:
    document = io.BytesIO()
    docx.Document().save(document)
    with ThreadPoolExecutor(1) as beside:
        making = beside.submit(pdf.make_pdfs, [document.getvalue()])
        until(lambda: making.done() or any(running("soffice.bin")), what="LibreOffice")
        for environment in running("soffice.bin"):
            assert "sesame" not in str(environment)
        made = making.result()
    assert made is not None
    assert made[0].startswith(b"%PDF")
