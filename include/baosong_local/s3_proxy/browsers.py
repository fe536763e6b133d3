"""What browsers ask before they let a page use the store, and the headers by which they let it read the answers (CORS).

Any origin may ask: a page opened by double click has none (`null`). What protects the store is that every request is
signed by a key, which no foreign page has, and nothing here depends on cookies.
"""

from __future__ import annotations

from collections.abc import Mapping

_READABLE = "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: ETag, Date\r\n"
_PREFLIGHT = (
    f"HTTP/1.1 204 No Content\r\n{_READABLE}"
    "Access-Control-Allow-Methods: GET, HEAD, PUT, POST, DELETE\r\n"
    "Access-Control-Allow-Headers: authorization, cache-control, content-type, x-amz-content-sha256, x-amz-date\r\n"
    "Access-Control-Max-Age: 86400\r\n\r\n"
)


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether a browser only asks what a page may do."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight() -> bytes:
    """Return the answer to it."""
    return _PREFLIGHT.encode()


def with_lines(answer: bytes, lines: bytes) -> bytes:
    """Return an answer, whose head is whole, with these header lines in the place of rclone's own of the kind."""
    head, end, body = answer.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    others = [line for line in headers if not line.lower().startswith(b"access-control-")]
    return b"\r\n".join([first, lines.removesuffix(b"\r\n"), *others]) + end + body


def readable(headers: Mapping[str, str]) -> str:
    """Return the header lines that an answer to this request needs besides: none where no page asks."""
    return _READABLE if "origin" in headers else ""
