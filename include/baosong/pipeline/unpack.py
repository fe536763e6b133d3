"""A bundle in the intake becomes rows of its files, in one transaction; its bytes stay where they are."""

from __future__ import annotations

from collections.abc import Sequence

from baosong.campaign import Campaign
from baosong.ledger import Arrival, Submission
from baosong.ledger.services import Services
from baosong.pipeline import source_object
from baosong.rules.findings import Checked, Kind
from baosong.store.keys import parse_key, slot_of
from baosong.validation.common import file_safety
from baosong.validation.packages import contents, directory
from baosong.validation.packages.directory import Member


def unpack(services: Services, row: Submission, campaign: Campaign) -> Checked | None:
    """Record the files of a bundle as arrivals, or return what keeps it from being unpacked; repeated, do nothing."""
    if file_safety.is_marked_name(row.name):
        return file_safety.held_as_classified()
    if services.ledger.members(row.id):
        return None
    source = source_object.source_of(services, row)
    if found := file_safety.size_findings(source, max(d.max_size for d in campaign.deliverables)):
        return Checked(found, {"size": row.size})
    folder = campaign.deliverable_in(parse_key(row.key).folder or "")
    try:
        members = directory.read(source, campaign)
        kinds = contents.kinds(
            source, members, campaign, folder.kind if folder else None, source_object.copies(services)
        )
    except directory.Refused as refused:
        return Checked([refused.finding], contents.facts(row.size))
    files = zip(members, kinds, strict=True)
    services.ledger.receive([_arrival(row, member, kind, campaign) for member, kind in files])
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
        slot=slot_of(source_object.as_folder(row.key, member.path) if kind else key, kind, campaign),
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
        member=source_object.member_payload(row, member),
    )
