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

from baosong.campaign import Campaign, CampaignError, Deliverable, Prefecture
from baosong.campaign.model import RULES_REVISION
from baosong.ledger import Filed, LimitReached, State, Submission, figure, is_unpacked, verdict_of
from baosong.ledger.services import Services
from baosong.pipeline import cross_file, discover, outbox, source_object, stream_and_hash, unpack
from baosong.preservation import change_log, records
from baosong.receipts import sheet_results, thumbnails
from baosong.rules.findings import Checked, Finding, Kind, Verdict, error, warning
from baosong.store.keys import parse_key
from baosong.store.s3 import StorageError
from baosong.validation import check as checks
from baosong.validation import packages
from baosong.validation.common import antivirus
from baosong.validation.packages import contents

log = logging.getLogger(__name__)

Work = dict[str, Any]


def find_new(services: Services) -> list[Work]:
    """Record what has arrived in the intake and return one piece of work for every prefecture with unfinished files.

    Each is `{"campaign", "prefecture", "name", "files"}`. What belongs to no prefecture is answered here and now.
    LedgerLost if the ledger is blank though the archive has the journal of another.
    """
    change_log.write_all(services)
    campaigns = _usable_campaigns(services)
    discover.record(services, sorted(discover.unknown(services), key=lambda s: (s.modified, s.key)), campaigns)
    _settle_unplaced(services, campaigns)
    return [
        {"campaign": campaign_id, "prefecture": code, "name": prefecture.name, "files": files}
        for campaign_id, code, files in services.ledger.unfinished()
        if (prefecture := discover.prefecture_of(campaigns.get(campaign_id), code)) is not None
    ]


def check(services: Services, campaign_id: str, code: str, kinds: Sequence[str]) -> list[Work]:
    """Check a prefecture's received files of these kinds; what no kind could be told of goes with the reports.

    An error that no check knows, on one file, does not keep the others from being checked; it is raised at the end.
    """
    campaign = services.campaigns.get(campaign_id)
    wanted: list[str | None] = [*kinds, None] if Kind.REPORT in kinds else [*kinds]
    prefecture = campaign.prefecture(code)
    rows = services.ledger.waiting(campaign_id, code, State.RECEIVED, wanted)
    return _each(rows, lambda row: _check_one(services, row, campaign, prefecture))


def file_away(services: Services, campaign_id: str, code: str) -> list[Work]:
    """Bring a prefecture's checked files into archive or quarantine and decide in the ledger what they become.

    While another run is at the same prefecture this returns an empty list: that run does it all.
    """
    with services.ledger.advisory_lock(f"file_away:{campaign_id}:{code}") as mine:
        rows = services.ledger.waiting(campaign_id, code, State.CHECKED) if mine else []
        if campaign_id and cross_file.remark(services, rows, services.campaigns.get(campaign_id)):
            rows = services.ledger.waiting(campaign_id, code, State.CHECKED)
        rows = sorted(rows, key=is_unpacked)  # a bundle lies in the intake until all of its files are filed
        return [_file_one(services, row) for row in rows]


def reply(services: Services, campaign_id: str, code: str) -> Work | None:
    """Answer all of a prefecture's filed files with one receipt, then empty the intake of what was read.

    Receipts that an interrupted run left unfinished are written again first, the same as before. None: nothing to say.
    """
    campaign = services.campaigns.get(campaign_id)
    prefecture = campaign.prefecture(code)
    cells = services.ledger.completeness(campaign, [code])[code]
    services.ledger.allot_receipt(campaign_id, code, {kind.value: cell.as_json() for kind, cell in cells.items()})
    change_log.write(services, campaign_id, code)  # before anybody is told, and before the intake forgets
    unsent = services.ledger.unsent_receipts(campaign_id, code)
    written = [outbox.write_receipt(services, campaign, prefecture, receipt, files) for receipt, files in unsent]
    if not written:
        return None
    outbox.write_status(services, campaign, prefecture)
    answered = [row for _, files in unsent for row in files]
    _empty_intake(services, answered)
    change_log.write(services, campaign_id, code)
    return {"receipts": written, "number": unsent[-1][0].number, "files": len(answered)}


def newly_complete(services: Services) -> list[str]:
    """Return `campaign|prefecture` of all that are complete and were not announced yet."""
    return [
        f"{campaign_id}|{code}"
        for campaign_id, campaign in _usable_campaigns(services).items()
        if (open_codes := {p.code for p in campaign.prefectures} - services.ledger.announced(campaign_id))
        for code in services.ledger.complete_prefectures(campaign, open_codes)
    ]


