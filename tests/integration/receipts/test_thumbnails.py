"""Previews: small, upright, without a word of what the file says of itself, and none of what was not accepted."""

from __future__ import annotations

import io
import os
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageCms

import document_samples as p
from baosong.ledger.services import Services
from baosong.pipeline import discover
from baosong.pipeline.check import check as check_received
from baosong.receipts import sheet_results, thumbnails
from baosong.receipts.board import render_board
from baosong.rules.findings import Checked, Kind
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.photo import photo, preview
from baosong.validation.video import thumbnail
from baosong_local.samples.media import make_clip
from intake_run import ALL_KINDS, run
from sheet_help import CAMPAIGN

AREA = "2023/6501-乌鲁木齐市"
RED, BLUE = (200, 30, 30), (30, 30, 200)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("film") / "片.mov", seconds=1.5)


def drawn(data: bytes, name: str = "照片.jpg", kind: Kind = Kind.PHOTO) -> Image.Image:
    checked = check(Source(name, len(data), lambda: io.BytesIO(data)), kind, CAMPAIGN, p.HOME)
    return Image.open(io.BytesIO(b64decode(checked.preview)))


def halves(mode: str = "RGB", form: str = "JPEG", **how: object) -> bytes:
    """A picture red on the left and blue on the right."""
    image, out = Image.new("RGB", (1600, 1200), RED), io.BytesIO()
    image.paste(BLUE, (800, 0, 1600, 1200))
    image.convert(mode).save(out, form, **how)
    return out.getvalue()


def is_near(pixel: object, colour: tuple[int, int, int], spare: int = 40) -> bool:
    return isinstance(pixel, tuple) and all(abs(a - b) <= spare for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: halves(), "1.jpg"),
        (lambda: halves("CMYK"), "1.jpg"),
        (lambda: halves("P", "PNG"), "1.png"),
        (lambda: halves("RGBA", "PNG"), "1.png"),
        (lambda: halves("CMYK", "TIFF"), "1.tif"),
    ],
)
def test_a_preview_is_a_small_jpeg_in_the_same_colours(make: Callable[[], bytes], name: str) -> None:
    small = drawn(make(), name)
    assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (320, 240))
    assert is_near(small.getpixel((20, 120)), RED)
    assert is_near(small.getpixel((300, 120)), BLUE)


def test_a_preview_stands_upright() -> None:
    small = drawn(halves(exif=p.turned(6)))
    assert small.size == (240, 320)
    assert is_near(small.getpixel((120, 20)), RED)
    assert is_near(small.getpixel((120, 300)), BLUE)


def test_sixteen_bits_do_not_turn_white_and_glass_stands_on_white() -> None:
    grey = drawn(p.picture("PNG", "I;16"), "1.png").convert("L").getextrema()
    assert isinstance(grey[1], int)
    assert grey[1] > grey[0] > 0
    assert drawn(p.picture("PNG", "1"), "1.png").size == (320, 240)
    clear, out = Image.new("RGBA", (1600, 1200), (0, 0, 0, 0)), io.BytesIO()
    clear.save(out, "PNG")
    assert is_near(drawn(out.getvalue(), "1.png").getpixel((5, 5)), (255, 255, 255), 3)


def test_nothing_that_a_file_says_of_itself_is_in_its_preview() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = p.placed()
    exif[0x010E] = "SECRET"
    image, out = p.scene(), io.BytesIO()
    image.save(out, "JPEG", exif=exif, comment=b"SECRET", icc_profile=profile, xmp=b"SECRET")
    assert out.getvalue().count(b"SECRET") == 3
    small = drawn(out.getvalue())
    assert set(small.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not small.getexif()


def test_a_picture_is_good_also_where_no_preview_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "shrunk", lambda _: 1 / 0)
    data = p.picture("JPEG")
    checked = photo.check(Source("1.jpg", len(data), lambda: io.BytesIO(data)), "jpg", CAMPAIGN.photo)
    assert (checked.verdict, checked.findings, checked.preview) == ("accepted", [], "")


def test_a_frame_of_a_film_is_drawn_and_nothing_of_what_is_none(film: Path, tmp_path: Path) -> None:
    with film.open("rb") as file:
        small = Image.open(io.BytesIO(thumbnail.thumbnail(file, "MOV")))
        assert file.tell() == 0
    assert (small.format, small.size) == ("JPEG", (320, 180))
    assert b"Lavc" not in small.info.get("comment", b"")
    for number, content in enumerate((b"", b"ffconcat version 1.0\nfile /etc/passwd\n", film.read_bytes()[:5000])):
        other = tmp_path / str(number)
        other.write_bytes(content)
        with other.open("rb") as file:
            assert thumbnail.thumbnail(file, "MOV") == b""


