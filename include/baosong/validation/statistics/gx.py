"""Great Expectations, as far as sheets need it: five expectations, their metrics, and its validator on a frame.

Its validator judges in its own pandas engine. No data context stands behind it: that would import every data source,
and what it keeps, stores and sends is what nobody wants of a sheet.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from types import ModuleType, SimpleNamespace
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
_WITHOUT_BARS: Any = SimpleNamespace(progress_bars={"globally": False})  # all that it asks of a data context


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met: its id, the indexes of the rows at fault, and the columns that are missing."""

    id: str
    rows: list[int]
    missing: list[str]


class Validator:
    """Runs expectations on the tables of one sheet; nothing is stored or sent."""

    def __init__(self) -> None:
        self.gx = great_expectations()
        self.results: list[dict[str, Any]] = []  # of each run, by the ids of expectations

    def run(self, columns: dict[str, list[str | None]], expectations: Iterable[Any]) -> list[Failure]:
        """Return what is not met by a frame of canonical texts.

        Most are met: a first pass only asks whether, which costs half; the row numbers are asked of the others.
        """
        import pandas as pd

        self.results.append({})
        frame = pd.DataFrame({name: pd.Series(texts, dtype="str") for name, texts in columns.items()})
        on_frame = _validator(frame)
        failed = self._unmet(on_frame, {e.meta["id"]: e for e in expectations}, "BOOLEAN_ONLY")
        if failed:
            failed = self._unmet(
                on_frame, {identifier: expect for identifier, (expect, _) in failed.items()}, "COMPLETE"
            )
        return [_failure(result) for _, result in failed.values()]

    def _unmet(self, on_frame: Any, expectations: dict[str, Any], detail: str) -> dict[str, tuple[Any, Any]]:
        """Return expectation and result of what is not met, by id."""
        asked = [expectation.configuration for expectation in expectations.values()]
        how = {"result_format": {"result_format": detail, "return_unexpected_index_query": False}}
        judged = on_frame.graph_validate(on_frame.process_expectations_for_validation(asked), how)
        results = {r.expectation_config.meta["id"]: r for r in judged}
        self.results[-1] |= results  # the second pass knows more of what the first found unmet
        return {identifier: (expectations[identifier], r) for identifier, r in results.items() if not r.success}


def _validator(frame: Any) -> Any:
    """Return Great Expectations' own validator of a frame, which alone keeps it."""
    from great_expectations.execution_engine.pandas_batch_data import PandasBatchData
    from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
    from great_expectations.validator.validator import Validator as OnBatches

    engine = PandasExecutionEngine()
    engine.load_batch_data("table", PandasBatchData(engine, frame))
    return OnBatches(engine, data_context=_WITHOUT_BARS)


@cache
def great_expectations() -> ModuleType:
    """Import what is used of Great Expectations: silent, without telemetry, threads and deprecation warnings."""
    from tqdm import tqdm

    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings(), lazily(PACKAGE), _without("sqlalchemy"):
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports sre_constants
        gx = import_module(PACKAGE)
        gx.__dict__["__version__"] = metadata.version(PACKAGE)  # its modules ask for it
        for name in ("expectations", "validator.validator", *(f"expectations.metrics.{name}" for name in _METRICS)):
            import_module(f"{PACKAGE}.{name}")
        _remember_configurations(gx.expectations)
    tqdm.monitor_interval = 0  # a thread for bars that nobody sees, and that a fork would lose
    return gx


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


def _remember_configurations(expectations: ModuleType) -> None:
    """Let an expectation make its configuration once: Great Expectations asks some 80 times, a third of a sheet's cost.

    A subclass of the same name is of the same type in results and Data Docs, and takes the place of the original.
    """
    from great_expectations.compatibility.pydantic import PrivateAttr

    def remembering(base: Any) -> Any:
        def configuration(self: Any) -> Any:
            if self._configuration is None:
                self._configuration = base.configuration.fget(self)
            return self._configuration

        own = {"_configuration": PrivateAttr(None), "configuration": property(configuration)}
        return type(base)(base.__name__, (base,), {"__module__": __name__, "__annotations__": {}, **own})

    registry = logging.getLogger("great_expectations.expectations.registry")
    registry.disabled = True  # it warns of each type that is declared anew
    for name in EXPECTATIONS:
        setattr(expectations, name, remembering(getattr(expectations, name)))
    registry.disabled = False


def _failure(result: Any) -> Failure:
    config = result.expectation_config
    if result.exception_info.get("raised_exception"):
        raise RuntimeError(f"{config.meta['id']}: {result.exception_info['exception_message']}")
    missing = result.result.get("details", {}).get("mismatched", {}).get("missing", [])
    return Failure(config.meta["id"], result.result.get("unexpected_index_list") or [], missing)
