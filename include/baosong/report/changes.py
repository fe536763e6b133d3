"""What differs between a version of the report and the one before, read from the figures of both (figures.json)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from baosong.report.differences import Change, differences, stated

Json = dict[str, Any]
REGION = "全区"


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
    figures = [change for place, one, two in pairs for change in differences(place, names, one, two)]
    return Changes(before["version"], figures, [*_inputs(before, after), *_missing(before, after)])


def _region(told: Json) -> dict[tuple[str, str], str]:
    values = {code: {"total": total, **told["parts"].get(code, {})} for code, total in told["totals"].items()}
    return stated(values) | {("活动明细", "total"): str(told["activities"])}


def _stated(prefecture: Json | None) -> dict[tuple[str, str], str]:
    return stated(prefecture["values"]) if prefecture else {}


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
