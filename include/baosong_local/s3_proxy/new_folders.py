"""Writes into a folder that is not there yet: the first one makes it, and the others come after.

Of writes at the same time into a new folder rclone fails some with 500 ("Dir.Rename error: file does not exist"), as
each of them makes the folder. Seen with rclone 1.75.2: 1.5 % of four at a time, none once the folder is there.
What is left: on a busy machine the first write into a folder was answered 500 once, which clients try again; perhaps
it met a listing of the folder above, begun before and applied after its folder was made.
"""

from __future__ import annotations

import os.path
import threading
import time
from collections.abc import Mapping
from urllib.parse import unquote

_DATA = "data"  # in the store's folder, in which this program runs; every key sees what it may see under this same path
_TURN = 0.25  # seconds that a write has for making its folder: it needs a hundredth, one that is refused never makes it
_SETTLED = 0.02  # seconds after which rclone, too, has noticed the folder that is on the disk
_LOOK = 0.002
_LONGEST = 2.0  # seconds after which a write goes on whatever happens
_making: dict[str, float] = {}  # folders that a write makes, and until when the others wait for it
_lock = threading.Lock()


def await_turn(method: str, target: str, headers: Mapping[str, str]) -> None:
    """Return when a request may go on: at once, unless another one is making the folder that it writes to."""
    folder = os.path.dirname(unquote(target.partition("?")[0]).strip("/"))
    if method not in ("PUT", "POST") or "/" not in folder or "authorization" not in headers:
        return
    until = time.monotonic() + _LONGEST
    while _must_wait(folder) and time.monotonic() < until:
        time.sleep(_LOOK)


def _must_wait(folder: str) -> bool:
    there = os.path.isdir(os.path.join(_DATA, folder))
    now = time.monotonic()
    with _lock:
        for made in [name for name, ends in _making.items() if ends < now]:
            del _making[made]
        if folder not in _making:
            if not there:
                _making[folder] = now + _TURN
            return False
        if there:
            _making[folder] = min(_making[folder], now + _SETTLED)
        return True
