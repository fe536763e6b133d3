"""The photo check: damaged, flooding, small and disguised pictures before the good ones."""

from __future__ import annotations

import io
import struct
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from baosong.campaign import Campaign, Deliverable
from baosong.rules.findings import Checked, Kind, Severity, Verdict
from baosong.store.source import Source
from baosong.validation.check import check
from baosong_local.samples.media import make_photo
from photo_samples import flooding_png

PHOTO = make_photo(1, "乌鲁木齐市", (1280, 960))


def judged(data: bytes, campaign: Campaign, name: str = "照片.jpg") -> Checked:
    return check(Source(name, len(data), lambda: io.BytesIO(data)), Kind.PHOTO, campaign, None)


def rules(checked: Checked) -> list[str]:
    return [f.rule for f in checked.findings]


def saved(form: str, size: tuple[int, int] = (1280, 960), mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 1).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (13_000, 10_000), (12_100, 10_000)])
def test_a_picture_that_would_fill_the_memory_is_not_decoded(campaign: Campaign, width: int, height: int) -> None:
    checked = judged(flooding_png(width, height), campaign, "照片.png")
    assert rules(checked) == ["photo.pixels"]
    assert checked.verdict is Verdict.REJECTED


@pytest.mark.parametrize("share", [0.05, 0.4, 0.95])
def test_a_picture_cut_short_is_damaged(campaign: Campaign, share: float) -> None:
    assert rules(judged(PHOTO[: int(len(PHOTO) * share)], campaign)) == ["photo.damaged"]


@given(at=st.integers(0, len(PHOTO) - 1), noise=st.binary(min_size=1, max_size=200))
@settings(max_examples=40, deadline=None)
def test_no_noise_in_a_picture_makes_the_check_raise(campaign_now: Campaign, at: int, noise: bytes) -> None:
    checked = judged(PHOTO[:at] + noise + PHOTO[at + len(noise) :], campaign_now)
    assert checked.verdict in set(Verdict)


@pytest.fixture(scope="module", name="campaign_now")
def module_campaign() -> Campaign:
    """Return the 2023 campaign for tests that hypothesis repeats."""
    from pathlib import Path

    from baosong.campaign import load_campaign

    return load_campaign(Path(__file__).parents[3] / "include/campaigns/2023.yaml")


def test_a_small_picture_is_rejected_with_its_size(campaign: Campaign) -> None:
    (finding,) = judged(make_photo(1, "哈密市", (640, 480)), campaign).findings
    assert finding.rule == "photo.size"
    assert finding.observed == "640×480"
    assert finding.expected == "不小于 1024×768"


def test_a_portrait_of_the_same_size_is_large_enough(campaign: Campaign) -> None:
    assert judged(saved("JPEG", (768, 1024)), campaign).verdict is Verdict.ACCEPTED


def test_a_format_that_is_not_collected_is_rejected_by_its_true_type(campaign: Campaign) -> None:
    assert rules(judged(saved("GIF", mode="P"), campaign, "照片.gif")) == ["file.format"]
    assert rules(judged(saved("WEBP"), campaign, "照片.jpg")) == ["file.type_mismatch"]


def test_a_telephone_s_heic_is_told_how_to_become_a_jpeg(campaign: Campaign) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    (finding,) = judged(heic, campaign, "IMG_0001.HEIC").findings
    assert finding.rule == "file.format"
    assert "兼容性最佳" in finding.fix


def collecting(campaign: Campaign, *formats: str) -> Campaign:
    deliverables = [d.model_copy(update={"formats": [*d.formats, *formats]}) for d in campaign.deliverables]
    return campaign.model_copy(update={"deliverables": deliverables})


def test_a_heic_is_decoded_where_a_campaign_collects_it(campaign: Campaign) -> None:
    torn = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    assert rules(judged(torn, collecting(campaign, "heic"), "IMG_0001.HEIC")) == ["photo.damaged"]
    good = judged(saved("HEIF"), collecting(campaign, "heic"), "IMG_0001.HEIC")
    assert (good.verdict, good.findings, good.facts["format"]) == (Verdict.ACCEPTED, [], "HEIF")


