"""The Jinja2 environment of the report's own templates; what comes from outside is escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from baosong.report.sheet import plain


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("baosong.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = lambda text: plain(str(text))
    return environment


def render(template: str, **values: Any) -> str:
    """Return one of the package's templates, filled in."""
    return _environment().get_template(template).render(**values)
