"""Receipts (回执): what a prefecture reads. The pages' names are those of `pages`, which is imported when one is used.

The child that marks a workbook runs in this package and needs none of it: ledger and models cost it a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from baosong.receipts.pages import (
        Receipt,
        annotated_name,
        number_of,
        render_receipt,
        render_status,
        render_unplaced,
        stem_of,
    )

__all__ = [
    "Receipt",
    "annotated_name",
    "number_of",
    "render_receipt",
    "render_status",
    "render_unplaced",
    "stem_of",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("baosong.receipts.pages"), name)
