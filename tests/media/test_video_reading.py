"""What a video's check reads: little at any size, the whole of it once, and never so that a hostile film harms us."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.pipeline import archive, discover
from baosong.pipeline.check import check as check_received
from baosong.preservation import records
from baosong.rules.findings import Checked, Kind, Verdict
from baosong.store.ranged_reader import RangedReader
from baosong.store.source import Source
from baosong.store.storage import Storage
from baosong.validation.check import check
from baosong.validation.video import media_info, stream_end, video
from baosong_local.samples import films
from clips import Clips
from intake_run import run_lane

CODE = "6501"
AREA = "2023/6501-乌鲁木齐市/视频"
MB = 1_000_000


def remote(path: Path) -> Source:
    """Return a file as the store gives it: in ranges, its cost counted."""

    def fetch(offset: int, length: int) -> bytes:
        with path.open("rb") as f:
            f.seek(offset)
            return f.read(length)

    reader = RangedReader(fetch, path.stat().st_size)
    return Source(path.name, path.stat().st_size, reader.reopened, remote=True)  # type: ignore[arg-type]


def judged(path: Path, campaign: Campaign) -> Checked:
    return check(remote(path), Kind.VIDEO, campaign, campaign.prefecture(CODE))


@pytest.mark.parametrize(
    "name", ["50i.mov", "fast.mov", "film.mov", "film_fast.mov", "notes.mov", "voices.mov", "pieces.mov"]
)
def test_a_mov_costs_less_than_a_megabyte_at_any_size(clips: Clips, campaign: Campaign, name: str) -> None:
    checked = judged(clips[name], campaign)
    assert checked.verdict is not Verdict.REJECTED
    assert 0 < checked.facts["bytes_read"] < MB
    assert checked.facts["requests"] < 40


@pytest.mark.parametrize("ending", ["mpg", "ts"])
def test_a_stream_costs_less_than_16_megabytes_at_any_size(
    clips: Clips, campaign: Campaign, tmp_path: Path, ending: str
) -> None:
    film = films.make_long_stream(clips["50i.mpg"], tmp_path / f"film.{ending}", 20_000 * MB, 1)
    checked = judged(film, campaign)
    assert film.stat().st_size > 15_000 * MB
    assert checked.facts["bytes_read"] < 16 * MB
    assert checked.facts["requests"] < 40
    assert (checked.facts["undecided"], checked.facts["bit_rate"]) == (True, None)  # its bytes tell, not its headers
    assert checked.facts["duration"] > 1_000


@pytest.mark.parametrize("name", ["50i.mov", "film.mov", "film_fast.mov", "prores_lt.mov"])
def test_a_film_read_in_parts_is_told_as_one_read_through(clips: Clips, name: str) -> None:
    """MediaInfo left to itself reads what it likes of a local file; the fields that we judge are the same."""
    from pymediainfo import MediaInfo

    left_alone = next(t for t in MediaInfo.parse(clips[name], parse_speed=0).tracks if t.track_type == "Video")
    found = media_info.inspect(remote(clips[name]))
    assert found.number("BitRate") == pytest.approx(float(left_alone.bit_rate), rel=1e-6)
    assert found.text("ScanType") == left_alone.scan_type
    assert found.text("FrameRate") == left_alone.frame_rate
    assert (found.number("Width"), found.number("Height")) == (left_alone.width, left_alone.height)


@pytest.mark.parametrize("name", ["b_pictures.mpg", "open_groups.ts.mpg", "ts.mpg"])
@pytest.mark.parametrize("share", [0.15, 0.31, 0.47, 0.73])
def test_a_stream_entered_anywhere_is_whole_and_one_cut_anywhere_is_not(clips: Clips, name: str, share: float) -> None:
    data = clips.data(name)
    container = "MPEG-TS" if ".ts." in name or name == "ts.mpg" else "MPEG-PS"

    def damaged(part: bytes) -> bool | None:
        end = stream_end.look(Source(name, len(part), lambda: io.BytesIO(part)), container)
        return end and end.damaged

    assert damaged(data[round(len(data) * share) // 188 * 188 :]) is False
    assert damaged(data[: round(len(data) * (1 - share / 3)) // 188 * 188]) is True


class TestOneWholeRead:
    @pytest.fixture
    def reads(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
        """Record every range that is fetched: its bucket and length."""
        fetched: list[tuple[str, int]] = []
        real = Storage._fetch_range

        def counted(self: Storage, bucket: str, stored: object, offset: int, length: int) -> bytes:
            fetched.append((bucket, length))
            return real(self, bucket, stored, offset, length)  # type: ignore[arg-type]

        monkeypatch.setattr(Storage, "_fetch_range", counted)
        return fetched

    @pytest.mark.parametrize("ending", ["mov", "mpg"])
    def test_all_that_is_done_to_a_film_reads_it_twice_and_hardly_more(
        self, services: Services, clips: Clips, reads: list[tuple[str, int]], tmp_path: Path, ending: str
    ) -> None:
        """Once to hash, count and copy it together, once to prove what was written: 2.05 times its size."""
        clip, path = clips[f"50i.{ending}"], tmp_path / f"启动仪式.{ending}"
        if ending == "mov":
            film = films.make_film(clip, path, 400 * MB)
        else:
            film = films.make_long_stream(clip, path, 400 * MB, 1)
        services.storage.put_file("intake", f"{AREA}/{film.name}", film)
        run_lane(services, "large")
        (row,) = services.ledger.submissions("2023")
        assert (row.verdict, row.size) == ("accepted", film.stat().st_size)
        assert 2 * row.size <= sum(length for _, length in reads) <= 2.05 * row.size

    @pytest.fixture
    def waiting(self, services: Services, clips: Clips) -> Services:
        """Have a film waiting whose headers state too low a rate: only a whole read shows that it may pass."""
        services.storage.put_file("intake", f"{AREA}/片花.mpg", clips["49.5.mpg"])
        discover.find_new(services)
        check_received(services, "2023", CODE)
        return services

    def test_the_exact_rate_rides_on_the_read_for_the_archive(
        self, waiting: Services, clips: Clips, reads: list[tuple[str, int]]
    ) -> None:
        (row,) = waiting.ledger.submissions("2023")
        assert (row.state, row.verdict, row.facts["undecided"]) == ("checked", "accepted", True)
        reads.clear()
        archive.archive(waiting, "2023", CODE)
        assert sum(length for bucket, length in reads if bucket == "intake") == clips["49.5.mpg"].stat().st_size
        (row,) = waiting.ledger.submissions("2023")
        assert (row.state, row.facts["exact"], [f["rule"] for f in row.findings]) == (
            "accepted",
            True,
            ["file.late", "video.bit_rate"],
        )
        assert "undecided" not in row.facts
        assert row.facts["bytes_read"] < 16 * MB
        (record,) = records.read_records(waiting.storage, "archive", str(row.archive_key))
        assert record["facts"] == row.facts

    def test_a_film_that_seemed_good_so_far_may_still_be_rejected(self, services: Services, clips: Clips) -> None:
        services.storage.put_file("intake", f"{AREA}/讲座.mpg", clips["48.3.mpg"])
        discover.find_new(services)
        check_received(services, "2023", CODE)
        archive.archive(services, "2023", CODE)
        (row,) = services.ledger.submissions("2023")
        assert (row.state, row.bucket) == ("rejected", "quarantine")
        assert "视频码率" in {item["item"] for item in row.facts["table"]}

    @pytest.mark.parametrize("name", ["pieces.mov", "long_group.ts.mpg", "h264.ps.mpg", "hevc.ts.mpg"])
    def test_what_the_headers_do_not_say_the_whole_film_says(self, services: Services, clips: Clips, name: str) -> None:
        services.storage.put_file("intake", f"{AREA}/{name}", clips[name])
        discover.find_new(services)
        check_received(services, "2023", CODE)
        (row,) = services.ledger.submissions("2023")
        assert (row.verdict, row.facts["undecided"], row.facts["bit_rate"]) == ("accepted", True, None)
        archive.archive(services, "2023", CODE)
        (row,) = services.ledger.submissions("2023")
        assert (row.state, "等待" in str(row.findings)) == ("accepted", False)
        assert row.facts["bit_rate"] > 50e6

    def test_a_crash_after_the_decision_needs_no_second_parse(
        self, waiting: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(*_: object, **_more: object) -> None:
            raise RuntimeError("killed")

        with monkeypatch.context() as patched:
            patched.setattr(records, "put_verified", crash)
            with pytest.raises(RuntimeError, match="killed"):
                archive.archive(waiting, "2023", CODE)
        (row,) = waiting.ledger.submissions("2023")
        assert (row.state, row.verdict) == ("checked", "accepted")
        monkeypatch.setattr(media_info, "WholeParse", crash)
        archive.archive(waiting, "2023", CODE)
        assert [r.state for r in waiting.ledger.submissions("2023")] == ["accepted"]

    def test_a_film_here_is_decided_at_once(self, clips: Clips, campaign: Campaign) -> None:
        checked = check(Source.from_path(clips["49.5.mpg"]), Kind.VIDEO, campaign, None)
        assert "undecided" not in checked.facts
        assert checked.facts["exact"] is True


def atom(name: bytes, body: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack(">I4s", 8 + len(body) if size is None else size, name) + body


def nested(depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = atom(b"moov", body)
    return body


FTYP = atom(b"ftyp", b"qt  \x00\x00\x02\x00qt  ")
HOSTILE = {
    "atoms of no length": FTYP + atom(b"moov", size=0) * 50_000,
    "atoms too short": FTYP + atom(b"free", size=3) * 10,
    "atoms within atoms": FTYP + nested(20_000),
    "a table of four billion rows": FTYP
    + atom(b"moov", atom(b"trak", atom(b"stbl", atom(b"stsz", b"\0" * 8 + b"\xff" * 4)))),
    "an atom beyond the file": FTYP + struct.pack(">I4sQ", 1, b"moov", 1 << 62) + bytes(100),
    "a million atoms": FTYP + atom(b"free") * 1_000_000,
    "nothing but start codes": b"\x00\x00\x01\xba" * 500_000,
    "nothing but packets": (b"\x47" + bytes(187)) * 50_000,
    "noise with a signature": FTYP + bytes(range(256)) * 4_000,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_film_is_answered_and_not_accepted(data: bytes, campaign: Campaign) -> None:
    source = Source("片花.mov", len(data), lambda: io.BytesIO(data))
    assert check(source, Kind.VIDEO, campaign, None).verdict is not Verdict.ACCEPTED


@pytest.fixture(params=["a crash", "a flood of requests", "no answer", "no end"])
def broken_child(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program in the parser's place that does what a hostile film could make of it."""
    programs = {
        "a crash": "import os; os.abort()",
        "a flood of requests": "import sys, struct\nwhile True:\n"
        " sys.stdout.buffer.write(struct.pack('<QQ', 0, 1 << 20)); sys.stdout.buffer.flush()\n"
        " sys.stdin.buffer.read(1 << 20)",
        "no answer": "pass",
        "no end": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass",
    }
    child = tmp_path / "child.py"
    child.write_text(programs[request.param], encoding="utf-8")
    monkeypatch.setattr(media_info, "CHILD", child)


