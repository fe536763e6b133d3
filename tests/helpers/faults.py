"""A services whose every effect is a point where a test may kill the process, fail, act as somebody else, or run again.

An effect is what outlives the process: an object written or removed, a transaction of the ledger that changed
something. Everything goes through `Storage` and `Ledger`, so the seam is two subclasses that a test puts in place;
the pipeline itself has no hook that anybody could pull. A moment is finer: the beginning of any call to either,
reading ones as well; there nothing is half done, and others may act.

Effects and moments are counted from 0 and bear names, so that a schedule can be read and run again:
`写入 archive/2023/6501/press/…`, `删除 intake/…`, `ledger file`.
"""

from __future__ import annotations

import io
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from threading import Event
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from baosong.campaign import Campaigns
from baosong.ledger import Ledger
from baosong.ledger.services import Services
from baosong.store.settings import S3Settings, Settings
from baosong.store.storage import Storage

P = ParamSpec("P")
T = TypeVar("T")
Phase = Literal["before", "after"]
"""Of a transaction: all is done but the commit, or the commit is done. Of an object: not yet written, or written."""

_WRITES = ("写入", "删除")


@dataclass
class Seam:
    """What shall happen where, and what has happened."""

    at_effect: dict[tuple[int, Phase], Callable[[], None]] = field(default_factory=dict)
    at_moment: dict[int, Callable[[], None]] = field(default_factory=dict)
    named: list[tuple[str, str, Phase, Callable[[], None]]] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    moments: list[str] = field(default_factory=list)
    alone: bool = False  # within a transaction: whoever else writes waits for its end
    _due: list[Callable[[], None]] = field(default_factory=list)

    def at(self, begins: str, ends: str, phase: Phase, act: Callable[[], None]) -> None:
        """Have something happen at the first effect whose name begins and ends so."""
        self.named.append((begins, ends, phase, act))

    def moment(self, name: str) -> None:
        """Let happen what is due. Within a transaction others must wait, so what they would do is put off to its end.

        Done at once, in this thread, it would wait for ever for the very transaction that waits for it.
        """
        self.moments.append(name)
        self._due.append(self.at_moment.pop(len(self.moments) - 1, _nothing))
        while self._due and not self.alone:
            self._due.pop(0)()

    @contextmanager
    def in_transaction(self) -> Iterator[None]:
        """Note that a transaction is open, and locks with it."""
        self.alone = True
        try:
            yield
        finally:
            self.alone = False

    def begun(self, name: str) -> int:
        """Note an effect about to be; return its number."""
        self.effects.append(name)
        number = len(self.effects) - 1
        self._act(number, "before")
        return number

    def done(self, number: int) -> None:
        self._act(number, "after")

    def _act(self, number: int, phase: Phase) -> None:
        name = self.effects[number]
        for one in [n for n in self.named if name.startswith(n[0]) and name.endswith(n[1]) and n[2] == phase]:
            self.named.remove(one)
            one[3]()
        self.at_effect.pop((number, phase), _nothing)()


class SeamedStorage(Storage):
    """The object store with a seam around each of its calls."""

    def __init__(self, s3: S3Settings, seam: Seam, retry_timeout: float) -> None:
        super().__init__(s3, retry_timeout)
        self._seam = seam

    def _repeat(self, doing: str, call: Callable[[], T], attempts: int | None = None) -> T:
        self._seam.moment(doing)
        if not doing.startswith(_WRITES):
            return super()._repeat(doing, call, attempts)
        number = self._seam.begun(doing)
        result = super()._repeat(doing, call, attempts)
        self._seam.done(number)
        return result


