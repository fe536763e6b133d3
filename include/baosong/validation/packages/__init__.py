"""Bundles: a `.zip` is a folder. Its directory is judged, its bytes are proved, and each of its files is reviewed.

What a row of the ledger has to do with it is in `unpacking`, what a file on a services has in `offline`.
"""

from __future__ import annotations

from baosong.store.source import Source
from baosong.validation.common.filetypes import identify

SUFFIX = "zip"


def is_bundle(source: Source) -> bool:
    """Return whether a file is a bundle, by its name and by its content; an Office file is none, whatever its name."""
    return source.suffix == SUFFIX and source.size > 0 and identify(source) == SUFFIX
