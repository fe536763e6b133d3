"""Every prefecture's key against every other prefecture's area, by every operation that S3 has for it.

A world is a store with a campaign's areas and keys in it, filled so that there is something to take, to change and to
remove. What is due is the same for any store: 403 with the code AccessDenied and a reason (a list of deletions may be
answered key by key, as S3 does) within ten seconds, and not a byte elsewhere than before.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

from baosong.campaign import Campaign
from baosong.store.settings import S3Settings
from baosong.store.storage import Storage
from s3_calls import Answer, Call, Sender, path, query

FILE = "契约.txt"
FILM = "契约.mov"  # whose upload has not ended
COPY = "x-amz-copy-source"
DAY = "2030-01-01T00:00:00Z"
PART = b"p" * 1024
_TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
_ACL = {"x-amz-acl": "public-read"}
_HOLD = b"<LegalHold><Status>ON</Status></LegalHold>"
_RETAIN = f"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{DAY}</RetainUntilDate></Retention>".encode()
_VERSIONS = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
_LIFE = b"<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>"
_LIFE += b"<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
_CORS = b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>"
_CORS += b"</CORSConfiguration>"
_LOCK = b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"
_POLICY = b'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
_SETTINGS = {
    "policy": _POLICY,
    "cors": _CORS,
    "versioning": _VERSIONS,
    "lifecycle": _LIFE,
    "object-lock": _LOCK,
    "acl": b"",
    "tagging": _TAGS,
}


@dataclass
class World:
    """A store, the pipeline's key for it, each prefecture's, and what each prefecture has begun to upload."""

    campaign: Campaign
    pipeline: S3Settings
    keys: Mapping[str, S3Settings]
    uploads: dict[str, str] = field(default_factory=dict)

    def area(self, code: str) -> str:
        return f"{self.campaign.id}/{self.campaign.prefecture(code).folder}"

    @contextmanager
    def filled(self) -> Iterator[World]:
        """Put a file into each area of intake and outbox, begin an upload with each key; remove it all at the end."""
        storage = Storage(self.pipeline)
        files = [(bucket, self.area(code), code) for bucket in ("intake", "outbox") for code in self.keys]
        files += [(bucket, self.campaign.id, "") for bucket in ("archive", "quarantine", "reports")]
        try:
            for bucket, folder, code in files:
                storage.put(bucket, f"{folder}/{FILE}", f"{bucket} {code}".encode())
            self.uploads |= {code: self._begun(code) for code in self.keys}
            yield self
        finally:
            for code, upload in self.uploads.items():
                self._send(code, "DELETE", query(uploadId=upload))
            for bucket, folder, _ in files:
                storage.remove(bucket, f"{folder}/{FILE}")

    def _begun(self, code: str) -> str:
        begun = self._send(code, "POST", "uploads=").body.decode()
        upload = begun.partition("<UploadId>")[2].partition("<")[0]
        assert self._send(code, "PUT", query(partNumber=1, uploadId=upload), PART).status == 200
        return upload

    def _send(self, code: str, method: str, asked: str, body: bytes = b"") -> Answer:
        """Ask for something about a prefecture's upload, with its own key."""
        film = path(self.pipeline.buckets["intake"], f"{self.area(code)}/{FILM}")
        with closing(Sender(self.keys[code])) as sender:
            return sender.send(Call("", method, film, asked, body))

    def snapshot(self) -> dict[str, str]:
        """Return the digest of each object, and what the store says of each unfinished upload and each setting."""
        storage, found = Storage(self.pipeline), {}
        for bucket in self.pipeline.buckets:
            for stored in storage.list(bucket):
                found[f"{bucket}/{stored.key}"] = hashlib.sha256(storage.read(bucket, stored.key)).hexdigest()
        return found | {f"upload {code}": self._parts(code) for code in self.uploads} | self._settings()

    def _parts(self, code: str) -> str:
        answer = self._send(code, "GET", query(uploadId=self.uploads[code]))
        return f"{answer.status} {answer.body.decode().partition('<Part>')[2]}"

    def _settings(self) -> dict[str, str]:
        found = {}
        with closing(Sender(self.pipeline)) as sender:
            for bucket, name in itertools.product(("intake", "outbox"), _SETTINGS):
                answer = sender.send(Call(name, "GET", path(self.pipeline.buckets[bucket]), f"{name}="))
                found[f"{bucket}?{name}"] = f"{answer.status} {answer.body.partition(b'RequestId')[0].decode()}"
        return found


