"""What every task asks of the ledger, asked once of nobody by the process that the tasks are forked from.

SQLAlchemy makes a statement's text at its first use in a process, which took a sixth of a small sheet's processor time;
what is forked from a process that has made them finds them made.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from baosong.campaign import Campaign
from baosong.ledger import filing, pending_changes, queries, receipts, related_files, steps, submissions, work_queue
from baosong.ledger.models import Submission
from baosong.rules.findings import Kind, Verdict

NOTHING, NONE = "-", 0  # a campaign and a submission that there never are


def rehearse(session: Session, campaign: Campaign) -> None:
    """Ask it, of a campaign like this one. The transaction is not to be committed: it claims what waits for a run."""
    campaign = campaign.model_copy(update={"id": NOTHING})
    code = campaign.prefectures[0].code
    row = Submission(id=NONE, campaign=NOTHING, prefecture=code, slot="", kind=Kind.REPORT, verdict=Verdict.ACCEPTED)
    ratios = {c.id: (c.indicator, c.per) for c in campaign.form.checks if c.indicator and c.per}
    pending_changes.change_log_state(session)
    steps.intake_state(session)
    work_queue.claim(session, "quick", NOTHING)
    steps.to_check(session, campaign, code, [NONE])
    with suppress(NoResultFound):
        submissions.locked(session, NONE)
    steps.related(session, row, ratios, [NOTHING])
    related_files.photos_like(session, NOTHING, code, ["0" * 64], 1)
    steps.destination(session, row, "", "archive", "", 1)
    filing.filed_under(session, "archive", "")
    steps.open_receipts(session, campaign, code)
    pending_changes.next_lines(session, NOTHING, code)
    with suppress(NoResultFound):
        receipts.replacement(session, NONE)
    steps.overview(session, campaign, code, 1)
    receipts.mark_replied(session, [NONE])
    receipts.to_answer(session, NOTHING, code)
    work_queue.claim_more(session, NOTHING, code, NOTHING, [NONE])
    work_queue.release_run(session, NOTHING)
    queries.complete_prefectures(session, campaign)
