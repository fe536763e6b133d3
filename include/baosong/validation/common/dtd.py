"""Whether a part of a package declares a DTD: no office program writes one, and it may hold entities without end."""

from __future__ import annotations

from collections.abc import Callable

_FIRST = 4096  # bytes; of nearly every part that is enough
_PASSED_OVER = {"<!--": "-->", "<?": "?>"}


def declares_dtd(read: Callable[[int], bytes]) -> bool:
    """Return whether a DTD stands before the first element, read as far as what stands before it goes."""
    head = b""
    while more := read(max(_FIRST, len(head))):
        head += more
        if (found := _in(head.decode(_code(head), "ignore"))) is not None:
            return found
    return False


def _code(head: bytes) -> str:
    """Return a part's code as parsers find it, by a mark or by where a NUL is; of 8 bits they are alike here."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    return "utf-16-be" if head[:1] == b"\0" else "utf-16-le" if head[1:2] == b"\0" else "latin-1"


def _in(head: str) -> bool | None:
    """Return whether the first thing that is neither a comment nor an instruction is a DTD; None if it is not there."""
    at = 0
    while 0 <= (at := head.find("<", at)) <= len(head) - len("<!--"):
        passed = next((begin for begin in _PASSED_OVER if head.startswith(begin, at)), None)
        if passed is None:
            return head.startswith("<!", at)
        at = head.find(_PASSED_OVER[passed], at + len(passed))
        if at < 0:
            return None
    return None
