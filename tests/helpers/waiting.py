"""Waiting for what must come, without a pause of a fixed length."""

from __future__ import annotations

import itertools
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress

_GIVEN: set[int] = set()


def free_port() -> int:
    """Return another port each time that was free just now, of those that the system gives to nobody who calls out."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as s, suppress(OSError):
            s.bind(("127.0.0.1", port))
            if port not in _GIVEN:
                _GIVEN.add(port)
                return port


def until(
    true: Callable[[], object], seconds: float = 20.0, what: str = "the condition", *, every: float = 0.02
) -> None:
    """Wait until something holds, looking after each pause of so many seconds; AssertionError if it never does.

    Nor is it given up before fifty looks, a second's worth: a starved machine must not decide.
    """
    deadline = time.monotonic() + seconds
    for looks in itertools.count(1):
        if true():
            return
        assert looks < 50 or time.monotonic() < deadline, f"{what} did not hold within {seconds} s"
        time.sleep(every)


def tick() -> None:
    """Wait until the clock that stamps files moves: it stands for 4 to 10 ms, and a file put over another of its size
    meanwhile could not be told from it."""

    def stamp() -> int:
        with tempfile.TemporaryFile() as new:  # a file that was looked at gets a finer stamp
            return os.fstat(new.fileno()).st_mtime_ns

    first, deadline = stamp(), time.monotonic() + 20
    while stamp() == first:
        assert time.monotonic() < deadline, "the clock of files stands still"
