"""What lies in the intake becomes rows of the ledger: which prefecture's, which deliverable, in which place."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from baosong import bundles, checks
from baosong.campaign import Campaign, Prefecture
from baosong.crowding import Area
from baosong.findings import Kind
from baosong.intake import Placed, place, slot_of
from baosong.ledger import Arrival, State
from baosong.storage import StorageError, Stored
from baosong.workdesk import Desk

log = logging.getLogger(__name__)


def unknown(areas: Mapping[str, Area], known: Collection[tuple[str, str]]) -> list[Stored]:
    """Return what was sent and is no unfinished submission, the oldest first; `known` is from before the listing."""
    sent = (stored for area in areas.values() for stored in area.files if (stored.key, stored.identity) not in known)
    return sorted(sent, key=lambda stored: (stored.modified, stored.key))


def record(desk: Desk, new: Sequence[Stored], campaigns: Mapping[str, Campaign]) -> None:
    """Record objects as arrivals; those of a campaign whose file is wrong wait until it is mended."""
    broken = set(desk.campaigns.ids()) - set(campaigns)
    arrivals = [_arrival(desk, stored, campaigns) for stored in new if place(stored.key).campaign_id not in broken]
    for seen in desk.ledger.receive(arrivals):
        _record_again(desk, seen)


def prefecture_of(campaign: Campaign | None, code: str | None) -> Prefecture | None:
    """Return a campaign's prefecture by its code, None where there is none."""
    if campaign is None or code is None:
        return None
    return next((p for p in campaign.prefectures if p.code == code), None)


def _record_again(desk: Desk, arrival: Arrival) -> None:
    """Tell a file that was finished and dropped again, alike to the second, from a listing that is merely stale.

    The object is looked at after the ledger was: what is still there once its predecessor is finished came later.
    """
    last = desk.ledger.last_arrival(arrival)
    if last is None or (last.replied_at is None and last.state != State.WITHDRAWN):
        return
    there = desk.storage.stat("intake", arrival.key)
    if there is not None and there.identity == arrival.identity:
        desk.ledger.receive([replace(arrival, arrival=last.arrival + 1)])


def _arrival(desk: Desk, stored: Stored, campaigns: Mapping[str, Campaign]) -> Arrival:
    placed = place(stored.key)
    campaign = campaigns.get(placed.campaign_id or "")
    prefecture = prefecture_of(campaign, placed.code)
    kind = _kind(desk, stored, placed, campaign) if campaign and prefecture else None
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


def _kind(desk: Desk, stored: Stored, placed: Placed, campaign: Campaign) -> Kind | None:
    """Return the deliverable by the folder, else by content and name; None where neither tells, and for a bundle."""
    source = desk.storage.source("intake", stored)
    try:
        if bundles.is_bundle(source):
            return None
        if placed.folder and (deliverable := campaign.deliverable_in(placed.folder)):
            return deliverable.kind
        kind = checks.classify(source, campaign)
    except StorageError:
        there = desk.storage.stat("intake", stored.key)
        if there is not None and there.identity == stored.identity:
            raise
        return None  # it went away under our hands, as its check will find
    except Exception:  # one odd file must not hold up everybody: its own check meets the error again, alone
        log.exception("cannot classify %s", stored.key)
        return None
    return kind if kind in {d.kind for d in campaign.deliverables} else None
