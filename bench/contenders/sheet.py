"""One contender of `bench sheets` in a process of its own: warm up, judge a sheet a few times, say what it took.

Run as `python sheet.py NAME SHEET REPEATS < schema.json`; it runs in the peers' environment, which has no Baosong.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
Judge = Callable[[str], dict[str, float]]
"""Judges a file; returns the seconds of its parts, and raises ValueError where a good sheet does not pass."""


def baosong(schema: Schema) -> Judge:
    """Return the pipeline's whole check: container, marks, both tables, 30 + 8 expectations, cross checks, figures."""
    from baosong.campaign import Campaigns
    from baosong.rules.findings import Kind, Verdict
    from baosong.store.settings import campaign_dirs
    from baosong.store.source import Source
    from baosong.validation.check import check

    campaign = Campaigns(campaign_dirs()).get(schema["campaign"])
    prefecture = campaign.prefecture(schema["prefecture"])

    def judge(path: str) -> dict[str, float]:
        began = time.perf_counter()
        checked = check(Source.from_path(Path(path)), Kind.STATISTICS, campaign, prefecture)
        seconds = time.perf_counter() - began
        _passed(checked.verdict is Verdict.ACCEPTED, checked.findings)
        return {"seconds": seconds}

    return judge


def bare(schema: Schema) -> Judge:
    """Return bare Great Expectations on a ready frame of texts, after calamine has read the sheet into pandas."""
    import pandas as pd

    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("sheets").add_dataframe_asset("sheet")
    whole = asset.add_batch_definition_whole_dataframe("whole")

    def judge(path: str) -> dict[str, float]:
        began = time.perf_counter()
        frame = pd.read_excel(path, sheet_name=schema["sheet"], header=schema["header"], engine="calamine")
        reading = time.perf_counter() - began
        ready = _texts(frame, schema)
        began = time.perf_counter()
        suite = gx.ExpectationSuite(name="form", expectations=_expectations(gx.expectations, schema))
        result = whole.get_batch(batch_parameters={"dataframe": ready}).validate(suite, result_format="COMPLETE")
        validating = time.perf_counter() - began
        _passed(result.success, result)
        return {"seconds": reading + validating, "reading": reading, "expectations": validating}

    return judge


def _texts(frame: Any, schema: Schema) -> Any:
    """Return the frame that bare expectations find ready: canonical texts, which costs them nothing."""
    import pandas as pd

    dates = {c["label"] for c in schema["columns"] if c["type"] == "date"}

    def text(label: str, value: Any) -> str | None:
        return None if pd.isna(value) else str(value)[:10] if label in dates else str(value)

    columns = {label: [text(label, v) for v in frame[label]] for label in frame.columns}
    return pd.DataFrame({label: pd.Series(texts, dtype=object) for label, texts in columns.items()})


def _expectations(expect: Any, schema: Schema) -> list[Any]:
    needed = [c["label"] for c in schema["columns"] if c["required"]]
    expectations = [expect.ExpectTableColumnsToMatchSet(column_set=needed, exact_match=False)]
    expectations += [expect.ExpectColumnValuesToNotBeNull(column=label) for label in needed]
    for column in schema["columns"]:
        if column["choices"]:
            kind, limits = expect.ExpectColumnValuesToBeInSet, {"value_set": column["choices"]}
        elif column["type"] == "text":
            kind, limits = expect.ExpectColumnValueLengthsToBeBetween, {"max_value": column["longest"]}
        else:
            kind, limits = expect.ExpectColumnValuesToMatchRegex, {"regex": column["pattern"]}
        expectations.append(kind(column=column["label"], **limits))
    return expectations


def pandera(schema: Schema) -> Judge:
    """Return pandera's own idea of the schema, typed and lazy, on a frame read by calamine."""
    import pandas as pd
    import pandera.pandas as pa

    def column(spec: dict[str, Any]) -> Any:
        free = not spec["required"]
        if spec["choices"]:
            return pa.Column(str, pa.Check.isin(spec["choices"]), nullable=free)
        if spec["type"] == "text":
            return pa.Column(str, pa.Check.str_length(max_value=spec["longest"]), nullable=free)
        if spec["type"] == "date":
            return pa.Column("datetime64[ns]", nullable=free, coerce=True)
        return pa.Column("Int64" if spec["type"] == "integer" else float, pa.Check.ge(0), nullable=free, coerce=True)

    frames = pa.DataFrameSchema({c["label"]: column(c) for c in schema["columns"]})

    def judge(path: str) -> dict[str, float]:
        began = time.perf_counter()
        frame = pd.read_excel(path, sheet_name=schema["sheet"], header=schema["header"], engine="calamine")
        frames.validate(frame, lazy=True)
        return {"seconds": time.perf_counter() - began}

    return judge


def frictionless(schema: Schema) -> Judge:
    """Return frictionless with the same schema, reading the sheet as it does."""
    from frictionless import Dialect, Resource
    from frictionless import Schema as Fields
    from frictionless.formats import ExcelControl

    types = {"integer": "integer", "decimal": "number", "date": "date"}

    def field(spec: dict[str, Any]) -> dict[str, Any]:
        kind = types.get(spec["type"], "string")
        limits = {"enum": spec["choices"] or None, "required": spec["required"] or None}
        limits |= {"maxLength": spec["longest"] if spec["type"] == "text" else None}
        limits |= {"minimum": 0 if kind in ("integer", "number") else None}
        constraints = {name: limit for name, limit in limits.items() if limit is not None}
        return {"name": spec["label"], "type": kind, "constraints": constraints}

    def judge(path: str) -> dict[str, float]:
        began = time.perf_counter()
        fields = Fields.from_descriptor({"fields": [{"name": "序号", "type": "any"}, *map(field, schema["columns"])]})
        excel = ExcelControl(sheet=schema["sheet"])
        dialect = Dialect(header_rows=[schema["header"] + 1], skip_blank_rows=True, controls=[excel])
        sheet = Path(path)
        report = Resource(path=sheet.name, basepath=str(sheet.parent), schema=fields, dialect=dialect).validate()
        seconds = time.perf_counter() - began
        _passed(report.valid, report.flatten(["rowNumber", "fieldName", "type", "note"])[:5])
        return {"seconds": seconds}

    return judge


def _passed(passed: bool, said: Any) -> None:
    if not passed:
        raise ValueError(f"a good sheet did not pass: {said}")


CONTENDERS: dict[str, Callable[[Schema], Judge]] = {
    "baosong": baosong,
    "bare": bare,
    "pandera": pandera,
    "frictionless": frictionless,
}


def main(name: str, sheet: str, warm_up: str, repeats: int) -> None:
    """Print the best run's seconds, all runs, the imports' seconds and the process's peak memory in MB, as JSON."""
    schema = json.load(sys.stdin)
    began = time.perf_counter()
    judge = CONTENDERS[name](schema)
    judge(warm_up)
    ready = time.perf_counter() - began
    runs = [judge(sheet) for _ in range(repeats)]
    best = min(runs, key=lambda run: run["seconds"])
    status = Path("/proc/self/status").read_text()  # ru_maxrss would be the launcher's, which exec hands down
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({**best, "all": [run["seconds"] for run in runs], "ready": ready, "memory": peak}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
