"""Each cross check on both sides of its limit: the last value that passes and the first that does not."""

from __future__ import annotations

from datetime import date

from sheet_corpus.base import LIST, TOTALS
from sheet_corpus.case import Case, accepted, cell, rejected, sheet, total
from sheet_help import Edit, put

D5, D6, D17, D18, D25, D29 = (f"{TOTALS}!D{row}" for row in (5, 6, 17, 18, 25, 29))
NOBODY: list[Edit] = [
    *(cell(field, row, 0) for field in ("offline", "online") for row in range(4, 10)),
    total("B01", 0, 0, 0),
    total("B02", 0, 0, 0),
]
ROUND: list[Edit] = [
    *(cell("offline", row, n) for row, n in zip(range(4, 10), (1200, 200, 3500, 300, 0, 900), strict=True)),
    cell("online", 5, 2400),
    cell("online", 8, 8800),
    total("B01", 17300, 6100, 11200),
    total("B02", 4200, 2000, 2200),
    *(total(code, 100) for code in ("B03", "B04", "C02", "C03", "C04", "F01")),
    total("C01", 4000),
]
ROUND_LIST = {(row, "offline"): n for row, n in ((5, 200), (6, 3500), (7, 300), (9, 900))} | {
    (5, "online"): 2400,
    (8, "online"): 8800,
}
ROUND_TOTALS = {
    "B01": (17300, 6100, 11200),
    "B02": (4200, 2000, 2200),
    "C01": 4000,
    **dict.fromkeys(("B03", "B04", "C02", "C03", "C04", "F01"), 100),
}


NO_COUNTIES = [cell("county", row, None) for row in range(4, 10)]


def unit(text: str) -> Edit:
    return put(TOTALS, "C2", text)


