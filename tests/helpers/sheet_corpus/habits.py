"""What clerks write beside their activities, and in other words than the form's: read, or told once."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date
from typing import Any

from baosong_local.samples import dirt
from sheet_corpus.base import LIST, TOTALS, base_book, column_of
from sheet_corpus.case import Case, Make, accepted, cell, rejected, sheet, total
from sheet_corpus.layout import inserted, row
from sheet_help import Edit, put

OFFLINE, ONLINE = 6045, 11080  # the sums of the good sheet's list
END = 10  # the row below the last activity

ENDS = [
    "以下空白",
    "（以下无正文）",
    "——以下空白——",
    "此页无内容",
    "本页以下空白",
    "以下为空白。",
    "完",
    "END",
    "……",
    "/",
]
TOTAL_WORDS = [
    "全市合计",
    "总数",
    "累计",
    "Total",
    "汇总",
    "合 计：",
    "各县市小计",
    "总  计（项）",
    "SUM",
    "本页小计",
    "合计6项",
    "启动仪式 汇总",
]
SENTENCES = [
    "共6项活动",
    "以上共计6项",
    "合计举办活动6项，参与17125人次",
    "注：人次包括线上",
    "备注：数据截止5月31日",
    "*说明：见通知",
    "填表说明：1.人次含线上",
    "以上数据均已核实。特此说明。",
    "填表人：某某　审核人：某甲",
    "单位负责人（签字）：",
    "填 表 人 ： 某某",
    "填报日期：2023年6月5日",
    "2023年6月5日",
    "乌鲁木齐市科学技术局（盖章）",
]
SIGNED: list[dict[str, Any]] = [
    {"A": "单位负责人：某甲", "E": "填表人：某乙", "K": "联系电话：0991-0000001"},
    {"B": "单位负责人：某甲", "E": "填表人：某乙", "K": "填报日期：2023年6月5日"},
    {"B": "填表人", "E": "某乙", "F": date(2023, 6, 5), "K": "联系电话", "L": 9910000001},
    {"H": "盖章"},
    {"M": "审核人：某甲"},
    {"F": date(2023, 6, 5)},
    {"B": "审核：", "C": "某甲", "H": "复核："},
]
SECTION_WORDS = ["甲县", "一、启动仪式", "（二）讲座", "第三部分", "天山区", "讲座报告类", "竞赛活动", "某某镇"]
DRAGGED: list[dict[str, Any]] = [
    {"A": 7, "C": "讲座报告"},
    {"C": "讲座报告", "J": "线下", "P": "否"},
    {"A": 7, "C": "其他", "J": "线下", "K": 0, "L": 0, "P": "否"},
    {"A": 7},
    {"A": "—", "B": "—", "C": "—", "E": "/", "F": "/", "K": "-", "L": "-"},
]
OTHER_WORDS: list[tuple[str, int, str, str]] = [
    ("major", 4, "☑", "note normalised"),
    ("major", 4, "是的", "note normalised"),
    ("major", 4, "对", "note normalised"),
    ("major", 4, "☑是 □否", "note normalised"),
    ("major", 4, "是（√） 否（□）", "note normalised"),
    ("major", 5, "不是", "note normalised"),
    ("major", 5, "□", "note normalised"),
    ("major", 5, "无", "note normalised"),
    ("major", 5, "N", "note normalised"),
    ("major", 5, "□是 ☑否", "note normalised"),
    ("major", 5, "☐是 ☒否", "note normalised"),
    ("major", 4, "☑是 ☒否", "note normalised"),
    ("major", 4, "是（省级）", "warning nearest_choice"),
    ("form", 5, "线上与线下", "note normalised"),
    ("form", 5, "线下（线上直播）", "warning nearest_choice"),
    ("form", 5, "现场+直播", "warning nearest_choice"),
    ("form", 4, "现场", "note normalised"),
    ("form", 4, "广场集中宣传", "warning nearest_choice"),
    ("form", 8, "网络答题", "warning nearest_choice"),
    ("category", 5, "科普讲座", "warning nearest_choice"),
    ("category", 5, "科普（技）讲座/报告会", "note normalised"),
    ("category", 6, "科技展览会", "warning nearest_choice"),
    ("category", 4, "活动周启动式", "warning nearest_choice"),
    ("category", 9, "三下乡", "warning nearest_choice"),
    ("category", 7, "惠民义诊", "warning nearest_choice"),
]
UNITS: list[tuple[str, tuple[str, ...]]] = [
    ("乌鲁木齐市科学技术局（昌吉路）", ()),
    ("乌鲁木齐市科学技术局（抄送：昌吉州）", ()),
    ("（抄送：昌吉州）", (f"warning unit_unclear {TOTALS}!C2",)),
    ("乌鲁木齐市科学技术局 地址：喀什东路1号", ()),
    ("天山区科学技术局", ()),
    ("乌鲁木齐市科技局、昌吉州科技局", ()),
    ("呼图壁县科技局", (f"error wrong_prefecture {TOTALS}!C2",)),
    ("昌吉州科技局（乌鲁木齐市）", (f"error wrong_prefecture {TOTALS}!C2",)),
]
DAYS: list[tuple[str, str]] = [
    ("2023年5月24日星期三", ""),
    ("2023年5月24日（周三）上午10:30", ""),
    ("5月24日10:00-12:00", "note normalised"),
    ("五月二十四日下午3点半", "note normalised"),
    ("2023-05-24 10:00～12:00", ""),
]
HEAD_AGAIN = 2


def written(at: int, cells: dict[str, Any]) -> Edit:
    """Return an edit that puts cells in a row of the list by their columns' letters."""
    return lambda book: [put(LIST, f"{letter}{at}", value)(book) for letter, value in cells.items()] and None


