"""The embedded store's intake, swept and bounded on the disk: through S3 the same would stall it.

rclone walks an area anew for each page of a listing, and all folders of a deep key for each request. So what nobody
means to send goes, what lies too deep is brought up to where it is seen and answered, and whoever has more lying there
than the campaign allows may put nothing more until it was worked off.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from baosong.campaign import Campaign, CampaignError, Campaigns, Prefecture
from baosong.store.keys import LEFTOVER_AGE, MAX_DEPTH, MAX_LEFTOVERS, TOO_DEEP, is_ignored
from baosong_local.stack import file_modes
from baosong_local.stack.objectstore import Area, ObjectStore, is_ours

Report = Callable[[str, str, bool, int, int], object]

_LOG = logging.getLogger(__name__)
MAX_FOLDERS = 200  # of an area; where there are more the empty ones go however young they are
QUIET = 60.0  # seconds without a write, after which what lies too deep is no upload that goes on
EVERY = 1.0
SHARE = 50  # times as long as a sweep took the next one waits


@dataclass(slots=True)
class Contents:
    """What lies in an area: files and bytes, uploads that go on among them; and what was done about the rest."""

    files: int = 0
    size: int = 0
    leftovers: list[os.DirEntry[str]] = field(default_factory=list)
    deep: list[os.DirEntry[str]] = field(default_factory=list)
    folders: list[tuple[str, int]] = field(default_factory=list)
    swept: int = 0
    swept_bytes: int = 0


def sweep(area: Path, now: float) -> Contents:
    """Sweep one prefecture's folder; its deliverables' own folders hold a file of the store's and stay."""
    found = _scan(area)
    for entry in found.leftovers:
        _remove(entry, found, now - (0 if len(found.leftovers) > MAX_LEFTOVERS else LEFTOVER_AGE.total_seconds()))
    for entry in found.deep:
        _bring_up(entry, area, now - QUIET)
    young = 0 if len(found.folders) > MAX_FOLDERS else LEFTOVER_AGE.total_seconds()
    for path, depth in reversed(found.folders):
        before = now - (min(young, QUIET) if depth > MAX_DEPTH else young)
        with suppress(OSError):  # most are not empty
            if os.stat(path).st_mtime < before:
                os.rmdir(path)
    return found


def _scan(area: Path) -> Contents:
    found, waiting = Contents(), [(str(area), 0)]
    while waiting:
        folder, depth = waiting.pop()
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    found.folders.append((entry.path, depth + 1))
                    waiting.append((entry.path, depth + 1))
                else:
                    _sort(found, entry, os.path.relpath(entry.path, area), depth)
    return found


def _sort(found: Contents, entry: os.DirEntry[str], key: str, depth: int) -> None:
    with suppress(FileNotFoundError):
        found.size += entry.stat(follow_symlinks=False).st_size
        if is_ours(entry.name):
            return
        if is_ignored(key):
            found.leftovers.append(entry)
        elif depth > MAX_DEPTH:
            found.deep.append(entry)
        found.files += 1


def _remove(entry: os.DirEntry[str], found: Contents, before: float) -> None:
    with suppress(OSError):
        there = entry.stat(follow_symlinks=False)
        if there.st_mtime <= before:
            os.unlink(entry.path)
            found.swept, found.swept_bytes = found.swept + 1, found.swept_bytes + there.st_size
            found.files, found.size = found.files - 1, found.size - there.st_size


def _bring_up(entry: os.DirEntry[str], area: Path, before: float) -> None:
    """Move a file to where it is seen, under a name of its own that the same key gets again."""
    with suppress(OSError):
        if os.stat(entry.path).st_mtime <= before:
            digest = hashlib.sha256(os.path.relpath(entry.path, area).encode(errors="surrogateescape")).hexdigest()
            folder = file_modes.make_folder(file_modes.make_folder(area / TOO_DEEP) / digest[:8])
            os.replace(entry.path, folder / entry.name)
            _LOG.info("%s lay too deep and was brought up", entry.path)


class Sweeper:
    """Sweeps the areas of all campaigns, at most a fiftieth of the time; reports who has too much and what was swept.

    `report(campaign, prefecture, closed, files swept, their bytes)` may fail: it gets the same the next time.
    """

    def __init__(self, store: ObjectStore, bucket: str, campaigns: Campaigns, report: Report) -> None:
        self._store, self._bucket, self._campaigns, self._report = store, bucket, campaigns, report
        self._pending: dict[tuple[str, str], tuple[bool, int, int]] = {}
        self._next = 0.0

    def run_if_due(self) -> None:
        """Sweep if it is time, and report what has changed."""
        started = time.monotonic()
        if started < self._next:
            return
        for campaign in self._known():
            for prefecture in campaign.prefectures:
                self._sweep(campaign, prefecture)
        self._next = time.monotonic() + max(EVERY, SHARE * (time.monotonic() - started))
        for (campaign_id, code), change in list(self._pending.items()):
            self._report(campaign_id, code, *change)
            del self._pending[campaign_id, code]

    def _sweep(self, campaign: Campaign, prefecture: Prefecture) -> None:
        area = Area(self._bucket, f"{campaign.id}/{prefecture.folder}", True)
        place = self._store.data / area.bucket / area.prefix
        if not place.is_dir():
            return
        found, limits = sweep(place, time.time()), campaign.intake
        closed = found.files + len(found.folders) > limits.max_files or found.size > limits.max_bytes
        changed = self._store.close(prefecture.code, replace(area, writable=not closed))
        if found.swept or changed:
            _, swept, size = self._pending.get((campaign.id, prefecture.code), (closed, 0, 0))
            self._pending[campaign.id, prefecture.code] = closed, swept + found.swept, size + found.swept_bytes

    def _known(self) -> Iterator[Campaign]:
        for campaign_id in self._campaigns.ids():
            with suppress(CampaignError):  # its files wait until it is corrected
                yield self._campaigns.get(campaign_id)
