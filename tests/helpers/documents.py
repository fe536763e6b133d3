"""The project's own documents, and what they show as calls of its command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
CONFIGURATION = [ROOT / name for name in ("Dockerfile", ".dockerignore", "docker-compose.yaml")]


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def code_of(text: str) -> str:
    """All that a document shows as code, a line a piece; continued lines are joined."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return "\n".join([*blocks, *spans]).replace("\\\n", " ")


def calls_of(text: str) -> list[list[str]]:
    """Every call of the command line in a document's code, as its words after the program's name."""
    called = re.findall(r"(?:\./baosong|python -m baosong) +([^\n|;&]+)", code_of(text))
    return [shlex.split(words, comments=True) for words in called]
