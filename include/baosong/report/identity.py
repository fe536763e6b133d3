"""The identity of an edition: a digest of all that its renderers are given, so that nothing is forgotten."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic_core import to_jsonable_python

from baosong.report.consolidation import Activities, RegionFigures

if TYPE_CHECKING:
    from baosong.report.year_over_year import Comparison

# What the campaign file says to the pipeline alone. `previous` stands here because of last year nothing is printed but
# the comparison, which is digested for itself: a year without figures changes no edition.
_OPERATIONAL = {"previous", "archive", "quarantine", "intake", "contacts", "operators", "reminders"}
_NO_TIME = datetime.min.replace(tzinfo=UTC)


def inputs_sha(figures: RegionFigures, last_year: Comparison | None, templates: tuple[bytes, ...]) -> str:
    """Return a sha256 that changes with any input of an edition, and not with the time of its writing."""
    campaign = figures.campaign.rules_version, figures.campaign.model_dump(mode="json", exclude=_OPERATIONAL)
    plain = to_jsonable_python(
        (replace(figures, as_of=_NO_TIME), last_year, templates),
        exclude={0: {"campaign"}},
        bytes_mode="hex",
        fallback=_sheets,
    )
    return hashlib.sha256(json.dumps([campaign, plain], sort_keys=True).encode()).hexdigest()


def _sheets(value: object) -> tuple[int, ...]:
    if isinstance(value, Activities):
        return value.sheets
    raise TypeError(f"an input of the report that has no identity: {type(value)}")
