"""Small writes, which are held here and sent to rclone on a line of their own: again, where rclone fails one.

Of writes at the same time rclone 1.75.2 answers some with 500 ("file does not exist") and stores nothing: an object
gets its name at the end, and a listing of the folder came in between. It is three in a hundred of four at a time into a
new folder, and on a busy machine one in some ten thousand elsewhere. S3's clients try again after a 500, but not all
programs do. On a line of its own nothing comes behind the write, whatever else its client has sent. Copies and uploads
in parts are left to their clients: to repeat them may take minutes, or finds the upload gone.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

LARGEST = 8 << 20  # bytes of a body: nearly every sheet, report and photograph
MOST = 128 << 20  # bytes of all that are held; what comes besides is passed on as it comes, like all that is large
LONGEST = 10.0  # seconds in which the body of one must have come, or it is passed on, too
_TRIES = 5
_PAUSE = 0.02  # seconds: rclone forgets a listing after 5 ms, and its folder after 10
_FRAMING = ("content-length", "transfer-encoding")
_lock = threading.Lock()
_held = 0  # bytes


def is_small(method: str, target: str, headers: Mapping[str, str], length: int) -> bool:
    """Return whether a request carries the whole of an object of at most LARGEST bytes, or makes a bucket."""
    part = "uploadId=" in target.partition("?")[2]
    return method == "PUT" and not part and "x-amz-copy-source" not in headers and 0 <= length <= LARGEST


@contextmanager
def room(length: int) -> Iterator[bool]:
    """Yield whether a body of this length may be held meanwhile."""
    global _held
    with _lock:
        fits = _held + length <= MOST
        _held += length * fits
    try:
        yield fits
    finally:
        with _lock:
            _held -= length * fits


def answer(path: str, request: bytes) -> tuple[bytes, bool]:
    """Return what rclone, on the socket `path`, answers a request, and whether the client's line ends with it.

    Raises OSError where rclone gives no whole answer.
    """
    for _ in range(_TRIES - 1):
        status, answered, ends = _asked(path, request)
        if status != http.client.INTERNAL_SERVER_ERROR:
            return answered, ends
        time.sleep(_PAUSE)
    return _asked(path, request)[1:]


def _asked(path: str, request: bytes) -> tuple[int, bytes, bool]:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        with suppress(BrokenPipeError, ConnectionResetError):  # it refuses a signature before it has read the body
            line.sendall(request)
        with http.client.HTTPResponse(line, method="PUT") as got:
            try:
                got.begin()
                body = got.read()
            except http.client.HTTPException as error:
                raise ConnectionAbortedError from error
            headers = [(name, value) for name, value in got.getheaders() if name.lower() not in _FRAMING]
            lines = [f"HTTP/1.1 {got.status} {got.reason}", *(f"{name}: {value}" for name, value in headers)]
            head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
            return got.status, head.encode("latin-1") + body, got.will_close
