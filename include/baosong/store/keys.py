"""Object keys of the intake bucket, read as campaign, prefecture, folder and file."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.rules.findings import Kind

# The names in a prefecture's outbox.
STATUS = "状态.html"
RECEIPTS = "回执"
TEMPLATES = "模板"

# What operating systems, office programs and the embedded store leave behind; no prefecture means to send it.
_DEBRIS = re.compile(
    r"(^|/)(\.DS_Store|Thumbs\.db|desktop\.ini|~\$[^/]*|\._[^/]*|\.rclone_temp_[^/]*|__MACOSX/.*|\.keep)$", re.I
)
_CODE = re.compile(r"^(\d{4,6})(?:\D|$)")


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """The parts of a key, None for a missing one; `name` is the name of the file."""

    campaign_id: str | None
    code: str | None
    folder: str | None
    name: str


def is_ignored(key: str) -> bool:
    """Return whether a key is debris of other programs or a folder marker rather than a submission."""
    return key.endswith("/") or _DEBRIS.search(key) is not None


def parse_key(key: str) -> ParsedKey:
    """Read `2023/6501-乌鲁木齐市/统计表/x.xlsx`; deeper folders belong to the first one under the prefecture."""
    parts = key.split("/")
    name = parts[-1]
    campaign_id = parts[0] if len(parts) > 1 else None
    match = _CODE.match(parts[1]) if len(parts) > 2 else None
    folder = parts[2] if len(parts) > 3 else None
    return ParsedKey(campaign_id, match.group(1) if match else None, folder, name)


def slot_of(key: str, kind: Kind | None, campaign: Campaign | None) -> str:
    """Return the slot in which a later file replaces an earlier one: "" for single deliverables, else the inner path.

    macOS and Windows encode the same name in different code points, so the path is normalized.
    """
    if campaign is None or kind is None:
        return key
    deliverable = campaign.deliverable(kind)
    if deliverable.single:
        return ""
    inside = key.split("/")[2:]
    path = inside[1:] if len(inside) > 1 and inside[0] == deliverable.folder else inside
    return unicodedata.normalize("NFC", "/".join(path))
