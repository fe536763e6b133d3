"""The program in front of rclone: passes on the S3 calls that it carries out, and answers all others itself.

Run as `python -m baosong_local.s3_proxy HOST:PORT SOCKET UID:GID DOOR RCLONE ARGUMENT...`: it starts rclone, which
serves on the Unix socket and ends with it, and listens on the port. The two ends of a connection are copied to one
another as they come; only the heads of requests are read, as they say where the next one begins. Root becomes UID:GID.
Through the door `internal` goes only who may do everything.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from baosong_local.s3_proxy import areas, browsers, calls, held_writes, keys

_PR_SET_PDEATHSIG = 1
_PIECE = 256 << 10  # bytes
_LONGEST_HEAD = 64 << 10
_IDLE = 60.0  # seconds
_DIGITS = 19  # of a length, which rclone holds in 64 bits
_LINGER = 3.0  # seconds without a byte, after which nobody reads a refusal any more; of a large upload with bytes, too
_RUNS_OUT = 64 << 20  # bytes of a refused upload that are let run out: many clients read an answer only then
_REQUEST = re.compile(r"([A-Z]+) (/[^ ]*) HTTP/1\.[01]")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*?)[ \t]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[^\r\n]*)?\r\n")
_SINGLE = ("content-length", "transfer-encoding", "x-amz-copy-source", "x-amz-acl", "authorization")
_KEYS = Path("keys")  # in the store's folder, in which this program runs
_ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>{code}</Code><Message>{message}</Message><Resource>{resource}</Resource></Error>"
)
_UNSIGNED = "没有执行：请求没有签名。"
_INTERNAL = "没有执行：这个地址只供系统自己使用，请用发给本地州市的地址。"
_WORDS = "内嵌对象存储不支持 {what}，没有执行，已有的文件没有改动。上传、下载、列表、复制、删除可照常使用。"


class _Request(NamedTuple):
    """A request's first line and headers; `length` of its body, -1 where it comes in chunks."""

    method: str
    target: str
    headers: dict[str, str]
    length: int


class _Malformed(Exception):
    """A head that two programs may read differently."""


