"""The Jinja2 environment of every page: what comes from outside is escaped, and shown even where it would hide."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from baosong.receipts.words import shortened, size_text, visible


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("baosong.receipts"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(visible=visible, shortened=shortened, size=size_text)
    return environment


def render(template: str, **values: Any) -> str:
    """Return a page of the package's templates as one self-contained HTML text."""
    return _environment().get_template(template).render(**values)
