"""The program that confines itself and then becomes another: ffmpeg or LibreOffice, with nothing in its environment.

Run as `python exec_confined.py SORT MEMORY SECONDS PROGRAM ARGUMENT...`; of Baosong it imports `confine`.
"""

from __future__ import annotations

import os
import sys

from baosong.validation.sandbox import confine


def main(sort: str, memory: int, seconds: int, command: list[str]) -> None:
    """Put on what the program can bear, and start it; the exit code 127 says that it is not to be had."""
    confine.die_with(os.getppid())
    confine_for = {"filter": confine.confine_filter, "office": confine.confine_office}[sort]
    confine_for(command[0], memory, seconds)
    try:
        os.execve(command[0], command, {})  # noqa: S606 the caller's own list
    except OSError as e:
        sys.stderr.write(f"{e}\n")
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
