"""Zips sent again, replaced, half reviewed: each file of one exactly once, whatever happens in between."""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from baosong.campaign import Campaign
from baosong.ledger import Ledger, Submission
from baosong.ledger.services import Services
from baosong.pipeline import archive, check, discover, reply
from baosong.preservation import records
from baosong.rules.findings import Kind
from baosong.store.read_once import ReadOnce
from baosong.store.storage import StorageError
from baosong.validation import check as checks
from baosong_local.samples import sheets
from intake_run import (
    CODE,
    Killed,
    finished,
    keys,
    killed_at,
    piece,
    receipts,
    rows,
    run,
    states,
)
from package_help import OF_SMALL, SMALL, members, packed, send, whole

# --- again, corrected, replaced


def test_the_same_zip_twice_is_acknowledged_and_counts_once(services: Services, campaign: Campaign) -> None:
    for name in ("材料.zip", "材料.zip", "另一个名字.zip"):
        send(services, packed(SMALL), name)
        run(services)
    assert Counter(states(services)) == {"accepted": 3, "duplicate": 6, "rejected": 6}
    assert services.ledger.completeness(campaign)[CODE][Kind.PRESS].accepted == 2
    assert len(receipts(services)) == 3
    whole(services)


def test_a_corrected_zip_replaces_by_name(services: Services, campaign: Campaign) -> None:
    send(services, packed(SMALL))
    run(services)
    send(services, packed(SMALL | {"媒体报道/二.txt": piece("改"), "媒体报道/空.txt": piece("不空了")}))
    run(services)
    first, second = members(services)[:4], members(services)[4:]
    assert [row.state for row in first] == ["accepted", "superseded", "rejected", "rejected"]
    assert [row.state for row in second] == ["duplicate", "accepted", "accepted", "rejected"]
    assert [row.state for row in rows(services) if not row.member] == ["superseded", "accepted"]
    assert services.ledger.completeness(campaign)[CODE][Kind.PRESS].accepted == 3
    whole(services)


def test_two_zips_with_files_of_the_same_names_are_all_kept(services: Services) -> None:
    for n in range(2):
        send(services, packed({"媒体报道/1.txt": piece(str(n))}), f"第{n}区.zip")
    run(services)
    assert states(services) == ["accepted"] * 4
    whole(services)


def test_a_zip_alike_to_the_second_with_a_finished_one_is_unpacked_anew(services: Services) -> None:
    send(services, packed(SMALL))
    run(services)
    send(services, packed(SMALL))
    (again,) = services.storage.list("intake")

    def stamp(row: Submission) -> None:
        row.identity = row.identity.replace(bundle.identity, again.identity)
        row.etag, row.modified_at = again.etag, again.modified

    bundle = next(row for row in rows(services) if not row.member)
    for row in rows(services):
        services.ledger.run(lambda s, id=row.id: stamp(s.get_one(Submission, id)))
    run(services)
    assert [row.arrival for row in rows(services)] == [1] * 5 + [2] * 5
    assert finished(services)


