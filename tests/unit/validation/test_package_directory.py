"""What a zip's directory says, how its names are read, and that none of it leads anywhere else."""

from __future__ import annotations

import io
import random
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baosong.campaign import Campaign
from baosong.ledger import Submission
from baosong.pipeline import unpack
from baosong.preservation import records
from baosong.rules.findings import Checked, Kind, Verdict
from baosong.store.keys import parse_key
from baosong.store.source import Source
from baosong.validation.common.filetypes import identify
from baosong.validation.packages import contents, directory, is_bundle, names, offline
from baosong_local.samples import documents
from baosong_local.samples.media import make_photo
from package_help import Raw, claiming, gbk, info_zip, link, locked, mac, packed, packed_by, patched

PRESS = "科技活动周启动 https://www.xjdaily.com/一".encode()


def source(data: bytes, name: str = "材料.zip") -> Source:
    return Source(name, len(data), lambda: io.BytesIO(data))


def paths(data: bytes, campaign: Campaign) -> list[str]:
    return [member.path for member in directory.read(source(data), campaign)]


def refused(data: bytes, campaign: Campaign) -> tuple[str, str]:
    """Return rule and member of the one finding on a bundle that is not unpacked."""
    (only,) = answers(data, campaign)
    assert only[2].verdict is Verdict.REJECTED
    (finding,) = only[2].findings
    return finding.rule, finding.where.get("member", "")


def answers(data: bytes, campaign: Campaign, kind: Kind | None = None) -> list[tuple[str, Kind | None, Checked]]:
    return list(offline.check(source(data), kind, campaign, campaign.prefecture("6501")))


def told(data: bytes, campaign: Campaign, kind: Kind | None = None) -> dict[str, list[str]]:
    return {path: [f.rule for f in checked.findings] for path, _, checked in answers(data, campaign, kind)}


# --- names


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        (gbk("照片/启动仪式1.jpg"), "照片/启动仪式1.jpg"),
        (gbk("目录.docx"), "目录.docx"),  # reads as UTF-8 as well: Ŀ¼
        (gbk("照片\\1.jpg"), "照片/1.jpg"),
        (gbk("誠\\1.jpg"), "誠/1.jpg"),  # its second byte is a backslash
        (mac("照片/1.jpg"), "照片/1.jpg"),
        (mac("ئۇيغۇرچە.docx"), "ئۇيغۇرچە.docx"),
        (mac("cafe\u0301.jpg"), "café.jpg"),
        (info_zip("照片/1.jpg", b"??/1.jpg"), "照片/1.jpg"),
        (info_zip("照片/1.jpg", "视频/1.mov".encode("gbk"), of=b"another"), "视频/1.mov"),
        ("照片/1.jpg", "照片/1.jpg"),
        ("./照片//1.jpg", "照片/1.jpg"),
        ("照片/a\x07\u2028b.jpg", "照片/a__b.jpg"),
    ],
)
def test_a_name_is_read_as_its_maker_saw_it(entry: Any, path: str, campaign: Campaign) -> None:
    assert paths(packed([(entry, PRESS)]), campaign) == [path]


def test_all_names_of_a_zip_are_read_in_one_code(campaign: Campaign) -> None:
    data = packed([(gbk("目录.docx"), b"1"), (gbk("照片/1.jpg"), b"2")])
    assert paths(data, campaign) == ["目录.docx", "照片/1.jpg"]


@pytest.mark.parametrize(
    "name",
    [
        "../x.txt",
        "照片/../../x.txt",
        "/etc/x.txt",
        "C:\\x.txt",
        "c:x.txt",
        "\\\\host\\x.txt",
        "照片/.. /x.txt",
        "..\\x",
        "../",
    ],
)
def test_a_path_that_leads_out_keeps_the_whole_bundle_packed(name: str, campaign: Campaign) -> None:
    rule, member = refused(packed({"链接.txt": PRESS, name: b""}), campaign)
    assert (rule, member) == ("file.bundle_path", name)


