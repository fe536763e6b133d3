"""The house stays one to live in: who may know whom, how long a file, a function and a room may be."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from baosong.store.settings import PROJECT

HOUSE = PROJECT / "include" / "baosong"
OURS = [PROJECT / "include", PROJECT / "plugins", PROJECT / "dags"]
MOST_ROOMS, LONGEST_FILE, LONGEST_FUNCTION = 10, 400, 24
ROW = re.compile(r"^\| `(?P<room>\w+)` \| (?P<budget>[\d,]+) \|", re.M)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def modules() -> Iterator[Path]:
    return (path for folder in OURS for path in folder.rglob("*.py"))


def rooms() -> list[Path]:
    return sorted(path for path in HOUSE.iterdir() if path.is_dir() and path.name != "__pycache__")


def size(room: Path) -> int:
    """Return the lines of Python, of our scripts and of templates; what the campaign files hold is counted nowhere."""
    ours = (path for path in room.rglob("*") if path.suffix == ".py" or path.parent.name in ("templates", "script"))
    return sum(map(lines, ours))


def budgets() -> dict[str, int]:
    text = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return {found["room"]: int(found["budget"].replace(",", "")) for found in ROW.finditer(text)}


def functions() -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in modules())
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]


def percentile_95(values: list[int]) -> int:
    return sorted(values)[int(len(values) * 0.95)]


def test_each_room_knows_only_those_below_it() -> None:
    """The contracts stand in pyproject.toml; an import inside a function counts like any other.

    In a process of its own, as import-linter sets up logging anew for all that comes after it.
    """
    lint = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    done = subprocess.run(lint, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_there_are_no_more_rooms_than_one_can_remember() -> None:
    assert len(rooms()) <= MOST_ROOMS
    assert sorted(path.name for path in HOUSE.glob("*.py")) == ["__init__.py", "__main__.py"]


def test_each_room_keeps_to_its_budget_of_lines() -> None:
    allowed = budgets()
    assert [room.name for room in rooms()] == sorted(set(allowed) - {"all"})
    found = {room.name: size(room) for room in rooms()}
    assert {name: count for name, count in found.items() if count > allowed[name]} == {}
    assert size(HOUSE) <= allowed["all"]


def test_no_file_is_longer_than_one_reads_in_a_sitting() -> None:
    scripts = HOUSE.rglob("script/*.js")
    assert {str(path): lines(path) for path in (*modules(), *scripts) if lines(path) >= LONGEST_FILE} == {}


def test_functions_are_short() -> None:
    """How straight each of them is ruff says (C901)."""
    assert percentile_95([(f.end_lineno or f.lineno) - f.lineno + 1 for f in functions()]) <= LONGEST_FUNCTION
