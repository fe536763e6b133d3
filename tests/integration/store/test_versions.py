"""Versions and locks, on the very store that production runs: SeaweedFS, from its wheel."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from minio import Minio
from playwright.sync_api import sync_playwright

from baosong.campaign import Campaign
from baosong.campaign.model import ArchiveProfile
from baosong.ledger.services import Services
from baosong.pipeline.open_campaign import protect
from baosong.preservation import fixity
from baosong.preservation.fixity import since
from baosong.store.settings import BUCKETS, S3Settings
from baosong.store.storage import PART_SIZE, Storage, StorageError
from faults import dying_at_part_two, in_child, kill
from faulty_store import requests_of_a_write
from intake_run import audit, drop, piece, rows
from intake_run import run as run_intake
from preservation_help import lose, tables
from send_page_help import browser, choose, needs_chromium, page_file, send, wait_until
from send_page_help import opened as opened_page
from waiting import free_port
from weed import serving

pytestmark = pytest.mark.xdist_group("versions")


@pytest.fixture(scope="module")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Settings]:
    each_tests_own = [f"{bucket}-*" for bucket in BUCKETS]
    with serving(tmp_path_factory.mktemp("weed"), each_tests_own, master_volumeSizeLimitMB="16") as server:
        yield server.s3


def test_each_of_the_five_buckets_takes_a_file(storage: Storage) -> None:
    """With the eight volumes of SeaweedFS's default, seven of which the first bucket takes, the third took none."""
    for bucket in BUCKETS:
        storage.put(bucket, "2023/x.txt", b"x")
        assert storage.read(bucket, "2023/x.txt") == b"x"


@needs_chromium
def test_the_production_store_takes_a_film_from_a_page(
    storage: Storage, s3: S3Settings, campaign: Campaign, tmp_path: Path
) -> None:
    """With the pipeline's key: how a prefecture's is limited is the store's own matter."""
    sent = tmp_path / "片.mov"
    sent.write_bytes(b"\0\0\0\x14ftypqt  " + os.urandom(40 << 20))
    assert storage.allow_pages("intake")
    assert storage.allow_pages("outbox")
    path = page_file(tmp_path, campaign, "6501", s3)
    with (
        sync_playwright() as playwright,
        browser(playwright, tmp_path / "profile") as context,
        opened_page(context, path) as page,
    ):
        choose(page, sent)
        send(page)
        wait_until(page, sent.name, "done")
    assert storage.read("intake", f"2023/6501-乌鲁木齐市/视频/{sent.name}") == sent.read_bytes()


@pytest.fixture
def s3(weed: S3Settings) -> S3Settings:
    mark = secrets.token_hex(4)
    settings = S3Settings(
        weed.endpoint,
        weed.access_key,
        weed.secret_key,
        False,
        weed.region,
        {name: f"{name}-{mark}" for name in BUCKETS},
    )
    Storage(settings).ensure_buckets()
    return settings


@pytest.fixture
def locked(campaign: Campaign) -> Campaign:
    return campaign.model_copy(update={"archive": ArchiveProfile(lock_days=30)})


def client(s3: S3Settings) -> Minio:
    return Minio(s3.endpoint, s3.access_key, s3.secret_key, secure=False, region=s3.region)


@pytest.mark.ledger_owner
def test_the_whole_way_of_a_file_on_a_store_with_versions_and_a_lock(services: Services, locked: Campaign) -> None:
    assert protect(services, locked)
    for text in "一二":
        drop(services, piece(text))
        run_intake(services)
    drop(services, b"", "空.txt")
    run_intake(services)
    audit(services)
    before = tables(services.ledger)
    assert fixity.verify(services, "2023", since(datetime.now(UTC)), lambda *_: None).faults == {}
    lose(services)
    from baosong.preservation.rebuild import rebuild

    rebuild(services, lambda *_: None)
    assert {name: found for name, found in tables(services.ledger).items() if name != "custody"} == {
        name: found for name, found in before.items() if name != "custody"
    }


def test_what_is_locked_cannot_be_removed_and_what_was_overwritten_can_be_found_again(
    services: Services, locked: Campaign, s3: S3Settings
) -> None:
    protect(services, locked)
    drop(services, piece())
    run_intake(services)
    (row,) = rows(services)
    key = str(row.archive_key)
    (kept,) = services.storage.versions("archive", key)
    with pytest.raises(Exception, match="AccessDenied"):
        client(s3).remove_object(s3.buckets["archive"], key, version_id=kept.version_id)

    for harm in (
        lambda: services.storage.put("archive", key, b"forged"),
        lambda: services.storage.remove("archive", key),
    ):
        harm()
        (faults,) = fixity.verify(services, "2023", since(datetime.now(UTC)), lambda *_: None).faults.values()
        assert f"存储中留有完好的旧版本 {kept.version_id}" in faults[1]


def test_a_sender_that_dies_between_parts_changes_nothing_that_can_be_seen(s3: S3Settings) -> None:
    """Here the parts lie elsewhere in the store, which names the upload to whoever asks for unfinished ones."""
    storage, content = Storage(s3), os.urandom(PART_SIZE + 2**20)
    assert in_child(lambda: dying_at_part_two(s3, "2023/x", content, kill)).killed
    assert [*storage.list("archive")] == []
    assert storage.head("archive", "2023/x") is None
    unfinished = client(s3)._list_multipart_uploads(s3.buckets["archive"]).uploads
    assert [upload.object_name for upload in unfinished] == ["2023/x"]
    storage.put_stream("archive", "2023/x", io.BytesIO(content))
    assert storage.read("archive", "2023/x") == content
    assert [stored.key for stored in storage.list("archive")] == ["2023/x"]


def test_what_the_store_has_proved_by_its_md5_is_not_asked_for_again(storage: Storage, s3: S3Settings) -> None:
    assert requests_of_a_write(s3, "2023/x/proof", {}) == ["PUT"]


def test_of_several_the_very_versions_that_were_listed_are_removed(storage: Storage, s3: S3Settings) -> None:
    assert storage.keep_versions("intake")
    for name in "一二三":
        storage.put("intake", name, b"old")
    listed = list(storage.list("intake"))
    storage.put("intake", "二", b"newer")
    assert [stored.key for stored in storage.remove_unchanged("intake", listed)] == ["二"]
    assert storage.read("intake", "二") == b"newer"
    assert [len(storage.versions("intake", name)) for name in "一二三"] == [0, 2, 0]
    assert [stored.key for stored in storage.list("intake")] == ["二"]


def test_a_lock_is_never_shortened(services: Services, locked: Campaign, s3: S3Settings) -> None:
    for days, set_ in ((30, 30), (10, 30), (60, 60)):
        assert protect(services, locked.model_copy(update={"archive": ArchiveProfile(lock_days=days)}))
        assert client(s3).get_object_lock_config(s3.buckets["archive"]).duration == set_


def test_a_campaign_without_a_lock_has_versions_only(services: Services, campaign: Campaign, s3: S3Settings) -> None:
    assert protect(services, campaign)
    for bucket in ("archive", "quarantine"):
        assert client(s3).get_bucket_versioning(s3.buckets[bucket]).status == "Enabled"
    with pytest.raises(Exception, match="ObjectLockConfigurationNotFound"):
        client(s3).get_object_lock_config(s3.buckets["archive"])


def test_a_store_that_is_away_is_not_one_without_versions(s3: S3Settings) -> None:
    away = S3Settings(f"127.0.0.1:{free_port()}", "x", "y", False, "us-east-1", s3.buckets)
    with pytest.raises(StorageError):
        Storage(away, retry_timeout=0.2).keep_versions("archive")
