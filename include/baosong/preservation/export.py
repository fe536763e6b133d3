"""A campaign for hand-over: what was accepted, its records, receipts and reports, as one BagIt bag (RFC 8493).

Each file is streamed to the disk and hashed on the way; the manifests are made from what the disk then gives back. The
folder gets its name when all is verified, so that a folder of that name is complete.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import bagit

from baosong.campaign import Campaign
from baosong.ledger import State, Submission
from baosong.ledger.services import Services
from baosong.rules.errors import OneLineError
from baosong.store.keys import RECEIPTS
from baosong.store.local_copy import sha256_of

LIST = "来源清单.csv"
_DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_CHUNK = 8 * 1024 * 1024
_VERDICTS = {
    State.ACCEPTED: "接收",
    State.SUPERSEDED: "接收，后被替换",
    State.DUPLICATE: "与已接收的相同",
    State.REJECTED: "退回",
    State.HELD: "待人工审核",
    State.WITHDRAWN: "报送方撤回",
}
_HEADS = (
    *("台账序号", "地州市代码", "地州市", "材料", "原文件名", "收件位置", "收到时间", "字节数", "sha256"),
    *("结论", "回执号", "迟报", "包内位置"),
)

Progress = Callable[[int, int], None]


class ExportRefused(OneLineError):
    """The bag cannot be made in that place, or not from what is stored; the text is Chinese."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of the bag: where from, where to, and its sha256 where the ledger knows it."""

    bucket: str
    key: str
    path: str
    sha256: str | None


def export(services: Services, campaign: Campaign, folder: Path, now: datetime, progress: Progress) -> int:
    """Make the bag in a folder that is new or empty and return how many files it holds; ExportRefused if it cannot be.

    An interrupted export goes on where it was: it lies beside the folder under the name with `.part` behind it.
    """
    folder = folder.absolute()
    work = folder.with_name(f"{folder.name}.part")
    _begin(folder, work)
    rows = services.ledger.submissions(campaign.id)
    parts = [*_objects(campaign, rows), *_reports_and_receipts(services, campaign)]
    for number, part in enumerate(parts, 1):
        _fetch(services, part, work / "data" / part.path)
        progress(number, len(parts))
    placed = {part.key: part.path for part in parts}
    _write_list(work / "data" / LIST, campaign, rows, services.ledger.receipt_numbers(campaign.id), placed)
    _clear(work, {part.path for part in parts} | {LIST})
    _write_manifests(work, campaign, now, {f"data/{part.path}": part.sha256 for part in parts if part.sha256})
    if folder.exists():
        folder.rmdir()
    work.rename(folder)
    return len(parts) + 1


