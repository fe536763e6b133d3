"""docs/rules.md says what the form and the code say: every rule, in the words that a receipt would use."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from baosong.campaign.form import Form
from baosong.rules.catalogue import RULES, SECTIONS, SEVERITIES, Rule
from baosong_local.tools.rules_doc import document
from sheet_help import CAMPAIGN

ROOT = Path(__file__).parents[3]
SOURCES = [path for path in (ROOT / "include/baosong").rglob("*.py") if path.name != "catalogue.py"]
RULE = re.compile(rf"(?:{'|'.join(SECTIONS)})\.(?!(?:docx|html)$)[a-z_]+")  # report.docx is a file's name
BY_KIND = {"statistics.date", "statistics.choice", "statistics.length"}  # expectations name them by their kind


def literals() -> list[str]:
    """Every text in the code, the fixed pieces of f-strings among them."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


TEXTS = literals()


def strangers(texts: list[str], rules: tuple[Rule, ...]) -> set[str]:
    """The rules that only the code knows, or only the book."""
    named = {text for text in texts if RULE.fullmatch(text)}
    of_form = {c.rule for c in CAMPAIGN.form.checks}
    return (named - of_form) ^ ({r.rule for r in rules} - BY_KIND)


def test_the_document_is_the_one_that_form_and_book_give() -> None:
    written = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    assert written == document(CAMPAIGN.form), "docs/rules.md is stale: run `python -m baosong_local.tools.rules_doc`"


def test_the_book_holds_exactly_the_rules_of_the_code() -> None:
    assert strangers(TEXTS, RULES) == set()
    assert len({r.rule for r in RULES}) == len(RULES) > 60
    assert any("statistics." in text and text.endswith(".") for text in TEXTS), "expectations name rules by their kind"


def test_a_rule_that_only_the_code_or_only_the_book_knows_is_found() -> None:
    assert strangers([*TEXTS, "photo.invented"], RULES) == {"photo.invented"}
    assert strangers(TEXTS, RULES[1:]) == {RULES[0].rule}
    assert strangers(TEXTS, (*RULES, Rule("press.gone", "note", "", ""))) == {"press.gone"}


def test_the_words_in_the_book_are_those_of_the_code() -> None:
    for rule in RULES:
        assert set(rule.severity.split()) <= set(SEVERITIES)
        assert rule.reason
        for piece in filter(None, (p.strip() for p in rule.message.split("…"))):
            assert any(piece in text for text in TEXTS), (rule.rule, piece)


def test_every_rule_stands_in_the_document_once() -> None:
    said = document(CAMPAIGN.form)
    for rule in RULES:
        assert said.count(f"| `{rule.rule}` | ") == 1, rule.rule


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
