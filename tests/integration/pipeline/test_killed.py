"""SIGKILL between any two effects of a review, and of a report: the next run finishes it, and all adds up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.preservation import fixity
from baosong.report import edition_copies
from baosong.report.editions import write_report
from baosong.report.files import CHANGES, DOCUMENT, FIGURES, PAGE, WORKBOOK
from baosong_local.samples.documents import make_report
from baosong_local.samples.media import make_photo
from baosong_local.samples.sheets import make_sheet, wrong_total
from baosong_local.stack.postgres import Postgres
from clips import Clips
from faults import Seam, closed, cut_connections, kill, seamed
from intake_run import AREA, CODE, piece, run
from package_help import packed
from preservation_help import verified
from recount import read_shortly
from servers import Store
from worlds import CAMPAIGNS, World, Worlds, installed, killing

pytestmark = pytest.mark.xdist_group("killed")

HELD = piece("密")
ASTRAY = piece("无主")


@pytest.fixture(scope="module")
def worlds(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    store = Store(tmp_path_factory.mktemp("killed"))
    with pytest.MonkeyPatch.context() as patch:
        installed(patch)
        yield Worlds(store, postgres, tmp_path_factory.mktemp("copies"), "killed")
    store.stop()


def sent(campaign: Campaign, clips: Clips) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return what came before, and what then lies in the intake, by key: some of everything that can happen."""
    home = campaign.prefecture(CODE)
    sheets = [make_sheet(campaign, home, seed, 3) for seed in (1, 2)]
    photos = [make_photo(seed, home.name, (1024, 768)) for seed in (1, 2)]
    before = {
        "媒体报道/链接.txt": piece("一"),
        "统计表/统计表.xlsx": sheets[0].content,
        "总结报告/总结.docx": make_report(campaign, home, 1),
        "照片/甲.jpg": photos[0],
    }
    bundle = {
        "媒体报道/一.txt": piece("包一"),
        "媒体报道/空.txt": b"",
        "媒体报道/重.txt": piece("一"),
        "说明.bin": b"\0\1",
    }
    now = {
        "媒体报道/链接.txt": piece("二"),  # replaces
        "媒体报道/机密★.txt": HELD,
        "媒体报道/空.txt": b"",
        "统计表/统计表.xlsx": sheets[1].content,  # replaces
        "统计表/错.xlsx": wrong_total(sheets[1]),
        "总结报告/终稿.docx": make_report(campaign, home, 2),  # replaces, under another name
        "照片/乙.jpg": photos[0],  # the same again
        "照片/丙.jpg": photos[1],
        "视频/启动.mov": clips.data("50i.mov"),
        "什么": b"\0\1\2",
        "材料.zip": packed(bundle),
    }
    return before, now


def astray() -> dict[str, bytes]:
    return {"无主.txt": ASTRAY, "2023/9999-火星市/媒体报道/a.txt": piece("火星")}


def few() -> dict[str, bytes]:
    """Return some cheap files: one to accept, one twice, one to reject, one to hold, and two in a zip."""
    bundle = packed({"媒体报道/一.txt": piece("包一"), "媒体报道/空.txt": b""})
    loose = {"链接.txt": piece("二"), "又.txt": piece("二"), "空.txt": b"", "机密★.txt": HELD}
    return {**{f"媒体报道/{name}": data for name, data in loose.items()}, "材料.zip": bundle}


@contextmanager
def prepared(worlds: Worlds, before: dict[str, bytes], now: dict[str, bytes]) -> Iterator[World]:
    """Give a world in which what came before is reviewed, and the rest lies in the intake."""
    placed = [{f"{AREA}/{name}": data for name, data in files.items()} for files in (before, now)]
    placed[1] |= astray()
    worlds.learn([*placed[0].items(), *placed[1].items()])
    with worlds.world() as world:
        _send(world, *placed)
        yield world


def _send(world: World, before: dict[str, bytes], now: dict[str, bytes]) -> None:
    for key, data in before.items():
        world.drop(key, data)
    world.quieten()
    for key, data in now.items():
        world.drop(key, data)
    world.services.storage.put("intake", f"{AREA}/照片/.DS_Store", b"debris")


def every_death_is_healed(worlds: Worlds, origin: World) -> int:
    """Kill a review after each of its effects, and before each commit; return how often."""
    with worlds.world(like=origin) as world:
        effects = world.review().effects
        world.quieten()
    deaths = [(n, "after") for n in range(len(effects))]
    deaths += [(n, "before") for n, name in enumerate(effects) if n == 0 or name.startswith("ledger")]
    for number, phase in deaths:
        told = f"killed {phase} effect {number}, {effects[number]}"
        with worlds.world(like=origin) as world:
            assert world.killed(killing(number, phase)).killed, told
            try:
                world.audit.at_any_time(world.drops)
                world.quieten()
            except Exception as wrong:
                wrong.add_note(told)
                raise
    return len(deaths)


