"""The embedded store's wall before rclone: no way around a prefecture's area, and an answer in words, at once."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import quote

import pytest

from baosong.campaign import Campaign
from baosong.store.settings import S3Settings
from baosong.store.storage import Storage
from baosong_local.s3_proxy import held_writes
from baosong_local.stack.objectstore import Area, ObjectStore
from s3_calls import Answer, Call, Sender, path, query
from servers import Store

MINE, THEIRS = "2023/6501-乌鲁木齐市", "2023/6502-克拉玛依市"
OWN, OTHER = f"{MINE}/我的.txt", f"{THEIRS}/别人的.txt"
Send = Callable[[Call], Answer]
KeyMaker = Callable[..., S3Settings]


@pytest.fixture
def ours(prefecture_keys: KeyMaker, campaign: Campaign, storage: Storage) -> S3Settings:
    """The key of 6501, in whose intake lies a file, as in that of its neighbour."""
    prefecture_keys(campaign, "6502")
    found = prefecture_keys(campaign, "6501")
    storage.put("intake", OWN, b"mine")
    storage.put("intake", OTHER, b"theirs")
    return found


@pytest.fixture
def send(ours: S3Settings) -> Iterator[Send]:
    with closing(Sender(ours)) as sender:
        yield sender.send


def assert_refused(answer: Answer, storage: Storage, words: str = "没有执行") -> None:
    assert (answer.status, answer.code) == (403, "AccessDenied"), answer
    assert words in answer.message
    assert storage.read("intake", OWN) == b"mine"
    assert storage.read("intake", OTHER) == b"theirs"
    assert sorted(stored.key for stored in storage.list("intake")) == [OWN, OTHER]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "between", ["/../", "/%2e%2e/", "/%2E./", "%2F..%2F", "/x/../../", "/.//../", "//..//", "/..//./", "/%2e%2e%2f"]
)
def test_no_way_of_writing_a_path_leads_out_of_the_area(
    between: str, method: str, send: Send, s3: S3Settings, storage: Storage
) -> None:
    at = f"{path(s3.buckets['intake'], MINE)}{between}{quote(OTHER.removeprefix('2023/'))}"
    assert_refused(send(Call("", method, at, body=b"forged" if method == "PUT" else b"")), storage)


@pytest.mark.parametrize("before", ["//", "/./", "/x/../", "/%2F"])
def test_nor_do_slashes_and_dots_before_the_bucket(before: str, send: Send, s3: S3Settings, storage: Storage) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = send(Call("", method, f"{before}{path(s3.buckets['intake'], OTHER)[1:]}", body=b"forged"))
        assert_refused(answer, storage)


def test_what_is_quoted_twice_is_a_name_in_the_own_area(send: Send, s3: S3Settings) -> None:
    at = f"{path(s3.buckets['intake'], MINE)}/%252e%252e/{quote(OTHER)}"
    assert send(Call("", "GET", at)).code == "NoSuchKey"


@pytest.mark.parametrize(
    "source", ["/B/T", "B/T", "/B/M/../../T", "/B/M/%2e%2e/%2e%2e/T", "%2FB%2FT", "//B//T", "B", ""]
)
def test_no_way_of_writing_a_source_copies_what_is_anothers(
    source: str, send: Send, s3: S3Settings, storage: Storage
) -> None:
    given = source.replace("B", s3.buckets["intake"]).replace("T", quote(OTHER)).replace("M", quote(MINE))
    at = path(s3.buckets["intake"], f"{MINE}/副本.txt")
    assert_refused(send(Call("", "PUT", at, headers={"x-amz-copy-source": given})), storage)


@pytest.mark.parametrize("prefix", [f"{THEIRS}/", THEIRS, "2023/6502", f"{MINE}/../", f"{MINE}X", "2024/", "x", "/../"])
def test_a_listing_of_what_is_not_the_keys_is_refused(
    prefix: str, send: Send, s3: S3Settings, storage: Storage
) -> None:
    for asked in ("list-type=2&", "delimiter=%2F&", "uploads=&", "versions=&"):
        assert_refused(send(Call("", "GET", path(s3.buckets["intake"]), asked + query(prefix=prefix))), storage)


@pytest.mark.parametrize("prefix", ["", "2", "2023/", "2023/65", MINE, f"{MINE}/"])
def test_a_listing_from_above_shows_the_keys_own_and_nothing_else(prefix: str, send: Send, s3: S3Settings) -> None:
    answer = send(Call("", "GET", path(s3.buckets["intake"]), f"list-type=2&{query(prefix=prefix)}"))
    assert (answer.status, OWN in answer.body.decode(), "6502" in answer.body.decode()) == (200, True, False)


def test_a_client_that_walks_from_the_root_finds_its_way(send: Send, s3: S3Settings) -> None:
    buckets = send(Call("", "GET", "/")).body.decode()
    assert buckets.count("<Name>") == 2
    assert s3.buckets["archive"] not in buckets
    for method, at, asked, status in (
        ("HEAD", path(s3.buckets["intake"]), "", 200),
        ("GET", path(s3.buckets["intake"]), "location=", 200),
        ("GET", path(s3.buckets["intake"]), "delimiter=%2F&list-type=2&prefix=2023%2F", 200),
        ("HEAD", f"{path(s3.buckets['intake'], '2023')}/", "", 404),
        ("HEAD", f"{path(s3.buckets['intake'], MINE)}/", "", 404),
    ):
        assert send(Call("", method, at, asked)).status == status, (method, at, asked)


def test_unfinished_uploads_of_others_are_not_listed(
    send: Send, s3: S3Settings, prefecture_keys: KeyMaker, campaign: Campaign
) -> None:
    with closing(Sender(prefecture_keys(campaign, "6502"))) as theirs:
        theirs.send(Call("", "POST", path(s3.buckets["intake"], f"{THEIRS}/片.mov"), "uploads="))
    assert b"<Upload>" not in send(Call("", "GET", path(s3.buckets["intake"]), "uploads=")).body


@pytest.mark.parametrize(
    "body",
    [
        "<Delete><Object><Key>{own}</Key></Object><Object><Key>{other}</Key></Object></Delete>",
        "<Delete><Object><Key>{own}</Key><Key>{other}</Key></Object></Delete>",
        "<Delete><Object><Key>{other}</Key><Key>{own}</Key></Object></Delete>",
        "<Delete><Object><Key><![CDATA[{other}]]></Key></Object></Delete>",
        "<Delete><Object><Key>2023/<!-- x -->{rest}</Key></Object></Delete>",
        "<Delete><Object><Key>2023&#x2F;{rest}</Key></Object></Delete>",
        '<a:Delete xmlns:a="http://s3.amazonaws.com/doc/2006-03-01/"><a:Object><a:Key>{other}</a:Key></a:Object></a:Delete>',
        "<Delete><Object><Key>{mine}/../{rest}</Key></Object></Delete>",
        "<Delete><Object><Key>{mine}/<Key>/../{rest}</Key></Key></Object></Delete>",
        '<!DOCTYPE d [<!ENTITY k "{other}">]><Delete><Object><Key>&k;</Key></Object></Delete>',
        "<Delete><Object><Key></Key></Object></Delete>",
        "<Delete></Delete>",
        "<Delete><Object><Key>{other}",
    ],
)
def test_a_list_of_deletions_that_names_anothers_file_removes_nothing(
    body: str, send: Send, s3: S3Settings, storage: Storage
) -> None:
    filled = body.format(own=OWN, other=OTHER, mine=MINE, rest=OTHER.removeprefix("2023/")).encode()
    assert_refused(send(Call("", "POST", path(s3.buckets["intake"]), "delete=", filled)), storage)


def test_two_keys_in_one_request_open_no_more_than_both(
    ours: S3Settings, s3: S3Settings, storage: Storage, prefecture_keys: KeyMaker, campaign: Campaign
) -> None:
    theirs = prefecture_keys(campaign, "6502")
    at = path(s3.buckets["intake"], OTHER)
    other = f"AWSAccessKeyId={ours.access_key}&Expires=1&Signature=x"
    with closing(Sender(theirs)) as sender:
        assert_refused(sender.send(Call("", "GET", at, other)), storage)


@pytest.mark.parametrize("call", ["GET / ", "GET /B/K ", "PUT /B/K ", "POST /B ", "DELETE /B/K ", "POST /B?delete "])
def test_who_does_not_sign_is_refused_in_words(call: str, store: Store, s3: S3Settings, storage: Storage) -> None:
    """A form that a browser posts, too, whose signature would stand in its body."""
    target = call.replace("B", s3.buckets["intake"]).replace("K", quote(OTHER))
    head = f"{target}HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 0\r\n\r\n"
    answer = _raw(store, head.encode())
    assert (answer.startswith(b"HTTP/1.1 403 "), b"<Code>AccessDenied</Code>" in answer) == (True, True)
    assert "没有签名".encode() in answer


def test_an_area_that_is_full_says_so_and_an_upload_that_goes_on_is_not_disturbed(
    store: Store, s3: S3Settings, storage: Storage, send: Send, ours: S3Settings
) -> None:
    """By a code that says to try again, so that a page that sends many files goes on once it is open again."""
    film, area = path(s3.buckets["intake"], f"{MINE}/片.mov"), Area(s3.buckets["intake"], MINE, False)
    begun = send(Call("", "POST", film, "uploads=")).body.decode()
    upload = begun.partition("<UploadId>")[2].partition("<")[0]
    assert store.server.close(ours.access_key, area)
    body = f"<Delete><Object><Key>{OWN}</Key></Object></Delete>".encode()
    for call in (
        Call("", "PUT", path(s3.buckets["intake"], f"{MINE}/新.txt"), body=b"x"),
        Call("", "DELETE", path(s3.buckets["intake"], OWN)),
        Call("", "POST", path(s3.buckets["intake"]), "delete=", body),
        Call("", "POST", path(s3.buckets["intake"], f"{MINE}/片2.mov"), "uploads="),
    ):
        answer = send(call)
        assert (answer.status, answer.code, "请稍后再试" in answer.message) == (503, "SlowDown", True)
    assert send(Call("", "GET", path(s3.buckets["intake"], OWN))) == Answer(200, b"mine")
    assert send(Call("", "PUT", film, query(partNumber=1, uploadId=upload), b"x")).status == 200
    store.server.close(ours.access_key, replace(area, writable=True))
    (tag,) = send(Call("", "GET", film, query(uploadId=upload))).body.decode().split("<ETag>")[1:]
    part = f"<Part><PartNumber>1</PartNumber><ETag>{tag.partition('</ETag>')[0]}</ETag></Part>"
    whole = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    assert send(Call("", "POST", film, query(uploadId=upload), whole)).status == 200
    assert storage.read("intake", f"{MINE}/片.mov") == b"x"


def test_an_outbox_says_that_it_can_only_be_read(send: Send, s3: S3Settings, storage: Storage) -> None:
    for call in (
        Call("", "PUT", path(s3.buckets["outbox"], f"{MINE}/新.txt"), body=b"x"),
        Call("", "DELETE", path(s3.buckets["outbox"], OWN)),
        Call("", "PUT", path(s3.buckets["outbox"], OWN), query(partNumber=1, uploadId="1"), b"x"),
    ):
        assert_refused(send(call), storage, "只能读取")


def test_calls_in_the_own_area_that_the_store_does_not_carry_out_keep_their_words(
    send: Send, s3: S3Settings, storage: Storage
) -> None:
    own = path(s3.buckets["intake"], OWN)
    for call in (
        Call("", "PUT", own, "tagging=", b"<x/>"),
        Call("", "GET", own, "acl="),
        Call("", "DELETE", own, "versionId=1"),
        Call("", "PUT", f"{path(s3.buckets['intake'], MINE)}/"),
        Call("", "GET", path(s3.buckets["intake"]), f"versions=&{query(prefix=MINE + '/')}"),
    ):
        assert send(call).code == "NotImplemented", call
    assert storage.read("intake", OWN) == b"mine"


@pytest.mark.parametrize("size", [0, 1, held_writes.LARGEST + 1])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_nothing_that_comes_behind_a_write_gets_past_the_wall(
    size: int, method: str, ours: S3Settings, store: Store, s3: S3Settings, storage: Storage
) -> None:
    """Of a client that does not wait for answers; behind a write that is held, and behind one that is not."""
    with closing(Sender(ours)) as sender:
        written = sender.written(Call("", "PUT", path(s3.buckets["intake"], OWN), body=bytes(size)))
        forged = sender.written(Call("", method, path(s3.buckets["intake"], OTHER), body=b"forged"))
    answer = _raw(store, written + forged + forged)
    assert (b"AccessDenied" in answer, b"theirs" in answer) == (True, False)
    assert storage.read("intake", OTHER) == b"theirs"
    assert sorted(stored.key for stored in storage.list("intake")) == [OWN, OTHER]


@pytest.mark.parametrize("ending", ["\n", "x: y\r\n\n", "x: y\n\n", "x: y\n\r\n", " \r\n\n"])
def test_nothing_comes_behind_the_last_chunk_of_a_body(
    ending: str, ours: S3Settings, store: Store, s3: S3Settings, storage: Storage
) -> None:
    """rclone takes an empty line for the end of a request however the line ends."""
    with closing(Sender(ours)) as sender:
        head = sender.written(Call("", "PUT", path(s3.buckets["intake"], OWN), body=b"mine"))
        forged = sender.written(Call("", "PUT", path(s3.buckets["intake"], OWN), "acl=", body=b"<x/>"))
    head = head.removesuffix(b"mine").replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")
    answer = _raw(store, head + f"4\r\nmine\r\n0\r\n{ending}".encode() + forged)
    assert (b"HTTP/1.1 400 " in answer, b"HTTP/1.1 200 " in answer) == (True, False)
    assert storage.read("intake", OWN) == b"mine"


@pytest.mark.parametrize(
    "changed",
    [("Content-Length: 4", f"Content-Length: {'0' * 5000}4"), ("HTTP/1.1", "HTTP/1.0")],
    ids=["a length of 5,000 digits", "chunks of a time that knew none"],
)
def test_what_two_programs_may_read_differently_is_refused(
    changed: tuple[str, str], ours: S3Settings, store: Store, s3: S3Settings, storage: Storage
) -> None:
    with closing(Sender(ours)) as sender:
        request = sender.written(Call("", "PUT", path(s3.buckets["intake"], OWN), body=b"mine")).decode()
    if changed[0].startswith("HTTP"):
        request = request.replace("Content-Length: 4", "Transfer-Encoding: chunked")
    assert _raw(store, request.replace(*changed).encode()).startswith(b"HTTP/1.1 400 ")
    assert storage.read("intake", OWN) == b"mine"


@pytest.mark.parametrize("size", [1, 300 << 10, held_writes.LARGEST])
def test_a_wrong_signature_is_answered_however_much_comes_with_it(
    size: int, ours: S3Settings, s3: S3Settings, storage: Storage
) -> None:
    """rclone says so, and hangs up, before it has read the body."""
    with closing(Sender(replace(ours, secret_key="wrong" * 8))) as forger:
        answer = forger.send(Call("", "PUT", path(s3.buckets["intake"], OWN), body=bytes(size)))
    assert answer.status == 403, answer
    assert storage.read("intake", OWN) == b"mine"


def test_who_asks_first_whether_to_send_need_not_send(ours: S3Settings, store: Store, s3: S3Settings) -> None:
    """`Expect: 100-continue`: the answer is there before a byte of the film has left."""
    began = time.monotonic()
    head = _head(ours, path(s3.buckets["intake"], OTHER), 50 << 30) + "Expect: 100-continue\r\n\r\n"
    answer = _raw(store, head.encode())
    assert (answer.startswith(b"HTTP/1.1 403 "), time.monotonic() - began < 10) == (True, True)


def test_who_sends_on_for_ever_is_answered_at_once_and_hung_up_on(
    ours: S3Settings, store: Store, s3: S3Settings
) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", store.server.port), timeout=10) as line:
        line.sendall((_head(ours, path(s3.buckets["intake"], OTHER), 50 << 30) + "\r\n").encode())
        assert line.recv(12) == b"HTTP/1.1 403"
        assert time.monotonic() - began < 1
        with pytest.raises(OSError, match=r"reset|Broken"):
            _push(line, began + 10)


def _push(line: socket.socket, until: float) -> None:
    while time.monotonic() < until:
        line.sendall(b"0" * 65536)


def _head(key: S3Settings, at: str, length: int) -> str:
    credential = f"AWS4-HMAC-SHA256 Credential={key.access_key}/20260101/us-east-1/s3/aws4_request, Signature=0"
    return f"PUT {at} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nAuthorization: {credential}\r\n"


def _raw(store: Store, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", store.server.port), timeout=10) as line:
        line.sendall(request)
        return b"".join(iter(lambda: line.recv(65536), b""))


def test_the_internal_door_is_shut_to_prefectures(
    ours: S3Settings, s3: S3Settings, internal_server: ObjectStore, storage: Storage
) -> None:
    calls = [
        Call("", "GET", "/"),
        Call("", "GET", path(s3.buckets["intake"], OWN)),
        Call("", "PUT", path(s3.buckets["intake"], OWN), body=b"x"),
        Call("", "GET", path(s3.buckets["intake"], OWN), address=True),
        Call("", "DELETE", path(s3.buckets["outbox"], OWN)),
    ]
    with closing(Sender(replace(ours, endpoint=internal_server.endpoint))) as theirs:
        for call in calls:
            assert_refused(theirs.send(call), storage, "只供系统自己使用")
    with closing(Sender(replace(s3, endpoint=internal_server.endpoint))) as pipeline:
        assert pipeline.send(calls[0]).status == 200
