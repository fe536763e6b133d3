"""The Word report's words, template, look and bounds; that its figures are right is shown in test_editions.py."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import RGBColor
from PIL import Image

from baosong.campaign import Campaign, Campaigns
from baosong.ledger.services import Services
from baosong.report import pdf
from baosong.report.editions import write_report
from baosong.report.files import TemplateRefused
from baosong.report.pdf import put_pdfs
from baosong.rules.findings import Kind, warning
from baosong_local.tools.docx_template import make_template
from feed import NOW
from office import stand_in_office
from recount import grouped, read_sheet, spoken
from region import file, file_region, sent_by, sheet

PARTS = ("total", "offline", "online")
BLOCK, CELL = (re.compile(rf"<(?:{t})(?: [^>]*)?>(.*?)</(?:{t})>") for t in (r"p|h\d", "t[dh]"))
KINDS = [f"A{n:02d}" for n in range(3, 12)]
DANGER = "<b>{{ 7*7 }}</b>{% raw %}\ue000图.A01\ue000&"


class Edition:
    """What was written: the Word report opened, its text and tables, the page, and the JSON files."""

    def __init__(self, services: Services, prefix: str) -> None:
        def read(name: str) -> bytes:
            return services.storage.read("reports", f"{prefix}{name}")

        self.raw = read("汇总总结报告.docx")
        self.document = docx.Document(io.BytesIO(self.raw))
        self.paragraphs = [p.text for p in self.document.paragraphs if p.text.strip()]
        self.text = "\n".join(self.paragraphs)
        self.tables = [[[c.text for c in row.cells] for row in t.rows] for t in self.document.tables]
        self.page = read("汇总总结报告.html").decode()
        self.figures = json.loads(read("figures.json"))
        self.changes = json.loads(read("changes.json"))

    def headed(self, *head: str) -> list[list[list[str]]]:
        """Return the bodies of the tables whose first row begins so."""
        return [t[1:] for t in self.tables if tuple(t[0][: len(head)]) == head]


def written(services: Services, edition: Any = "final", at: Any = NOW) -> Edition:
    return Edition(services, write_report(services, "2023", edition, at)["prefix"])


def test_an_interim_edition_says_so_and_names_who_is_missing(services: Services, campaign: Campaign) -> None:
    file_region(services, campaign, 2)
    told = written(services, "interim")
    names = "、".join(p.name for p in campaign.prefectures[2:])
    assert told.paragraphs[2] == "（中期）"
    assert f"尚有12个材料未报齐：{names}；其中缺总结报告的12个、" in told.paragraphs[3]
    assert "阿勒泰地区（未计入）" in {row[0] for t in told.tables for row in t}
    assert f"统计表尚未计入：{names}" in told.text


def test_an_empty_campaign_has_a_report_too(services: Services, campaign: Campaign) -> None:
    told = written(services, "interim")
    assert "共举办活动0项；参与公众0人次；" in told.text
    assert "目前没有可摘录的总结报告" in told.text


def test_page_and_letters_are_those_of_the_standard(services: Services, campaign: Campaign) -> None:
    file_region(services, campaign, 1)
    document = written(services, "interim").document
    section = document.sections[0]
    sides = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    assert [round(side.mm, 1) for side in sides if side] == [37.0, 35.0, 28.0, 26.0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    assert section.page_height - sides[0] - sides[1] >= 22 * 29 * 12700  # type: ignore[operator]
    assert document.settings.odd_and_even_pages_header_footer
    assert [f.paragraphs[0].alignment for f in (section.footer, section.even_page_footer)] == [2, 0]
    by_text = {p.text: p for p in document.paragraphs if p.text}
    _is_set(by_text["2023年自治区科技活动周"], "方正小标宋简体", 22)
    _is_set(by_text["一、总体情况"], "黑体", 16)
    _is_set(by_text["（一）组织保障"], "楷体_GB2312", 16)
    body = next(p for p in document.paragraphs if p.text.startswith("活动期间"))
    _is_set(body, "仿宋_GB2312", 16)
    form = body.style.paragraph_format  # type: ignore[union-attr]
    assert form.line_spacing.pt == 29  # type: ignore[union-attr]
    assert body.style.element.pPr.find(qn("w:ind")).get(qn("w:firstLineChars")) == "200"  # type: ignore[union-attr]
    assert all(by_text[t].style.paragraph_format.keep_with_next for t in ("一、总体情况", "（一）组织保障"))  # type: ignore[union-attr]


def _is_set(paragraph: Any, font: str, points: float) -> None:
    for run in paragraph.runs:
        assert {run._r.rPr.rFonts.get(qn(f"w:{k}")) for k in ("ascii", "hAnsi", "eastAsia", "cs")} == {font}
        assert run.font.size.pt == points


def test_every_run_names_its_chinese_font(services: Services, campaign: Campaign) -> None:
    file_region(services, campaign, 2)
    document = written(services).document
    roots = [
        document.element.body,
        document.sections[0].footer._element,
        document.sections[0].even_page_footer._element,
    ]
    runs = [run for root in roots for run in root.iter(qn("w:r"))]
    assert len(runs) > 500
    bare = [r for r in runs if r.find(f"{qn('w:rPr')}/{qn('w:rFonts')}") is None]
    assert [r for r in runs if r not in bare and not r.rPr.rFonts.get(qn("w:eastAsia"))] == []
    assert [r.text for r in bare if r.text.strip()] == []


def test_tables_repeat_their_heads_and_tear_no_row(services: Services, campaign: Campaign) -> None:
    file_region(services, campaign, 2)
    for table in written(services).document.tables:
        if table._tbl.xpath("./w:tblPr/w:tblDescription"):
            continue  # a map
        rows = list(table._tbl.tr_lst)
        assert all(row.trPr.find(qn("w:cantSplit")) is not None for row in rows)
        assert (rows[0].trPr.find(qn("w:tblHeader")) is not None) or "图1　" in table.rows[0].cells[0].text
        assert sum(int(g.get(qn("w:w"))) for g in table._tbl.tblGrid) <= 8847  # twips in 156 mm


def test_photographs_are_small_few_without_metadata_and_captioned(services: Services, campaign: Campaign) -> None:
    file_region(services, campaign, 2)
    file(services, campaign, "6501", Kind.PHOTO, "0坏.jpg", b"\xff\xd8 not a picture")
    told = written(services)
    with zipfile.ZipFile(io.BytesIO(told.raw)) as package:
        media = [package.read(n) for n in package.namelist() if n.startswith("word/media/")]
    assert len(media) == 3
    for raw in media:
        with Image.open(io.BytesIO(raw)) as picture:
            assert max(picture.size) <= 1000
            assert not picture.getexif()
            assert b"NIKON" not in raw
    assert "图1　乌鲁木齐市活动照片" in {c.strip() for t in told.tables for row in t for c in row}


def test_highlights_are_quoted_word_for_word_with_their_source(services: Services, campaign: Campaign) -> None:
    file_region(services, campaign, 3)
    told = written(services)
    quoted = re.findall(r"^(.+?)：“(.+)”（摘自《(.+)》）$", told.text, re.M)
    names = [p.name for p in campaign.prefectures[:3]]
    assert 2 <= len(quoted) == len({q[0] for q in quoted}), "each from another prefecture, and of another kind"
    for name, sentence, source in quoted:
        assert re.search(r"\d", sentence)
        seed = names.index(name)
        files = sent_by("2023", campaign.prefectures[seed].code, seed).files
        report = next(content for kind, _, content in files if kind is Kind.REPORT)
        sentence = sentence.translate(str.maketrans("‘’", "“”"))  # inner marks within the report's
        assert sentence in "\n".join(p.text for p in docx.Document(io.BytesIO(report)).paragraphs)
        assert source == f"{name}总结报告"


def test_texts_of_prefectures_stay_texts(services: Services, campaign: Campaign) -> None:
    name, content, figures = sheet("2023", "6501", 0)
    bad = {**figures, "activities": [{**figures["activities"][0], "name": DANGER, "place": DANGER}]}
    doubt = [warning("statistics.round_figures", DANGER)]
    file(services, campaign, "6501", Kind.STATISTICS, name, content, figures=bad, findings=doubt)
    told = written(services)
    (rows,) = told.headed("序号", "地州市", "活动名称")
    assert rows[0][2] == DANGER
    assert "<b>{{ 7*7 }}</b>{% raw %}图.A01&" in told.text
    assert "<b>{{" not in told.page
    assert "校验中提请核实1处，涉及1个地州市（乌鲁木齐市），均在活动开展情况统计表。" in told.text


def test_last_year_is_compared_where_both_years_have_figures(
    services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    _write_campaign(tmp_path, "2024", 'extends: "2023"\nid: "2024"\ntitle: 2024年自治区科技活动周\nprevious: "2023"\n')
    services = _with_folder(services, tmp_path)
    file_region(services, campaign, 2)
    this_year = services.campaigns.get("2024")
    name, content, figures = sheet("2023", "6501", 41)
    file(services, this_year, "6501", Kind.STATISTICS, name, content, figures=figures)
    told = Edition(services, write_report(services, "2024", "interim", NOW)["prefix"])
    before, now = read_sheet(sent_by("2023", "6501", 0).files[0][2]), read_sheet(content)
    one, two = before.values["B01", "total"], now.values["B01", "total"]
    rate = ((two - one) * 100 / one).quantize(Decimal("0.1"), ROUND_HALF_UP)
    moved = "增长" if two > one else "下降"
    assert "与2023年自治区科技活动周相比，按两年均已报送的1个地州市计算" in told.text
    assert (
        f"参与公众由{spoken(one, '人次')}{'增' if two > one else '减'}至{spoken(two, '人次')}，{moved}{abs(rate)}%"
        in told.text
    )
    (table,) = told.headed("指标", "单位", "上年", "本年")
    assert [r[2:4] for r in table] == [
        [grouped(before.values[c, "total"], c), grouped(now.values[c, "total"], c)] for c in now.names
    ]


def test_the_causes_of_growth_are_those_that_the_sheets_of_both_years_show(
    services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    """Each prefecture's difference, and each kind's, is taken again from the sheets as they were sent."""
    _write_campaign(tmp_path, "2024", 'extends: "2023"\nid: "2024"\ntitle: 2024年自治区科技活动周\nprevious: "2023"\n')
    services = _with_folder(services, tmp_path)
    before = {code: read_sheet(content).values for code, content in file_region(services, campaign, 3).items()}
    now = {}
    for seed, code in enumerate(before, start=41):
        name, content, figures = sheet("2023", code, seed)
        file(services, services.campaigns.get("2024"), code, Kind.STATISTICS, name, content, figures=figures)
        now[code] = read_sheet(content).values
    told = Edition(services, write_report(services, "2024", "interim", NOW)["prefix"])
    for name, code, unit in (("举办活动总数", "A01", "项"), ("参与公众", "B01", "人次")):
        by = {campaign.prefecture(p).name: now[p][code, "total"] - before[p][code, "total"] for p in before}
        whole = sum(by.values())
        assert whole, "made sheets that happen to be level would test nothing"
        main = sorted((p for p in by if by[p] * whole > 0), key=lambda p: -abs(by[p]))
        word = "增加" if whole > 0 else "减少"
        all_of_them = f"{name}在{len(by)}个地州市都{word}，"
        (line,) = [t for t in told.paragraphs if t.startswith((f"{name}{word}的", all_of_them))]
        assert line.startswith(all_of_them) == (len(main) == len(by))
        assert line.startswith(all_of_them) or (f"有{len(main)}个地州市" in line) == (len(main) > 1)
        assert f"{main[0]}（{'增加' if whole > 0 else '减少'}{spoken(abs(by[main[0]]), unit)}）" in line
    kinds = {c: sum(now[p][c, "total"] - before[p][c, "total"] for p in before) for c in KINDS}
    names = read_sheet(sent_by("2023", "6501", 0).files[0][2]).names
    best = max((c for c in kinds if names[c][0] != "其他"), key=lambda c: kinds[c])
    label, unit = names[best]
    assert f"按类别看，增加最多的是{label}（增加{spoken(Decimal(kinds[best]), unit)}）" in told.text


def _write_campaign(folder: Path, campaign_id: str, text: str) -> None:
    (folder / f"{campaign_id}.yaml").write_text(text, encoding="utf-8")


def _with_folder(services: Services, folder: Path) -> Services:
    """Return the services with a folder of the department's own behind the project's."""
    settings = replace(services.settings, campaign_dirs=[*services.settings.campaign_dirs, folder])
    return replace(services, settings=settings, campaigns=Campaigns(settings.campaign_dirs))


def _template(folder: Path, change: Any) -> None:
    """Put a changed template where the department keeps its own."""
    document = docx.Document(io.BytesIO(make_template()))
    change(document)
    (folder / "templates").mkdir(exist_ok=True)
    document.save(str(folder / "templates" / "汇总总结报告.docx"))


def _reword(begins: str, text: str) -> Any:
    def change(document: Any) -> None:
        paragraph = next(p for p in document.paragraphs if p.text.startswith(begins))
        paragraph.runs[0].text = text

    return change


def test_the_department_rewords_the_report_and_gets_a_new_version(
    services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    file_region(services, campaign, 1)
    services = _with_folder(services, tmp_path)
    assert "现将有关情况报告如下" in written(services).text
    _template(tmp_path, _reword("活动期间", "本届共办活动{{ 指标.A01 }}，准确数{{ 指标.B01.准确数 }}。"))
    again = written(services)
    value = read_sheet(sent_by("2023", "6501", 0).files[0][2]).values["B01", "total"]
    assert f"准确数{value:,}。" in again.text
    assert again.changes["texts"] == ["文字模板有修改"]
    assert write_report(services, "2023", "final", NOW)["new"] is False


@pytest.mark.parametrize(
    ("begins", "text", "said"),
    [
        ("活动期间", "活动期间办了{{ 指标.A99 }}。", r"第 \d+ 段“活动期间办了.*没有名为“A99”的内容"),
        ("活动期间", "活动期间办了{{ 总人数 }}。", r"第 \d+ 段“活动期间办了.*没有名为“总人数”的内容"),
        ("活动期间", "活动期间办了{{ 指标.A01。", r"第 \d+ 段“活动期间办了.*花括号没有成对"),
        ("活动期间", "活动期间{% if 上年 %}办了。", r"没有成对"),
        ("活动期间", "活动期间如图{{ 图.A01 }}所示", r"“活动期间如图.*图.A01 应当独占一段"),
        ("活动期间", "活动期间{{ 指标.__class__ }}", r"活动期间"),
    ],
)
def test_a_wrong_template_is_refused_with_its_place(
    services: Services, campaign: Campaign, tmp_path: Path, begins: str, text: str, said: str
) -> None:
    services = _with_folder(services, tmp_path)
    _template(tmp_path, _reword(begins, text))
    with pytest.raises(TemplateRefused, match=said):
        write_report(services, "2023", "interim", NOW)
    assert list(services.storage.list("reports")) == []


def test_a_template_that_is_no_word_file_is_refused(services: Services, campaign: Campaign, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "汇总总结报告.docx").write_bytes(b"\xd0\xcf\x11\xe0 an old doc")
    with pytest.raises(TemplateRefused, match="打不开"):
        write_report(_with_folder(services, tmp_path), "2023", "interim", NOW)


def test_more_photographs_or_a_new_report_make_the_edition_stale(services: Services, campaign: Campaign) -> None:
    file_region(services, campaign, 1)
    assert write_report(services, "2023", "final", NOW)["version"] == 1
    content = next(c for k, _, c in sent_by("2023", "6502", 1).files if k is Kind.REPORT)
    file(services, campaign, "6501", Kind.REPORT, "更正的总结报告.docx", content, at=NOW + timedelta(hours=1))
    again = written(services)
    assert again.figures["version"] == 2
    assert again.changes["texts"] == ["乌鲁木齐市重新报送总结报告"]
    assert again.changes["figures"] == []


def test_the_workbook_has_native_charts_that_follow_its_cells(services: Services, campaign: Campaign) -> None:
    file_region(services, campaign, 2)
    prefix = write_report(services, "2023", "interim", NOW)["prefix"]
    with zipfile.ZipFile(io.BytesIO(services.storage.read("reports", f"{prefix}汇总表.xlsx"))) as package:
        charts = [package.read(n).decode() for n in sorted(package.namelist()) if "charts/chart" in n]
    refs = [re.findall(r"<(?:c:)?f>(.*?)</", c) for c in charts]
    assert len(charts) == 4
    assert any("'汇总'!$D$7:$D$15" in r for r in refs)
    assert all(re.match(r"'(各地州市|汇总|活动日程)'!\$", ref) for r in refs for ref in r)


def test_a_pdf_is_put_beside_once_where_the_program_is_there(
    services: Services, campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = write_report(services, "2023", "interim", NOW)["prefix"]
    script = f'echo x >> {tmp_path}/calls; for n in 0 1; do printf %s %PDF > "$6/$n.pdf"; done'
    stand_in_office(tmp_path, monkeypatch, script)
    assert [put_pdfs(services.storage, prefix) for _ in range(2)] == [True, True]
    assert services.storage.read("reports", f"{prefix}汇总总结报告.pdf") == b"%PDF"
    assert services.storage.read("reports", f"{prefix}一页纸.pdf") == b"%PDF"
    assert (tmp_path / "calls").read_text() == "x\n"
    file_region(services, campaign, 1)
    assert write_report(services, "2023", "interim", NOW)["prefix"] == prefix
    assert services.storage.stat("reports", f"{prefix}汇总总结报告.pdf") is None


def test_a_document_replaced_while_its_pdf_is_made_has_its_pdf_made_anew(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = write_report(services, "2023", "interim", NOW)["prefix"]
    stand_in_office(tmp_path, monkeypatch, 'for n in "$@"; do case $n in *.docx) cp "$n" "${n%.docx}.pdf";; esac; done')
    real = pdf.make_pdfs

    def overtaken(documents: Sequence[bytes]) -> list[bytes] | None:
        monkeypatch.setattr(pdf, "make_pdfs", real)
        services.storage.put("reports", f"{prefix}汇总总结报告.docx", b"the next one")
        return real(documents)

    monkeypatch.setattr(pdf, "make_pdfs", overtaken)
    assert put_pdfs(services.storage, prefix)
    assert services.storage.read("reports", f"{prefix}汇总总结报告.pdf") == b"the next one"


@pytest.mark.parametrize("script", ["exit 1", "sleep 60"])
def test_a_program_that_fails_or_hangs_harms_nothing(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    prefix = write_report(services, "2023", "interim", NOW)["prefix"]
    stand_in_office(tmp_path, monkeypatch, script)
    monkeypatch.setattr("baosong.report.pdf._WITHIN", 0.3)
    assert put_pdfs(services.storage, prefix) is False


def test_a_long_list_keeps_the_major_activities_with_their_numbers(
    services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("baosong.report.listed.MOST_LISTED", 5)
    (content,) = file_region(services, campaign, 1).values()
    told = written(services, "interim")
    listed = read_sheet(content).activities
    wanted = [(str(n), a["活动名称"]) for n, (_, a) in enumerate(listed, start=1) if a["是否重大示范"] == "是"][:5]
    (rows,) = told.headed("序号", "地州市", "活动名称")
    assert [(r[0], r[2]) for r in rows] == wanted != []
    assert f"共{len(listed)}项活动，篇幅所限只列重大示范活动" in told.text


def test_a_campaign_may_have_a_template_of_its_own(services: Services, campaign: Campaign, tmp_path: Path) -> None:
    services = _with_folder(services, tmp_path)
    _template(tmp_path, _reword("活动期间", "各年通用。"))
    _template(tmp_path / "templates", _reword("活动期间", "只此一年。"))
    (tmp_path / "templates" / "templates").rename(tmp_path / "templates" / "2023")
    assert "只此一年。" in written(services, "interim").text


def test_a_letterhead_in_the_template_is_taken_over_as_it_stands(services: Services, tmp_path: Path) -> None:
    """Before the title and in the first page's header, with colour and red line."""

    def head(document: Any) -> None:
        mark = document.paragraphs[0].insert_paragraph_before("")
        mark.add_run("自治区科学技术厅文件").font.color.rgb = RGBColor(0xFF, 0, 0)
        red = 'w:val="single" w:sz="18" w:space="1" w:color="FF0000"'
        mark._p.get_or_add_pPr().append(parse_xml(f"<w:pBdr {nsdecls('w')}><w:bottom {red}/></w:pBdr>"))
        document.sections[0].different_first_page_header_footer = True
        document.sections[0].first_page_header.paragraphs[0].text = "内部资料 {{ 版本.日期 }}"

    services = _with_folder(services, tmp_path)
    _template(tmp_path, head)
    told = written(services, "interim")
    mark, title = told.document.paragraphs[:2]
    assert (mark.text, title.text) == ("自治区科学技术厅文件", "2023年自治区科技活动周")
    assert mark.runs[0].font.color.rgb == RGBColor(0xFF, 0, 0)
    assert mark._p.pPr.find(qn("w:pBdr")).find(qn("w:bottom")).get(qn("w:color")) == "FF0000"
    assert told.document.sections[0].first_page_header.paragraphs[0].text == "内部资料 2023年6月1日"
    assert '<p class="">自治区科学技术厅文件</p>' in told.page
