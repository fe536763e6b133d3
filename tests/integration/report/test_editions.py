"""Every figure of every edition of the demonstration's report, held against the sheets as they were dropped.

The sheets are opened, added up, ranked and worded again by `recount`, which knows nothing of the project's reader,
ledger or sums. A number that no phrase or table here explains fails the test.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import docx
import pytest
from openxml_audit import FileFormat, OpenXmlValidator, ValidationSeverity
from PIL import Image
from pypdf import PageObject, PdfReader
from sqlalchemy import delete

from airflow_home import baosong_environment
from baosong.ledger import Edition as Recorded
from baosong.report.pdf import make_pdfs
from baosong.rules.findings import Kind
from baosong.store.settings import PROJECT
from baosong_local.stack.postgres import Postgres
from demo_region import AGAIN, CORRECTED, ID, Walk, walk_demo
from editions import (
    BOOK,
    FILES,
    ONE_PAGE,
    PAGE,
    SLIDES,
    WORD,
    Chart,
    book_of,
    files_of,
    json_of,
    told_by_page,
    told_by_slides,
    told_by_word,
)
from expected import (
    KINDS,
    NAMES,
    NO_FIGURE,
    SUMS,
    Edition,
    activities,
    changed,
    doubts,
    indicators,
    is_quoted,
    kinds_of,
    phrases,
    punctuality,
    ranking,
    what,
)
from office import needs_office
from recount import PARTS, digits, spoken
from servers import Store, fresh_buckets, fresh_database, opened, settings_of
from told_days import DAYS, FORMS, by_day
from told_press import press_levels, press_rows

# On a busy machine the walk takes minutes: that must decide nothing.
pytestmark = [pytest.mark.xdist_group("editions"), pytest.mark.timeout(900)]
OFFICE = "引进智力与人才服务处"


@pytest.fixture(scope="module")
def walk(store: Store, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("walk")
    with fresh_database(postgres) as url, opened(settings_of(folder / "home", fresh_buckets(store), url)) as services:
        yield walk_demo(services, folder)


@pytest.fixture(scope="module")
def editions(walk: Walk) -> dict[str, Edition]:
    return {name: Edition(walk, name) for name in NAMES}


@pytest.fixture(params=NAMES)
def edition(editions: dict[str, Edition], request: pytest.FixtureRequest) -> Edition:
    return editions[request.param]


def test_the_walk_holds_what_the_figures_could_go_wrong_with(walk: Walk) -> None:
    """A tie among the ranks, late corrections, a sheet that was replaced: or the tests below would prove little."""
    first, last = walk.region("v1"), walk.region("v2")
    ties = [n for n in Counter(last.ranks("A01").values()).values() if n > 1]
    assert ties
    assert first.ranks("A01") != last.ranks("A01")
    assert len(walk.region("interim").sheets) == 10
    assert [walk.post("v2").on_time(code) for code in ("6531", "6543", CORRECTED)] == [False, False, True]


def test_another_process_writes_the_same_bytes(walk: Walk, editions: dict[str, Edition]) -> None:
    """Sets and names are hashed otherwise there: no file may depend on their order."""
    walk.services.ledger.run(lambda session: session.execute(delete(Recorded).where(Recorded.version == 2)))
    for name in FILES:
        walk.services.storage.remove("reports", f"{walk.prefixes['v2']}{name}")
    again = f"write_report(Services.open(), {ID!r}, 'final', datetime.fromisoformat({AGAIN.isoformat()!r}))"
    program = "\n".join(
        (
            "from datetime import datetime",
            "from baosong.report.editions import write_report",
            "from baosong.ledger.services import Services",
            again,
        )
    )
    env = {**os.environ, **baosong_environment(walk.services.settings), "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert files_of(walk.services, walk.prefixes["v2"]) == editions["v2"].files
    for name in (WORD, BOOK, ONE_PAGE, SLIDES):
        with zipfile.ZipFile(io.BytesIO(editions["v2"].files[name])) as package:
            assert {member.date_time for member in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}


# --- what other programs make of the files


def test_the_files_are_valid_open_xml(editions: dict[str, Edition], tmp_path: Path) -> None:
    """Schemas, relations and parts as the Open XML SDK holds them; it also says so where a chart is not right."""
    chart = "word/charts/chart1.xml"
    for name in (WORD, ONE_PAGE):
        assert audited(editions["v2"].files[name], tmp_path / "a.docx") == []
    assert audited(editions["v2"].files[SLIDES], tmp_path / "a.pptx") == []
    # openpyxl writes a font's properties in an order that ECMA-376 leaves free and the SDK does not.
    assert [e for e in audited(editions["v2"].files[BOOK], tmp_path / "a.xlsx") if "/fonts[1]/" not in e] == []
    bad = members(editions["v2"].files[WORD])
    bad[chart] = bad[chart].replace(b'<c:barDir val="bar"/>', b"")
    assert [e for e in audited(packed(bad), tmp_path / "b.docx") if "'barDir' is missing" in e]


def audited(content: bytes, path: Path) -> list[str]:
    path.write_bytes(content)
    found = OpenXmlValidator(file_format=FileFormat.OFFICE_2019, max_errors=0).validate(path).errors
    return [f"{e.part_uri} {e.path}: {e.description}" for e in found if e.severity is ValidationSeverity.ERROR]


def members(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as opened_:
        return {name: opened_.read(name) for name in opened_.namelist()}


def packed(contents: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, content in contents.items():
            package.writestr(name, content)
    return out.getvalue()


@needs_office
def test_office_numbers_the_pages_outside_and_ends_none_with_a_heading(editions: dict[str, Edition]) -> None:
    (made,) = make_pdfs([editions["v2"].files[WORD]]) or [b""]
    assert made
    headings = {t for t in editions["v2"].word.texts if re.match(r"[一二三四五六七八九]、|（[一二三]）", t)}
    for number, page in enumerate(PdfReader(io.BytesIO(made)).pages, start=1):
        lines = lines_of(page)
        (foot, x), *_ = lines
        assert foot == f"—{number}—"
        assert (x > float(page.mediabox.width) / 2) == (number % 2 == 1)
        assert lines[1][0] not in headings


def lines_of(page: PageObject) -> list[tuple[str, float]]:
    """Return a page's lines from below, without spaces, each with the place where it begins."""
    pieces: dict[int, list[tuple[float, str]]] = {}

    def piece(text: str, _: Any, at: list[float], *__: Any) -> None:
        if text.strip():
            pieces.setdefault(round(at[5]), []).append((at[4], "".join(text.split())))

    page.extract_text(visitor_text=piece)
    return [("".join(t for _, t in line), line[0][0]) for _, line in sorted(pieces.items())]


