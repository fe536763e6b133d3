"""The receipts in a prefecture's outbox, and the annotated copies beside them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from baosong.store.keys import RECEIPTS

if TYPE_CHECKING:
    from baosong.store.storage import Storage


def stem_of(number: int) -> str:
    """Return the first part of the names of a receipt's page and of everything beside it."""
    return f"回执-{number:03d}号"


def newest_receipts(storage: Storage, prefix: str, last: int, most: int) -> list[tuple[int, str]]:
    """Return numbers and names of pages, data and copies of the receipts `last` and before, at most `most` receipts.

    The newest stand first; `prefix` is the prefecture's area, `2023/6501-乌鲁木齐市/`. Little else is listed.
    """
    return sorted(_newest(storage, f"{prefix}{RECEIPTS}/", last, most), key=lambda found: (-found[0], found[1]))


def _newest(storage: Storage, folder: str, last: int, most: int) -> Iterator[tuple[int, str]]:
    """Yield them as they are listed: of as many digits, they are in their order there."""
    wanted = range(max(1, last - most + 1), last + 1)
    for _, alike in itertools.groupby(wanted, key=lambda number: len(stem_of(number))):
        stems = [f"{folder}{stem_of(number)}" for number in alike]
        listed = storage.list("outbox", folder, after=stems[0])
        for stored in itertools.takewhile(lambda s, end=f"{stems[-1]}\U0010ffff": s.key < end, listed):  # type: ignore[misc]
            name = stored.key.removeprefix(folder)
            if (found := re.match(r"回执-(\d+)号-", name)) and int(found[1]) in wanted:
                yield int(found[1]), name
