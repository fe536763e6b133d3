#!/usr/bin/env bash
# Great Expectations 1.24.1: `Expectation.configuration` is a property that makes a new ExpectationConfiguration, all
# fields serialised by pydantic, at each look. One expectation on one column looks 70 times in one validation, also
# where only whether it is met is asked (BOOLEAN_ONLY), and whatever the number of rows. Forms of some 40 expectations on
# tables of a few rows spend more on that, and on the graph of metrics that is made from it, than on their cells.
#
# Seen with great_expectations 1.24.1, pandas 3.1.1 (2026-11-29):
#   10 rows: 70 configurations of one expectation
#   10000 rows: 70 configurations of one expectation
# Whoever validates many small tables gains by remembering them, and what they ask for. Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet great_expectations==1.24.1 pandas==3.1.1
cd "$folder"
GX_ANALYTICS_ENABLED=false "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import great_expectations as gx
import pandas as pd

print("great_expectations", gx.__version__)
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("table")
whole = asset.add_batch_definition_whole_dataframe("whole")
kind = gx.expectations.ExpectColumnValuesToNotBeNull
original = next(base.__dict__["configuration"] for base in kind.__mro__ if "configuration" in base.__dict__)
made = []
kind.configuration = property(lambda self: made.append(1) or original.fget(self))
counts = {}
for rows in (10, 10_000):
    batch = whole.get_batch({"dataframe": pd.DataFrame({"name": ["科普讲座"] * rows})})
    made.clear()
    assert batch.validate(kind(column="name"), result_format="BOOLEAN_ONLY").success
    counts[rows] = len(made)
    print(f"{rows} rows: {counts[rows]} configurations of one expectation")
assert counts == {10: 70, 10_000: 70}, "the behaviour has changed"
PYTHON
