"""What a process that opens other people's files gives up, by the kernel's own means, none of which needs root.

Each belt is put on where the kernel has it and left off without a word where not: rlimits and the death with the parent
always; a network and user namespace of its own unless a container forbids them; Landlock from Linux 5.13 (no file
but our code can be read, none written); a system call filter on x86-64 and arm64 (no socket, no program, no process).
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys

TYPE_CHECKING = False  # `collections.abc` and `signal` take longer to import than all else here
if TYPE_CHECKING:
    from collections.abc import Mapping

_LIBC = ctypes.CDLL(None, use_errno=True)
_SIGKILL = 9
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000

_CODE = ("/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo")

# Landlock: system call numbers are the same on all machines
_CREATE, _ADD_RULE, _RESTRICT, _VERSION = 444, 445, 446, 1
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # by version
_EXECUTE, _READ_FOLDER = 1 << 0, 1 << 3
_READ = 1 << 2 | _READ_FOLDER
_TCP, _SCOPES = 3, 3  # bind and connect; abstract sockets and signals

# The filter's refusals, by machine: audit's number of it, then system calls
_CLONE = 1  # where among them this one stands
_EXECVE = frozenset({59, 221})  # on either machine; the same numbers mean nothing that is refused on the other
_REFUSED = {
    # socket, clone, fork, vfork, execve, ptrace, io_uring_setup, execveat, process_vm_readv, process_vm_writev
    "x86_64": (0xC000_003E, (41, 56, 57, 58, 59, 101, 425, 322, 310, 311)),
    "aarch64": (0xC000_00B7, (198, 220, 221, 117, 425, 281, 270, 271)),
}
_CLONE_THREAD, _CLONE3, _EPERM, _ENOSYS = 0x1_0000, 435, 1, 38
_ALLOW, _KILL, _ERRNO = 0x7FFF_0000, 0x8000_0000, 0x5_0000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_OTHER_NUMBERS = 0x4000_0000  # where x86-64 keeps a second copy of all system calls


def limit(memory: int, seconds: int, *, largest_file: int = 0, files: int = 64) -> None:
    """Bound this process: bytes of address space, seconds of processor time, bytes of a file, no core dumped."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def die_with(parent: int) -> None:
    """End this process when its parent ends, also if that has just happened."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def drop_network() -> None:
    """Keep this process and its children from the network, and from all files but our code, which they can read."""
    _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    _allow_only_code()


def confine(memory: int, seconds: int) -> None:
    """Put all belts on a program that opens one file, but the namespace, which costs more to make than they all."""
    limit(memory, seconds)
    _allow_only_code()
    _refuse_calls()


def forbid_new_processes() -> None:
    """Refuse this process every signal to others, every new process, program and socket; threads it may have."""
    _landlock({"/": _READ})
    _refuse_calls()


def confine_filter(program: str, memory: int, seconds: int) -> None:
    """Put on, before `program` starts, all that it can bear as a filter: it can read its libraries and start threads.

    The call that starts it cannot be refused before it: but no other program can be read.
    """
    limit(memory, seconds)
    _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _landlock(dict.fromkeys((program, *_CODE), _READ | _EXECUTE))
    _refuse_calls(but=_EXECVE)


def confine_office(_program: str, memory: int, seconds: int) -> None:
    """Put on what an office program can bear: it writes a profile, starts processes, and makes sockets between them.

    Which files it needs differs with its version, so files are left to it; what it opens is a document of our own.
    """
    limit(memory, seconds, largest_file=1 << 30, files=1024)
    _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _landlock({}, of_files=False)


def _allow_only_code() -> None:
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _landlock(dict.fromkeys((*sys.path, sys.base_prefix, *_CODE), _READ))


def _refuse_calls(but: frozenset[int] = frozenset()) -> None:
    if (machine := os.uname().machine) in _REFUSED:
        number, refused = _REFUSED[machine]
        _filter(number, refused, but)


def _landlock(allowed: Mapping[str, int], *, of_files: bool = True) -> None:
    """Allow the rights to what lies below each path, and none to other files, TCP, or processes outside."""
    version = _LIBC.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return
    rights = _FILE_RIGHTS[max(v for v in _FILE_RIGHTS if v <= version)] if of_files else 0
    asked = struct.pack("QQQ", rights, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    if (rules := _LIBC.syscall(_CREATE, asked, ctypes.c_size_t(size), 0)) < 0:
        return  # an old one that knows rights to files alone was asked for none
    for path, wanted in {os.path.realpath(p): r for p, r in allowed.items() if os.path.exists(p)}.items():
        place = os.open(path, os.O_PATH)
        right = rights & (wanted if os.path.isdir(path) else wanted & ~_READ_FOLDER)
        _LIBC.syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", right, place), 0)
        os.close(place)
    _LIBC.syscall(_RESTRICT, rules, 0)
    os.close(rules)


def _filter(machine: int, refused: tuple[int, ...], but: frozenset[int]) -> None:
    """Install the system call filter: an own process by `clone` is refused, a thread is not."""
    clone = refused[_CLONE]
    others = [number for number in refused if number != clone and number not in but]
    program = [_step(_LOAD, 4), _step(_EQUAL, machine, 1, 0), _step(_RETURN, _KILL), _step(_LOAD, 0)]
    program += [_step(_AT_LEAST, _OTHER_NUMBERS, 0, 1), _step(_RETURN, _ERRNO | _EPERM)]
    program += [_step(_EQUAL, _CLONE3, 0, 1), _step(_RETURN, _ERRNO | _ENOSYS)]  # libraries then fall back to clone
    for number in others:
        program += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ERRNO | _EPERM)]
    program += [_step(_EQUAL, clone, 0, 3), _step(_LOAD, 16), _step(_ANY_BIT, _CLONE_THREAD, 1, 0)]
    program += [_step(_RETURN, _ERRNO | _EPERM), _step(_RETURN, _ALLOW)]
    steps = ctypes.create_string_buffer(b"".join(program))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(steps))
    _LIBC.prctl(_PR_SET_SECCOMP, 2, header, 0, 0)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