def one(at: int, *values: Any) -> Edit:
    """Return an edit that inserts a row of the list with a name and two figures."""
    return inserted(at, row(values[0], None, *values[1:]))


def named(name: str, value: str) -> str:
    return f"habits {name} {value}"


def blank_formulas() -> bytes:
    """Return the good sheet with formulas below its list whose result is an empty text, as a spreadsheet saves them."""
    book = base_book(
        *(put(LIST, f"{c}{r}", "EMPTY") for c in "ABKL" for r in range(10, 15)), put(TOTALS, "D23", "EMPTY")
    )
    source, out = zipfile.ZipFile(io.BytesIO(dirt.written(book))), io.BytesIO()
    formula = r'\1 t="str"><f>IF(1=1,"",2)</f><v></v></c>'
    with zipfile.ZipFile(out, "w") as archive:
        for name in source.namelist():
            text = source.read(name).decode()
            text, count = re.subn(r'(<c r="[A-Z]+\d+"[^<>]*?) t="inlineStr"><is><t>EMPTY</t></is></c>', formula, text)
            assert count or not name.startswith("xl/worksheets/sheet")
            archive.writestr(name, text)
    return out.getvalue()


def dragged_200() -> Make:
    return sheet(*(written(at, {"A": at - 3, "C": "讲座报告", "J": "线下", "P": "否"}) for at in range(10, 210)))


