"""The review of what was dropped: find, check, file away, reply. Each step looks at what is, never at what was told.

The effects follow one order, and each can be repeated: copy and read back (archive), record beside the copy, decide in
the ledger, note it in the journal, write the receipt, take the very bytes that were read out of the intake, mark as
replied.
A process killed between any two of them leaves work that the next run finds and finishes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import DBAPIError

from baosong import (
    antivirus,
    archive,
    bundles,
    checkpages,
    checks,
    crowding,
    journal,
    neighbours,
    origin,
    outbox,
    previews,
    reception,
    whole_read,
)
from baosong.bundles import contents, unpacking
from baosong.campaign import Campaign, CampaignError, Deliverable, Prefecture
from baosong.campaign.model import RULES_REVISION
from baosong.findings import Checked, Finding, Kind, Verdict, error, note, warning
from baosong.intake import DEEPEST, TOO_DEEP, place
from baosong.ledger import Filed, Full, State, Submission, figure, is_unpacked, verdict_of
from baosong.storage import StorageError
from baosong.workdesk import Desk

log = logging.getLogger(__name__)

Work = dict[str, Any]


def find_new(desk: Desk) -> list[Work]:
    """Record what has arrived in the intake and return one piece of work for every prefecture with unfinished files.

    Each is `{"campaign", "prefecture", "name", "files"}`. What belongs to no prefecture is answered here and now.
    LedgerLost if the ledger is blank though the archive has the journal of another.
    """
    journal.write_all(desk)
    campaigns = _usable_campaigns(desk)
    known, areas = desk.ledger.pending(), crowding.areas(desk.storage)
    reception.record(desk, reception.unknown(areas, known), campaigns)
    crowding.note(desk, areas, campaigns)
    _settle_unplaced(desk, campaigns)
    return [
        {"campaign": campaign_id, "prefecture": code, "name": prefecture.name, "files": files}
        for campaign_id, code, files in desk.ledger.unfinished()
        if (prefecture := reception.prefecture_of(campaigns.get(campaign_id), code)) is not None
    ]


def check(desk: Desk, campaign_id: str, code: str, kinds: Sequence[str]) -> list[Work]:
    """Check a prefecture's received files of these kinds; what no kind could be told of goes with the reports.

    An error that no check knows, on one file, does not keep the others from being checked; it is raised at the end.
    """
    campaign = desk.campaigns.get(campaign_id)
    wanted: list[str | None] = [*kinds, None] if Kind.REPORT in kinds else [*kinds]
    prefecture = campaign.prefecture(code)
    rows = desk.ledger.waiting(campaign_id, code, State.RECEIVED, wanted)
    return _each(rows, lambda row: _check_one(desk, row, campaign, prefecture))


def file_away(desk: Desk, campaign_id: str, code: str) -> list[Work]:
    """Bring a prefecture's checked files into archive or quarantine and decide in the ledger what they become.

    While another run is at the same prefecture this returns an empty list: that run does it all.
    """
    with desk.ledger.claim(f"file_away:{campaign_id}:{code}") as mine:
        rows = desk.ledger.waiting(campaign_id, code, State.CHECKED) if mine else []
        if campaign_id and neighbours.remark(desk, rows, desk.campaigns.get(campaign_id)):
            rows = desk.ledger.waiting(campaign_id, code, State.CHECKED)
        rows = sorted(rows, key=is_unpacked)  # a bundle lies in the intake until all of its files are filed
        return [_file_one(desk, row) for row in rows]


def reply(desk: Desk, campaign_id: str, code: str) -> Work | None:
    """Answer all of a prefecture's filed files with one receipt, then empty the intake of what was read.

    Receipts that an interrupted run left unfinished are written again first, the same as before. None: nothing to say.
    """
    campaign = desk.campaigns.get(campaign_id)
    prefecture = campaign.prefecture(code)
    cells = desk.ledger.completeness(campaign, [code])[code]
    desk.ledger.allot_receipt(campaign_id, code, {kind.value: cell.as_json() for kind, cell in cells.items()})
    journal.write(desk, campaign_id, code)  # before anybody is told, and before the intake forgets
    unsent = desk.ledger.unsent_receipts(campaign_id, code)
    written = [outbox.write_receipt(desk, campaign, prefecture, receipt, files) for receipt, files in unsent]
    if not written:
        return None
    outbox.write_status(desk, campaign, prefecture)
    answered = [row for _, files in unsent for row in files]
    _empty_intake(desk, answered)
    journal.write(desk, campaign_id, code)
    return {"receipts": written, "number": unsent[-1][0].number, "files": len(answered)}


def newly_complete(desk: Desk) -> list[str]:
    """Return `campaign|prefecture` of all that are complete and were not announced yet."""
    return [
        f"{campaign_id}|{code}"
        for campaign_id, campaign in _usable_campaigns(desk).items()
        if (open_codes := {p.code for p in campaign.prefectures} - desk.ledger.announced(campaign_id))
        for code in desk.ledger.complete_prefectures(campaign, open_codes)
    ]


def sweep_intake(desk: Desk) -> int:
    """Remove from the intake what programs left there and nobody means to send; return how many objects."""
    return crowding.sweep(desk, _usable_campaigns(desk))


def mark_announced(desk: Desk, keys: Collection[str]) -> None:
    """Remember that these `campaign|prefecture` were announced; repeating it does nothing."""
    for key in keys:
        campaign_id, _, code = key.rpartition("|")
        desk.ledger.mark_announced(campaign_id, [code])


def _usable_campaigns(desk: Desk) -> dict[str, Campaign]:
    """Return the campaigns whose files are right; a wrong one must not stop the others, its files wait."""
    found: dict[str, Campaign] = {}
    for campaign_id in desk.campaigns.ids():
        try:
            found[campaign_id] = desk.campaigns.get(campaign_id)
        except CampaignError as wrong:
            log.error("campaign %s is left out: %s", campaign_id, wrong)
    return found


# --- what belongs to nobody


def _settle_unplaced(desk: Desk, campaigns: dict[str, Campaign]) -> None:
    """See the files that belong to nobody through: noted, quarantined, answered."""
    for row in desk.ledger.waiting("", "", State.RECEIVED):
        if not origin.withdraw_if_changed(desk, row):
            desk.ledger.record_check(row.id, Checked([_unplaced(row, campaigns)]), RULES_REVISION)
    file_away(desk, "", "")
    desk.ledger.allot_receipt("", "", {})
    journal.write(desk, "", "")
    for receipt, files in desk.ledger.unsent_receipts("", ""):
        outbox.write_unplaced(desk, receipt, files)
        _empty_intake(desk, files)


def _unplaced(row: Submission, campaigns: dict[str, Campaign]) -> Finding:
    placed = place(row.key)
    if placed.campaign_id is None:
        what = "文件放在了最外层，看不出是哪次活动、哪个地州市的材料"
    elif placed.campaign_id not in campaigns:
        what = f"没有名为“{placed.campaign_id}”的活动"
    else:
        what = "所在的文件夹不属于这次活动的任何一个地州市"
    return error(
        "file.unplaced",
        what,
        observed=row.key,
        expected="活动/代码-地州市/材料文件夹/文件，例如 2023/6501-乌鲁木齐市/统计表/统计表.xlsx",
        fix="请放到本地州市自己的文件夹里重新报送。",
    )


# --- checks


def _each(rows: Sequence[Submission], do: Callable[[Submission], list[Work]]) -> list[Work]:
    """Do the same with each row; what is raised for one that is not the system's is raised when all are done."""
    done: list[Work] = []
    unknown: list[Exception] = []
    for row in rows:
        try:
            done += do(row)
        except (StorageError, DBAPIError):
            raise
        except Exception as ill:  # whatever a check did not foresee
            log.exception("check of submission %s failed", row.id)
            unknown.append(ill)
    if unknown:
        raise unknown[0] if len(unknown) == 1 else ExceptionGroup(f"{len(unknown)} checks failed", unknown)
    return done


