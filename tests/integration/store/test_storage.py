"""The storage contract, held against a real S3 server: jails, identities, ranges, retries."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from minio import Minio
from minio.helpers import md5sum_hash

from baosong.campaign import Campaign
from baosong.store.settings import S3Settings
from baosong.store.storage import PART_SIZE, Storage, StorageError
from baosong_local.stack.objectstore import ObjectStore
from baosong_local.stack.process import stop
from faults import dying_at_part_two, in_child, kill, kill_half_way
from faulty_store import in_front_of, requests_of_a_write
from servers import Store
from servers import run as start_server
from waiting import free_port, tick, until

MINE = "2023/6501-乌鲁木齐市/统计表/2023年统计表.xlsx"
OTHER = "2023/6502-克拉玛依市/统计表/2023年统计表.xlsx"
KeyMaker = Callable[..., S3Settings]


@pytest.fixture
def urumqi(prefecture_keys: KeyMaker, campaign: Campaign) -> Storage:
    return Storage(prefecture_keys(campaign, "6501"), retry_timeout=0.2)


@pytest.fixture
def karamay(prefecture_keys: KeyMaker, campaign: Campaign) -> Storage:
    return Storage(prefecture_keys(campaign, "6502"), retry_timeout=0.2)


@pytest.fixture
def many(store: Store, s3: S3Settings) -> list[str]:
    """Return the keys of more objects than one page of a listing holds."""
    folder = store.server.data / s3.buckets["intake"] / "many"
    folder.mkdir()
    folder.chmod(0o755)
    names = [f"{n:04}" for n in range(1050)]
    for name in names:
        (folder / name).touch()
    return [f"many/{name}" for name in names]


def keys(storage: Storage, bucket: str = "intake", prefix: str = "") -> list[str]:
    return [stored.key for stored in storage.list(bucket, prefix)]


class TestJails:
    def test_a_prefecture_cannot_see_change_or_remove_what_another_has_sent(
        self, urumqi: Storage, karamay: Storage, storage: Storage
    ) -> None:
        karamay.put("intake", OTHER, b"theirs")
        assert keys(urumqi) == []
        for attempt in (
            lambda: keys(urumqi, prefix="2023/6502-克拉玛依市/"),
            lambda: urumqi.stat("intake", OTHER),
            lambda: urumqi.read("intake", OTHER),
            lambda: urumqi.put("intake", OTHER, b"forged"),
            lambda: urumqi.remove("intake", OTHER),
        ):
            with pytest.raises(StorageError, match="拒绝访问（AccessDenied）"):
                attempt()
        assert storage.read("intake", OTHER) == b"theirs"

    @pytest.mark.parametrize("key", ["x.xlsx", "2023/x.xlsx", OTHER, MINE.replace("2023", "2024")])
    def test_a_put_outside_its_own_area_is_refused_and_leaves_nothing(
        self, urumqi: Storage, storage: Storage, store: Store, key: str
    ) -> None:
        with pytest.raises(StorageError):
            urumqi.put("intake", key, b"astray")
        assert keys(storage) == []
        jails = store.server.folder / "roots"
        assert not [p for p in jails.rglob("*") if p.is_file() and not p.is_symlink()]

    @pytest.mark.parametrize("bucket", ["archive", "quarantine", "reports"])
    def test_the_pipelines_own_buckets_do_not_exist_for_a_prefecture(
        self, urumqi: Storage, storage: Storage, bucket: str
    ) -> None:
        storage.put(bucket, "2023/6501/x", b"1")
        with pytest.raises(StorageError):
            urumqi.read(bucket, "2023/6501/x")
        with pytest.raises(StorageError):
            urumqi.put(bucket, "2023/6501/y", b"1")
        with pytest.raises(StorageError):
            list(urumqi.list(bucket))

    def test_a_prefecture_can_read_its_outbox_and_not_write_to_it(self, urumqi: Storage, storage: Storage) -> None:
        receipt = "2023/6501-乌鲁木齐市/回执/0001.html"
        storage.put("outbox", receipt, b"<p>")
        assert urumqi.read("outbox", receipt) == b"<p>"
        for attempt in (
            lambda: urumqi.put("outbox", receipt, b"forged"),
            lambda: urumqi.put("outbox", "2023/6501-乌鲁木齐市/x", b"1"),
            lambda: urumqi.remove("outbox", receipt),
        ):
            with pytest.raises(StorageError):
                attempt()
        assert storage.read("outbox", receipt) == b"<p>"

    def test_a_prefecture_can_make_no_bucket(self, urumqi: Storage, s3: S3Settings) -> None:
        with pytest.raises(StorageError):
            urumqi.ensure_buckets()

    @pytest.mark.parametrize("key", ["NOBODY", "../PIPELINE", "P*"])
    def test_an_unknown_key_is_refused_at_once(self, s3: S3Settings, key: str) -> None:
        with pytest.raises(StorageError, match="拒绝访问"):
            list(Storage(replace(s3, access_key=key)).list("intake"))

    def test_a_known_key_with_a_wrong_secret_is_refused_at_once(self, s3: S3Settings) -> None:
        with pytest.raises(StorageError, match="拒绝访问"):
            Storage(replace(s3, secret_key="0" * 32)).read("intake", "x")

    def test_what_one_key_puts_the_other_sees_at_once(self, urumqi: Storage, storage: Storage) -> None:
        for content in (b"1", b"22", b"333"):
            urumqi.put("intake", MINE, content)
            until(lambda content=content: storage.read("intake", MINE) == content, 1)
        storage.remove("intake", MINE)
        until(lambda: keys(urumqi) == [], 1)

    def test_one_grammar_of_keys_serves_prefecture_and_pipeline(self, urumqi: Storage, storage: Storage) -> None:
        urumqi.put("intake", MINE, b"1")
        until(lambda: keys(storage) == [MINE], 1)
        assert keys(urumqi) == [MINE]
        assert keys(storage, prefix="2023/6501-乌鲁木齐市/统计") == [MINE]

    def test_an_area_emptied_by_the_pipeline_can_be_filled_again(self, urumqi: Storage, storage: Storage) -> None:
        for _ in range(2):
            urumqi.put("intake", MINE, b"1")
            storage.remove("intake", MINE)
        urumqi.put("intake", MINE, b"2")
        until(lambda: storage.stat("intake", MINE) is not None, 1)
        assert storage.read("intake", MINE) == b"2"


class ThroughEitherDoor:
    """What follows holds of each of the store's two servers, the one with its long memory of folders included."""

    @pytest.fixture(params=[False, True], ids=["prefectures", "custody"])
    def through(self, request: pytest.FixtureRequest, s3: S3Settings, internal_server: ObjectStore) -> S3Settings:
        return replace(s3, endpoint=internal_server.endpoint) if request.param else s3

    @pytest.fixture
    def storage(self, through: S3Settings) -> Storage:
        storage = Storage(through)
        storage.ensure_buckets()
        return storage