@needs_office
def test_office_works_out_what_the_workbook_says(editions: dict[str, Edition], tmp_path: Path) -> None:
    """The results are taken out first, or the program would believe them."""
    e = editions["v2"]
    bare, out = tmp_path / "bare.xlsx", tmp_path / "out"
    book_of(e.files[BOOK]).save(bare)
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", str(out), str(bare)]
    subprocess.run(command, capture_output=True, check=True, timeout=200)
    worked = book_of((out / "bare.xlsx").read_bytes(), results=True)
    formulas = [(s.title, c.coordinate) for s in e.book for row in s.iter_rows() for c in row if c.data_type == "f"]
    assert len(formulas) > 3 * len(e.region.indicators)
    for sheet, at in formulas:
        assert exactly(worked[sheet][at].value) == exactly(e.results[sheet][at].value), (sheet, at)


@needs_office
def test_the_workbook_opens_at_the_summary_and_prints_on_at_most_twenty_pages(
    editions: dict[str, Edition], tmp_path: Path
) -> None:
    (tmp_path / "book.xlsx").write_bytes(editions["v2"].files[BOOK])
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), "book.xlsx"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=200)
    pages = PdfReader(tmp_path / "book.pdf").pages
    assert len(pages) <= 20
    assert "核对结论" in pages[0].extract_text()
    assert editions["v2"].book.active.title == "汇总"