def test_a_picture_that_nothing_here_decodes_waits_for_a_human_where_it_is_collected(campaign: Campaign) -> None:
    raw = b"II*\0\x10\0\0\0CR\x02\0" + bytes(200)
    checked = judged(raw, collecting(campaign, "cr2"), "DSC_0001.CR2")
    assert (checked.verdict, rules(checked)) == (Verdict.HELD, ["photo.not_decoded"])


def test_a_png_named_jpg_is_accepted_with_a_warning(campaign: Campaign) -> None:
    checked = judged(saved("PNG"), campaign)
    assert checked.verdict is Verdict.ACCEPTED
    assert [(f.rule, f.severity) for f in checked.findings] == [("file.type_mismatch", Severity.WARNING)]


def test_the_position_is_noted_but_not_repeated(campaign: Campaign) -> None:
    checked = judged(make_photo(2, "喀什地区", (1280, 960), position=True), campaign)
    assert checked.verdict is Verdict.ACCEPTED
    assert [(f.rule, f.severity) for f in checked.findings] == [("photo.position", Severity.NOTE)]
    assert "43" not in str({name: value for name, value in checked.facts.items() if name != "fingerprint"})


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_each_collected_format_is_accepted(campaign: Campaign, form: str) -> None:
    checked = judged(saved(form), campaign, f"照片.{form.lower()}")
    assert checked.verdict is Verdict.ACCEPTED
    assert (checked.facts["width"], checked.facts["height"]) == (1280, 960)


def test_a_sample_photo_is_the_same_for_the_same_seed() -> None:
    assert make_photo(1, "乌鲁木齐市", (1280, 960)) == PHOTO
    assert make_photo(2, "乌鲁木齐市", (1280, 960)) != PHOTO


def scan_of(data: bytes) -> int:
    """Return where a JPEG's first compressed data begins."""
    return data.index(b"\xff\xda") + 14


def with_hole(data: bytes, begin: int, filler: bytes = b"\0", share: float = 0.1) -> bytes:
    size = int((len(data) - begin) * share)
    return data[:begin] + (filler * size)[:size] + data[begin + size :]


QUICKLY: dict[str, dict[str, Any]] = {"AVIF": {"speed": 10}, "HEIF": {"enc_params": {"preset": "ultrafast"}}}


def noisy(form: str, size: tuple[int, int] = (1024, 768), pages: int = 1, **how: Any) -> bytes:
    """Return a picture that hardly shrinks, as photographs do, or several pages of them."""
    how = QUICKLY.get(form, {}) | how
    first, *others = (Image.effect_noise(size, 40 + n).convert("RGB") for n in range(pages))
    out = io.BytesIO()
    first.save(out, form, **(how | ({"save_all": True, "append_images": others} if others else {})))
    return out.getvalue()


JPEGS = {
    "baseline": {"quality": 90},
    "progressive": {"quality": 85, "progressive": True},
    "optimized": {"quality": 80, "optimize": True},
    "full colour": {"quality": 95, "subsampling": 0},
    "restarts": {"quality": 90, "restart_marker_rows": 1},
}


@pytest.mark.parametrize("how", JPEGS)
@pytest.mark.parametrize("filler", [b"\0", b"\xff", bytes(range(1, 250)) * 5], ids=["zeros", "ones", "other data"])
def test_a_jpeg_with_a_hole_in_its_middle_is_damaged(campaign: Campaign, how: str, filler: bytes) -> None:
    data = noisy("JPEG", **JPEGS[how])
    begin = scan_of(data) + (len(data) - scan_of(data)) // 3
    assert rules(judged(data, campaign)) == []
    assert rules(judged(with_hole(data, begin, filler), campaign)) == ["photo.damaged"]


