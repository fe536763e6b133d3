"""From a bundle in the intake to rows of its files, in one transaction; its bytes stay where they are."""

from __future__ import annotations

from collections.abc import Sequence

from baosong import origin
from baosong.bundles import contents, directory
from baosong.bundles.directory import Member
from baosong.campaign import Campaign
from baosong.checks import hostile
from baosong.findings import Checked, Kind
from baosong.intake import place, slot_of
from baosong.ledger import Arrival, Submission
from baosong.workdesk import Desk


def unpack(desk: Desk, row: Submission, campaign: Campaign) -> Checked | None:
    """Record the files of a bundle as arrivals, or return what keeps it from being unpacked; repeated, do nothing."""
    if hostile.is_marked_name(row.name):
        return hostile.held_as_classified()
    if desk.ledger.members(row.id):
        return None
    source = origin.source_of(desk, row)
    if found := hostile.size_findings(source, max(d.max_size for d in campaign.deliverables)):
        return Checked(found, {"size": row.size})
    folder = campaign.deliverable_in(place(row.key).folder or "")
    try:
        members = directory.read(source, campaign)
        kinds = contents.kinds(source, members, campaign, folder.kind if folder else None, origin.copies(desk))
    except directory.Refused as refused:
        return Checked([refused.finding], contents.facts(row.size))
    told = zip(members, kinds, strict=True)
    desk.ledger.receive([_arrival(row, member, kind, campaign) for member, kind in told])
    return None


def concluded(row: Submission, members: Sequence[Submission]) -> Checked:
    """Return what is said of a bundle all of whose files are checked."""
    marked = any(finding["rule"] == "file.classified" for member in members for finding in member.findings)
    return contents.summary(row.size, len(members), marked)


def _arrival(row: Submission, member: Member, kind: Kind | None, campaign: Campaign) -> Arrival:
    """Return a file of a bundle as it would be had the bundle been a folder: received when the bundle was."""
    key = f"{row.key}/{member.path}"
    return Arrival(
        campaign=row.campaign,
        prefecture=row.prefecture,
        kind=kind.value if kind else None,
        slot=slot_of(origin.as_folder(row.key, member.path) if kind else key, kind, campaign),
        key=key,
        name=member.name,
        folder=row.folder,
        size=member.size,
        identity=f"{row.identity}#{member.number}",
        etag=row.etag,
        modified_at=row.modified_at,
        version_id=row.version_id,
        received_at=row.received_at,
        late=row.late,
        arrival=row.arrival,
        bundle_id=row.id,
        member=origin.told(row, member),
    )
