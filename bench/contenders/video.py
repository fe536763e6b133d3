"""One contender of `bench video` in a process of its own: judge an object of the store a few times, say what it took.

Run as `python video.py NAME KEY FOLDER REPEATS < settings.json`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymediainfo import MediaInfo

from baosong.campaign import Campaigns
from baosong.rules.findings import Kind, Verdict
from baosong.store.settings import S3Settings, campaign_dirs
from baosong.store.storage import Storage, Stored
from baosong.validation.check import check

CHUNK = 8 << 20


def baosong(storage: Storage, stored: Stored, _: Path) -> dict[str, Any]:
    """Judge the film as the pipeline does: container, fields, completeness, verdict."""
    checked = check(storage.source("intake", stored), Kind.VIDEO, Campaigns(campaign_dirs()).get("2023"), None)
    if checked.verdict is not Verdict.ACCEPTED:
        raise SystemExit(f"{stored.key} is a good film, but: {checked.findings}")
    return {name: checked.facts[name] for name in ("bytes_read", "requests", "bit_rate")}


def download(storage: Storage, stored: Stored, folder: Path) -> dict[str, Any]:
    """Download the film and parse it by MediaInfo as it comes."""
    path, source = folder / f"download{Path(stored.key).suffix}", storage.source("intake", stored)
    try:
        with source.open() as film, path.open("wb") as copy:
            while chunk := film.read(CHUNK):
                copy.write(chunk)
        parsed = MediaInfo.parse(path)
    finally:
        path.unlink(missing_ok=True)
    (video,) = (track for track in parsed.tracks if track.track_type == "Video")
    return {"bytes_read": stored.size, "requests": -(-stored.size // CHUNK), "bit_rate": float(video.bit_rate)}


def main(judge: Callable[[Storage, Stored, Path], dict[str, Any]], key: str, folder: Path, repeats: int) -> None:
    """Print the best time in seconds, what was read, and the peak memory of process and largest child in MB."""
    storage = Storage(S3Settings(**json.load(sys.stdin)))
    stored = storage.stat("intake", key)
    if stored is None:
        raise SystemExit(f"no {key}")
    best, told = float("inf"), {}
    for _ in range(repeats):
        began = time.perf_counter()
        told = judge(storage, stored, folder)
        best = min(best, time.perf_counter() - began)
    memory = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(json.dumps({"size": stored.size, "seconds": best, "memory": memory, **told}))


if __name__ == "__main__":
    main({"baosong": baosong, "download": download}[sys.argv[1]], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
