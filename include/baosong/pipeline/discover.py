"""Discovery: what lies in the intake becomes rows of the ledger, each with its prefecture, deliverable and slot."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from baosong.campaign import Campaign, CampaignError, Prefecture
from baosong.ledger import Arrival, State
from baosong.ledger.services import Services
from baosong.ledger.work_queue import Lane
from baosong.pipeline import intake_limits, work
from baosong.pipeline.intake_limits import Area
from baosong.pipeline.work import Work
from baosong.preservation import change_log
from baosong.rules.findings import Kind
from baosong.store.keys import ParsedKey, parse_key, slot_of
from baosong.store.storage import StorageError, Stored
from baosong.validation import check, packages

log = logging.getLogger(__name__)


def find_new(services: Services, lane: Lane = "quick", run: str = "") -> list[Work]:
    """Record what has arrived in the intake, claim for a DAG run what nobody is at in a lane, and return it as work.

    Of the quick lane that is one piece per prefecture, of the large one a piece per large file.
    LedgerLost if the ledger is blank though the archive has the journal of another.
    """
    change_log.write_all(services)
    campaigns = usable_campaigns(services)
    known = services.ledger.intake_state()  # before the listing, so that nothing listed can be newer than it
    areas = intake_limits.areas(services.storage)
    record(services, unknown(areas, known.pending), campaigns)
    intake_limits.note(services, areas, campaigns, known.limits)
    return work.claimed(services, campaigns, lane, run)


def usable_campaigns(services: Services) -> dict[str, Campaign]:
    """Return the campaigns whose files are right; a wrong one must not stop the others, its files wait."""
    found: dict[str, Campaign] = {}
    for campaign_id in services.campaigns.ids():
        try:
            found[campaign_id] = services.campaigns.get(campaign_id)
        except CampaignError as wrong:
            log.error("campaign %s is left out: %s", campaign_id, wrong)
    return found


def unknown(areas: Mapping[str, Area], known: Collection[tuple[str, str]]) -> list[Stored]:
    """Return what was sent and is no unfinished submission, the oldest first; `known` is from before the listing."""
    sent = (stored for area in areas.values() for stored in area.files if (stored.key, stored.identity) not in known)
    return sorted(sent, key=lambda stored: (stored.modified, stored.key))


def record(services: Services, new: Sequence[Stored], campaigns: Mapping[str, Campaign]) -> None:
    """Record objects as arrivals; those of a campaign whose file is wrong wait until it is corrected."""
    broken = set(services.campaigns.ids()) - set(campaigns)
    arrivals = [
        _arrival(services, stored, campaigns) for stored in new if parse_key(stored.key).campaign_id not in broken
    ]
    for seen in services.ledger.receive(arrivals):
        _record_again(services, seen)


def _record_again(services: Services, arrival: Arrival) -> None:
    """Tell a file that was finished and dropped again, alike to the second, from a listing that is merely stale.

    The object is looked at after the ledger was: what is still there once its predecessor is finished came later.
    """
    last = services.ledger.last_arrival(arrival)
    if last is None or (last.replied_at is None and last.state != State.WITHDRAWN):
        return
    there = services.storage.stat("intake", arrival.key)
    if there is not None and there.identity == arrival.identity:
        services.ledger.receive([replace(arrival, arrival=last.arrival + 1)])


def _arrival(services: Services, stored: Stored, campaigns: Mapping[str, Campaign]) -> Arrival:
    placed = parse_key(stored.key)
    campaign = campaigns.get(placed.campaign_id or "")
    prefecture = _prefecture_of(campaign, placed.code)
    kind = _kind(services, stored, placed, campaign) if campaign and prefecture else None
    now = datetime.now(UTC)
    return Arrival(
        campaign=campaign.id if campaign and prefecture else "",
        prefecture=prefecture.code if prefecture else "",
        kind=kind.value if kind else None,
        slot=slot_of(stored.key, kind, campaign),
        key=stored.key,
        name=placed.name,
        folder=placed.folder,
        size=stored.size,
        identity=stored.identity,
        etag=stored.etag,
        modified_at=stored.modified,
        version_id=stored.version_id,
        received_at=now,
        late=campaign is not None and prefecture is not None and now > campaign.deadline,
    )


def _prefecture_of(campaign: Campaign | None, code: str | None) -> Prefecture | None:
    return next((p for p in campaign.prefectures if p.code == code), None) if campaign else None


def _kind(services: Services, stored: Stored, placed: ParsedKey, campaign: Campaign) -> Kind | None:
    """Return the deliverable by the folder, else by content and name; None where neither tells, and for a bundle."""
    source = services.storage.source("intake", stored)
    try:
        if packages.is_bundle(source):
            return None
        if placed.folder and (deliverable := campaign.deliverable_in(placed.folder)):
            return deliverable.kind
        kind = check.classify(source, campaign)
    except StorageError:
        there = services.storage.stat("intake", stored.key)
        if there is not None and there.identity == stored.identity:
            raise
        return None  # it went away while it was read, as its check will find
    except Exception:  # one odd file must not hold up everybody: its own check meets the error again, alone
        log.exception("cannot classify %s", stored.key)
        return None
    return kind if kind in {d.kind for d in campaign.deliverables} else None
