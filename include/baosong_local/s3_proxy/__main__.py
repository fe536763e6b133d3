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

from baosong_local.s3_proxy import areas, browsers, calls, keys, new_folders

_PR_SET_PDEATHSIG = 1
_PIECE = 256 << 10  # bytes
_LONGEST_HEAD = 64 << 10
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
    """A client, and rclone's end for it."""

    def __init__(self, client: socket.socket, backend: socket.socket, internal: bool) -> None:
        self._client, self._backend, self._internal = client, backend, internal
        self._got = bytearray()
        self._waiting = True  # for a request; nothing is lost if the connection ends now
        self._more = b""  # header lines that the next answer gets besides

    def serve(self) -> None:
        """Copy both ways until either side ends."""
        answers = threading.Thread(target=self._copy_answers, daemon=True)
        answers.start()
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
            _shut(self._backend, socket.SHUT_RDWR)
            answers.join()
            self._backend.close()
            self._client.close()

    def _copy_answers(self) -> None:
        piece = memoryview(bytearray(_PIECE))
        with suppress(OSError):
            while size := self._backend.recv_into(piece):
                self._client.sendall(self._with_more(piece[:size]) if self._more else piece[:size])
        _shut(self._client, socket.SHUT_RDWR if self._waiting else socket.SHUT_WR)

    def _with_more(self, begun: memoryview) -> bytes:
        """Return the beginning of an answer with our header lines in its head; a browser asks one at a time."""
        got = bytes(begun)
        while b"\r\n\r\n" not in got and (more := self._backend.recv(_PIECE)):
            got += more
        lines, self._more = self._more, b""
        return browsers.with_lines(got, lines)

    def _next_request(self) -> _Request | None:
        self._waiting = True
        while (end := self._got.find(b"\r\n\r\n")) < 0:
            if len(self._got) > _LONGEST_HEAD:
                raise _Malformed
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
        walls = self._walls(request)
        for wall in walls:
            _refuse_for(wall.refusal(request.method, request.target, request.headers))
        _refuse_for(calls.no_place(request.target))
        if what := calls.unknown(request.method, request.target, request.headers):
            raise _not_implemented(what)
        new_folders.await_turn(request.method, request.target, request.headers)
        self._more = browsers.readable(request.headers).encode()
        head = self._got.find(b"\r\n\r\n") + 4
        if calls.is_delete(request.method, request.target):
            self._look_into_delete(request, head, walls)
        self._forward(head)
        if request.length < 0:
            self._forward_chunks()
        else:
            self._forward(request.length)

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

    def _look_into_delete(self, request: _Request, head: int, walls: list[areas.Wall]) -> None:
        if not 0 <= request.length <= calls.LARGEST_DELETE:
            raise _Refused("400 Bad Request", "MalformedXML", "删除清单太大或没有写明长度。")
        if "expect" in request.headers:
            self._client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._got) < head + request.length:
            if not self._receive():
                raise ConnectionAbortedError
        body = bytes(self._got[head : head + request.length])
        for wall in walls:
            _refuse_for(wall.refusal_of_removal(request.target, body))
        if what := calls.unknown_in_delete(body):
            raise _not_implemented(what)

    def _forward_chunks(self) -> None:
        """Forward a body of unknown length, piece by piece, and the headers behind it."""
        size = -1
        while size:
            line = self._line()
            if (told := _CHUNK.fullmatch(line)) is None:
                raise _Malformed
            size = int(told[1], 16)
            self._backend.sendall(line)
            if size:
                self._forward(size + 2)
        while (line := self._line()) != b"\r\n":
            self._backend.sendall(line)
        self._backend.sendall(line)

    def _line(self) -> bytes:
        while (end := self._got.find(b"\n")) < 0:
            if len(self._got) > _LONGEST_HEAD or not self._receive():
                raise _Malformed
        line = bytes(self._got[: end + 1])
        del self._got[: end + 1]
        return line

    def _forward(self, left: int) -> None:
        if ready := self._got[:left]:
            self._backend.sendall(ready)
            del self._got[: len(ready)]
            left -= len(ready)
        piece = memoryview(bytearray(min(left, _PIECE)))
        while left:
            size = self._client.recv_into(piece[:left])
            if not size:
                raise ConnectionAbortedError
            self._backend.sendall(piece[:size])
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
    if not (length.isascii() and length.isdecimal()) or chunked not in ("", "chunked"):
        raise _Malformed
    if chunked and "content-length" in headers:
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


def _shut(end: socket.socket, how: int) -> None:
    with suppress(OSError):
        end.shutdown(how)


def _serve(client: socket.socket, path: str, internal: bool) -> None:
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # or who lost his network would hold a thread for ever
    backend = socket.socket(socket.AF_UNIX)
    try:
        backend.connect(path)
    except OSError:  # not yet, or no more
        backend.close()
        client.close()
        return
    _Connection(client, backend, internal).serve()


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