@pytest.mark.timeout(1200)
def test_a_review_killed_at_any_effect_is_finished_by_the_next(worlds: Worlds) -> None:
    with prepared(worlds, {"媒体报道/链接.txt": piece("一")}, few()) as origin:
        assert every_death_is_healed(worlds, origin) > 80


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_review_of_everything_killed_at_any_effect_is_finished_by_the_next(
    worlds: Worlds, campaign: Campaign, clips: Clips
) -> None:
    with prepared(worlds, *sent(campaign, clips)) as origin:
        print(every_death_is_healed(worlds, origin), "deaths")


# --- reports

NOW = datetime(2023, 6, 1, 8, 0, tzinfo=UTC)


@cache
def sheet_of(seed: int) -> bytes:
    campaign = CAMPAIGNS.get("2023")
    return make_sheet(campaign, campaign.prefecture(CODE), seed, 3).content


@contextmanager
def reported(worlds: Worlds) -> Iterator[World]:
    """Give a world whose report of the day is out, and then a sheet was replaced."""
    key = f"{AREA}/统计表/统计表.xlsx"
    worlds.learn([(key, sheet_of(seed)) for seed in (1, 2, 3)])
    with worlds.world() as world:
        world.drop(key, sheet_of(1))
        world.quieten()
        write(world.services)
        world.drop(key, sheet_of(2))
        world.quieten()
        yield world


def write(services: Services) -> dict[str, Any]:
    return write_report(services, "2023", "interim", NOW)


def files_of(world: World) -> dict[str, str]:
    return {key: sha for key, sha in world.audit.bytes.of("reports").items() if "/interim/" in key}


def holds(world: World, content: bytes) -> None:
    """Hold that the report of the day is the ledger's last edition, and states the figures of this sheet."""
    last = world.services.ledger.editions("2023")[-1]
    there = json.loads(world.services.storage.read("reports", f"{last.prefix}figures.json"))
    assert there == last.figures
    read = read_shortly(content).values
    stated = {code: Decimal(text) for code, text in there["totals"].items() if text is not None}
    assert stated == {code: read[code][0] for code in stated}


@pytest.mark.soak
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


def test_a_report_that_died_over_the_one_of_the_day_is_noticed(worlds: Worlds) -> None:
    """The inputs are as before again, and yet the folder holds the beginnings of another report."""
    with reported(worlds) as world:
        assert world.killed(killing(4, "after"), write).killed
        world.drop(f"{AREA}/统计表/统计表.xlsx", sheet_of(1))
        world.quieten()
        write(world.services)
        holds(world, sheet_of(1))


def overtaking(world: World) -> Callable[[], None]:
    """Return what happens to a writer that loses its claim: a sheet is replaced, and another one writes the report."""

    def overtake() -> None:
        cut_connections(world.services.ledger)
        world.drop(f"{AREA}/统计表/统计表.xlsx", sheet_of(3))
        run(world.services)
        write(world.services)

    return overtake


@pytest.mark.parametrize("moment", [10, 25])
def test_a_writer_that_lost_its_claim_does_not_write_over_the_next_one(worlds: Worlds, moment: int) -> None:
    with reported(worlds) as world:
        seam = Seam(at_moment={moment: overtaking(world)})
        with closed(seamed(world.services.settings, CAMPAIGNS, seam)) as services:
            write(services)
        holds(world, sheet_of(3))
        assert not seam.at_moment, seam.moments


def others_files(world: World) -> list[str]:
    return edition_copies.mismatched(world.services.storage, world.services.ledger.editions("2023")[-1])


def every_late_file_is_put_right(worlds: Worlds, late: dict[str, bool]) -> None:
    """Let a file be under way while another one records the edition; its sender may die as soon as it is there."""
    with reported(worlds) as origin:
        for name, dies in late.items():
            with worlds.world(like=origin) as world:
                seam = Seam()
                seam.at("写入", name, "before", overtaking(world))
                if dies:
                    seam.at("写入", name, "after", kill)
                    assert world.killed(seam, write).killed
                    assert others_files(world) == [name]
                    assert not write(world.services)["new"]
                else:
                    with closed(seamed(world.services.settings, CAMPAIGNS, seam)) as services:
                        assert write(services)["version"] == 2
                    assert not seam.named
                assert others_files(world) == []
                holds(world, sheet_of(3))


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


@pytest.mark.soak
@pytest.mark.parametrize("dies", [False, True])
def test_any_file_that_an_overtaken_writer_was_sending_is_put_right(worlds: Worlds, dies: bool) -> None:
    every_late_file_is_put_right(worlds, dict.fromkeys((WORKBOOK, DOCUMENT, PAGE, CHANGES, FIGURES), dies))
