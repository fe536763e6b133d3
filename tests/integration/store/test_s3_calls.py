"""The embedded store on valid S3 calls that rclone does not know: an error, and the object is as it was.

Seen with rclone 1.75.2: it takes `PUT key?acl` as a put, `DELETE key?tagging` as a deletion, passes over locks and
conditions, and tells success each time.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest
import urllib3
from minio.credentials import Credentials
from minio.datatypes import Part
from minio.signer import sign_v4_s3

from baosong.store.settings import S3Settings
from baosong.store.storage import Storage, StorageError
from baosong_local.s3_proxy import held_writes
from baosong_local.stack.objectstore import Area
from s3_calls import Call, Sender
from servers import PIPELINE_KEY, Store

ORIGIN = {"Origin": "null"}
CONTENT, OTHER, COPIED = b"as it was", b"another object", "x-amz-copy-source"
HTTP = urllib3.PoolManager(retries=False, maxsize=8)
LOCK = {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": "2030-01-01T00:00:00Z"}
OBJECT = ["acl=", "tagging=", "retention=", "legal-hold=", "attributes=", "torrent=", "versionId=null", "versionId=a"]
OBJECT += ["renameObject=", "partNumber=1", "uploadId=1", "encryption=", "annotation=", "%61cl=", "x-amz-tagging=a%3Db"]
BUCKET = [
    "acl=",
    "tagging=",
    "object-lock=",
    "versioning=",
    "policy=",
    "cors=",
    "lifecycle=",
    "encryption=",
    "website=",
]
BUCKET += ["logging=", "notification=", "replication=", "ownershipControls=", "publicAccessBlock=", "versions="]


@pytest.fixture
def bucket(storage: Storage, s3: S3Settings) -> str:
    storage.put("intake", "2023/a.txt", CONTENT)
    storage.put("intake", "2023/b.txt", OTHER)
    return s3.buckets["intake"]


@pytest.mark.parametrize("method", ["PUT", "POST", "GET", "HEAD", "DELETE"])
@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("d/" * 9 + "x", "最多再套 8 层"),
        ("d/" * 400 + "x", "最多再套 8 层"),
        ("报" * 86, "258 字节"),
        ("报" * 86 + "/x", "258 字节"),
    ],
    ids=["a folder too deep", "hundreds of folders", "a name too long", "a folder's name too long"],
)
def test_a_key_under_which_nothing_can_lie_is_refused_at_once_and_in_words(
    store: Store, bucket: str, method: str, key: str, said: str
) -> None:
    """rclone answers it with 500, and clients try again for a minute or more."""
    query = "uploads=" if method == "POST" else ""
    answer = call(store, method, quote(f"/{bucket}/2023/6501-乌鲁木齐市/{key}"), query)
    assert answer.status == 403
    if method != "HEAD":
        assert b"AccessDenied" in answer.data
        assert said in answer.data.decode()


def test_the_longest_name_and_the_deepest_folder_have_a_place(storage: Storage) -> None:
    for key in ("d/" * 8 + "报" * 85, "报" * 85 + "/x"):
        storage.put("intake", f"2023/6501-乌鲁木齐市/{key}", CONTENT)
        assert storage.read("intake", f"2023/6501-乌鲁木齐市/{key}") == CONTENT


def call(
    store: Store, method: str, path: str, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b""
) -> urllib3.BaseHTTPResponse:
    """Send a signed request as it is written, whatever it means."""
    url = f"http://{store.server.endpoint}{path}{'?' if query else ''}{query}"
    now, digest = datetime.now(UTC), hashlib.sha256(body).hexdigest()
    signed = {"Host": store.server.endpoint, "x-amz-content-sha256": digest, **(headers or {})}
    signed["x-amz-date"] = now.strftime("%Y%m%dT%H%M%SZ")
    key = Credentials(PIPELINE_KEY, store.secret)
    signed = sign_v4_s3(
        method=method,
        url=urlsplit(url),
        region="us-east-1",
        headers=signed,
        credentials=key,
        content_sha256=digest,
        date=now,
    )
    return HTTP.request(method, url, headers=signed, body=body)


def assert_refused(answer: urllib3.BaseHTTPResponse, storage: Storage) -> None:
    assert answer.status == 501, answer.data
    assert b"<Code>NotImplemented</Code>" in answer.data
    assert "没有执行".encode() in answer.data
    assert storage.read("intake", "2023/a.txt") == CONTENT
    assert storage.read("intake", "2023/b.txt") == OTHER


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_a_call_on_an_object_that_the_store_does_not_know_changes_nothing(
    method: str, store: Store, storage: Storage, bucket: str
) -> None:
    for query in [q for q in OBJECT if (method, q) not in (("POST", "uploadId=1"), ("DELETE", "uploadId=1"))]:
        if (method, query) != ("GET", "uploadId=1"):
            assert_refused(call(store, method, f"/{bucket}/2023/a.txt", query, body=b"<X/>"), storage)


@pytest.mark.parametrize("query", BUCKET)
def test_a_setting_of_a_bucket_is_refused(query: str, store: Store, storage: Storage, bucket: str) -> None:
    for method in ("PUT", "DELETE", "POST"):
        assert_refused(call(store, method, f"/{bucket}", query, body=b"<X/>"), storage)
    if query != "versioning=":  # there are none, and the store says so
        assert_refused(call(store, "GET", f"/{bucket}/", query), storage)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PUT", {"x-amz-tagging": "a=b"}),
        ("PUT", {"x-amz-acl": "public-read"}),
        ("PUT", LOCK),
        ("PUT", {"x-amz-object-lock-legal-hold": "ON"}),
        ("PUT", {"x-amz-server-side-encryption": "AES256"}),
        ("PUT", {"x-amz-write-offset-bytes": "3"}),
        ("PUT", {"x-amz-website-redirect-location": "/x"}),
        ("PUT", {"x-amz-grant-read": "uri=x"}),
        ("PUT", {"If-None-Match": "*"}),
        ("PUT", {"If-Match": '"0"'}),
        ("DELETE", {"If-Match": '"0"'}),
        ("DELETE", {"x-amz-mfa": "1 2"}),
        ("PUT", {COPIED: "/B/2023/b.txt?versionId=a"}),
        ("PUT", {COPIED: "/B/2023/b.txt", "x-amz-copy-source-if-match": '"0"'}),
    ],
)
def test_a_promise_that_the_store_would_not_keep_is_refused(
    method: str, headers: dict[str, str], store: Store, storage: Storage, bucket: str
) -> None:
    given = {name: value.replace("/B/", f"/{bucket}/") for name, value in headers.items()}
    assert_refused(call(store, method, f"/{bucket}/2023/a.txt", headers=given, body=b"new"), storage)


def test_a_part_that_is_a_copy_is_refused(store: Store, storage: Storage, bucket: str) -> None:
    begun = call(store, "POST", f"/{bucket}/2023/a.txt", "uploads=").data.decode()
    upload = begun.partition("<UploadId>")[2].partition("<")[0]
    query, source = f"partNumber=1&uploadId={upload}", {COPIED: f"/{bucket}/2023/b.txt"}
    assert_refused(call(store, "PUT", f"/{bucket}/2023/a.txt", query, source), storage)
    assert call(store, "DELETE", f"/{bucket}/2023/a.txt", f"uploadId={upload}").status == 204
    assert storage.read("intake", "2023/a.txt") == CONTENT


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_folder_marker_does_not_touch_the_file_of_its_name(
    method: str, store: Store, storage: Storage, bucket: str
) -> None:
    assert_refused(call(store, method, f"/{bucket}/2023/a.txt/"), storage)


@pytest.mark.parametrize("more", ["<VersionId>1</VersionId>", "<ETag>0</ETag>", "<s3:VersionId>1</s3:VersionId>"])
def test_a_list_that_names_versions_removes_nothing(more: str, store: Store, storage: Storage, bucket: str) -> None:
    body = f"<Delete><Object><Key>2023/a.txt</Key>{more}</Object></Delete>".encode()
    assert_refused(call(store, "POST", f"/{bucket}", "delete=", body=body), storage)


def test_a_plain_list_removes_its_objects(store: Store, storage: Storage, bucket: str) -> None:
    body = b"<Delete><Quiet>true</Quiet><Object><Key>2023/a.txt</Key></Object></Delete>"
    assert call(store, "POST", f"/{bucket}", "delete=", body=body).status == 200
    assert storage.stat("intake", "2023/a.txt") is None
    assert storage.read("intake", "2023/b.txt") == OTHER


def test_a_head_that_is_refused_has_no_body(store: Store, bucket: str) -> None:
    answer = call(store, "HEAD", f"/{bucket}/2023/a.txt", "versionId=a")
    assert (answer.status, answer.data) == (501, b"")


def test_a_refused_upload_of_many_bytes_reads_its_answer(store: Store, storage: Storage, bucket: str) -> None:
    answer = call(store, "PUT", f"/{bucket}/2023/a.txt", "acl=", body=b"0" * (24 << 20))
    assert_refused(answer, storage)


def test_a_copy_and_a_signed_address_work(store: Store, storage: Storage, bucket: str) -> None:
    answer = call(store, "PUT", f"/{bucket}/2023/c.txt", headers={COPIED: f"/{bucket}/2023/b.txt"})
    assert (answer.status, storage.read("intake", "2023/c.txt")) == (200, OTHER)
    signed = storage._clients["intake"].presigned_get_object(bucket, "2023/b.txt")
    assert HTTP.request("GET", signed).data == OTHER


def test_an_upload_in_chunks_arrives_whole_and_the_next_request_after_it(
    store: Store, storage: Storage, bucket: str
) -> None:
    signed = storage._clients["intake"].presigned_put_object(bucket, "2023/d.txt")
    pieces = [b"a" * 5, b"b" * 300_000, b"c"]
    answer = HTTP.request("PUT", signed, body=iter(pieces), headers={"Transfer-Encoding": "chunked"})
    assert answer.status in (200, 411), answer.data
    if answer.status == 200:
        assert storage.read("intake", "2023/d.txt") == b"".join(pieces)
    assert call(store, "HEAD", f"/{bucket}/2023/b.txt").status == 200


def raw(store: Store, request: bytes) -> bytes:
    """Return all that is answered to bytes, until the connection ends."""
    with socket.create_connection(("127.0.0.1", store.server.port), timeout=10) as line:
        line.sendall(request)
        return b"".join(iter(lambda: line.recv(65536), b""))


@pytest.mark.parametrize(
    "head",
    [
        b"PUT /b/a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 0\r\n\r\n",
        b"PUT /b/a HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PUT /b/a HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
        b"PUT /b/a HTTP/1.1\r\nX: a\nX-Amz-Tagging: b\r\n\r\n",
        b"PUT /b/a HTTP/1.1\r\nX: a\r\n folded\r\n\r\n",
        b"PUT http://b/a HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00" * 3 + b"\r\n\r\n",
        b"X" * 70_000,
    ],
)
def test_a_head_that_two_programs_may_read_differently_is_refused(head: bytes, store: Store) -> None:
    assert raw(store, head).startswith(b"HTTP/1.1 400 ")


def test_many_connections_at_once_get_their_own_answers(store: Store, storage: Storage, bucket: str) -> None:
    def one(n: int) -> bytes:
        storage.put("intake", f"2023/{n}.txt", b"%d" % n * 1000)
        return storage.read("intake", f"2023/{n}.txt")

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(one, range(48))) == [b"%d" % n * 1000 for n in range(48)]


def test_files_that_arrive_at_once_in_a_new_folder_are_all_taken(store: Store, storage: Storage, bucket: str) -> None:
    """By themselves three of a hundred of rclone's writes fail with 500, as one's listing hides another's."""
    names = [f"2023/{folder}/{n}.jpg" for folder in range(50) for n in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda name: call(store, "PUT", f"/{bucket}/{name}", body=b"x").status, names))
    assert answers == [200] * len(names)
    assert all(storage.read("intake", name) == b"x" for name in names)


