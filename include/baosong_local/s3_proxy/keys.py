"""Whether the keys that a request names are still granted.

rclone remembers a key for minutes after it was taken away; its file, whose name is the key, is gone at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([A-Z0-9]+)/[^,]*,.*|AWS ([A-Z0-9]+):.*")
_NAMED = ("x-amz-credential", "awsaccesskeyid")


def is_revoked(target: str, headers: Mapping[str, str], folder: Path) -> bool:
    """Return whether a request is signed by a key without a file in `folder`, or in a way that nobody signs."""
    named = [value.partition("/")[0] for name, value in parse_qsl(target.partition("?")[2]) if name.lower() in _NAMED]
    if "authorization" in headers:
        found = _SIGNED.fullmatch(headers["authorization"])
        named.append((found[1] or found[2]) if found else "")
    return not all(re.fullmatch("[A-Z0-9]+", key) and (folder / f"{key}.json").is_file() for key in named)
