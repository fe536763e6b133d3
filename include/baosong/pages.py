"""The Jinja2 environment of every page: what comes from outside is escaped, and an unknown word is an error."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def renderer(package: str, **filters: Callable[..., str]) -> Callable[..., str]:
    """Return what fills in the templates of a package: `render("name.html", word=value)` gives the text."""

    @cache
    def environment() -> Environment:
        loader = PackageLoader(package)
        made = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        made.filters.update(filters)
        return made

    def render(template: str, **values: Any) -> str:
        return environment().get_template(template).render(**values)

    return render
