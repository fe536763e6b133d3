"""The ledger as the rest of the house sees it: each method is one transaction, safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from typing import Any, Literal

from baosong.campaign import Campaign
from baosong.findings import Checked, Finding, Kind
from baosong.ledger import answers, arrivals, beside, filing, queries
from baosong.ledger.arrivals import Arrival
from baosong.ledger.beside import Alike
from baosong.ledger.engine import Database
from baosong.ledger.filing import Filed
from baosong.ledger.models import Edition, History, Receipt, Submission
from baosong.ledger.queries import ActivityRow, Cell, IndicatorRow
from baosong.ledger.states import State


class Ledger(Database):
    """The record of every arrival: its state, figures, receipts; `migrate()` makes the tables.

    Every method raises sqlalchemy's OperationalError if PostgreSQL stays away for longer than `patience` seconds.
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

    def twin_of(self, row: Submission, sha256: str) -> Submission | None:
        """Return the current accepted file with this content in the row's prefecture and deliverable."""
        return self.run(lambda s: filing.twin_of(s, row.campaign, row.prefecture, row.kind, sha256))

    def file(self, submission_id: int, filed: Filed, remark: Callable[[Submission], Finding]) -> State | None:
        """Decide what a checked file becomes; `remark` words the note for a duplicate. None if it was withdrawn."""
        return self.run(lambda s: filing.file(s, submission_id, filed, remark))

    def filed_under(self, bucket: str, key: str) -> list[Submission]:
        """Return the submissions whose bytes lie under a key, oldest first."""
        return self.run(lambda s: filing.filed_under(s, bucket, key))

    def files_beside(self, campaign_id: str, code: str) -> dict[Kind, int]:
        """Return how many files of each kind a prefecture has accepted or still being checked."""
        return self.run(lambda s: beside.files(s, campaign_id, code))

    def newest_good(self, campaign_id: str, code: str, kind: Kind) -> Submission | None:
        """Return a prefecture's newest file of a kind that is accepted or about to be."""
        return self.run(lambda s: beside.newest_good(s, campaign_id, code, kind))

    def photos_beside(self, campaign_id: str, code: str) -> list[Submission]:
        """Return a prefecture's photos that are accepted or about to be, the oldest first."""
        return self.run(lambda s: beside.photos(s, campaign_id, code))

    def alike(self, row: Submission, campaign_ids: Collection[str]) -> list[Alike]:
        """Return the tables of good sheets of others in these campaigns that have the same content as the row's."""
        return self.run(lambda s: beside.alike(s, row, campaign_ids))

    def quotients(self, campaign_id: str, but: str, code: str, per: str) -> list[Decimal]:
        """Return one indicator divided by another in the current sheets of all prefectures but one."""
        return self.run(lambda s: beside.quotients(s, campaign_id, but, code, per))

    def remark(self, submission_id: int, findings: Sequence[Finding]) -> bool:
        """Give a checked file these findings, which hold no new error; False if it was put away meanwhile."""
        return self.run(lambda s: beside.remark(s, submission_id, findings))

    def allot_receipt(self, campaign_id: str, code: str, status: dict[str, Any]) -> Receipt | None:
        """Give the next receipt number to all filed files without one; None if there are none."""
        return self.run(lambda s: answers.allot(s, campaign_id, code, status))

    def unsent_receipts(self, campaign_id: str, code: str) -> list[tuple[Receipt, list[Submission]]]:
        """Return the receipts not seen through yet, each with all of its files."""
        return self.run(lambda s: answers.unsent(s, campaign_id, code))

    def mark_replied(self, submission_ids: Sequence[int]) -> None:
        """Finish files: receipt written, bytes gone from the intake."""
        self.run(lambda s: answers.mark_replied(s, submission_ids))

    def completeness(self, campaign: Campaign, codes: Collection[str] | None = None) -> dict[str, dict[Kind, Cell]]:
        """Return a cell for every prefecture (or those named) and every deliverable."""
        return self.run(lambda s: queries.completeness(s, campaign, codes))

    def complete_prefectures(self, campaign: Campaign, codes: Collection[str] | None = None) -> list[str]:
        """Return the prefectures (of those named) that have sent all that is required."""
        return self.run(lambda s: queries.complete_prefectures(s, campaign, codes))

    def submissions(self, campaign_id: str, code: str | None = None) -> list[Submission]:
        """Return arrivals, oldest first, without `figures`; the campaign "" holds what no campaign could be told of."""
        return self.run(lambda s: queries.submissions(s, campaign_id, code))

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
