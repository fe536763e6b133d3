"""The one whole read of a file that is filed: it makes the copy and its hash, and the last word on a waiting film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from baosong.ledger import Submission
from baosong.ledger.services import Services
from baosong.pipeline import source_object
from baosong.store.local_copy import Copy
from baosong.validation.video import media_info, video


@contextmanager
def of(services: Services, row: Submission) -> Iterator[tuple[Copy, Callable[[], Submission]]]:
    """Give a local copy of a checked file, and how to get its submission with the verdict that all its bytes bear out.

    Raises StorageError if the object is gone, or is no longer the one that was listed.
    """
    parse = media_info.WholeParse(row.size) if row.facts.get("undecided") else None
    listener = parse.feed if parse else None

    def decided() -> Submission:
        if parse is None:
            return row
        profile = services.campaigns.get(row.campaign).video
        return services.ledger.settle(row.id, video.settle(parse, profile, row.facts))

    with (
        parse or nullcontext(),
        source_object.fetched(services, row, listener) as copy,
    ):
        yield copy, decided
