"""Great Expectations, as far as sheets need it: five expectations, their metrics, and its graph of metrics on a frame.

It judges in its own pandas engine. No data context stands behind that, which would import every data source, and whose
keeping, storing and sending is what nobody wants of a sheet. What an expectation asks of a frame depends on no cell: it
is worked out once, in the process that tasks are forked from, since that took longer than the judging itself.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module, metadata
from typing import Any

from baosong.validation.statistics.lazy_packages import lazily

PACKAGE = "great_expectations"
EXPECTATIONS = (
    "ExpectTableColumnsToMatchSet",
    "ExpectColumnValuesToMatchRegex",
    "ExpectColumnValuesToNotBeNull",
    "ExpectColumnValuesToBeInSet",
    "ExpectColumnValueLengthsToBeBetween",
)
_METRICS = (  # their modules register them
    "column_map_metrics.column_value_lengths",
    "column_map_metrics.column_values_in_set",
    "column_map_metrics.column_values_match_regex",
    "column_map_metrics.column_values_non_null",
    "table_metrics.table_columns",
    "table_metrics.table_column_types",
    "table_metrics.table_row_count",
)
MOST_REMEMBERED = 1000  # a form has some 40, and its wording quotes a day of the campaign here and there


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met: its id, the indexes of the rows at fault, and the columns that are missing."""

    id: str
    rows: list[int]
    missing: list[str]


class Validator:
    """Runs expectations on the tables of one sheet; nothing is stored or sent."""

    def __init__(self) -> None:
        great_expectations()
        self.results: list[dict[str, Any]] = []  # of each run, by the ids of expectations

    def run(self, columns: dict[str, list[str | None]], expectations: Iterable[Any]) -> list[Failure]:
        """Return what is not met by a frame of canonical texts.

        Most are met: a first pass only asks whether, which costs half; the row numbers are asked of the others.
        """
        import pandas as pd
        from great_expectations.execution_engine.pandas_batch_data import PandasBatchData
        from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine

        self.results.append({})
        engine = PandasExecutionEngine()
        frame = pd.DataFrame({name: pd.Series(texts, dtype="str") for name, texts in columns.items()})
        engine.load_batch_data("table", PandasBatchData(engine, frame))
        failed = self._unmet(engine, expectations, "BOOLEAN_ONLY")
        if failed:
            failed = self._unmet(engine, [expectation for expectation, _ in failed], "COMPLETE")
        return [_failure(result) for _, result in failed]

    def _unmet(self, engine: Any, expectations: Iterable[Any], detail: str) -> list[tuple[Any, Any]]:
        """Return expectation and result of what is not met."""
        from great_expectations.validator.validation_graph import ValidationGraph

        how = {"result_format": {"result_format": detail, "return_unexpected_index_query": False}}
        asked = list(expectations)
        graph = ValidationGraph(engine, [edge for expect in asked for edge in expect.edges(engine, how)])
        metrics, _ = graph.resolve(how | {"catch_exceptions": False}, show_progress_bars=False)
        judged = [(expect, expect.metrics_validate(metrics, dict(how), engine)) for expect in asked]
        # The second pass knows more of what the first found unmet.
        self.results[-1] |= {result.expectation_config.meta["id"]: result for _, result in judged}
        return [(expect, result) for expect, result in judged if not result.success]


@lru_cache(MOST_REMEMBERED)
def expect(kind: str, identifier: str, notes: str, **asked: Any) -> Any:
    """Return an expectation of one of the `EXPECTATIONS`, the same one where the same is asked again."""
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in asked.items()}
    meta = {"id": identifier, "severity": "critical", "notes": notes}
    return great_expectations()[kind](**listed, severity="critical", meta=meta)


def _remembering(base: Any) -> Any:
    """Return an expectation's class whose objects work out once what they are and what they ask of a frame.

    Great Expectations asks for both at each turn, some 80 times a sheet. A subclass of the same name is of the same
    type in results and Data Docs. It registers itself; whoever else uses Great Expectations keeps the original.
    """
    from great_expectations.compatibility.pydantic import PrivateAttr
    from great_expectations.expectations.registry import register_expectation

    def configuration(self: Any) -> Any:
        if self._configuration is None:
            self._configuration = base.configuration.fget(self)
        return self._configuration

    def get_validation_dependencies(self: Any, execution_engine: Any, runtime_configuration: Any) -> Any:
        detail = runtime_configuration["result_format"]["result_format"]
        if detail not in self._dependencies:
            self._dependencies[detail] = base.get_validation_dependencies(self, execution_engine, runtime_configuration)
        return self._dependencies[detail]

    def edges(self: Any, engine: Any, how: Any) -> Any:
        from great_expectations.validator.metrics_calculator import MetricsCalculator

        detail = how["result_format"]["result_format"]
        if detail not in self._edges:
            metrics = self.get_validation_dependencies(engine, how).get_metric_configurations()
            self._edges[detail] = MetricsCalculator(engine, False).build_metric_dependency_graph(metrics, how).edges
        return self._edges[detail]

    own = {
        "_configuration": PrivateAttr(None),
        "_dependencies": PrivateAttr(default_factory=dict),
        "_edges": PrivateAttr(default_factory=dict),
        "configuration": property(configuration),
        "get_validation_dependencies": get_validation_dependencies,
        "edges": edges,
    }
    registry = logging.getLogger("great_expectations.expectations.registry")
    registry.disabled = True  # it warns of each type that is declared anew
    try:
        return type(base)(base.__name__, (base,), {"__module__": __name__, "__annotations__": {}, **own})
    finally:
        register_expectation(base)
        registry.disabled = False


@cache
def great_expectations() -> dict[str, Any]:
    """Import what is used of Great Expectations: silent, without telemetry, threads and deprecation warnings.

    Return our classes of the `EXPECTATIONS`, by name.
    """
    from tqdm import tqdm

    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings(), lazily(PACKAGE), _without("sqlalchemy"):
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports sre_constants
        gx = import_module(PACKAGE)
        gx.__dict__["__version__"] = metadata.version(PACKAGE)  # its modules ask for it
        for name in ("expectations", "validator.validator", *(f"expectations.metrics.{name}" for name in _METRICS)):
            import_module(f"{PACKAGE}.{name}")
        kinds = {kind: _remembering(getattr(gx.expectations, kind)) for kind in EXPECTATIONS}
    tqdm.monitor_interval = 0  # a thread for bars that nobody sees, and that a fork would lose
    return kinds


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Let a package seem not to be installed, unless the process has it already: no sheet comes from a database."""
    unknown = package not in sys.modules
    if unknown:
        sys.modules[package] = None  # type: ignore[assignment]  # an import of it fails then
    try:
        yield
    finally:
        if unknown:
            del sys.modules[package]


def _failure(result: Any) -> Failure:
    missing = result.result.get("details", {}).get("mismatched", {}).get("missing", [])
    return Failure(result.expectation_config.meta["id"], result.result.get("unexpected_index_list") or [], missing)
