"""Previews: small, upright, without a word of what the file says of itself, and none of what was not accepted."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import document_samples as p
from baosong.ledger.services import Services
from baosong.pipeline import discover
from baosong.pipeline.check import check as check_received
from baosong.receipts import sheet_results, thumbnails
from baosong.receipts.board import render_board
from baosong.rules.findings import Checked, Kind
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.video import thumbnail
from intake_run import run
from sheet_help import CAMPAIGN

AREA = "2023/6501-乌鲁木齐市"


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
    assert "script-src 'sha256-" in page.headers["content-security-policy"]  # the board's own, and no other
    assert "unsafe" not in page.headers["content-security-policy"].partition("script-src")[2]
    assert (picture.headers["content-type"], picture.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert picture.headers["cache-control"].startswith("private")
    wrong = ["9999", "9999/1", "6502/1", "6501/7", "6501/0", "6501/x", "6501/..%2fsecret", "..%2f6501", "6501/1.jpg"]
    assert {path for path in wrong if get(f"/2023/previews/{path}").status_code != 404} == set()
    assert get("/1999/previews/6501").status_code == 404


def test_a_repeated_review_writes_the_same_preview(services: Services) -> None:
    services.storage.put("intake", f"{AREA}/照片/1.jpg", p.picture("JPEG"))
    discover.find_new(services)
    check_received(services, "2023", "6501")
    (row,) = services.ledger.submissions("2023")
    first = services.storage.read("reports", *kept(services))
    data = p.picture("JPEG")
    checked = check(Source("1.jpg", len(data), lambda: io.BytesIO(data)), Kind.PHOTO, CAMPAIGN, p.HOME)
    thumbnails.write_preview(services, row, checked)
    assert services.storage.read("reports", *kept(services)) == first
