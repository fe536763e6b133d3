"""Valid documents of many programs are read, and a mark is found in each place where a program may write one."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

import office_habits as made
from baosong.rules.findings import Checked, Kind, Verdict
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.common import reader
from baosong_local.samples import documents as samples
from document_samples import HOME, old_word, ole, paper
from hostile_makers.old_office import compound
from personal_data_samples import WHOLE
from sheet_help import CAMPAIGN

MARK = "秘密★1年"
IDENTITY = f"张三{WHOLE}"
DOCX, DOCX_PLACES = made.marked_docx(MARK), made.marked_docx(IDENTITY)
OLD = made.marked_old(MARK)


def judged(data: bytes, name: str, kind: Kind | None = Kind.REPORT) -> Checked:
    return check(Source(name, len(data), lambda: io.BytesIO(data)), kind, CAMPAIGN, HOME)


def rules(checked: Checked) -> list[str]:
    return [f.rule for f in checked.findings]


def read(data: bytes, kind: str) -> reader.Document:
    document = reader.read(Source("x", len(data), lambda: io.BytesIO(data)), kind)
    assert document is not None
    return document


VALID: dict[str, Callable[[], bytes]] = {
    "a picture that was lost": lambda: made.related(made.report(), "image", "NULL"),
    "a picture that is not there": lambda: made.related(made.report(), "image", "media/none.png"),
    "a link to the top": lambda: made.related(made.report(), "hyperlink", "#_top"),
    "Strict Open XML": made.strict,
    "a main part named document2": lambda: made.main_part("document2.xml"),
    "a main part of any name": lambda: made.main_part("正文.xml"),
    "no thumbnail": made.without_thumbnail,
    "other prefixes": lambda: made.prefixed("ns0"),
    "a template": lambda: made.content_type("openxmlformats-officedocument.wordprocessingml.template"),
    "a document that could have macros": lambda: made.content_type("ms-word.document.macroEnabled"),
    "a template that could have macros": lambda: made.content_type("ms-word.template.macroEnabledTemplate"),
    "words in a page of the web": lambda: made.alt_chunk("a.htm", made.page(*made.TEXT)),
    "words in a page in GBK": lambda: made.alt_chunk("a.html", made.page(*made.TEXT, code="gb2312")),
    "words in an MHT": lambda: made.alt_chunk("a.mht", made.mht(*made.TEXT)),
    "words in a document": lambda: made.alt_chunk("a.docx", paper(*made.TEXT)),
    "words in a plain text": lambda: made.alt_chunk("a.txt", "\r\n".join(made.TEXT).encode("gbk")),
}


@pytest.mark.parametrize("habit", VALID)
def test_a_document_that_word_opens_is_accepted_with_its_words(habit: str) -> None:
    checked = judged(VALID[habit](), "总结.docx")
    assert (checked.verdict, rules(checked)) == (Verdict.ACCEPTED, [])
    assert checked.facts["characters"] >= 43
    assert checked.facts["title"] == made.TEXT[0]


def test_a_tracked_change_reads_as_the_figure_that_is_there_now() -> None:
    assert "参与公众328人次" in read(made.tracked(), "docx").text


def test_a_reading_above_a_name_does_not_hide_it() -> None:
    document = read(made.ruby(), "docx")
    assert document.names_any(["乌鲁木齐市"])
    assert not document.names_any(["wulu"])


@pytest.mark.parametrize("footer", ["1", "- 1 -", "第1页 共2页"])
def test_a_page_number_is_no_text(footer: str) -> None:
    assert rules(judged(paper(footer=footer), "总结.docx")) == ["report.empty"]
    assert rules(judged(paper(footer), "总结.docx")) == ["report.empty"]


@pytest.mark.parametrize("place", DOCX)
def test_a_mark_in_each_place_of_a_word_document_holds_it(place: str) -> None:
    checked = judged(DOCX[place], "总结.docx")
    assert (checked.verdict, rules(checked)) == (Verdict.HELD, ["file.classified"])


@pytest.mark.parametrize("level", ["机密", "绝密", "秘 密", "絕密"])
def test_a_level_alone_is_a_mark_as_a_watermark(level: str) -> None:
    assert rules(judged(made.marked_docx(level)["watermark in a header"], "总结.docx")) == ["file.classified"]
    assert rules(judged(paper(*made.TEXT, level), "总结.docx")) == []


@pytest.mark.parametrize("mark", ["机密⭐5年", "绝密✪", "秘密*10年", "机密 ＊ 长期", "秘密«1年"])
def test_a_star_is_one_however_it_is_drawn(mark: str) -> None:
    assert rules(judged(paper(mark, *made.TEXT), "总结.docx")) == ["file.classified"]


@pytest.mark.parametrize("text", ["机密*解读", "揭开秘密*探索宇宙", "秘密花园1年"])
def test_an_asterisk_alone_is_no_star(text: str) -> None:
    assert rules(judged(paper(*made.TEXT, text), "总结.docx")) == []


@pytest.mark.parametrize("place", [p for p in DOCX_PLACES if "Wingdings" not in p])
def test_an_identity_number_is_found_in_each_place_of_a_word_document(place: str) -> None:
    unseen = {
        "bookmark",
        "field",
        "deleted but still there",
        "embedded old workbook",
        "packed text",
    }
    said = rules(judged(DOCX_PLACES[place], "总结.docx"))
    assert ("file.personal_numbers" in said) == (place not in unseen)


@pytest.mark.parametrize("place", OLD)
def test_a_mark_in_each_stream_of_an_old_file_holds_it(place: str) -> None:
    suffix = place[:3]
    for kind in (Kind.REPORT, Kind.STATISTICS, None):
        assert rules(judged(OLD[place], f"材料.{suffix}", kind)) == ["file.classified"], kind


def test_an_old_document_is_read_by_its_piece_table() -> None:
    """Its headers are no text of an empty report, a deleted figure is none, and a star may be a symbol."""
    document = read(made.word_97("参与公众300328人次\r", "脚注\r", "页眉" + WHOLE, deleted="300"), "doc")
    assert "参与公众328人次" in document.text
    assert WHOLE in document.margins
    assert WHOLE not in document.text
    assert rules(judged(made.word_97("\r", "", "页眉"), "总结.doc")) == ["report.empty"]
    assert rules(judged(made.word_97("秘密(1年" + made.TEXT[0], symbol="("), "总结.doc")) == ["file.classified"]
    link = made.word_97('\x13 HYPERLINK "https://a.cn/1" \x14报道\x15\r')
    assert (read(link, "doc").text, read(link, "doc").targets) == ("报道", ("https://a.cn/1",))


@pytest.mark.parametrize("call", [made.page, made.mht])
def test_a_page_of_the_web_named_as_a_sheet_is_still_no_sheet(call: Callable[..., bytes]) -> None:
    assert judged(call(*made.TEXT), "统计表.xls", Kind.STATISTICS).verdict is Verdict.REJECTED
    assert rules(judged(call(MARK), "统计表.xls", Kind.STATISTICS)) == ["file.classified"]


def sheets(**changes: str) -> bytes:
    """A list of links whose parts are written over."""
    parts = made.members(made.book("标题"))
    return made.zipped({**parts, **{name.replace("__", "/") + ".xml": xml for name, xml in changes.items()}})


SHEET = "<worksheet><sheetData><row><c r='A1'>{cell}</c></row></sheetData>{rest}</worksheet>"
IN_SHEETS = {
    "a result of a formula": sheets(
        xl__worksheets__sheet1=SHEET.format(cell="", rest="").replace("<c r='A1'>", f'<c t="str"><f>A</f><v>{MARK}</v>')
    ),
    "a header in two fonts": sheets(
        xl__worksheets__sheet1=SHEET.format(
            cell="", rest='<oddHeader>&amp;C&amp;"宋体,常规"&amp;14秘&amp;B密&amp;"-,粗体"★1年</oddHeader>'
        )
    ),
    "a prompt": sheets(xl__worksheets__sheet1=SHEET.format(cell="", rest=f'<dataValidation prompt="{MARK}"/>')),
    "a tooltip": sheets(xl__worksheets__sheet1=SHEET.format(cell="", rest=f'<hyperlink tooltip="{MARK}"/>')),
    "a text box": sheets(xl__drawings__drawing1="<wsDr><p><r><t>秘密</t></r><r><t>★1年</t></r></p></wsDr>"),
    "an alternative text": sheets(xl__drawings__drawing1=f'<wsDr><cNvPr descr="{MARK}"/></wsDr>'),
    "a chart": sheets(xl__charts__chart1=f"<chartSpace><p><r><t>{MARK}</t></r></p></chartSpace>"),
    "a defined name": sheets(xl__names=f'<workbook><definedName name="A" comment="{MARK}"/></workbook>'),
    "a number format": sheets(xl__styles=f'<styleSheet><numFmt formatCode="&quot;{MARK}&quot;0"/></styleSheet>'),
    "a pivot table": sheets(
        xl__pivotCache__pivotCacheDefinition1=f'<pivotCacheDefinition><s v="{MARK}"/></pivotCacheDefinition>'
    ),
    "a custom property": sheets(
        docProps__custom=f"<Properties><property><lpwstr>{MARK}</lpwstr></property></Properties>"
    ),
}


@pytest.mark.parametrize("place", IN_SHEETS)
def test_a_mark_in_each_place_of_a_workbook_holds_it(place: str) -> None:
    for kind in (Kind.PRESS, Kind.STATISTICS):
        assert rules(judged(IN_SHEETS[place], "链接.xlsx", kind)) == ["file.classified"], kind


def test_numbers_and_links_in_cells_of_a_list_are_seen() -> None:
    cells = '<v>13999912345</v></c><c><f>HYPERLINK("https://news.example.cn/1.html","报道")</f><v>0.12345678901234</v>'
    document = read(sheets(xl__worksheets__sheet1=SHEET.format(cell=cells, rest="")), "xlsx")
    assert document.text.split() == ["13999912345"]
    assert document.targets == ("https://news.example.cn/1.html",)


THEME = made.zipped({"[Content_Types].xml": "<Types/>", "theme/theme/theme1.xml": "<a:theme/>" * 200})
WORDS = old_word(made.TEXT[0])


def old_with_theme() -> bytes:
    body = b"\xec\xa5\xc1\0".ljust(76, b"\0") + b"\x30\0\0\0" + bytes(432) + made.TEXT[0].encode("utf-16-le")
    return compound({"WordDocument": body, "1Table": bytes(3000) + THEME + bytes(6000)})


def test_a_theme_inside_an_old_document_is_no_second_file() -> None:
    """Word 2007 to 365 keep it as a zip in the table stream of each .doc; the worst of all false refusals."""
    assert judged(old_with_theme(), "总结.doc").verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("junk", [b"", bytes(300), b"\xff" * 700])
@pytest.mark.parametrize("data", [WORDS, old_with_theme()])
def test_a_zip_behind_an_old_document_is_a_second_file(data: bytes, junk: bytes) -> None:
    assert "file.polyglot" in rules(judged(data + made.zipped({"x.txt": "y" * 99}) + junk, "总结.doc"))


def test_a_comment_that_reaches_out_of_its_stream_makes_a_second_file() -> None:
    data = bytearray(old_with_theme())
    end = data.rfind(b"PK\5\6") + 22
    data[end - 2 : end] = (len(data) - end).to_bytes(2, "little")
    assert "file.polyglot" in rules(judged(bytes(data), "总结.doc"))


NAMED = {
    "RTF": (made.rich(*made.TEXT), "总结.doc"),
    "网页": (made.page(*made.TEXT), "总结.doc"),
    "MHT": (made.mht(*made.TEXT), "总结.doc"),
    "Word 2003 XML": (
        b'<?xml version="1.0"?>\r\n<?mso-application progid="Word.Document"?><w:wordDocument/>',
        "总结.doc",
    ),
    "OpenDocument": (
        made.zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<a/>"}),
        "总结.doc",
    ),
    "苹果": (made.zipped({"Index/Document.iwa": "x", "Metadata/Properties.plist": "x"}), "总结.pages"),
    "Works": (ole("CONTENTS", b"CHNKWKS"), "总结.wps"),
}


@pytest.mark.parametrize("called", NAMED)
def test_a_file_of_another_program_is_called_by_its_name(called: str) -> None:
    data, name = NAMED[called]
    (found,) = judged(data, name).findings
    assert called in found.message
    assert any(word in found.fix for word in ("另存为", "导出"))
    assert "压缩" not in found.fix


@pytest.mark.parametrize(
    ("name", "called", "advice"), [("总结.xml", "Word 2003 XML", "用 Word"), ("总结.abw", "XML", "用做出它的软件")]
)
def test_a_file_that_bears_its_own_name_is_not_said_to_bear_another(name: str, called: str, advice: str) -> None:
    data = NAMED["Word 2003 XML"][0] if name.endswith("xml") else b'<?xml version="1.0"?><abiword><p>a</p></abiword>'
    (found,) = judged(data, name).findings
    assert (found.rule, called in found.message, advice in found.fix) == ("file.format", True, True)


PACKED = {
    "总结.epub": {"mimetype": "application/epub+zip", "EPUB/a.xhtml": f"<?xml version='1.0'?><html>{MARK}</html>"},
    "总结.xps": {
        made.TYPES: "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'>"
        "<Override PartName='/FixedDocSeq.fdseq' "
        "ContentType='application/vnd.ms-package.xps-fixeddocumentsequence+xml'/></Types>",
        "_rels/.rels": "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
        "<Relationship Id='a' Type='http://schemas.microsoft.com/xps/2005/06/fixedrepresentation' "
        "Target='/FixedDocSeq.fdseq'/></Relationships>",
        "FixedDocSeq.fdseq": "<?xml version='1.0'?><FixedDocumentSequence/>",
        "Pages/1.fpage": f"<?xml version='1.0'?><FixedPage><Glyphs UnicodeString='{MARK}'/></FixedPage>",
    },
    "总结.odg": {
        "mimetype": "application/vnd.oasis.opendocument.graphics",
        "content.xml": f"<?xml version='1.0'?><a>{MARK}</a>",
    },
}


@pytest.mark.parametrize("name", PACKED)
def test_a_mark_in_a_package_that_nobody_collects_holds_it(name: str) -> None:
    assert rules(judged(made.zipped(PACKED[name]), name)) == ["file.classified"]


@pytest.mark.parametrize("called", ["RTF", "网页", "MHT"])
def test_a_mark_in_a_file_that_is_not_collected_holds_it(called: str) -> None:
    make = {"RTF": made.rich, "网页": made.page, "MHT": made.mht}[called]
    assert rules(judged(make(MARK, *made.TEXT), "总结.doc")) == ["file.classified"]


@pytest.mark.parametrize(
    "old", [b"\\uc2 %b\\'3f\\'3f", b"\\uc1 %b?", b"\\uc0 %b", b"%b\\'3f"], ids=["two", "one", "none", "unsaid"]
)
def test_a_mark_in_unicode_of_rich_text_is_found_whatever_is_there_for_old_programs(old: bytes) -> None:
    marked = b"".join(old % b"\\u%d " % ord(sign) for sign in MARK)
    assert rules(judged(made.rich(*made.TEXT)[:-1] + marked + b"}", "总结.doc")) == ["file.classified"]


LOCKED = samples.lock(paper("x"))


@pytest.mark.parametrize(
    "part", [LOCKED, b"Rar!\x1a\x07\x01\0" + bytes(500), b"PK\x03\x04" + bytes(500)], ids=["locked", "rar", "damaged"]
)
def test_what_could_not_be_searched_waits_for_a_human(part: bytes) -> None:
    checked = judged(made.with_part(made.report(), "word/embeddings/a.docx", part, "package"), "总结.docx")
    assert checked.verdict is Verdict.HELD
    assert "file.not_searched" in rules(checked)


def test_a_header_that_is_damaged_is_searched_as_it_is() -> None:
    broken = f"<w:hdr><w:p>{made.run(MARK)}</w:p>"
    assert rules(judged(made.with_part(made.report(), "word/header7.xml", broken, "header"), "总结.docx")) == [
        "file.classified"
    ]
