"""What no deliverable may contain, and the promise that no bytes whatever make a check raise."""

from __future__ import annotations

import io
import re
import struct
import tracemalloc
import zipfile
from functools import cache
from pathlib import Path

import docx
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baosong.campaign import Campaign, load_campaign
from baosong.rules.findings import Checked, Kind, Severity, Verdict
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.common import file_safety, zip_guard
from baosong_local.samples import documents, media

NOT_SHEETS = [Kind.REPORT, Kind.PRESS, Kind.PHOTO, Kind.VIDEO, None]
SUFFIXES = ["docx", "doc", "wps", "pdf", "jpg", "png", "tif", "txt", "xlsx", "mov", "mpg", "zip", "exe", ""]


@cache
def the_campaign() -> Campaign:
    return load_campaign(Path(__file__).parents[3] / "include/campaigns/2023.yaml")


def judged(data: bytes, name: str, kind: Kind | None = Kind.REPORT) -> Checked:
    source = Source(name, len(data), lambda: io.BytesIO(data))
    return check(source, kind, the_campaign(), the_campaign().prefecture("6501"))


def rules(checked: Checked) -> list[str]:
    return [f.rule for f in checked.findings]


def word(text: str = "正文", *, header: str = "", runs: tuple[str, ...] = ()) -> bytes:
    document, out = docx.Document(), io.BytesIO()
    document.add_paragraph(text)
    paragraph = document.add_paragraph()
    for run in runs:
        paragraph.add_run(run)
    if header:
        document.sections[0].header.paragraphs[0].text = header
    document.save(out)
    return out.getvalue()


def sheet(text: str) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active["B2"] = text
    book.save(out)
    return out.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def claiming(data: bytes, size: int) -> bytes:
    """Return a zip whose directory claims another unpacked size for each member."""
    at = [m.start() for m in re.finditer(b"PK\x01\x02", data)]
    out = bytearray(data)
    for start in at:
        struct.pack_into("<L", out, start + 24, size)
    return bytes(out)


@pytest.mark.parametrize("kind", [Kind.REPORT, Kind.STATISTICS, Kind.PHOTO, Kind.PRESS, Kind.VIDEO, None])
def test_an_empty_file_is_told_so_whatever_it_is_for(kind: Kind | None) -> None:
    checked = judged(b"", "空.mov", kind)
    assert (checked.verdict, rules(checked)) == (Verdict.REJECTED, ["file.empty"])


def test_a_file_above_the_limit_is_not_even_opened() -> None:
    def never() -> io.BytesIO:
        raise AssertionError("opened")

    limit = the_campaign().deliverable(Kind.REPORT).max_size
    checked = check(Source("总结.docx", limit + 1, never), Kind.REPORT, the_campaign(), None)
    assert rules(checked) == ["file.too_large"]
    assert checked.findings[0].expected == "不超过 50 MB"
    assert file_safety.size_findings(Source("总结.docx", limit, never), limit) == []


@pytest.mark.parametrize(
    "data",
    [
        zipped({"统计表.xlsx": b"x", "照片/1.jpg": b"y"}),
        b"Rar!\x1a\x07\x01\x00" + bytes(50),
        b"7z\xbc\xaf\x27\x1c" + bytes(50),
    ],
)
@pytest.mark.parametrize("name", ["全部材料.zip", "总结.docx"])
def test_an_archive_is_told_to_be_unpacked(data: bytes, name: str) -> None:
    checked = judged(data, name)
    assert rules(checked) == ["file.archive"]
    assert "解压" in checked.findings[0].fix


@cache
def bomb_of_300_mb() -> bytes:
    return zipped({"word/document.xml": bytes(300 << 20)})


@pytest.mark.parametrize("kind", [Kind.REPORT, Kind.PRESS, Kind.STATISTICS, None])
def test_a_zip_bomb_is_known_by_its_directory(kind: Kind | None) -> None:
    bomb = bomb_of_300_mb()
    tracemalloc.start()
    checked = judged(bomb, "总结.docx", kind)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "file.bomb" in rules(checked)
    assert peak < 50 << 20


def test_a_directory_that_claims_little_gives_out_no_more_than_it_claims() -> None:
    liar = claiming(zipped({"word/document.xml": bytes(40 << 20)}), 1000)
    assert rules(judged(liar, "总结.docx")) == ["file.unreadable"]


def test_a_package_of_very_many_members_is_refused() -> None:
    crowd = zipped({f"word/media/{i}.png": b"" for i in range(zip_guard.MAX_MEMBERS + 1)})
    assert rules(judged(crowd, "总结.docx")) == ["file.bomb"]


def test_entities_do_not_expand() -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    xml = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "哈哈">{laughs}]><w:document><w:p>&l9;</w:p></w:document>'
    data = dict(read_members(word()))
    data["word/document.xml"] = xml.encode()
    checked = judged(zipped(data), "总结.docx")
    assert checked.verdict is Verdict.REJECTED


