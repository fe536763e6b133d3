"""LibreOffice as Debian packages it, with the fonts that stand in for the official ones; and a program in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

needs_office = pytest.mark.debian(
    "soffice", "fonts-noto-cjk libreoffice-calc libreoffice-writer", font="Noto Serif CJK SC"
)


def stand_in_office(
    folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, fonts: str = "echo Noto Serif CJK SC"
) -> None:
    """Put a program in LibreOffice's place, and one in fontconfig's; its arguments end in --outdir FOLDER FILE."""
    (folder / "bin").mkdir()
    for name, does in (("soffice", script), ("fc-list", fonts)):
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