def _check_one(desk: Desk, row: Submission, campaign: Campaign, prefecture: Prefecture) -> list[Work]:
    """Check one file, or a bundle with all that is in it, unless another run is at it."""
    with desk.ledger.claim(f"check:{row.id}") as mine:
        if not mine or desk.ledger.submission(row.id).state != State.RECEIVED:
            return []
        if origin.withdraw_if_changed(desk, row):
            return [_told(row, State.WITHDRAWN)]
        try:
            if row.kind is None and bundles.is_bundle(origin.source_of(desk, row)):
                return _check_bundle(desk, row, campaign, prefecture)
            return _check_file(desk, row, campaign, prefecture)
        except Exception:
            if origin.withdraw_if_changed(desk, row):
                return [_told(row, State.WITHDRAWN)]
            raise


def _check_bundle(desk: Desk, row: Submission, campaign: Campaign, prefecture: Prefecture) -> list[Work]:
    """Unpack a bundle, check its files, then conclude; an earlier run may have done a part of that."""
    refused = unpacking.unpack(desk, row, campaign)
    if refused is not None:
        return _record_check(desk, row, refused, campaign)
    waiting = [member for member in desk.ledger.members(row.id) if member.state == State.RECEIVED]
    done = _each(waiting, lambda member: _check_file(desk, member, campaign, prefecture))
    concluded = unpacking.concluded(row, desk.ledger.members(row.id))
    return [*done, *_record_check(desk, row, concluded, campaign)]