@pytest.mark.parametrize(
    "trailer", [b"\0" * 5000, b"\xff" * 700, b"MotionPhoto_Data" * 90, b"\xff\xd8\xff\xe0" + b"1" * 99]
)
def test_what_a_telephone_appends_to_a_jpeg_is_not_taken_for_damage(campaign: Campaign, trailer: bytes) -> None:
    assert judged(noisy("JPEG") + trailer, campaign).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(("size", "verdict"), [(300, Verdict.ACCEPTED), (5000, Verdict.REJECTED)])
def test_a_filled_up_last_block_is_no_damage_and_lost_data_is(campaign: Campaign, size: int, verdict: Verdict) -> None:
    data = noisy("JPEG")
    assert judged(data[:-2] + bytes(size) + data[-2:], campaign).verdict is verdict


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_grey_and_a_printers_jpeg_are_accepted_with_a_preview(campaign: Campaign, mode: str) -> None:
    checked = judged(saved("JPEG", mode=mode), campaign)
    assert (checked.verdict, checked.facts["width"], bool(checked.preview)) == (Verdict.ACCEPTED, 1280, True)


def test_the_preview_of_a_jpeg_stands_upright(campaign: Campaign) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    checked = judged(noisy("JPEG", exif=exif), campaign)
    with Image.open(io.BytesIO(b64decode(checked.preview))) as preview:
        assert preview.size == (240, 320)


@pytest.mark.parametrize("share", [0.5, 0.95])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "jpeg"])
def test_a_tiff_of_several_pages_that_is_cut_is_damaged(
    campaign: Campaign, share: float, compression: str | None
) -> None:
    data = noisy("TIFF", pages=3, **({"compression": compression} if compression else {}))
    assert judged(data + b"spare", campaign, "扫描.tif").verdict is Verdict.ACCEPTED
    assert rules(judged(data[: int(len(data) * share)], campaign, "扫描.tif")) == ["photo.damaged"]


@pytest.mark.parametrize(("form", "how"), [("PNG", {}), ("GIF", {}), ("WEBP", {}), ("BMP", {}), ("AVIF", {})])
@pytest.mark.parametrize("pages", [1, 3])
def test_each_other_picture_is_judged_to_its_end(
    campaign: Campaign, form: str, how: dict[str, Any], pages: int
) -> None:
    if pages > 1 and form == "BMP":
        return
    data, name, collected = noisy(form, pages=pages, **how), f"x.{form.lower()}", collecting(campaign, form.lower())
    assert judged(data, collected, name).verdict is Verdict.ACCEPTED
    assert rules(judged(data[: int(len(data) * 0.8)], collected, name))[-1:] == ["photo.damaged"]


