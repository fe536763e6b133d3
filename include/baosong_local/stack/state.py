"""What the supervisor reports to whoever asks from outside: small files, rewritten as things change, and one error."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from baosong.rules.errors import OneLineError


class StackError(OneLineError):
    """The stack cannot do what was asked; the text is one Chinese line for the person who asked."""


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

    def write(self, path: Path) -> None:
        """Replace the state file."""
        write_json(path, asdict(self))


def read_state(path: Path) -> StackState | None:
    """Return what was last written, or None if nothing ever was."""
    found: dict[str, Any] | None = read_json(path)
    if not found:
        return None
    found["components"] = [ComponentState(**c) for c in found["components"]]
    return StackState(**found)


def write_json(path: Path, value: Any, *, durable: bool = False) -> None:
    """Replace a file by this value, readable by its owner alone; `durable` also survives a power cut."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=1)
        f.flush()
        if durable:
            os.fsync(f.fileno())
    fresh.replace(path)


def read_json(path: Path) -> Any:
    """Return a file's value, or None if there is no such file or it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
