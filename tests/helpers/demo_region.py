"""The demonstration's own 14 prefectures on a real store and ledger, walked through the review without Airflow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from baosong.campaign import Campaign, Campaigns
from baosong.ledger.services import Services
from baosong.report.editions import write_report
from baosong.rules.findings import Kind, Verdict
from baosong_local.demo.plan import Drop, make_plan
from baosong_local.samples.sheets import make_sheet
from intake_run import run
from recount import Region, read_sheet

ID = "walk"
HERE = ZoneInfo("Asia/Shanghai")
INTERIM, FINAL, AGAIN = (datetime(2023, 6, day, 9, 5, tzinfo=HERE) for day in (10, 16, 17))
DEADLINE = datetime(2099, 12, 31, tzinfo=HERE)
LATE = ("6531", "6543")  # their corrections come after the deadline
CORRECTED = "6505"  # sends its sheet once more, after the report


@dataclass(frozen=True)
class Post:
    """The drops in their order, each with whether it came late: who sent what, counted by hand."""

    sent: tuple[tuple[Drop, bool], ...]

    def taken(self, code: str, kind: Kind) -> list[tuple[Drop, bool]]:
        good = [(d, late) for d, late in self.sent if d.expected is Verdict.ACCEPTED]
        return [(d, late) for d, late in good if (d.code, d.kind) == (code, kind)]

    def counted(self, code: str, kind: Kind) -> list[Drop]:
        """Return the files that count: of a report and a sheet the last one, of all else the last of each name."""
        single = kind in (Kind.REPORT, Kind.STATISTICS)
        return list({"" if single else d.path.name: d for d, _ in self.taken(code, kind)}.values())

    def complete(self, code: str) -> bool:
        return all(self.taken(code, kind) for kind in Kind)

    def on_time(self, code: str) -> bool:
        return all(any(not late for _, late in self.taken(code, kind)) for kind in Kind)

    def rejected(self, code: str) -> int:
        return sum(d.code == code and d.expected is Verdict.REJECTED for d, _ in self.sent)

    def replaced(self, code: str) -> int:
        return sum(len(self.taken(code, kind)) - len(self.counted(code, kind)) for kind in Kind)

    def late(self, code: str) -> int:
        return sum(d.code == code and late for d, late in self.sent)


@dataclass
class Walk:
    """What was dropped, in its order, and where the editions were written."""

    services: Services
    campaign: Campaign
    sent: list[tuple[Drop, bool]] = field(default_factory=list)  # and whether it came late
    until: dict[str, int] = field(default_factory=dict)  # edition -> how many drops had come by then
    prefixes: dict[str, str] = field(default_factory=dict)

    def drop(self, drops: list[Drop], *, late: bool = False) -> None:
        for drop in drops:
            area = f"{ID}/{self.campaign.prefecture(drop.code).folder}"
            key = "/".join(part for part in (area, drop.folder, drop.path.name) if part)
            self.services.storage.put_file("intake", key, drop.path)
        run(_after_the_deadline(self.services) if late else self.services)
        self.sent += [(drop, late) for drop in drops]

    def post(self, name: str) -> Post:
        """Return what had come when an edition was written."""
        return Post(tuple(self.sent[: self.until[name]]))

    def region(self, name: str) -> Region:
        """Return the region as it stood when an edition was written, from the sheets as they were dropped."""
        sheets = {code: d for code in self.places for d in self.post(name).counted(code, Kind.STATISTICS)}
        return Region(self.places, {code: read_sheet(d.path.read_bytes()) for code, d in sheets.items()})

    @property
    def places(self) -> dict[str, str]:
        return {p.code: p.name for p in self.campaign.prefectures}

    def write(self, name: str, edition: str, at: datetime) -> None:
        self.until[name] = len(self.sent)
        self.prefixes[name] = write_report(self.services, ID, edition, at)["prefix"]  # type: ignore[arg-type]


def walk_demo(services: Services, folder: Path) -> Walk:
    """Drop the demonstration's files, wrong ones and corrections; write an interim edition, v1, and v2."""
    services = _opened(services, folder / "campaigns", f"{DEADLINE:%Y-%m-%d} 24:00")
    walk = Walk(services, services.campaigns.get(ID))
    plan = make_plan(walk.campaign, folder / "demo", small=True, advance=lambda: None)
    walk.drop(plan.first)
    walk.write("interim", "interim", INTERIM)
    walk.drop([d for d in plan.corrections if d.code not in LATE])
    walk.drop([d for d in plan.corrections if d.code in LATE], late=True)
    walk.write("v1", "final", FINAL)
    walk.drop([_corrected(walk, folder)], late=True)
    walk.write("v2", "final", AGAIN)
    return walk


def _opened(services: Services, folder: Path, deadline: str) -> Services:
    folder.mkdir(exist_ok=True)
    (folder / f"{ID}.yaml").write_text(f'extends: "2023"\nid: {ID}\ndeadline: {deadline}\n', encoding="utf-8")
    dirs = [services.settings.campaign_dirs[0], folder]
    return replace(services, settings=replace(services.settings, campaign_dirs=dirs), campaigns=Campaigns(dirs))


def _after_the_deadline(services: Services) -> Services:
    """Return the services as it is once the deadline has passed: no test waits for that."""
    return _opened(services, services.settings.campaign_dirs[-1].with_name("later"), "2023-06-15 24:00")


def _corrected(walk: Walk, folder: Path) -> Drop:
    """Return a sheet with other figures that makes 哈密 equal to 阿勒泰 in the number of activities."""
    alike = make_sheet(walk.campaign, walk.campaign.prefecture("6543"), seed=13, photos=1)
    prefecture = walk.campaign.prefecture(CORRECTED)
    sheet = make_sheet(walk.campaign, prefecture, seed=77, activities=alike.activities, photos=1)
    path = folder / sheet.name
    path.write_bytes(sheet.content)
    return Drop(CORRECTED, Kind.STATISTICS, walk.campaign.deliverable(Kind.STATISTICS).folder, path, Verdict.ACCEPTED)
