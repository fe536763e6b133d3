"""Object keys of the intake bucket, read as campaign, prefecture, folder and file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.rules.findings import Kind
    from baosong.store.storage import Storage, Stored

# The names in a prefecture's outbox.
STATUS = "状态.html"
RECEIPTS = "回执"
TEMPLATES = "模板"

# What operating systems, office programs and the embedded store leave behind; no prefecture means to send it.
LEFTOVER = re.compile(
    r"(^|/)(\.DS_Store|Thumbs\.db|desktop\.ini|~\$[^/]*|\._[^/]*|\.rclone_temp_[^/]*|__MACOSX/.*|\.keep)$", re.I
)
_CODE = re.compile(r"^(\d{4,6})(?:\D|$)")
_LAST = "\U0010ffff"

MAX_DEPTH = 8  # folders below a prefecture's own; the embedded store shows none below them
TOO_DEEP = "放得太深的文件"  # where the embedded store puts what lay below them
LISTED_PER_AREA = 2000  # objects of an area that a listing goes through
LEFTOVER_AGE = timedelta(hours=1)  # a younger one may be the mark of an office program that has a file open
MAX_LEFTOVERS = 200  # of an area; where there are more they go however young they are


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """The parts of a key, None for a missing one; `name` is the name of the file."""

    campaign_id: str | None
    code: str | None
    folder: str | None
    name: str


def is_ignored(key: str) -> bool:
    """Return whether a key is a leftover of other programs or a folder marker rather than a submission."""
    return key.endswith("/") or LEFTOVER.search(key) is not None


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


def list_intake(storage: Storage) -> Iterator[tuple[str, Stored | None]]:
    """Yield area (`2023/6501-乌鲁木齐市/`, or "") and object of what lies in the intake.

    Of an area with more than `LISTED_PER_AREA` the first objects only, and then None: the listing goes on behind it,
    its other pages are never asked for.
    """
    after: str | None = None
    while True:
        area, count = "", 0
        for stored in storage.list("intake", after=after):
            count = count + 1 if _area(stored.key) == area else 1
            area = _area(stored.key)
            if count > LISTED_PER_AREA:
                break
            yield area, stored
        if count <= LISTED_PER_AREA:
            return
        yield area, None
        after = f"{area}{_LAST}" if area else stored.key


def _area(key: str) -> str:
    campaign_id, slash, rest = key.partition("/")
    prefecture, deeper, _ = rest.partition("/")
    return f"{campaign_id}/{prefecture}/" if slash and deeper else ""
