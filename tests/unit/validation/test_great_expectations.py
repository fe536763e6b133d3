"""Great Expectations is imported in part: what that spares, and that nobody can tell it by its answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import baosong
from baosong.campaign.layout import indicator_cells
from baosong.validation.statistics.gx import EXPECTATIONS
from baosong_local.samples import dirt
from sheet_help import CAMPAIGN, FIRST, LIST, TOTALS, edited, put, sample

pytestmark = pytest.mark.xdist_group("great expectations")  # two processes that import it, and not two a worker
SPARED = ("scipy", "altair", "sqlalchemy", "great_expectations.datasource", "great_expectations.checkpoint")
JUDGE = """
from baosong.campaign import Campaigns
from baosong.store.settings import campaign_dirs
from baosong.store.source import Source
from baosong.validation.statistics import datadocs, statistics
import json, sys
from pathlib import Path

def judged(path):
    campaign = Campaigns(campaign_dirs()).get("2023")
    checked = statistics.check(Source.from_path(Path(path)), campaign, campaign.prefecture("6501"))
    pages = [rendered.html for rendered in datadocs.tables(checked.validations, campaign.form)]
    return [checked.validations, pages, [f.as_json() for f in checked.findings]]

judgements = [judged(path) for path in sys.argv[1:]]
loaded = sorted(sys.modules)
"""
WHOLE = """
import great_expectations as gx
import pandas as pd
from great_expectations.expectations import registry

context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
frame = pd.DataFrame({"figures": [1.0, 2.0, 3.0]})
asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("table")
batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
mean = batch.validate(gx.expectations.ExpectColumnMeanToBeBetween(column="figures", min_value=2, max_value=2))
whole = [
    bool(mean.success), gx.__version__, sorted(registry.list_registered_expectation_implementations()),
    sorted(registry._registered_metrics), sorted(context.data_sources.type_lookup.type_names()),
]
"""
TELL = "print(json.dumps([judgements, loaded, whole]))"


@pytest.fixture(scope="module")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A good sheet, and one that fails each sort of expectation."""
    folder = tmp_path_factory.mktemp("sheets")
    good, wrong = folder / "good.xlsx", folder / "wrong.xlsx"
    good.write_bytes(sample().content)
    fields, row = [field.name for field in CAMPAIGN.form.activities.fields], FIRST + 2
    wrongly = {"name": "", "category": "别的", "start": "五月里", "offline": "许多", "organizer": "长" * 2000}
    figure = indicator_cells(CAMPAIGN.form)["C01", "total"]
    cells = [put(LIST, f"{chr(ord('A') + fields.index(name))}{row}", value) for name, value in wrongly.items()]
    no_hosts = [put(LIST, f"{chr(ord('A') + fields.index('host'))}{FIRST - 1}", "备注")]
    spoilt = edited(*cells, *no_hosts, put(TOTALS, figure, "约三十"))
    wrong.write_bytes(dirt.written(spoilt))
    return good, wrong


@dataclass(frozen=True)
class Answers:
    """What a process said of both sheets, which modules it had then, and what all of Great Expectations is to it."""

    judgements: list[list[Any]]
    loaded: list[str]
    whole: list[Any]


@pytest.fixture(scope="module")
def in_part(sheets: tuple[Path, Path]) -> Answers:
    """The answers of a process that judges first, and asks for the whole afterwards; its sqlalchemy is there before."""
    return answers(sheets, JUDGE, "import sqlalchemy", WHOLE, TELL)


@pytest.fixture(scope="module")
def as_a_whole(sheets: tuple[Path, Path]) -> Answers:
    return answers(sheets, WHOLE, JUDGE, TELL)


def answers(sheets: tuple[Path, Path], *parts: str) -> Answers:
    command = [sys.executable, "-W", "ignore", "-c", "\n".join(parts), *map(str, sheets)]
    env = os.environ | {"PYTHONPATH": str(Path(baosong.__file__).parents[1])}  # what is tested, wherever it lies
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return Answers(*json.loads(done.stdout))


def test_part_and_whole_judge_alike_and_make_the_same_data_docs(in_part: Answers, as_a_whole: Answers) -> None:
    assert in_part.judgements == as_a_whole.judgements
    tables = [
        [result for table in validations for result in table["results"]] for validations, _, _ in in_part.judgements
    ]
    unmet = [{result["expectation_config"]["type"] for result in of if not result["success"]} for of in tables]
    assert [len(types) for types in unmet] == [0, len(EXPECTATIONS)]  # one sheet is good, the other fails each sort


def test_a_sheet_is_judged_without_what_it_does_not_need(in_part: Answers) -> None:
    assert "great_expectations.validator.validator" in in_part.loaded
    assert [name for name in in_part.loaded if name in SPARED] == []


def test_whoever_asks_for_great_expectations_itself_afterwards_has_all_of_it(
    in_part: Answers, as_a_whole: Answers
) -> None:
    assert in_part.whole == as_a_whole.whole
    assert in_part.whole[0] is True
