"""The Data Docs of a sheet: whatever it holds is shown as text, and each submission keeps its page."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from baosong.ledger.services import Services
from baosong.pipeline import check, discover
from baosong.receipts import sheet_results
from baosong.receipts.board import render_board
from baosong.store.keys import RECEIPTS
from baosong.store.storage import Storage, StorageError
from baosong.validation.statistics import datadocs
from baosong_local.samples.dirt import written
from datadocs_help import wrong_sheet
from intake_run import run
from sheet_help import LIST, edited, put, sample

AREA = "2023/6501-乌鲁木齐市"

NOW = datetime(2023, 6, 1, 8, 0, tzinfo=UTC)


def drop(services: Services, content: bytes, name: str = "统计表.xlsx") -> None:
    services.storage.put("intake", f"{AREA}/统计表/{name}", content)


def pages(services: Services) -> list[str]:
    return sorted(stored.key for stored in services.storage.list("reports"))


# --- what the page shows


# --- what is kept


def test_each_submission_keeps_its_own_page_and_the_board_leads_to_it(services: Services) -> None:
    for content in (wrong_sheet(), sample().content):
        drop(services, content)
        run(services)
    first, second = services.ledger.submissions("2023")
    assert (first.state, second.state) == ("rejected", "accepted")
    assert pages(services) == [f"2023/checks/6501/{row.id}.html" for row in (first, second)]
    assert "很多" in services.storage.read("reports", pages(services)[0]).decode()
    assert "很多" not in services.storage.read("reports", pages(services)[1]).decode()

    html = render_board(services.ledger, services.campaigns.get("2023"), NOW, bool)
    matrix, _, lists = html.partition("</table>")
    assert re.findall(r'href="([^"]*/checks/[^"]*)"', matrix) == [f"2023/checks/6501/{second.id}"]
    assert set(re.findall(r'href="([^"]*/checks/[^"]*)"', lists)) == {
        f"2023/checks/6501/{row.id}" for row in (first, second)
    }


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (written(edited(put(LIST, "B4", "秘密★1年"), put(LIST, "K4", "很多"))), "held"),
        (sample().content[:3000], "rejected"),
        (written({"说明": [["没有表"]]}), "rejected"),
    ],
    ids=["classified", "unreadable", "no table"],
)
def test_a_sheet_that_is_held_or_was_not_judged_leaves_no_page_and_no_link(
    services: Services, content: bytes, state: str
) -> None:
    """Not even one of an earlier attempt, made under other rules."""
    drop(services, content)
    discover.find_new(services)
    (row,) = services.ledger.submissions("2023")
    services.storage.put("reports", sheet_results.page_key("2023", "6501", row.id), b"stale")
    run(services)
    assert services.ledger.submission(row.id).state == state
    assert pages(services) == []
    assert "/checks/" not in render_board(services.ledger, services.campaigns.get("2023"), NOW, bool)


def test_other_deliverables_have_no_page(services: Services) -> None:
    services.storage.put("intake", f"{AREA}/媒体报道/链接.txt", "启动 https://www.xjdaily.com/1".encode())
    run(services)
    assert pages(services) == []


def test_a_page_that_cannot_be_drawn_is_our_fault_and_keeps_no_sheet_from_its_answer(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(datadocs, "tables", lambda *_: 1 / 0)
    drop(services, sample().content)
    run(services)
    assert [row.state for row in services.ledger.submissions("2023")] == ["accepted"]
    assert pages(services) == []
    assert [r.message for r in caplog.records if r.name == sheet_results.__name__] == ["no page of submission 1"]
    assert any(s.key.startswith(f"{AREA}/{RECEIPTS}/") for s in services.storage.list("outbox"))


def test_a_store_that_is_away_stops_the_check_and_the_next_run_writes_the_page(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise StorageError("写入 reports：对象存储未能完成。")

    drop(services, sample().content)
    discover.find_new(services)
    with monkeypatch.context() as ill:
        ill.setattr(Storage, "put", away)
        with pytest.raises(StorageError):
            check.check(services, "2023", "6501")
    (row,) = services.ledger.submissions("2023")
    assert (row.state, pages(services)) == ("received", [])
    run(services)
    assert pages(services) == [sheet_results.page_key("2023", "6501", row.id)]
