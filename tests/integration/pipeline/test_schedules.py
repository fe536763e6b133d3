"""A few random schedules of senders, runs, deaths and an ill world; a thousand are in tests/soak."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from baosong.campaign import Campaign
from baosong_local.stack.postgres import Postgres
from schedule import HOW, Schedule, scheduled


@pytest.fixture(scope="module", autouse=True)
def worlds(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory, campaign: Campaign) -> Iterator[None]:
    with scheduled(postgres, tmp_path_factory.mktemp("schedules"), campaign):
        yield


@pytest.mark.xdist_group("schedules")
@pytest.mark.timeout(600)
def test_any_schedule_adds_up() -> None:
    """The same ten each time: what fails here fails again."""
    run_state_machine_as_test(Schedule, settings=settings(HOW, max_examples=10, derandomize=True))
