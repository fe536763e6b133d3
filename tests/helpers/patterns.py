"""Every regular expression of the product, found in its sources and in its modules, and texts that are ugly for it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import baosong

METHODS = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
ROOT = Path(baosong.__file__).parent
parser: Any = importlib.import_module("re._parser")
constants: Any = importlib.import_module("re._constants")
REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT)


@dataclass
class Found:
    """A pattern, where it stands, and by which methods it is used: all of them where that cannot be seen."""

    pattern: re.Pattern[Any]
    where: str
    methods: set[str] = field(default_factory=set)


def modules() -> Iterator[ModuleType]:
    """Yield all modules of the product."""
    for info in pkgutil.walk_packages([str(ROOT)], "baosong."):
        if not info.name.endswith("__main__") and ".schema." not in info.name:  # which only a migration can import
            yield importlib.import_module(info.name)


def all_patterns(made_later: dict[str, list[Any]]) -> tuple[list[Found], list[str]]:
    """Return the patterns, and the places of those that only a call makes and that `made_later` does not give."""
    found: dict[tuple[Any, int], Found] = {}
    unknown: list[str] = []
    used = _uses()
    for module in modules():
        for name, value in vars(module).items():
            for pattern in _patterns_in(value):
                _note(found, pattern, f"{module.__name__}.{name}", used.get(name, set()))
        for place, expression, method in _calls(module):
            key = f"{module.__name__.rpartition('.')[2]}: {expression}"
            try:
                given = [eval(expression, {"re": re, **vars(module)})]
            except NameError:
                given = made_later.get(key, [])
                if not given:
                    unknown.append(f"{place} {key}")
            for each in given:
                pattern = each if isinstance(each, re.Pattern) else re.compile(each)
                _note(found, pattern, place, set() if method in ("compile", "regex") else {method})
    return list(found.values()), unknown


def _note(found: dict[tuple[Any, int], Found], pattern: re.Pattern[Any], where: str, methods: set[str]) -> None:
    known = found.setdefault((pattern.pattern, pattern.flags), Found(pattern, where))
    known.methods |= methods


def _patterns_in(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from (v for v in value.values() if isinstance(v, re.Pattern))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (v for v in value if isinstance(v, re.Pattern))


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def _uses() -> dict[str, set[str]]:
    """Return the methods that are called of each name, wherever it stands."""
    used: dict[str, set[str]] = {}
    for _, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in METHODS:
                name = getattr(node.value, "id", getattr(node.value, "attr", ""))
                used.setdefault(name, set()).add(node.attr)
    return used


def _calls(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """Yield place, pattern and method of each call of `re`, and of each expectation that takes a `regex`."""
    path = Path(module.__file__ or "")
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        place = f"{path.name}:{node.lineno}"
        yield from ((place, ast.unparse(k.value), "regex") for k in node.keywords if k.arg == "regex")
        called = node.func
        if not isinstance(called, ast.Attribute) or getattr(called.value, "id", "") != "re" or not node.args:
            continue
        if called.attr in (*METHODS, "compile"):
            flags = [ast.unparse(a) for a in (*node.args[1:], *(k.value for k in node.keywords if k.arg == "flags"))]
            flag = next((f for f in flags if f.startswith("re.") and f[3:].isupper()), "0")
            yield place, f"re.compile({ast.unparse(node.args[0])}, {flag})", called.attr


def ugly_texts(pattern: re.Pattern[Any], size: int, rng: random.Random) -> Iterator[str]:
    """Yield texts of that many characters, made of what the pattern itself looks for, and not quite what it wants."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = parser.parse(source, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags)
    words = [w for w in dict.fromkeys(_words(tree, rng)) if w][:40]
    samples = [_sample(tree, rng) for _ in range(6)]
    seeds = [*rng.sample(words, min(len(words), 8)), *samples, *(a + b for a, b in _pairs(words, rng))]
    seeds += [s[: rng.randint(1, len(s))] for s in samples if s] + list(" 1(<a科\n")
    for seed in dict.fromkeys(s for s in seeds if s):
        yield (seed * (size // len(seed) + 1))[: size - 1] + "\ufffe"
    for before, inside, after in _stretched(tree, rng):
        room = size - len(before) - len(after)
        yield before + (inside * (room // max(1, len(inside)) + 1))[: room - 1] + "\ufffe" + after
    yield "".join(rng.choices(words or ["x"], k=size // 2))[:size]


def _pairs(words: list[str], rng: random.Random) -> Iterator[tuple[str, str]]:
    for _ in range(6 if words else 0):
        yield rng.choice(words), rng.choice(words)


def _words(tree: Any, rng: random.Random) -> Iterator[str]:
    """Yield the literal runs of a pattern, and a character of each of its classes."""
    run = ""
    for op, value in tree:
        if op is constants.LITERAL:
            run += chr(value)
            continue
        yield run
        run = ""
        if op in (constants.IN, constants.NOT_LITERAL, constants.ANY):
            yield _sample([(op, value)], rng)
        for inside in _subtrees(op, value):
            yield from _words(inside, rng)
    yield run


def _subtrees(op: Any, value: Any) -> list[Any]:
    if op in REPEATS:
        return [value[2]]
    if op is constants.SUBPATTERN:
        return [value[-1]]
    if op is constants.BRANCH:
        return list(value[1])
    if op is constants.ATOMIC_GROUP:
        return [value]
    return [value[1]] if op in (constants.ASSERT, constants.ASSERT_NOT) else []


def _sample(tree: Any, rng: random.Random, times: int = 1) -> str:
    """Return a text that the pattern more or less wants."""
    return "".join(_one(op, value, rng, times) for op, value in tree)


def _one(op: Any, value: Any, rng: random.Random, times: int) -> str:
    if op is constants.LITERAL:
        return chr(value)
    if op is constants.IN:
        return _of_class(value, rng)
    if op is constants.BRANCH:
        return _sample(rng.choice(value[1]), rng)
    if op in REPEATS:
        return "".join(_sample(value[2], rng) for _ in range(max(value[0], min(value[1], times))))
    if op in (constants.ANY, constants.NOT_LITERAL):
        return rng.choice("科a1")
    inside = _subtrees(op, value) if op not in (constants.ASSERT, constants.ASSERT_NOT) else []
    return "".join(_sample(each, rng) for each in inside)


def _of_class(items: Iterable[Any], rng: random.Random) -> str:
    chosen: list[str] = []
    negated = False
    for op, value in items:
        if op is constants.NEGATE:
            negated = True
        elif op is constants.LITERAL:
            chosen.append(chr(value))
        elif op is constants.RANGE:
            chosen += [chr(value[0]), chr(value[1])]
        elif op is constants.CATEGORY:
            name = str(value).lower()
            chosen.append("x" if "not" in name else "1" if "digit" in name else " " if "space" in name else "科")
    if negated:
        return next(c for c in "科a1 ~\n" if c not in chosen)
    return rng.choice(chosen)


def _stretched(tree: Any, rng: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield what stands before each repetition without end, what is repeated, and what would follow."""
    before = ""
    for i, (op, value) in enumerate(tree):
        if op in REPEATS and value[1] > 50:
            yield before, _sample(value[2], rng, 1), _sample(tree[i + 1 :], rng)
            yield before + _sample(value[2], rng, 1), before, ""
        for inside in _subtrees(op, value):
            for first, repeated, after in _stretched(inside, rng):
                yield before + first, repeated, after
        before += _one(op, value, rng, 1)
