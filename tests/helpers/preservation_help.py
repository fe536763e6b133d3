"""A history with everything in it that can happen to a file, for tests of what is kept of it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from baosong.campaign import Campaign
from baosong.ledger import Ledger
from baosong.ledger.restore import DERIVED, LOGGED
from baosong.ledger.services import Services
from baosong.pipeline import check, completeness, discover, reply
from baosong.pipeline.publish import publish_report
from baosong.preservation import fixity
from baosong.preservation.fixity import Result
from baosong_local.samples.documents import make_report
from baosong_local.samples.sheets import make_sheet
from intake_run import AREA, CODE, drop, piece, run
from package_help import packed, send

OTHER = "2023/6502-克拉玛依市"


def tables(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables that are worth keeping, as PostgreSQL writes them, in a fixed order."""
    with ledger.engine.connect() as connection:
        read = {
            name: text(f'SELECT to_jsonb(t) FROM "{name}" t ORDER BY to_jsonb(t)::text') for name in (*LOGGED, *DERIVED)
        }
        return {name: list(connection.scalars(statement)) for name, statement in read.items()}


def rich_history(services: Services, campaign: Campaign) -> None:
    """Let everything happen: accepted, replaced, repeated, refused, held, taken back, zipped, of nobody, reported."""
    for seed in (1, 2):
        sheet = make_sheet(campaign, campaign.prefecture(CODE), seed)
        drop(services, sheet.content, sheet.name, "统计表")
        drop(services, piece(str(seed)), f"{seed}.txt")
        run(services)
    drop(services, piece("1"), "再来一次.txt")
    drop(services, b"", "空.txt")
    drop(services, piece("秘"), "机密★一年.txt")
    services.storage.put("intake", f"{OTHER}/总结报告/终稿.docx", make_report(campaign, campaign.prefecture("6502"), 1))
    services.storage.put("intake", "1999/whoever/x.xlsx", b"of nobody")
    run(services)
    send(
        services, packed({"媒体报道/一.txt": piece("包一"), "媒体报道/二.txt": piece("包二"), "别的/什么.bin": b"\0\1"})
    )
    run(services)
    taken_back(services)
    drop(services, b"", "空.txt")
    run(services)
    services.ledger.ask_closing("2023", date(2023, 6, 17), "run", [CODE])
    services.ledger.decide_closing("2023", date(2023, 6, 17), [CODE], "张三", "不再等待", datetime.now(UTC))
    services.ledger.extend(campaign, CODE, campaign.deadline + timedelta(days=5), "张三", "来函")
    publish_report(services, "2023", "interim", datetime.now(campaign.zone))
    completeness.mark_announced(services, [f"2023|{CODE}"])
    discover.find_new(services)


def taken_back(services: Services) -> None:
    """Let a prefecture take a file back before it is checked."""
    key = drop(services, piece("不要了"), "不要了.txt")
    discover.find_new(services)
    services.storage.remove("intake", key)
    check.check(services, "2023", CODE)
    reply.reply(services, "2023", CODE)


def lose(services: Services) -> None:
    """Drop the ledger's schema with all that is in it."""
    with services.ledger.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
    services.ledger.close()


__all__ = ["AREA", "lose", "rich_history", "tables", "taken_back"]


NOTHING = lambda *_: None  # noqa: E731


def verified(services: Services, choose: fixity.Choose | None = None, campaign_id: str | None = "2023") -> Result:
    return fixity.verify(services, campaign_id, choose or fixity.since(datetime.now(UTC)), NOTHING)


def flip(path: Path, at: int = 3) -> None:
    """Turn one bit of a file over, under the store's feet, with its time as it was."""
    data, was = bytearray(path.read_bytes()), path.stat()
    data[at] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
