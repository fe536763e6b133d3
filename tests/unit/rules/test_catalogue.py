"""The catalogue, the code and docs/rules.md agree: every rule, every value, in the words that a receipt uses."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from baosong.campaign.form import Form
from baosong.rules.catalogue import catalogue, finding, known_title, phrase
from baosong.rules.findings import Severity, Where
from baosong_local.tools.rules_doc import document
from sheet_help import CAMPAIGN

ROOT = Path(__file__).parents[3]
RULES, PHRASES = catalogue().rules, catalogue().phrases
RULE = re.compile(rf"(?:{'|'.join(catalogue().sections)})\.(?!(?:docx|html)$)[a-z_]+")  # report.docx is a file's name


class Call(NamedTuple):
    """A call of `finding` or `phrase`: its function, the texts it names, the values it gives; None if unknown here."""

    function: str
    names: tuple[str | None, ...]
    values: frozenset[str] | None


def trees() -> list[ast.Module]:
    return [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "include/baosong").rglob("*.py")]


NODES = [node for tree in trees() for node in ast.walk(tree)]
TEXTS = [node.value for node in NODES if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def calls(nodes: Sequence[ast.AST]) -> Iterator[Call]:
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="finding" | "phrase" as function), args=args, keywords=keywords):
                given = {k.arg for k in keywords} - {"where"}
                values = None if None in given else frozenset(str(name) for name in given)
                for names in product(*map(literal, args)):
                    yield Call(function, names, values)


def literal(argument: ast.expr) -> list[str | None]:
    """What an argument may be: a text, either of two, or None where only the running code knows."""
    match argument:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return [*literal(body), *literal(orelse)]
    return [None]


def faults(found: list[Call]) -> list[Call]:
    """The calls that would raise whenever they are reached."""
    return [call for call in found if None not in call.names and call.values not in (None, wanted(call))]


def wanted(call: Call) -> frozenset[str]:
    name, variant = (*call.names, "")[:2]
    if call.function == "phrase":
        return PHRASES[name].names if name in PHRASES else frozenset({"no such phrase"})
    known = name in RULES and variant in RULES[name].wordings
    return RULES[name].wordings[variant].texts.names if known else frozenset({"no such rule"})


def strangers(texts: list[str], rules: set[str]) -> set[str]:
    """The rules that only the code knows, or only the catalogue."""
    named = {text for text in texts if RULE.fullmatch(text)}
    of_form = {c.rule for c in CAMPAIGN.form.checks}
    return (named - of_form) ^ rules


def test_the_document_is_the_one_that_form_and_catalogue_give() -> None:
    written = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    assert written == document(CAMPAIGN.form), "docs/rules.md is stale: run `python -m baosong_local.tools.rules_doc`"


def test_every_check_of_the_form_has_a_name_that_people_read() -> None:
    """Who waives one reads it on the board, and its prefecture on the receipt."""
    for check in CAMPAIGN.form.checks:
        assert re.search("[\u4e00-\u9fff]", known_title(check.rule)), check.rule
    assert known_title("statistics.invented") == "statistics.invented"


def test_the_catalogue_holds_exactly_the_rules_of_the_code() -> None:
    assert strangers(TEXTS, set(RULES)) == set()
    assert len(RULES) > 60


def test_a_rule_that_only_the_code_or_only_the_catalogue_knows_is_found() -> None:
    assert strangers([*TEXTS, "photo.invented"], set(RULES)) == {"photo.invented"}
    assert strangers(TEXTS, set(RULES) - {"file.empty"}) == {"file.empty"}
    assert strangers(TEXTS, {*RULES, "press.gone"}) == {"press.gone"}


def test_every_call_names_a_rule_and_gives_exactly_its_values() -> None:
    found = list(calls(NODES))
    assert faults(found) == []
    assert len(found) > 40


@pytest.mark.parametrize(
    "code",
    [
        "finding('file.invented')",
        "finding('file.bomb', 'invented', reason=r, limit=n)",
        "finding('file.too_large', size=n)",
        "finding('file.empty', where=w, size=n)",
        "phrase('invented')",
        "phrase('bomb.total')",
    ],
)
def test_a_call_that_does_not_fit_the_catalogue_is_found_unrun_and_raises(code: str) -> None:
    assert faults(list(calls(list(ast.walk(ast.parse(code))))))
    with pytest.raises((KeyError, ValueError)):
        eval(code, {"finding": finding, "phrase": phrase, "r": "x", "n": 1, "w": Where()})


def test_every_variant_and_phrase_is_used_by_the_code() -> None:
    variants = {variant for rule in RULES.values() for variant in rule.wordings}
    unused = (variants | set(PHRASES)) - set(TEXTS)
    made = tuple(text for text in TEXTS if re.fullmatch(r"[a-z]+\.", text))  # f"type.{actual}"
    assert {name for name in unused if not name.startswith(made)} == set()


def test_values_are_plain_names_and_sizes_are_said_as_everywhere() -> None:
    texts = [w.texts for rule in RULES.values() for w in rule.wordings.values()] + list(PHRASES.values())
    for template in (t for text in texts for t in text.templates):
        assert all(name is None or name.isidentifier() for _, name, _, _ in string.Formatter().parse(template))
    told = finding("file.too_large", size=5 << 20, limit=1 << 20)
    assert (told.message, told.observed) == ("文件超过大小上限：5 MB，上限 1 MB。", "5 MB")


def test_a_variant_takes_from_its_rule_what_it_leaves_out() -> None:
    whole, bundle = finding("file.unreadable", reason="x"), finding("file.unreadable", "bundle", reason="x")
    assert (whole.message, bundle.message) == ("文件打不开：x。", "压缩包打不开：x。")
    assert (bundle.severity, bundle.observed) == (Severity.ERROR, "x")
    assert (
        finding("video.scan", "unknown", asked="逐行").message == "扫描方式无法判定：文件没有写明，等待工作人员核实。"
    )


def test_every_rule_is_whole_and_says_how_to_mend_what_it_sends_back() -> None:
    for name, rule in RULES.items():
        assert rule.title, name
        assert rule.reason, name
        assert name.partition(".")[0] in catalogue().sections
        for wording in rule.wordings.values():
            message, _, _, fix = wording.texts.templates
            assert message, name
            assert fix or wording.severity is Severity.NOTE, name


def test_every_rule_stands_in_the_document_once() -> None:
    said = document(CAMPAIGN.form)
    for name in RULES:
        assert said.count(f"| `{name}` | ") == 1, name


def test_every_check_of_the_form_says_why_and_how_to_mend() -> None:
    for check in CAMPAIGN.form.checks:
        assert check.reason, check.id
        assert check.fix, check.id


def test_a_rule_changed_in_the_form_changes_the_document() -> None:
    data = CAMPAIGN.form.model_dump()
    data["checks"][0]["message"] = "两张表的活动数不一样：{found}"
    data["checks"][0]["severity"] = "warning"
    said = document(Form.model_validate(data))
    assert "| X01 | `statistics.activity_count` | 请核对 | 两张表的活动数不一样：… |" in said
