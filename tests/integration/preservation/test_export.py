"""The hand-over is a bag that the Library of Congress's own program takes, with the story of every file in it."""

from __future__ import annotations

import csv
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import bagit
import pytest

from baosong.campaign import Campaign
from baosong.ledger import Submission
from baosong.ledger.services import Services
from baosong.preservation.export import LIST, ExportRefused, export
from baosong.report.editions import write_report
from baosong_local.samples.sheets import make_sheet
from intake_run import CODE, drop, piece, rows, run
from package_help import packed, send

NOW = datetime(2023, 6, 20, tzinfo=UTC)


def made(services: Services, campaign: Campaign, folder: Path) -> Path:
    export(services, campaign, folder, NOW, lambda *_: None)
    return folder


def listed(folder: Path) -> list[dict[str, str]]:
    with (folder / "data" / LIST).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def a_campaign(services: Services, campaign: Campaign) -> list[Submission]:
    for seed in (1, 2):
        sheet = make_sheet(campaign, campaign.prefecture(CODE), seed)
        drop(services, sheet.content, sheet.name, "统计表")
        run(services)
    drop(services, piece("增"), "=增长50%.txt")
    drop(services, b"", "空.txt")
    send(services, packed({"媒体报道/一.txt": piece("包一")}))
    run(services)
    drop(services, piece("增"), "又.txt")
    run(services)
    write_report(services, "2023", "interim", NOW)
    return rows(services)


def test_a_bag_is_valid_and_holds_just_what_counts_with_its_story(
    services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    sent = a_campaign(services, campaign)
    folder = made(services, campaign, tmp_path / "移交")

    bag = bagit.Bag(str(folder))
    bag.validate()
    assert (bag.version_info, bag.algorithms) == ((1, 0), ["sha256"])
    assert bag.info["Source-Organization"] == campaign.organizer
    assert bag.info["Bagging-Date"] == "2023-06-20"
    kept = {
        hashlib.sha256(p.read_bytes()).hexdigest()
        for p in (folder / "data/材料").rglob("*")
        if p.is_file() and p.suffix != ".json"
    }
    assert kept == {row.sha256 for row in sent if row.state == "accepted"}
    assert {p.name for p in (folder / "data/汇总").rglob("*.xlsx")} == {"汇总表.xlsx"}
    assert len(list((folder / "data/回执").rglob("*.html"))) == 4

    told = listed(folder)
    assert [int(line["台账序号"]) for line in told] == [row.id for row in sent]
    assert {line["结论"] for line in told} == {"接收", "接收，后被替换", "与已接收的相同", "退回"}
    assert {line["回执号"] for line in told} == {"1", "2", "3", "4"}
    for line, row in zip(told, sent, strict=True):
        assert (line["sha256"], line["收件位置"]) == (row.sha256, row.key)
        if line["包内位置"]:
            content = (folder / "data" / line["包内位置"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == row.sha256
    assert "'=增长50%.txt" in {line["原文件名"] for line in told}


def test_a_flipped_byte_spoils_the_bag(services: Services, campaign: Campaign, tmp_path: Path) -> None:
    drop(services, piece())
    run(services)
    folder = made(services, campaign, tmp_path / "移交")
    (kept,) = (folder / "data/材料").rglob("*.txt")
    data = bytearray(kept.read_bytes())
    data[3] ^= 1
    kept.write_bytes(data)
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(folder)).validate()


def test_an_interrupted_export_goes_on_and_forgets_what_counts_no_longer(
    services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    for name in "一二":
        drop(services, piece(name), f"{name}.txt")
    run(services)

    def after_three(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(services, campaign, tmp_path / "移交", NOW, after_three)
    assert not (tmp_path / "移交").exists()
    first = rows(services)[0]
    (there,) = (tmp_path / "移交.part").rglob("*-一.txt")
    was = there.stat().st_mtime_ns
    drop(services, piece("三"), "二.txt")
    run(services)

    folder = made(services, campaign, tmp_path / "移交")

    bagit.Bag(str(folder)).validate()
    (again,) = folder.rglob("*-一.txt")
    assert again.stat().st_mtime_ns == was, "an object that was there already was fetched again"
    assert {line["sha256"] for line in listed(folder) if line["包内位置"]} == {
        row.sha256 for row in rows(services) if row.state == "accepted"
    }
    assert first.sha256
    assert not (tmp_path / "移交.part").exists()


def test_what_is_not_as_it_was_is_not_handed_over(services: Services, campaign: Campaign, tmp_path: Path) -> None:
    drop(services, piece())
    run(services)
    (row,) = rows(services)
    services.storage.put("archive", row.archive_key or "", b"forged")
    with pytest.raises(ExportRefused, match="verify"):
        made(services, campaign, tmp_path / "移交")
    assert not (tmp_path / "移交").exists()


@pytest.mark.parametrize("name", ["移交", "移交.part"])
def test_a_folder_with_anything_in_it_is_left_alone(
    services: Services, campaign: Campaign, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "别人的.txt").write_text("x")
    with pytest.raises(ExportRefused, match=name):
        made(services, campaign, tmp_path / "移交")
    assert [p.name for p in (tmp_path / name).iterdir()] == ["别人的.txt"]


def test_an_empty_folder_and_an_empty_campaign_make_a_valid_bag(
    services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    (tmp_path / "空").mkdir()
    bagit.Bag(str(made(services, campaign, tmp_path / "空"))).validate()