def test_debris_folders_and_markers_are_no_files(campaign: Campaign) -> None:
    debris = ["__MACOSX/照片/._1.jpg", "照片/.DS_Store", "Thumbs.db", "照片/~$总结.docx", "照片/", "空文件夹\\"]
    assert paths(packed(dict.fromkeys(debris, b"") | {"链接.txt": PRESS}), campaign) == ["链接.txt"]
    assert refused(packed(dict.fromkeys(debris, b"")), campaign) == ("file.bundle_empty", "")
    assert refused(packed({}), campaign) == ("file.bundle_empty", "")


def test_names_that_are_too_long_are_shortened_and_kept_apart(campaign: Campaign) -> None:
    long = "报" * 100
    found = paths(
        packed({f"{long}甲.txt": PRESS, f"{long}乙.txt": PRESS, f"{'目' * 80}/" * 20 + "深.txt": PRESS}), campaign
    )
    assert len(set(found)) == 3
    assert all(len(part.encode()) <= 255 for path in found for part in path.split("/"))
    assert all(len(path.encode()) <= names.LONGEST_PATH and path.endswith(".txt") for path in found)
    assert told(packed({f"{long}.txt": PRESS}), campaign, Kind.PRESS)[
        paths(packed({f"{long}.txt": PRESS}), campaign)[0]
    ] == ["file.bundle_name"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "pair", [("照片/1.txt", "照片/1.txt"), ("caf\u00e9.txt", "cafe\u0301.txt"), ("a\\b.txt", "a/b.txt")]
)
def test_twins_are_told_and_the_others_reviewed(pair: tuple[str, str], campaign: Campaign) -> None:
    data = packed([(pair[0], PRESS), (pair[1], PRESS), ("链接.txt", PRESS), ("链接.TXT", PRESS)])
    found = [[f.rule for f in checked.findings] for _, _, checked in answers(data, campaign, Kind.PRESS)]
    assert found == [["file.bundle"], ["file.bundle_twin"], ["file.bundle_twin"], [], []]


NOW = datetime(2023, 6, 1, tzinfo=UTC)
BUNDLE = {"id": 7, "campaign": "2023", "prefecture": "6501", "key": "2023/6501-乌鲁木齐市/照片/材料.zip", "size": 9}
BUNDLE |= {"name": "材料.zip", "folder": "照片", "identity": "a|9", "etag": "a", "modified_at": NOW, "received_at": NOW}

any_name = st.one_of(
    st.text(max_size=40),
    st.text(st.sampled_from("./\\ :\x00\x1f照a~\u202e"), max_size=30),
    st.lists(
        st.sampled_from(["..", ".", "", "照片", "a" * 300, "报" * 120, "C:", "x.jpg", " ", "\u0301"]), max_size=30
    ).map("/".join),
)


@settings(max_examples=300, deadline=None)
@given(name=any_name, kind=st.sampled_from([*Kind, None]))
def test_no_name_leads_out_of_its_folder(campaign: Campaign, name: str, kind: Kind | None) -> None:
    try:
        path = names.sane(names.path_of(name)) or directory.UNNAMED
    except names.Unsafe:
        return
    parts = path.split("/")
    assert not set(parts) & {"", ".", ".."}
    assert all(len(part.encode()) <= names.LONGEST_PART for part in parts)
    assert not any(ord(c) < 32 or c == "\\" for c in path)
    assert len(path.encode()) <= names.LONGEST_PATH
    bundle = Submission(**BUNDLE)
    arrival = unpack._arrival(bundle, directory.Member(3, path, 0, 1, 1, 0, 0), kind, campaign)
    assert arrival.key == f"{bundle.key}/{path}"
    assert (parse_key(arrival.key).campaign_id, parse_key(arrival.key).code) == ("2023", "6501")
    assert not kind or campaign.deliverable(kind).single or arrival.slot.endswith(f"材料/{path}")
    folder = f"2023/6501/{kind.value if kind else 'unclassified'}/"
    key = records.object_key(Submission(campaign="2023", prefecture="6501", kind=kind, name=arrival.name), "0" * 64)
    assert key.startswith(folder)
    assert "/" not in key.removeprefix(folder)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=4, unique=True))
def test_no_bytes_of_names_make_a_directory_raise(raw: list[bytes]) -> None:
    infos = [Raw(b) for b in raw]
    data = packed([(info, b"x") for info in infos])
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert len(names.decoded(opened.infolist())) == len(raw)


# --- sizes, places, methods


