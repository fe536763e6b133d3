"""What the supervisor says of itself, for all who ask from outside: a small file, rewritten as things change."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from baosong_local.stack.files import read_json, write_json
from baosong_local.stack.layout import Layout


@dataclass(frozen=True, slots=True)
class ComponentState:
    """One component: `state` is waiting, starting, running, restarting or stopped; `detail` is Chinese."""

    name: str
    state: str
    healthy: bool
    pid: int | None
    restarts: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StackState:
    """The whole stack: `phase` is starting, up, stopping, stopped or failed; `message` is Chinese, one line."""

    phase: str
    message: str
    components: Sequence[ComponentState] = ()
    sessions: Sequence[int] = ()
    written: float = field(default_factory=time.time)

    def write(self, layout: Layout) -> None:
        """Replace the state file."""
        write_json(layout.state, asdict(self))


def read_state(layout: Layout) -> StackState | None:
    """Return what was last written, or None if nothing ever was."""
    found: dict[str, Any] | None = read_json(layout.state)
    if not found:
        return None
    found["components"] = [ComponentState(**c) for c in found["components"]]
    return StackState(**found)
