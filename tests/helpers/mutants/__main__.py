"""Seed each fault into a copy of the project, run the tests that should notice it, and print who was killed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(PROJECT / "tests/helpers"))
from mutants.faults_seeded import MUTANTS, Mutant  # noqa: E402  the folder is not installed

COPIED = ("include", "plugins", "dags", "tests", "docs", "pyproject.toml", "README.md")
SOUND = ["tests/unit/rules"]  # what passes where nothing is wrong
KILLED, SURVIVED, STALE = "killed", "SURVIVED", "STALE: its text stands there no more, or not once"


def main(names: list[str]) -> int:
    """Judge the named mutants, or all; return 1 if one survived or is stale."""
    chosen = [m for m in MUTANTS if not names or any(name in m.name for name in names)]
    _import_what_every_run_needs()
    folder, owner = tempfile.mkdtemp(prefix="mutants-"), os.getpid()
    try:
        copy = Path(folder) / "copy"
        for name in COPIED:
            source = PROJECT / name
            copier = shutil.copytree if source.is_dir() else shutil.copy2
            copy.mkdir(exist_ok=True)
            copier(source, copy / name)
        if not _passes(copy, SOUND):  # else each fault would seem to be found
            raise SystemExit("the tests fail without any fault")
        results = [_judged(copy, mutant) for mutant in chosen]
    finally:
        if os.getpid() == owner:  # not a fork that a test makes: it would take the copy away from all the others
            shutil.rmtree(folder)
    return 0 if all(result == KILLED for result in results) else 1


def _judged(copy: Path, mutant: Mutant) -> str:
    file, began = copy / mutant.file, time.monotonic()
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    if text.count(mutant.old) != 1:
        result = STALE
    else:
        file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        result = SURVIVED if _passes(copy, mutant.tests.split()) else KILLED
        file.write_text(text, encoding="utf-8")
    print(
        f"| {mutant.name} | {mutant.file.removeprefix('include/')} | {result} | {time.monotonic() - began:.0f} s |",
        flush=True,
    )
    return result


def _import_what_every_run_needs() -> None:
    """Import once what takes seconds; not ours, which each run has of its own, nor what brings a plugin of pytest."""
    sys.dont_write_bytecode = True  # a mutant of the same second and size would be taken for its original
    for name in ("great_expectations", "pandas", "docx", "PIL.Image", "pypdf", "openpyxl", "sqlalchemy"):
        __import__(name)


def _passes(copy: Path, tests: list[str]) -> bool:
    """Run tests in a fork of this process, in the copy; return whether all pass."""
    if (child := os.fork()) == 0:
        os.chdir(copy)
        sys.path[:0] = [str(copy / "include"), str(copy / "plugins")]
        sys.path.remove(str(PROJECT / "tests/helpers"))
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        import pytest

        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *tests])))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
