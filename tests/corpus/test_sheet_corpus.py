"""The corpus: each sheet gets exactly the findings it should, its verdict, and its figures as somebody typed them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from baosong.campaign import Campaign
from baosong.campaign.form import CrossCheck
from baosong.rules.catalogue import can_be_taken, catalogue
from baosong.rules.findings import Checked, Finding, Severity, Verdict
from baosong.validation.statistics import expectations
from baosong.validation.statistics.crosschecks import TESTS
from sheet_corpus import CASES
from sheet_corpus.base import COMPARED, FIRST, activity_rows, indicator_figures
from sheet_corpus.case import Case, said
from sheet_help import CAMPAIGN, figures, judged, remembering

LEAST = 120
READER = {
    f"{wording.severity} {name.removeprefix('statistics.')}"
    for name, rule in catalogue().rules.items()
    for wording in rule.wordings.values()
    if name.startswith("statistics.")
}
ONLINE_ONLY = {"error out_of_range"}  # the ledger's refusal, which no file alone can bring about
LIST_DIFFERS = "list_differs"  # cases put any figure beside the same list; those of X18 alone judge how far it may be
NAMED = [case for case in CASES if case.check]
OFFLINE_CHECKS = [check for check in CAMPAIGN.form.checks if check.test in TESTS]  # the others need the ledger


@pytest.fixture(autouse=True, scope="module")
def _expect_equal_columns_once() -> Iterator[None]:
    """Great Expectations is most of what a case costs, and three of four have columns that another case had."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expectations, "Validator", remembering(expectations.Validator))
        yield


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_sheet_gets_exactly_its_findings_its_verdict_and_its_figures(case: Case) -> None:
    checked = judged_as(case)
    heard = [line for line in map(said, checked.findings) if case.check == "X18" or LIST_DIFFERS not in line]
    assert sorted(heard) == sorted(case.found), [f.message for f in checked.findings]
    assert checked.verdict is case.verdict
    assert (checked.figures is not None) is can_be_taken(checked.findings), "also kept of what could be waived"
    for finding in checked.findings:
        speaks_plainly(finding)
    if case.verdict is Verdict.ACCEPTED:
        assert figures(checked) == figures_of(case)


def judged_as(case: Case, campaign: Campaign = CAMPAIGN) -> Checked:
    return judged(case.make(), case.file, CAMPAIGN.prefecture(case.prefecture), campaign)


def speaks_plainly(finding: Finding) -> None:
    """A clerk is told what, what was found, what to do; no placeholder, no word of a program."""
    assert re.search("[\u4e00-\u9fff]", finding.message)
    assert finding.observed or finding.expected
    assert finding.fix or finding.severity is Severity.NOTE
    for text in (finding.message, finding.observed, finding.expected, finding.fix):
        assert not re.search(r"[{}]|None|nan|Error|Decimal|__", text), text


def figures_of(case: Case) -> tuple[dict[str, tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The good sheet's figures with the case's changes."""
    indicators, activities = indicator_figures(), activity_rows()
    for code, amounts in case.changed.items():
        if amounts == ():
            del indicators[code]
            continue
        indicators[code] = amounts if isinstance(amounts, tuple) else (amounts, *indicators[code][1:])
    for (row, name), value in case.activities.items():
        activities[row - FIRST][name] = value
    return indicators, [tuple(row[name] for name in COMPARED) for row in activities]


def test_the_corpus_is_large_and_no_two_cases_share_a_name() -> None:
    assert len(CASES) >= LEAST
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_rule_of_the_reader_and_every_severity_it_may_have_is_met() -> None:
    wanted = READER - ONLINE_ONLY
    met = {" ".join(line.split()[:2]) for case in CASES for line in case.found}
    assert wanted <= met, wanted - met


@pytest.mark.parametrize("check", OFFLINE_CHECKS, ids=lambda check: check.id)
def test_every_check_of_the_form_is_tried_on_both_sides_of_its_limit(check: CrossCheck) -> None:
    rule = f"{check.severity} {check.rule.removeprefix('statistics.')} "
    sides = {any(line.startswith(rule) for line in case.found) for case in NAMED if case.check == check.id}
    assert sides == {True, False}


@pytest.mark.parametrize("check", OFFLINE_CHECKS, ids=lambda check: check.id)
def test_the_finding_of_a_case_named_for_a_check_is_that_checks(check: CrossCheck) -> None:
    """Two checks may share a rule: the form that weighs this one otherwise must weigh the finding otherwise."""
    rule = f"{check.severity} {check.rule.removeprefix('statistics.')} "
    case = next(c for c in NAMED if c.check == check.id and any(line.startswith(rule) for line in c.found))
    other = Severity.WARNING if check.severity is Severity.ERROR else Severity.ERROR
    checks = tuple(c.model_copy(update={"severity": other}) if c is check else c for c in CAMPAIGN.form.checks)
    campaign = CAMPAIGN.model_copy(update={"form": CAMPAIGN.form.model_copy(update={"checks": checks})})
    changed = Counter(case.found) - Counter(map(said, judged_as(case, campaign).findings))
    assert changed
    assert all(line.startswith(rule) for line in changed)