def size_of(storage: Storage, key: str) -> int | None:
    found = storage.head("archive", key)
    return found.size if found else None


class TestPartsOfTheDead:
    """What a sender that died has left on the disk, where nobody can list it."""

    @pytest.fixture
    def door(self, store: Store) -> ObjectStore:
        return store.server.internal_server(free_port(), store.server.log.with_name("parts.log"))

    def left(self, door: ObjectStore, s3: S3Settings) -> list[Path]:
        """Let a sender die, and return what lies there then."""
        through, content = replace(s3, endpoint=door.endpoint), bytes(PART_SIZE + 2**20)
        assert in_child(lambda: dying_at_part_two(through, "2023/x", content, kill)).killed
        assert keys(Storage(through), "archive") == []
        return self.parts(door, s3)

    def parts(self, door: ObjectStore, s3: S3Settings) -> list[Path]:
        return [p for p in (door.data / s3.buckets["archive"]).rglob("*") if p.is_file()]

    def test_they_are_removed_by_the_server_when_nothing_more_has_come_for_a_while(
        self, door: ObjectStore, s3: S3Settings
    ) -> None:
        soon = replace(door, expiry="2s")
        child = start_server(soon.program(), soon.is_ready)
        try:
            self.left(soon, s3)
            until(lambda: "aborting multipart upload" in soon.log.read_text("utf-8"), what="the end of the upload")
            until(lambda: self.parts(soon, s3) == [], what="the removal of the parts")
        finally:
            stop(child, soon.program().stop)

    def test_they_are_removed_before_the_server_starts_again(self, door: ObjectStore, s3: S3Settings) -> None:
        child = start_server(door.program(), door.is_ready)
        try:
            (left,) = self.left(door, s3)
        finally:
            child.kill()
            child.wait()
        assert left.exists()
        assert door.sweep_temporaries([s3.buckets["archive"]]) == 1
        assert not left.exists()

    def test_each_door_forgets_them_in_the_time_of_those_who_write_through_it(
        self, door: ObjectStore, store: Store
    ) -> None:
        assert "--multipart-expiry=24h" in store.server.program().argv
        assert "--multipart-expiry=1h" in door.program().argv


