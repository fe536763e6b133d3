"""SIGKILL between the effects of a review: the next run finishes it, and all adds up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from baosong_local.stack.postgres import Postgres
from deaths import (
    every_death_is_healed,
    few,
    once_a_kind,
    prepared,
)
from intake_run import piece
from worlds import Worlds, own_store

pytestmark = pytest.mark.xdist_group("killed")


@pytest.fixture(scope="module")
def worlds(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with own_store(postgres, tmp_path_factory.mktemp("killed")) as worlds:
        yield worlds


@pytest.mark.timeout(1200)
def test_a_review_killed_at_an_effect_of_any_kind_is_finished_by_the_next(worlds: Worlds) -> None:
    """At any effect whatever: tests/soak, before each landing."""
    with prepared(worlds, {"媒体报道/链接.txt": piece("一")}, few()) as origin:
        assert every_death_is_healed(worlds, origin, once_a_kind) > 12