def _begin(folder: Path, work: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportRefused(f"{folder} 已存在且不是空文件夹，没有改动。请换一个位置，或先移走它。")
    if work.exists() and not (work / "bagit.txt").is_file():
        raise ExportRefused(f"{work} 已存在，却不是上次没有完成的导出，没有改动。请换一个位置，或先移走它。")
    (work / "data").mkdir(parents=True, exist_ok=True)
    (work / "bagit.txt").write_text(_DECLARATION, encoding="utf-8")


def _objects(campaign: Campaign, rows: list[Submission]) -> Iterator[_Part]:
    """Yield the current files, each with the record beside it."""
    senders = {p.code: p.folder for p in campaign.prefectures}
    folders: dict[str | None, str] = {d.kind.value: d.folder for d in campaign.deliverables}
    for row in rows:
        if row.state == State.ACCEPTED and row.bucket and row.archive_key:
            name = _portable(row.archive_key.rpartition("/")[2])
            path = f"材料/{senders.get(row.prefecture, row.prefecture)}/{folders.get(row.kind, '压缩包')}/{name}"
            yield _Part(row.bucket, row.archive_key, path, row.sha256)
            yield _Part(row.bucket, f"{row.archive_key}.json", f"{path}.json", None)


def _reports_and_receipts(services: Services, campaign: Campaign) -> Iterator[_Part]:
    """Yield all editions of the reports, and the receipts of all prefectures."""
    for edition in ("final", "interim"):
        for stored in services.storage.list("reports", f"{campaign.id}/{edition}/"):
            yield _Part("reports", stored.key, _portable(f"汇总/{stored.key.partition('/')[2]}"), None)
    for prefecture in campaign.prefectures:
        prefix = f"{campaign.id}/{prefecture.folder}/{RECEIPTS}/"
        for stored in services.storage.list("outbox", prefix):
            path = f"{RECEIPTS}/{prefecture.folder}/{stored.key.removeprefix(prefix)}"
            yield _Part("outbox", stored.key, _portable(path), None)


def _portable(path: str) -> str:
    """Return a path that all readers of bags understand alike: they disagree about the percent sign."""
    return path.replace("%", "_")


def _fetch(services: Services, part: _Part, path: Path) -> None:
    """Download a file, unless an earlier attempt did; ExportRefused if it has another sha256 than in the ledger."""
    if part.sha256 and path.is_file() and sha256_of(path) == part.sha256:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with services.storage.open(part.bucket, part.key) as stream, path.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    if part.sha256 not in (None, digest.hexdigest()):
        path.unlink()
        raise ExportRefused(
            f"{part.bucket}/{part.key} 与登记的 sha256 不符，没有导出。请先运行 ./baosong verify 查明。"
        )


def _write_list(
    path: Path, campaign: Campaign, rows: list[Submission], numbers: dict[int, int], placed: dict[str, str]
) -> None:
    """List every file that was sent: by whom, when, as what, and its result."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(_HEADS)
        for row in rows:
            table.writerow([_cell(value) for value in _line(campaign, row, numbers, placed)])


def _line(campaign: Campaign, row: Submission, numbers: dict[int, int], placed: dict[str, str]) -> tuple[object, ...]:
    names = {p.code: p.name for p in campaign.prefectures}
    kinds = {d.kind.value: d.name for d in campaign.deliverables}
    return (
        *(row.id, row.prefecture, names.get(row.prefecture, ""), kinds.get(row.kind or "", ""), row.name, row.key),
        *(row.received_at.astimezone(campaign.zone).isoformat(timespec="seconds"), row.size, row.sha256 or ""),
        _VERDICTS.get(State(row.state), "处理中"),
        *(numbers.get(row.receipt_id or 0, ""), "是" if row.late else ""),
        placed.get(row.archive_key or "", "") if row.state in (State.ACCEPTED, State.DUPLICATE) else "",
    )


def _cell(value: object) -> object:
    """Return a value that no spreadsheet reads as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _clear(work: Path, wanted: set[str]) -> None:
    """Remove what an earlier attempt downloaded and what is no longer current."""
    for path in sorted((work / "data").rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(work / "data").as_posix() not in wanted:
            path.unlink()


def _write_manifests(work: Path, campaign: Campaign, now: datetime, known: dict[str, str | None]) -> None:
    """Write manifests and bag-info.txt; what is read back from the disk must have the hashes in the ledger."""
    bag = bagit.Bag(str(work))
    bag.algorithms = ["sha256"]
    bag.info = {
        "Source-Organization": campaign.organizer,
        "Contact-Name": campaign.recipient.office,
        "External-Identifier": campaign.id,
        "External-Description": f"{campaign.title}报送材料、记录、回执和汇总；{LIST} 说明每个文件的来历",
        "Bagging-Date": now.astimezone(campaign.zone).date().isoformat(),
        "Bag-Software-Agent": "报送（baosong）",
    }
    bag.save(manifests=True)
    wrong = [path for path, sha256 in known.items() if bag.entries.get(path, {}).get("sha256") != sha256]
    if wrong:
        raise ExportRefused(f"写到磁盘后读回的内容不同：{wrong[0]}。请检查磁盘，再运行一次。")