@dataclass(frozen=True, slots=True)
class Tried:
    """A call, by whose key, whose area, and what was answered."""

    call: Call
    code: str
    theirs: str
    answer: Answer

    @property
    def fault(self) -> str:
        """Return what is wrong with the answer, "" where it is the one that is due."""
        if self.answer.status == 0:
            return "hangs"
        if self.answer.status < 400:
            return "" if self._is_refusal_of_each else "success"
        if self.answer.status != 403:
            return f"{self.answer.status} {self.answer.code}".strip()
        told = self.answer.code == "AccessDenied" and self.answer.message
        return "" if told or self.call.method == "HEAD" else f"403 {self.answer.code or 'without words'}"

    @property
    def _is_refusal_of_each(self) -> bool:
        """Return whether a list of deletions, which S3 answers key by key, was refused for all of them."""
        body = self.answer.body
        return b"<DeleteResult" in body and b"<Deleted>" not in body and self.answer.code == "AccessDenied"


@dataclass
class Tally:
    """All that was tried, and what was read or changed where nothing may be."""

    tried: list[Tried] = field(default_factory=list)
    through: list[str] = field(default_factory=list)

    def faults(self) -> Counter[str]:
        return Counter(f"{one.call.name}: {one.fault}" for one in self.tried if one.fault)

    def figures(self) -> str:
        kinds = Counter(one.fault for one in self.tried)
        slowest = max((one.answer.seconds for one in self.tried), default=0.0)
        success = sum(number for fault, number in kinds.items() if fault == "success")
        return (
            f"{len(self.tried)} tried, {kinds['']} refused as is due, {len(self.through)} through, {success} bogus "
            f"successes, {kinds['hangs']} hang, {len(self.tried) - kinds[''] - success - kinds['hangs']} refused "
            f"otherwise; the slowest {slowest:.2f} s"
        )


def run(world: World, pairs: Iterable[tuple[str, str]]) -> Tally:
    """Try everything with the first one's key of each pair against the second one's area."""
    tally, before = Tally(), world.snapshot()
    with ExitStack() as lines:
        senders = {code: lines.enter_context(closing(Sender(key))) for code, key in world.keys.items()}
        for code, theirs in pairs:
            for call in calls(world, code, theirs):
                tally.tried.append(Tried(call, code, theirs, answer := senders[code].send(call)))
                if _theirs_in(answer.body, theirs):
                    tally.through.append(f"{code} read {theirs}: {call.name}")
    after = world.snapshot()
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    tally.through += [f"changed: {name}" for name in sorted(changed)]
    return tally


def _theirs_in(body: bytes, theirs: str) -> bool:
    """Return whether an answer holds something of theirs: a file's content, or a name in a listing."""
    content = [f"{bucket} {theirs}".encode() for bucket in ("intake", "outbox")]
    listed = [part for tag in (b"<Contents>", b"<Upload>", b"<Version>") for part in body.split(tag)[1:]]
    return any(text in body for text in content) or any(f"/{theirs}-".encode() in entry for entry in listed)


def calls(world: World, code: str, theirs: str) -> Iterator[Call]:
    """Yield every call of one's key against another's area."""
    for bucket in ("intake", "outbox"):
        name = world.pipeline.buckets[bucket]
        place, file = f"{world.area(theirs)}/", f"{world.area(theirs)}/{FILE}"
        yield from _reads(bucket, name, place, file)
        yield from _writes(bucket, name, file)
        yield from _object_settings(bucket, name, file)
        yield from _copies(world, bucket, code, file)
        yield from _bucket_settings(bucket, name)
    yield from _multipart(world, code, theirs)
    for bucket in ("archive", "quarantine", "reports"):
        yield from _elsewhere(bucket, world.pipeline.buckets[bucket], f"{world.campaign.id}/{FILE}")


def _reads(bucket: str, name: str, place: str, file: str) -> Iterator[Call]:
    at = path(name, file)
    yield Call(f"{bucket} list v2", "GET", path(name), f"list-type=2&{query(prefix=place)}")
    yield Call(f"{bucket} list v1", "GET", path(name), query(prefix=place))
    yield Call(f"{bucket} list folders", "GET", path(name), f"delimiter=%2F&list-type=2&{query(prefix=place)}")
    yield Call(f"{bucket} list one", "GET", path(name), f"list-type=2&{query(prefix=file)}")
    yield Call(f"{bucket} list versions", "GET", path(name), f"{query(prefix=place)}&versions=")
    yield Call(f"{bucket} get", "GET", at)
    yield Call(f"{bucket} get a range", "GET", at, headers={"Range": "bytes=0-3"})
    yield Call(f"{bucket} get a version", "GET", at, "versionId=null")
    yield Call(f"{bucket} head", "HEAD", at)
    yield Call(f"{bucket} get by address", "GET", at, address=True)