class _Refused(Exception):
    """A call that is answered here."""

    def __init__(self, status: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class _Connection:
    """A client, and rclone's end for it, opened when the first request is passed on: `path` is rclone's socket."""

    def __init__(self, client: socket.socket, path: str, internal: bool) -> None:
        self._client, self._path, self._internal = client, path, internal
        self._got = bytearray()
        self._waiting = True  # for a request; nothing is lost if the connection ends now
        self._more = b""  # header lines that the next answer gets besides
        self._backend: socket.socket | None = None
        self._answers: threading.Thread | None = None
        self._lock = threading.Lock()
        self._owed = False  # the last request was passed on: if rclone's end ends, so does the client's
        self._ended = True  # rclone's end, or it is not open
        self._over = False  # and the client's, too

    def serve(self) -> None:
        """Copy both ways until either side ends."""
        request = None
        try:
            while (request := self._next_request()) is not None:
                self._pass_on(request)
        except _Refused as refused:
            self._answer(request, refused)
        except _Malformed:
            self._answer(None, _Refused("400 Bad Request", "InvalidRequest", "无法识别的请求。"))
        except OSError:
            pass
        finally:
            self._close()
            self._client.close()

    def _rclone(self) -> socket.socket:
        """Return rclone's end for a whole request: if it ends in between, nothing may open another for what is left."""
        with self._lock:
            self._owed, ended = True, self._ended
        if ended or self._backend is None:
            self._close()
            self._backend, self._ended = socket.socket(socket.AF_UNIX), False
            self._backend.connect(self._path)
            self._answers = threading.Thread(target=self._copy_answers, args=(self._backend,), daemon=True)
            self._answers.start()
        return self._backend

    def _close(self) -> None:
        if self._backend:
            _shut(self._backend, socket.SHUT_RDWR)
            if self._answers:
                self._answers.join()
            self._backend.close()  # here alone: another thread might write to a socket that has got its number since

    def _copy_answers(self, backend: socket.socket) -> None:
        piece = memoryview(bytearray(_PIECE))
        with suppress(OSError):
            while size := backend.recv_into(piece):
                self._client.sendall(self._with_more(backend, piece[:size]) if self._more else piece[:size])
        with self._lock:
            self._ended, self._over = True, self._owed
        if self._over:
            _shut(self._client, socket.SHUT_RDWR if self._waiting else socket.SHUT_WR)

    def _with_more(self, backend: socket.socket, begun: memoryview) -> bytes:
        """Return the beginning of an answer with our header lines in its head; a browser asks one at a time."""
        got = bytes(begun)
        while b"\r\n\r\n" not in got and (more := backend.recv(_PIECE)):
            got += more
        lines, self._more = self._more, b""
        return browsers.with_lines(got, lines)

    def _next_request(self) -> _Request | None:
        self._waiting = True
        while (end := self._got.find(b"\r\n\r\n")) < 0:
            if len(self._got) > _LONGEST_HEAD:
                raise _Malformed
            while not _readable(self._client, _IDLE):
                if self._ended:  # as rclone ends a line on which nothing is asked
                    return None
            if not self._receive():
                return None
            self._waiting = False
        self._waiting = False
        return _parsed(bytes(self._got[:end]))

    def _pass_on(self, request: _Request) -> None:
        """Send a request to rclone, or raise what it is answered; a refused one stays in our hands, its body unread."""
        if browsers.is_preflight(request.method, request.headers) and not request.length:
            del self._got[: self._got.find(b"\r\n\r\n") + 4]
            self._client.sendall(browsers.preflight())
            return
        if self._over:
            raise ConnectionAbortedError
        walls = self._walls(request)
        for wall in walls:
            _refuse_for(wall.refusal(request.method, request.target, request.headers))
        _refuse_for(calls.no_place(request.target))
        if what := calls.unknown(request.method, request.target, request.headers):
            raise _not_implemented(what)
        head = self._got.find(b"\r\n\r\n") + 4
        if self._hold(request, head):
            return
        self._more = browsers.readable(request.headers).encode()
        if calls.is_delete(request.method, request.target):
            self._look_into_delete(request, head, walls)
        rclone = self._rclone()
        self._forward(rclone, head)
        if request.length < 0:
            self._forward_chunks(rclone)
        else:
            self._forward(rclone, request.length)

    def _walls(self, request: _Request) -> list[areas.Wall]:
        """Return what bounds a request: nothing where it is signed by a key of the whole store."""
        files = [keys.file_of(key, _KEYS) for key in keys.named(request.target, request.headers)]
        _refuse_for("" if files else _UNSIGNED)
        try:
            walls = [wall for file in files if (wall := areas.wall_of(file))]
        except OSError:
            raise _Refused("403 Forbidden", "InvalidAccessKeyId", "没有这个密钥，或者它已经停用、更换。") from None
        _refuse_for(_INTERNAL if walls and self._internal else "")
        return walls

    def _hold(self, request: _Request, head: int) -> bool:
        """Answer a small write, if its body comes soon; return whether it is done.

        A client that has not waited for an earlier answer may get this one into its midst.
        """
        if not held_writes.is_small(request.method, request.target, request.headers, request.length):
            return False
        self._ask_for_body(request, head)
        whole = answer = b""
        ends = False
        with held_writes.room(request.length) as fits:
            if fits:
                with self._lock:
                    self._owed = False
                whole = self._whole(head + request.length, held_writes.LONGEST)
            if whole:
                answer, ends = held_writes.answer(self._path, whole)
        if not whole:
            return False
        del self._got[: len(whole)]
        more = browsers.readable(request.headers).encode()
        self._client.sendall(browsers.with_lines(answer, more) if more else answer)
        if ends:
            raise ConnectionAbortedError
        return True

    def _ask_for_body(self, request: _Request, head: int) -> None:
        if "expect" in request.headers and len(self._got) < head + request.length:
            self._client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _whole(self, length: int, seconds: float | None = None) -> bytes:
        """Return a request of a length, head and body; b"" where it is not there in time."""
        until = None if seconds is None else time.monotonic() + seconds
        while len(self._got) < length:
            if until and not _readable(self._client, until - time.monotonic()):
                return b""
            if not self._receive():
                raise ConnectionAbortedError
        with memoryview(self._got) as got:
            return bytes(got[:length])

    def _look_into_delete(self, request: _Request, head: int, walls: list[areas.Wall]) -> None:
        if not 0 <= request.length <= calls.LARGEST_DELETE:
            raise _Refused("400 Bad Request", "MalformedXML", "删除清单太大或没有写明长度。")
        self._ask_for_body(request, head)
        body = self._whole(head + request.length)[head:]
        for wall in walls:
            _refuse_for(wall.refusal_of_removal(request.target, body))
        if what := calls.unknown_in_delete(body):
            raise _not_implemented(what)

    def _forward_chunks(self, rclone: socket.socket) -> None:
        """Forward a body of unknown length, piece by piece, and the headers behind it."""
        size = -1
        while size:
            line = self._line()
            if (told := _CHUNK.fullmatch(line)) is None:
                raise _Malformed
            size = int(told[1], 16)
            rclone.sendall(line)
            if size:
                self._forward(rclone, size + 2)
        while (line := self._line()) != b"\r\n":
            if not line.endswith(b"\r\n") or _HEADER.fullmatch(line[:-2].decode("latin-1")) is None:
                raise _Malformed  # rclone takes an empty line that ends otherwise for the end of the request
            rclone.sendall(line)
        rclone.sendall(line)

    def _line(self) -> bytes:
        while (end := self._got.find(b"\n")) < 0:
            if len(self._got) > _LONGEST_HEAD or not self._receive():
                raise _Malformed
        line = bytes(self._got[: end + 1])
        del self._got[: end + 1]
        return line

    def _forward(self, rclone: socket.socket, left: int) -> None:
        if ready := self._got[:left]:
            rclone.sendall(ready)
            del self._got[: len(ready)]
            left -= len(ready)
        piece = memoryview(bytearray(min(left, _PIECE)))
        while left:
            size = self._client.recv_into(piece[:left])
            if not size:
                raise ConnectionAbortedError
            rclone.sendall(piece[:size])
            left -= size

    def _receive(self) -> bool:
        more = self._client.recv(_PIECE)
        self._got += more
        return bool(more)

    def _answer(self, request: _Request | None, refused: _Refused) -> None:
        """Answer here and close the connection, but only after what the client still sends."""
        resource = escape(request.target.partition("?")[0] if request else "")
        body = _ERROR.format(code=refused.code, message=escape(refused.message), resource=resource).encode()
        head = f"HTTP/1.1 {refused.status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
        head += browsers.readable(request.headers) if request else ""
        with suppress(OSError):
            shown = b"" if request and request.method == "HEAD" else body
            self._client.sendall(f"{head}Server: AmazonS3\r\nConnection: close\r\n\r\n".encode() + shown)
            self._client.shutdown(socket.SHUT_WR)
            self._client.settimeout(_LINGER)
            runs_out, until = request is not None and 0 <= request.length <= _RUNS_OUT, time.monotonic() + _LINGER
            while (runs_out or time.monotonic() < until) and self._client.recv(_PIECE):
                pass


def _parsed(head: bytes) -> _Request:
    """Return a request's head; raises _Malformed where it leaves any doubt."""
    first, *lines = head.decode("latin-1").split("\r\n")
    begun = _REQUEST.fullmatch(first)
    found = [_HEADER.fullmatch(line) for line in lines]
    if begun is None or None in found:
        raise _Malformed
    named = [(header[1].lower(), header[2]) for header in found if header]
    headers = dict(named)
    length = headers.get("content-length", "0")
    chunked = headers.get("transfer-encoding", "").lower()
    if len(headers) < len(named) and any(sum(n == name for n, _ in named) > 1 for name in _SINGLE):
        raise _Malformed
    if not (length.isascii() and length.isdecimal() and len(length) < _DIGITS) or chunked not in ("", "chunked"):
        raise _Malformed
    if chunked and ("content-length" in headers or first.endswith("1.0")):  # whose chunks rclone takes for requests
        raise _Malformed
    return _Request(begun[1], begun[2], headers, -1 if chunked else int(length))


def _not_implemented(what: str) -> _Refused:
    return _Refused("501 Not Implemented", "NotImplemented", _WORDS.format(what=what))


def _refuse_for(reason: str) -> None:
    """Refuse a call that its key may not make, if there is a reason."""
    if reason == areas.FULL:  # by which clients know that it is worth trying again
        raise _Refused("503 Service Unavailable", "SlowDown", reason)
    if reason:
        raise _Refused("403 Forbidden", "AccessDenied", reason)


def _readable(line: socket.socket, seconds: float) -> bool:
    asked = select.poll()  # which knows no highest number of a socket, as select does
    asked.register(line, select.POLLIN)
    return bool(asked.poll(max(0.0, seconds) * 1000))


def _shut(end: socket.socket, how: int) -> None:
    with suppress(OSError):
        end.shutdown(how)


def _serve(client: socket.socket, path: str, internal: bool) -> None:
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # or who lost his network would hold a thread for ever
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(path):  # not yet, or no more: nobody may take us for it
            client.close()
            return
    _Connection(client, path, internal).serve()


def _accept_all(listener: socket.socket, path: str, internal: bool) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_serve, args=(client, path, internal), daemon=True).start()


def _die_with_parent(how: signal.Signals) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)


def _start(command: list[str], uid: int, gid: int) -> subprocess.Popen[bytes]:
    """Start rclone, and give up what root has."""
    if os.geteuid() == 0:
        parent = os.getppid()
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        _die_with_parent(signal.SIGTERM)  # which the kernel forgets with the user
        if os.getppid() != parent:
            sys.exit(1)
    return subprocess.Popen(command, preexec_fn=lambda: _die_with_parent(signal.SIGKILL))


def main(address: str, path: str, account: str, door: str, command: list[str]) -> int:
    """Serve until rclone ends, and return its exit code; a SIGTERM is handed on to it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    host, _, port = address.rpartition(":")
    listener = socket.create_server((host, int(port)), backlog=512)
    Path(path).unlink(missing_ok=True)
    uid, _, gid = account.partition(":")
    child = _start(command, int(uid), int(gid))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: child.terminate())
    threading.Thread(target=_accept_all, args=(listener, path, door == "internal"), daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    host_and_port, socket_path, uid_and_gid, which_door, *rclone = sys.argv[1:]
    os._exit(main(host_and_port, socket_path, uid_and_gid, which_door, rclone) & 0xFF)
