"""Whatever befalls the files of a written report, or the copies that make them whole, is found, named and mended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from baosong import archive, custody
from baosong.campaign import Campaign
from baosong.report import CHANGES, DOCUMENT, FIGURES, PAGE, PDF, WORKBOOK, claim, copies, write_report
from baosong.samples.sheets import make_sheet
from baosong.workdesk import Desk
from conftest import Store
from intake_run import CODE, drop, run
from test_custody import flip, verified

NOW = datetime(2023, 6, 1, 8, 0, tzinfo=UTC)
HASHED = (WORKBOOK, DOCUMENT, PAGE, CHANGES)
V1 = "2023/final/v1/"


@pytest.fixture
def on_disk(store: Store, desk: Desk) -> Callable[[str], Path]:
    """Return where the store keeps an object of the reports bucket."""
    return lambda key: store.server.data / desk.settings.s3.buckets["reports"] / key


@pytest.fixture
def report(desk: Desk, campaign: Campaign) -> Callable[..., str]:
    """Return a writer of editions, each of another sheet; it gives the folder."""

    def write(seed: int, kind: Literal["final", "interim"] = "final") -> str:
        drop(desk, make_sheet(campaign, campaign.prefecture(CODE), seed, 3).content, "统计表.xlsx", "统计表")
        run(desk)
        return str(write_report(desk, "2023", kind, NOW)["prefix"])

    return write


def copies_of(desk: Desk, prefix: str) -> dict[str, str]:
    """Return the keys of the copies of the files in a folder, by name."""
    (edition,) = (e for e in desk.ledger.standing("2023") if e.prefix == prefix)
    return {name: f"2023/_copies/{sha256}" for name, sha256 in edition.figures["files"].items()}


def total_of_reports(desk: Desk) -> int:
    """Return how many of the things that a verification counts are of the reports; that is said by the listing, too."""
    others = archive.parted(s.key for bucket in ("archive", "quarantine") for s in desk.storage.list(bucket))[0]
    pages = [s.key for s in desk.storage.list("archive") if archive.is_page(s.key)]
    return verified(desk).total - len(others) - len(pages)


def of_reports(faults: dict[str, list[str]]) -> dict[str, str]:
    return {place.removeprefix("reports/"): said for place, (said,) in faults.items()}


def test_a_flipped_byte_in_any_file_of_a_report_or_its_copy_is_found_named_and_counted(
    desk: Desk, on_disk: Callable[[str], Path], report: Callable[..., str]
) -> None:
    report(1)
    assert (verified(desk).faults, total_of_reports(desk)) == ({}, 5 + 4)
    laid_by = copies_of(desk, V1)
    for key in (*(f"{V1}{name}" for name in (*HASHED, FIGURES)), *laid_by.values()):
        right = hashlib.sha256(on_disk(key).read_bytes()).hexdigest()
        flip(on_disk(key))
        wrong = hashlib.sha256(on_disk(key).read_bytes()).hexdigest()
        (place, said), *more = of_reports(verified(desk).faults).items()
        assert (place, more) == (key, [])
        assert f"实为 {wrong}" in said
        assert key.endswith(FIGURES) or f"sha256 应为 {right}" in said
        flip(on_disk(key))
    assert verified(desk).faults == {}


def test_what_is_gone_is_found_by_the_listing_alone(
    desk: Desk, on_disk: Callable[[str], Path], report: Callable[..., str]
) -> None:
    report(1)
    gone = [f"{V1}{DOCUMENT}", copies_of(desk, V1)[PAGE]]
    for key in gone:
        on_disk(key).unlink()
    found = of_reports(verified(desk, lambda items: []).faults)
    assert found == dict.fromkeys(gone, "对象缺失：台账登记了它，存储中没有")


def test_only_the_newest_edition_of_a_folder_is_held_against_it(desk: Desk, report: Callable[..., str]) -> None:
    """The interim report of the morning was written over in the evening; its copies may go, or may still be there."""
    morning = copies_of(desk, report(1, "interim"))
    evening = copies_of(desk, report(2, "interim"))
    assert morning[WORKBOOK] != evening[WORKBOOK]
    assert (verified(desk).faults, total_of_reports(desk)) == ({}, 5 + 4)
    desk.storage.remove("reports", morning[WORKBOOK])
    assert verified(desk).faults == {}


def test_a_report_that_is_being_written_over_is_told_only_when_nobody_writes_it_any_more(
    desk: Desk, report: Callable[..., str]
) -> None:
    key = f"{report(1, 'interim')}{DOCUMENT}"
    with closing(Desk.open(desk.settings).ledger) as other, claim(other, "2023", "interim") as mine:
        assert mine
        desk.storage.put("reports", key, b"of the next one")
        assert verified(desk).faults == {}
    assert set(of_reports(verified(desk).faults)) == {key}


def test_mending_puts_a_file_right_by_its_copy_and_a_copy_by_its_file(
    desk: Desk, on_disk: Callable[[str], Path], report: Callable[..., str]
) -> None:
    """Also of a version that no run looks at any more; what is lost twice stays named, and nothing else with it."""
    report(1)
    report(2)
    laid_by = copies_of(desk, V1)
    mendable = {f"{V1}{DOCUMENT}", f"{V1}{FIGURES}", laid_by[PAGE]}
    lost = {f"{V1}{WORKBOOK}", laid_by[WORKBOOK]}
    for key in mendable | lost:
        flip(on_disk(key))
    desk.storage.put("reports", f"{V1}{PDF}", b"made of who knows which")
    assert not write_report(desk, "2023", "final", NOW)["new"]
    assert set(of_reports(verified(desk).faults)) == mendable | lost

    assert set(custody.mend_reports(desk, "2023")) == mendable
    assert set(of_reports(verified(desk).faults)) == lost
    pdf = desk.storage.head("reports", f"{V1}{PDF}")
    assert pdf is None or desk.storage.read("reports", f"{V1}{PDF}").startswith(b"%PDF")


def test_what_is_laid_by_again_takes_the_place_of_a_spoilt_copy_of_its_size(
    desk: Desk, on_disk: Callable[[str], Path]
) -> None:
    """The same file may be of another edition, which must not lean on a copy that nobody could use."""
    for _ in range(2):
        key = f"2023/_copies/{copies.lay_by(desk.storage, '2023', {PAGE: b'the same'})[PAGE]}"
        assert desk.storage.read("reports", key) == b"the same"
        flip(on_disk(key))


def test_the_next_report_puts_the_last_edition_right_and_until_then_it_is_named(
    desk: Desk, on_disk: Callable[[str], Path], report: Callable[..., str]
) -> None:
    report(1)
    flip(on_disk(f"{V1}{PAGE}"))
    assert set(of_reports(verified(desk).faults)) == {f"{V1}{PAGE}"}
    write_report(desk, "2023", "final", NOW)
    assert verified(desk, lambda items: []).faults == {}


def test_of_an_edition_from_before_hashes_were_stated_the_figures_are_compared(desk: Desk) -> None:
    stated: dict[str, Any] = {"totals": {"A01": "12"}, "missing": []}
    desk.ledger.add_edition("2023", "final", 1, V1, "1", stated)
    desk.storage.put("reports", f"{V1}{FIGURES}", b'{"missing": [], "totals": {"A01": "12"}}')
    assert (verified(desk).faults, verified(desk).total) == ({}, 1)
    desk.storage.put("reports", f"{V1}{FIGURES}", b'{"missing": [], "totals": {"A01": "13"}}')
    assert "与台账登记的数据不同" in of_reports(verified(desk).faults)[f"{V1}{FIGURES}"]


def test_an_interrupted_verification_does_not_read_again_what_it_read_of_a_report(
    desk: Desk, report: Callable[..., str]
) -> None:
    report(1)
    began = datetime.now(UTC)

    def before_the_last_two(done: int, total: int) -> None:
        if done == total - 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        custody.verify(desk, "2023", custody.since(began), before_the_last_two)
    assert verified(desk, custody.since(began)).read == 2


def test_all_campaigns_reports_are_read_where_none_is_named(desk: Desk) -> None:
    for campaign_id in ("2023", "2024"):
        files = copies.lay_by(desk.storage, campaign_id, {PAGE: campaign_id.encode()})
        desk.ledger.add_edition(campaign_id, "final", 1, f"{campaign_id}/final/v1/", "1", {"files": files})
    assert {place.split("/")[1] for place in verified(desk, campaign_id=None).faults} == {"2023", "2024"}
    assert {place.split("/")[1] for place in verified(desk, campaign_id="2024").faults} == {"2024"}
