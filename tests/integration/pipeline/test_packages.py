"""Zips through the whole review: each file of one exactly once, in one receipt, whatever happens in between."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.pipeline import completeness, discover
from baosong.preservation import records
from baosong.receipts.board import render_board
from baosong.report.consolidation import region_figures
from baosong.rules.findings import Kind
from baosong_local.samples import documents, media, sheets
from intake_run import (
    AREA,
    CODE,
    drop,
    keys,
    piece,
    receipts,
    rows,
    run,
    states,
)
from package_help import SMALL, by_path, claiming, gbk, link, locked, members, packed, rules, send, whole

# --- the plain walk


def test_all_five_deliverables_in_one_zip_complete_a_prefecture_with_one_receipt(
    services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    prefecture = campaign.prefecture(CODE)
    sheet = sheets.make_sheet(campaign, prefecture, 1, photos=1)
    data = packed(
        [
            (gbk("乌市材料/总结报告/活动总结.docx"), documents.make_report(campaign, prefecture, 1)),
            (gbk("乌市材料/统计表/统计表.xlsx"), sheet.content),
            (gbk("乌市材料/照片/1.jpg"), media.make_photo(1, prefecture.name)),
            (gbk("乌市材料/媒体报道/链接.txt"), piece()),
            (gbk("乌市材料/视频/启动仪式.mov"), media.make_clip(tmp_path / "启动仪式.mov").read_bytes()),
        ]
    )
    send(services, data, "乌市材料.zip")
    run(services)
    assert Counter(states(services)) == {"accepted": 6}
    (receipt,) = receipts(services)
    assert [file["title"] for file in receipt["files"]] == [
        "乌市材料.zip",
        "乌市材料.zip/乌市材料/总结报告/活动总结.docx",
        "乌市材料.zip/乌市材料/统计表/统计表.xlsx",
        "乌市材料.zip/乌市材料/照片/1.jpg",
        "乌市材料.zip/乌市材料/媒体报道/链接.txt",
        "乌市材料.zip/乌市材料/视频/启动仪式.mov",
    ]
    assert receipt["answer"]["text"].startswith("全部接收：5 个文件")
    assert completeness.newly_complete(services) == ["2023|6501"]
    found = {r.code: (r.total, r.offline, r.online) for r in services.ledger.indicators("2023")}
    assert {code: found[code] for code in sheet.indicators} == sheet.indicators
    whole(services)


def test_a_zip_counts_for_nothing_itself_and_is_kept_as_it_came(services: Services, campaign: Campaign) -> None:
    data = packed(SMALL)
    send(services, data)
    run(services)
    (bundle,) = [row for row in rows(services) if not row.member]
    assert (bundle.kind, bundle.state, rules(bundle)) == (None, "accepted", ["file.bundle"])
    assert "共 4 个文件" in bundle.findings[0]["message"]
    assert services.storage.read("archive", bundle.archive_key or "") == data
    assert (bundle.archive_key or "").startswith("2023/6501/unclassified/")
    cells = services.ledger.completeness(campaign)[CODE]
    assert {kind: cell.accepted for kind, cell in cells.items()} == {**dict.fromkeys(Kind, 0), Kind.PRESS: 2}
    (receipt,) = receipts(services)
    assert receipt["answer"]["text"] == "有 2 个文件需要修改后重新报送；2 个文件已接收并归档。"
    (record,) = records.read_records(services.storage, "archive", members(services)[0].archive_key or "")
    assert (record["bundle"], record["member"]["path"]) == (bundle.id, "媒体报道/一.txt")
    whole(services)


def test_pages_show_where_a_file_came_from_and_no_zip_as_unknown(services: Services, campaign: Campaign) -> None:
    send(services, packed(SMALL), "甲.zip")
    run(services)
    board = render_board(services.ledger, campaign, datetime.now(UTC), bool)
    status = services.storage.read("outbox", f"{AREA}/状态.html").decode()
    assert "甲.zip/媒体报道/空.txt" in board
    assert "甲.zip/媒体报道/空.txt" in status
    assert "已解包，逐个校验" in status
    (page,) = keys(services, "outbox", "修改.html")
    assert "已解包，共 4 个文件" in services.storage.read("outbox", page).decode()


def test_neither_a_zip_nor_its_place_in_the_ledger_changes_what_is_told_of_punctuality(
    services: Services, campaign: Campaign
) -> None:
    for _ in range(2):
        send(services, packed(SMALL | {"媒体报道/新.txt": piece(str(len(rows(services))))}))
        run(services)
    told = next(p for p in region_figures(services.ledger, campaign, datetime.now(UTC)).punctuality if p.rejected)
    assert (told.rejected, told.replaced, told.late) == (4, 1, 10)


def test_the_folder_of_a_zip_is_that_of_its_files(services: Services) -> None:
    send(services, packed({"一.txt": piece("1"), "照片/坏.jpg": b"x"}), "现场.zip", "媒体报道")
    run(services)
    assert [(row.kind, row.slot) for row in members(services)] == [
        ("press", "现场/一.txt"),
        ("photo", "媒体报道/现场/照片/坏.jpg"),
    ]


def test_a_zip_is_late_or_in_time_with_all_of_its_files(services: Services) -> None:
    class Moved:
        def ids(self) -> list[str]:
            return ["2023"]

        def get(self, campaign_id: str) -> Campaign:
            return services.campaigns.get(campaign_id).model_copy(update={"deadline": deadline})

    moved = replace(services, campaigns=Moved())  # type: ignore[arg-type]
    deadline = datetime.now(UTC) + timedelta(hours=1)
    send(services, packed({"媒体报道/一.txt": piece()}))
    discover.find_new(moved)
    deadline = datetime.now(UTC) - timedelta(hours=1)  # it is unpacked after the deadline, but came before it
    run(moved)
    assert [row.late for row in rows(services)] == [False, False]
    assert len({row.received_at for row in rows(services)}) == 1


def test_a_classified_file_keeps_its_zip_out_of_the_archive(services: Services) -> None:
    send(services, packed({"媒体报道/一.txt": piece(), "媒体报道/二.txt": "密级：机密".encode()}))
    run(services)
    assert Counter(states(services)) == {"held": 2, "accepted": 1}
    assert len(keys(services, "archive")) == 2
    whole(services)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (locked(packed(SMALL)), "file.encrypted"),
        (claiming(packed(SMALL), 300 << 20), "file.bomb"),
        (claiming(packed(SMALL), 1, 0), "file.unreadable"),
        (packed(SMALL)[:-40], "file.unreadable"),
        (packed(SMALL | {"../x.txt": b"x"}), "file.bundle_path"),
        (packed({}), "file.bundle_empty"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(50), "file.archive"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), "file.archive"),
    ],
)
@pytest.mark.parametrize("folder", ["", "照片"])
def test_a_bad_zip_is_sent_back_whole_with_one_finding(services: Services, data: bytes, rule: str, folder: str) -> None:
    send(services, data, folder=folder)
    run(services)
    (row,) = rows(services)
    assert (row.state, rules(row), row.bucket) == ("rejected", [rule], "quarantine")
    assert receipts(services)[0]["answer"]["text"] == "有 1 个文件需要修改后重新报送。"
    whole(services)


def test_rar_and_7z_are_told_to_send_a_zip(services: Services) -> None:
    drop(services, b"Rar!\x1a\x07\x01\x00" + bytes(50), "照片.rar", "照片")
    run(services)
    assert "重新压缩成 zip" in rows(services)[0].findings[0]["fix"]


def test_bad_members_are_sent_back_by_themselves(services: Services) -> None:
    send(services, packed([*SMALL.items(), (link("照片/快捷.jpg"), b"/etc/passwd"), ("里面.zip", packed(SMALL))]))
    run(services)
    assert by_path(services) == {
        "媒体报道/一.txt": "accepted",
        "媒体报道/二.txt": "accepted",
        "媒体报道/空.txt": "rejected",
        "说明.bin": "rejected",
        "照片/快捷.jpg": "rejected",
        "里面.zip": "rejected",
    }
    whole(services)


def test_an_office_file_and_a_zip_by_another_name_are_what_they_were(services: Services, campaign: Campaign) -> None:
    drop(services, documents.make_report(campaign, campaign.prefecture(CODE), 1), "总结.zip", "总结报告")
    drop(services, packed(SMALL), "总结.docx", "媒体报道")
    run(services)
    found = {row.name: (row.kind, row.state, rules(row)) for row in rows(services)}
    assert found == {
        "总结.zip": ("report", "accepted", ["file.type_mismatch"]),
        "总结.docx": ("press", "rejected", ["file.archive"]),
    }


def test_a_zip_that_belongs_to_nobody_is_not_unpacked(services: Services) -> None:
    services.storage.put("intake", "2023/9999-火星市/材料.zip", packed(SMALL))
    run(services)
    (row,) = services.ledger.submissions("")
    assert rules(row) == ["file.unplaced"]