class SeamedLedger(Ledger):
    """The ledger with a seam at each transaction: PostgreSQL itself says whether it has changed anything."""

    def __init__(self, url: str, seam: Seam, retry_timeout: float) -> None:
        super().__init__(url, retry_timeout)
        self._seam = seam

    def run(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        name = work.__name__  # the ledger's method: a transaction each
        self._seam.moment(f"ledger {name}")
        done: T = self._retrying.copy()(self._seamed, name, lambda session: work(session, *args, **kwargs))
        return done

    def _seamed(self, name: str, work: Callable[[Session], T]) -> T:
        numbers: list[int] = []

        def watched(session: Session) -> T:
            result = work(session)
            session.flush()
            if session.scalar(select(func.pg_current_xact_id_if_assigned().is_not(None))):
                numbers.append(self._seam.begun(f"ledger {name}"))
            return result

        with self._seam.in_transaction():
            result = self._once(watched)
        for number in numbers:
            self._seam.done(number)
        return result


def seamed(settings: Settings, campaigns: Campaigns, seam: Seam, retry_timeout: float = 5.0) -> Services:
    """Return a services with a seam at every effect, and connections of its own: a fork must not share its parent's."""
    store, ledger = (
        SeamedStorage(settings.s3, seam, retry_timeout),
        SeamedLedger(settings.ledger_url, seam, retry_timeout),
    )
    return Services(settings, store, ledger, campaigns)


# --- what may happen there


def _nothing() -> None:
    pass


def kill() -> None:
    """End this process as the kernel would when memory runs out: no handler, no clean-up, no goodbye."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_half_way() -> None:
    """End this process when it has sent half of its next body; for a child only, which is not mended afterwards."""
    send = HTTPConnection.send

    def half(line: HTTPConnection, data: Any) -> None:
        if data[:4] in (b"PUT ", b"HEAD", b"GET "):
            send(line, data)
        else:
            send(line, data[: len(data) // 2])
            kill()

    HTTPConnection.send = half  # type: ignore[method-assign]


def at_part(number: int, act: Callable[[], None]) -> None:
    """Have something happen when this process begins to send the so-manyth body; for a child only, as above."""
    send, left = HTTPConnection.send, number

    def counted(line: HTTPConnection, data: Any) -> None:
        nonlocal left
        left -= data[:4] == b"PUT "
        if left == 0:
            HTTPConnection.send = send  # type: ignore[method-assign]
            act()
        send(line, data)

    HTTPConnection.send = counted  # type: ignore[method-assign]


def waiting(until: Event, saying: Event | None = None) -> Callable[[], None]:
    """Return a delay that lasts until another run says that it has come so far; first it says that itself has."""

    def wait() -> None:
        if saying is not None:
            saying.set()
        assert until.wait(60), "the other run never came so far"

    return wait


def lose_answer() -> None:
    """Fail as a database does whose answer to the last statement was lost on the way."""
    raise OperationalError("commit", None, Exception("server closed the connection unexpectedly"))


def cut_connections(ledger: Ledger) -> None:
    """End all other connections to the ledger's database, as a failover does; claims and open transactions go too."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
    with ledger.engine.connect() as connection:
        mine = connection.scalar(text("SELECT pg_backend_pid()"))
        connection.execute(text(others % int(mine or 0)))


@dataclass(frozen=True)
class Ended:
    """How a child ended: by SIGKILL, or by itself having done all (0), or by an error (1), which was printed."""

    status: int

    @property
    def killed(self) -> bool:
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL

    @property
    def well(self) -> bool:
        return self.status == 0


def in_child(work: Callable[[], Any]) -> Ended:
    """Do work in a fork of this process, which has all libraries imported, and wait for its end."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with suppress(KeyboardInterrupt):
                work()
                code = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    return Ended(os.waitpid(pid, 0)[1])


@contextmanager
def closed(services: Services) -> Iterator[Services]:
    """Give a services and let go of its connections afterwards."""
    try:
        yield services
    finally:
        services.ledger.close()


def dying_at_part_two(through: S3Settings, key: str, content: bytes, act: Callable[[], None]) -> None:
    """Send in a child; its connections are its own, as the parent's would outlive it."""
    at_part(2, act)
    Storage(through).put_stream("archive", key, io.BytesIO(content))
