"""The catalogue of rules: catalogue.yaml holds every text that a finding may carry; code names a rule and gives values.

    finding("file.too_large", size=source.size, limit=limit)
    finding("file.bomb", "bundle", where=Where(member=name), reason=phrase("bomb.total", size=total), limit=limit)

An unknown rule, a value too many and a value too few are errors at once: texts and code cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from baosong.rules.findings import Finding, Severity, Where
from baosong.rules.words import size_text

_FILE = Path(__file__).with_suffix(".yaml")
_PLACEHOLDER = re.compile(r"\{(\w++)(:size)?[^{}]*\}")


class Texts:
    """Templates that are filled together, with exactly the values that any of them names."""

    def __init__(self, *templates: str) -> None:
        found = [match for text in templates for match in _PLACEHOLDER.finditer(text)]
        self.templates = tuple(text.replace(":size}", "}") for text in templates)
        self.names = frozenset(match[1] for match in found)
        self._sizes = {match[1] for match in found if match[2]}

    def fill(self, values: dict[str, Any]) -> list[str]:
        """Return the texts with these values; ValueError if one is missing or unknown."""
        if values.keys() != self.names:
            raise ValueError(f"given {sorted(values)}, wanted {sorted(self.names)}: {self.templates[0]}")
        for name in self._sizes:
            values[name] = size_text(values[name])
        return [text.format_map(values) for text in self.templates]


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to word a rule: its severity, whether a human must look, and message, observed, expected, fix."""

    severity: Severity
    held: bool
    texts: Texts

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Wording:
        """Return what an entry of the catalogue says; a text that it leaves out is empty."""
        texts = (entry.get(name, "") for name in ("message", "observed", "expected", "fix"))
        return cls(
            Severity(entry["severity"]),
            entry.get("held", False),
            Texts(*(text.replace("{title}", entry["title"]) for text in texts)),
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what it is called, why it is there, and its wordings by variant, "" for the plain one.

    `waivable` is whether an operator may take a file that was rejected for it.
    """

    title: str
    reason: str
    wordings: Mapping[str, Wording]
    waivable: bool

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Rule:
        """Return what an entry of the catalogue says; a variant takes what it leaves out from its rule."""
        entries = {name: {**entry, **variant} for name, variant in entry.get("variants", {}).items()}
        plain = {"": entry} if "message" in entry else {}
        wordings = {name: Wording.of(each) for name, each in (plain | entries).items()}
        return cls(entry["title"], entry["reason"], wordings, entry.get("waivable", False))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All rules by id, the phrases that serve as values, and the words of severities and of the rules' sections."""

    rules: Mapping[str, Rule]
    phrases: Mapping[str, Texts]
    levels: Mapping[str, str]
    sections: Mapping[str, str]


@cache
def catalogue() -> Catalogue:
    """Return the catalogue, which a process reads once, in some 10 ms; who forks many calls this before."""
    data = yaml.load(_FILE.read_bytes(), yaml.CSafeLoader)  # ten times as fast as the other
    return Catalogue(
        rules={name: Rule.of(entry) for name, entry in data["rules"].items()},
        phrases={name: Texts(text) for name, text in data["phrases"].items()},
        levels=data["levels"],
        sections=data["sections"],
    )


def finding(rule: str, variant: str = "", /, *, where: Where | None = None, **values: Any) -> Finding:
    """Return a finding in the catalogue's words. Raises KeyError for an unknown rule or variant, ValueError for values."""
    wording = catalogue().rules[rule].wordings[variant]
    message, observed, expected, fix = wording.texts.fill(values)
    return Finding(rule, wording.severity, message, where or Where(), observed, expected, fix)


def phrase(name: str, /, **values: Any) -> str:
    """Return a phrase that serves as a value of a rule; errors as in `finding`."""
    return catalogue().phrases[name].fill(values)[0]


def title(rule: str) -> str:
    """Return what a rule is called."""
    return catalogue().rules[rule].title


def known_title(rule: str) -> str:
    """Return what a rule is called, one of a form's checks too; by its id where nobody has named it."""
    known = catalogue()
    if rule in known.rules:
        return known.rules[rule].title
    named = known.phrases.get(f"check.{rule.rpartition('.')[2]}")
    return named.fill({})[0] if named else rule


def waivable(rule: str) -> bool:
    """Return whether an operator may waive a rule; those of a form, which are about its figures, all are."""
    known = catalogue().rules.get(rule)
    return known.waivable if known else rule.startswith("statistics.")


def can_be_taken(findings: Iterable[Finding]) -> bool:
    """Return whether a file with these findings is good, or would be if an operator waived its errors."""
    return all(waivable(f.rule) for f in findings if f.severity is Severity.ERROR)


def level(severity: str) -> str:
    """Return the word for a severity, or for `held`."""
    return catalogue().levels[severity]
