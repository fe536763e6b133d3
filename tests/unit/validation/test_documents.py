"""Reports and press pieces: locked, broken, empty and misplaced ones before the good ones."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from baosong.campaign import Campaign, Prefecture, load_campaign
from baosong.rules.findings import Checked, Kind, Severity, Verdict
from baosong.store.source import Source
from baosong.validation.check import check, classify
from baosong_local.samples import documents as samples
from baosong_local.samples.media import make_photo
from document_samples import old_word

SEED = 7


@cache
def the_campaign() -> Campaign:
    return load_campaign(Path(__file__).parents[3] / "include/campaigns/2023.yaml")


def source(data: bytes, name: str) -> Source:
    return Source(name, len(data), lambda: io.BytesIO(data))


def judged(data: bytes, name: str, kind: Kind | None = Kind.REPORT, code: str = "6501") -> Checked:
    return check(source(data, name), kind, the_campaign(), the_campaign().prefecture(code))


def rules(checked: Checked) -> list[str]:
    return [f.rule for f in checked.findings]


def report() -> bytes:
    return samples.make_report(the_campaign(), the_campaign().prefecture("6501"), SEED)


def press() -> bytes:
    return samples.make_press(the_campaign(), the_campaign().prefecture("6501"), SEED)


def pdf() -> bytes:
    return samples.make_pdf_report(the_campaign(), the_campaign().prefecture("6501"), SEED)


def locked_pdf(user_password: str) -> bytes:
    writer, out = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf()))), io.BytesIO()
    writer.encrypt(user_password, "owner", algorithm="AES-256")
    writer.write(out)
    return out.getvalue()


def empty_docx() -> bytes:
    out = io.BytesIO()
    docx.Document().save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (lambda: samples.lock(report()), "总结.docx"),
        (lambda: locked_pdf("secret"), "总结.pdf"),
        (lambda: old_word("总结", flags=1), "总结.doc"),
    ],
)
def test_a_document_behind_a_password_is_rejected(data: Callable[[], bytes], name: str) -> None:
    checked = judged(data(), name)
    assert rules(checked) == ["file.encrypted"]
    assert checked.verdict is Verdict.REJECTED


def test_a_pdf_that_only_its_owner_may_change_can_be_read() -> None:
    assert judged(locked_pdf(""), "总结.pdf").verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_word_document_cut_short_is_unreadable(share: float) -> None:
    data = report()
    assert rules(judged(data[: int(len(data) * share)], "总结.docx")) == ["file.unreadable"]


@pytest.mark.parametrize("data", [b"%PDF-1.5\n", b"%PDF-1.7\ngarbage" * 50, old_word("x")[:600]])
def test_the_mere_beginning_of_a_document_is_not_accepted(data: bytes) -> None:
    checked = judged(data, "总结.pdf")
    assert checked.verdict is Verdict.REJECTED
    assert all(f.fix for f in checked.findings)


def test_an_empty_report_is_rejected() -> None:
    assert rules(judged(empty_docx(), "总结.docx")) == ["report.empty"]


def test_an_empty_press_piece_is_rejected() -> None:
    for data, name in ((empty_docx(), "报道.docx"), (b"\r\n  \r\n", "链接.txt"), (samples.make_pdf([[]]), "报道.pdf")):
        assert rules(judged(data, name, Kind.PRESS)) == ["press.empty"], name


def test_a_scan_is_accepted_with_a_warning() -> None:
    checked = judged(samples.make_scan(make_photo(1, "乌鲁木齐市", (640, 480))), "总结.pdf")
    assert checked.verdict is Verdict.ACCEPTED
    assert rules(checked) == ["report.scan"]


def test_a_report_of_another_prefecture_or_year_is_warned_of() -> None:
    other = judged(report(), "总结.docx", code="6543")
    assert (other.verdict, rules(other)) == (Verdict.ACCEPTED, ["report.prefecture"])
    assert "阿勒泰地区" in other.findings[0].message
    old = judged(samples.make_pdf([["乌鲁木齐市2022年科技活动周总结报告"]]), "总结.pdf")
    assert rules(old) == ["report.year"]


def test_a_year_in_chinese_digits_counts() -> None:
    assert rules(judged(samples.make_pdf([["乌 鲁 木 齐 市二〇二三年科技活动周总结"]]), "总结.pdf")) == []


def test_an_old_word_file_passes_as_evidence_and_is_searched() -> None:
    good = judged(old_word("乌鲁木齐市2023年科技活动周总结报告"), "总结.wps")
    assert (good.verdict, rules(good)) == (Verdict.ACCEPTED, ["report.format"])
    assert rules(judged(old_word("某单位总结"), "总结.doc")) == ["report.format", "report.prefecture", "report.year"]


@pytest.mark.parametrize(("make", "name"), [(report, "总结报告.docx"), (pdf, "总结报告.pdf")])
def test_a_good_report_is_accepted_with_its_facts(make: Callable[[], bytes], name: str) -> None:
    checked = judged(make(), name)
    assert (checked.verdict, checked.findings) == (Verdict.ACCEPTED, [])
    assert checked.facts["characters"] > 400
    assert checked.facts["title"] == "乌鲁木齐市2023年自治区科技活动周总结报告"


def test_good_press_pieces_are_accepted() -> None:
    links = samples.make_link_list(the_campaign(), the_campaign().prefecture("6501"), SEED)
    for data, name in (
        (press(), "报道.docx"),
        (pdf(), "报道.pdf"),
        (links, "链接.txt"),
        (make_photo(1, "x"), "截图.jpg"),
    ):
        checked = judged(data, name, Kind.PRESS)
        assert (checked.verdict, checked.findings) == (Verdict.ACCEPTED, []), name
    assert judged(press(), "报道.docx", Kind.PRESS).facts["links"] == 1
    assert judged("链接见附件".encode("gb18030"), "链接.txt", Kind.PRESS).findings[0].rule == "press.link"


def test_a_pdf_named_docx_is_read_as_what_it_is() -> None:
    checked = judged(pdf(), "总结.docx")
    assert checked.verdict is Verdict.ACCEPTED
    assert [(f.rule, f.severity) for f in checked.findings] == [("file.type_mismatch", Severity.WARNING)]


def test_a_title_is_kept_without_what_a_database_or_a_page_would_choke_on() -> None:
    writer, out = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf()))), io.BytesIO()
    writer.add_metadata({"/Title": "总结\x00\u202e报告" + "长" * 500})
    writer.write(out)
    title = judged(out.getvalue(), "总结.pdf").facts["title"]
    assert title.startswith("总结")
    assert title.isprintable()
    assert len(title) <= 80


@pytest.mark.parametrize(
    ("make", "name", "kind"),
    [
        (report, "附件1.docx", Kind.REPORT),
        (press, "附件2.docx", Kind.PRESS),
        (pdf, "乌鲁木齐市工作总结.pdf", Kind.REPORT),
        (report, "媒体报道情况总结.docx", Kind.PRESS),
        (lambda: samples.make_pdf([["无关的内容"]]), "附件.pdf", None),
        (lambda: make_photo(1, "x", (64, 64)), "DSC_0001.JPG", Kind.PHOTO),
        (lambda: make_photo(1, "x", (64, 64)), "新闻截图.jpg", Kind.PRESS),
        (lambda: samples.lock(report()), "统计表.xlsx", Kind.STATISTICS),
        (lambda: b"\0\0\x01\xba" + bytes(100), "片花", Kind.VIDEO),
        (lambda: b"", "片花.mov", Kind.VIDEO),
        (lambda: b"\0\1\2", "什么.bin", None),
        (lambda: b"PK\5\6" + bytes(18), "全部.zip", None),
    ],
)
def test_a_file_outside_the_folders_is_known_by_content_then_name(
    make: Callable[[], bytes], name: str, kind: Kind | None
) -> None:
    assert classify(source(make(), name), the_campaign()) is kind


def test_a_file_that_cannot_be_told_is_answered_with_the_five_folders() -> None:
    (finding,) = judged(samples.make_pdf([["无关的内容"]]), "附件.pdf", None).findings
    assert finding.rule == "file.unclassified"
    for folder in ("总结报告", "统计表", "照片", "媒体报道", "视频"):
        assert folder in finding.fix


def test_a_sample_is_the_same_for_the_same_seed_and_tells_the_sheet_s_figures() -> None:
    assert report() == report()
    assert press() == press()
    told = samples.make_report(the_campaign(), the_campaign().prefecture("6501"), SEED, {"B01": (31415, 31000, 415)})
    table = docx.Document(io.BytesIO(told)).tables[0]
    assert [cell.text for cell in table.rows[1].cells] == ["参与公众", "31415", "人次"]


@given(seed=st.integers(0, 2**32), prefecture=st.sampled_from(the_campaign().prefectures))
@settings(max_examples=15, deadline=None)
def test_every_sample_passes_its_own_check(seed: int, prefecture: Prefecture) -> None:
    for make, kind in ((samples.make_report, Kind.REPORT), (samples.make_press, Kind.PRESS)):
        checked = judged(make(the_campaign(), prefecture, seed), "附件.docx", kind, prefecture.code)
        assert (checked.verdict, checked.findings) == (Verdict.ACCEPTED, [])
