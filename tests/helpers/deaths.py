"""Reviews and reports that are killed or overtaken at an effect, and what must hold afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.report import edition_copies
from baosong.report.editions import write_report
from baosong_local.samples.documents import make_report
from baosong_local.samples.media import make_photo
from baosong_local.samples.sheets import make_sheet, wrong_total
from clips import Clips
from faults import Seam, closed, cut_connections, kill, seamed
from intake_run import AREA, CODE, piece, run
from package_help import packed
from recount import read_shortly
from worlds import CAMPAIGNS, World, Worlds, killing

HELD = piece("密")
ASTRAY = piece("无主")


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


Deaths = Callable[[list[str]], list[tuple[int, str]]]


def everywhere(effects: list[str]) -> list[tuple[int, str]]:
    """Choose a death after each effect, and before each commit."""
    deaths = [(n, "after") for n in range(len(effects))]
    return deaths + [(n, "before") for n, name in enumerate(effects) if n == 0 or name.startswith("ledger")]


def once_a_kind(effects: list[str]) -> list[tuple[int, str]]:
    """Choose a death after the first effect of each kind: of a transaction, or of what is written or removed where."""
    first: dict[tuple[str, str], int] = {}
    for number, name in enumerate(effects):
        first.setdefault((name.partition("/")[0], "_journal" if "/_journal/" in name else Path(name).suffix), number)
    return [(0, "before"), *((number, "after") for number in first.values())]


def every_death_is_healed(worlds: Worlds, origin: World, where: Deaths) -> int:
    """Kill a review at the chosen ones of its effects; return how often."""
    with worlds.world(like=origin) as world:
        effects = world.review().effects
        world.quieten()
    deaths = where(effects)
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


def overtaking(world: World) -> Callable[[], None]:
    """Return what happens to a writer that loses its claim: a sheet is replaced, and another one writes the report."""

    def overtake() -> None:
        cut_connections(world.services.ledger)
        world.drop(f"{AREA}/统计表/统计表.xlsx", sheet_of(3))
        run(world.services)
        write(world.services)

    return overtake


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
