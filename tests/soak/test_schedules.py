"""A thousand random schedules; .ci/run draws the same ones before each landing."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

from baosong.campaign import Campaign
from baosong_local.stack.postgres import Postgres
from schedule import HOW, Schedule, scheduled

SEED = int(os.environ.get("BAOSONG_SEED", random.SystemRandom().randrange(2**32)))
pytestmark = pytest.mark.soak


@pytest.fixture(scope="module", autouse=True)
def worlds(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory, campaign: Campaign) -> Iterator[None]:
    with scheduled(postgres, tmp_path_factory.mktemp("schedules"), campaign):
        yield


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("shard", range(4))
def test_a_thousand_schedules_add_up(shard: int) -> None:
    """Others each time; BAOSONG_SEED draws the same again."""
    print(f"BAOSONG_SEED={SEED}")
    run_state_machine_as_test(
        seed(SEED + shard)(type(f"Shard{shard}", (Schedule,), {})), settings=settings(HOW, max_examples=250)
    )