@pytest.mark.usefixtures("broken_child")
def test_a_parser_that_breaks_down_is_the_films_fault(clips: Clips, campaign: Campaign) -> None:
    checked = check(Source.from_path(clips["50i.mpg"]), Kind.VIDEO, campaign, None)
    assert [f.rule for f in checked.findings] == ["video.damaged"]
    assert checked.facts["unparsable"]


@pytest.mark.usefixtures("broken_child")
def test_so_is_one_that_breaks_down_in_the_midst(clips: Clips, campaign: Campaign) -> None:
    data = clips.data("50i.mpg")
    with media_info.WholeParse(len(data), "MPEG-PS", "MPEG Video", "interlaced") as parse:
        for at in range(0, len(data), MB):
            parse.feed(data[at : at + MB])
        checked = video.settle(parse, campaign.video, {"end": None})
    assert [f.rule for f in checked.findings] == ["video.damaged"]


def test_a_store_that_fails_is_not_the_films_fault(clips: Clips, campaign: Campaign) -> None:
    data = clips.data("50i.mov")

    def fetch(offset: int, length: int) -> bytes:
        if offset:
            raise ConnectionError("the store is away")
        return data[offset : offset + length]

    reader = RangedReader(fetch, len(data))
    with pytest.raises(ConnectionError):
        check(Source("片花.mov", len(data), reader.reopened, remote=True), Kind.VIDEO, campaign, None)  # type: ignore[arg-type]