class TestBothDoors:
    """The pipeline as the stack runs it: the intake through the prefectures' door, all else through its own."""

    @pytest.fixture
    def storage(self, s3: S3Settings, internal_server: ObjectStore) -> Storage:
        storage = Storage(replace(s3, internal_endpoint=internal_server.endpoint))
        storage.ensure_buckets()
        return storage

    def test_a_prefecture_sees_at_once_what_is_put_replaced_and_removed_in_its_outbox(
        self, urumqi: Storage, storage: Storage
    ) -> None:
        for content in (b"1", b"22", b"333"):
            storage.put("outbox", MINE, content)
            assert storage.read("outbox", MINE) == content
            until(
                lambda content=content: keys(urumqi, "outbox") == [MINE] and urumqi.read("outbox", MINE) == content, 1
            )
        storage.remove("outbox", MINE)
        assert keys(storage, "outbox") == []
        until(lambda: keys(urumqi, "outbox") == [] and urumqi.head("outbox", MINE) is None, 1)

    def test_the_pipeline_sees_and_removes_at_once_what_a_prefecture_puts(
        self, urumqi: Storage, storage: Storage
    ) -> None:
        for content in (b"1", b"22"):
            urumqi.put("intake", MINE, content)
            until(lambda content=content: storage.read("intake", MINE) == content, 1)
            (stored,) = storage.list("intake")
            assert storage.remove_unchanged("intake", [stored]) == []
            until(lambda: keys(urumqi) == [], 1)

    def test_an_area_that_is_opened_after_the_door_has_looked_can_be_filled(
        self, storage: Storage, prefecture_keys: KeyMaker, campaign: Campaign
    ) -> None:
        storage.put("outbox", OTHER, b"1")
        assert keys(storage, "outbox") == [OTHER]
        urumqi = Storage(prefecture_keys(campaign, "6501"), retry_timeout=0.2)
        assert storage.head("outbox", MINE) is None
        storage.put("outbox", MINE, b"2")
        until(lambda: keys(urumqi, "outbox") == [MINE], 1)
        assert keys(storage, "outbox") == [MINE, OTHER]

    def test_many_who_write_and_remove_in_one_folder_at_once_see_it_alike(
        self, s3: S3Settings, internal_server: ObjectStore, storage: Storage
    ) -> None:
        """Processes of the stack have clients of their own, but share the server and hence its memory of the folder."""
        others = [Storage(replace(s3, internal_endpoint=internal_server.endpoint)) for _ in range(4)]

        def work(number: int) -> None:
            for n in range(20):
                key = f"2023/6501/photo/{number}-{n}.jpg"
                others[number].put("archive", key, b"x" * n)
                if n % 2:
                    others[number].remove("archive", key)
                found = others[(number + 1) % 4].head("archive", key)
                assert (found.size if found else None) == (None if n % 2 else n)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert len(keys(storage, "archive")) == 40

    @pytest.mark.parametrize("key", ["2023/6501/photo/known.jpg", "2023/6501/press/first/folder.txt"])
    def test_what_another_process_writes_through_the_same_door_is_seen_at_once_though_the_door_remembers(
        self, s3: S3Settings, internal_server: ObjectStore, storage: Storage, key: str
    ) -> None:
        """Put, written over, in parts, removed, and put again: also where the door remembers that no folder is."""
        other = Storage(replace(s3, internal_endpoint=internal_server.endpoint), retry_timeout=0.2)
        storage.put("archive", "2023/6501/photo/beside.jpg", b"1")
        assert "--dir-cache-time=1m" in internal_server.program().argv

        def seen() -> bytes | None:
            """Look in every way, which also fills the door's memory; all must tell the same."""
            head, stat = other.head("archive", key), other.stat("archive", key)
            sizes = {s.key: s.size for s in other.list("archive")}
            found = other.read("archive", key) if head else None
            told = (head and head.size, stat and stat.size, sizes.get(key))
            assert told == (3 * (len(found),) if found is not None else (None, None, None))
            assert "2023/6501/photo/beside.jpg" in sizes
            return found

        for _ in range(2):
            assert seen() is None
            for content in (b"1", b"22", b"33", bytes(PART_SIZE + 1), b""):
                storage.put("archive", key, content)
                assert seen() == content
            storage.remove("archive", key)
        assert seen() is None

    def test_what_somebody_does_on_the_disk_is_seen_when_the_doors_memory_ends(
        self, store: Store, s3: S3Settings
    ) -> None:
        """Restored from a backup: a file put, written over and removed by hand, in a folder known and in a new one."""
        door = store.server.internal_server(free_port(), store.server.log.with_name("forgetful.log"))
        soon = replace(door, freshness="300ms")
        child = start_server(soon.program(), soon.is_ready)
        try:
            storage = Storage(replace(s3, internal_endpoint=soon.endpoint))
            storage.put("archive", "2023/known/beside", b"1")
            folder = soon.data / s3.buckets["archive"] / "2023"
            for key in ("2023/known/x", "2023/restored/x"):
                path = folder.parent / key
                assert storage.head("archive", key) is None
                for content in (b"1", b"22"):
                    path.parent.mkdir(exist_ok=True)
                    path.parent.chmod(0o777)
                    path.write_bytes(content)
                    until(lambda key=key, c=content: size_of(storage, key) == len(c), what="a file put by hand")
                    assert storage.read("archive", key) == content
                path.unlink()
                until(lambda key=key: key not in keys(storage, "archive"), what="a file removed by hand")
                assert storage.head("archive", key) is None
        finally:
            stop(child, soon.program().stop)

    def test_what_is_archived_is_reached_while_the_prefectures_door_is_shut(
        self, s3: S3Settings, internal_server: ObjectStore, storage: Storage, store: Store
    ) -> None:
        storage.put("archive", "2023/x", b"1")
        impatient = Storage(replace(s3, internal_endpoint=internal_server.endpoint), retry_timeout=0.2)
        store.stop()
        try:
            assert impatient.read("archive", "2023/x") == b"1"
            with pytest.raises(StorageError):
                impatient.stat("intake", "2023/x")
        finally:
            store.start()


