"""A limit of processor time for what this very process does with a file, where no child can be ended in its stead."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from baosong.rules.catalogue import phrase
from baosong.validation.sandbox.run import ResourceLimitExceeded

AGAIN = 1.0  # seconds of processor time, should somebody have swallowed the first call


class OwnTimeIsUp(ResourceLimitExceeded):
    """What this process itself does with a file took too long: nobody can say whose fault that is."""


class _TimeIsUp(BaseException):
    """No Exception: libraries that note whatever an expectation raises must not take it for a finding."""


@contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """Raise `OwnTimeIsUp` where what is done inside takes longer on the processor.

    Python looks for it between two of its steps, as its patterns do between two of theirs. Only the main thread can be
    called, and there tasks and commands check; elsewhere nothing is limited.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGPROF, _tell)
    try:
        signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except _TimeIsUp:
        signal.setitimer(signal.ITIMER_PROF, 0)  # it may have come before the line above
        raise OwnTimeIsUp(phrase("sandbox.time")) from None
    finally:
        with suppress(TypeError):  # a handler that was not set from Python cannot be set again
            signal.signal(signal.SIGPROF, before)


def _tell(_signal: int, _frame: FrameType | None) -> None:
    raise _TimeIsUp
