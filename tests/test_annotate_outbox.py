"""Annotated copies on a real store: beside the receipt that links them, the same when repeated, never in its way."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import unquote

import pytest
from openpyxl import Workbook, load_workbook

from annotate_help import WRONG, changed, spoil
from baosong import outbox, review
from baosong.annotated.listing import NAME
from baosong.annotated.marks import AUTHOR
from baosong.findings import note
from baosong.workdesk import Desk
from sheet_help import CAMPAIGN, LIST, TOTALS, sample

CODE = "6501"
AREA = "2023/6501-乌鲁木齐市"


def run(desk: Desk, content: bytes, name: str = "统计表.xlsx") -> None:
    desk.storage.put("intake", f"{AREA}/统计表/{name}", content)
    review.find_new(desk)
    review.check(desk, "2023", CODE, ["statistics"])
    review.file_away(desk, "2023", CODE)
    review.reply(desk, "2023", CODE)


def written(desk: Desk, ending: str) -> list[str]:
    return sorted(s.key for s in desk.storage.list("outbox", f"{AREA}/回执/") if s.key.endswith(ending))


def test_a_rejected_sheet_has_its_copy_beside_the_receipt_that_links_it(desk: Desk) -> None:
    run(desk, changed(spoil), "统计表 100% #1.xlsx")
    (key,), (told,) = written(desk, ".xlsx"), written(desk, ".json")
    (file,) = json.loads(desk.storage.read("outbox", told))["files"]
    assert file["verdict"] == "rejected"
    assert key == f"{told.removesuffix('.json')}-批注-统计表 100% #1.xlsx"
    assert unquote(file["annotated"]["href"]) == file["annotated"]["title"] == key.rsplit("/", 1)[1]
    page = desk.storage.read("outbox", told.replace(".json", ".html")).decode()
    assert f'<a href="{file["annotated"]["href"]}" download>下载批注副本</a>' in page
    assert "已在您的表格上标出问题" in page
    book = load_workbook(io.BytesIO(desk.storage.read("outbox", key)))
    assert book.sheetnames == [NAME, TOTALS, LIST]
    assert book[TOTALS]["D5"].comment.author == AUTHOR


def test_a_repeated_reply_writes_the_same_bytes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(review, "_empty_intake", lambda *_: None)  # as if killed before the intake was emptied
        run(desk, changed(spoil))
    before = {key: desk.storage.read("outbox", key) for key in written(desk, "")}
    review.reply(desk, "2023", CODE)
    assert len(before) == 3
    assert {key: desk.storage.read("outbox", key) for key in written(desk, "")} == before


def test_an_accepted_sheet_has_a_copy_only_if_there_is_something_to_confirm(desk: Desk) -> None:
    run(desk, sample().content)
    assert written(desk, ".xlsx") == []

    def doubt(book: Workbook) -> None:
        book[LIST]["A5"], book[TOTALS]["D16"] = 2, f"约{book[TOTALS]['D16'].value}"

    run(desk, changed(doubt))
    told = json.loads(desk.storage.read("outbox", written(desk, ".json")[-1]))
    assert [f["verdict"] for f in told["files"]] == ["accepted"]
    assert len(written(desk, ".xlsx")) == 1


def test_without_a_copy_the_receipt_goes_out_as_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> bytes:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(outbox, "annotate", fail)
    run(desk, changed(spoil))
    assert written(desk, ".xlsx") == []
    assert json.loads(desk.storage.read("outbox", written(desk, ".json")[0]))["files"][0]["annotated"] is None
    assert "批注副本" not in desk.storage.read("outbox", written(desk, ".html")[0]).decode()


def test_sheets_of_one_name_get_copies_of_two() -> None:
    from types import SimpleNamespace as Row

    rows: Any = [Row(id=2, name="统计表.XLS"), Row(id=1, name="统计表.xlsx"), Row(id=3, name="长" * 300 + ".xlsx")]
    names = outbox._copy_names(rows)
    assert (names[1], names[2]) == ("统计表.xlsx", "统计表-2.xlsx")
    assert len(names[3].encode()) < 130


def test_a_note_alone_makes_no_copy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    row: Any = type("Row", (), {"kind": "statistics", "state": "accepted", "size": 1, "bucket": "archive"})()
    row.findings = [note("statistics.x", "说明", where={"sheet": TOTALS, "cell": "D5"}).as_json()]
    assert outbox._annotated(desk, CAMPAIGN, row) is None
    row.findings, row.state = [WRONG.as_json()], "held"
    assert outbox._annotated(desk, CAMPAIGN, row) is None