@needs_office
def test_the_closing_words_stand_below_text_and_the_signature_in_one_piece(editions: dict[str, Edition]) -> None:
    (made,) = make_pdfs([editions["v2"].files[WORD]]) or [b""]
    assert made
    (page,) = [p for p in PdfReader(io.BytesIO(made)).pages if "特此报告。" in "".join(p.extract_text().split())]
    told = "".join(page.extract_text().split())
    assert told.index("来源表格和单元格。") < told.index("特此报告。") < told.index("自治区科学技术厅2023年6月17日")


def test_the_file_is_chinese_and_its_properties_name_office_and_time(editions: dict[str, Edition]) -> None:
    inside = members(editions["v2"].files[WORD])
    said = b"\n".join(content for name, content in inside.items() if name.endswith(".xml")).decode()
    assert set(re.findall(r'w:eastAsia="(\w+-\w+)"', said)) == {"zh-CN"}
    assert '<w:lang w:val="en-US" w:eastAsia="zh-CN"/>' in said, "or LibreOffice breaks a number across two lines"
    assert '<w:themeFontLang w:val="en-US" w:eastAsia="zh-CN"/>' in said
    assert "ＭＳ" not in said
    word = docx.Document(io.BytesIO(editions["v2"].files[WORD])).core_properties
    book = editions["v2"].book.properties
    assert (word.author, word.last_modified_by) == (book.creator, book.lastModifiedBy) == ("自治区科学技术厅", OFFICE)
    assert word.comments == ""
    utc = AGAIN.astimezone(UTC).replace(tzinfo=None)
    assert [p.replace(tzinfo=None) for p in (word.created, word.modified, book.created, book.modified)] == [utc] * 4


# --- the words


def test_every_number_in_the_text_is_one_that_was_recounted(edition: Edition) -> None:
    left = "\n".join(t for t in edition.word.texts if not is_quoted(edition, t))
    for phrase in sorted(phrases(edition), key=len, reverse=True):
        assert phrase in left, phrase
        left = left.replace(phrase, "○")
    assert [line for line in re.sub(NO_FIGURE, "", left, flags=re.M).splitlines() if re.search(r"\d", line)] == []


# --- tables and charts


def test_every_table_of_the_word_report_is_one_that_was_recounted(edition: Edition) -> None:
    e, told = edition, edition.word
    assert told.table("地州市", "总结报告（个）") == punctuality(e)
    assert told.table("类别", "数量", "单位", "占比") == kinds_of(e.region)
    assert told.table("地州市", "举办活动总数（项）", "占比", "名次", "参与公众（人次）") == ranking(e.region)
    assert told.table("序号", "地州市", "活动名称") == activities(e.region)
    assert indicators(e) == {
        (row[0], head): shown
        for table in told.tables
        if table[-1][0] == "合计" and "占比" not in table[0]
        for row in table[1:]
        for head, shown in zip(table[0][1:], row[1:], strict=True)
    }
    if e.name == "v2":
        assert sorted(told.table("地州市", "指标", "第1版", "本版")) == sorted(changed(e))
    assert [row for level in press_levels(e) for row in press_rows(e, level)] == [
        row for table in told.tables if table[0][1] == "标题" for row in table[1:]
    ]
    assert len(told.tables) == 8 + len(press_levels(e)) + (e.name == "v2")


def test_the_workbook_lists_the_press_with_addresses_that_lead_there(edition: Edition) -> None:
    sheet = edition.book["媒体报道"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=5, max_col=7)]
    assert rows == [[int(r[0]), level, *r[1:]] for level in press_levels(edition) for r in press_rows(edition, level)]
    assert [row[6].hyperlink.target for row in sheet.iter_rows(min_row=5)] == [row[-1] for row in rows]


