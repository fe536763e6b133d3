"""The video check at any size, beside downloading the film and running MediaInfo over it, on the embedded object store.

Budget: at most 1 MB read of a MOV and 16 MB of an MPG, and less than 1 s, up to 50 GB. The films are sparse: beginning,
end and index are a real film's, so that 50 GB take 40 MB of the disk. The peer is measured up to 5 GB; what it takes
beyond is extrapolated by size, and marked "~".
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from baosong.store.settings import BUCKETS, PROJECT, S3Settings, home_of
from baosong_local.samples.films import make_film, make_long_stream
from baosong_local.samples.media import make_clip
from baosong_local.stack.objectstore import ObjectStore
from baosong_local.stack.process import start, stop

GB = 1_000_000_000
SIZES = (0.1, 1, 5, 20, 50)
PEER_UP_TO = 5
REPEATS = 5
LIMITS = {"MOV": 1_000_000, "MPG": 16_000_000}
CONTENDER = PROJECT / "bench" / "contenders" / "video.py"
Maker = Callable[[Path, int], Path]


def run() -> dict[str, Any]:
    """Return bytes, requests, seconds and memory of each film and contender, and whether the budget is kept."""
    home = home_of() / "bench" / "video"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    makers = _makers(home)
    measured: list[dict[str, Any]] = []
    try:
        with _store(home / "store") as (store, s3):
            for name, (ending, maker) in makers.items():
                for size in SIZES:
                    key = _placed(store, maker, f"{name} {size} GB{ending}", round(size * GB))
                    measured.append(_measure("baosong", name, size, key, s3, home, REPEATS))
                    if size <= PEER_UP_TO:
                        measured.append(_measure("download", name, size, key, s3, home, 1))
                    (store.data / "intake" / key).unlink()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return _figures(measured)


def _makers(home: Path) -> dict[str, tuple[str, Maker]]:
    mov = make_clip(home / "clip.mov", bit_rate_mbps=50, seconds=2)  # the longest index
    mpg = make_clip(home / "clip.mpg", bit_rate_mbps=60, seconds=2, container="mpg")
    stream = partial(make_long_stream, mpg, seconds=2)
    return {
        "MOV, index last": (".mov", partial(make_film, mov)),
        "MOV, index first": (".mov", partial(make_film, mov, index_first=True)),
        "MPG, program stream": (".mpg", stream),
        "MPG, transport stream": (".ts", stream),
    }


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def _store(folder: Path) -> Iterator[tuple[ObjectStore, S3Settings]]:
    store, secret = ObjectStore(folder, _free_port(), folder.with_suffix(".log")), secrets.token_hex(16)
    store.prepare(BUCKETS)
    store.grant_all("BENCH", secret)
    program = store.program()
    child = start(program)
    try:
        deadline = time.monotonic() + 30
        while not store.is_ready() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield store, S3Settings(store.endpoint, "BENCH", secret, False, "us-east-1", {b: b for b in BUCKETS})
    finally:
        stop(child, program.stop)


def _placed(store: ObjectStore, maker: Maker, name: str, size: int) -> str:
    """Lay a film into the bucket's own folder, for sent through the store it would lose its holes."""
    film = maker(store.data / "intake" / name, size)
    film.chmod(0o644)
    return name


def _measure(who: str, name: str, size: float, key: str, s3: S3Settings, home: Path, repeats: int) -> dict[str, Any]:
    command = [sys.executable, str(CONTENDER), who, key, str(home), str(repeats)]
    done = subprocess.run(command, input=json.dumps(asdict(s3)), stdout=subprocess.PIPE, text=True, check=True)
    return {"film": name, "gb": size, "name": who, **json.loads(done.stdout.splitlines()[-1])}


def _figures(measured: list[dict[str, Any]]) -> dict[str, Any]:
    ours = [m for m in measured if m["name"] == "baosong"]
    peers = {(m["film"], m["gb"]): m for m in measured if m["name"] == "download"}
    shown = {}
    for m in ours:
        peer = peers[m["film"], min(m["gb"], PEER_UP_TO)]
        about, more = ("", 1.0) if m["gb"] <= PEER_UP_TO else ("~", m["size"] / peer["size"])
        shown[f"{m['film']}, {m['gb']:g} GB"] = (
            f"{m['seconds']:.3f} s, {m['bytes_read'] / 1e6:.2f} MB, {m['requests']} requests, {m['memory']:.0f} MB; "
            f"download {about}{peer['seconds'] * more:.1f} s, {about}{peer['bytes_read'] * more / 1e6:,.0f} MB"
        )
    most = {f"most MB of a {kind}": max(_read(ours, kind)) / 1e6 for kind in LIMITS}
    slowest = max(m["seconds"] for m in ours)
    kept = slowest < 1 and all(max(_read(ours, kind)) <= limit for kind, limit in LIMITS.items())
    return {**shown, **most, "slowest": slowest, "kept": kept, "measured": measured}


def _read(ours: list[dict[str, Any]], kind: str) -> list[int]:
    return [m["bytes_read"] for m in ours if m["film"].startswith(kind)]