@pytest.mark.parametrize("moment", ["before_check", "during_check", "before_filing", "during_filing", "before_removal"])
def test_a_zip_replaced_at_any_moment_is_judged_by_its_own_bytes(
    services: Services, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(services, packed({"媒体报道/一.txt": piece("旧1"), "媒体报道/二.txt": piece("旧2")}))
    new = packed({"媒体报道/一.txt": piece("新1"), "媒体报道/二.txt": piece("新2")})
    place = ("2023", CODE)

    def replaced_first(at: Any, name: str, number: int) -> None:
        real, calls = getattr(at, name), iter(range(100))

        def then(*args: Any, **more: Any) -> Any:
            if next(calls) == number:
                send(services, new)
            return real(*args, **more)

        monkeypatch.setattr(at, name, then)

    discover.find_new(services)
    if moment == "before_check":
        send(services, new)
    if moment == "during_check":
        replaced_first(checks, "check", 1)
    check.check(services, *place)
    monkeypatch.undo()
    if moment == "before_filing":
        send(services, new)
    if moment == "during_filing":
        replaced_first(records, "put_verified", 1)
    archive.archive(services, *place)
    monkeypatch.undo()
    if moment == "before_removal":
        send(services, new)
    reply.reply(services, *place)
    run(services)
    counted = Counter(
        (row.slot, row.state) for row in members(services) if row.state in ("accepted", "received", "checked")
    )
    assert counted == {("材料/媒体报道/一.txt", "accepted"): 1, ("材料/媒体报道/二.txt", "accepted"): 1}
    assert [row.sha256 for row in members(services)[-2:]] == [_sha(piece("新1")), _sha(piece("新2"))]
    whole(services)


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_zip_deleted_while_half_reviewed_takes_the_rest_with_it(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = send(services, packed(SMALL))
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_check", dies_at(Ledger.record_check, 2))
        with pytest.raises(Killed):
            run(services)
    assert Counter(states(services)) == {"received": 3, "checked": 2}
    services.storage.remove("intake", key)
    run(services)
    assert Counter(states(services)) == {"withdrawn": 5}
    assert finished(services)


# --- killed, ill, crowded


def dies_at(effect: Any, number: int, after: bool = False) -> Any:
    """Return an effect that ends the process at its `number`-th call, counted from 0."""
    calls = iter(range(1000))
    deadly = killed_at(effect, after)

    def counted(*args: Any, **more: Any) -> Any:
        return (deadly if next(calls) == number else effect)(*args, **more)

    return counted


def test_a_store_that_fails_midway_leaves_work_for_the_next_run(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(services, packed(SMALL))
    real, calls = ReadOnce.source, iter(range(100))

    def flaky(*args: Any) -> Any:
        if next(calls) == 6:
            raise StorageError("对象存储未能完成")
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(ReadOnce, "source", flaky)
        with pytest.raises(StorageError):
            run(services)
    run(services)
    assert Counter(states(services)) == OF_SMALL
    whole(services)


def test_one_file_that_breaks_a_parser_does_not_keep_the_others_from_an_answer(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = send(services, packed(SMALL))
    real = checks.check

    def ill(source: Any, *more: Any) -> Any:
        if source.name == "二.txt":
            raise RuntimeError("a parser nobody foresaw")
        return real(source, *more)

    discover.find_new(services)
    with monkeypatch.context() as patch:
        patch.setattr(checks, "check", ill)
        with pytest.raises(RuntimeError, match="nobody foresaw"):
            check.check(services, "2023", CODE)
    archive.archive(services, "2023", CODE)
    reply.reply(services, "2023", CODE)
    assert Counter(states(services)) == {"received": 2, "accepted": 1, "rejected": 2}
    assert keys(services, "intake") == [key]  # the zip stays until all that is in it is filed
    run(services)
    assert Counter(states(services)) == OF_SMALL
    assert len(receipts(services)) == 2
    whole(services)


def test_the_files_of_a_zip_are_checked_with_it_and_not_alone(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(services, packed(SMALL))
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_check", dies_at(Ledger.record_check, 0))
        with pytest.raises(Killed):
            run(services)
    bundle, *members = (row.id for row in rows(services))
    assert check.check(services, "2023", CODE, members) == []
    assert [done["name"] for done in check.check(services, "2023", CODE, [bundle])][-1] == "材料.zip"


def test_concurrent_runs_leave_no_doubles(services: Services) -> None:
    for n in range(3):
        send(services, packed(SMALL | {"媒体报道/三.txt": piece(str(n))}), f"{n}.zip")
    desks = [Services.open(services.settings) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, desks))
    run(services)
    assert Counter(states(services)) == {"accepted": 3 + 2 + 3, "duplicate": 4, "rejected": 6}
    whole(services)
    for other in desks:
        other.ledger.close()


def test_the_outbox_of_a_zip_holds_marked_copies_of_its_sheets(services: Services, campaign: Campaign) -> None:
    sheet = sheets.make_sheet(campaign, campaign.prefecture(CODE), 1)
    send(services, packed({"统计表/统计表.xlsx": sheets.wrong_total(sheet)}))
    run(services)
    (copy,) = keys(services, "outbox", "统计表.xlsx")
    assert "批注" in copy