def test_every_chart_is_one_that_was_recounted(edition: Edition) -> None:
    r = edition.region
    kinds = [r.indicators[c][0] for c in KINDS]
    wanted = [Chart("举办活动总数分类（项）", kinds, {"合计": [digits(r.total(c), c) for c in KINDS]})]
    for code in SUMS:
        ranks = r.ranks(code)
        order = sorted(ranks, key=lambda p: ranks[p])
        parts = {
            said: [r.value(p, code, part) for p in order] for said, part in (("线下", "offline"), ("线上", "online"))
        }
        series = {said: [digits(v or Decimal(0), code) for v in values] for said, values in parts.items()}
        title = f"各地州市{r.indicators[code][0]}（{r.indicators[code][1]}）"
        wanted.append(Chart(title, [r.places[p] for p in order], series))
    days = by_day(r)
    shown = {form: [str(forms[form]) for forms in days.values()] for form in FORMS}
    wanted.insert(2, Chart("每日开展的活动（项）", list(days), shown))
    assert edition.word.charts == wanted


def test_the_workbook_counts_each_day_by_a_formula_that_gives_the_recount(edition: Edition) -> None:
    rows = [[c.value for c in row] for row in edition.results["活动日程"].iter_rows(min_row=4, max_col=len(FORMS) + 2)]
    assert rows[0] == ["日期", *FORMS, "合计"]
    told = {f"{row[0].month}月{row[0].day}日": row[1:] for row in rows[1:]}
    assert told == {day: [*forms.values(), sum(forms.values())] for day, forms in by_day(edition.region).items()}
    cells = edition.book["活动日程"].iter_rows(min_row=5, min_col=2, max_col=len(FORMS) + 2)
    assert all(c.data_type == "f" for row in cells for c in row)


# Indicators that are no part of others.
WHOLE = ("A01", "A12", "B01", "B03", "C01", "C02", "C03", "C04", "D01", "E01", "F01", "F02")
# The region as its own people know it: rows from north to south, columns from west to east.
LIES = """
. . 塔城 阿勒泰 .
. 博州 克拉玛依 昌吉州 .
. 伊犁州 乌鲁木齐 吐鲁番 哈密
克州 阿克苏 巴州 . .
喀什 和田 . . .
"""


def test_the_map_shows_each_place_where_it_lies_the_darker_the_more_people(edition: Edition) -> None:
    """A place that sent no sheet says so; more people are never lighter, and the legend says which fill means what."""
    tiles, (legend,) = edition.word.maps
    lie = [line.split() for line in LIES.strip().splitlines()]
    assert [[tile[0] if tile else "." for tile in row] for row in tiles] == lie
    short = {name: p.code for p in edition.walk.campaign.prefectures for name in p.aliases}
    values = {name: edition.region.value(short[name], "B01") for row in lie for name in row if name != "."}
    shown = {tile[0]: tile[1:] for row in tiles for tile in row if tile}
    ranges: dict[str, list[Decimal]] = {}
    for name, value in values.items():
        text, fill = shown[name]
        assert text == ("未报" if value is None else spoken(value, ""))
        if value is not None:
            ranges.setdefault(fill, []).append(value)
    steps = sorted(ranges.items(), key=lambda step: int(step[0], 16), reverse=True)
    assert [max(low) < min(high) for (_, low), (_, high) in pairwise(steps)] == [True] * 3
    wanted = [(f"{spoken(min(some), '')}至{spoken(max(some), '')}", fill) for fill, some in steps]
    assert list(legend) == wanted + ([("未报", "FFFFFF")] if None in values.values() else [])


