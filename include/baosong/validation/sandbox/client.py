"""Other people's files are opened in a process of their own: a fork of a clean server, with limits, for every file.

The server is a fresh interpreter that has imported the parsers and nothing else: no key, no password, no connection is
in its memory. It is started once, by the first process that needs it, and shared by all that are forked from that one.
What a child answers is JSON and believed no further than its types: a parser that was taken over can lie about its own
file and do nothing else.
"""

from __future__ import annotations

import atexit
import json
import os
import pickle
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baosong.rules.errors import BaosongError
from baosong.store.source import Source
from baosong.validation.sandbox import programs

SECONDS = 20  # of processor time
PATIENCE = 2  # times as many on the clock: a busy machine is not the file's fault
LARGEST = 128 << 20  # bytes; of a larger file only both ends are handed over
LONGEST_ANSWER = 4 << 20
_HEAD, _TAIL = 64 << 10, 5 << 20  # what tells a type, and a zip's directory
_PROGRAM = programs.FOLDER / "fork_server.py"
_OUT_OF_MEMORY, _BROKEN = 3, 4
_TIME_IS_UP, _KILLED = 24, 9  # SIGXCPU, SIGKILL


class ResourceLimitExceeded(BaosongError):
    """A file that used up its time or memory; the text says which, in Chinese."""


class WorkerCrashed(BaosongError):
    """A file that brought its parser down, or made it say what no parser of ours says."""


class SandboxUnavailable(BaosongError, OSError):
    """The server cannot be had: the system is ill, not the file."""


class WorkerError(BaosongError, RuntimeError):
    """An error that no check foresaw; the text is the child's traceback."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server as its clients know it: the channel, and its process where it is our own child."""

    channel: socket.socket
    process: subprocess.Popen[bytes]
    owner: int

    def close(self) -> None:
        """Let go of the server; it ends when nobody else holds it. Only its own parent can wait for that."""
        self.channel.close()
        if self.owner == os.getpid():
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(2)


_server: Server | None = None
_starting = threading.Lock()


def start() -> Server:
    """Return the server, started if there is none: processes that are forked afterwards share it."""
    global _server
    with _starting:
        if _server is None:
            _server = _started()
            atexit.register(_server.close)
        return _server


def run(function: Callable[..., Any], source: Source, *arguments: Any, seconds: int = SECONDS) -> bytes:
    """Return what `function(source, *arguments)` returns, as JSON, computed in a child from a copy of the content.

    Raises `ResourceLimitExceeded`, `WorkerCrashed`, `WorkerError` or `SandboxUnavailable`; while the content is read,
    the errors of the store.
    """
    work = pickle.dumps((function, source.name, source.size, arguments), protocol=5)
    with ExitStack() as held:
        content = _copied(source)
        held.callback(os.close, content)
        try:
            return _asked(start(), work, content, seconds)
        except SandboxUnavailable:  # somebody ended it: a new one, once
            _forget()
            return _asked(start(), work, content, seconds)


def _started() -> Server:
    import PIL

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    paths = [str(programs.INCLUDE), str(Path(PIL.__file__).parents[1])]
    environment = {"PYTHONPATH": os.pathsep.join(paths), "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
    command = [sys.executable, "-S", "-P", str(_PROGRAM), str(theirs.fileno())]
    with theirs:
        process = subprocess.Popen(
            command,
            env=environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    return Server(ours, process, os.getpid())


def _forget() -> None:
    global _server
    with _starting:
        if _server is not None:
            atexit.unregister(_server.close)
            _server.close()
            _server = None


def _copied(source: Source) -> int:
    """Return the descriptor of a copy in memory; of a file larger than `LARGEST` only both ends, the rest a hole."""
    copy = os.memfd_create("content")
    with open(copy, "wb", closefd=False, buffering=0) as out, source.open() as f:
        if source.size <= LARGEST:
            out.write(f.read())
        else:
            out.write(f.read(_HEAD))
            f.seek(source.size - _TAIL)
            out.seek(source.size - _TAIL)
            out.write(f.read(_TAIL))
    return copy


def _asked(server: Server, work: bytes, content: int, seconds: int) -> bytes:
    """Send one piece of work and wait for its end; closing the line is what has the child killed."""
    deadline = time.monotonic() + PATIENCE * seconds
    with ExitStack() as held:
        line, theirs = (held.enter_context(end) for end in socket.socketpair())
        answer, writing = (
            held.enter_context(os.fdopen(end, mode, buffering=0))
            for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True)
        )
        try:
            socket.send_fds(server.channel, [b"%d" % seconds], [theirs.fileno(), writing.fileno(), content])
            theirs.close()
            writing.close()
            line.sendall(work)
            line.shutdown(socket.SHUT_WR)
            told = _read(answer.fileno(), deadline, LONGEST_ANSWER)
            status = _read(line.fileno(), deadline, 1000)
        except OSError as gone:
            raise SandboxUnavailable(f"the sandbox is away: {gone}") from gone
        return _judged(told, status, seconds)


def _read(end: int, deadline: float, longest: int) -> bytes:
    """Return all that comes until the other side closes."""
    parts: list[bytes] = []
    size = 0
    waiting = select.poll()
    waiting.register(end, select.POLLIN)
    while waiting.poll(max(0, deadline - time.monotonic()) * 1000):
        part = os.read(end, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
        if (size := size + len(part)) > longest:
            raise WorkerCrashed("答复过长")
    raise ResourceLimitExceeded("时间")


def _judged(told: bytes, status: bytes, seconds: int) -> bytes:
    """Return the answer of a child that ended well; the status is the server's word, the answer is nobody's."""
    if not status:
        raise SandboxUnavailable("the sandbox ended in the middle of its work")
    end = json.loads(status)
    if end["signal"] == _TIME_IS_UP or (end["signal"] == _KILLED and end["seconds"] >= seconds):
        raise ResourceLimitExceeded("时间")
    if end["signal"] == _KILLED:
        raise SandboxUnavailable("a child of the sandbox was killed by somebody else")
    if end["exit"] == _OUT_OF_MEMORY:
        raise ResourceLimitExceeded("内存")
    if end["exit"] == _BROKEN:
        raise WorkerError(told.decode("utf-8", "replace")[-4000:])
    if end["signal"] or end["exit"]:
        raise WorkerCrashed(f"信号 {end['signal']}")
    return told
