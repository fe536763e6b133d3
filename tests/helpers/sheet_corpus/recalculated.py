"""Formulas of the senders' own whose saved results agree with them, or no longer do."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from typing import Any

from sheet_corpus.base import LIST, TOTALS, base_book, column_of, row_of
from sheet_corpus.case import Case, Make, accepted, rejected
from sheet_corpus.raw import Hand, workbook, zipped

OFFLINE, ONLINE, FUNDS = map(column_of, ("offline", "online", "funds"))


def formulas(cells: dict[str, tuple[str, Any]], **attributes: str) -> Make:
    """Return the good sheet with formulas and the results that were saved with them; `活动明细!K4` or `D5`."""

    def make() -> bytes:
        with zipfile.ZipFile(BytesIO(workbook(base_book(), Hand()))) as good:
            members = {name: good.read(name) for name in good.namelist()}
        for place, (formula, result) in cells.items():
            sheet, _, at = place.rpartition("!")
            part = f"xl/worksheets/sheet{2 if sheet else 1}.xml"
            f = f"<f{attributes.get(at, '')}>{formula}</f>"
            kind = ' t="str"' if isinstance(result, str) else ""
            filled = f'<c r="{at}"{kind}>{f}<v>{result}</v></c>'.encode()
            old = re.findall(rf'<c r="{at}"[^>]*>.*?</c>'.encode(), members[part])
            assert len(old) == 1, place
            members[part] = members[part].replace(old[0], filled)
        return zipped(members)

    return make


def d(code: str) -> str:
    return f"D{row_of(code)}"


KINDS = f"{d('A03')}:{d('A11')}"
RIGHT = {
    d("A02"): (f"SUM({KINDS})-SUM(D8:D13)-{d('A03')}*1", 2),
    d("B01"): ("E17+F17", 17125),
    "E17": (f"SUM({LIST}!{OFFLINE}4:{OFFLINE}9)", 6045),
    "F17": (f"SUM('{LIST}'!${ONLINE}$4:{ONLINE}$9)", 11080),
    d("E01"): (f"ROUND(SUM({LIST}!{FUNDS}4:{FUNDS}200)*10000/10000,2)", 11.5),
    d("C01"): ("SUM(4000,50)", 4050),
    d("C02"): ("PRODUCT(6,6)", 36),
    d("C03"): ("24*50%", 12),
    d("D04"): ("-(-7)", 7),
}
UNKNOWN = {
    d("C01"): ("VLOOKUP(1,A1:B2,2)", 4050),
    d("C02"): ("[1]Sheet1!A1", 36),
    d("C03"): ("总件数*2", 12),
    d("C04"): ("D24+1", 3),  # leads back to itself
    d("D01"): ("B5+1", 11),  # a text
    d("D03"): ("SUM(F3)", 3),  # a day
    d("D04"): ("1/0*0+7", 7),
    d("F01"): ("SUM(缺失!A1:A9)", 4),
    d("F02"): ("((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))+1", 1),
}


CASES: list[Case] = [
    accepted("recalculated results that agree", formulas(RIGHT)),
    accepted("recalculated what nobody can say here", formulas(UNKNOWN)),
    rejected(
        "recalculated a sum of another day",
        formulas({d("B03"): ("SUM(D18:D18)-4147", 9999)}),
        f"error stale {TOTALS}!{d('B03')}",
    ),
    rejected(
        "recalculated a total that its kinds no longer make up is told once",
        formulas({d("C01"): (f"SUM({LIST}!M4:M9)", 9999)}),
        f"error stale {TOTALS}!{d('C01')}",
    ),
    rejected(
        "recalculated in the list, and what follows from it",
        formulas({f"{LIST}!{OFFLINE}6": ("3000+460", 3400), "E17": (f"SUM({LIST}!{OFFLINE}4:{OFFLINE}9)", 5985)}),
        f"error stale {LIST}!{OFFLINE}6",
        f"error stale {TOTALS}!E17",
    ),
    rejected(
        "recalculated a shared formula follows its cell",
        formulas(
            {d("C02"): (f"{d('C03')}*3", 36), d("C03"): ("", 12)},
            **{d("C02"): ' t="shared" ref="D22:D23" si="0"', d("C03"): ' t="shared" si="0"'},
        ),
        f"error stale {TOTALS}!{d('C02')}",
        f"error stale {TOTALS}!{d('C03')}",
    ),
]