def test_the_single_page_says_what_was_recounted_and_what_is_to_be_decided(edition: Edition) -> None:
    told, r = told_by_word(edition.files[ONE_PAGE]), edition.region
    codes = ("A01", "B01", "B03", "D01", "E01")
    _, numbers, units = told.tables[0]
    amounts = [f"{number}{unit}" for number, unit in zip(numbers, units, strict=True)]
    assert amounts == [spoken(r.total(c), r.indicators[c][1]) for c in codes]
    assert told.maps == edition.word.maps
    cases = [t for t in edition.word.texts if is_quoted(edition, t)]
    assert [t for t in told.texts if "：“" in t] == [t.rpartition("（摘自")[0] for t in cases[:3]]
    count = len(list(doubts(edition)))
    names = "、".join(edition.missing) if len(edition.missing) <= 4 else f"{'、'.join(edition.missing[:3])}等"
    waiting = f"{len(edition.missing)}个地州市材料未报齐（{names}）：继续催报" in told.text
    assert waiting == bool(edition.missing)
    assert (f"{count}处数据提请核实" in told.text) == bool(count)
    assert ("没有需要决定的事项。" in told.texts) == (not edition.missing and not count)


def test_the_eight_slides_say_what_report_and_single_page_say(edition: Edition) -> None:
    """Their charts and map are the report's, cases and questions the single page's; the totals are counted again."""
    slides, r = told_by_slides(edition.files[SLIDES]), edition.region
    title, amounts, tiles, *charts, cases, asked = slides
    assert title.texts[0] == "2023年自治区科技活动周开展情况"
    assert f"{edition.at.year}年{edition.at.month}月{edition.at.day}日" in title.texts
    whole = [c for c in r.indicators if c in WHOLE]
    assert amounts.texts[1:-1] == [
        t for c in whole for t in (r.indicators[c][0], spoken(r.total(c), r.indicators[c][1]))
    ]
    shown, legend = edition.word.maps
    assert tiles.texts[1:] == [t for row in shown + legend for tile in row for t in tile[:-1]]
    activities, people, (kinds, days) = (slide.charts for slide in charts)
    assert [kinds, *activities, days, *people] == edition.word.charts
    page = told_by_word(edition.files[ONE_PAGE]).texts
    assert cases.texts[1:] == [t for t in page if "：“" in t]
    questions = page[page.index("请予决定的事项") + 1 : -1]
    assert [t for t in asked.texts if t in "\n".join(questions)] == [re.sub(r"^\d\. ", "", q) for q in questions]


def test_photographs_bear_the_names_of_their_places_and_not_of_their_files(edition: Edition) -> None:
    """One of each place, with the day of its camera, which is within the campaign in all that were made."""
    places = {name: edition.post.counted(code, Kind.PHOTO) for code, name in edition.walk.places.items()}
    shown = {name: min(drops, key=lambda d: d.path.name) for name, drops in places.items() if drops}
    assert edition.word.captions == [
        f"图{n}　{name}活动照片（{_taken(drop.path)}摄）" for n, (name, drop) in enumerate(shown.items(), start=1)
    ]


def _taken(path: Path) -> str:
    with Image.open(path) as picture:
        said = picture.getexif().get_ifd(0x8769)[0x9003]
    return "{1:d}月{2:d}日".format(*map(int, said[:10].split(":")))


def test_the_page_says_what_the_word_report_says(edition: Edition) -> None:
    assert told_by_page(edition.files[PAGE]) == edition.word
    addresses = [row[-1] for level in press_levels(edition) for row in press_rows(edition, level)]
    leading = re.findall(r'<a href="(.*?)" rel="noopener noreferrer">(.*?)</a>', edition.files[PAGE].decode())
    assert leading == [(a, a) for a in addresses], "each shown as it leads"
    assert edition.files[PAGE].count(b"://") == 2 * len(addresses), "nothing else of the page is elsewhere"


# --- the workbook