COUNTS = [
    accepted("X01 as many as are listed", sheet(), check="X01"),
    rejected(
        "X01 one more than listed",
        sheet(total("A01", 7), total("A11", 2)),
        f"error activity_count {D5}",
        f"warning total_uncovered {D5}",
        check="X01",
    ),
    rejected(
        "X01 one fewer than listed", sheet(total("A01", 5), total("A11", 0)), f"error activity_count {D5}", check="X01"
    ),
    accepted("X02 all are major", sheet(total("A02", 6)), changed={"A02": 6}, check="X02"),
    rejected("X02 one major too many", sheet(total("A02", 7)), f"error part_exceeds_whole {D6}", check="X02"),
    accepted("X02 all on the spot are major", sheet(total("A02", 5, 5)), changed={"A02": (5, 5, None)}, check="X02"),
    rejected(
        "X02 more major on the spot than there are",
        sheet(total("A02", 6, 6)),
        f"error part_exceeds_whole {TOTALS}!E6",
        check="X02",
    ),
    accepted("X03 kinds add up", sheet(total("A11", 0), total("A07", 1)), changed={"A11": 0, "A07": 1}, check="X03"),
    accepted(
        "X03 one kind too many", sheet(total("A11", 2)), f"warning kinds_sum {D5}", changed={"A11": 2}, check="X03"
    ),
    accepted(
        "X03 one kind too few", sheet(total("A11", 0)), f"warning kinds_sum {D5}", changed={"A11": 0}, check="X03"
    ),
]
PEOPLE = [
    accepted(
        "X04 the total alone", sheet(total("B01", 17125, None, None)), changed={"B01": (17125, None, None)}, check="X04"
    ),
    rejected(
        "X04 the total and one part",
        sheet(total("B01", 17125, None, 11080)),
        f"error total_mismatch {D17}",
        check="X04",
    ),
    rejected(
        "X04 one short on the spot",
        sheet(total("B01", 17125, 6044, 11080)),
        f"error total_mismatch {D17}",
        f"error total_mismatch {TOTALS}!E17",
        check="X04",
    ),
    rejected(
        "X04 the total one too many",
        sheet(total("B01", 17126)),
        f"error total_mismatch {D17}",
        f"error total_mismatch {D17}",
        check="X04",
    ),
    accepted(
        "X04a the sum of the list",
        sheet(total("B01", "17125", None, None)),
        changed={"B01": (17125, None, None)},
        check="X04a",
    ),
    rejected(
        "X04a one more than the list",
        sheet(total("B01", 17126, None, None)),
        f"error total_mismatch {D17}",
        check="X04a",
    ),
    rejected(
        "X04a one fewer than the list",
        sheet(total("B01", 17124, None, None)),
        f"error total_mismatch {D17}",
        check="X04a",
    ),
    rejected(
        "X04a a person more in the list",
        sheet(cell("offline", 6, 3461)),
        f"error total_mismatch {D17}",
        f"error total_mismatch {TOTALS}!E17",
        check="X04a",
    ),
]
SPLITS = [
    accepted("X04b every part", sheet(total("C02", 36, 30, 6)), changed={"C02": (36, 30, 6)}, check="X04b"),
    accepted("X04b no part", sheet(total("C02", 36, None, None)), check="X04b"),
    *(
        rejected(f"X04b {parts}", sheet(total("C02", 36, *parts)), f"error total_mismatch {TOTALS}!D22", check="X04b")
        for parts in ((30, 7), (30, 5), (30, None), (None, 35))
    ),
    accepted("X04c both ways", sheet(total("A04", 1, 1, 1)), changed={"A04": (1, 1, 1)}, check="X04c"),
    accepted(
        "X04c neither way",
        sheet(total("A04", 1, 0, 0)),
        f"warning total_uncovered {TOTALS}!D8",
        changed={"A04": (1, 0, 0)},
        check="X04c",
    ),
]
LISTED = [
    accepted("X18 nearly twice as much", sheet(total("C01", 8099)), changed={"C01": 8099}, check="X18"),
    accepted("X18 a little more than half", sheet(total("C01", 2026)), changed={"C01": 2026}, check="X18"),
    *(
        accepted(
            f"X18 {code} {value}",
            sheet(total(code, value)),
            f"warning list_differs {TOTALS}!D{row}",
            changed={code: str(value) if code == "E01" else value},
            check="X18",
        )
        for code, value, row in (
            ("C01", 8100, 21),
            ("C01", 2025, 21),
            ("B03", 630, 19),
            ("E01", 1150, 29),
            ("A02", 4, 6),
        )
    ),
    accepted(
        "X18 a column that is blank",
        sheet(*(cell("funds", r, None) for r in range(4, 10))),
        check="X18",
        activities={(r, "funds"): None for r in range(4, 10)},
    ),
    accepted("X18 a cell that is blank", sheet(cell("materials", 8, None)), check="X18"),
]
COUNTIES = [
    accepted("X19 a county of one's own", sheet(cell("county", 6, "乌鲁木齐县水西沟镇")), check="X19"),
    accepted("X19 nowhere known", sheet(cell("county", 6, "市直")), check="X19"),
    *(
        accepted(f"X19 {county}", sheet(cell("county", 6, county)), f"warning other_county {LIST}!D6", check="X19")
        for county in ("昌吉市", "昌吉回族自治州", "新疆昌吉回族自治州阜康市", "莎车县")
    ),
]
PARTS = [
    accepted(
        "X05 all are young", sheet(total("B02", 17125, 6045, 11080)), changed={"B02": (17125, 6045, 11080)}, check="X05"
    ),
    rejected(
        "X05 one young too many", sheet(total("B02", 17126, None, None)), f"error part_exceeds_whole {D18}", check="X05"
    ),
    rejected(
        "X05 one young too many on the spot",
        sheet(total("B02", 17125, 6046, 11079)),
        f"error part_exceeds_whole {TOTALS}!E18",
        check="X05",
    ),
    accepted("X05 all experts are envoys", sheet(total("B04", 63)), changed={"B04": 63}, check="X05"),
    rejected("X05 one envoy too many", sheet(total("B04", 64)), f"error part_exceeds_whole {TOTALS}!D20", check="X05"),
    accepted("X05 all money is public", sheet(total("E02", 11.5)), changed={"E02": "11.5"}, check="X05"),
    rejected(
        "X05 a hundred yuan too many", sheet(total("E02", 11.51)), f"error part_exceeds_whole {TOTALS}!D30", check="X05"
    ),
    accepted(
        "X05 a row's part is its total",
        sheet(total("C01", 4050, 4050)),
        changed={"C01": (4050, 4050, None)},
        check="X05",
    ),
    rejected(
        "X05 a row's part above its total",
        sheet(total("C01", 4050, 4051)),
        f"error part_exceeds_whole {TOTALS}!E21",
        check="X05",
    ),
    accepted(
        "X05a only the total of press",
        sheet(*(total(c, None) for c in ("D02", "D03", "D04"))),
        changed=dict.fromkeys(("D02", "D03", "D04")),
        check="X05a",
    ),
    rejected("X05a one report too many", sheet(total("D03", 4)), f"error parts_sum {D25}", check="X05a"),
    rejected("X05a one report too few", sheet(total("D03", 2)), f"error parts_sum {D25}", check="X05a"),
]
DAYS = [
    accepted(
        "X06 ends on its first day",
        sheet(cell("end", 6, date(2023, 5, 22))),
        activities={(6, "end"): "2023-05-22"},
        check="X06",
    ),
    rejected(
        "X06 ends the day before",
        sheet(cell("end", 6, date(2023, 5, 21))),
        f"error dates_reversed {LIST}!G6",
        check="X06",
    ),
    accepted("X06a begins and ends with the week", sheet(), check="X06a"),
    accepted(
        "X06a begins a day early",
        sheet(cell("start", 4, date(2023, 5, 19))),
        f"warning outside_window {LIST}!F4",
        activities={(4, "start"): "2023-05-19"},
        check="X06a",
    ),
    accepted(
        "X06a ends a day late",
        sheet(cell("end", 8, date(2023, 6, 1))),
        f"warning outside_window {LIST}!G8",
        activities={(8, "end"): "2023-06-01"},
        check="X06a",
    ),
]
FIRST_AGAIN = [cell("name", 5, "科技活动周启动仪式"), cell("place", 5, "人民广场"), cell("start", 5, date(2023, 5, 20))]
AGAIN = {(5, "name"): "科技活动周启动仪式", (5, "place"): "人民广场", (5, "start"): "2023-05-20"}
ROWS = [
    accepted(
        "X07 name, day and place twice",
        sheet(*FIRST_AGAIN),
        f"warning duplicate_activity {LIST}!B5",
        activities=AGAIN,
        check="X07",
    ),
    *(
        accepted(
            f"X07 another {field}",
            sheet(*(e for i, e in enumerate(FIRST_AGAIN) if i != at)),
            activities={key: v for key, v in AGAIN.items() if key != (5, field)},
            check="X07",
        )
        for at, field in enumerate(("name", "place", "start"))
    ),
    accepted(
        "X08 a hundred thousand",
        sheet(cell("offline", 4, 100_000), total("B01", 115_925, 104_845)),
        changed={"B01": (115_925, 104_845, 11080)},
        activities={(4, "offline"): 100_000},
        check="X08",
    ),
    accepted(
        "X08 one more",
        sheet(cell("offline", 4, 100_001), total("B01", 115_926, 104_846)),
        f"warning crowd {LIST}!K4",
        changed={"B01": (115_926, 104_846, 11080)},
        activities={(4, "offline"): 100_001},
        check="X08",
    ),
    accepted(
        "X09 both ways with one each",
        sheet(cell("offline", 5, 1), cell("online", 5, 1), total("B01", 14597, 5866, 8731)),
        changed={"B01": (14597, 5866, 8731)},
        activities={(5, "offline"): 1, (5, "online"): 1},
        check="X09",
    ),
    accepted(
        "X09 both ways and nobody online",
        sheet(cell("online", 5, 0), total("B01", 14775, 6045, 8730)),
        f"warning form_contradiction {LIST}!L5",
        changed={"B01": (14775, 6045, 8730)},
        activities={(5, "online"): 0},
        check="X09",
    ),
    accepted(
        "X09 on the spot and one online",
        sheet(cell("online", 4, 1), total("B01", 17126, 6045, 11081)),
        f"warning form_contradiction {LIST}!L4",
        changed={"B01": (17126, 6045, 11081)},
        activities={(4, "online"): 1},
        check="X09",
    ),
    accepted(
        "X09 online and one on the spot",
        sheet(cell("offline", 8, 1), total("B01", 17126, 6046, 11080)),
        f"warning form_contradiction {LIST}!K8",
        changed={"B01": (17126, 6046, 11080)},
        activities={(8, "offline"): 1},
        check="X09",
    ),
    accepted(
        "X10 one came",
        sheet(cell("offline", 7, 1), total("B01", 16861, 5781)),
        changed={"B01": (16861, 5781, 11080)},
        activities={(7, "offline"): 1},
        check="X10",
    ),
    accepted(
        "X10 nobody came",
        sheet(cell("offline", 7, 0), total("B01", 16860, 5780)),
        f"warning no_people {LIST}!K7",
        changed={"B01": (16860, 5780, 11080)},
        activities={(7, "offline"): 0},
        check="X10",
    ),
    accepted(
        "X10a nobody came to anything",
        sheet(*NOBODY),
        f"warning idle {D17}",
        *(f"warning no_people {LIST}!K{row}" for row in range(4, 10)),
        changed={"B01": (0, 0, 0), "B02": (0, 0, 0)},
        activities={(row, f): 0 for row in range(4, 10) for f in ("offline", "online")},
        check="X10a",
    ),
    accepted(
        "X10a one came to one",
        sheet(*NOBODY, cell("offline", 4, 1), total("B01", 1, 1, 0)),
        *(f"warning no_people {LIST}!K{row}" for row in range(5, 10)),
        changed={"B01": (1, 1, 0), "B02": (0, 0, 0)},
        activities={(row, f): 0 for row in range(4, 10) for f in ("offline", "online")} | {(4, "offline"): 1},
        check="X10a",
    ),
    accepted("X11 just below ten thousand", sheet(total("E01", 9999.99)), changed={"E01": "9999.99"}, check="X11"),
    accepted(
        "X11 ten thousand",
        sheet(total("E01", 10000)),
        f"warning money_unit {D29}",
        changed={"E01": "10000"},
        check="X11",
    ),
]
WHOSE = [
    accepted("X13 its own short name", sheet(unit("乌市科技局")), check="X13"),
    accepted("X13 博州 in its own area", sheet(unit("博州科技局"), *NO_COUNTIES), prefecture="6527", check="X13"),
    accepted("X13 巴州 in its own area", sheet(unit("巴州科学技术局"), *NO_COUNTIES), prefecture="6528", check="X13"),
    accepted("X13 克州 in its own area", sheet(unit("克州科技局"), *NO_COUNTIES), prefecture="6530", check="X13"),
    accepted("X13 昌吉州 in its own area", sheet(unit("昌吉州科技局"), *NO_COUNTIES), prefecture="6523", check="X13"),
    accepted(
        "X13 喀什地区 in its own area", sheet(unit("喀什地区科技局"), *NO_COUNTIES), prefecture="6531", check="X13"
    ),
    accepted(
        "X13 伊犁州直 in its own area", sheet(unit("伊犁州直科技局"), *NO_COUNTIES), prefecture="6540", check="X13"
    ),
    accepted(
        "X13 塔城 under 伊犁州",
        sheet(unit("伊犁哈萨克自治州塔城地区科技局"), *NO_COUNTIES),
        prefecture="6542",
        check="X13",
    ),
    rejected(
        "X13 塔城 in the area of 伊犁州",
        sheet(unit("伊犁哈萨克自治州塔城地区科技局"), *NO_COUNTIES),
        f"error wrong_prefecture {TOTALS}!C2",
        prefecture="6540",
        check="X13",
    ),
    rejected(
        "X13 a neighbour's sheet", sheet(unit("喀什地区科技局")), f"error wrong_prefecture {TOTALS}!C2", check="X13"
    ),
    accepted("X13 nobody's name", sheet(unit("科技局")), f"warning unit_unclear {TOTALS}!C2", check="X13"),
    accepted(
        "X16 all in one cell",
        sheet(
            lambda b: b[TOTALS].__setitem__(1, ["填报单位：乌鲁木齐市科技局"]),
            lambda b: b[TOTALS].__setitem__(2, ["填报人：张伟　联系电话：0991-2812345"]),
        ),
        check="X16",
    ),
    rejected("X16 nobody's hand", sheet(put(TOTALS, "F2", None)), f"error signature {TOTALS}!F2", check="X16"),
    rejected("X16 no phone", sheet(put(TOTALS, "C3", "—")), f"error signature {TOTALS}!C3", check="X16"),
    rejected("X16 no unit", sheet(put(TOTALS, "C2", " ")), f"error signature {TOTALS}!B2", check="X16"),
]
ALL_ROUND = [
    accepted(
        "X17 nine large figures all round",
        sheet(*ROUND),
        f"warning round_figures {D17}",
        changed=ROUND_TOTALS,
        activities=ROUND_LIST,
        check="X17",
    ),
    accepted(
        "X17 eight large figures all round",
        sheet(*ROUND, total("C03", 99)),
        f"warning round_figures {D17}",
        changed=ROUND_TOTALS | {"C03": 99},
        activities=ROUND_LIST,
        check="X17",
    ),
    accepted(
        "X17 seven large figures all round",
        sheet(*ROUND, total("C03", 99), total("C02", 99)),
        changed=ROUND_TOTALS | {"C03": 99, "C02": 99},
        activities=ROUND_LIST,
        check="X17",
    ),
    accepted(
        "X17 one large figure that is not",
        sheet(*ROUND, total("C03", 101)),
        changed=ROUND_TOTALS | {"C03": 101},
        activities=ROUND_LIST,
        check="X17",
    ),
]

CASES: list[Case] = [*COUNTS, *PEOPLE, *SPLITS, *LISTED, *COUNTIES, *PARTS, *DAYS, *ROWS, *WHOSE, *ALL_ROUND]
