"""What each prefecture drops in the demonstration: good files, some wrong ones, and their corrections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from baosong.campaign import Campaign, Prefecture
from baosong.rules.findings import Kind, Verdict
from baosong_local.samples import documents, media, sheets

Advance = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Drop:
    """One file as one prefecture drops it; `folder` empty means that the clerk forgot the folder."""

    code: str
    kind: Kind
    folder: str
    path: Path
    expected: Verdict = Verdict.ACCEPTED


@dataclass(slots=True)
class Plan:
    """All drops of the demonstration, and the totals that the report must show in the end."""

    first: list[Drop] = field(default_factory=list)
    corrections: list[Drop] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    activities: int = 0

    def wrong(self) -> list[Drop]:
        """Return the drops that must be sent back."""
        return [d for d in self.first if d.expected is not Verdict.ACCEPTED]


def make_plan(campaign: Campaign, folder: Path, *, small: bool, advance: Advance) -> Plan:
    """Write every file of the demonstration under `folder` and return who drops what.

    `advance` is called once a prefecture, and once for the clips that all of them are cut from.
    """
    clips = _base_clips(folder)
    advance()
    plan = Plan()
    for number, prefecture in enumerate(campaign.prefectures):
        _prefecture(plan, campaign, prefecture, number, folder / prefecture.code, clips, small)
        advance()
    return plan


def _base_clips(folder: Path) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as two:
        made = {
            "50i.mov": two.submit(media.make_clip, folder / "50i.mov", scan="interlaced", seed=1),
            "25p.mov": two.submit(media.make_clip, folder / "25p.mov", scan="progressive", seed=2),
            "50i.mpg": two.submit(media.make_clip, folder / "50i.mpg", container="mpg", seed=3),
            "phone.mov": two.submit(media.make_phone_clip, folder / "phone.mov"),
        }
        for clip in made.values():
            clip.result()
    return {name: folder / name for name in made}


def _prefecture(
    plan: Plan,
    campaign: Campaign,
    prefecture: Prefecture,
    number: int,
    folder: Path,
    clips: dict[str, Path],
    small: bool,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sheet = sheets.make_sheet(campaign, prefecture, seed=number, photos=1 if small else 4)
    for code, (total, *_) in sheet.indicators.items():
        plan.totals[code] += Decimal(total or 0)  # type: ignore[assignment]  # a Counter adds Decimals as well as ints
    plan.activities += sheet.activities
    good = list(_good(campaign, prefecture, number, folder, sheet, clips, small))
    wrong = _wrong(campaign, prefecture, folder, sheet, clips)
    for drop in good:
        if wrong and drop.kind is wrong.kind:
            plan.first.append(wrong)
            plan.corrections.append(drop)
        else:
            plan.first.append(drop)


def _good(
    campaign: Campaign,
    prefecture: Prefecture,
    number: int,
    folder: Path,
    sheet: sheets.SheetSample,
    clips: dict[str, Path],
    small: bool,
) -> Iterator[Drop]:
    year = campaign.window.start.year

    def drop(kind: Kind, name: str, content: bytes) -> Drop:
        path = folder / name
        path.write_bytes(content)
        # 克拉玛依 forgets the folder of its report, as people do; content and name tell where it belongs.
        forgotten = prefecture.code == "6502" and kind is Kind.REPORT
        return Drop(prefecture.code, kind, "" if forgotten else campaign.deliverable(kind).folder, path)

    yield drop(
        Kind.REPORT,
        f"{prefecture.name}{year}年科技活动周总结报告.docx",
        documents.make_report(campaign, prefecture, seed=number),
    )
    for index in range(1 if small else 4):
        photo = media.make_photo(seed=number * 10 + index, prefecture_name=prefecture.name)
        yield drop(Kind.PHOTO, f"活动照片{index + 1}.jpg", photo)
    for index in range(1 if small else 2):
        press = documents.make_press(campaign, prefecture, seed=number * 10 + index)
        yield drop(Kind.PRESS, f"媒体报道{index + 1}.docx", press)
    base = clips[("50i.mov", "25p.mov", "50i.mpg")[number % 3]]
    clip = _own_copy(base, folder / f"{prefecture.name}启动仪式{base.suffix}", number)
    yield Drop(prefecture.code, Kind.VIDEO, campaign.deliverable(Kind.VIDEO).folder, clip)
    yield drop(Kind.STATISTICS, sheet.name, sheet.content)  # last: it says how many photos and videos there are


def _own_copy(base: Path, to: Path, number: int) -> Path:
    """Wrap a clip's streams anew, so that no two prefectures send the same bytes and nothing is encoded again."""
    if base.suffix == ".mpg":
        return media.rewrap(base, to, "-f", "vob", "-muxrate", "60000000", "-output_ts_offset", str(number))
    return media.rewrap(base, to, "-map", "0", "-metadata", f"comment={number}")


def _wrong(
    campaign: Campaign, prefecture: Prefecture, folder: Path, sheet: sheets.SheetSample, clips: dict[str, Path]
) -> Drop | None:
    """Return the wrong file that some prefectures drop first; it bears the name of its later correction."""
    other = next(p for p in campaign.prefectures if p.code != prefecture.code)
    makers: dict[str, tuple[Kind, str, Callable[[], bytes]]] = {
        "6504": (Kind.STATISTICS, sheet.name, lambda: sheets.wrong_total(sheet)),
        "6523": (Kind.VIDEO, "手机拍摄.mov", lambda: clips["phone.mov"].read_bytes()),
        "6529": (Kind.STATISTICS, sheet.name, lambda: documents.lock(sheet.content)),
        "6531": (Kind.STATISTICS, sheet.name, lambda: sheets.make_sheet(campaign, other, seed=99).content),
        "6540": (Kind.REPORT, "总结报告.docx", lambda: b""),
        "6543": (Kind.STATISTICS, sheet.name, lambda: sheets.broken(sheet)),
    }
    if prefecture.code not in makers:
        return None
    kind, name, make = makers[prefecture.code]
    path = folder / "第一次" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(make())
    return Drop(prefecture.code, kind, campaign.deliverable(kind).folder, path, Verdict.REJECTED)