def test_a_bomb_is_known_by_its_directory(campaign: Campaign) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("unpacked")

    small = packed({"链接.txt": PRESS, "零.bin": bytes(1 << 20)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "kinds", never)
        assert refused(claiming(small, 300 << 20, 1), campaign)[0] == "file.bomb"


def test_what_is_large_may_not_grow_as_much_as_what_is_small() -> None:
    def info(size: int, packed_in: int) -> zipfile.ZipInfo:
        made = zipfile.ZipInfo("x")
        made.file_size, made.compress_size = size, packed_in
        return made

    def guard(*sizes: tuple[int, int]) -> None:
        directory._guard_sizes([info(*size) for size in sizes], sum(small for _, small in sizes), 50 << 30)

    guard((100 << 20, 1 << 20), (1 << 20, 0), (9 << 30, 1 << 30))
    for bad in [(300 << 20, 1 << 20), (30 << 30, 2 << 30), (60 << 30, 60 << 30)]:
        with pytest.raises(directory.Refused):
            guard(bad, (1, 1))


def test_more_than_the_largest_deliverable_is_too_much(campaign: Campaign) -> None:
    stored = packed({f"{n}.bin": bytes(1000) for n in range(20)}, zipfile.ZIP_STORED)
    huge = patched(patched(stored, 24, "<L", 0xFFFFFFF0), 20, "<L", 0xFFFFFFF0)
    assert refused(huge, campaign)[0] == "file.bomb"


def test_members_that_share_bytes_are_refused(campaign: Campaign) -> None:
    data = packed({"a.txt": PRESS, "b.txt": PRESS})
    assert refused(patched(data, 42, "<L", 0), campaign)[0] == "file.unreadable"


def test_more_files_than_the_campaign_asks_for_are_refused(campaign: Campaign) -> None:
    crowd = packed({f"照片/{n}.jpg": b"" for n in range(10_000)})
    assert refused(crowd, campaign)[0] == "file.bundle_crowded"
    assert refused(packed({f"照片/{n}.jpg": b"" for n in range(10_001)}), campaign)[0] == "file.bundle_crowded"
    most = sum(d.max for d in campaign.deliverables)
    assert len(paths(packed({f"照片/{n}.jpg": b"" for n in range(most)}), campaign)) == most


@pytest.mark.parametrize("member", [None, 1])
def test_a_password_is_told_for_the_whole(member: int | None, campaign: Campaign) -> None:
    data = packed({"链接.txt": PRESS, "b.txt": PRESS})
    assert refused(locked(data, member), campaign) == ("file.encrypted", "")


@pytest.mark.parametrize(("method", "word"), [(93, "Zstandard"), (98, "PPMd"), (77, "77"), (99, "加密")])
def test_a_method_that_is_not_read_costs_that_member_alone(
    method: int, word: str, campaign: Campaign, tmp_path: Path
) -> None:
    """It is answered by its name; what is kept of it are the bytes as they came."""
    data = patched(packed({"媒体报道/链接.txt": PRESS * 500, "照片/1.jpg": PRESS}), 10, "<H", method, 1)
    assert told(data, campaign) == {"": ["file.bundle"], "媒体报道/链接.txt": [], "照片/1.jpg": ["file.bundle_method"]}
    (told_so,) = answers(data, campaign)[2][2].findings
    assert word in told_so.message
    assert "单独" in told_so.fix
    _, photo = directory.read(source(data), campaign)
    with contents.unpacked(source(data), photo, tmp_path) as copy, copy.source("a").open() as kept:
        assert copy.size == photo.size == photo.packed
        assert kept.read() in data


def test_a_film_of_an_unread_method_in_no_folder_is_answered_too(campaign: Campaign) -> None:
    data = patched(packed({"a.mov": PRESS, "密件/（绝密）a.txt": PRESS}), 10, "<H", 93, 0)
    found = told(patched(data, 10, "<H", 93, 1), campaign)
    assert found == {"": ["file.bundle"], "a.mov": ["file.bundle_method"], "密件/（绝密）a.txt": ["file.classified"]}


OTHERS = [9, 12, 14, 95]
GOOD = {"媒体报道/链接.txt": PRESS * 500, "照片/1.jpg": make_photo(1, "乌鲁木齐市", (1100, 800))}


@pytest.mark.parametrize("method", OTHERS)
def test_what_windows_and_7_zip_pack_by_other_methods_is_unpacked(method: int, campaign: Campaign) -> None:
    data = packed_by(method, GOOD)
    assert told(data, campaign) == {"": ["file.bundle"], "媒体报道/链接.txt": [], "照片/1.jpg": []}


@pytest.mark.parametrize("method", OTHERS)
@pytest.mark.parametrize("harm", ["hole", "cut", "sum", "short", "long"])
def test_a_member_of_another_method_that_is_damaged_sends_the_whole_back(
    method: int, harm: str, campaign: Campaign
) -> None:
    data = packed_by(method, {"a.txt": PRESS, **GOOD})
    (start,) = [m.at + 60 for m in directory.read(source(data), campaign) if m.path == "照片/1.jpg"]
    size = len(GOOD["照片/1.jpg"])
    bad = {
        "hole": lambda: data[: start + 9000] + bytes(300) + data[start + 9300 :],
        "cut": lambda: patched(data, 20, "<L", size // 2, 2),
        "sum": lambda: patched(data, 16, "<L", 1, 2),
        "short": lambda: patched(data, 24, "<L", size - 1, 2),
        "long": lambda: patched(data, 24, "<L", size + 1, 2),
    }[harm]()
    assert refused(bad, campaign) == ("file.unreadable", "照片/1.jpg")


def test_a_dictionary_of_four_gigabytes_fills_no_memory(campaign: Campaign) -> None:
    data = bytearray(packed_by(14, GOOD))
    at = data.index(b"\x5d\0")  # the properties: lc, lp, pb, then the dictionary's size
    data[at + 1 : at + 5] = b"\xff\xff\xff\xff"
    assert refused(bytes(data), campaign)[0] == "file.unreadable"


def test_a_zip_beyond_4_gb_without_zip64_is_not_to_be_packed_the_same_way_again(
    campaign: Campaign, tmp_path: Path
) -> None:
    data = packed({"视频/a.mov": PRESS, "媒体报道/链接.txt": PRESS}, zipfile.ZIP_STORED)
    place = data.index(b"PK\1\2")
    sparse = tmp_path / "大.zip"
    with sparse.open("wb") as out:
        out.write(data[:place])
        out.seek(place + (1 << 32))  # as if the first member had been that much larger
        out.write(data[place:])
    with pytest.raises(directory.Refused) as told_so:
        directory.read(Source.from_path(sparse), campaign)
    found = told_so.value.finding
    assert "4 GB" in found.message
    assert "同样的方法" in found.fix
    assert "视频文件夹" in found.fix


def test_a_zip64_directory_is_read(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(zipfile, "ZIP64_LIMIT", 10)
        data = packed({"媒体报道/链接.txt": PRESS, "照片/1.jpg": make_photo(1, "乌鲁木齐市", (1100, 800))})
    assert b"PK\x06\x06" in data
    assert told(data, campaign) == {"": ["file.bundle"], "媒体报道/链接.txt": [], "照片/1.jpg": []}


# --- contents


@pytest.mark.parametrize("size", [1, len(PRESS) - 1, len(PRESS) + 1, len(PRESS) + 1000])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_directory_that_lies_about_a_size_is_found_out(size: int, method: int, campaign: Campaign) -> None:
    lying = claiming(packed({"a.txt": PRESS * 2, "媒体报道/链接.txt": PRESS}, method), size, 1)
    assert refused(lying, campaign) == ("file.unreadable", "媒体报道/链接.txt")


def test_one_damaged_byte_sends_the_whole_back(campaign: Campaign) -> None:
    data = bytearray(packed({"a.txt": PRESS, "b.txt": PRESS * 9}, zipfile.ZIP_STORED))
    data[data.rindex(PRESS)] ^= 1
    assert refused(bytes(data), campaign) == ("file.unreadable", "b.txt")


@settings(max_examples=60, deadline=None)
@given(
    cut=st.floats(0, 1), noise=st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=1, max_size=8)), max_size=4)
)
def test_no_damage_makes_a_review_raise(campaign: Campaign, cut: float, noise: list[tuple[float, bytes]]) -> None:
    data = bytearray(packed([(gbk("照片/1.txt"), PRESS), (link("b"), b"a"), ("c.zip", packed({})), ("d.txt", PRESS)]))
    for at, new in noise:
        start = int(at * len(data))
        data[start : start + len(new)] = new[: len(data) - start]
    for _, _, checked in answers(bytes(data[: int(cut * len(data))]) or b"P", campaign):
        assert all(f.fix or f.severity == "note" for f in checked.findings)


