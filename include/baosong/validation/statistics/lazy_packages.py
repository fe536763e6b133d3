"""Imports modules of a package without whatever its `__init__` files import beside them.

Great Expectations' `__init__` files import all of it: 470 modules of its own, scipy, and a data source for every
database. A package that was imported under `lazily` looks a name up when somebody asks for it: its `__init__` says
which module has it, and only that one is imported.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import resolve_name
from types import ModuleType
from typing import Any

_put_off: dict[str, tuple[ModuleType, SourceFileLoader]] = {}  # packages whose `__init__` has not run, by name


@contextmanager
def lazily(package: str) -> Iterator[None]:
    """Import what is imported of a package inside without its `__init__` files; what is there already stays as it is.

    Whoever asks the package itself for a name afterwards gets all of it, as if it had been imported as usual: what
    its `__init__` files register is there, too.
    """
    finder = _Finder(package)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        if package in _put_off:
            vars(_put_off[package][0])["__getattr__"] = lambda name: _from_whole(package, name)


class _Finder:
    """Finds a package's modules where Python does, and lets its packages put their `__init__` off."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name.partition(".")[0] == self.package else None
        if spec and spec.submodule_search_locations and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _PutOff(spec.loader)
        return spec


class _PutOff(Loader):
    """Makes a package whose `__init__` runs only when it alone has what is asked for."""

    def __init__(self, usual: SourceFileLoader) -> None:
        self.usual = usual

    def create_module(self, spec: ModuleSpec) -> None:
        """Return None: Python makes the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Let the module look a name up where its `__init__` imports it from."""
        package = module.__name__
        sources = _imports(package, self.usual)

        def look_up(name: str) -> Any:
            if name in sources:
                source, original = sources[name]
                vars(module)[name] = getattr(import_module(source), original)
                return vars(module)[name]
            if name.startswith("__"):
                raise AttributeError(f"{package} has no {name} yet")
            if PathFinder.find_spec(f"{package}.{name}", module.__path__):
                return import_module(f"{package}.{name}")
            _run(package)
            return getattr(module, name)

        vars(module)["__getattr__"] = look_up
        module.__loader__ = self.usual
        if module.__spec__:
            module.__spec__.loader = self.usual
        _put_off[package] = module, self.usual


def _imports(package: str, loader: SourceFileLoader) -> dict[str, tuple[str, str]]:
    """Return from which module, and under which name there, an `__init__` imports each name; no modules of its own."""
    found: dict[str, tuple[str, str]] = {}
    for line in ast.parse(loader.get_data(loader.path)).body:
        if isinstance(line, ast.ImportFrom):
            source = resolve_name("." * line.level + (line.module or ""), package) if line.level else str(line.module)
            found |= {name.asname or name.name: (source, name.name) for name in line.names if source != package}
    return found


def _run(package: str) -> None:
    """Run a package's `__init__` after all."""
    module, loader = _put_off.pop(package)
    del vars(module)["__getattr__"]
    loader.exec_module(module)


def _from_whole(package: str, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"{package} has no {name} yet")
    while _put_off:
        _run(next(iter(_put_off)))
    return getattr(sys.modules[package], name)
