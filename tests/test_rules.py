"""docs/rules.md says what the form and the code say: every rule, in the words that a receipt would use."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from baosong.campaign.form import Form
from baosong.rules import READER, SEVERITIES, document
from sheet_help import CAMPAIGN

ROOT = Path(__file__).parents[1]
SOURCES = [*(ROOT / "include/baosong/checks").glob("*.py"), ROOT / "include/baosong/review.py"]
CODE = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)


def literals() -> list[str]:
    """Every text in the code of the checks, the fixed pieces of f-strings among them."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_the_document_is_the_one_that_form_and_code_give() -> None:
    written = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    assert written == document(CAMPAIGN.form), "docs/rules.md is stale: run `python -m baosong.rules`"


def test_the_rules_listed_are_exactly_those_of_the_code() -> None:
    named = set(re.findall(r'"statistics\.([a-z_]+)"', CODE))
    generic = {"date", "choice", "length"}  # expectations name them by their kind
    assert 'f"statistics.{rule}"' in CODE
    assert [r.name for r in READER] == list(dict.fromkeys(r.name for r in READER))
    assert {r.name for r in READER} == named | generic


def test_the_words_listed_are_those_of_the_code() -> None:
    texts = literals()
    for rule in READER:
        assert set(rule.severity.split()) <= set(SEVERITIES)
        for piece in filter(None, (p.strip() for p in rule.message.split("…"))):
            assert any(piece in text for text in texts), (rule.name, piece)


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
