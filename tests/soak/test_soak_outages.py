"""The store away, the database away, disks full, while fourteen prefectures submit: a delay, and nothing else.

BAOSONG_SOAK_OUTAGE says for how many seconds the store stays away (300 in earnest); the database and the disks stay
away for a fifth of that. Every outage must be seen in `status`, and all must heal without a hand laid on it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from baosong.rules.findings import Kind, Verdict
from baosong_local import stack
from baosong_local.demo.plan import Drop
from soak import Submitting, WholeStack, audit, final
from waiting import until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600), pytest.mark.xdist_group("soak")]

AWAY = float(os.environ.get("BAOSONG_SOAK_OUTAGE") or 60)
DOORS = {"objectstore": "BAOSONG_S3_ENDPOINT", "objectstore-custody": "BAOSONG_S3_CUSTODY_ENDPOINT"}
DISKS = {"objectstore": "600m", "postgres": "700m", "tmp": "64m"}  # each on a file system of its own
LARGE = 20 * 1024 * 1024  # a file of this size is copied by way of the disk


@pytest.fixture
def disks(home: Path) -> Iterator[bool]:
    """Put parts of the home on small file systems where the machine lets us; return whether it did."""
    mounted = []
    try:
        for name, size in DISKS.items():
            (home / name).mkdir(parents=True)
            made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(home / name)], check=False)
            if made.returncode:
                break
            mounted.append(home / name)
        yield len(mounted) == len(DISKS)
    finally:
        for folder in mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@dataclass(frozen=True)
class Outage:
    """Something that goes away for some seconds; `shows` tells whether the operator sees it by now."""

    name: str
    seconds: float
    happens: Callable[[], AbstractContextManager[None]]
    shows: Callable[[], bool]


@contextmanager
def frozen(embedded: WholeStack, *names: str) -> Iterator[None]:
    """Stop components without ending them; the supervisor may lose retry_timeout and start others."""
    for name in names:
        embedded.sends(name, signal.SIGSTOP)
    yield
    for name in names:
        with suppress(AssertionError):  # it is being started just now
            embedded.sends(name, signal.SIGCONT)


@contextmanager
def port_taken(embedded: WholeStack, name: str) -> Iterator[None]:
    """Kill a server of the store and sit on its port without listening: all are refused, also its next life."""
    facts = json.loads((embedded.home / "stack.json").read_text(encoding="utf-8"))
    port = int(facts[DOORS[name]].rpartition(":")[2])
    with socket.socket() as seat:
        seat.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def taken() -> bool:
            with suppress(AssertionError):
                embedded.sends(name, signal.SIGKILL)
            with suppress(OSError):
                seat.bind(("127.0.0.1", port))
                return True
            return False  # it is open still, or again

        until(taken, 30, "our hold of the store's port")
        seat.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # now nobody may share it
        yield
        with socket.socket() as caller:
            assert caller.connect_ex(("127.0.0.1", port)) != 0, "the store was not away at all"


@contextmanager
def refusing(embedded: WholeStack) -> Iterator[None]:
    """Take the ports of all servers of the store."""
    with ExitStack() as held:
        for name in DOORS:
            held.enter_context(port_taken(embedded, name))
        yield


@contextmanager
def shut_out(embedded: WholeStack) -> Iterator[None]:
    """Kill the database and shut its folder, so that it cannot start."""
    data = embedded.home / "postgres" / "data"
    data.chmod(0o777)  # PostgreSQL refuses a folder that is open to all
    embedded.sends("postgres", signal.SIGKILL)
    yield
    data.chmod(0o700)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill the file system of a folder to its last byte."""
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as f:
        while f.write(bytes(1 << 20)):
            pass
    with suppress(OSError), ballast.open("ab", buffering=0) as f:
        while f.write(b"0"):
            pass
    yield
    ballast.unlink()


def test_outages_delay_and_lose_nothing(disks: bool, embedded: WholeStack) -> None:
    submitting = Submitting.on(embedded.home)
    outages = [*_of_services(embedded), *(_of_disks(embedded) if disks else [])]
    parts = _parts(submitting, len(outages))
    for outage, part in zip(outages, parts, strict=True):
        _befall(embedded, submitting, outage, part)
    submitting.begin(lambda: 1.0, [], correct=True)
    until(lambda: submitting.over, 600, "the corrections")
    until(lambda: not submitting.unanswered(), 600, "an answer to each drop")
    audit(submitting, final(embedded, submitting))
    if not disks:
        pytest.skip("the rest held, but no file system can be mounted here: full disks were not tried (run as root)")


def _of_services(embedded: WholeStack) -> list[Outage]:
    def ill(name: str) -> Callable[[], bool]:
        return lambda: any(c.name == name and not c.healthy for c in stack.status(embedded.home))

    store, custody, database = ill("objectstore"), ill("objectstore-custody"), ill("postgres")
    return [
        Outage("the store frozen", AWAY, lambda: frozen(embedded, *DOORS), store),
        Outage("the store refusing", AWAY, lambda: refusing(embedded), store),
        Outage("the store's own door frozen", AWAY / 5, lambda: frozen(embedded, "objectstore-custody"), custody),
        Outage("the database frozen", AWAY / 5, lambda: frozen(embedded, "postgres"), database),
        Outage("the database refusing", AWAY / 5, lambda: shut_out(embedded), database),
    ]


def _of_disks(embedded: WholeStack) -> list[Outage]:
    def shown() -> bool:
        return any("磁盘" in c.detail and not c.healthy for c in stack.status(embedded.home))

    filling = {name: partial(full, embedded.home / name) for name in DISKS}
    return [Outage(f"the disk of {name} full", AWAY / 5, fill, shown) for name, fill in filling.items()]


def _parts(submitting: Submitting, number: int) -> list[list[Drop]]:
    """Share the drops out among the outages, each with a large file that is no video."""
    plan = submitting.plan
    parts = [plan.first[n::number] for n in range(number)]
    for n, part in enumerate(parts):
        path = submitting.services.settings.home / "dropped" / f"大文件{n}.mov"
        path.write_bytes(os.urandom(LARGE))
        large = replace(part[0], code="6501", kind=Kind.VIDEO, folder="视频", path=path, expected=Verdict.REJECTED)
        plan.first.append(large)
        part.append(large)
    return parts


def _befall(embedded: WholeStack, submitting: Submitting, outage: Outage, part: list[Drop]) -> None:
    """Drop a part, let the outage happen in its midst, and wait for the answers to the part."""
    for drop in part[: len(part) // 2]:
        submitting.drop(drop)
    with outage.happens():
        began = time.monotonic()
        submitting.begin(lambda: 0.1, part[len(part) // 2 :], correct=False)
        until(outage.shows, max(60, outage.seconds), f"a word of {outage.name} in the status")
        shown = time.monotonic() - began
        time.sleep(max(0, outage.seconds - shown))
    back = time.monotonic()
    until(lambda: submitting.over, 400, "the end of the drops")
    until(lambda: not submitting.unanswered(part), 600, "the answers")
    print(
        f"{outage.name} for {back - began:.0f} s: shown after {shown:.1f} s, all {len(part)} answered "
        f"{time.monotonic() - back:.0f} s after its end; failed runs: {_failed(embedded)}",
        flush=True,
    )


def _failed(embedded: WholeStack) -> int:
    return sum(run["state"] == "failed" for run in embedded.runs("intake"))
