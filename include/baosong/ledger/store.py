"""The ledger as the other rooms see it: each method is one transaction, safe to repeat."""

from __future__ import annotations

from baosong.ledger import board_queries as board
from baosong.ledger import (
    closing,
    filing,
    metrics,
    notifications,
    pending_changes,
    quarantine,
    queries,
    receipts,
    related_files,
    steps,
    work_queue,
)
from baosong.ledger import deadlines as due
from baosong.ledger import extensions as granted
from baosong.ledger import intake_limits as limits
from baosong.ledger import stored_objects as objects
from baosong.ledger import submissions as rows
from baosong.ledger.database import Database, transaction


class Ledger(Database):
    """The record of every arrival: its state, figures, receipts; `migrate()` makes the tables.

    A method is the function of the same name, whose docstring says what it does, called in a transaction of its own.
    Every method raises sqlalchemy's OperationalError if PostgreSQL stays away for longer than `retry_timeout` seconds.
    """

    # From the intake to a verdict.
    receive = transaction(rows.receive)
    submission = transaction(rows.submission)
    submissions = transaction(rows.submissions)
    history = transaction(rows.history)
    pending = transaction(rows.pending)
    intake_state = transaction(steps.intake_state)
    last_arrival = transaction(rows.last_arrival)
    unfinished = transaction(rows.unfinished)
    waiting = transaction(rows.waiting)
    claim = transaction(work_queue.claim)
    claim_more = transaction(work_queue.claim_more)
    release = transaction(work_queue.release)
    release_run = transaction(work_queue.release_run)
    oldest_queued = transaction(work_queue.oldest)
    queued = transaction(work_queue.queued)
    members = transaction(rows.members)
    record_check = transaction(rows.record_check)
    settle = transaction(rows.settle)
    withdraw = transaction(rows.withdraw)
    newest_good = transaction(related_files.newest_good)
    photos_like = transaction(related_files.photos_like)
    to_check = transaction(steps.to_check)
    related = transaction(steps.related)
    remark = transaction(related_files.remark)

    # Filing, quarantine, receipts.
    destination = transaction(steps.destination)
    refuse = transaction(filing.refuse)
    file = transaction(filing.file)
    withdraw_accepted = transaction(filing.withdraw_accepted)
    archive = transaction(steps.archive)
    filed_under = transaction(filing.filed_under)
    with_content = transaction(board.with_content)
    decide = transaction(quarantine.decide)
    held = transaction(quarantine.held)
    disposable = transaction(quarantine.disposable)
    mark_emptied = transaction(quarantine.mark_emptied)
    open_receipts = transaction(steps.open_receipts)
    unplaced_receipts = transaction(steps.unplaced_receipts)
    allot_receipt = transaction(receipts.allot_receipt)
    unsent_receipts = transaction(receipts.unsent_receipts)
    receipt_numbers = transaction(receipts.receipt_numbers)
    mark_replied = transaction(receipts.mark_replied)
    to_answer = transaction(receipts.to_answer)
    replacement = transaction(receipts.replacement)

    # What boards, reports and receipts show.
    expect = transaction(queries.expect)
    completeness = transaction(queries.completeness)
    counts = transaction(metrics.counts)
    complete_prefectures = transaction(queries.complete_prefectures)
    indicators = transaction(queries.indicators)
    activities = transaction(queries.activities)
    editions = transaction(queries.editions)
    current_editions = transaction(queries.current_editions)
    add_edition = transaction(queries.add_edition)
    ask_closing = transaction(closing.ask)
    asked_closing = transaction(closing.asked)
    decide_closing = transaction(closing.decide)
    closure = transaction(closing.closure)
    deadlines = transaction(due.deadlines)
    campaign_for = transaction(due.campaign_for)
    extend = transaction(granted.extend)
    extensions = transaction(granted.extensions)
    newly_complete = transaction(steps.newly_complete)
    announced = transaction(queries.announced)
    mark_announced = transaction(queries.mark_announced)
    overview = transaction(steps.overview)
    region = transaction(steps.region)
    newest = transaction(board.newest)
    marks = transaction(board.marks)
    days = transaction(board.days)
    newest_editions = transaction(board.newest_editions)
    done_by_people = transaction(board.done_by_people)
    ranking = transaction(board.ranking)
    newest_of_each = transaction(board.newest_of_each)
    newest_sheets = transaction(board.newest_sheets)
    to_follow_up = transaction(board.to_follow_up)
    intake_limits = transaction(limits.intake_limits)
    note_intake_limit = transaction(limits.note_intake_limit)
    mark_limit_notified = transaction(limits.mark_limit_notified)

    # Messages to people.
    notify = transaction(notifications.notify)
    due_notifications = transaction(notifications.due)
    hand_over = transaction(notifications.hand_over)
    mark_sent = transaction(notifications.mark_sent)
    postpone = transaction(notifications.postpone)
    discard_notifications = transaction(notifications.discard)
    last_notifications = transaction(notifications.last)

    # Change log and fixity.
    change_log_state = transaction(pending_changes.change_log_state)
    write_segment = transaction(pending_changes.write_segment)
    record_again = transaction(pending_changes.record_again)
    last_segments = transaction(objects.last_segments)
    stored_objects = transaction(objects.stored_objects)
    expired_objects = transaction(objects.expired_objects)
    fixity_checks = transaction(objects.fixity_checks)
    record_fixity = transaction(objects.record_fixity)
    is_known = transaction(objects.is_known)