def read_members(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (word("密级：秘密"), "总结.docx", Kind.REPORT),
        (word(header="机密★10年"), "总结.docx", Kind.REPORT),
        (word(runs=("绝", "密", "★")), "总结.docx", Kind.PRESS),
        (word("秘 密 ★ 5年"), "附件.docx", None),
        (word("密级：机密"), "照片.jpg", Kind.PHOTO),
        (documents.make_pdf([["★机密"]]), "报道.pdf", Kind.PRESS),
        ("秘密★\r\nhttps://example.cn/1".encode("gb18030"), "链接.txt", Kind.PRESS),
        (sheet("秘密★1年"), "统计表.xlsx", Kind.STATISTICS),
        (word(), "【机密】总结.docx", Kind.REPORT),
        (b"\xff\xd8\xff" + bytes(100), "秘密★.jpg", Kind.PHOTO),
    ],
)
def test_a_classification_mark_holds_the_file_and_echoes_nothing(data: bytes, name: str, kind: Kind | None) -> None:
    checked = judged(data, name, kind)
    assert (checked.verdict, rules(checked)) == (Verdict.HELD, ["file.classified"])
    assert not checked.facts
    assert not re.search("绝密|机密|秘密|[★]", str(checked.findings[0].as_json()))


@pytest.mark.parametrize(
    "text", ["切实加强科技保密工作", "探索宇宙的秘密", "保守国家秘密，人人有责", "密级：公开", "五星★推荐"]
)
def test_talk_of_secrets_is_no_mark(text: str) -> None:
    assert judged(word(f"乌鲁木齐市2023年{text}"), f"{text}.docx").verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(
    ("data", "name", "kind", "rule"),
    [
        (media.make_photo(1, "x", (64, 64)), "总结.docx", Kind.REPORT, "file.type_mismatch"),
        (word(), "照片.jpg", Kind.PHOTO, "file.type_mismatch"),
        (word(), "片花.mov", Kind.VIDEO, "file.type_mismatch"),
        (b"MZ\x90\x00" + bytes(200), "总结.docx", Kind.REPORT, "file.type_mismatch"),
        (word(), "总结.docx", Kind.STATISTICS, "file.format"),
        (b"\0\1\2\3" * 50, "总结.bin", Kind.REPORT, "file.format"),
        (b"\0\1\2\3" * 50, "总结.docx", Kind.REPORT, "file.unreadable"),
    ],
)
def test_a_type_that_does_not_belong_is_named(data: bytes, name: str, kind: Kind, rule: str) -> None:
    checked = judged(data, name, kind)
    assert (checked.verdict, rules(checked)) == (Verdict.REJECTED, [rule])


@cache
def good_files() -> list[bytes]:
    campaign = the_campaign()
    unit = campaign.prefecture("6501")
    return [
        documents.make_report(campaign, unit, 1),
        documents.make_pdf_report(campaign, unit, 1),
        documents.make_link_list(campaign, unit, 1),
        documents.lock(word()),
        documents.make_scan(media.make_photo(1, "x", (64, 64))),
        media.make_photo(1, unit.name, (320, 240), position=True),
        sheet("报道 https://example.cn/1"),
        b"\0\0\0\x14ftypqt  \0\0\0\0qt  \0\0\0\x08wide\0\0\x10\0mdat" + bytes(5000),
        (b"\0\0\x01\xba\x44\0\4\0\4\1\1\x89\xc3\xf8\0\0\x01\xe0\7\xec" + bytes(2028)) * 4,
        (b"\x47\x40\0\x10" + bytes(184)) * 30,
    ]


def sensible(checked: Checked) -> None:
    for finding in checked.findings:
        assert re.fullmatch(r"(file|report|press|photo|video|statistics)\.[a-z_]+", finding.rule)
        assert re.search("[\u4e00-\u9fff]", finding.message)
        assert finding.fix or finding.severity is Severity.NOTE


@given(data=st.binary(max_size=3000), suffix=st.sampled_from(SUFFIXES), kind=st.sampled_from(NOT_SHEETS))
@settings(max_examples=80, deadline=None)
def test_no_bytes_make_a_check_raise(data: bytes, suffix: str, kind: Kind | None) -> None:
    checked = judged(data, f"文件.{suffix}", kind)
    sensible(checked)
    if kind in (Kind.PHOTO, Kind.VIDEO):
        assert checked.verdict is not Verdict.ACCEPTED


@given(
    good=st.integers(0, 9),
    cut=st.floats(0, 1),
    noise=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=20)), max_size=6),
    suffix=st.sampled_from(SUFFIXES),
    kind=st.sampled_from(NOT_SHEETS),
)
@settings(max_examples=200, deadline=None)
def test_no_damage_to_a_good_file_makes_a_check_raise(
    good: int, cut: float, noise: list[tuple[float, bytes]], suffix: str, kind: Kind | None
) -> None:
    data = bytearray(good_files()[good])
    for at, new in noise:
        place = int(at * len(data))
        data[place : place + len(new)] = new
    sensible(judged(bytes(data[: int(cut * len(data))]), f"文件.{suffix}", kind))