class TestObjects(ThroughEitherDoor):
    @pytest.mark.parametrize(
        "name",
        [
            "总结报告（终稿）.docx",
            "a b+c%20&=#?.txt",
            "引'\"<script>.html",
            "{{ x }}%(y)s.txt",
            "e\u0301.txt",
            "长" * 84,
        ],
    )
    def test_any_name_comes_back_as_it_was_given(self, storage: Storage, name: str) -> None:
        key = f"2023/6501-乌鲁木齐市/{name}"
        storage.put("intake", key, b"1")
        assert keys(storage) == [key]
        assert storage.read("intake", key) == b"1"
        found = storage.head("intake", key)
        assert (found and (found.key, found.size)) == (key, 1)

    def test_an_empty_object_is_an_object(self, storage: Storage) -> None:
        storage.put("intake", MINE, b"")
        stored = storage.stat("intake", MINE)
        assert stored is not None
        assert stored.size == 0
        assert storage.read("intake", MINE) == b""
        assert storage.open("intake", MINE).read() == b""

    def test_stat_and_list_agree_on_an_objects_identity(self, storage: Storage) -> None:
        storage.put("intake", MINE, b"1")
        storage.put("intake", MINE + ".bak", b"1")
        (listed,) = (s for s in storage.list("intake") if s.key == MINE)
        found = storage.stat("intake", MINE)
        assert found is not None
        assert found.identity == listed.identity
        assert listed.modified.tzinfo is not None

    def test_what_does_not_exist_is_none_or_an_error_and_never_a_wait(self, storage: Storage) -> None:
        assert storage.stat("intake", "no") is None
        assert storage.head("intake", "no") is None
        storage.put("intake", MINE, b"1")
        assert storage.head("intake", MINE.rpartition("/")[0]) is None
        storage.remove("intake", "no")
        for attempt in (storage.read, storage.open):
            with pytest.raises(StorageError, match="没有"):
                attempt("intake", "no")

    def test_an_overwritten_object_has_another_identity_even_at_the_same_size(self, storage: Storage) -> None:
        seen = set()
        for content in (b"aaa", b"bbb", b"ccc"):
            tick()
            storage.put("intake", MINE, content)
            found = storage.stat("intake", MINE)
            assert found is not None
            seen.add(found.identity)
        assert len(seen) == 3

    def test_a_listing_shows_more_than_one_page_once_each(self, storage: Storage, many: list[str]) -> None:
        assert keys(storage) == many

    def test_folders_are_listed_as_such_where_asked(self, storage: Storage) -> None:
        storage.put("outbox", "2023/6501-乌鲁木齐市/x", b"1")
        assert [s.key for s in storage.list("outbox", recursive=False)] == ["2023/"]

    def test_a_listing_begins_after_a_key_where_asked(self, storage: Storage) -> None:
        for name in ("回执-1000号-a.html", "回执-998号-a.html", "回执-999号-a.html", "回执-999号-a.json"):
            storage.put("intake", f"2023/回执/{name}", b"")
        found = [s.key for s in storage.list("intake", "2023/回执/", after="2023/回执/回执-999号")]
        assert found == ["2023/回执/回执-999号-a.html", "2023/回执/回执-999号-a.json"]


