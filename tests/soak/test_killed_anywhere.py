"""SIGKILL at every effect of a review, and of a report: the next run finishes it, and all adds up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from baosong.campaign import Campaign
from baosong.report.files import CHANGES, DOCUMENT, FIGURES, PAGE, WORKBOOK
from baosong_local.stack.postgres import Postgres
from clips import Clips
from deaths import (
    every_death_is_healed,
    every_late_file_is_put_right,
    everywhere,
    few,
    files_of,
    holds,
    prepared,
    reported,
    sent,
    sheet_of,
    write,
)
from faults import Seam, closed, seamed
from intake_run import piece
from worlds import CAMPAIGNS, Worlds, killing, own_store

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def worlds(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with own_store(postgres, tmp_path_factory.mktemp("killed")) as worlds:
        yield worlds


@pytest.mark.timeout(3600)
def test_a_review_killed_at_any_effect_is_finished_by_the_next(worlds: Worlds) -> None:
    with prepared(worlds, {"媒体报道/链接.txt": piece("一")}, few()) as origin:
        assert every_death_is_healed(worlds, origin, everywhere) > 80


@pytest.mark.timeout(3600)
def test_a_review_of_everything_killed_at_any_effect_is_finished_by_the_next(
    worlds: Worlds, campaign: Campaign, clips: Clips
) -> None:
    with prepared(worlds, *sent(campaign, clips)) as origin:
        print(every_death_is_healed(worlds, origin, everywhere), "deaths")


@pytest.mark.timeout(1800)
def test_a_report_killed_at_any_effect_is_written_by_the_next(worlds: Worlds) -> None:
    with reported(worlds) as origin:
        with worlds.world(like=origin) as world:
            seam = Seam()
            with closed(seamed(world.services.settings, CAMPAIGNS, seam)) as services:
                write(services)
            undisturbed = files_of(world)
        for number, name in enumerate(seam.effects):
            for phase in ("before", "after"):
                with worlds.world(like=origin) as world:
                    assert world.killed(killing(number, phase), write).killed
                    assert write(world.services)["version"] == 2, (number, name)
                    assert files_of(world) == undisturbed, (number, name)
                    holds(world, sheet_of(2))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("dies", [False, True])
def test_any_file_that_an_overtaken_writer_was_sending_is_put_right(worlds: Worlds, dies: bool) -> None:
    every_late_file_is_put_right(worlds, dict.fromkeys((WORKBOOK, DOCUMENT, PAGE, CHANGES, FIGURES), dies))
