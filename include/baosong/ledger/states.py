"""The states of a submission and the only transitions between them."""

from __future__ import annotations

from enum import StrEnum

from baosong.rules.errors import BaosongError


class State(StrEnum):
    """Where a submission stands; what the sender dropped is unfinished until it is answered or withdrawn.

    Withdrawn is what went away before it was filed, and what was accepted and is no longer to count.
    """

    RECEIVED = "received"
    CHECKED = "checked"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    HELD = "held"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


# A duplicate counts once the file that it repeats is replaced under that one's name, but not under its own.
# A checked file may be superseded at once: a later drop into the same slot can be filed before an earlier one.
# A held one is checked again when an operator has decided, a rejected one when an operator has waived what it lacks,
# and an accepted one is withdrawn at its sender's request. The database holds the same table: change both.
TRANSITIONS: dict[State | None, frozenset[State]] = {
    None: frozenset({State.RECEIVED}),
    State.RECEIVED: frozenset({State.CHECKED, State.WITHDRAWN}),
    State.CHECKED: frozenset(
        {State.ACCEPTED, State.REJECTED, State.HELD, State.DUPLICATE, State.SUPERSEDED, State.WITHDRAWN}
    ),
    State.ACCEPTED: frozenset({State.SUPERSEDED, State.WITHDRAWN}),
    State.REJECTED: frozenset({State.CHECKED}),
    State.HELD: frozenset({State.CHECKED}),
    State.DUPLICATE: frozenset({State.ACCEPTED}),
    State.SUPERSEDED: frozenset(),
    State.WITHDRAWN: frozenset(),
}

FILED = frozenset({State.ACCEPTED, State.REJECTED, State.HELD, State.DUPLICATE, State.SUPERSEDED})
"""The states of what lies in the archive or in quarantine and can be answered."""
ANSWERED = FILED | {State.WITHDRAWN}
"""The states of what an unfinished file is answered in: a withdrawn one, too, if it had been accepted."""


class IllegalTransition(BaosongError):
    """A transition that is not in the table was tried; a programming error."""


def allowed(before: str | None, after: str) -> State:
    """Return the state to enter; IllegalTransition if the table does not allow it."""
    start = None if before is None else State(before)
    target = State(after)
    if target not in TRANSITIONS[start]:
        raise IllegalTransition(f"{start or 'nothing'} -> {target}")
    return target
