"""An installation that has accepted many files: rows by SQL, objects straight into the store's folder."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
from psycopg2.extras import execute_values

from baosong.campaign import Campaign
from baosong.ledger import Arrival, Filed
from baosong.ledger.services import Services
from baosong.rules.findings import Kind
from baosong.store.keys import slot_of
from baosong.store.source import Source
from baosong.validation.check import check
from baosong_local.samples.documents import make_report
from baosong_local.samples.sheets import make_sheet
from baosong_local.stack import file_modes

NOW = datetime(2023, 5, 30, 2, tzinfo=UTC)
FILES_A_RECEIPT = 10

# Ten files in the proportions of a large campaign; each has the facts and findings that its kind usually has.
_ROWS = """
WITH made AS (
    SELECT g, %(codes)s::text[] AS codes, md5(g::text) || md5('x' || g) AS sha, (g / 14) %% 10 AS part
    FROM generate_series(1, %(files)s) g
), named AS (
    SELECT *, codes[g %% 14 + 1] AS code, CASE WHEN part < 7 THEN 'photo' WHEN part < 9 THEN 'press' ELSE 'video' END
        AS kind, CASE WHEN part < 7 THEN '.jpg' WHEN part < 9 THEN '.docx' ELSE '.mov' END AS ending FROM made
)
INSERT INTO submission (campaign, prefecture, kind, slot, key, name, folder, size, identity, arrival, etag,
    modified_at, received_at, late, state, verdict, findings, facts, rules_version, checked_at, sha256, bucket,
    archive_key, filed_at, receipt_id, replied_at)
SELECT %(campaign)s, code, kind, '材料' || g || ending, %(campaign)s || '/' || code || '/材料' || g || ending,
    '材料' || g || ending, kind, 200, sha, 1, '', at, at, false, 'accepted', 'accepted',
    CASE WHEN g %% 5 = 0 THEN '[{"rule": "photo.small", "severity": "warning", "message": "照片较小", "fix": "可不处理",
        "where": {}, "observed": "1600×1200", "expected": "不小于1920×1080"}]'::jsonb ELSE '[]' END,
    CASE WHEN kind = 'photo' THEN jsonb_build_object('type', 'jpg', 'width', 1600, 'height', 1200, 'fingerprint', sha,
        'taken', '2023-05-27T10:00:00', 'exports', '{}'::jsonb) ELSE jsonb_build_object('type', kind) END,
    'r', at, sha, 'archive',
    %(campaign)s || '/' || code || '/' || kind || '/' || left(sha, 12) || '-材料' || g || ending, at, NULL, at
FROM named, LATERAL (SELECT timestamptz '2023-05-20' + g * interval '1 second' AS at) AS times
RETURNING prefecture, archive_key, id, kind
"""
_HISTORY = """
INSERT INTO history (submission_id, at, before, after, note)
SELECT id, received_at, before, after, '' FROM submission,
    (VALUES (NULL, 'received'), ('received', 'checked'), ('checked', 'accepted')) AS changes (before, after)
"""
_RECEIPTS = "INSERT INTO receipt (campaign, prefecture, number, issued_at, status) VALUES %s"
_ANSWERED = """
UPDATE submission s SET receipt_id = r.id FROM receipt r, (
    SELECT id, prefecture, (row_number() OVER (PARTITION BY prefecture ORDER BY id) - 1) / %(each)s + 1 AS number
    FROM submission WHERE receipt_id IS NULL) AS n
WHERE s.id = n.id AND r.prefecture = n.prefecture AND r.number = n.number
"""


def fill(services: Services, campaign: Campaign, data: Path, files: int) -> None:
    """File a sheet and a report for every prefecture, and `files` accepted files more; `data` holds the buckets."""
    for number, prefecture in enumerate(campaign.prefectures):
        sheet = make_sheet(campaign, prefecture, seed=number)
        _file(services, campaign, prefecture.code, Kind.STATISTICS, sheet.name, sheet.content)
        _file(
            services, campaign, prefecture.code, Kind.REPORT, "总结报告.docx", make_report(campaign, prefecture, number)
        )
    connection = psycopg2.connect(services.settings.ledger_url.replace("+psycopg2", ""))
    with connection, connection.cursor() as cursor:
        codes = [p.code for p in campaign.prefectures]
        cursor.execute(_ROWS, {"codes": codes, "files": files, "campaign": campaign.id})
        kept = cursor.fetchall()
        cursor.execute(_HISTORY)
        last = files // len(codes) // FILES_A_RECEIPT + 2
        answers = [(campaign.id, code, number, NOW, "{}") for code in codes for number in range(1, last)]
        execute_values(cursor, _RECEIPTS, answers, page_size=1000)
        cursor.execute(_ANSWERED, {"each": FILES_A_RECEIPT})
    connection.autocommit = True
    connection.cursor().execute("VACUUM ANALYZE")
    connection.close()
    buckets = {name: data / there for name, there in services.settings.s3.buckets.items()}
    _objects(buckets["archive"], [key for _, key, _, _ in kept], b"x" * 200)
    _objects(buckets["archive"], [f"{key}.json" for _, key, _, _ in kept], b"{}" + b" " * 1000)
    shown = [f"{campaign.id}/previews/{code}/{number}.jpg" for code, _, number, kind in kept if kind != "press"]
    _objects(buckets["reports"], shown, b"x" * 200)
    folders = {p.code: p.folder for p in campaign.prefectures}
    told = [f"{campaign.id}/{folders[code]}/回执/回执-{n:03d}号-20230520-0800-全部接收" for _, code, n, *_ in answers]
    _objects(buckets["outbox"], [f"{name}.{end}" for name in told for end in ("html", "json")], b"{}")


def _objects(bucket: Path, keys: list[str], content: bytes) -> None:
    folders: set[Path] = set()
    for key in keys:
        path = bucket / key
        if path.parent not in folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            folders.add(path.parent)
        path.write_bytes(content)
    for folder in {above for one in folders for above in (one, *one.parents) if bucket in above.parents}:
        file_modes.set_owner_and_mode(folder, 0o700)
        for path in folder.iterdir():
            if path.is_file():
                file_modes.set_owner_and_mode(path, 0o600)


def _file(services: Services, campaign: Campaign, code: str, kind: Kind, name: str, content: bytes) -> None:
    key = f"{campaign.id}/{campaign.prefecture(code).folder}/{campaign.deliverable(kind).folder}/{name}"
    sha = hashlib.sha256(content).hexdigest()
    services.ledger.receive([
        Arrival(
            campaign=campaign.id, prefecture=code, kind=kind.value, slot=slot_of(key, kind, campaign), key=key,
            name=name, folder=campaign.deliverable(kind).folder, size=len(content), identity=sha, etag="",
            modified_at=NOW, version_id=None, received_at=NOW, late=False,
        )
    ])  # fmt: skip
    row = services.ledger.waiting(campaign.id, code, "received")[-1]
    source = Source(name, len(content), lambda: io.BytesIO(content))
    services.ledger.record_check(
        row.id, check(source, kind, campaign, campaign.prefecture(code)), campaign.rules_version
    )
    kept = f"{campaign.id}/{code}/{kind.value}/{sha[:12]}-{name}"
    services.storage.put("archive", kept, content)
    services.ledger.file(row.id, Filed(sha, "archive", kept, NOW))
    services.ledger.mark_replied([row.id])
