"""PostgreSQL for the ledger: transactions that survive a short outage, migrations, advisory locks."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session, sessionmaker
from tenacity import Retrying, before_sleep_log, retry_if_exception, stop_after_delay, wait_random_exponential

from baosong.ledger import migrations

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


class Database:
    """One PostgreSQL database; an outage is retried for `retry_timeout` seconds before its error is raised."""

    def __init__(self, url: str, retry_timeout: float = 60.0) -> None:
        self.engine = create_engine(
            url,  # no ping before each use: what finds its connection dead is begun again
            connect_args={"connect_timeout": 10, "options": "-c timezone=UTC", "application_name": "baosong"},
            json_serializer=partial(json.dumps, ensure_ascii=False, allow_nan=False),
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._retrying = Retrying(
            retry=retry_if_exception(_is_outage),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            stop=stop_after_delay(retry_timeout),
            before_sleep=before_sleep_log(log, logging.WARNING),
            reraise=True,
        )

    def run(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do repeatable work in one transaction, again from its start if the database went away meanwhile.

        A commit whose answer was lost may have happened: work must find that its effect is already there.
        """
        done: T = self._retrying.copy()(self._once, work, *args, **kwargs)
        return done

    def rehearse(self, work: Callable[Concatenate[Session, P], object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Do work in a transaction that is taken back, then close all connections: no fork may have one of ours.

        What it inherits is the statements' texts. Nothing is tried again; OperationalError if the database is away.
        """
        try:
            with self._sessions() as session:
                work(session, *args, **kwargs)
        finally:
            self.close()

    def _once(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._sessions.begin() as session:
            return work(session, *args, **kwargs)

    @contextmanager
    def advisory_lock(self, what: str, *, shared: bool = False) -> Iterator[bool]:
        """Yield whether nobody else is at this piece of work now, or nobody alone where it is `shared`.

        It saves double work; no promise rests on it.

        The lock belongs to a connection, so a killed process leaves none behind.
        """
        number = lock_number(f"claim:{what}")
        connection, mine = self._retrying.copy()(self._try_lock, number, shared)
        try:
            yield mine
        finally:
            if mine:
                _release(connection, func.pg_advisory_unlock_shared if shared else func.pg_advisory_unlock, number)
            connection.close()

    def _try_lock(self, number: int, shared: bool) -> tuple[Connection, bool]:
        connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        take = func.pg_try_advisory_lock_shared if shared else func.pg_try_advisory_lock
        try:
            return connection, bool(connection.scalar(select(take(number))))
        except BaseException:
            connection.close()
            raise

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema up to a revision, by default the newest; repeating it does nothing."""
        self._retrying.copy()(self._migrate, revision)

    def _migrate(self, revision: str) -> None:
        with self.engine.begin() as connection:
            migrations.upgrade(connection, revision)

    def close(self) -> None:
        """Close all connections; the ledger may be used again afterwards."""
        self.engine.dispose()


def transaction(work: Callable[Concatenate[Session, P], T]) -> Callable[Concatenate[Database, P], T]:
    """Make a method of a database out of a function of a session: one transaction per call, typed as the function."""

    @wraps(work)
    def method(self: Database, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(work, *args, **kwargs)

    return method


def _release(connection: Connection, unlock: Callable[[int], Any], number: int) -> None:
    try:
        connection.scalar(select(unlock(number)))
    except DBAPIError:  # the server went away, and the lock with it
        connection.invalidate()


def take_turns(session: Session, what: str) -> None:
    """Wait until nobody else is at this, and keep others from it until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(lock_number(what))))


def lock_number(what: str) -> int:
    """Return the signed 64-bit number under which PostgreSQL knows an advisory lock."""
    return int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], signed=True)


def _is_outage(error: BaseException) -> bool:
    """Return whether the database is away, restarting, or chose us as a deadlock's victim: all pass with time."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated
