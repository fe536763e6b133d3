"""The children of the sandbox that live at this moment, and a kernel that has not all it is asked for."""

from __future__ import annotations

import platform

import psutil

from baosong.validation.sandbox import client

# A kernel without Landlock answers ENOSYS to its first call, a container that forbids filters EPERM to this prctl.
WITHOUT = """
import ctypes, struct
from baosong.validation.sandbox import confine as c
LANDLOCK, PRCTL, SECCOMP = 444, {prctl}, 22
landlock = [c._step(c._EQUAL, LANDLOCK, 0, 1), c._step(c._RETURN, c._ERRNO | c._ENOSYS)]
seccomp = [c._step(c._EQUAL, PRCTL, 0, 3), c._step(c._LOAD, 16), c._step(c._EQUAL, SECCOMP, 0, 1)]
seccomp += [c._step(c._RETURN, c._ERRNO | c._EPERM)]
steps = [c._step(c._LOAD, 0), *{kept}, c._step(c._RETURN, c._ALLOW)]
data = ctypes.create_string_buffer(b"".join(steps))
c._LIBC.prctl(38, 1, 0, 0, 0)
assert c._LIBC.prctl(22, 2, struct.pack("HxxxxxxP", len(steps), ctypes.addressof(data)), 0, 0) == 0
"""


def children() -> list[psutil.Process]:
    return psutil.Process(client.start().process.pid).children()


def kernel_without(what: str) -> str:
    """Return what makes the process that runs it one whose kernel refuses these belts, and so do its children's."""
    return WITHOUT.format(prctl={"x86_64": 157, "aarch64": 167}[platform.machine()], kept=what)
