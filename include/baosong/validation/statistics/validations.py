"""The result of each expectation as small JSON values under Great Expectations' own names, for its Data Docs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from baosong.campaign.form import Form
from baosong.validation.statistics.cells import parse_address
from baosong.validation.statistics.tables import Table
from baosong.validation.statistics.values import Values, shown

SHOWN = 20  # values per expectation: a sheet may hold 100,000 wrong ones
Validation = dict[str, Any]


def records(values: Values, form: Form, results: Iterable[Mapping[str, Any]]) -> list[Validation]:
    """Return `{"table", "results"}` per table; `results` are those of one table each, by expectation's id.

    A result has `success`, `expectation_config` and `result`; the last is empty where the expectation was met, else it
    counts all that is wrong and shows the first of it, each value with its place.
    """
    tables = [t for t in (values.tables.indicators, values.tables.activities) if t]
    return [
        {"table": table.kind, "results": [_record(values, form, table, r) for r in by_id.values()]}
        for table, by_id in zip(tables, results, strict=True)
    ]


def _record(values: Values, form: Form, table: Table, result: Any) -> Validation:
    config = result.expectation_config
    kwargs = {name: value for name, value in config.kwargs.items() if name != "batch_id"}
    return {
        "success": bool(result.success),
        "expectation_config": {"type": config.type, "kwargs": kwargs, "meta": dict(config.meta)},
        "result": {} if result.success else _found(values, form, table, config.meta["id"], result.result),
    }


def _found(values: Values, form: Form, table: Table, identifier: str, result: Mapping[str, Any]) -> Validation:
    if "details" in result:
        return {"details": {"mismatched": {"missing": list(result["details"]["mismatched"].get("missing", []))}}}
    name = identifier.split("|")[1]
    place_of = partial(_indicator, values, form, name) if table.kind == "indicators" else partial(_field, values, name)
    places = [place_of(index) for index in result["unexpected_index_list"][:SHOWN]]
    return {
        "element_count": int(result["element_count"]),
        "unexpected_count": int(result["unexpected_count"]),
        "unexpected_percent": float(result["unexpected_percent"]),
        "unexpected_index_column_names": list(places[0]),
        "unexpected_index_list": [{"value": _written(table, at["cell"]), **at} for at in places],
    }


def _indicator(values: Values, form: Form, amount: str, index: int) -> dict[str, str]:
    code = list(values.indicators)[index]
    return {"cell": values.indicator_where(code, amount)["cell"], "indicator": form.by_code[code].title}


def _field(values: Values, name: str, index: int) -> dict[str, str]:
    return {"cell": values.activity_where(index, name)["cell"]}


def _written(table: Table, cell: str) -> str:
    """Return what a cell holds, as a receipt quotes it; its formula where that came without a result."""
    at = parse_address(cell)
    return shown(table.sheet.value(*at)) or shown(table.sheet.uncached_formulas.get(at))