def _check_file(desk: Desk, row: Submission, campaign: Campaign, prefecture: Prefecture) -> list[Work]:
    kind, clamd = Kind(row.kind) if row.kind else None, desk.settings.clamd
    if row.member is None:
        source = origin.source_of(desk, row)
        checked = antivirus.checked(source, kind, clamd, lambda: checks.check(source, kind, campaign, prefecture))
    else:
        with origin.fetched(desk, row) as copy:
            inside, member = copy.source(row.name), origin.member_of(row)
            checked = antivirus.checked(
                inside, kind, clamd, lambda: contents.judge(inside, member, kind, campaign, prefecture)
            )
    return _record_check(desk, row, checked, campaign)


def _record_check(desk: Desk, row: Submission, checked: Checked, campaign: Campaign) -> list[Work]:
    """Record what was found. It counts only if the bytes stayed the same throughout."""
    if row.late and "bundle" not in checked.facts:  # its files say so
        checked.findings.append(_late(row, campaign))
    if row.member is None and row.folder == TOO_DEEP:
        checked.findings.append(_too_deep(row))
    if not _fits(checked.figures or {}):
        checked.findings.append(_too_large())
        checked.figures = None
    if origin.withdraw_if_changed(desk, row):
        return [_told(row, State.WITHDRAWN)]
    checkpages.write_page(desk, row, checked, campaign)
    previews.write_preview(desk, row, checked)
    desk.ledger.record_check(row.id, checked, campaign.rules_version)
    return [{**_told(row, State.CHECKED), "verdict": checked.verdict.value, "findings": len(checked.findings)}]


def _fits(figures: dict[str, Any]) -> bool:
    """Return whether the ledger's columns can hold every figure."""
    numbers = [item.get(name) for item in figures.get("indicators", []) for name in ("total", "offline", "online")]
    numbers += [item.get(name) for item in figures.get("activities", []) for name in ("offline", "online")]
    try:
        for number in numbers:
            figure(number)
    except ValueError:
        return False
    return True


def _too_large() -> Finding:
    return error(
        "statistics.out_of_range",
        "表里有数值大得无法登记",
        expected="小于一亿亿",
        fix="请检查是否误把电话、编号等填进了数字栏。",
    )


def _too_deep(row: Submission) -> Finding:
    return warning(
        "file.too_deep",
        f"文件放在第 {DEEPEST} 层以下的文件夹里，已取出，放到“{TOO_DEEP}”里校验",
        observed=row.key.partition("/")[2],
        expected=f"本地州市文件夹之下不超过 {DEEPEST} 层",
        fix="不必因此重新报送；请今后直接放进对应的材料文件夹。",
    )


def _late(row: Submission, campaign: Campaign) -> Finding:
    return warning(
        "file.late",
        "迟报：收到时已过截止时间",
        observed=row.received_at.astimezone(campaign.zone).strftime("%Y-%m-%d %H:%M"),
        expected=f"{campaign.deadline_text}前",
        fix="材料照常接收，无需重新报送；请在今后按时报送。",
    )


# --- filing and answering


def _file_one(desk: Desk, row: Submission) -> Work:
    """Bring one file to its place: copy, read back, record beside it, then the ledger's decision."""
    if origin.withdraw_if_changed(desk, row):
        return _told(row, State.WITHDRAWN)
    try:
        state = _stored_and_decided(desk, row)
    except Full:  # another run took the last place meanwhile: now that is known beforehand
        state = _stored_and_decided(desk, row)
    except Exception:  # perhaps the object went away under our hands, or what was read is half of one, half of another
        if origin.withdraw_if_changed(desk, row):
            return _told(row, State.WITHDRAWN)
        raise
    return _told(row, state or State.WITHDRAWN)