def mark_announced(services: Services, keys: Collection[str]) -> None:
    """Remember that these `campaign|prefecture` were announced; repeating it does nothing."""
    for key in keys:
        campaign_id, _, code = key.rpartition("|")
        services.ledger.mark_announced(campaign_id, [code])


def _usable_campaigns(services: Services) -> dict[str, Campaign]:
    """Return the campaigns whose files are right; a wrong one must not stop the others, its files wait."""
    found: dict[str, Campaign] = {}
    for campaign_id in services.campaigns.ids():
        try:
            found[campaign_id] = services.campaigns.get(campaign_id)
        except CampaignError as wrong:
            log.error("campaign %s is left out: %s", campaign_id, wrong)
    return found


# --- what belongs to nobody


def _settle_unplaced(services: Services, campaigns: dict[str, Campaign]) -> None:
    """See the files that belong to nobody through: noted, quarantined, answered."""
    for row in services.ledger.waiting("", "", State.RECEIVED):
        if not source_object.withdraw_if_changed(services, row):
            services.ledger.record_check(row.id, Checked([_unplaced(row, campaigns)]), RULES_REVISION)
    file_away(services, "", "")
    services.ledger.allot_receipt("", "", {})
    change_log.write(services, "", "")
    for receipt, files in services.ledger.unsent_receipts("", ""):
        outbox.write_unplaced(services, receipt, files)
        _empty_intake(services, files)


def _unplaced(row: Submission, campaigns: dict[str, Campaign]) -> Finding:
    placed = parse_key(row.key)
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


def _check_one(services: Services, row: Submission, campaign: Campaign, prefecture: Prefecture) -> list[Work]:
    """Check one file, or a bundle with all that is in it, unless another run is at it."""
    with services.ledger.advisory_lock(f"check:{row.id}") as mine:
        if not mine or services.ledger.submission(row.id).state != State.RECEIVED:
            return []
        if source_object.withdraw_if_changed(services, row):
            return [_told(row, State.WITHDRAWN)]
        try:
            if row.kind is None and packages.is_bundle(source_object.source_of(services, row)):
                return _check_bundle(services, row, campaign, prefecture)
            return _check_file(services, row, campaign, prefecture)
        except Exception:
            if source_object.withdraw_if_changed(services, row):
                return [_told(row, State.WITHDRAWN)]
            raise


def _check_bundle(services: Services, row: Submission, campaign: Campaign, prefecture: Prefecture) -> list[Work]:
    """Unpack a bundle, check its files, then conclude; an earlier run may have done a part of that."""
    refused = unpack.unpack(services, row, campaign)
    if refused is not None:
        return _record_check(services, row, refused, campaign)
    waiting = [member for member in services.ledger.members(row.id) if member.state == State.RECEIVED]
    done = _each(waiting, lambda member: _check_file(services, member, campaign, prefecture))
    concluded = unpack.concluded(row, services.ledger.members(row.id))
    return [*done, *_record_check(services, row, concluded, campaign)]


def _check_file(services: Services, row: Submission, campaign: Campaign, prefecture: Prefecture) -> list[Work]:
    kind, clamd = Kind(row.kind) if row.kind else None, services.settings.clamd
    if row.member is None:
        source = source_object.source_of(services, row)
        checked = antivirus.checked(source, kind, clamd, lambda: checks.check(source, kind, campaign, prefecture))
    else:
        with source_object.fetched(services, row) as copy:
            inside, member = copy.source(row.name), source_object.member_of(row)
            checked = antivirus.checked(
                inside, kind, clamd, lambda: contents.judge(inside, member, kind, campaign, prefecture)
            )
    return _record_check(services, row, checked, campaign)


def _record_check(services: Services, row: Submission, checked: Checked, campaign: Campaign) -> list[Work]:
    """Record what was found. It counts only if the bytes stayed the same throughout."""
    if row.late and "bundle" not in checked.facts:  # its files say so
        checked.findings.append(_late(row, campaign))
    if not _fits(checked.figures or {}):
        checked.findings.append(_too_large())
        checked.figures = None
    if source_object.withdraw_if_changed(services, row):
        return [_told(row, State.WITHDRAWN)]
    sheet_results.write_page(services, row, checked, campaign)
    thumbnails.write_preview(services, row, checked)
    services.ledger.record_check(row.id, checked, campaign.rules_version)
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