def test_every_total_of_the_workbook_is_a_formula_that_gives_the_recount(edition: Edition) -> None:
    r, book, shown = edition.region, edition.book, edition.results
    rows = [[cell.value for cell in row] for row in shown["汇总"].iter_rows(min_row=5, max_row=4 + len(r.indicators))]
    for n, (code, (name, unit)) in enumerate(r.indicators.items(), start=5):
        parts = [r.total(code, p) if p == "total" or r.states(code, p) else "—" for p in PARTS.values()]
        assert [rows[n - 5][0], rows[n - 5][1].strip("　"), *map(exactly, rows[n - 5][2:])] == [
            code, name, unit, *parts, r.total(code), "一致"
        ]  # fmt: skip
        for letter, part in zip("DEF", parts, strict=True):
            formula = book["汇总"][f"{letter}{n}"].value
            assert part == (formula if part == "—" else summed(book, formula))
        assert book["汇总"][f"H{n}"].value == f'=IF(ROUND(D{n}-G{n},6)=0,"一致","不一致")'
    assert shown["汇总"].cell(5 + len(rows), 8).value == "全部一致"


def summed(book: Any, formula: str) -> Decimal:
    """Work out =SUM(sheet!A1:A9) anew."""
    match = re.fullmatch(r"=SUM\((?:(\w+)!)?([A-Z]+\d+:[A-Z]+\d+)\)", formula)
    assert match, formula
    cells = [cell.value for row in book[match[1] or "各地州市"][match[2]] for cell in row]
    return sum((Decimal(str(v)) for v in cells if v is not None), Decimal(0))


def exactly(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, int | float) else value


def test_each_figure_of_each_prefecture_stands_in_the_workbook_and_leads_to_its_own_cell(edition: Edition) -> None:
    r, book = edition.region, edition.book
    figures, origins = book["各地州市"], book["数据来源"]
    heads = {head.value: head.column for head in origins[4] if head.value}
    found = set()
    for column in range(3, figures.max_column + 1):
        part = PARTS[figures.cell(4, column).value]
        code, name = str(figures.cell(5, column).value).split("\n")
        assert (name, figures.cell(6, column).value) == r.indicators[code]
        found.add((code, part))
        for row, (place, said) in enumerate(r.places.items(), start=7):
            value, sheet = r.value(place, code, part), r.sheets.get(place)
            assert figures.cell(row, 2).value == said + ("" if sheet else "（未计入）")
            assert exactly(figures.cell(row, column).value) == value
            source = f"{sheet.figures_on}!{sheet.cells[code, part]}" if sheet and value is not None else "—"
            assert origins.cell(row, column).value == source
            link = figures.cell(row, column).hyperlink
            assert (link and link.location) == (
                f"'数据来源'!{figures.cell(row, column).coordinate}" if source != "—" else None
            )
        assert summed(book, figures.cell(21, column).value) == r.total(code, part)
    assert found == {(c, p) for c in r.indicators for p in PARTS.values() if p == "total" or r.states(c, p)}
    for row, place in enumerate(r.places, start=7):
        (drop,) = edition.post.counted(place, Kind.STATISTICS) or [None]
        sha256 = drop and hashlib.sha256(drop.path.read_bytes()).hexdigest()
        assert origins.cell(row, heads["文件指纹（SHA-256）"]).value == sha256
        if drop:
            sent = edition.walk.services.ledger.submission(origins.cell(row, heads["报送编号"]).value)
            assert (sent.prefecture, sent.sha256, sent.name) == (place, sha256, drop.path.name)


def test_every_activity_stands_in_the_workbook_field_by_field_but_for_its_telephone(edition: Edition) -> None:
    sheet, r = edition.book["活动明细"], edition.region
    heads = [str(cell.value) for cell in sheet[4]]
    rows = [dict(zip(heads, map(exactly, row), strict=True)) for row in sheet.iter_rows(min_row=5, values_only=True)]
    for n, (row, (code, line, fields)) in enumerate(zip(rows, r.activities, strict=True), start=1):
        origin = f"{r.sheets[code].list_on}第{line}行"
        wanted = {k: exactly(v) for k, v in fields.items() if k not in ("序号", "联系电话")}
        assert row == {"序号": n, "地州市": r.places[code], **wanted, "来源": origin}
    assert f"共 {len(r.activities)} 项活动" in str(sheet["D2"].value)


