"""The keys that a request names, and the files that grant them.

rclone remembers a key for minutes after it was taken away; its file, whose name is the key, is gone at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl

_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([A-Z0-9]+)/[^,]*,.*|AWS ([A-Z0-9]+):.*")
_NAMED = ("x-amz-credential", "awsaccesskeyid")


def named(target: str, headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the keys by which a request is signed, "" for a signature that nobody makes: all of them must hold."""
    for name, value in parse_qsl(target.partition("?")[2]):
        if name.lower() in _NAMED:
            yield value.partition("/")[0]
    if "authorization" in headers:
        found = _SIGNED.fullmatch(headers["authorization"])
        yield (found[1] or found[2]) if found else ""


def file_of(key: str, folder: Path) -> Path | None:
    """Return the file that grants a key, None where it is revoked or none that could have been granted."""
    path = folder / f"{key}.json"
    return path if re.fullmatch("[A-Z0-9]+", key) and path.is_file() else None
