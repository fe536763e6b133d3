"""Other people's files are opened in a process of their own: a fork of a clean server, with limits, for every file.

The server is a fresh interpreter that has imported the parsers and nothing else: no key, no password, no connection is
in its memory. It is started once, by the first process that needs it, and shared by all that are forked from that one.
What a child answers is JSON, believed no further than its types, or a file for its own sender: a parser that was taken
over can lie about its own file and do nothing else.
"""

from __future__ import annotations

import atexit
import json
import os
import pickle
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from baosong.rules.catalogue import phrase
from baosong.store.source import Source
from baosong.validation.sandbox import run as sandbox
from baosong.validation.sandbox.run import ResourceLimitExceeded, SandboxUnavailable, WorkerCrashed, WorkerError

__all__ = ["ResourceLimitExceeded", "SandboxUnavailable", "WorkerCrashed", "WorkerError", "run"]

SECONDS = 20  # of processor time
WALL_FACTOR = 2  # times as many on the clock: a busy machine is not the file's fault
LARGEST = 128 << 20  # bytes; of a larger file only both ends are handed over
LONGEST_ANSWER = 4 << 20
_HEAD, _TAIL = 64 << 10, 5 << 20  # what tells a type, and a zip's directory
_PROGRAM = sandbox.PROGRAMS / "fork_server.py"
_OUT_OF_MEMORY, _BROKEN = 3, 4
_TIME_IS_UP, _KILLED = 24, 9  # SIGXCPU, SIGKILL


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
            _server = _start_server()
            atexit.register(_server.close)
        return _server


def run(
    function: Callable[..., Any],
    source: Source,
    *arguments: Any,
    seconds: int = SECONDS,
    longest: int = LONGEST_ANSWER,
) -> bytes:
    """Return what `function(source, *arguments)` returns, computed in a child from a copy of the content.

    Bytes come as they are, all else as JSON; more than `longest` bytes are refused as `WorkerCrashed`.
    Raises `ResourceLimitExceeded`, `WorkerCrashed`, `WorkerError` or `SandboxUnavailable`; while the content is read,
    the errors of the store.
    """
    work = pickle.dumps((function, source.name, source.size, arguments), protocol=5)
    message = f"{seconds} {function.__module__}"  # which is imported once, before the child is forked
    content = _copy_to_memory(source)
    try:
        return _ask(start(), message, work, content, seconds, longest)
    except SandboxUnavailable:  # somebody ended it: a new one, once
        _drop_server()
        return _ask(start(), message, work, content, seconds, longest)
    finally:
        os.close(content)


def _start_server() -> Server:
    import PIL

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        program = sandbox.own_program(_PROGRAM, str(theirs.fileno()), packages=[PIL])
        # What it says of itself, a traceback above all, belongs in our log.
        process = sandbox.start(program, stdout=subprocess.DEVNULL, stderr=None, pass_fds=[theirs.fileno()])
    return Server(ours, process, os.getpid())


def _drop_server() -> None:
    global _server
    with _starting:
        if _server is not None:
            atexit.unregister(_server.close)
            _server.close()
            _server = None


def _copy_to_memory(source: Source) -> int:
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


def _ask(server: Server, message: str, work: bytes, content: int, seconds: int, longest: int) -> bytes:
    """Send one piece of work and wait for its end; closing the line is what has the child killed."""
    patience = sandbox.Patience(WALL_FACTOR * seconds)
    with ExitStack() as stack:
        line, theirs = (stack.enter_context(end) for end in socket.socketpair())
        answer, writing = (
            stack.enter_context(os.fdopen(end, mode, buffering=0))
            for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True)
        )
        try:
            socket.send_fds(server.channel, [message.encode()], [theirs.fileno(), writing.fileno(), content])
            theirs.close()
            writing.close()
            line.sendall(work)
            line.shutdown(socket.SHUT_WR)
            output, status = sandbox.read_all([answer.fileno(), line.fileno()], patience, longest)
        except OSError as gone:
            raise SandboxUnavailable(f"the sandbox is away: {gone}") from gone
        return _checked_output(output, status, seconds)


def _checked_output(output: bytes, status: bytes, seconds: int) -> bytes:
    """Return the answer of a child that ended well; the status is the server's word, the answer is nobody's."""
    if not status:
        raise SandboxUnavailable("the sandbox ended in the middle of its work")
    try:  # a parser that was taken over can write to the line, too
        end = json.loads(status)
        number, code, used = int(end["signal"]), int(end["exit"]), float(end["seconds"])
    except (ValueError, LookupError, TypeError) as e:
        raise WorkerCrashed(phrase("sandbox.garbled")) from e
    if number == _TIME_IS_UP or (number == _KILLED and used >= seconds):
        raise ResourceLimitExceeded(phrase("sandbox.time"))
    if number == _KILLED:
        raise SandboxUnavailable("a child of the sandbox was killed by somebody else")
    if code == _OUT_OF_MEMORY:
        raise ResourceLimitExceeded(phrase("sandbox.memory"))
    if code == _BROKEN:
        raise WorkerError(output.decode("utf-8", "replace")[-4000:])
    if number or code:
        raise WorkerCrashed(phrase("sandbox.signal", number=number))
    return output
