"""What differs between a version of the report and the one before, read from the figures of both (figures.json)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

Json = dict[str, Any]
_PARTS = {"total": "", "offline": "（线下）", "online": "（线上）"}
REGION = "全区"


@dataclass(frozen=True, slots=True)
class Change:
    """One figure that differs; a dash where it was not, or is no longer, stated."""

    place: str
    code: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Changes:
    """All that differs from version `against`; `texts` say what is no figure: files replaced, who became complete."""

    against: int
    figures: list[Change]
    texts: list[str]

    def as_json(self) -> Json:
        """Return the list as JSON values."""
        return asdict(self)


def changes_since(before: Json, after: Json) -> Changes:
    """Return the changes between two figures.json; the region's figures stand first, then those of prefectures."""
    names = {i["code"]: f"{i['name']}（{i['unit']}）" for i in (*before["indicators"], *after["indicators"])}
    pairs = [(REGION, _region(before), _region(after))]
    old = {p["code"]: p for p in before["prefectures"]}
    pairs += [(p["name"], _stated(old.get(p["code"])), _stated(p)) for p in after["prefectures"]]
    figures = [
        Change(
            place, code, names.get(code, code) + _PARTS[part], one.get((code, part), "—"), two.get((code, part), "—")
        )
        for place, one, two in pairs
        for code, part in dict.fromkeys([*one, *two])
        if one.get((code, part)) != two.get((code, part))
    ]
    return Changes(before["version"], figures, [*_inputs(before, after), *_missing(before, after)])


def _region(told: Json) -> dict[tuple[str, str], str]:
    values = {code: {"total": total, **told["parts"].get(code, {})} for code, total in told["totals"].items()}
    return _flat(values) | {("活动明细", "total"): str(told["activities"])}


def _stated(prefecture: Json | None) -> dict[tuple[str, str], str]:
    return _flat(prefecture["values"]) if prefecture else {}


def _flat(values: dict[str, Json]) -> dict[tuple[str, str], str]:
    return {(code, part): v[part] for code, v in values.items() for part in _PARTS if v.get(part) is not None}


def _inputs(before: Json, after: Json) -> list[str]:
    names = {p["code"]: p["name"] for p in after["prefectures"]}
    old, new = ({_slot(i): i for i in (*told["inputs"], *told.get("sources", ()))} for told in (before, after))
    texts = []
    for slot in dict.fromkeys([*old, *new]):
        one, two = old.get(slot), new.get(slot)
        if one is None or two is None:
            known = one or two or {}
            texts.append(f"{names.get(known['prefecture'], '')}{'新增' if two else '不再采用'}“{known['file']}”")
        elif one["sha256"] != two["sha256"]:
            name, same = names.get(two["prefecture"], ""), one["file"] == two["file"]
            texts.append(f"{name}重新报送“{two['file']}”" if same else f"{name}以“{two['file']}”替换“{one['file']}”")
    if before.get("template", after.get("template")) != after.get("template"):
        texts.append("文字模板有修改")
    if before["rules_version"] != after["rules_version"]:
        texts.append("活动文件或校验规则有修改")
    return texts


def _slot(given: Json) -> tuple[str, str]:
    """Return which input it is: one sheet and one report a prefecture, photographs by their names."""
    kind = given.get("kind", "statistics")
    return given["prefecture"], kind if kind != "photo" else given["file"]


def _missing(before: Json, after: Json) -> list[str]:
    was, now = ({p["code"]: p["name"] for p in told["missing"]} for told in (before, after))
    texts = [f"{name}材料已报齐" for code, name in was.items() if code not in now]
    return texts + [f"{name}材料不再齐全" for code, name in now.items() if code not in was]