@pytest.mark.parametrize("form", ["PNG", "GIF", "WEBP"])
def test_a_hole_is_told_in_what_has_no_checksum_too(campaign: Campaign, form: str) -> None:
    data, collected = noisy(form), collecting(campaign, form.lower())
    assert rules(judged(with_hole(data, len(data) // 2), collected, f"x.{form.lower()}")) == ["photo.damaged"]


def test_a_big_tiff_is_a_tiff(campaign: Campaign) -> None:
    assert judged(noisy("TIFF", big_tiff=True), campaign, "扫描.tif").verdict is Verdict.ACCEPTED
    beyond = campaign.model_copy(update={"deliverables": [without(d, "tif", "tiff") for d in campaign.deliverables]})
    assert rules(judged(noisy("TIFF", big_tiff=True), beyond, "扫描.tif")) == ["file.format"]


def without(deliverable: Deliverable, *formats: str) -> Deliverable:
    return deliverable.model_copy(update={"formats": [f for f in deliverable.formats if f not in formats]})


def tiff_of(maker: bytes, photometric: int, order: str = "<", tag: int = 0) -> bytes:
    """Return a TIFF as cameras write it: a small picture in front, and what the sensor saw in a directory inside."""

    def directory(*rows: tuple[int, int, int, int]) -> bytes:
        entries = b"".join(
            struct.pack(f"{order}HHL", t, kind, number) + struct.pack(f"{order}HH" if kind == 3 else f"{order}L", *v)
            for t, kind, number, value in sorted(rows)
            for v in [(value, 0) if kind == 3 else (value,)]
        )
        return struct.pack(f"{order}H", len(rows)) + entries + bytes(4)

    inside = directory((254, 4, 1, 0), (256, 4, 1, 6000), (257, 4, 1, 4000), (262, 3, 1, photometric))
    rows = [(254, 4, 1, 1), (256, 4, 1, 160), (257, 4, 1, 120), (271, 2, len(maker), 400), (330, 4, 1, 500)]
    first = directory(*rows, *([(tag, 1, 4, 0x00000401)] if tag else []))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8)
    return ((head + first).ljust(400, b"\0") + maker).ljust(500, b"\0") + inside + bytes(4000)


RAWS = {
    "DSC_0001.NEF": (tiff_of(b"NIKON CORPORATION\0", 32803, ">"), "nef"),
    "DSC00001.ARW": (tiff_of(b"SONY\0", 32803), "arw"),
    "IMG_0001.DNG": (tiff_of(b"Google\0", 34892, tag=50706), "dng"),
    "IMGP0001.PEF": (tiff_of(b"PENTAX\0", 32803, ">"), "pef"),
    "新相机.tif": (tiff_of(b"NEWMAKER\0", 32803), "raw"),
    "IMG_0001.CR2": (b"II*\0\x10\0\0\0CR\x02\0" + bytes(400), "cr2"),
    "IMG_0001.CR3": (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom" + bytes(400), "cr3"),
    "DSCF0001.RAF": (b"FUJIFILMCCD-RAW 0201FF383501" + bytes(400), "raf"),
    "P1010001.ORF": (b"IIRO\x08\0\0\0" + bytes(400), "orf"),
    "P1010002.RW2": (b"IIU\0\x18\0\0\0" + bytes(400), "rw2"),
    "DSC_0002.nef": (noisy("TIFF", (160, 120)), "nef"),  # a camera's file whose directory says nothing of the sensor
}


@pytest.mark.parametrize("name", RAWS)
def test_camera_raw_is_called_so_and_to_be_exported_as_jpeg(campaign: Campaign, name: str) -> None:
    data, kind = RAWS[name]
    for called in (name, f"{name}.jpg") if not name.endswith("nef") else (name,):
        (finding,) = judged(data, campaign, called).findings
        assert finding.rule == "file.format"
        assert "RAW" in finding.message
        assert kind in finding.message
        assert "导出为 JPG" in finding.fix


@pytest.mark.parametrize(
    "data", [b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff" + b"\1" * 99, b"MM\0*\0\0\0\x08"]
)
def test_a_torn_directory_is_no_camera_raw(campaign: Campaign, data: bytes) -> None:
    assert rules(judged(data, campaign, "x.tif")) in (["photo.damaged"], ["file.unreadable"])


@pytest.mark.parametrize("name", ["IMG_1.HEIC", "IMG_1.jpg"])
@pytest.mark.parametrize("form", ["heic", "avif"])
def test_what_telephones_and_browsers_save_is_told_how_to_become_a_jpeg(
    campaign: Campaign, name: str, form: str
) -> None:
    data = noisy("HEIF" if form == "heic" else "AVIF")
    (finding,) = judged(data, campaign, name.replace("HEIC", form)).findings
    assert form in finding.message
    assert "JPG" in finding.fix
    assert judged(data, collecting(campaign, form), name).verdict is Verdict.ACCEPTED


def test_a_thumbnail_that_a_camera_put_behind_its_tiff_is_no_damage(campaign: Campaign) -> None:
    data = bytearray(noisy("TIFF", pages=2))
    at = data.rindex(struct.pack("<HHLHH", 259, 3, 1, 1, 0))  # the compression of the second page
    data[at : at + 12] = struct.pack("<HHLHH", 259, 3, 1, 6, 0)
    assert judged(bytes(data), campaign, "照片.tif").verdict is Verdict.ACCEPTED