def test_a_truncated_bundle_is_refused(campaign: Campaign) -> None:
    data = packed({"链接.txt": PRESS, "b.bin": bytes(range(256)) * 40})
    assert refused(data[:-30], campaign)[0] == "file.unreadable"


def test_links_and_inner_zips_are_told_and_the_others_reviewed(campaign: Campaign) -> None:
    inner = packed({"x.txt": PRESS})
    data = packed(
        [
            (link("照片/快捷.jpg"), b"/etc/passwd"),
            ("照片/里面.zip", inner),
            ("y.rar", b"Rar!\x1a\x07\x01\x00"),
            ("媒体报道/a.txt", PRESS),
        ]
    )
    assert told(data, campaign) == {
        "": ["file.bundle"],
        "照片/快捷.jpg": ["file.bundle_link"],
        "照片/里面.zip": ["file.bundle_nested"],
        "y.rar": ["file.bundle_nested"],
        "媒体报道/a.txt": [],
    }


def test_a_member_is_of_its_folders_else_of_the_bundles_else_of_its_contents_deliverable(campaign: Campaign) -> None:
    photo, report = (
        make_photo(2, "乌鲁木齐市", (1100, 800)),
        documents.make_report(campaign, campaign.prefecture("6501"), 1),
    )
    data = packed({"全部/媒体报道/照片/1.jpg": photo, "2.jpg": photo, "总结.docx": report})
    assert [kind for _, kind, _ in answers(data, campaign)[1:]] == [Kind.PRESS, Kind.PHOTO, Kind.REPORT]
    assert [kind for _, kind, _ in answers(data, campaign, Kind.PRESS)[1:]] == [Kind.PRESS] * 3


