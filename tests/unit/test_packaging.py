"""What production is made of: what it imports it declares, and it knows nothing of what only a checkout has."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from baosong.store.settings import PROJECT

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
PRODUCTION = [PROJECT / "include/baosong", PROJECT / "plugins", PROJECT / "dags"]
# Airflow's own, which whoever writes for it may use as it comes.
AIRFLOW = {"apache-airflow", "apache-airflow-core", "apache-airflow-task-sdk", "fastapi", "pendulum"}


def modules(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from folder.rglob("*.py")


def imported(path: Path) -> Iterator[str]:
    """Yield the first part of each imported name, also of what is imported late."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def distributions(folders: list[Path]) -> dict[str, set[str]]:
    """Return, per foreign module, the packages that may bring it, by their normalised names."""
    names = {name for path in modules(folders) for name in imported(path)}
    known = metadata.packages_distributions()
    foreign = {name for name in names - sys.stdlib_module_names if not name.startswith("baosong")}
    return {name: {normal(found) for found in known[name]} for name in foreign}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[=<>\[; ]", name)[0]).lower()


def listed(path: Path) -> set[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {normal(line) for line in lines if line and not line.startswith(("#", "-"))}


DECLARED = {normal(name) for name in PYPROJECT["project"]["dependencies"]}


def test_each_package_that_production_imports_is_declared() -> None:
    found = distributions(PRODUCTION)
    assert {name: packages for name, packages in found.items() if not packages & (DECLARED | AIRFLOW)} == {}


def test_each_declared_package_is_imported_or_says_why_it_is_there() -> None:
    used = set[str]().union(*distributions(PRODUCTION).values())
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    reasoned = {normal(name) for name in re.findall(r'^    "([^"]+)", # \w+', text, re.M)}
    assert DECLARED - used - reasoned == set()


def test_what_a_checkout_needs_besides_is_declared_and_used_by_nothing_in_production() -> None:
    local = listed(PROJECT / "requirements-local.in")
    found = distributions([PROJECT / "include/baosong_local"])
    assert {name: packages for name, packages in found.items() if not packages & (DECLARED | local)} == {}
    assert local & (DECLARED | set[str]().union(*distributions(PRODUCTION).values())) == set()


def test_production_names_nothing_of_the_embedded_stack() -> None:
    """Neither a module nor a path: neither comes with its wheel."""
    files = [*modules(PRODUCTION), PROJECT / "Dockerfile", PROJECT / "docker-compose.yaml"]
    names = re.compile(r"(import|from|include/?) ?baosong_local")
    assert [str(path) for path in files if names.search(path.read_text(encoding="utf-8"))] == []


def test_the_packages_are_typed_for_whoever_installs_them() -> None:
    packages = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert packages == ["include/baosong", "plugins/baosong_airflow"]
    assert [path for path in packages if not (PROJECT / path / "py.typed").is_file()] == []


def test_the_installed_version_and_commands_are_those_of_the_checkout() -> None:
    assert metadata.version("baosong") == PYPROJECT["project"]["version"]
    (command,) = metadata.entry_points(group="console_scripts", name="baosong")
    assert callable(command.load())
