"""A report whose writer dies or is overtaken: what is published is whole, and the ledger's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from baosong.preservation import fixity
from baosong.report.editions import write_report
from baosong.report.files import DOCUMENT, FIGURES, PAGE
from baosong_local.stack.postgres import Postgres
from deaths import (
    NOW,
    every_late_file_is_put_right,
    holds,
    overtaking,
    reported,
    sheet_of,
    write,
)
from faults import Seam, closed, kill, seamed
from intake_run import AREA, run
from preservation_help import verified
from worlds import CAMPAIGNS, Worlds, killing, own_store

pytestmark = pytest.mark.xdist_group("killed")


@pytest.fixture(scope="module")
def worlds(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with own_store(postgres, tmp_path_factory.mktemp("killed")) as worlds:
        yield worlds


def test_a_report_that_died_over_the_one_of_the_day_is_noticed(worlds: Worlds) -> None:
    """The inputs are as before again, and yet the folder holds the beginnings of another report."""
    with reported(worlds) as world:
        assert world.killed(killing(4, "after"), write).killed
        world.drop(f"{AREA}/统计表/统计表.xlsx", sheet_of(1))
        world.quieten()
        write(world.services)
        holds(world, sheet_of(1))


@pytest.mark.parametrize("moment", [10, 25])
def test_a_writer_that_lost_its_claim_does_not_write_over_the_next_one(worlds: Worlds, moment: int) -> None:
    with reported(worlds) as world:
        seam = Seam(at_moment={moment: overtaking(world)})
        with closed(seamed(world.services.settings, CAMPAIGNS, seam)) as services:
            write(services)
        holds(world, sheet_of(3))
        assert not seam.at_moment, seam.moments


def test_a_file_that_an_overtaken_writer_was_sending_is_put_right(worlds: Worlds) -> None:
    """Itself it notices; if it dies there, the next run does."""
    every_late_file_is_put_right(worlds, {DOCUMENT: True, FIGURES: False})


def test_a_late_file_in_a_folder_that_no_run_looks_at_any_more_is_found_and_mended(worlds: Worlds) -> None:
    """Its writer was overtaken, the next one wrote this day's report, another the following day's; then it arrived."""
    with reported(worlds) as world:
        overtaken = overtaking(world)

        def overtake_twice() -> None:
            overtaken()
            world.drop(f"{AREA}/统计表/统计表.xlsx", sheet_of(2))
            run(world.services)
            write_report(world.services, "2023", "interim", NOW + timedelta(days=1))

        seam = Seam()
        seam.at("写入", PAGE, "before", overtake_twice)
        seam.at("写入", PAGE, "after", kill)
        assert world.killed(seam, write).killed
        assert not write_report(world.services, "2023", "interim", NOW + timedelta(days=1))["new"]
        late = f"2023/interim/2023-06-01/{PAGE}"
        assert set(verified(world.services).faults) == {f"reports/{late}"}
        assert fixity.repair_reports(world.services, "2023") == [late]
        assert verified(world.services).faults == {}
