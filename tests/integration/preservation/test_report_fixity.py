"""Whatever befalls the files of a written report, or the copies that make them whole, is found, named and mended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.preservation import fixity, records
from baosong.report import edition_copies
from baosong.report.editions import edition_lock, write_report
from baosong.report.files import DOCUMENT, FIGURES, PAGE, PDF, TYPES, WORKBOOK
from baosong_local.samples.sheets import make_sheet
from intake_run import CODE, drop, run
from preservation_help import flip, verified
from servers import Store

NOW = datetime(2023, 6, 1, 8, 0, tzinfo=UTC)
HASHED = tuple(name for name in TYPES if name != FIGURES)
V1 = "2023/final/v1/"


@pytest.fixture
def on_disk(store: Store, services: Services) -> Callable[[str], Path]:
    """Return where the store keeps an object of the reports bucket."""
    return lambda key: store.server.data / services.settings.s3.buckets["reports"] / key


@pytest.fixture
def report(services: Services, campaign: Campaign) -> Callable[..., str]:
    """Return a writer of editions, each of another sheet; it gives the folder."""

    def write(seed: int, kind: Literal["final", "interim"] = "final") -> str:
        drop(services, make_sheet(campaign, campaign.prefecture(CODE), seed, 3).content, "统计表.xlsx", "统计表")
        run(services)
        return str(write_report(services, "2023", kind, NOW)["prefix"])

    return write


def copies_of(services: Services, prefix: str) -> dict[str, str]:
    """Return the keys of the copies of the files in a folder, by name."""
    (edition,) = (e for e in services.ledger.current_editions("2023") if e.prefix == prefix)
    return {name: f"2023/_copies/{sha256}" for name, sha256 in edition.figures["files"].items()}


def total_of_reports(services: Services) -> int:
    """Return how many of the things that a verification counts are of the reports; that is said by the listing, too."""
    others = records.split_records(
        s.key for bucket in ("archive", "quarantine") for s in services.storage.list(bucket)
    )[0]
    pages = [s.key for s in services.storage.list("archive") if records.is_segment(s.key)]
    return verified(services).total - len(others) - len(pages)


def of_reports(faults: dict[str, list[str]]) -> dict[str, str]:
    return {place.removeprefix("reports/"): said for place, (said,) in faults.items()}


def test_a_flipped_byte_in_any_file_of_a_report_or_its_copy_is_found_named_and_counted(
    services: Services, on_disk: Callable[[str], Path], report: Callable[..., str]
) -> None:
    report(1)
    assert (verified(services).faults, total_of_reports(services)) == ({}, 2 * len(HASHED) + 1)
    laid_by = copies_of(services, V1)
    for key in (*(f"{V1}{name}" for name in (*HASHED, FIGURES)), *laid_by.values()):
        right = hashlib.sha256(on_disk(key).read_bytes()).hexdigest()
        flip(on_disk(key))
        wrong = hashlib.sha256(on_disk(key).read_bytes()).hexdigest()
        (place, said), *more = of_reports(verified(services).faults).items()
        assert (place, more) == (key, [])
        assert f"实为 {wrong}" in said
        assert key.endswith(FIGURES) or f"sha256 应为 {right}" in said
        flip(on_disk(key))
    assert verified(services).faults == {}


def test_what_is_gone_is_found_by_the_listing_alone(
    services: Services, on_disk: Callable[[str], Path], report: Callable[..., str]
) -> None:
    report(1)
    gone = [f"{V1}{DOCUMENT}", copies_of(services, V1)[PAGE]]
    for key in gone:
        on_disk(key).unlink()
    found = of_reports(verified(services, lambda items: []).faults)
    assert found == dict.fromkeys(gone, "对象缺失：台账登记了它，存储中没有")


def test_only_the_newest_edition_of_a_folder_is_held_against_it(services: Services, report: Callable[..., str]) -> None:
    """The interim report of the morning was written over in the evening; its copies may go, or may still be there."""
    morning = copies_of(services, report(1, "interim"))
    evening = copies_of(services, report(2, "interim"))
    assert morning[WORKBOOK] != evening[WORKBOOK]
    assert (verified(services).faults, total_of_reports(services)) == ({}, 2 * len(HASHED) + 1)
    services.storage.remove("reports", morning[WORKBOOK])
    assert verified(services).faults == {}


def test_a_report_that_is_being_written_over_is_told_only_when_nobody_writes_it_any_more(
    services: Services, report: Callable[..., str]
) -> None:
    key = f"{report(1, 'interim')}{DOCUMENT}"
    with closing(Services.open(services.settings).ledger) as other, edition_lock(other, "2023", "interim") as mine:
        assert mine
        services.storage.put("reports", key, b"of the next one")
        assert verified(services).faults == {}
    assert set(of_reports(verified(services).faults)) == {key}


def test_mending_puts_a_file_right_by_its_copy_and_a_copy_by_its_file(
    services: Services, on_disk: Callable[[str], Path], report: Callable[..., str]
) -> None:
    """Also of a version that no run looks at any more; what is lost twice stays named, and nothing else with it."""
    report(1)
    report(2)
    laid_by = copies_of(services, V1)
    mendable = {f"{V1}{DOCUMENT}", f"{V1}{FIGURES}", laid_by[PAGE]}
    lost = {f"{V1}{WORKBOOK}", laid_by[WORKBOOK]}
    for key in mendable | lost:
        flip(on_disk(key))
    services.storage.put("reports", f"{V1}{PDF}", b"made of who knows which")
    assert not write_report(services, "2023", "final", NOW)["new"]
    assert set(of_reports(verified(services).faults)) == mendable | lost

    assert set(fixity.repair_reports(services, "2023")) == mendable
    assert set(of_reports(verified(services).faults)) == lost
    pdf = services.storage.head("reports", f"{V1}{PDF}")
    assert pdf is None or services.storage.read("reports", f"{V1}{PDF}").startswith(b"%PDF")


def test_what_is_laid_by_again_takes_the_place_of_a_spoilt_copy_of_its_size(
    services: Services, on_disk: Callable[[str], Path]
) -> None:
    """The same file may be of another edition, which must not lean on a copy that nobody could use."""
    for _ in range(2):
        key = f"2023/_copies/{edition_copies.store_copies(services.storage, '2023', {PAGE: b'the same'})[PAGE]}"
        assert services.storage.read("reports", key) == b"the same"
        flip(on_disk(key))


def test_the_next_report_puts_the_last_edition_right_and_until_then_it_is_named(
    services: Services, on_disk: Callable[[str], Path], report: Callable[..., str]
) -> None:
    report(1)
    flip(on_disk(f"{V1}{PAGE}"))
    assert set(of_reports(verified(services).faults)) == {f"{V1}{PAGE}"}
    write_report(services, "2023", "final", NOW)
    assert verified(services, lambda items: []).faults == {}


def test_of_an_edition_from_before_hashes_were_stated_the_figures_are_compared(services: Services) -> None:
    stated: dict[str, Any] = {"totals": {"A01": "12"}, "missing": []}
    services.ledger.add_edition("2023", "final", 1, V1, "1", stated)
    services.storage.put("reports", f"{V1}{FIGURES}", b'{"missing": [], "totals": {"A01": "12"}}')
    assert (verified(services).faults, verified(services).total) == ({}, 1)
    services.storage.put("reports", f"{V1}{FIGURES}", b'{"missing": [], "totals": {"A01": "13"}}')
    assert "与台账登记的数据不同" in of_reports(verified(services).faults)[f"{V1}{FIGURES}"]


def test_an_interrupted_verification_does_not_read_again_what_it_read_of_a_report(
    services: Services, report: Callable[..., str]
) -> None:
    report(1)
    began = datetime.now(UTC)

    def before_the_last_two(done: int, total: int) -> None:
        if done == total - 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fixity.verify(services, "2023", fixity.since(began), before_the_last_two)
    assert verified(services, fixity.since(began)).read == 2


def test_all_campaigns_reports_are_read_where_none_is_named(services: Services) -> None:
    for campaign_id in ("2023", "2024"):
        files = edition_copies.store_copies(services.storage, campaign_id, {PAGE: campaign_id.encode()})
        services.ledger.add_edition(campaign_id, "final", 1, f"{campaign_id}/final/v1/", "1", {"files": files})
    assert {place.split("/")[1] for place in verified(services, campaign_id=None).faults} == {"2023", "2024"}
    assert {place.split("/")[1] for place in verified(services, campaign_id="2024").faults} == {"2024"}
