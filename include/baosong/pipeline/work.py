"""A piece of work: what a task handles from check to reply, as operators see it in its name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.ledger.work_queue import QUICK, Claimed, Lane
from baosong.rules.words import ellipsize, size_text

Work = dict[str, Any]
"""`{"campaign", "prefecture", "name", "ids", "lane"}`: whose files, what operators see, which files, and how they go.

Campaign and prefecture are empty for files that belong to nobody.
"""

_NOBODY = "不属于任何地州市"
_UNSORTED = "待归类"
_BATCH = 100  # small files of the large lane that one task takes: a task costs more than a small file


def claimed(services: Services, campaigns: Mapping[str, Campaign], lane: Lane, run: str) -> list[Work]:
    """Claim what nobody is at in a lane and return it as pieces of work.

    Files of a campaign whose file is wrong are left unclaimed, for the run after its correction.
    """
    files = services.ledger.claim(lane, run)
    usable = [f for f in files if not f.campaign or _name_of(campaigns.get(f.campaign), f.prefecture)]
    if left := {f.id for f in files} - {f.id for f in usable}:
        services.ledger.release(left)
    pieces = _of_each_prefecture(usable) if lane == "quick" else _in_turn(usable)
    return [_work(piece, campaigns.get(piece[0].campaign), lane) for piece in pieces]


def _work(files: Sequence[Claimed], campaign: Campaign | None, lane: Lane) -> Work:
    first = files[0]
    name = f"{_name_of(campaign, first.prefecture) or _NOBODY}：{_what(files, campaign)}"
    owner = {"campaign": first.campaign, "prefecture": first.prefecture}
    return {**owner, "name": name, "ids": [f.id for f in files], "lane": lane}


def _what(files: Sequence[Claimed], campaign: Campaign | None) -> str:
    if len(files) == 1:
        return f"{ellipsize(files[0].name, 30)}（{size_text(files[0].size)}）"
    names = {d.kind.value: d.name for d in campaign.deliverables} if campaign else {}
    counted = Counter(names.get(f.kind or "", _UNSORTED) for f in files)
    return "、".join(f"{name} {count}" for name, count in counted.items())


def _name_of(campaign: Campaign | None, code: str) -> str | None:
    return next((p.name for p in campaign.prefectures if p.code == code), None) if campaign else None


def _of_each_prefecture(files: Sequence[Claimed]) -> Iterator[list[Claimed]]:
    owners: dict[tuple[str, str], list[Claimed]] = defaultdict(list)
    for file in files:
        owners[file.campaign, file.prefecture].append(file)
    yield from owners.values()


def _in_turn(files: Sequence[Claimed]) -> list[list[Claimed]]:
    """Return each large file, and the small ones in batches, so that each prefecture has its turn."""
    turns: list[tuple[int, int, list[Claimed]]] = []
    for owner, theirs in enumerate(_of_each_prefecture(files)):
        small = [f for f in theirs if f.size < QUICK.size]
        batches = [small[n : n + _BATCH] for n in range(0, len(small), _BATCH)]
        pieces = [*batches, *([f] for f in theirs if f.size >= QUICK.size)]
        turns += [(turn, owner, piece) for turn, piece in enumerate(pieces)]
    return [piece for _, _, piece in sorted(turns, key=lambda t: t[:2])]