def _writes(bucket: str, name: str, file: str) -> Iterator[Call]:
    at, fresh = path(name, file), path(name, file.replace(FILE, "新.txt"))
    yield Call(f"{bucket} put over", "PUT", at, body=b"forged")
    yield Call(f"{bucket} put new", "PUT", fresh, body=b"forged")
    yield Call(f"{bucket} put by address", "PUT", at, body=b"forged", address=True)
    yield Call(f"{bucket} put with tags", "PUT", at, body=b"forged", headers={"x-amz-tagging": "a=b"})
    yield Call(f"{bucket} put with an ACL", "PUT", at, body=b"forged", headers=_ACL)
    yield Call(f"{bucket} delete", "DELETE", at)
    yield Call(f"{bucket} delete a version", "DELETE", at, "versionId=null")
    yield Call(f"{bucket} delete by address", "DELETE", at, address=True)
    body = f"<Delete><Object><Key>{file}</Key></Object></Delete>".encode()
    yield Call(f"{bucket} DeleteObjects", "POST", path(name), "delete=", body, _md5(body))


def _object_settings(bucket: str, name: str, file: str) -> Iterator[Call]:
    at = path(name, file)
    bodies = {"tagging": _TAGS, "acl": b"", "retention": _RETAIN, "legal-hold": _HOLD}
    for setting, body in bodies.items():
        yield Call(f"{bucket} get {setting}", "GET", at, f"{setting}=")
        yield Call(f"{bucket} put {setting}", "PUT", at, f"{setting}=", body, _md5(body) if body else _ACL)
    yield Call(f"{bucket} delete tagging", "DELETE", at, "tagging=")


def _bucket_settings(bucket: str, name: str) -> Iterator[Call]:
    at = path(name)
    for setting, body in _SETTINGS.items():
        yield Call(f"{bucket} get its {setting}", "GET", at, f"{setting}=")
        yield Call(f"{bucket} put its {setting}", "PUT", at, f"{setting}=", body, _md5(body) if body else _ACL)
        if setting in ("policy", "cors", "lifecycle", "tagging"):
            yield Call(f"{bucket} delete its {setting}", "DELETE", at, f"{setting}=")
    yield Call(f"{bucket} delete itself", "DELETE", at)


def _copies(world: World, bucket: str, code: str, file: str) -> Iterator[Call]:
    name, intake = world.pipeline.buckets[bucket], world.pipeline.buckets["intake"]
    mine = f"{world.area(code)}/{FILE}"
    from_theirs = {COPY: path(name, file)}
    yield Call(f"{bucket} copy from", "PUT", path(intake, mine), headers=from_theirs)
    yield Call(f"{bucket} copy to", "PUT", path(name, file), headers={COPY: path(intake, mine)})
    over = {**from_theirs, "x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": "b"}
    yield Call(f"{bucket} copy over itself", "PUT", path(name, file), headers=over)
    film, part = path(intake, f"{world.area(code)}/{FILM}"), query(partNumber=2, uploadId=world.uploads[code])
    yield Call(f"{bucket} part that is a copy", "PUT", film, part, headers=from_theirs)


def _multipart(world: World, code: str, theirs: str) -> Iterator[Call]:
    intake, outbox = world.pipeline.buckets["intake"], world.pipeline.buckets["outbox"]
    film, upload = path(intake, f"{world.area(theirs)}/{FILM}"), world.uploads[theirs]
    whole = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>0</ETag></Part></CompleteMultipartUpload>"
    yield Call("uploads list", "GET", path(intake), f"{query(prefix=world.area(theirs) + '/')}&uploads=")
    yield Call("uploads create", "POST", film, "uploads=")
    yield Call("uploads create in outbox", "POST", path(outbox, f"{world.area(theirs)}/{FILM}"), "uploads=")
    for name, known in (("theirs", upload), ("made up", "0" * 32)):
        yield Call(f"uploads part, {name}", "PUT", film, query(partNumber=1, uploadId=known), b"forged")
        copied = {COPY: path(intake, f"{world.area(code)}/{FILE}")}
        yield Call(f"uploads part copy, {name}", "PUT", film, query(partNumber=1, uploadId=known), headers=copied)
        yield Call(f"uploads parts, {name}", "GET", film, query(uploadId=known))
        yield Call(f"uploads complete, {name}", "POST", film, query(uploadId=known), whole)
        yield Call(f"uploads abort, {name}", "DELETE", film, query(uploadId=known))


def _elsewhere(bucket: str, name: str, file: str) -> Iterator[Call]:
    at = path(name, file)
    yield Call(f"{bucket} list", "GET", path(name), "list-type=2")
    yield Call(f"{bucket} head", "HEAD", path(name))
    yield Call(f"{bucket} get", "GET", at)
    yield Call(f"{bucket} put", "PUT", at, body=b"forged")
    yield Call(f"{bucket} delete", "DELETE", at)
    yield Call(f"{bucket} create upload", "POST", at, "uploads=")


def _md5(body: bytes) -> dict[str, str]:
    return {"Content-MD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()}
