"""One tree of errors, drawn where it begins: which of them end a command in one line is seen at a glance."""

from __future__ import annotations

import ast
import builtins
import re
from pathlib import Path

from baosong.rules import errors
from baosong.store.settings import PROJECT

BRANCH = re.compile(r"^(?P<bars>(?:│   )*)[├└]── (?P<name>\w+) .*?(?:\((?P<room>\w+)\))?$", re.M)
# The installer runs before there is anything to import, the store's proxy imports nothing; a time limit must pass every
# `except Exception`.
APART = {  # of programs that import nothing of ours
    ("install", "InstallError"),
    ("s3_proxy", "_Malformed"),
    ("s3_proxy", "_Refused"),
    ("validation", "WantsPassword"),
    ("validation", "_TimeIsUp"),
}

Error = tuple[str, str, str]  # room, name, parent


def drawn() -> list[Error]:
    """Return the branches of the tree; the room stands at the end of each line but the first, which is rules' own."""
    path, branches = ["BaosongError"], []
    for found in BRANCH.finditer(errors.__doc__ or ""):
        depth = len(found["bars"]) // 4
        path[depth + 1 :] = [found["name"]]
        branches.append((found["room"] or "rules", found["name"], path[depth]))
    return branches


def is_error(base: str) -> bool:
    kind = getattr(builtins, base, None)
    return isinstance(kind, type) and issubclass(kind, BaseException)


def found() -> list[Error]:
    """Return each class of ours that is raised: by its first base that is an error of ours, or Python's own."""
    classes = []
    for package in ("include/baosong", "include/baosong_local", "plugins/baosong_airflow"):
        for path in (PROJECT / package).rglob("*.py"):
            classes += [(room_of(path), *named) for named in errors_in(path)]
    return classes


def room_of(path: Path) -> str:
    return path.relative_to(PROJECT).with_suffix("").parts[2]


def errors_in(path: Path) -> list[tuple[str, str]]:
    nodes = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.ClassDef)]
    bases = [(node.name, [ast.unparse(base).rpartition(".")[2] for base in node.bases]) for node in nodes]
    ours = {"BaosongError", *(name for _, name, _ in drawn())}
    return [(name, of[0]) for name, of in bases if of and (of[0] in ours or is_error(of[0]))]


def test_the_tree_shows_every_error_under_its_parent() -> None:
    raised = [error for error in found() if error[:2] not in {*APART, ("rules", "BaosongError")}]
    assert sorted(drawn()) == sorted(raised)


def test_what_stands_apart_is_still_there() -> None:
    assert {error[:2] for error in found()} >= APART
