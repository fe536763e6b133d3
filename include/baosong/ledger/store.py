"""The ledger as the rest of the house sees it: each method is one transaction, safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from baosong.campaign import Campaign
from baosong.ledger import (
    board_queries,
    filing,
    intake_limits,
    pending_changes,
    quarantine,
    queries,
    receipts,
    related_files,
    replacements,
    steps,
    stored_objects,
)
from baosong.ledger import submissions as arrivals
from baosong.ledger.board_queries import Excerpt
from baosong.ledger.database import Database
from baosong.ledger.filing import Filed
from baosong.ledger.models import Edition, History, IntakeLimit, Receipt, Submission
from baosong.ledger.quarantine import Decision
from baosong.ledger.queries import ActivityRow, Cell, IndicatorRow
from baosong.ledger.replacements import Replacement
from baosong.ledger.states import State
from baosong.ledger.submissions import Arrival
from baosong.rules.findings import Checked, Finding, Kind


class Ledger(Database):
    """The record of every arrival: its state, figures, receipts; `migrate()` makes the tables.

    Every method raises sqlalchemy's OperationalError if PostgreSQL stays away for longer than `retry_timeout` seconds.
    """

    def receive(self, new: Sequence[Arrival]) -> list[Arrival]:
        """Record arrivals in their order; return those that were known already."""
        return self.run(lambda s: arrivals.receive(s, new))

    def pending(self) -> set[tuple[str, str]]:
        """Return key and identity of every unfinished arrival."""
        return self.run(arrivals.pending)

    def last_arrival(self, arrival: Arrival) -> Submission | None:
        """Return the newest submission with the arrival's key and identity."""
        return self.run(lambda s: arrivals.last_arrival(s, arrival))

    def unfinished(self) -> list[tuple[str, str, int]]:
        """Return campaign, prefecture and number of unfinished files, in order."""
        return self.run(arrivals.unfinished)

    def waiting(
        self, campaign_id: str, code: str, state: State, kinds: Collection[str | None] | None = None
    ) -> list[Submission]:
        """Return unfinished files in a state, oldest first: all, or those of some kinds (None: unclassified).

        Asked for kinds it leaves out the files of bundles.
        """
        return self.run(lambda s: arrivals.waiting(s, campaign_id, code, state, kinds))

    def members(self, bundle_id: int) -> list[Submission]:
        """Return the files that came in a bundle, in its order; none while it was not unpacked."""
        return self.run(lambda s: arrivals.members(s, bundle_id))

    def submission(self, submission_id: int) -> Submission:
        """Return one arrival; NoResultFound if there is none."""
        return self.run(lambda s: s.get_one(Submission, submission_id))

    def record_check(self, submission_id: int, checked: Checked, rules_version: str) -> bool:
        """Store what a check said; False if the file was not waiting for it."""
        return self.run(lambda s: arrivals.record_check(s, submission_id, checked, rules_version))

    def settle(self, submission_id: int, checked: Checked) -> Submission:
        """Replace a checked film's preliminary answer; return the submission."""
        return self.run(lambda s: arrivals.settle(s, submission_id, checked))

    def withdraw(self, submission_id: int, why: str) -> bool:
        """Give up a file that is no longer what arrived; False if it was filed meanwhile."""
        return self.run(lambda s: arrivals.withdraw(s, submission_id, why))

    def refuse(self, submission_id: int, finding: Finding) -> Submission:
        """Reject a checked file for an error found since; return the submission."""
        return self.run(lambda s: filing.refuse(s, submission_id, finding))

    def file(
        self,
        submission_id: int,
        filed: Filed,
        remark: Callable[[Submission], Finding],
        most: int | None = None,
    ) -> State | None:
        """Decide what a checked file becomes; `remark` words the note for a duplicate. None if it was withdrawn.

        Raises LimitReached if it would be accepted beyond `most`.
        """
        return self.run(lambda s: filing.file(s, submission_id, filed, remark, most))

    def decide(self, submission_id: int, decision: Decision) -> None:
        """Record an operator's decision on a held file, which makes it one to be filed; Undecidable if it is none."""
        self.run(lambda s: quarantine.decide(s, submission_id, decision))

    def held(self, campaign_id: str | None = None) -> list[Submission]:
        """Return the files that wait for an operator's decision, of one campaign or of all, oldest first."""
        return self.run(lambda s: quarantine.held(s, campaign_id))

    def is_kept(self, bucket: str, key: str) -> bool:
        """Return whether any submission's bytes lie under this key."""
        return self.run(lambda s: quarantine.is_kept(s, bucket, key))

    def left_over(self, campaign_id: str, code: str, before: datetime | None) -> list[str]:
        """Return the keys in a prefecture's quarantine that nobody needs any more."""
        return self.run(lambda s: quarantine.left_over(s, campaign_id, code, before))

    def mark_emptied(self, key: str, at: datetime, note: str) -> int:
        """Remember that nothing lies under a key in quarantine; return how many files lost their bytes by that."""
        return self.run(lambda s: quarantine.mark_emptied(s, key, at, note))

    def replacement(self, submission_id: int) -> Replacement | None:
        """Return what an accepted file has replaced and what differs between the two sheets; None if nothing."""
        return self.run(lambda s: replacements.replacement(s, submission_id))

    def expect(self, campaign: Campaign) -> None:
        """Copy what a campaign expects into the table that the views read."""
        self.run(lambda s: replacements.expect(s, campaign))

    def newest_good(self, campaign_id: str, code: str, kind: Kind) -> Submission | None:
        """Return a prefecture's newest file of a kind that is accepted or about to be."""
        return self.run(lambda s: related_files.newest_good(s, campaign_id, code, kind))

    def photos_like(self, campaign_id: str, code: str, fingerprints: Collection[str], bits: int) -> list[Submission]:
        """Return a prefecture's good photos within `bits` of one of these fingerprints, the oldest first."""
        return self.run(lambda s: related_files.photos_like(s, campaign_id, code, fingerprints, bits))

    def remark(self, submission_id: int, findings: Sequence[Finding]) -> bool:
        """Give a checked file these findings, which hold no new error; False if it was put away meanwhile."""
        return self.run(lambda s: related_files.remark(s, submission_id, findings))

    def allot_receipt(self, campaign_id: str, code: str, status: dict[str, Any]) -> Receipt | None:
        """Give the next receipt number to all filed files without one; None if there are none."""
        return self.run(lambda s: receipts.allot(s, campaign_id, code, status))

    def unsent_receipts(self, campaign_id: str, code: str) -> list[tuple[Receipt, list[Submission]]]:
        """Return the receipts not seen through yet, each with all of its files."""
        return self.run(lambda s: receipts.unsent(s, campaign_id, code))

    def receipt_numbers(self, campaign_id: str) -> dict[int, int]:
        """Return the number of each receipt of a campaign, by its id."""
        return self.run(lambda s: receipts.numbers(s, campaign_id))

    def last_receipt(self, campaign_id: str, code: str) -> int:
        """Return the number of a prefecture's last receipt, 0 if it has none."""
        return self.run(lambda s: receipts.last(s, campaign_id, code))

    def mark_replied(self, submission_ids: Sequence[int]) -> None:
        """Finish files: receipt written, bytes gone from the intake."""
        self.run(lambda s: receipts.mark_replied(s, submission_ids))

    def completeness(self, campaign: Campaign, codes: Collection[str] | None = None) -> dict[str, dict[Kind, Cell]]:
        """Return a cell for every prefecture (or those named) and every deliverable."""
        return self.run(lambda s: queries.completeness(s, campaign, codes))

    def complete_prefectures(self, campaign: Campaign, codes: Collection[str] | None = None) -> list[str]:
        """Return the prefectures (of those named) that have sent all that is required."""
        return self.run(lambda s: queries.complete_prefectures(s, campaign, codes))

    def submissions(self, campaign_id: str, code: str | None = None) -> list[Submission]:
        """Return arrivals, oldest first, without `figures`; the campaign "" holds what no campaign could be told of."""
        return self.run(lambda s: queries.submissions(s, campaign_id, code))

    def newest(self, campaign_id: str, most: int) -> list[Submission]:
        """Return the arrivals that came last, the newest first, without `figures`."""
        return self.run(lambda s: board_queries.newest(s, campaign_id, most))

    def newest_of_each(self, campaign_id: str, code: str, most: int) -> Excerpt:
        """Return a prefecture's newest files of each kind and state, oldest first, and how many it sent in all."""
        return self.run(lambda s: board_queries.newest_of_each(s, campaign_id, code, most))

    def newest_sheets(self, campaign_id: str) -> list[Submission]:
        """Return each prefecture's newest sheet in each state whose tables were found."""
        return self.run(lambda s: board_queries.newest_sheets(s, campaign_id))

    def to_follow_up(self, campaign_id: str) -> list[Submission]:
        """Return what may wait for somebody, and what may have made it good, the newest first."""
        return self.run(lambda s: board_queries.to_follow_up(s, campaign_id))

    def history(self, submission_id: int) -> list[History]:
        """Return a submission's changes of state, oldest first."""
        return self.run(lambda s: queries.history(s, submission_id))

    def indicators(self, campaign_id: str) -> list[IndicatorRow]:
        """Return the indicators of all current sheets."""
        return self.run(lambda s: queries.indicators(s, campaign_id))

    def activities(self, campaign_id: str, submission_id: int | None = None) -> list[ActivityRow]:
        """Return the activities of all current sheets, or of one sheet, also a replaced one."""
        return self.run(lambda s: queries.activities(s, campaign_id, submission_id))

    def activity_counts(self, campaign_id: str) -> list[tuple[str, int, int]]:
        """Return prefecture, submission and number of activities of every current sheet that lists any."""
        return self.run(lambda s: queries.activity_counts(s, campaign_id))

    def editions(self, campaign_id: str) -> list[Edition]:
        """Return a campaign's written reports, oldest first."""
        return self.run(lambda s: queries.editions(s, campaign_id))

    def standing(self, campaign_id: str | None) -> list[Edition]:
        """Return the newest report in each folder of a campaign, or (None) of all."""
        return self.run(lambda s: queries.standing(s, campaign_id))

    def add_edition(
        self,
        campaign_id: str,
        edition: Literal["final", "interim"],
        version: int,
        prefix: str,
        inputs_sha: str,
        figures: dict[str, Any],
    ) -> bool:
        """Record a written report; False if this version of it is there already."""
        values = {"campaign": campaign_id, "edition": edition, "version": version, "prefix": prefix}
        made_of = {"inputs_sha": inputs_sha, "figures": arrivals.storable(figures)}
        return self.run(lambda s: queries.add_edition(s, {**values, **made_of}))

    def announced(self, campaign_id: str) -> set[str]:
        """Return the prefectures whose completeness was announced."""
        return self.run(lambda s: queries.announced(s, campaign_id))

    def mark_announced(self, campaign_id: str, codes: Collection[str]) -> None:
        """Remember that the completeness of these prefectures was announced."""
        self.run(lambda s: queries.mark_announced(s, campaign_id, codes))

    def write_page(self, campaign_id: str, code: str, keep: pending_changes.Keep) -> bool:
        """Let `keep` have the number and the lines of a place's next page; False if nothing is left to write.

        What `keep` raises passes, and the page remains to be written. LedgerLost if the journal is ahead of the ledger.
        """
        return self.run(lambda s: pending_changes.write(s, campaign_id, code, keep))

    def note_again(self, campaign_id: str, code: str) -> None:
        """Note all rows of a place for its journal, as if they were new."""
        self.run(lambda s: pending_changes.note_again(s, campaign_id, code))

    def kept(self, campaign_id: str | None, key: str | None = None) -> list[stored_objects.Kept]:
        """Return what should lie in archive and quarantine: of a campaign, or (None) of all; or under one key."""
        return self.run(lambda s: stored_objects.kept(s, campaign_id, key))

    def purged(self, campaign_id: str | None) -> set[tuple[str, str]]:
        """Return bucket and key of what was removed when its time was over: of a campaign, or (None) of all."""
        return self.run(lambda s: stored_objects.purged(s, campaign_id))

    def inspections(self, campaign_id: str | None, *, faulty: bool = False) -> list[stored_objects.Inspection]:
        """Return what was found when objects of a campaign, or (None) of all, were read; or only what was wrong."""
        return self.run(lambda s: stored_objects.inspections(s, campaign_id, faulty=faulty))

    def note_inspections(self, found: Sequence[stored_objects.Inspection]) -> None:
        """Keep what was found, in the place of what was found before."""
        self.run(lambda s: stored_objects.note(s, found))

    def last_pages(self, campaign_id: str | None) -> dict[tuple[str, str], int]:
        """Return the number of the last page of each place of a campaign, or (None) of all."""
        return self.run(lambda s: stored_objects.last_pages(s, campaign_id))

    def is_known(self, record: Mapping[str, Any]) -> bool:
        """Return whether the submission of a record is there, whatever became of it."""
        return self.run(lambda s: stored_objects.is_known(s, record))

    def intake_limits(self, campaign_id: str | None = None) -> list[IntakeLimit]:
        """Return which areas of the intake were swept or over their limit, in a campaign or in all."""
        return self.run(lambda s: intake_limits.limits(s, campaign_id))

    def note_intake_limit(
        self, campaign_id: str, code: str, *, over_limit: bool | None = None, swept: int = 0, swept_bytes: int = 0
    ) -> None:
        """Record whether a prefecture's area is over its limit (None: as it was), and add to what was swept from it."""
        self.run(lambda s: intake_limits.note(s, campaign_id, code, over_limit, swept, swept_bytes))

    def mark_limit_notified(self, limit: IntakeLimit) -> None:
        """Record that a prefecture's status page shows its area as it was then."""
        self.run(lambda s: intake_limits.mark_notified(s, limit))

    def journal_state(self) -> steps.JournalState:
        """Return the places with unwritten changes, and whether this ledger ever wrote a page."""
        return self.run(steps.journal_state)

    def related(
        self, row: Submission, ratios: Mapping[str, tuple[str, str]], campaigns: Collection[str]
    ) -> steps.Related:
        """Return what is known beside a sheet; `ratios` name two indicators each."""
        return self.run(lambda s: steps.related(s, row, ratios, campaigns))

    def destination(self, row: Submission, sha256: str, bucket: str, key: str, most: int | None) -> steps.Destination:
        """Return what a checked file of this content would meet under this key, `most` being allowed."""
        return self.run(lambda s: steps.destination(s, row, sha256, bucket, key, most))

    def archive(
        self, submission_id: int, filed: Filed, remark: Callable[[Submission], Finding], most: int | None
    ) -> tuple[State | None, list[Submission]]:
        """Decide as `file` does; return the state and all submissions whose bytes lie under the key, oldest first."""
        return self.run(lambda s: steps.archive(s, submission_id, filed, remark, most))

    def open_receipts(self, campaign: Campaign | None, code: str) -> list[tuple[Receipt, list[Submission]]]:
        """Give filed files their receipt's number; return the receipts not seen through, each with all its files."""
        return self.run(lambda s: steps.open_receipts(s, campaign, code))

    def overview(self, campaign: Campaign, code: str, most: int) -> steps.Overview:
        """Return what a prefecture's status page shows, with at most `most` files of each kind and state."""
        return self.run(lambda s: steps.overview(s, campaign, code, most))

    def newly_complete(self, campaign: Campaign) -> list[str]:
        """Return the prefectures that are complete and were not announced yet."""
        return self.run(lambda s: steps.newly_complete(s, campaign))
