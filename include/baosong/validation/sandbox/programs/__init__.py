"""Programs that open untrusted files; each runs as a process of its own and is started by its path."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
INCLUDE = FOLDER.parents[3]