def test_the_workbook_tells_who_sent_what_and_what_was_doubted(edition: Edition) -> None:
    e, book = edition, edition.book
    rows = [[c.value for c in row] for row in book["报送情况"].iter_rows(min_row=5)]
    for row, (code, name) in zip(rows, e.walk.places.items(), strict=True):
        counts = [len(e.post.counted(code, d.kind)) for d in e.walk.campaign.deliverables]
        done = e.post.complete(code)
        timely = ("按时" if e.post.on_time(code) else "迟报") if done else "—"
        states = [f"已齐（{n} 个）" if n else "已退回，待重新报送" for n in counts]
        assert row[:9] == [code, name, *states, "报齐" if done else "未报齐", timely]
        assert row[9:12] == [e.post.rejected(code), e.post.replaced(code), e.post.late(code)]
    told = [(row[0], row[3], row[4] or "") for row in book["数据质量"].iter_rows(min_row=5, values_only=True)]
    wanted = [(name, f["message"], f["observed"]) for name, _, f in doubts(e)]
    assert sorted(told) == (sorted(wanted) or [("没有需要提请核实的数据。", None, "")])


def test_the_change_list_is_just_what_differs_between_the_sheets(walk: Walk, editions: dict[str, Edition]) -> None:
    e = editions["v2"]
    codes = {what(e, code, part): (code, part) for _, code, part, *_ in e.changes}
    told = json_of(e.files, "changes.json")
    assert sorted((c["place"], *codes[c["what"]], c["before"], c["after"]) for c in told["figures"]) == e.changes
    assert told["texts"] == [f"{walk.places[CORRECTED]}重新报送统计表"]
    lines = list(e.book["口径说明"].iter_rows(min_row=5, values_only=True))
    assert sorted(row[1] for row in lines if str(row[0]).startswith("变化：")) == sorted(
        f"{what(e, code, part)}：{a} → {b}" for _, code, part, a, b in e.changes
    )
    for name in ("interim", "v1"):
        assert json_of(editions[name].files, "changes.json") == {"against": None, "figures": [], "texts": []}


def test_figures_json_holds_every_figure(edition: Edition) -> None:
    r, told = edition.region, json_of(edition.files, "figures.json")
    assert told["totals"] == {c: digits(r.total(c), c) for c in r.indicators}
    for p in told["prefectures"]:
        values = {c: {part: r.value(p["code"], c, part) for part in PARTS.values()} for c in r.indicators}
        wanted = {c: v for c, v in values.items() if p["code"] in r.sheets}
        assert {c: {k: v[k] and Decimal(v[k]) for k in PARTS.values()} for c, v in p["values"].items()} == wanted
    assert told["activities"] == len(r.activities)
    assert [p["name"] for p in told["missing"]] == edition.missing
    days = zip(DAYS, by_day(r).values(), strict=True)
    assert told["timeline"]["days"] == {d.isoformat(): {f: str(n) for f, n in forms.items()} for d, forms in days}
    apart = {key: told["timeline"][key] for key in ("within", "outside", "undated")}
    assert apart == {"within": str(len(r.activities)), "outside": "0", "undated": "0"}
    rows = [row for level in press_levels(edition) for row in press_rows(edition, level)]
    files = sum(len(edition.post.counted(code, Kind.PRESS)) for code in edition.walk.places)
    shared = sum("、" in row[4] for row in rows)
    counts = {"pieces": len(rows), "linked": len(rows), "shared": shared, "files": files, "unlisted": 0}
    assert {key: told["press"][key] for key in counts} == {key: str(n) for key, n in counts.items()}
    levels = dict.fromkeys(("中央级", "省级", "级别未注明"), "0") | {"地级及以下": str(len(rows))}
    assert told["press"]["levels"] == levels
    assert sum(s["kind"] == "press" for s in told["sources"]) == files