def _stored_and_decided(desk: Desk, row: Submission) -> State | None:
    with whole_read.of(desk, row) as (copy, decided):
        if copy.size != row.size or origin.changed(desk, row):
            desk.ledger.withdraw(row.id, "归档前文件已被替换或删除")
            return State.WITHDRAWN
        row, twin, most = _placed(desk, decided(), copy.sha256)
        accepted = verdict_of(row) is Verdict.ACCEPTED
        bucket = "archive" if accepted else "quarantine"
        key = twin.archive_key if twin and twin.archive_key else _key_for(desk, row, bucket, copy.sha256)
        archive.keep(desk.storage, bucket, key, copy)
        if accepted:
            previews.write_frame(desk, row, copy.file)
    record = archive.describe(row, copy.sha256, datetime.now(UTC))
    filed_at = archive.write_record(desk.storage, bucket, key, record)
    state = desk.ledger.file(row.id, Filed(copy.sha256, bucket, key, filed_at), duplicate_of, most)
    _mend_records(desk, bucket, key, filed_at)
    return state


def _key_for(desk: Desk, row: Submission, bucket: str, sha256: str) -> str:
    key = archive.object_key(row, sha256)
    if any(filed.sha256 != sha256 for filed in desk.ledger.filed_under(bucket, key)):
        return archive.object_key(row, sha256, archive.MORE_DIGITS)
    return key


def _mend_records(desk: Desk, bucket: str, key: str, filed_at: datetime) -> None:
    """Write again what was overwritten, where this run had lost its claim and another one had filed the same bytes."""
    rows = desk.ledger.filed_under(bucket, key)
    if len(rows) > 1 or any(row.filed_at != filed_at for row in rows):
        told = [archive.describe(row, row.sha256 or "", row.filed_at or filed_at) for row in rows]
        archive.mend_records(desk.storage, bucket, key, told)


def _placed(desk: Desk, row: Submission, sha256: str) -> tuple[Submission, Submission | None, int | None]:
    """Return a row, its twin, and how many of its kind are taken; one beyond that number is rejected by now."""
    if verdict_of(row) is not Verdict.ACCEPTED:
        return row, None, None
    asked = desk.campaigns.get(row.campaign).deliverables
    deliverable = next((d for d in asked if d.kind == row.kind), None)  # none for a bundle
    most = deliverable.max if deliverable else None
    twin, full = desk.ledger.place_for(row, sha256, most)
    if full and deliverable:
        row = desk.ledger.refuse(row.id, _too_many(deliverable))
        previews.drop_preview(desk, row)
        key = archive.object_key(row, sha256)
        if not desk.ledger.is_kept("archive", key):  # a run that found the last place taken may have left a copy
            archive.discard(desk.storage, "archive", key)
    return row, twin, most


def _too_many(deliverable: Deliverable) -> Finding:
    return error(
        "file.too_many",
        f"{deliverable.name}最多接收 {deliverable.max} 个，已经收满，这一个没有接收。",
        observed=f"已接收 {deliverable.max} 个",
        expected=f"不超过 {deliverable.max} 个",
        fix="已接收的不受影响。要用这一个换下已接收的某一个，请改成那个文件的名字，重新放入同一个文件夹。",
    )


def duplicate_of(twin: Submission) -> Finding:
    """Return the note for a file with the content of an accepted one."""
    return note(
        "file.duplicate",
        "内容与已接收的文件完全相同，不重复计入",
        observed=twin.name,
        fix="无需处理。如要更正，请报送改过的文件。",
    )


def _empty_intake(desk: Desk, rows: Sequence[Submission]) -> None:
    """Remove from the intake the very bytes that were filed, and nothing newer under the same key."""
    for key in origin.release(desk, rows):
        log.info("%s: a newer object lies in the intake", key)
    desk.ledger.mark_replied([row.id for row in rows])


def _told(row: Submission, state: State) -> Work:
    return {"id": row.id, "name": row.name, "kind": row.kind, "state": state.value}
