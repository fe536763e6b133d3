"""A history with everything in it that can happen to a file, for tests of what is kept of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

from baosong import review
from baosong.campaign import Campaign
from baosong.ledger import Ledger
from baosong.ledger.rebuilding import DERIVED, TOLD
from baosong.report import write_report
from baosong.samples.documents import make_report
from baosong.samples.sheets import make_sheet
from baosong.workdesk import Desk
from bundle_help import packed, send
from intake_run import ALL_KINDS, AREA, CODE, drop, piece, run

OTHER = "2023/6502-克拉玛依市"


def tables(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables that are worth keeping, as PostgreSQL writes them, in a fixed order."""
    with ledger.engine.connect() as connection:
        read = {
            name: text(f'SELECT to_jsonb(t) FROM "{name}" t ORDER BY to_jsonb(t)::text') for name in (*TOLD, *DERIVED)
        }
        return {name: list(connection.scalars(statement)) for name, statement in read.items()}


def rich_history(desk: Desk, campaign: Campaign) -> None:
    """Let everything happen: accepted, replaced, repeated, refused, held, taken back, zipped, of nobody, reported."""
    for seed in (1, 2):
        sheet = make_sheet(campaign, campaign.prefecture(CODE), seed)
        drop(desk, sheet.content, sheet.name, "统计表")
        drop(desk, piece(str(seed)), f"{seed}.txt")
        run(desk)
    drop(desk, piece("1"), "再来一次.txt")
    drop(desk, b"", "空.txt")
    drop(desk, piece("秘"), "机密★一年.txt")
    desk.storage.put("intake", f"{OTHER}/总结报告/终稿.docx", make_report(campaign, campaign.prefecture("6502"), 1))
    desk.storage.put("intake", "1999/whoever/x.xlsx", b"of nobody")
    run(desk)
    send(desk, packed({"媒体报道/一.txt": piece("包一"), "媒体报道/二.txt": piece("包二"), "别的/什么.bin": b"\0\1"}))
    run(desk)
    taken_back(desk)
    drop(desk, b"", "空.txt")
    run(desk)
    write_report(desk, "2023", "interim", datetime.now(campaign.zone))
    review.mark_announced(desk, [f"2023|{CODE}"])
    review.find_new(desk)


def taken_back(desk: Desk) -> None:
    """Let a prefecture take a file back before it is checked."""
    key = drop(desk, piece("不要了"), "不要了.txt")
    review.find_new(desk)
    desk.storage.remove("intake", key)
    review.check(desk, "2023", CODE, ALL_KINDS)
    review.reply(desk, "2023", CODE)


def lose(desk: Desk) -> None:
    """Drop the ledger's schema with all that is in it."""
    with desk.ledger.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
    desk.ledger.close()


__all__ = ["AREA", "lose", "rich_history", "tables", "taken_back"]
