"""Start programs as children that cannot outlive us."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from baosong_local.stack.file_modes import server_account

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Program:
    """How to start one program, and how to end it: by which signal, and after how many seconds by force.

    `private` runs it without privileges.
    """

    name: str
    argv: list[str]
    cwd: Path
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stop: signal.Signals = signal.SIGTERM
    retry_timeout: float = 6.0
    private: bool = False


def start(program: Program, *, bound: bool = True) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; if `bound`, the kernel stops it when the calling thread ends."""
    account = server_account() if program.private and os.geteuid() == 0 else None
    with program.log.open("ab") as log:
        return subprocess.Popen(
            program.argv,
            cwd=program.cwd,
            env=dict(program.env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            umask=0o077,
            preexec_fn=_bound_to(os.getpid(), program.stop) if bound else None,
        )


def stop(child: subprocess.Popen[bytes], how: signal.Signals, seconds: float = 10.0) -> None:
    """Ask a child to end, and kill it if it has not after some seconds."""
    if child.poll() is None:
        child.send_signal(how)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def die_with_parent(how: signal.Signals) -> None:
    """Ask the kernel to signal this process when its parent ends (Linux; elsewhere nothing happens)."""
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)


def _bound_to(parent: int, how: signal.Signals) -> Callable[[], None]:
    def bind() -> None:
        die_with_parent(how)
        if os.getppid() != parent:  # it ended between the fork and the line above
            os._exit(0)

    return bind
