"""The Word report and its page: every figure held against the original sheets, read anew with nothing but openpyxl."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml.ns import qn
from openpyxl import load_workbook
from PIL import Image
from sqlalchemy import delete

from baosong.campaign import Campaign, Campaigns
from baosong.findings import Kind, warning
from baosong.ledger import Edition as Recorded
from baosong.report import TemplateRefused, write_report
from baosong.report.excerpt import best_sentence
from baosong.report.letter import make_template
from baosong.report.pdf import put_pdf
from baosong.settings import PROJECT
from baosong.workdesk import Desk
from feed import NOW
from region import Read, file, file_region, read_sheet, sent_by, sha256, sheet

PARTS = ("total", "offline", "online")
BLOCK, CELL = (re.compile(rf"<(?:{t})(?: [^>]*)?>(.*?)</(?:{t})>") for t in (r"p|h\d", "t[dh]"))
KINDS = [f"A{n:02d}" for n in range(3, 12)]
LIVELY = "首次走进牧区，组织科普大篷车巡展20场次，吸引农牧民3000余人参加。"
DANGER = "<b>{{ 7*7 }}</b>{% raw %}\ue000图.A01\ue000&"


class Edition:
    """What was written: the Word report opened, its text and tables, the page, and the JSON files."""

    def __init__(self, desk: Desk, prefix: str) -> None:
        def read(name: str) -> bytes:
            return desk.storage.read("reports", f"{prefix}{name}")

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


def written(desk: Desk, edition: Any = "final", at: Any = NOW) -> Edition:
    return Edition(desk, write_report(desk, "2023", edition, at)["prefix"])


def spoken(value: Decimal) -> str:
    """Say a number as the issue asks: 万 with at most two decimals."""
    if value < 10_000:
        return f"{value.normalize():f}"
    return f"{(value / 10_000).quantize(Decimal('0.01'), ROUND_HALF_UP).normalize():f}万"


def percent(part: Decimal, whole: Decimal) -> str:
    return f"{(part * 100 / whole).quantize(Decimal('0.1'), ROUND_HALF_UP)}%"


def grouped(value: Decimal, code: str) -> str:
    return f"{value:,.2f}" if code.startswith("E") else f"{int(value):,}"


def total(reads: dict[str, Read], code: str, part: int = 0) -> Decimal:
    return sum((r.values[code][part] or Decimal(0) for r in reads.values()), Decimal(0))


def reads_of(sheets: dict[str, bytes]) -> dict[str, Read]:
    return {code: read_sheet(content) for code, content in sheets.items()}


def test_every_figure_equals_a_recomputation_from_the_sheets(desk: Desk, campaign: Campaign) -> None:
    reads = reads_of(file_region(desk, campaign))
    told = written(desk)
    sums = {code: total(reads, code) for code in reads["6501"].values}
    _hold_text(told.text, reads, sums)
    _hold_rankings(told, campaign, reads)
    _hold_indicator_tables(told, campaign, reads, sums)
    _hold_kinds(told, reads)
    _hold_activities(told, campaign, reads)
    assert {c: Decimal(v) for c, v in told.figures["totals"].items()} == sums
    assert told.figures["activities"] == sum(len(r.activities) for r in reads.values())
    _hold_page(told)


def _hold_text(text: str, reads: dict[str, Read], sums: dict[str, Decimal]) -> None:
    offline, online = total(reads, "B01", 1), total(reads, "B01", 2)

    def of(part: str, whole: str) -> str:
        return percent(sums[part], sums[whole])

    for said in (
        f"共举办活动{spoken(sums['A01'])}项，其中重大示范活动{spoken(sums['A02'])}项，占{of('A02', 'A01')}；",
        f"参与公众{spoken(sums['B01'])}人次，其中青少年{spoken(sums['B02'])}人次，占{of('B02', 'B01')}；",
        f"其中线下{spoken(offline)}人次，占{percent(offline, sums['B01'])}",
        f"线上{spoken(online)}人次，占{percent(online, sums['B01'])}",
        f"发放科普资料{spoken(sums['C01'])}份",
        f"投入活动经费{spoken(sums['E01'])}万元，其中财政经费{spoken(sums['E02'])}万元，占{of('E02', 'E01')}。",
        f"展出展板{spoken(sums['C02'])}块、展品{spoken(sums['C03'])}件",
        f"报送照片{spoken(sums['F01'])}张、视频{spoken(sums['F02'])}个",
    ):
        assert said in text, said
    assert "应报14个地州市，已计入14个的统计表，全部材料已报齐" in text
    assert "统计截至2023年6月1日16时00分" in text


def _ranks(reads: dict[str, Read], code: str) -> dict[str, int]:
    values = {place: r.values[code][0] for place, r in reads.items()}
    return {place: 1 + sum(other > v for other in values.values()) for place, v in values.items()}


def _hold_rankings(told: Edition, campaign: Campaign, reads: dict[str, Read]) -> None:
    (rows,) = told.headed("地州市", "举办活动总数（项）", "占比", "名次")
    wanted = []
    for p in campaign.prefectures:
        row = [p.name]
        for code in ("A01", "B01"):
            value = reads[p.code].values[code][0]
            row += [f"{value:,}", percent(value, total(reads, code)), str(_ranks(reads, code)[p.code])]
        wanted.append(row)
    assert rows[:-1] == wanted
    for code in ("A01", "B01", "D01", "E01"):
        ranks = _ranks(reads, code)
        first = sorted((c for c in ranks if ranks[c] <= 3), key=lambda c: ranks[c])
        unit = campaign.form.by_code[code].unit
        said = "、".join(
            f"{campaign.prefecture(c).name}（{spoken(v)}{unit}，占{percent(v, total(reads, code))}）"
            for c in first
            for v in [reads[c].values[code][0]]
        )
        assert f"居前三位的是：{said}。" in told.text


def _hold_indicator_tables(told: Edition, campaign: Campaign, reads: dict[str, Read], sums: dict[str, Decimal]) -> None:
    tables = [t for t in told.tables if t[-1][0] == "合计" and "占比" not in t[0]]
    shown = {(row[0], head): v for t in tables for row in t[1:] for head, v in zip(t[0][1:], row[1:], strict=True)}
    assert len(shown) == 15 * len(sums)
    for i in campaign.form.indicators.rows:
        head = f"{i.name}（{i.unit}）"
        for p in campaign.prefectures:
            assert shown[p.name, head] == grouped(reads[p.code].values[i.code][0], i.code)
        assert shown["合计", head] == grouped(sums[i.code], i.code)


def _hold_kinds(told: Edition, reads: dict[str, Read]) -> None:
    (rows,) = told.headed("类别", "数量")
    whole = total(reads, "A01")
    assert [(r[1], r[3]) for r in rows[:-1]] == [(f"{(v := total(reads, c)):,}", percent(v, whole)) for c in KINDS]
    assert rows[-1][1] == f"{whole:,}"


def _hold_activities(told: Edition, campaign: Campaign, reads: dict[str, Read]) -> None:
    (rows,) = told.headed("序号", "地州市", "活动名称")
    listed = [(campaign.prefecture(c).name, a[1]) for c, r in reads.items() for a in r.activities]
    assert [(r[1], r[2]) for r in rows] == listed
    assert [r[0] for r in rows] == [str(n) for n in range(1, len(listed) + 1)]


def _hold_page(told: Edition) -> None:
    """The page says what the Word report says, paragraph by paragraph and cell by cell."""
    page = [html.unescape(re.sub(r"<[^>]+>", "", t)) for t in BLOCK.findall(told.page)]
    assert page == [t.strip() for t in told.paragraphs]
    cells = [html.unescape(c) for c in CELL.findall(told.page)]
    albums = [t for t in told.tables if any("图1　" in c for c in t[0])]
    assert cells == [c for t in told.tables if t not in albums for row in t for c in row]
    assert told.page.count("<img ") == 28
    assert "://" not in told.page


def test_charts_hold_the_figures_and_need_no_font_or_link(desk: Desk, campaign: Campaign) -> None:
    reads = reads_of(file_region(desk, campaign, 3))
    told = written(desk)
    with zipfile.ZipFile(io.BytesIO(told.raw)) as package:
        charts = [
            package.read(n).decode() for n in sorted(package.namelist()) if re.fullmatch(r"word/charts/\w+\.xml", n)
        ]
        assert len([n for n in package.namelist() if n.startswith("word/embeddings/")]) == 3
    people = next(c for c in charts if "各地州市参与公众（人次）" in c)
    order = sorted(reads, key=lambda c: -reads[c].values["B01"][0])
    shown = re.findall(r"<c:v>(.*?)</c:v>", people)
    names = [campaign.prefecture(c).name for c in order]
    assert shown == [
        "线下", *names, *(str(reads[c].values["B01"][1]) for c in order),
        "线上", *names, *(str(reads[c].values["B01"][2]) for c in order),
    ]  # fmt: skip


def test_a_resubmitted_sheet_makes_a_change_list_of_just_what_differs(desk: Desk, campaign: Campaign) -> None:
    sheets = file_region(desk, campaign, 3)
    before = reads_of(sheets)
    assert written(desk).changes == {"against": None, "figures": [], "texts": []}
    name, content, figures = sheet("2023", "6504", 77)
    file(desk, campaign, "6504", Kind.STATISTICS, name, content, at=NOW + timedelta(hours=1), figures=figures)
    told = written(desk, at=NOW + timedelta(hours=2))
    after = before | {"6504": read_sheet(content)}
    wanted: set[tuple[str, str, Decimal, Decimal]] = set()
    for code in before["6504"].values:
        for n, part in enumerate(PARTS):
            one, two = before["6504"].values[code][n], after["6504"].values[code][n]
            if one != two and one is not None and two is not None:
                wanted.add(("吐鲁番市", f"{code}.{part}", one, two))
                wanted.add(("全区", f"{code}.{part}", total(before, code, n), total(after, code, n)))
    rows = sum(len(r.activities) for r in before.values()), sum(len(r.activities) for r in after.values())
    if rows[0] != rows[1]:
        wanted.add(("全区", "活动明细.total", Decimal(rows[0]), Decimal(rows[1])))
    words = {"线下": "offline", "线上": "online"}
    found = {
        (c["place"], f"{c['code']}.{words.get(c['what'][-3:-1], 'total')}", Decimal(c["before"]), Decimal(c["after"]))
        for c in told.changes["figures"]
    }
    assert found == wanted
    assert told.changes["texts"] == [f"吐鲁番市重新报送“{name}”"]
    (table,) = told.headed("地州市", "指标", "第1版", "本版")
    assert len(table) == len(wanted)
    assert f"与第1版相比，有{len(wanted)}个数据发生变化" in told.text


def test_the_same_inputs_give_the_same_bytes(desk: Desk, campaign: Campaign) -> None:
    file_region(desk, campaign, 2)
    first = write_report(desk, "2023", "final", NOW)["prefix"]
    names = ("汇总总结报告.docx", "汇总总结报告.html", "汇总表.xlsx", "figures.json")
    raws = [desk.storage.read("reports", first + n) for n in names]
    for n in names:
        desk.storage.remove("reports", first + n)
    desk.ledger.run(lambda session: session.execute(delete(Recorded)))
    again = write_report(desk, "2023", "final", NOW)["prefix"]
    assert again == first
    assert [desk.storage.read("reports", first + n) for n in names] == raws
    with zipfile.ZipFile(io.BytesIO(raws[0])) as package:
        assert {i.date_time for i in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_an_interim_edition_says_so_and_names_who_is_missing(desk: Desk, campaign: Campaign) -> None:
    file_region(desk, campaign, 2)
    told = written(desk, "interim")
    names = "、".join(p.name for p in campaign.prefectures[2:])
    assert told.paragraphs[2] == "（中期）"
    assert f"尚有12个材料未报齐：{names}。" in told.paragraphs[3]
    assert "阿勒泰地区（未计入）" in {row[0] for t in told.tables for row in t}
    assert f"统计表尚未计入：{names}" in told.text


def test_an_empty_campaign_has_a_report_too(desk: Desk, campaign: Campaign) -> None:
    told = written(desk, "interim")
    assert "共举办活动0项，其中重大示范活动0项，占—" in told.text
    assert "目前没有可摘录的总结报告" in told.text


def test_page_and_letters_are_those_of_the_standard(desk: Desk, campaign: Campaign) -> None:
    file_region(desk, campaign, 1)
    document = written(desk, "interim").document
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


def test_every_run_names_its_chinese_font(desk: Desk, campaign: Campaign) -> None:
    file_region(desk, campaign, 2)
    document = written(desk).document
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


def test_tables_repeat_their_heads_and_tear_no_row(desk: Desk, campaign: Campaign) -> None:
    file_region(desk, campaign, 2)
    for table in written(desk).document.tables:
        rows = list(table._tbl.tr_lst)
        assert all(row.trPr.find(qn("w:cantSplit")) is not None for row in rows)
        assert (rows[0].trPr.find(qn("w:tblHeader")) is not None) or "图1　" in table.rows[0].cells[0].text
        assert sum(int(g.get(qn("w:w"))) for g in table._tbl.tblGrid) <= 8847  # twips in 156 mm


def test_photographs_are_small_few_without_metadata_and_captioned(desk: Desk, campaign: Campaign) -> None:
    file_region(desk, campaign, 2)
    file(desk, campaign, "6501", Kind.PHOTO, "0坏.jpg", b"\xff\xd8 not a picture")
    told = written(desk)
    with zipfile.ZipFile(io.BytesIO(told.raw)) as package:
        media = [package.read(n) for n in package.namelist() if n.startswith("word/media/")]
    assert len(media) == 3
    for raw in media:
        with Image.open(io.BytesIO(raw)) as picture:
            assert max(picture.size) <= 1000
            assert not picture.getexif()
            assert b"NIKON" not in raw
    assert "图1　乌鲁木齐市：活动照片1" in {c.strip() for t in told.tables for row in t for c in row}


def test_highlights_are_quoted_word_for_word_with_their_source(desk: Desk, campaign: Campaign) -> None:
    file_region(desk, campaign, 3)
    told = written(desk)
    quoted = re.findall(r"^(.+?)：“(.+)”（摘自《(.+)》）$", told.text, re.M)
    assert [q[0] for q in quoted] == ["乌鲁木齐市", "克拉玛依市", "吐鲁番市"]
    for seed, (name, sentence, source) in enumerate(quoted):
        files = sent_by("2023", campaign.prefectures[seed].code, seed).files
        report = next(content for kind, _, content in files if kind is Kind.REPORT)
        assert sentence in "\n".join(p.text for p in docx.Document(io.BytesIO(report)).paragraphs)
        assert source == f"{name}总结报告"


@pytest.mark.parametrize(
    ("text", "best"),
    [
        (f"一、做法\n{LIVELY}", LIVELY),
        (f"四、存在的不足\n{LIVELY}", ""),
        ("现将首次走进牧区，组织科普大篷车巡展20场次的情况报告如下，请予审阅。", ""),
        ("联系电话0991-1234567，首次走进牧区，组织科普大篷车巡展20场次，吸引许多人参加。", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_only_lively_sentences_that_stand_alone_are_quoted(text: str, best: str) -> None:
    assert best_sentence(text) == best


def test_texts_of_prefectures_stay_texts(desk: Desk, campaign: Campaign) -> None:
    name, content, figures = sheet("2023", "6501", 0)
    bad = {**figures, "activities": [{**figures["activities"][0], "name": DANGER, "place": DANGER}]}
    doubt = [warning("statistics.round_figures", DANGER)]
    file(desk, campaign, "6501", Kind.STATISTICS, name, content, figures=bad, findings=doubt)
    told = written(desk)
    (rows,) = told.headed("序号", "地州市", "活动名称")
    assert rows[0][2] == DANGER
    assert "<b>{{ 7*7 }}</b>{% raw %}图.A01&" in told.text
    assert "<b>{{" not in told.page
    assert "校验中提请核实1处，涉及1个地州市（乌鲁木齐市），其中活动开展情况统计表1处" in told.text


def test_last_year_is_compared_where_both_years_have_figures(desk: Desk, campaign: Campaign, tmp_path: Path) -> None:
    _write_campaign(tmp_path, "2024", 'extends: "2023"\nid: "2024"\ntitle: 2024年自治区科技活动周\nprevious: "2023"\n')
    desk = _with_folder(desk, tmp_path)
    file_region(desk, campaign, 2)
    this_year = desk.campaigns.get("2024")
    name, content, figures = sheet("2023", "6501", 41)
    file(desk, this_year, "6501", Kind.STATISTICS, name, content, figures=figures)
    told = Edition(desk, write_report(desk, "2024", "interim", NOW)["prefix"])
    before, now = read_sheet(sent_by("2023", "6501", 0).files[0][2]), read_sheet(content)
    one, two = before.values["B01"][0], now.values["B01"][0]
    rate = ((two - one) * 100 / one).quantize(Decimal("0.1"), ROUND_HALF_UP)
    moved = "增长" if two > one else "下降"
    assert "与2023年自治区科技活动周相比，按两年均已报送的1个地州市计算" in told.text
    assert f"参与公众由{spoken(one)}人次到{spoken(two)}人次，{moved}{abs(rate)}%" in told.text
    (table,) = told.headed("指标", "单位", "上年", "本年")
    assert [r[2:4] for r in table] == [
        [grouped(before.values[c][0], c), grouped(now.values[c][0], c)] for c in now.values
    ]


def _write_campaign(folder: Path, campaign_id: str, text: str) -> None:
    (folder / f"{campaign_id}.yaml").write_text(text, encoding="utf-8")


def _with_folder(desk: Desk, folder: Path) -> Desk:
    """Return the desk with a folder of the department's own behind the project's."""
    settings = replace(desk.settings, campaign_dirs=[*desk.settings.campaign_dirs, folder])
    return replace(desk, settings=settings, campaigns=Campaigns(settings.campaign_dirs))


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
    desk: Desk, campaign: Campaign, tmp_path: Path
) -> None:
    file_region(desk, campaign, 1)
    desk = _with_folder(desk, tmp_path)
    assert "现将有关情况报告如下" in written(desk).text
    _template(tmp_path, _reword("活动期间", "本届共办活动{{ 指标.A01 }}，准确数{{ 指标.B01.准确数 }}。"))
    again = written(desk)
    value = read_sheet(sent_by("2023", "6501", 0).files[0][2]).values["B01"][0]
    assert f"准确数{value:,}。" in again.text
    assert again.changes["texts"] == ["文字模板有修改"]
    assert write_report(desk, "2023", "final", NOW)["new"] is False


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
    desk: Desk, campaign: Campaign, tmp_path: Path, begins: str, text: str, said: str
) -> None:
    desk = _with_folder(desk, tmp_path)
    _template(tmp_path, _reword(begins, text))
    with pytest.raises(TemplateRefused, match=said):
        write_report(desk, "2023", "interim", NOW)
    assert list(desk.storage.list("reports")) == []


def test_a_template_that_is_no_word_file_is_refused(desk: Desk, campaign: Campaign, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "汇总总结报告.docx").write_bytes(b"\xd0\xcf\x11\xe0 an old doc")
    with pytest.raises(TemplateRefused, match="打不开"):
        write_report(_with_folder(desk, tmp_path), "2023", "interim", NOW)


def test_the_template_in_the_repository_is_the_one_that_its_source_makes() -> None:
    assert (PROJECT / "include/campaigns/templates/汇总总结报告.docx").read_bytes() == make_template()


def test_more_photographs_or_a_new_report_make_the_edition_stale(desk: Desk, campaign: Campaign) -> None:
    file_region(desk, campaign, 1)
    assert write_report(desk, "2023", "final", NOW)["version"] == 1
    content = next(c for k, _, c in sent_by("2023", "6502", 1).files if k is Kind.REPORT)
    file(desk, campaign, "6501", Kind.REPORT, "更正的总结报告.docx", content, at=NOW + timedelta(hours=1))
    again = written(desk)
    assert again.figures["version"] == 2
    assert again.changes["texts"] == ["乌鲁木齐市以“更正的总结报告.docx”替换“乌鲁木齐市总结报告.docx”"]
    assert again.changes["figures"] == []


def test_every_figure_of_the_workbook_leads_to_its_cell_in_the_prefectures_file(desk: Desk, campaign: Campaign) -> None:
    sheets = file_region(desk, campaign, 3)
    prefix = write_report(desk, "2023", "interim", NOW)["prefix"]
    book = load_workbook(io.BytesIO(desk.storage.read("reports", f"{prefix}汇总表.xlsx")))
    figures, origins = book["各地州市"], book["数据来源"]
    followed = 0
    for row, (code, content) in enumerate(sheets.items(), start=7):
        assert origins.cell(row, 1).value == figures.cell(row, 1).value == code
        names = {origins.cell(4, c).value: origins.cell(row, c).value for c in range(1, origins.max_column + 1)}
        assert names["文件指纹（SHA-256）"] == sha256(content)
        assert desk.storage.read("archive", names["归档位置"]) == content
        original = load_workbook(io.BytesIO(content), data_only=True)
        for cell in figures[row][2:]:
            place = str(origins[cell.coordinate].value)
            if cell.value is None:
                assert place == "—"
                continue
            assert cell.hyperlink.location == f"'数据来源'!{cell.coordinate}"
            if "!" in place:
                name, at = place.split("!")
                assert Decimal(str(original[name][at].value)) == Decimal(str(cell.value))
            else:
                name, line = place.removesuffix("行").split("第")
                assert cell.value in [c.value for c in original[name][int(line)]]
            followed += 1
    assert followed > 3 * 28


def test_every_activity_of_the_workbook_leads_to_its_row(desk: Desk, campaign: Campaign) -> None:
    sheets = file_region(desk, campaign, 2)
    prefix = write_report(desk, "2023", "interim", NOW)["prefix"]
    listed = load_workbook(io.BytesIO(desk.storage.read("reports", f"{prefix}汇总表.xlsx")))["活动明细"]
    codes = {p.name: p.code for p in campaign.prefectures}
    originals = {code: load_workbook(io.BytesIO(content)) for code, content in sheets.items()}
    rows = list(listed.iter_rows(min_row=5, values_only=True))
    assert len(rows) == sum(len(read_sheet(c).activities) for c in sheets.values())
    for _, place, name, *_, origin in rows:
        sheet_name, line = str(origin).removesuffix("行").split("第")
        assert originals[codes[str(place)]][sheet_name].cell(int(line), 2).value == name


def test_the_workbook_has_native_charts_that_follow_its_cells(desk: Desk, campaign: Campaign) -> None:
    file_region(desk, campaign, 2)
    prefix = write_report(desk, "2023", "interim", NOW)["prefix"]
    with zipfile.ZipFile(io.BytesIO(desk.storage.read("reports", f"{prefix}汇总表.xlsx"))) as package:
        charts = [package.read(n).decode() for n in sorted(package.namelist()) if "charts/chart" in n]
    refs = [re.findall(r"<(?:c:)?f>(.*?)</", c) for c in charts]
    assert len(charts) == 3
    assert any("'汇总'!$D$7:$D$15" in r for r in refs)
    assert all(re.match(r"'(各地州市|汇总)'!\$", ref) for r in refs for ref in r)


def _office(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program in LibreOffice's place; its arguments end in --outdir FOLDER FILE."""
    program = folder / "bin" / "soffice"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_a_pdf_is_put_beside_once_where_the_program_is_there(
    desk: Desk, campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = write_report(desk, "2023", "interim", NOW)["prefix"]
    _office(tmp_path, monkeypatch, f'echo x >> {tmp_path}/calls; printf %s %PDF > "$6/report.pdf"')
    assert [put_pdf(desk.storage, prefix) for _ in range(2)] == [True, True]
    assert desk.storage.read("reports", f"{prefix}汇总总结报告.pdf") == b"%PDF"
    assert (tmp_path / "calls").read_text() == "x\n"
    file_region(desk, campaign, 1)
    assert write_report(desk, "2023", "interim", NOW)["prefix"] == prefix
    assert desk.storage.stat("reports", f"{prefix}汇总总结报告.pdf") is None


@pytest.mark.parametrize("script", ["exit 1", "sleep 60"])
def test_a_program_that_fails_or_hangs_harms_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    prefix = write_report(desk, "2023", "interim", NOW)["prefix"]
    _office(tmp_path, monkeypatch, script)
    monkeypatch.setattr("baosong.report.pdf._WITHIN", 0.3)
    assert put_pdf(desk.storage, prefix) is False


def test_a_long_list_keeps_the_major_activities_with_their_numbers(
    desk: Desk, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("baosong.report.parts.MOST_ACTIVITIES", 5)
    (content,) = file_region(desk, campaign, 1).values()
    told = written(desk, "interim")
    listed = read_sheet(content).activities
    major = [f.name for f in campaign.form.activities.fields].index("major")
    wanted = [(str(n), a[1]) for n, a in enumerate(listed, start=1) if a[major] == "是"][:5]
    (rows,) = told.headed("序号", "地州市", "活动名称")
    assert [(r[0], r[2]) for r in rows] == wanted != []
    assert f"共{len(listed)}项活动，篇幅所限只列重大示范活动" in told.text


def test_a_campaign_may_have_a_template_of_its_own(desk: Desk, campaign: Campaign, tmp_path: Path) -> None:
    desk = _with_folder(desk, tmp_path)
    _template(tmp_path, _reword("活动期间", "各年通用。"))
    _template(tmp_path / "templates", _reword("活动期间", "只此一年。"))
    (tmp_path / "templates" / "templates").rename(tmp_path / "templates" / "2023")
    assert "只此一年。" in written(desk, "interim").text
