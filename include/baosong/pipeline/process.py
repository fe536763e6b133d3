"""From check to reply in one go, as one task does it: what always follows at once need not wait to be scheduled."""

from __future__ import annotations

import time

from sqlalchemy.exc import DBAPIError

from baosong.ledger.services import Services
from baosong.pipeline.archive import archive
from baosong.pipeline.check import check
from baosong.pipeline.reply import reply
from baosong.pipeline.unplaced import settle_unplaced
from baosong.pipeline.work import Work
from baosong.store.storage import StorageError

GOES_ON = 10.0  # seconds after which a task leaves what a prefecture has sent meanwhile: others wait for its worker


def process(services: Services, work: Work, run: str = "") -> None:
    """Check, archive and answer the files of a piece of work.

    In the quick lane also what its prefecture has sent meanwhile; what is long has no business with it.
    """
    owner, ids, until = (work["campaign"], work["prefecture"]), work["ids"], time.monotonic() + GOES_ON
    while ids:
        _process(services, *owner, ids)
        goes_on = work["lane"] == "quick" and time.monotonic() < until
        ids = [file.id for file in services.ledger.claim_more(*owner, run, ids)] if goes_on else []


def _process(services: Services, campaign_id: str, code: str, ids: list[int]) -> None:
    if not campaign_id:
        settle_unplaced(services, ids)
        return
    failure: Exception | None = None
    try:
        check(services, campaign_id, code, ids)
    except (StorageError, DBAPIError):
        raise
    except Exception as bug:  # what the others' checks have found is archived and answered all the same
        failure = bug
    archive(services, campaign_id, code, ids)
    reply(services, campaign_id, code)
    if failure:
        raise failure