def begun(s3: S3Settings, path: str, size: int = 1) -> socket.socket:
    """Begin a write of so many bytes, whose head the store has read: it asks for them."""
    with closing(Sender(s3)) as sender:
        head, _, _ = sender.written(Call("", "PUT", path, body=b"x" * size)).partition(b"\r\n\r\n")
    line = socket.create_connection(s3.endpoint.split(":"), timeout=10)
    line.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
    assert line.recv(1024).startswith(b"HTTP/1.1 100 ")
    return line


def status(line: socket.socket) -> bytes:
    """Return an answer's status; that the body may come can be told more than once."""
    got = b""
    while (code := got.rpartition(b"HTTP/1.1 ")[2][:3]) in (b"", b"100"):
        got += line.recv(1024)
    return code


def test_writes_that_stand_still_hold_up_no_other(store: Store, storage: Storage, s3: S3Settings, bucket: str) -> None:
    """More of them than are held at a time; each is taken when it comes to its end."""
    size = held_writes.LARGEST
    with ExitStack() as stack:
        names = [f"2023/{n}.txt" for n in range(held_writes.MOST // size + 2)]  # no new folder: two are not held
        lines = [stack.enter_context(begun(s3, f"/{bucket}/{name}", size)) for name in names]
        assert call(store, "PUT", f"/{bucket}/2023/other.txt", body=b"y").status == 200
        for line in lines:
            line.sendall(b"x" * size)
            assert status(line) == b"200"
    assert [stored.size for stored in storage.list("intake", "2023/") if stored.key in names] == [size] * len(names)


def test_a_write_whose_body_comes_late_is_taken_and_its_line_stays_open(
    storage: Storage, s3: S3Settings, bucket: str
) -> None:
    """Later than it is held, and than rclone keeps a line open on which nothing was asked."""
    with begun(s3, f"/{bucket}/2023/late.txt") as line:
        line.settimeout(3 * held_writes.LONGEST)
        assert line.recv(1024).startswith(b"HTTP/1.1 100 "), "it is passed on, and rclone, too, asks for the byte"
        line.sendall(b"x")
        assert status(line) == b"200"
    assert storage.read("intake", "2023/late.txt") == b"x"


def test_a_write_that_breaks_off_leaves_the_object_as_it_was(
    store: Store, storage: Storage, s3: S3Settings, bucket: str
) -> None:
    begun(s3, f"/{bucket}/2023/a.txt").close()
    assert call(store, "PUT", f"/{bucket}/2023/c.txt", body=b"y").status == 200
    assert storage.read("intake", "2023/a.txt") == CONTENT


@pytest.mark.parametrize("size", [held_writes.LARGEST, held_writes.LARGEST + 1])
def test_the_largest_write_that_is_held_and_the_smallest_that_is_not_arrive(
    store: Store, storage: Storage, bucket: str, size: int
) -> None:
    body = bytes(size)
    told = call(store, "PUT", f"/{bucket}/2023/large", headers=ORIGIN, body=body)
    assert (told.status, told.headers["ETag"]) == (200, f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"')
    assert told.headers.getlist("Access-Control-Allow-Origin") == ["*"]
    assert storage.head("intake", "2023/large").size == size


def test_a_page_from_anywhere_may_ask_and_read_what_it_is_answered(store: Store, bucket: str) -> None:
    asked = {
        **ORIGIN,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,x-amz-date",
    }
    url = f"http://{store.server.endpoint}/{bucket}/2023/a.txt"
    preflight = HTTP.request("OPTIONS", url, headers=asked)
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    assert {"authorization", "x-amz-date"} <= set(preflight.headers["Access-Control-Allow-Headers"].split(", "))
    answers = [call(store, "GET", f"/{bucket}/2023/a.txt", headers=ORIGIN), HTTP.request("GET", url, headers=ORIGIN)]
    answers.append(call(store, "PUT", f"/{bucket}/2023/a.txt", "acl=", ORIGIN))
    for answer, status in zip(answers, (200, 403, 501), strict=True):
        assert answer.status == status
        assert answer.headers.getlist("Access-Control-Allow-Origin") == ["*"]
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert answers[0].data == CONTENT


def test_one_line_serves_pages_and_programs_in_turn(store: Store, storage: Storage, bucket: str) -> None:
    with urllib3.HTTPConnectionPool("127.0.0.1", store.server.port, maxsize=1, retries=False) as one:
        signed = (
            storage._clients["intake"].presigned_get_object(bucket, "2023/a.txt").partition(store.server.endpoint)[2]
        )
        for headers in ({}, ORIGIN, {}, ORIGIN):
            answer = one.request("GET", signed, headers=headers)
            ours = answer.headers.get("Access-Control-Expose-Headers") == "ETag, Date"
            assert (answer.data, ours) == (CONTENT, bool(headers))
        assert one.num_connections == 1


def test_parts_may_come_in_any_order_from_several_lines_and_over_days(
    store: Store, storage: Storage, bucket: str
) -> None:
    client, parts = storage._clients["intake"], [bytes([n]) * (5 << 20) for n in range(1, 4)]
    upload = client._create_multipart_upload(bucket, "2023/片.mov", {})
    for number in (3, 1):
        client._upload_part(bucket, "2023/片.mov", parts[number - 1], {}, upload, number)
    listed = client._list_parts(bucket, "2023/片.mov", upload).parts
    assert [(part.part_number, part.size) for part in listed] == [(1, 5 << 20), (3, 5 << 20)]
    assert storage.stat("intake", "2023/片.mov") is None
    client._upload_part(bucket, "2023/片.mov", parts[1], {}, upload, 2)
    whole = client._list_parts(bucket, "2023/片.mov", upload).parts
    client._complete_multipart_upload(bucket, "2023/片.mov", upload, [Part(p.part_number, p.etag or "") for p in whole])
    assert storage.read("intake", "2023/片.mov") == b"".join(parts)
    gone = call(store, "GET", f"/{bucket}/2023/%E7%89%87.mov", f"uploadId={upload}")
    assert (gone.status, b"NoSuchUpload" in gone.data) == (404, True)


@pytest.mark.parametrize("how", ["signed", "address", "twice", "strange"])
def test_a_revoked_key_opens_nothing_from_the_next_request_on(
    how: str, store: Store, storage: Storage, s3: S3Settings, bucket: str
) -> None:
    key = f"REVOKED{how.upper()}"
    store.server.grant(key, key, "secret", [Area(bucket, "2023", True)])
    theirs = Storage(replace(s3, access_key=key, secret_key="secret"), retry_timeout=0.2)
    assert theirs.read("intake", "2023/a.txt") == CONTENT
    address = theirs._clients["intake"].presigned_get_object(bucket, "2023/a.txt")
    ours = storage._clients["intake"].presigned_get_object(bucket, "2023/a.txt")
    store.server.revoke(key)
    credential = (
        f"AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    )
    asked = {
        "signed": (f"http://{s3.endpoint}/{bucket}/2023/a.txt", {"Authorization": credential}),
        "address": (address, {}),
        "twice": (ours, {"Authorization": credential}),
        "strange": (f"http://{s3.endpoint}/{bucket}/2023/a.txt", {"Authorization": credential.replace("=R", "= R")}),
    }[how]
    answer = HTTP.request("GET", asked[0], headers=asked[1])
    assert (answer.status, b"InvalidAccessKeyId" in answer.data) == (403, True)
    with pytest.raises(StorageError, match="InvalidAccessKeyId"):
        theirs.put("intake", "2023/c.txt", b"x")
