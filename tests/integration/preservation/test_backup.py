"""What was destroyed comes back from a backup: rows, bytes, receipts, and what was still waiting."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from baosong.campaign import Campaign
from baosong.ledger import migrations, snapshot
from baosong.ledger.services import Services
from baosong.pipeline import discover
from baosong.pipeline.publish import publish_report
from baosong.preservation import records
from baosong.preservation.backup import BackupRefused, Made, backup, kept_in, newest, path_of
from baosong.preservation.restore import Restored, restore
from baosong.store.settings import BUCKETS
from baosong_local.samples.sheets import make_sheet
from intake_run import CODE, audit, drop, piece, receipts, rows, run
from package_help import packed, send
from preservation_help import NOTHING, lose, rich_history, verified

pytestmark = [pytest.mark.xdist_group("backup"), pytest.mark.ledger_owner]

NOW = datetime(2023, 6, 20, tzinfo=UTC)
OF_THE_OBJECT = ("identity", "etag", "modified_at", "version_id", "member")  # which the store gives anew


def made(services: Services, folder: Path, days: int = 0, progress: Callable[..., object] = NOTHING) -> Made:
    return backup(services, folder, NOW + timedelta(days=days), lambda *at: progress(*at) and None)


def back(services: Services, folder: Path) -> Restored:
    return restore(services, folder, NOTHING)


def destroy(services: Services) -> None:
    for bucket in BUCKETS:
        for stored in [*services.storage.list(bucket)]:
            services.storage.remove(bucket, stored.key)
    lose(services)


def everything(services: Services) -> dict[tuple[str, str], bytes]:
    return {(b, s.key): services.storage.read(b, s.key) for b in BUCKETS for s in services.storage.list(b)}


def ledger(services: Services) -> list[tuple[str, Any]]:
    """Return all rows of all tables, without what a store says of an object that still waits there."""
    found: list[tuple[str, Any]] = []
    for table, line in snapshot.take(services.ledger.engine):
        row = json.loads(line) if table != "revision" else line
        if table == "submission" and row["replied_at"] is None:
            row = {name: value for name, value in row.items() if name not in OF_THE_OBJECT}
        if table != "unwritten":  # which notes that those rows were changed
            found.append((table, row))
    return found


def with_something_waiting(services: Services, campaign: Campaign) -> None:
    """Leave two files that are known and not checked, one of them a zip, and one that nobody has listed yet."""
    rich_history(services, campaign)
    drop(services, piece("等"), "等.txt")
    send(services, packed({"媒体报道/三.txt": piece("包三")}), "又一包.zip")
    discover.find_new(services)
    drop(services, piece("刚到"), "刚到.txt")


def test_what_was_destroyed_comes_back_row_by_row_and_byte_by_byte_and_goes_on(
    services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    with_something_waiting(services, campaign)
    had, bytes_had = ledger(services), everything(services)
    received = {row.key: row.received_at for row in rows(services)}
    kept = made(services, tmp_path / "备份")
    assert (kept.objects, kept.rows) == (len(bytes_had), len([*snapshot.take(services.ledger.engine)]) - 1)
    destroy(services)

    done = back(services, tmp_path / "备份")

    assert (done.rows, done.objects) == (kept.rows, kept.objects)
    assert ledger(services) == had
    assert everything(services) == bytes_had
    run(services)
    waited = [row for row in rows(services) if row.name in ("等.txt", "三.txt", "刚到.txt")]
    assert [(row.state, row.replied_at is None) for row in waited] == [("accepted", False)] * 3
    assert {row.key: row.received_at for row in rows(services) if row.key in received} == received
    assert verified(services, campaign_id=None).faults == {}
    assert publish_report(services, "2023", "interim", NOW) is not None


def test_a_report_is_not_written_again_after_a_restore_where_nothing_has_changed(
    services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    sheet = make_sheet(campaign, campaign.prefecture(CODE), 1)
    drop(services, sheet.content, sheet.name, "统计表")
    run(services)
    publish_report(services, "2023", "interim", NOW)
    before = everything(services)
    made(services, tmp_path / "b")
    destroy(services)
    back(services, tmp_path / "b")

    publish_report(services, "2023", "interim", NOW)

    reports = {place: data for place, data in everything(services).items() if place[0] == "reports"}
    assert reports == {place: data for place, data in before.items() if place[0] == "reports"}


def test_a_second_point_fetches_what_is_new_and_is_the_one_restored(services: Services, tmp_path: Path) -> None:
    drop(services, piece("一"), "一.txt")
    run(services)
    first = made(services, tmp_path / "b")
    drop(services, piece("二"), "二.txt")
    run(services)

    second = made(services, tmp_path / "b", days=1)

    fresh = {k.sha256 for k in kept_in(second.point)} - {k.sha256 for k in kept_in(first.point)}
    assert 0 < second.fetched <= len(fresh) + 1 < second.objects  # the status page is written anew at each receipt
    destroy(services)
    assert back(services, tmp_path / "b").point == second.point
    assert [row.name for row in rows(services)] == ["一.txt", "二.txt"]


def test_every_file_has_its_bytes_record_and_one_receipt_after_a_restore(services: Services, tmp_path: Path) -> None:
    for number, word in enumerate("一二三", 1):
        drop(services, piece(word), f"{word}.txt")
        if number < 3:
            run(services)
    drop(services, b"", "空.txt")
    discover.find_new(services)
    made(services, tmp_path / "b")
    destroy(services)
    back(services, tmp_path / "b")

    run(services)

    audit(services)
    assert len(rows(services)) == 4


def test_what_is_answered_while_the_backup_runs_is_not_taken_for_new_after_a_restore(
    services: Services, tmp_path: Path
) -> None:
    drop(services, piece("甲"), "甲.txt")
    discover.find_new(services)

    def answered_meanwhile(title: str, _done: int, _total: int) -> None:
        if title == "备份 intake" and not receipts(services):
            run(services)

    made(services, tmp_path / "b", progress=answered_meanwhile)
    destroy(services)
    back(services, tmp_path / "b")
    run(services)

    assert [(row.name, row.state) for row in rows(services)] == [("甲.txt", "accepted")]
    assert [len(receipt["files"]) for receipt in receipts(services)] == [1]


def test_what_is_answered_after_the_ledger_was_read_does_not_stop_the_restored_system(
    services: Services, tmp_path: Path
) -> None:
    """The change log would hold a segment that the restored ledger has not written, and refuse every other."""
    drop(services, piece("甲"), "甲.txt")
    run(services)
    drop(services, piece("乙"), "乙.txt")

    def answered_meanwhile(title: str, _done: int, _total: int) -> None:
        if title == "备份 outbox" and len(receipts(services)) == 1:
            run(services)

    made(services, tmp_path / "b", progress=answered_meanwhile)
    assert len(receipts(services)) == 2
    destroy(services)
    back(services, tmp_path / "b")
    drop(services, piece("丙"), "丙.txt")

    run(services)

    assert {(row.name, row.state) for row in rows(services)} == {(f"{n}.txt", "accepted") for n in "甲乙丙"}
    assert verified(services).faults == {}


def test_an_object_that_goes_or_is_replaced_while_the_backup_runs_does_not_end_it(
    services: Services, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        services.storage.put("reports", f"x/{name}", name.encode())

    def changed_meanwhile(title: str, done: int, _total: int) -> None:
        if (title, done) == ("备份 reports", 1):
            services.storage.put("reports", "x/b", b"longer than before")
            services.storage.remove("reports", "x/c")

    point = made(services, tmp_path / "b", progress=changed_meanwhile).point

    kept = {k.key: path_of(tmp_path / "b", k.sha256).read_bytes() for k in kept_in(point) if k.bucket == "reports"}
    assert kept == {"x/a": b"a", "x/b": b"longer than before"}


def test_a_damaged_backup_is_refused_before_anything_is_put_back(services: Services, tmp_path: Path) -> None:
    drop(services, piece("一"), "一.txt")
    run(services)
    point = made(services, tmp_path / "b").point
    victim = next(k for k in kept_in(point) if k.bucket == "archive")
    path_of(tmp_path / "b", victim.sha256).write_bytes(b"not that")
    destroy(services)

    with pytest.raises(BackupRefused, match="1 个文件缺失或已损坏"):
        back(services, tmp_path / "b")

    assert everything(services) == {}


def test_a_system_in_use_is_refused_and_stays_as_it_is(services: Services, tmp_path: Path) -> None:
    drop(services, piece("一"), "一.txt")
    run(services)
    made(services, tmp_path / "b")
    before = everything(services)

    with pytest.raises(BackupRefused, match="台账不是空的"):
        back(services, tmp_path / "b")
    lose(services)
    key = next(key for bucket, key in before if bucket == "archive" and not records.is_segment(key))
    services.storage.put("archive", key, b"of somebody else")
    with pytest.raises(BackupRefused, match="内容与备份不同"):
        back(services, tmp_path / "b")

    assert everything(services) == {**before, ("archive", key): b"of somebody else"}


def test_a_restore_that_was_cut_off_is_begun_again_and_ends_the_same(services: Services, tmp_path: Path) -> None:
    drop(services, piece("一"), "一.txt")
    run(services)
    drop(services, piece("等"), "等.txt")
    discover.find_new(services)
    made(services, tmp_path / "b")
    had, bytes_had = ledger(services), everything(services)
    destroy(services)

    def cut_off(title: str, done: int, total: int) -> None:
        if title == "恢复文件" and done == total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(services, tmp_path / "b", cut_off)
    back(services, tmp_path / "b")

    assert (ledger(services), everything(services)) == (had, bytes_had)


def test_a_file_of_the_backup_that_lost_bytes_is_fetched_again_by_the_next(services: Services, tmp_path: Path) -> None:
    services.storage.put("reports", "x/a", b"all of it")
    (kept,) = [k for k in kept_in(made(services, tmp_path / "b").point) if k.bucket == "reports"]
    path_of(tmp_path / "b", kept.sha256).write_bytes(b"all")

    assert made(services, tmp_path / "b", days=1).fetched == 1
    destroy(services)
    back(services, tmp_path / "b")

    assert services.storage.read("reports", "x/a") == b"all of it"


@pytest.mark.parametrize("name", ["ledger.jsonl.gz", "objects.jsonl.gz", "point.json"])
def test_a_point_that_was_not_written_to_its_end_is_refused(name: str, services: Services, tmp_path: Path) -> None:
    services.storage.put("reports", "x/a", b"a")
    file = made(services, tmp_path / "b").point / name
    file.write_bytes(file.read_bytes()[:-5])
    destroy(services)

    with pytest.raises(BackupRefused, match=rf"{name} 已损坏或不完整"):
        back(services, tmp_path / "b")

    assert everything(services) == {}


def test_a_backup_of_a_later_version_is_refused(services: Services, tmp_path: Path) -> None:
    with services.ledger.engine.begin() as connection:
        connection.execute(text("UPDATE ledger_revision SET version_num = 'r9999'"))
    made(services, tmp_path / "b")
    destroy(services)

    with pytest.raises(BackupRefused, match="更新的版本（r9999）"):
        back(services, tmp_path / "b")


def test_what_a_prefecture_has_sent_since_is_not_overwritten(services: Services, tmp_path: Path) -> None:
    drop(services, piece("旧"), "表.txt")
    discover.find_new(services)
    made(services, tmp_path / "b")
    destroy(services)
    drop(services, piece("新"), "表.txt")  # of the same size

    with pytest.raises(BackupRefused, match="内容与备份不同"):
        back(services, tmp_path / "b")

    assert [*everything(services).values()] == [piece("新")]


def test_an_archive_that_went_on_is_left_to_be_rebuilt_from(services: Services, tmp_path: Path) -> None:
    drop(services, piece("一"), "一.txt")
    run(services)
    made(services, tmp_path / "b")
    drop(services, piece("二"), "二.txt")
    run(services)
    before = everything(services)
    lose(services)

    with pytest.raises(BackupRefused, match="rebuild-ledger"):
        back(services, tmp_path / "b")

    assert everything(services) == before


def test_two_backups_at_once_do_not_meet_and_what_a_killed_one_left_is_removed(
    services: Services, tmp_path: Path
) -> None:
    services.storage.put("reports", "x/a", b"a")
    refused: list[str] = []

    def another(_title: str, _done: int, _total: int) -> None:
        with pytest.raises(BackupRefused) as told:
            made(services, tmp_path / "b", days=1)
        refused.append(str(told.value))

    made(services, tmp_path / "b", progress=another)
    assert "另一个备份正在写" in refused[0]
    (tmp_path / "b" / "fetching-x").write_bytes(b"half of a film")
    (tmp_path / "b" / "points" / "20230101T000000Z.part").mkdir()

    made(services, tmp_path / "b", days=2)

    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == ["baosong-backup.txt", "objects", "points"]
    assert [p.suffix for p in (tmp_path / "b" / "points").iterdir()] == ["", ""]


@pytest.mark.parametrize("there", ["a_file", "somebody_elses_folder"])
def test_a_place_that_is_no_backup_is_neither_written_to_nor_read(
    there: str, services: Services, tmp_path: Path
) -> None:
    place = tmp_path / "照片"
    if there == "a_file":
        place.write_bytes(b"x")
    else:
        place.mkdir()
        (place / "一.jpg").write_bytes(b"x")

    with pytest.raises(BackupRefused, match="不是备份文件夹"):
        made(services, place)
    with pytest.raises(BackupRefused, match="没有完整的备份"):
        newest(place)

    assert [p.name for p in (place.iterdir() if place.is_dir() else [place])] == [
        "照片" if there == "a_file" else "一.jpg"
    ]


def test_configuration_comes_back_and_what_differs_is_named_and_left(services: Services, tmp_path: Path) -> None:
    campaigns = tmp_path / "campaigns"
    campaigns.mkdir()
    (campaigns / "2031.yaml").write_text("a: 1\n")
    (campaigns / "2032.yaml").write_text("b: 1\n")
    (campaigns / "2033").mkdir()
    (campaigns / "2033" / "a.yaml").write_text("c: 1\n")
    (campaigns / "2031.yaml.lock").symlink_to("nowhere")  # as an editor leaves it
    services.settings.campaign_dirs.append(campaigns)
    name = f"campaigns-{len(services.settings.campaign_dirs) - 1}"
    made(services, tmp_path / "b")
    destroy(services)
    (campaigns / "2031.yaml").unlink()
    shutil.rmtree(campaigns / "2033")
    (campaigns / "2033").write_text("where nothing can be written")
    (campaigns / "2032.yaml").write_text("b: 2\n")

    done = back(services, tmp_path / "b")

    assert (done.configuration, done.left) == ([campaigns / "2031.yaml"], [campaigns / "2032.yaml"])
    assert done.failed == [(campaigns / "2033" / "a.yaml", done.point / "configuration" / name / "2033" / "a.yaml")]
    assert (campaigns / "2031.yaml").read_text() == "a: 1\n"
    assert (campaigns / "2032.yaml").read_text() == "b: 2\n"


@pytest.mark.parametrize("revision", ["r0009", "r0011", "r0013"])
def test_a_ledger_of_an_earlier_release_is_brought_up_to_date_and_goes_on(
    revision: str, services: Services, campaign: Campaign
) -> None:
    sheet = make_sheet(campaign, campaign.prefecture(CODE), 1)
    drop(services, sheet.content, sheet.name, "统计表")
    drop(services, b"", "空.txt")
    run(services)
    drop(services, piece("等"), "等.txt")
    discover.find_new(services)
    lines = [*snapshot.take(services.ledger.engine)][1:]
    with services.ledger.engine.begin() as connection:
        migrations.downgrade(connection)
    services.ledger.migrate(revision)
    there = set(inspect(services.ledger.engine).get_table_names())
    known = [line for line in lines if line[0] in there]

    with services.ledger.engine.begin() as connection:
        snapshot.load(connection, [("revision", revision), *known])

    assert [line for line in snapshot.take(services.ledger.engine) if line[0] in there] == known
    run(services)
    audit(services)
    assert sorted(row.state for row in rows(services)) == ["accepted", "accepted", "rejected"]