def _late(row: Submission, campaign: Campaign) -> Finding:
    return warning(
        "file.late",
        "迟报：收到时已过截止时间",
        observed=row.received_at.astimezone(campaign.zone).strftime("%Y-%m-%d %H:%M"),
        expected=f"{campaign.deadline_text}前",
        fix="材料照常接收，无需重新报送；请在今后按时报送。",
    )


# --- filing and answering


def _file_one(services: Services, row: Submission) -> Work:
    """Bring one file to its place: copy, read back, record beside it, then the ledger's decision."""
    if source_object.withdraw_if_changed(services, row):
        return _told(row, State.WITHDRAWN)
    try:
        state = _stored_and_decided(services, row)
    except LimitReached:  # another run took the last place meanwhile: now that is known beforehand
        state = _stored_and_decided(services, row)
    except Exception:  # perhaps the object went away under our hands, or what was read is half of one, half of another
        if source_object.withdraw_if_changed(services, row):
            return _told(row, State.WITHDRAWN)
        raise
    return _told(row, state or State.WITHDRAWN)


def _stored_and_decided(services: Services, row: Submission) -> State | None:
    with stream_and_hash.of(services, row) as (copy, decided):
        if copy.size != row.size or source_object.changed(services, row):
            services.ledger.withdraw(row.id, "归档前文件已被替换或删除")
            return State.WITHDRAWN
        row, twin, most = _placed(services, decided(), copy.sha256)
        accepted = verdict_of(row) is Verdict.ACCEPTED
        bucket = "archive" if accepted else "quarantine"
        key = twin.archive_key if twin and twin.archive_key else _key_for(services, row, bucket, copy.sha256)
        records.put_verified(services.storage, bucket, key, copy)
        if accepted:
            thumbnails.write_frame(services, row, copy.file)
    record = records.describe(row, copy.sha256, datetime.now(UTC))
    filed_at = records.write_record(services.storage, bucket, key, record)
    state = services.ledger.file(row.id, Filed(copy.sha256, bucket, key, filed_at), most)
    _mend_records(services, bucket, key, filed_at)
    return state


def _key_for(services: Services, row: Submission, bucket: str, sha256: str) -> str:
    key = records.object_key(row, sha256)
    if any(filed.sha256 != sha256 for filed in services.ledger.filed_under(bucket, key)):
        return records.object_key(row, sha256, records.MORE_DIGITS)
    return key


def _mend_records(services: Services, bucket: str, key: str, filed_at: datetime) -> None:
    """Write again what was overwritten, where this run had lost its claim and another one had filed the same bytes."""
    rows = services.ledger.filed_under(bucket, key)
    if len(rows) > 1 or any(row.filed_at != filed_at for row in rows):
        told = [records.describe(row, row.sha256 or "", row.filed_at or filed_at) for row in rows]
        records.repair_records(services.storage, bucket, key, told)


def _placed(services: Services, row: Submission, sha256: str) -> tuple[Submission, Submission | None, int | None]:
    """Return a row, its twin, and how many of its kind are taken; one beyond that number is rejected by now."""
    if verdict_of(row) is not Verdict.ACCEPTED:
        return row, None, None
    asked = services.campaigns.get(row.campaign).deliverables
    deliverable = next((d for d in asked if d.kind == row.kind), None)  # none for a bundle
    most = deliverable.max if deliverable else None
    twin, full = services.ledger.conflicts(row, sha256, most)
    if full and deliverable:
        row = services.ledger.refuse(row.id, _too_many(deliverable))
        thumbnails.drop_preview(services, row)
        key = records.object_key(row, sha256)
        if not services.ledger.filed_under(
            "archive", key
        ):  # a run that found the last place taken may have left a copy
            records.discard(services.storage, "archive", key)
    return row, twin, most


def _too_many(deliverable: Deliverable) -> Finding:
    return error(
        "file.too_many",
        f"{deliverable.name}最多接收 {deliverable.max} 个，已经收满，这一个没有接收。",
        observed=f"已接收 {deliverable.max} 个",
        expected=f"不超过 {deliverable.max} 个",
        fix="已接收的不受影响。要用这一个换下已接收的某一个，请改成那个文件的名字，重新放入同一个文件夹。",
    )


def _empty_intake(services: Services, rows: Sequence[Submission]) -> None:
    """Remove from the intake the very bytes that were filed, and nothing newer under the same key."""
    for key in source_object.release(services, rows):
        log.info("%s: a newer object lies in the intake", key)
    services.ledger.mark_replied([row.id for row in rows])


def _told(row: Submission, state: State) -> Work:
    return {"id": row.id, "name": row.name, "kind": row.kind, "state": state.value}