class TestRemoveUnchanged:
    def test_the_very_bytes_listed_are_removed(self, storage: Storage) -> None:
        storage.put("intake", MINE, b"read")
        (stored,) = storage.list("intake")
        assert storage.remove_unchanged("intake", [stored]) == []
        assert keys(storage) == []
        assert storage.remove_unchanged("intake", [stored]) == []

    def test_a_replacement_stays(self, urumqi: Storage, storage: Storage) -> None:
        urumqi.put("intake", MINE, b"old")
        (stored,) = storage.list("intake")
        tick()
        urumqi.put("intake", MINE, b"new")
        until(lambda: storage.read("intake", MINE) == b"new", 1)
        assert storage.remove_unchanged("intake", [stored]) == [stored]
        assert storage.read("intake", MINE) == b"new"

    def test_of_several_only_the_replaced_one_stays(self, storage: Storage) -> None:
        for name in "一二三":
            storage.put("intake", f"{MINE}/{name}", b"old")
        listed = list(storage.list("intake", f"{MINE}/"))
        tick()
        storage.put("intake", f"{MINE}/二", b"new")
        storage.remove("intake", f"{MINE}/三")
        assert [s.key for s in storage.remove_unchanged("intake", listed)] == [f"{MINE}/二"]
        assert keys(storage) == [f"{MINE}/二"]

    def test_one_look_tells_for_all_of_them_that_the_store_has_no_versions(
        self, storage: Storage, s3: S3Settings
    ) -> None:
        for name in "一二三四":
            storage.put("outbox", f"2023/x/{name}", b"old")
        listed = list(storage.list("outbox", "2023/x/"))
        storage.remove("outbox", listed[0].key)  # one that is gone tells nothing
        with in_front_of(s3.endpoint_of("outbox")) as proxy:
            proxy.expect({})
            Storage(replace(s3, endpoint=proxy.endpoint, internal_endpoint="")).remove_unchanged("outbox", listed)
            methods = [request.split()[0] for request in proxy.seen]
        assert keys(storage, "outbox") == []
        assert (methods.count("HEAD"), methods.count("DELETE")) == (2, 3)