CASES: list[Case] = [
    *(accepted(named("end", word), sheet(one(END, word))) for word in ENDS),
    *(accepted(named("total", word), sheet(one(END, word, OFFLINE, ONLINE))) for word in TOTAL_WORDS),
    *(
        accepted(named("total in the number's column", w), sheet(inserted(END, row(None, w, 1, 2))))
        for w in TOTAL_WORDS
    ),
    *(accepted(named("below", text), sheet(one(END, text))) for text in SENTENCES),
    *(accepted(f"habits signed {i}", sheet(written(END + 1, cells))) for i, cells in enumerate(SIGNED)),
    *(accepted(named("section", word), sheet(one(7, word), one(4, word))) for word in SECTION_WORDS),
    *(accepted(f"habits dragged {i}", sheet(written(END, cells))) for i, cells in enumerate(DRAGGED)),
    accepted("habits dragged over 200 rows", dragged_200()),
    accepted("habits sums without a word", sheet(inserted(END, row(None, None, OFFLINE, ONLINE)))),
    accepted("habits a county's sums without a word", sheet(inserted(6, row(None, None, 1380, 2350)))),
    accepted("habits a county's sums before its rows", sheet(inserted(4, row("甲县", None, 1380, 2350)))),
    accepted(
        "habits an end mark among dragged drop-downs", sheet(written(END, {"B": "以下空白", "C": "其他", "P": "否"}))
    ),
    accepted(
        "habits lines of a note",
        sheet(one(END, "注：1.人次含线上"), one(END + 1, "2.经费为预算数"), one(END + 2, "3.其余见附表")),
    ),
    accepted(
        "habits a printed page's title and head", sheet(lambda b: inserted(7, b[LIST][0], b[LIST][HEAD_AGAIN])(b))
    ),
    accepted("habits formulas with an empty result", blank_formulas, changed={"C03": None}),
    rejected(
        "habits a row of figures that are nobody's sums",
        sheet(inserted(END, row(None, None, 777, 8)), total("A01", 7)),
        f"warning kinds_sum {TOTALS}!D5",
        f"warning total_uncovered {TOTALS}!D5",
        f"error unclear_row {LIST}!K10",
    ),
    accepted(
        "habits a name alone where the number of activities is right",
        sheet(one(END, "科技夜市")),
        f"warning unclear_row {LIST}!B10",
    ),
    rejected(
        "habits names alone where the number of activities is another",
        sheet(inserted(END, row("科技夜市", 7), row("科技早市", 8)), total("A01", 8)),
        f"warning kinds_sum {TOTALS}!D5",
        f"warning total_uncovered {TOTALS}!D5",
        f"error unclear_row {LIST}!B10",
    ),
    *(
        accepted(named("activity", name), sheet(cell("name", 6, name)), activities={(6, "name"): name})
        for name in (
            "合计知识讲座",
            "总结大会",
            "小计算机展",
            "手机 维修",
            "签名活动",
            "以上海为例的展览",
            "注：科普",
            "汇总成果展示会",
        )
    ),
    *(
        accepted(named(field, word), sheet(cell(field, at, word)), f"{told} {LIST}!{column_of(field)}{at}")
        for field, at, word, told in OTHER_WORDS
    ),
    *(
        Case(
            named("unit", text),
            sheet(put(TOTALS, "C2", text)),
            found,
            verdict=(rejected if "error" in "".join(found) else accepted)("", sheet()).verdict,
        )
        for text, found in UNITS
    ),
    *(
        accepted(
            named("day", text),
            sheet(cell("start", 9, text)),
            *([f"{told} {LIST}!F9"] if told else []),
        )
        for text, told in DAYS
    ),
    accepted("habits 57 in two", sheet(total("C02", "50+7")), f"note normalised {TOTALS}!D22", changed={"C02": 57}),
    accepted(
        "habits parts in brackets",
        sheet(total("C01", "2,665份（其中维吾尔文800份）"), total("B04", "7人（3名女性）")),
        f"note normalised {TOTALS}!D21",
        f"note normalised {TOTALS}!D20",
        changed={"C01": 2665, "B04": 7},
    ),
    accepted(
        "habits capital numerals",
        sheet(total("E02", "叁万贰仟元整")),
        f"note normalised {TOTALS}!D30",
        changed={"E02": "3.2"},
    ),
]
CASES += [
    accepted(
        "habits drop-downs dragged over a total",
        sheet(written(END, {"B": "全市合计", "C": "其他", "J": "线下", "K": OFFLINE, "L": ONLINE, "P": "否"})),
    ),
    accepted(
        "habits an activity begun that is called like a section",
        sheet(written(END, {"A": "一", "B": "科普讲座进校园", "C": "讲座报告", "J": "线下", "P": "否"})),
        f"warning unclear_row {LIST}!B10",
    ),
    accepted(
        "habits an activity begun that is called like a total",
        sheet(written(END, {"B": "科技成果汇总", "C": "其他", "J": "线下", "P": "否"})),
        f"warning unclear_row {LIST}!B10",
    ),
]
