"""OFD, the national format of official documents: known by its content, read where a campaign collects it."""

from __future__ import annotations

import io

import pytest

import ofd_samples as o
from baosong.campaign import Campaign, load_campaign
from baosong.rules.findings import Checked, Kind, Verdict
from baosong.store.source import Source
from baosong.validation.check import check, classify
from baosong.validation.packages import is_bundle
from document_samples import paper
from personal_data_samples import WHOLE
from sheet_help import CAMPAIGN, URUMQI

MARK = "秘密★1年"
FORMATS = """\
extends: "2023"
id: "2023-ofd"
deliverables:
  - {kind: report, name: 总结报告, folder: 总结报告, required: true, single: true, min: 1, max: 1, max_mb: 50,
     formats: [docx, pdf, ofd]}
  - {kind: press, name: 媒体报道, folder: 媒体报道, required: true, single: false, min: 1, max: 500, max_mb: 100,
     formats: [docx, pdf, ofd]}
"""


@pytest.fixture(scope="module")
def collecting(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """A campaign like that of 2023 that collects OFD."""
    file = tmp_path_factory.mktemp("campaigns") / "2023-ofd.yaml"
    file.write_text(FORMATS, encoding="utf-8")
    return load_campaign(file)


def source(data: bytes, name: str = "总结.ofd") -> Source:
    return Source(name, len(data), lambda: io.BytesIO(data))


def judged(data: bytes, campaign: Campaign, name: str = "总结.ofd", kind: Kind | None = Kind.REPORT) -> Checked:
    return check(source(data, name), kind, campaign, URUMQI)


def rules(checked: Checked) -> list[str]:
    return [f.rule for f in checked.findings]


@pytest.mark.parametrize("kind", [Kind.REPORT, Kind.PRESS, Kind.STATISTICS, Kind.PHOTO])
def test_an_ofd_that_is_not_collected_is_called_by_its_name(kind: Kind) -> None:
    """It was told a zip that should be called .zip; whoever followed that got 24 refusals."""
    checked = judged(o.ofd(), CAMPAIGN, kind=kind)
    assert (checked.verdict, rules(checked)) == (Verdict.REJECTED, ["file.format"])
    told = checked.findings[0]
    assert "OFD（GB/T 33190" in told.message
    assert "zip" not in told.message + told.fix
    assert kind in (Kind.STATISTICS, Kind.PHOTO) or "另存为 pdf 或 docx" in told.fix


@pytest.mark.parametrize("name", ["总结.zip", "总结.pdf", "总结", "总结.OFD"])
def test_an_ofd_is_known_whatever_its_name(name: str) -> None:
    checked = judged(o.ofd(), CAMPAIGN, name)
    assert checked.verdict is Verdict.REJECTED
    assert "OFD（GB/T 33190" in checked.findings[0].message
    assert not is_bundle(source(o.ofd(), name))


@pytest.mark.parametrize("kind", [Kind.REPORT, Kind.PRESS])
def test_a_good_ofd_is_accepted_where_it_is_collected(kind: Kind, collecting: Campaign) -> None:
    checked = judged(o.ofd(), collecting, kind=kind)
    assert (checked.verdict, rules(checked)) == (Verdict.ACCEPTED, [])
    assert checked.facts["type"] == "ofd"
    assert checked.facts["pages"] == 1
    assert checked.facts["title"] == o.TITLE
    assert classify(source(o.ofd(), "2023年总结报告.ofd"), collecting) is Kind.REPORT


def test_letters_that_stand_alone_are_read_as_lines(collecting: Campaign) -> None:
    checked = judged(o.ofd(o.page(o.TITLE, "全市共开展活动128项。", spread=True)), collecting)
    assert (rules(checked), checked.facts["title"]) == ([], o.TITLE)


PLACES = {
    "the first page": lambda text: o.ofd(o.page(text, o.TITLE)),
    "letters that stand alone": lambda text: o.ofd(o.page(text, o.TITLE, spread=True)),
    "the last page": lambda text: o.ofd(o.page(o.TITLE), o.page("其他"), o.page(text)),
    "the second document": lambda text: o.of_documents([o.TITLE], [text]),
    "a template": o.on_template,
    "a remark": o.remarked,
    "a watermark": o.stamped,
    "a property": lambda text: o.ofd(info=f"<ofd:Keywords><ofd:Keyword>{text}</ofd:Keyword></ofd:Keywords>"),
    "a bookmark": lambda text: o.ofd(more=f'<ofd:Bookmarks><ofd:Bookmark Name="{text}"/></ofd:Bookmarks>'),
    "an outline": lambda text: o.ofd(more=f'<ofd:Outlines><ofd:OutlineElem Title="{text}"/></ofd:Outlines>'),
    "the name of an attachment": lambda text: o.carrying(f"{text}.txt", b"x" * 9),
    "an attached text": lambda text: o.carrying("a.txt", text.encode()),
    "an attached document": lambda text: o.carrying("a.docx", paper(text)),
    "an attached OFD": lambda text: o.carrying("a.ofd", o.remarked(text)),
    "a seal": o.sealed,
    "a part from the root, as some write it": lambda text: o.package({
        "OFD.xml": o.start(),
        "Doc_0/Document.xml": o.document(1).replace("Pages/Page_0", "/Doc_0/Pages/Page_0"),
        "Doc_0/Pages/Page_0/Content.xml": o.page(text, o.TITLE),
    }),
    "a part that says GBK": lambda text: o.package({
        "OFD.xml": o.start(),
        "Doc_0/Document.xml": o.document(1),
        "Doc_0/Pages/Page_0/Content.xml": o.page(text, o.TITLE).replace("UTF-8", "GBK").encode("gbk"),
    }),
    "names with backslashes": lambda text: o.package({
        "OFD.xml": o.start(), "Doc_0\\Document.xml": o.document(1),
        "Doc_0\\Pages\\Page_0\\Content.xml": o.page(text, o.TITLE),
    }),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_mark_anywhere_in_an_ofd_holds_it(place: str, collecting: Campaign) -> None:
    made = PLACES[place](MARK)
    for campaign in (collecting, CAMPAIGN):
        checked = judged(made, campaign)
        assert (checked.verdict, rules(checked)) == (Verdict.HELD, ["file.classified"])


@pytest.mark.parametrize("place", PLACES)
def test_an_identity_number_anywhere_in_an_ofd_is_told(place: str, collecting: Campaign) -> None:
    checked = judged(PLACES[place](f"张三 {WHOLE}"), collecting)
    assert place == "a seal" or "file.personal_numbers" in rules(checked)
    assert WHOLE not in str(checked)


FAULTS = {
    "no pages": (o.package({"OFD.xml": o.start(), "Doc_0/Document.xml": o.document(0)}), "rejected", "report.empty"),
    "a blank page": (o.ofd(o.page()), "rejected", "report.empty"),
    "outlines": (o.ofd(o.page(more=o.drawn())), "accepted", "report.scan"),
    "a picture": (o.ofd(o.page(more=o.PICTURE)), "accepted", "report.scan"),
    "letters without characters": (o.ofd(o.page(o.TITLE, "¤¤¤¤¤")), "held", "file.not_searched"),
    "a page that is missing": (
        o.package({"OFD.xml": o.start(), "Doc_0/Document.xml": o.document(2),
                   "Doc_0/Pages/Page_0/Content.xml": o.page(o.TITLE)}), "held", "file.not_searched",
    ),
    "a damaged page": (o.ofd(o.page(o.TITLE), "<ofd:Page"), "held", "file.not_searched"),
    "no document": (o.package({"OFD.xml": o.start()}), "rejected", "file.unreadable"),
    "a damaged start": (o.package({"OFD.xml": "<ofd:OFD"}), "rejected", "file.unreadable"),
    "another prefecture": (o.ofd(o.page("哈密市2023年总结")), "accepted", "report.prefecture"),
    "another year": (o.ofd(o.page("乌鲁木齐市2022年总结")), "accepted", "report.year"),
    "a password": (o.ofd(parts={"Encryptions.xml": "<ofd:Encryptions/>"}), "rejected", "file.encrypted"),
    "an attached program": (o.carrying("a.exe", b"MZ" + bytes(99)), "rejected", "file.program"),
    "an attached table": (o.carrying("a.txt", "数".encode()), "accepted", "file.attachment"),
    "an entity": (o.ofd('<!DOCTYPE a [<!ENTITY b "c">]>' + o.page(o.TITLE)), "rejected", "file.dtd"),
    "half of it": (o.ofd()[:500], "rejected", "file.unreadable"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_an_ofd_is_told(fault: str, collecting: Campaign) -> None:
    data, verdict, rule = FAULTS[fault]
    checked = judged(data, collecting)
    assert (checked.verdict.value, rules(checked)) == (verdict, [rule])
