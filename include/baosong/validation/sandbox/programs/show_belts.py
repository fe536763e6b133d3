"""The program that puts on all belts and says on its output, a line each, which of them the kernel did not put on.

Run as `python show_belts.py`; of Baosong it imports `confine`. What counts is what it can still do, not what was asked.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from baosong.validation.sandbox import confine


def main() -> None:
    """Try what must not be possible any more."""
    confine.die_with(os.getppid())
    confine.confine(1 << 30, 2)
    if _can(lambda: open("/etc/passwd").close()):
        print("Landlock")
    if _can(lambda: socket.socket().close()):
        print("seccomp")


def _can(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
