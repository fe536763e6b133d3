"""The one whole read of a file that is filed: it makes the copy and its hash, and the last word on a waiting film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from baosong import origin
from baosong.checks import media, video
from baosong.copies import Copy
from baosong.ledger import Submission
from baosong.workdesk import Desk


@contextmanager
def of(desk: Desk, row: Submission) -> Iterator[tuple[Copy, Callable[[], Submission]]]:
    """Give a local copy of a checked file, and how to get its submission with the verdict that all its bytes bear out.

    Raises StorageError if the object is gone, or is no longer the one that was listed.
    """
    parse = media.WholeParse(row.size) if row.facts.get("undecided") else None
    listener = parse.feed if parse else None

    def decided() -> Submission:
        if parse is None:
            return row
        profile = desk.campaigns.get(row.campaign).video
        return desk.ledger.settle(row.id, video.settle(parse, profile, row.facts))

    with (
        parse or nullcontext(),
        origin.fetched(desk, row, listener) as copy,
    ):
        yield copy, decided
