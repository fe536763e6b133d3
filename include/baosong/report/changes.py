"""The differences between two sets of figures: versions of the report (figures.json), or a sheet and its successor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Json = dict[str, Any]
REGION = "全区"
_KINDS = {"statistics": "统计表", "report": "总结报告", "photo": "照片", "press": "媒体报道材料"}
_MANY = ("photo", "press")  # kinds of which a prefecture sends several files
_PRESS = {
    "pieces": "列出的报道",
    "linked": "有网址的报道",
    "shared": "几地同报的报道",
    "files": "媒体报道材料",
    "unlisted": "读不出报道的材料",
}
_APART = {"within": "活动期间开展的活动", "outside": "不在活动期间的活动", "undated": "没有可用日期的活动"}
PARTS = {"total": "", "offline": "（线下）", "online": "（线上）"}
Values = Mapping[tuple[str, str], str]
"""The text of each figure by (indicator, part)."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure that differs; a dash where it was not stated before, or is not now."""

    place: str
    code: str
    what: str
    before: str
    after: str


def flatten(values: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """Return the figures of indicators by (code, part), without those that were not stated."""
    return {(code, part): str(v[part]) for code, v in values.items() for part in PARTS if v.get(part) is not None}


def differences(place: str, names: Mapping[str, str], before: Values, after: Values) -> list[Change]:
    """Return the figures of a prefecture or the region that differ; `names` maps codes to names with units."""
    return [
        Change(place, code, names.get(code, code) + PARTS[part], one, two)
        for code, part in dict.fromkeys([*before, *after])
        if (one := before.get((code, part), "—")) != (two := after.get((code, part), "—"))
    ]


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences from version `against`; `texts` list those beside figures: files, rules, completeness."""

    against: int
    figures: list[Change]
    texts: list[str]

    def as_json(self) -> Json:
        """Return the content of changes.json."""
        return asdict(self)


def changes_since(before: Json, after: Json) -> Changes:
    """Return the changes between two figures.json: the region's figures first, then those of prefectures."""
    names = {i["code"]: f"{i['name']}（{i['unit']}）" for i in (*before["indicators"], *after["indicators"])}
    pairs = [(REGION, _region(before), _region(after))]
    pairs += [
        (REGION, read(before[part]), read(after[part]))
        for part, read in (("timeline", _timeline), ("press", _press))
        if part in before  # an edition of an earlier release stated none of them
    ]
    old = {p["code"]: p for p in before["prefectures"]}
    pairs += [
        (p["name"], flatten(old.get(p["code"], {}).get("values", {})), flatten(p["values"]))
        for p in after["prefectures"]
    ]
    figures = [change for place, one, two in pairs for change in differences(place, names, one, two)]
    return Changes(before["version"], figures, [*_inputs(before, after), *_missing(before, after)])


def _region(figures: Json) -> dict[tuple[str, str], str]:
    values = {code: {"total": total, **figures["parts"].get(code, {})} for code, total in figures["totals"].items()}
    return flatten(values) | {("活动明细", "total"): str(figures["activities"])}


def _timeline(told: Json) -> dict[tuple[str, str], str]:
    """Return the sums of the days: a list of what each day was before would hide the figures that matter."""
    forms = {(f"活动期间开展的活动（{form}）", "total"): n for form, n in told["forms"].items()}
    return {(name, "total"): told[key] for key, name in _APART.items()} | forms


def _press(told: Json) -> dict[tuple[str, str], str]:
    by_level = {(f"列出的报道（{level}）", "total"): n for level, n in told["levels"].items()}
    return {(name, "total"): told[key] for key, name in _PRESS.items()} | by_level


def _inputs(before: Json, after: Json) -> list[str]:
    names = {p["code"]: p["name"] for p in after["prefectures"]}
    press = "press" in before  # an edition of an earlier release did not name these files
    old, new = (
        {_slot(i): i for i in (*version["inputs"], *version.get("sources", ())) if press or i.get("kind") != "press"}
        for version in (before, after)
    )
    texts = []
    for slot in dict.fromkeys([*old, *new]):
        one, two = old.get(slot), new.get(slot)
        if one is None or two is None:
            known = one or two or {}
            texts.append(f"{names.get(known['prefecture'], '')}{'新增' if two else '不再采用'}{_kind(known)}")
        elif one["sha256"] != two["sha256"]:
            texts.append(f"{names.get(two['prefecture'], '')}重新报送{_kind(two)}")
    texts = list(dict.fromkeys(texts))  # several photographs or press files
    if before.get("template", after.get("template")) != after.get("template"):
        texts.append("文字模板有修改")
    if before["rules_version"] != after["rules_version"]:
        texts.append("活动文件或校验规则有修改")
    return texts


def _slot(given: Json) -> tuple[str, str]:
    """Return the identity of an input: one sheet and one report per prefecture, others by name."""
    return given["prefecture"], given["file"] if given.get("kind") in _MANY else _kind(given)


def _kind(given: Json) -> str:
    """Return what an input is called where leaders read it: never by its file's name."""
    return _KINDS[given.get("kind", "statistics")]


def _missing(before: Json, after: Json) -> list[str]:
    was, now = ({p["code"]: p["name"] for p in version["missing"]} for version in (before, after))
    texts = [f"{name}材料已报齐" for code, name in was.items() if code not in now]
    return texts + [f"{name}材料不再齐全" for code, name in now.items() if code not in was]
