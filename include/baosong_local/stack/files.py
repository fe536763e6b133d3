"""Small JSON files that are never seen half-written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


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
