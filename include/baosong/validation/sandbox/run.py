"""Starts every program that opens other people's files: with nothing of our environment, under limits, by the clock.

SandboxError                    below BaosongError
├── ResourceLimitExceeded       the file used up its time or memory; the text says which, in Chinese
├── WorkerCrashed               the file brought its parser down, or made it say what no parser of ours says
├── WorkerError                 an error that no check foresaw; the text is the child's traceback
└── SandboxUnavailable          also an OSError: no child can be had; the service is at fault, not the file
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import IO, Any, TypeVar, cast

from baosong.rules.catalogue import phrase
from baosong.rules.errors import BaosongError
from baosong.store.settings import strict_sandbox

PROGRAMS = Path(__file__).parent / "programs"
INCLUDE = Path(__file__).parents[3]
PIPE_SIZE = 1 << 20  # bytes: the child need not wait until we have taken each piece of its answer
LONGEST_OUTPUT = 1 << 30
_NOT_STARTED = 127  # what a shell, too, says of a program that it cannot start
_STEP = 0.5  # seconds: of a longer standstill no more is counted
T = TypeVar("T")


class SandboxError(BaosongError):
    """Whatever kept a child from answering."""


class ResourceLimitExceeded(SandboxError):
    """A file that used up its time or memory; the text says which, in Chinese."""


class WorkerCrashed(SandboxError):
    """A file that brought its parser down, or made it say what no parser of ours says."""


class WorkerError(SandboxError):
    """An error that no check foresaw; the text is the child's traceback."""


class SandboxUnavailable(SandboxError, OSError):
    """No child can be had: the service is at fault, not the file."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to start, and all of its environment."""

    command: list[str]
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended by itself, and what it wrote."""

    exit_code: int
    output: bytes
    errors: bytes


def own_program(path: Path, *arguments: str, packages: Iterable[ModuleType] = ()) -> Program:
    """Return a program of ours, which confines itself; beside Baosong it can import `packages` and nothing else."""
    folders = [str(INCLUDE), *(str(Path(str(package.__file__)).parents[1]) for package in packages)]
    environment = {
        "PYTHONPATH": os.pathsep.join(folders),
        "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),  # where a Python has its library elsewhere
    }
    return Program([sys.executable, "-S", "-P", str(path), *arguments], environment)


def foreign_program(command: Sequence[str], *, memory: int, seconds: int, sort: str = "filter") -> Program:
    """Return somebody else's program, confined before it starts and with an empty environment.

    `memory` is in bytes of address space, `seconds` are of processor time. A `filter` reads its standard input and
    opens no file; an `office` needs files and processes of its own.
    """
    return own_program(PROGRAMS / "exec_confined.py", sort, str(memory), str(seconds), *command)


@cache
def missing_belts() -> tuple[str, ...]:
    """Return the kernel's means that this machine or its container refuses to what opens other people's files.

    Raises `SandboxUnavailable` where that cannot be tried.
    """
    probe = own_program(PROGRAMS / "show_belts.py")
    try:
        told = subprocess.run(
            probe.command, env=probe.environment, capture_output=True, check=True, text=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError) as failed:
        raise SandboxUnavailable(phrase("sandbox.untried")) from failed
    return tuple(told.stdout.split())


def start(program: Program, **how: Any) -> subprocess.Popen[bytes]:
    """Start a program, its streams and all else as `Popen` takes them; raises `SandboxUnavailable`."""
    if strict_sandbox() and (missing := missing_belts()):
        raise SandboxUnavailable(phrase("sandbox.weak", belts="、".join(missing)))
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    try:
        started = subprocess.Popen(program.command, env=program.environment, **(streams | how))
    except OSError as e:
        raise SandboxUnavailable(f"the sandbox cannot start {program.command[0]}: {e}") from e
    return cast("subprocess.Popen[bytes]", started)


def run(
    program: Program, stdin: bytes | IO[bytes], *, wall: float, longest: int = LONGEST_OUTPUT, silent: bool = False
) -> Finished:
    """Run a program to its end, at most `wall` seconds by the clock; what it started ends with it then.

    Its standard input is `stdin`; a file is closed at the end. What a `silent` one writes is thrown away.
    Raises `ResourceLimitExceeded` where its time is up, `WorkerCrashed` where a signal ended it or it wrote more than
    `longest` bytes, `SandboxUnavailable` where it could not be started.
    """
    patience = Patience(wall)
    out = subprocess.DEVNULL if silent else subprocess.PIPE
    with (
        _as_file(stdin) as given,
        start(program, stdin=given, stdout=out, stderr=out, process_group=0, pipesize=PIPE_SIZE) as child,
    ):
        try:
            ends = [stream.fileno() for stream in (child.stdout, child.stderr) if stream]
            output, errors = read_all(ends, patience, longest) or (b"", b"")
            if not patience.wait(partial(_has_ended, child)):
                raise ResourceLimitExceeded(phrase("sandbox.time"))
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):  # the group, because an office program is started by a script
                    os.killpg(child.pid, signal.SIGKILL)
    return _finished(child.returncode, output, errors)


def _has_ended(child: subprocess.Popen[bytes], seconds: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        child.wait(seconds)
    return child.returncode is not None


def _finished(code: int, output: bytes, errors: bytes) -> Finished:
    if code == -signal.SIGXCPU:
        raise ResourceLimitExceeded(phrase("sandbox.time"))
    if code < 0:
        raise WorkerCrashed(phrase("sandbox.signal", number=-code))
    if code == _NOT_STARTED:
        raise SandboxUnavailable(f"the sandbox cannot start its program: {errors.decode('utf-8', 'replace')[-300:]}")
    return Finished(code, output, errors)


@dataclass(slots=True)
class Patience:
    """The seconds by the clock that a child may still take, without those in which we were stopped with it.

    Nobody's file is to blame for a frozen worker or a machine that slept.
    """

    seconds: float

    def wait(self, ask: Callable[[float], T]) -> T:
        """Return the first answer of `ask(seconds)` that is true, or its last one when the time is up."""
        while True:
            step = max(0.0, min(self.seconds, _STEP))
            began = time.monotonic()
            answer = ask(step)
            self.seconds -= min(time.monotonic() - began, step)
            if answer or self.seconds <= 0:
                return answer


def read_all(ends: Sequence[int], patience: Patience, longest: int) -> list[bytes]:
    """Return what comes from each descriptor until its other side closes.

    Raises `ResourceLimitExceeded` where patience ends before, `WorkerCrashed` where one brings more than `longest`
    bytes.
    """
    parts: dict[int, list[bytes]] = {end: [] for end in ends}
    sizes = dict.fromkeys(ends, 0)
    with selectors.PollSelector() as waiting:
        for end in ends:
            waiting.register(end, selectors.EVENT_READ)
        while waiting.get_map():
            if not (ready := patience.wait(waiting.select)):
                raise ResourceLimitExceeded(phrase("sandbox.time"))
            for key, _ in ready:
                if not (part := os.read(key.fd, PIPE_SIZE)):
                    waiting.unregister(key.fd)
                parts[key.fd].append(part)
                sizes[key.fd] += len(part)
                if sizes[key.fd] > longest:
                    raise WorkerCrashed(phrase("sandbox.too_long"))
    return [b"".join(parts[end]) for end in ends]


def _as_file(data: bytes | IO[bytes]) -> IO[bytes]:
    """Return bytes as a file in memory: a pipe would hand them over in hundreds of small pieces."""
    if not isinstance(data, bytes):
        return data
    file = os.fdopen(os.memfd_create("stdin"), "w+b")
    file.write(data)
    file.seek(0)
    return file
