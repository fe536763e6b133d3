"""The program that forks a child for every file to be opened; `client` starts it and talks to it.

Run as `python fork_server.py CHANNEL`, the number of an inherited socket. A message there is a number of seconds and
the module of the function to be called; it brings three descriptors: a line (the work comes down, what became of the
child goes up), the pipe for its answer, the content. The server has one thread, no secrets, no network and no file but
our code; it ends when nobody holds the channel's other end any more.
"""

from __future__ import annotations

import codecs
import gc
import importlib
import io
import json
import os
import pickle
import select
import signal
import socket
import sys
import traceback
import zipfile
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image
from pydantic_core import to_json
from pypdf import PdfWriter

from baosong.rules.catalogue import catalogue
from baosong.store.source import Source
from baosong.validation.common import active_content, reader
from baosong.validation.photo import photo
from baosong.validation.sandbox import confine

MEMORY = 1 << 30
LONGEST_MESSAGE = 200
OUT_OF_MEMORY, BROKEN = 3, 4  # exit codes
LINE, ANSWER, CONTENT = 100, 101, 102  # a child's only descriptors, but for the standard ones
DESCRIPTORS = 3
CODES = ("gb18030", "utf-16", "utf-16-le")  # of Chinese texts and old documents, which Python loads when one is met


@dataclass(frozen=True, slots=True)
class Job:
    """A child at work, and the line to its client."""

    pid: int
    line: socket.socket


def main(channel: socket.socket) -> None:
    """Serve until the other end of the channel is closed everywhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the process that started us; we end with it
    Image.init()
    catalogue()  # read once, before the files are out of reach, for all children
    confine.drop_network()
    cold = bool(select.select([channel], [], [], 0)[0])  # a client waits for a first answer, perhaps the only one
    if not cold:
        warm_up()
    gc.freeze()
    serve(channel, cold)


def warm_up() -> None:
    """Open a file of each sort once: what parsers import and compile at first use, no child needs to do again."""
    word, page, picture = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(word, "w") as package:
        package.writestr("content.xml", "<p/>")
        package.writestr("web.htm", "<p/>")
    writer = PdfWriter()
    writer.add_blank_page(595, 842)
    writer.write(page)
    Image.new("RGB", (16, 16)).save(picture, "JPEG")
    reader.read_sheet(_source(word.getvalue()))
    reader.read_pdf(_source(page.getvalue()))
    active_content.findings(_source(page.getvalue()), "pdf")
    photo.decode(_source(picture.getvalue()), 1000)
    for code in CODES:
        codecs.lookup(code)


def _source(data: bytes) -> Source:
    return Source("", len(data), lambda: io.BytesIO(data))


def serve(channel: socket.socket, cold: bool) -> None:
    """Fork a child for each message, report how it ended, and kill it when its client has gone.

    A cold server warms up beside its second child: then others will follow, as they do where many files are checked.
    """
    served = 0
    jobs: dict[int, Job] = {}  # by the descriptor that is readable at the child's end
    hung_up: dict[int, int] = {}  # the line's descriptor -> the child's
    ready = select.poll()
    ready.register(channel, select.POLLIN)
    while True:
        fd, _ = ready.poll()[0]  # one at a time: what it closes may be among the others
        if fd == channel.fileno():
            if (job := _start_job(channel)) is None:
                return
            end = os.pidfd_open(job.pid)
            jobs[end], hung_up[job.line.fileno()] = job, end
            ready.register(end, select.POLLIN)
            ready.register(job.line, 0)  # hanging up is always reported
            served += 1
            if cold and served == 2:
                warm_up()
        elif fd in jobs:
            job = jobs.pop(fd)
            ready.unregister(fd)
            if hung_up.pop(job.line.fileno(), None) is not None:
                ready.unregister(job.line)
            os.close(fd)
            _report(job)
        else:
            ready.unregister(fd)
            _kill(jobs[hung_up.pop(fd)].pid)


def _start_job(channel: socket.socket) -> Job | None:
    """Take one message and fork its child; None when nobody can send another."""
    message, descriptors, _, _ = socket.recv_fds(channel, LONGEST_MESSAGE, DESCRIPTORS)
    if not message:
        return None
    line, answer, content = descriptors
    server = os.getpid()
    seconds, module = message.decode().split()
    if module not in sys.modules:  # once for all children
        with suppress(Exception):  # the child meets the same, and its client is told
            importlib.import_module(module)
            gc.freeze()
    if (pid := os.fork()) == 0:
        _work(server, int(seconds), line, answer, content)
    os.close(answer)
    os.close(content)
    return Job(pid, socket.socket(fileno=line))


def _kill(pid: int) -> None:
    for end in (os.killpg, os.kill):  # a child just forked has no group yet
        try:
            end(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _report(job: Job) -> None:
    """Report how the child ended, and what it cost: seconds of processor time, KiB of memory."""
    _, status, used = os.wait4(job.pid, 0)
    report = {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
        "seconds": used.ru_utime + used.ru_stime,
        "kib": used.ru_maxrss,
    }
    with job.line as line:
        try:
            line.sendall(json.dumps(report).encode())
        except OSError:
            return  # its client has gone


def _work(server: int, seconds: int, *descriptors: int) -> None:
    """Be the child: give up all but three descriptors, take the limits, do the work, end. This never returns."""
    code = BROKEN
    try:
        os.setpgid(0, 0)
        os.dup2(1, 2)  # what libraries print about a file interests nobody
        for number, descriptor in enumerate(descriptors, LINE):
            os.dup2(descriptor, number)
        os.closerange(3, LINE)
        os.closerange(LINE + DESCRIPTORS, 1 << 16)
        confine.die_with(server)
        confine.limit(MEMORY, seconds)
        confine.forbid_new_processes()
        gc.disable()  # it ends in a moment
        os.write(ANSWER, _answer())
        code = 0
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException:  # a bug of ours: its text goes up
        os.write(ANSWER, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _answer() -> bytes:
    """Do the work that the line brings, and return its result: bytes as they are, all else as JSON."""
    with open(LINE, "rb") as f:
        function, name, size, arguments = pickle.loads(f.read())  # noqa: S301 from our parent, not from the sender of the file
    source = Source(name, size, lambda: open(f"/proc/self/fd/{CONTENT}", "rb"))  # noqa: SIM115 whoever opens it closes it
    result = function(source, *arguments)
    return result if isinstance(result, bytes) else to_json(result)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