class TestStreams(ThroughEitherDoor):
    def test_a_large_object_travels_in_parts_and_arrives_whole(self, storage: Storage) -> None:
        content = os.urandom(1024 * 1024) * 17 + b"tail"
        assert len(content) > PART_SIZE
        storage.put_stream("archive", "2023/large", io.BytesIO(content))
        storage.put_stream("archive", "2023/sized", io.BytesIO(content), len(content))
        digest = hashlib.sha256(content).digest()
        assert hashlib.sha256(storage.read("archive", "2023/large")).digest() == digest
        assert hashlib.sha256(storage.open("archive", "2023/sized").read()).digest() == digest

    @pytest.mark.parametrize("act", [kill, kill_half_way], ids=["between", "within"])
    def test_a_sender_that_dies_between_or_within_parts_changes_nothing_that_can_be_seen(
        self, storage: Storage, through: S3Settings, act: Callable[[], None]
    ) -> None:
        content = os.urandom(PART_SIZE + 2**20)
        storage.put("archive", "2023/old", b"whole")
        for key in ("2023/old", "2023/first/new"):
            assert in_child(lambda key=key: dying_at_part_two(through, key, content, act)).killed
        assert [(s.key, s.size) for s in storage.list("archive")] == [("2023/old", 5)]
        assert storage.read("archive", "2023/old") == b"whole"
        assert storage.head("archive", "2023/first/new") is None
        for key in ("2023/old", "2023/first/new"):
            storage.put_stream("archive", key, io.BytesIO(content))
            assert storage.read("archive", key) == content
        assert sorted(keys(storage, "archive")) == ["2023/first/new", "2023/old"]

    @pytest.mark.parametrize("said", [2, 4])
    def test_a_stream_that_is_not_as_long_as_said_is_an_error(self, storage: Storage, said: int) -> None:
        with pytest.raises(StorageError):
            Storage.put_stream(storage, "archive", "x", io.BytesIO(b"abc"), said)

    def test_what_the_store_has_proved_by_its_md5_is_not_asked_for_again(
        self, storage: Storage, through: S3Settings
    ) -> None:
        assert requests_of_a_write(through, "2023/x/proof", {}) == ["PUT"]

    def test_where_the_answer_proves_nothing_the_store_must_show_the_object(
        self, storage: Storage, through: S3Settings
    ) -> None:
        assert requests_of_a_write(through, "2023/x/there", {0: "encrypt"}) == ["PUT", "HEAD"]
        with pytest.raises(StorageError, match="写后核对"):
            requests_of_a_write(through, "2023/x/lost", {0: "swallow"})

    def test_the_store_refuses_what_is_not_what_its_sender_says(self, storage: Storage, through: S3Settings) -> None:
        client = Minio(through.endpoint, through.access_key, through.secret_key, secure=False, region=through.region)
        url = client.presigned_put_object(through.buckets["archive"], "2023/x")
        answer = httpx.put(url, content=b"bytes", headers={"Content-MD5": md5sum_hash(b"other") or ""})
        assert (answer.status_code, "BadDigest" in answer.text) == (400, True)
        assert storage.head("archive", "2023/x") is None

    def test_a_stream_is_sent_from_where_it_stands(self, storage: Storage) -> None:
        stream = io.BytesIO(b"skip-this:content")
        stream.seek(10)
        storage.put_stream("archive", "x", stream)
        assert storage.read("archive", "x") == b"content"

    def test_an_object_replaced_while_it_is_read_is_noticed(self, storage: Storage) -> None:
        storage.put("intake", MINE, b"a" * 300_000)
        reader = storage.open("intake", MINE)
        reader.read(10)
        storage.put("intake", MINE, b"b" * 300_001)
        with pytest.raises(StorageError, match="被替换"):
            reader.read()

    def test_a_check_sees_an_object_as_a_source(self, storage: Storage) -> None:
        storage.put("intake", MINE, b"PK" + b"0" * 100_000)
        (stored,) = storage.list("intake")
        source = storage.source("intake", stored)
        assert (source.name, source.size, source.head(2)) == ("2023年统计表.xlsx", 100_002, b"PK")

    def test_a_small_object_is_one_request_however_it_is_read(self, storage: Storage) -> None:
        content = os.urandom(60_000)
        storage.put("intake", MINE, content)
        reader = storage.open("intake", MINE)
        ends = [reader.read(10), reader.seek(-10, io.SEEK_END), reader.read(), reader.seek(0)]
        assert (ends[0], ends[2], reader.read()) == (content[:10], content[-10:], content)
        assert reader.requests == 1

    def test_reading_the_ends_of_a_large_object_fetches_little_of_it(self, storage: Storage) -> None:
        storage.put("intake", MINE, bytes(8_000_000))
        reader = storage.open("intake", MINE)
        reader.read(1000)
        reader.seek(-1000, io.SEEK_END)
        assert len(reader.read()) == 1000
        reader.seek(0)
        reader.read(1000)
        assert reader.bytes_read <= 2 * 128 * 1024
        assert reader.requests == 2


