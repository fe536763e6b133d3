"""The Jinja2 environment of every page: what comes from outside is escaped, and an unknown word is an error."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from baosong.rules.words import isolated


class Renderer:
    """What fills in the templates of a package: `render("name.html", word=value)` gives the text."""

    def __init__(self, package: str, **filters: Callable[..., object]) -> None:
        self._package = package
        self._filters = filters

    def __call__(self, template: str, **values: Any) -> str:
        """Return a template's text with these values."""
        return self._environment.get_template(template).render(**values)

    def compile_all(self) -> None:
        """Compile every template now; what is forked from this process need not."""
        for name in self._environment.list_templates(extensions=["html", "xml", "css"]):
            self._environment.get_template(name)

    @cached_property
    def _environment(self) -> Environment:
        loader = PackageLoader(self._package)
        made = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        made.filters.update(self._filters, isolated=isolated)
        return made