def test_a_marked_name_anywhere_holds_what_bears_it(campaign: Campaign) -> None:
    data = packed({"机密★一年/1.txt": PRESS, "媒体报道/a.txt": PRESS})
    assert [checked.verdict for _, _, checked in answers(data, campaign)] == ["accepted", "held", "accepted"]
    (only,) = offline.check(source(data, "机密★全部.zip"), None, campaign, None)
    assert only[2].verdict is Verdict.HELD


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_mark_is_found_in_a_twin_and_in_a_name_too_long_to_keep(campaign: Campaign) -> None:
    marked = "密级：机密".encode()
    data = packed([("a.txt", marked), ("a.txt", PRESS), (f"{'目' * 80}/" * 20 + "机密★/媒体报道/深.txt", PRESS)])
    verdicts = [checked.verdict for _, _, checked in answers(data, campaign, Kind.PRESS)]
    assert verdicts == ["accepted", "held", "rejected", "held"]


def test_only_a_zip_by_name_and_content_is_a_bundle(campaign: Campaign) -> None:
    data = packed({"链接.txt": PRESS})
    assert is_bundle(source(data, "材料.ZIP"))
    assert not is_bundle(source(data, "总结.docx"))
    assert not is_bundle(source(b"Rar!\x1a\x07\x01\x00", "材料.zip"))
    assert not is_bundle(source(b"", "材料.zip"))
    office = documents.make_report(campaign, campaign.prefecture("6501"), 1)
    assert identify(source(office, "总结.zip")) == "docx"
    assert not is_bundle(source(office, "总结.zip"))


def test_a_large_member_passes_through_a_file_not_through_memory(campaign: Campaign, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(40 << 20)
    data = packed({"视频/大.mov": content})
    (member,) = directory.read(source(data), campaign)
    with contents.unpacked(source(data), member, tmp_path) as copy:
        assert copy.size == len(content)
        first, second = copy.source("a").open(), copy.source("a").open()
        first.seek(1 << 20)
        assert (first.read(4), second.read(4)) == (content[1 << 20 :][:4], content[:4])
        assert not list(tmp_path.iterdir())
