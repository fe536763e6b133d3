"""Words, choices and formulas in single cells."""

from __future__ import annotations

import io

from openpyxl import load_workbook

from baosong.campaign.layout import indicator_cells
from baosong.campaign.prefill import formulas
from baosong_local.samples import dirt
from sheet_corpus.base import LIST, TOTALS, base_book
from sheet_corpus.case import Case, Make, accepted, cell, rejected, sheet
from sheet_help import CAMPAIGN, Edit

SYNONYMS: list[tuple[str, int, str]] = [
    ("category", 8, "其它"),
    ("category", 5, "讲座"),
    ("category", 7, "义诊"),
    ("form", 5, "线上+线下"),
    ("major", 4, "√"),
    ("major", 5, "×"),
    ("form", 5, "线上、线下相结合"),
]
LETTERS = {"category": "C", "form": "J", "major": "P", "name": "B", "place": "E", "county": "D", "summary": "T"}
FOLDED: list[tuple[str, int, str]] = [
    ("category", 5, " 讲座报告 "),
    ("form", 4, "线 下"),
    ("category", 6, "展览\n展示"),
]
NOT_OFFERED: list[tuple[str, int, str]] = [("category", 5, "看情况"), ("form", 4, "不在线下"), ("major", 4, "也许")]
LONGEST: list[tuple[str, int]] = [("name", 100), ("place", 100), ("county", 40), ("summary", 1000)]
NEEDED = ["name", "place", "major"]
UNMET = "error required"
WORKED_OUT = ("D5", "E17", "F17", "D17", "D18", "D25")


def two_down(book: dirt.Book) -> None:
    for rows in book.values():
        rows[:0] = [[None], [None]]


def below_empty_rows(formulas: dict[str, str]) -> Make:
    return with_formulas(formulas, two_down)


def with_formulas(formulas: dict[str, str], *edits: Edit) -> Make:
    """Return the good sheet with formulas that were never worked out; `活动明细!K4` or `D5` of 指标汇总."""

    def make() -> bytes:
        book = load_workbook(io.BytesIO(dirt.written(base_book(*edits))))
        for place, formula in formulas.items():
            name, _, at = place.rpartition("!")
            book[name or TOTALS][at] = formula
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    return make


def template_formulas(*places: str) -> Make:
    """Return the good sheet with the template's own formulas in these cells of 指标汇总."""
    cells = indicator_cells(CAMPAIGN.form)
    known = {cells[at]: text for at, text in formulas(CAMPAIGN.form).items()}
    return with_formulas({place: known[place] for place in places})


CASES: list[Case] = [
    *(
        accepted(f"synonym {word}", sheet(cell(name, row, word)), f"note normalised {LIST}!{LETTERS[name]}{row}")
        for name, row, word in SYNONYMS
    ),
    *(accepted(f"choice {word!r}", sheet(cell(name, row, word))) for name, row, word in FOLDED),
    *(
        rejected(f"no choice {word}", sheet(cell(name, row, word)), f"error choice {LIST}!{LETTERS[name]}{row}")
        for name, row, word in NOT_OFFERED
    ),
    *(rejected(f"blank {name}", sheet(cell(name, 6, None)), f"{UNMET} {LIST}!{LETTERS[name]}6") for name in NEEDED),
    *(
        rejected(
            f"{name} a letter too long",
            sheet(cell(name, 6, "科" * (most + 1))),
            f"error length {LIST}!{LETTERS[name]}6",
        )
        for name, most in LONGEST
    ),
    accepted(
        "names as long as they may be",
        sheet(cell("name", 6, "科" * 100), cell("summary", 6, "普" * 1000)),
        activities={(6, "name"): "科" * 100},
    ),
    rejected(
        "formulas of one's own without results",
        with_formulas({"D21": "=SUM(活动明细!N4:N9)", f"{LIST}!K6": "=3000+460"}),
        f"error formula {TOTALS}!D21",
        f"error formula {LIST}!K6",
    ),
    rejected(
        "a formula that went wrong",
        with_formulas({"D22": "#REF!", f"{LIST}!F6": "#VALUE!"}),
        f"error formula {TOTALS}!D22",
        f"error formula {LIST}!F6",
    ),
    accepted(
        "the template's formulas without results",
        template_formulas(*WORKED_OUT),
        *(f"note worked_out {TOTALS}!{place}" for place in WORKED_OUT),
    ),
    rejected(
        "a formula without result below empty rows",
        below_empty_rows({"D24": "=12+24", "D25": "=6+6"}),
        f"error formula {TOTALS}!D24",
        f"error formula {TOTALS}!D25",
    ),
    accepted("the template's formula of nothing is a blank", template_formulas("D23"), changed={"C03": None}),
    accepted("text that only looks like a formula", sheet(cell("summary", 4, "=科普+集市"))),
    accepted(
        "line ends and spaces in names",
        sheet(cell("name", 6, " 航天\n科普展 "), cell("place", 6, "市科技馆\t")),
        activities={(6, "name"): "航天 科普展"},
    ),
]
