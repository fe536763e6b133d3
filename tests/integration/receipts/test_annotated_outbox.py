"""Annotated copies on a real store: beside the receipt that links them, the same when repeated, never in its way."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import unquote

import pytest
from openpyxl import Workbook, load_workbook

from annotate_help import WRONG, changed, spoil
from baosong.campaign.form import GUIDE_SHEET
from baosong.ledger.services import Services
from baosong.pipeline import archive, check, discover, reply
from baosong.receipts.annotated_workbook.listing import NAME
from baosong.receipts.annotated_workbook.marks import AUTHOR
from baosong.rules.findings import note
from sheet_help import CAMPAIGN, LIST, TOTALS, sample

CODE = "6501"
AREA = "2023/6501-乌鲁木齐市"


def run(services: Services, content: bytes, name: str = "统计表.xlsx") -> None:
    services.storage.put("intake", f"{AREA}/统计表/{name}", content)
    discover.find_new(services)
    check.check(services, "2023", CODE)
    archive.archive(services, "2023", CODE)
    reply.reply(services, "2023", CODE)


def written(services: Services, ending: str) -> list[str]:
    return sorted(s.key for s in services.storage.list("outbox", f"{AREA}/回执/") if s.key.endswith(ending))


def test_a_rejected_sheet_has_its_copy_beside_the_receipt_that_links_it(services: Services) -> None:
    run(services, changed(spoil), "统计表 100% #1.xlsx")
    (key,), (told,) = written(services, ".xlsx"), written(services, ".json")
    (file,) = json.loads(services.storage.read("outbox", told))["files"]
    assert file["verdict"] == "rejected"
    assert key == f"{told.removesuffix('.json')}-批注-统计表 100% #1.xlsx"
    assert unquote(file["annotated"]["href"]) == file["annotated"]["title"] == key.rsplit("/", 1)[1]
    page = services.storage.read("outbox", told.replace(".json", ".html")).decode()
    assert f'<a href="{file["annotated"]["href"]}" download>下载批注副本</a>' in page
    assert "已在您的表格上标出问题" in page
    book = load_workbook(io.BytesIO(services.storage.read("outbox", key)))
    assert book.sheetnames == [NAME, TOTALS, LIST, GUIDE_SHEET]
    assert book[TOTALS]["D5"].comment.author == AUTHOR


def test_a_repeated_reply_writes_the_same_bytes(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(reply, "empty_intake", lambda *_: None)  # as if killed before the intake was emptied
        run(services, changed(spoil))
    before = {key: services.storage.read("outbox", key) for key in written(services, "")}
    reply.reply(services, "2023", CODE)
    assert len(before) == 3
    assert {key: services.storage.read("outbox", key) for key in written(services, "")} == before


def test_an_accepted_sheet_has_a_copy_only_if_there_is_something_to_confirm(services: Services) -> None:
    run(services, sample().content)
    assert written(services, ".xlsx") == []

    def doubt(book: Workbook) -> None:
        book[LIST]["A5"], book[TOTALS]["D16"] = 2, f"约{book[TOTALS]['D16'].value}"

    run(services, changed(doubt))
    told = json.loads(services.storage.read("outbox", written(services, ".json")[-1]))
    assert [f["verdict"] for f in told["files"]] == ["accepted"]
    assert len(written(services, ".xlsx")) == 1


def test_without_a_copy_the_receipt_goes_out_as_ever(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> bytes:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(reply, "annotate", fail)
    run(services, changed(spoil))
    assert written(services, ".xlsx") == []
    assert json.loads(services.storage.read("outbox", written(services, ".json")[0]))["files"][0]["annotated"] is None
    assert "批注副本" not in services.storage.read("outbox", written(services, ".html")[0]).decode()


def test_a_note_alone_makes_no_copy(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    row: Any = type("Row", (), {"kind": "statistics", "state": "accepted", "size": 1, "bucket": "archive"})()
    row.findings = [note("statistics.x", "说明", where={"sheet": TOTALS, "cell": "D5"}).as_json()]
    assert reply._annotated(services, CAMPAIGN, row) is None
    row.findings, row.state = [WRONG.as_json()], "held"
    assert reply._annotated(services, CAMPAIGN, row) is None