def test_an_ffmpeg_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a pipe that nobody writes to it waits for the first byte for ever."""
    os.mkfifo(tmp_path / "film")
    monkeypatch.setattr(thumbnail, "WALL_SECONDS", 0.5)
    with open(os.open(tmp_path / "film", os.O_RDWR), "r+b", buffering=0) as file:
        assert thumbnail.thumbnail(file, "MOV") == b""


def kept(services: Services) -> list[str]:
    return [s.key for s in services.storage.list("reports") if "/previews/" in s.key]


def test_every_accepted_picture_and_film_leaves_one_and_the_board_leads_to_them(services: Services, film: Path) -> None:
    files = {
        "照片/好.jpg": p.picture("JPEG"),
        "照片/小.jpg": p.picture("JPEG", size=(640, 480)),
        "媒体报道/截图.png": p.picture("PNG", size=(600, 900)),
        "媒体报道/链接.txt": b"https://news.example.cn/1.html",
        "视频/片.mov": film.read_bytes(),
    }
    for name, data in files.items():
        services.storage.put("intake", f"{AREA}/{name}", data)
    run(services)
    rows = {row.name: row for row in services.ledger.submissions("2023")}
    shown = ["好.jpg", "截图.png", "片.mov"]
    assert kept(services) == sorted(thumbnails.preview_key("2023", "6501", rows[name].id) for name in shown)
    assert [name for name, row in rows.items() if thumbnails.has_preview(row)] == [n for n in rows if n in shown]
    for key in kept(services):
        assert max(Image.open(io.BytesIO(services.storage.read("reports", key))).size) == 320

    campaign = services.campaigns.get("2023")
    board = render_board(services.ledger, campaign, rows["好.jpg"].received_at, bool)
    assert board.count('href="2023/previews/6501"') == 2
    assert "previews/6502" not in board
    page = thumbnails.render_gallery(services.ledger, campaign, "6501")
    assert all(f'src="6501/{rows[name].id}"' in page for name in shown)
    assert page.count("<figure>") == 3


@pytest.mark.parametrize(
    ("name", "make", "state"),
    [
        ("照片/【机密】1.jpg", lambda: p.picture("JPEG"), "held"),
        ("照片/1.jpg", lambda: p.picture("JPEG")[:90_000], "rejected"),
        ("媒体报道/1.docx", lambda: p.paper("秘密★"), "held"),
    ],
)
def test_what_is_held_or_rejected_leaves_none_and_removes_a_stale_one(
    services: Services, name: str, make: Callable[[], bytes], state: str
) -> None:
    services.storage.put("intake", f"{AREA}/{name}", make())
    discover.find_new(services)
    (row,) = services.ledger.submissions("2023")
    services.storage.put("reports", thumbnails.preview_key("2023", "6501", row.id), b"stale")
    run(services)
    assert services.ledger.submission(row.id).state == state
    assert kept(services) == []


def test_a_held_check_leaves_none_whatever_it_has_drawn(services: Services) -> None:
    services.storage.put("intake", f"{AREA}/照片/1.jpg", p.picture("JPEG"))
    discover.find_new(services)
    (row,) = services.ledger.submissions("2023")
    thumbnails.write_preview(services, row, Checked(held=True, preview="drawn"))
    assert kept(services) == []


def test_a_film_whose_frame_cannot_be_drawn_is_filed_all_the_same(
    services: Services, film: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(thumbnail, "thumbnail", lambda *_: 1 / 0)
    services.storage.put("intake", f"{AREA}/视频/片.mov", film.read_bytes())
    run(services)
    (row,) = services.ledger.submissions("2023")
    assert (row.state, kept(services)) == ("accepted", [])
    assert [r.message for r in caplog.records if r.name == thumbnails.__name__] == [
        f"no preview of submission {row.id}"
    ]


def test_operators_see_previews_and_nobody_names_anything_else(client: object, services: Services) -> None:
    services.storage.put("intake", f"{AREA}/照片/<b>1.jpg", p.picture("JPEG"))
    services.storage.put("reports", "2023/previews/secret.jpg", b"secret")
    services.storage.put("reports", sheet_results.page_key("2023", "6501", 7), b"secret")
    run(services)
    get = client.get  # type: ignore[attr-defined]
    (row,) = services.ledger.submissions("2023")
    page, picture = get("/2023/previews/6501"), get(f"/2023/previews/6501/{row.id}")
    assert (page.status_code, picture.status_code) == (200, 200)
    assert "&lt;b&gt;1.jpg" in page.text
    assert "img-src 'self'" in page.headers["content-security-policy"]
    assert "script" not in page.headers["content-security-policy"]
    assert (picture.headers["content-type"], picture.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert picture.headers["cache-control"].startswith("private")
    wrong = ["9999", "9999/1", "6502/1", "6501/7", "6501/0", "6501/x", "6501/..%2fsecret", "..%2f6501", "6501/1.jpg"]
    assert {path for path in wrong if get(f"/2023/previews/{path}").status_code != 404} == set()
    assert get("/1999/previews/6501").status_code == 404


def test_a_repeated_review_writes_the_same_preview(services: Services) -> None:
    services.storage.put("intake", f"{AREA}/照片/1.jpg", p.picture("JPEG"))
    discover.find_new(services)
    check_received(services, "2023", "6501", ALL_KINDS)
    (row,) = services.ledger.submissions("2023")
    first = services.storage.read("reports", *kept(services))
    data = p.picture("JPEG")
    checked = check(Source("1.jpg", len(data), lambda: io.BytesIO(data)), Kind.PHOTO, CAMPAIGN, p.HOME)
    thumbnails.write_preview(services, row, checked)
    assert services.storage.read("reports", *kept(services)) == first