def test_the_store_reads_a_film_once_where_we_do(storage: Storage, store: Store) -> None:
    """It would read it again to compare checksums, which cost 200 of a film's 235 ms."""
    content = os.urandom(8 << 20)
    storage.put("archive", "2023/film.mov", content)
    before = store.bytes_read()
    assert storage.read("archive", "2023/film.mov") == content
    assert store.bytes_read() - before < 1.5 * len(content)


class TestAnAbsentStore:
    @pytest.fixture
    def stopped(self, store: Store) -> Iterator[Store]:
        store.stop()
        yield store
        if store.child.poll() is not None:
            store.start()

    def test_work_goes_on_when_the_store_comes_back(self, storage: Storage, store: Store) -> None:
        storage.put("intake", MINE, b"1" * 300_000)
        reader = storage.open("intake", MINE)
        reader.read(10)
        reader.seek(200_000)
        store.stop()
        with ThreadPoolExecutor(4) as pool:
            work = [
                pool.submit(storage.put, "intake", "2023/second", b"2"),
                pool.submit(reader.read),
                pool.submit(storage.stat, "intake", MINE),
                pool.submit(keys, storage),
            ]
            done, waiting = wait(work, timeout=0.5)
            assert not done
            store.start()
            done, waiting = wait(work, timeout=20)
            assert not waiting
        assert work[1].result() == b"1" * 100_000
        assert work[2].result() is not None
        assert MINE in work[3].result()
        assert storage.read("intake", "2023/second") == b"2"

    def test_a_listing_interrupted_between_two_pages_goes_on_where_it_was(
        self, storage: Storage, store: Store, many: list[str]
    ) -> None:
        listing = storage.list("intake")
        begun = [next(listing).key for _ in range(500)]
        store.stop()
        with ThreadPoolExecutor(1) as pool:
            rest = pool.submit(lambda: [stored.key for stored in listing])
            done, _ = wait([rest], timeout=0.5)
            assert not done
            store.start()
            assert begun + rest.result(20) == many

    def test_patience_ends_in_one_clear_line(self, s3: S3Settings, stopped: Store) -> None:
        impatient = Storage(s3, retry_timeout=0.3)
        with pytest.raises(StorageError, match="读取 intake/x") as told:
            impatient.read("intake", "x")
        assert "\n" not in str(told.value)


def test_a_store_without_versions_and_locks_says_so_and_goes_on(storage: Storage) -> None:
    """The embedded store answers some of these questions with 200 and nothing: that must not be believed."""
    assert storage.keep_versions("archive") is False
    assert storage.lock("archive", 30) is False
    storage.put("archive", "2023/x", b"1")
    assert storage.versions("archive", "2023/x") == ()
