"""Writes docs/formats.md from docs/formats/*.yaml: `python -m baosong_local.tools.formats_doc`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).parents[3]
_HEAD = ("格式或写法", "报送怎么办", "自版本", "据以验证的软件", "测试")


class Format(BaseModel):
    """A format or habit of senders: what it is, what is answered, and the test that holds the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str
    what: str
    answer: str
    since: str
    seen_with: str
    test: str


def formats(root: Path = ROOT) -> list[Format]:
    """Return all entries, file by file; ValueError (pydantic's) for one that lacks a field."""
    files = sorted((root / "docs/formats").glob("*.yaml"))
    return [Format(**entry) for path in files for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]


def missing_tests(entries: Iterable[Format], root: Path = ROOT) -> list[str]:
    """Return the tests that are named and not there; `path::test_name`, with a class between or `[case]` after it."""
    return [e.test for e in entries if not _exists(root, *e.test.partition("[")[0].split("::"))]


def document(entries: Iterable[Format]) -> str:
    """Return the tables as Markdown, a chapter a group; groups stand in the order in which they first occur."""
    chapters: dict[str, list[Format]] = {}
    for entry in entries:
        chapters.setdefault(entry.group, []).append(entry)
    lines = [
        "# 收到的格式和写法",
        "",
        "本文由 `python -m baosong_local.tools.formats_doc` 从 `docs/formats/*.yaml` 生成，请勿手改；每一行都有测试。",
        "",
    ]
    for group, of_group in chapters.items():
        lines += [f"## {group}", "", *_table(of_group), ""]
    return "\n".join(lines)


def _exists(root: Path, path: str, *names: str) -> bool:
    if not names or not (root / path).is_file():
        return False
    node: ast.AST = ast.parse((root / path).read_text(encoding="utf-8"))
    for name in names:
        inside = (n for n in ast.iter_child_nodes(node) if isinstance(n, ast.ClassDef | ast.FunctionDef))
        if (found := next((n for n in inside if n.name == name), None)) is None:
            return False
        node = found
    return True


def _table(entries: Iterable[Format]) -> Iterator[str]:
    rows = ((e.what, e.answer, e.since, e.seen_with, f"`{e.test}`") for e in entries)
    for row in (_HEAD, ["---"] * len(_HEAD), *rows):
        yield f"| {' | '.join(' '.join(cell.split()).replace('|', '&#124;') for cell in row)} |"


def main() -> None:
    """Write docs/formats.md; end with the names of tests that do not exist."""
    entries = formats()
    (ROOT / "docs/formats.md").write_text(document(entries), encoding="utf-8")
    if missing := missing_tests(entries):
        sys.exit("没有这些测试：\n" + "\n".join(missing))


if __name__ == "__main__":
    main()
