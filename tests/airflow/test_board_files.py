"""What prefectures sent and were answered, as the board hands it out: nothing in it can run, nothing marked leaves."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from sqlalchemy import update

from baosong.ledger.models import Submission
from baosong.pipeline import discover
from baosong.pipeline.open_campaign import open_campaign
from baosong.rules.findings import Kind
from baosong_local.samples.sheets import make_sheet
from board_help import HOSTILE, busy
from datadocs_help import wrong_sheet
from feed import feed
from intake_run import drop, piece, rows, run
from manual_review_help import newest, run_unscanned
from package_help import packed

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.ledger.services import Services

FILES = "/2023/files/6501"
SCRIPT = b"<!doctype html><script>document.title='hit'</script>"


def held(services: Services, name: str = "待审核.txt") -> Submission:
    drop(services, piece("看"), name)
    run_unscanned(services)
    return newest(services)


def cannot_run(answer: Any) -> bool:
    headers = answer.headers
    return (
        headers["content-disposition"].startswith("attachment; ")
        and headers["content-type"] == "application/octet-stream"
        and headers["x-content-type-options"] == "nosniff"
        and headers["cache-control"] == "no-store"
        and headers["content-security-policy"].endswith("; sandbox")
    )


def test_a_held_file_is_downloaded_after_a_warning_byte_for_byte(client: Any, services: Services) -> None:
    row = held(services, HOSTILE)

    warned = client.get(f"{FILES}/{row.id}")
    given = client.get(f"{FILES}/{row.id}/content")

    assert warned.status_code == 200
    assert "没有被接收，可能损坏、带有宏或病毒" in warned.text
    assert f'href="{row.id}/content"' in warned.text
    assert "<img" not in warned.text
    assert (given.content, cannot_run(given)) == (piece("看"), True)
    assert quote(HOSTILE, safe="") in given.headers["content-disposition"]


def test_a_page_that_somebody_sent_is_never_a_page_here(client: Any, services: Services) -> None:
    drop(services, SCRIPT, "x.html")
    run(services)

    given = client.get(f"{FILES}/{newest(services).id}/content")

    assert (given.content, cannot_run(given)) == (SCRIPT, True)


def test_an_accepted_file_needs_no_warning(client: Any, services: Services) -> None:
    drop(services, piece())
    run(services)

    given = client.get(f"{FILES}/{newest(services).id}")

    assert (given.content, cannot_run(given)) == (piece(), True)


def test_what_bears_a_marking_is_refused_with_words_and_so_is_the_package_around_it(
    client: Any, services: Services
) -> None:
    drop(services, piece("密"), "机密★.txt")
    drop(services, packed({"媒体报道/机密★一.txt": piece("一"), "媒体报道/二.txt": piece("二")}), "甲.zip")
    run(services)
    marked, bundle, member, other = sorted(rows(services), key=lambda row: row.id)
    assert [marked.state, bundle.state, member.state, other.state] == ["held", "held", "held", "accepted"]

    for row in (marked, bundle, member):
        for path in (f"{FILES}/{row.id}", f"{FILES}/{row.id}/content"):
            answer = client.get(path)
            assert (answer.status_code, "疑似涉密" in answer.text) == (403, True)
    assert client.get(f"{FILES}/{other.id}").content == piece("二")
    page = client.get("/2023/6501").text
    assert page.count("疑似涉密，不提供下载") == 3
    assert f'href="files/6501/{marked.id}"' not in page


def test_the_bytes_of_a_marked_file_are_refused_under_any_name(client: Any, services: Services) -> None:
    drop(services, piece("密"), "机密★.txt")
    drop(services, piece("密"), "一.txt")
    run(services)
    same = next(row for row in rows(services) if row.name == "一.txt")
    assert client.get(f"{FILES}/{same.id}/content").status_code == 403


def test_a_name_that_hides_its_ending_is_shown_as_it_is_before_the_download(client: Any, services: Services) -> None:
    row = held(services, "a\u202efdp.txt")
    assert "\u202e" not in client.get(f"{FILES}/{row.id}").text


def test_a_file_of_another_place_a_number_that_is_none_and_what_is_gone_are_not_found(
    client: Any, services: Services
) -> None:
    row = held(services)
    drop(services, b"1", "新.txt")
    discover.find_new(services, "quick", "run")
    asked = [f"6502/{row.id}", "6501/0", "6501/x", "6501/１", f"6501/0{row.id}", f"6501/{10**17}", "9999/1"]
    asked += [f"6501/{newest(services).id}"]  # not filed yet

    assert [client.get(f"/2023/files/{path}{end}").status_code for path in asked for end in ("", "/content")] == [
        404
    ] * (2 * len(asked))
    gone = update(Submission).where(Submission.id == row.id).values(purged_at=datetime.now(UTC))
    services.ledger.run(lambda session: session.execute(gone))
    assert client.get(f"{FILES}/{row.id}/content").status_code == 404
    assert "保存期满，内容已清除" in client.get("/2023/6501").text


def test_a_prefectures_page_leads_to_everything_and_each_link_opens(
    client: Any, services: Services, campaign: Campaign
) -> None:
    open_campaign(services, campaign)
    files = busy(services, campaign)
    drop(services, b"1", "新.txt")
    discover.find_new(services, "quick", "scheduled__2023-06-01T00:00:00+08:00")

    page = client.get("/2023/6501").text
    links = [link for link in re.findall(r'href="([^#"][^"]*)"', page) if not link.startswith("..")]

    assert {link: client.get(f"/2023/{link}").status_code for link in links} == dict.fromkeys(links, 200)
    assert {link.partition("/")[0] for link in links} == {"status", "receipts", "checks", "files", "acts"}
    assert 'href="../../dags/intake/runs/scheduled__2023-06-01T00%3A00%3A00%2B08%3A00" data-airflow' in page
    assert "下载批注副本：统计表.xlsx" in page
    assert "<img" not in page
    assert f'id="f{files["统计表.xlsx"].id}"' in page


def test_a_prefectures_page_tells_versions_and_late_files_apart(
    client: Any, services: Services, campaign: Campaign
) -> None:
    for n in range(2):
        feed(services.ledger, campaign, "6501", Kind.REPORT, f"{n}.docx", at=campaign.deadline)

    page = client.get("/2023/6501").text

    assert page.index("1.docx") < page.index("0.docx")
    assert "第 2 版" in page
    assert "已由新文件替换" in page
    assert page.count('<span class="tag late">迟报</span>') == 3  # of the deliverable and of both files


def test_a_receipt_opens_by_its_number_and_only_pages_open(client: Any, services: Services) -> None:
    drop(services, piece())
    run(services)
    (data,) = (s.key for s in services.storage.list("outbox") if s.key.endswith(".json"))

    page, download = client.get("/2023/receipts/6501/1"), client.get(f"/2023/receipts/6501/{data.rpartition('/')[2]}")

    assert "材料报送回执" in page.text
    assert "content-disposition" not in page.headers
    assert download.headers["content-disposition"].startswith("attachment; ")
    assert client.get("/2023/receipts/6501/2").status_code == 404
    assert "报送状态" in client.get("/2023/status/6501/").text


def test_each_link_of_the_status_page_and_of_a_copy_with_a_wide_space_opens(
    client: Any, services: Services, campaign: Campaign
) -> None:
    open_campaign(services, campaign)
    drop(services, wrong_sheet(), "统计表\u3000终稿.xlsx", "统计表")
    run(services)

    page = client.get("/2023/status/6501/").text
    links = re.findall(r'href="([^#"][^"]*)"', page)
    copies = re.findall(r'href="(receipts/[^"]*\.xlsx)"', client.get("/2023/6501").text)

    assert {link: client.get(f"/2023/status/6501/{link}").status_code for link in links} == dict.fromkeys(links, 200)
    assert [client.get(f"/2023/{link}").status_code for link in copies] == [200]
    assert len(links) == 2
    assert client.get("/2023/status/6501/别处/x").status_code == 404


@pytest.mark.parametrize(
    ("path", "said"), [("/9999", "没有这个活动"), ("/2023/9999", "没有这个地州市"), ("/a/b/c/d", "没有这一页")]
)
def test_who_asks_for_what_is_not_there_is_told_so_in_chinese_and_a_program_as_json(
    client: Any, services: Services, path: str, said: str
) -> None:
    for_people, for_programs = client.get(path), client.get(path, headers={"Accept": "application/json"})

    assert (for_people.status_code, said in for_people.text) == (404, True)
    assert for_people.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'sha256-" in for_people.headers["content-security-policy"]
    assert (for_programs.status_code, list(for_programs.json())) == (404, ["detail"])


def test_who_is_not_signed_in_or_may_not_is_told_so_in_chinese(
    client: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Airflow's own guards: a stranger, somebody without a role, and a viewer who asks for an original."""
    from airflow.api_fastapi import app as airflow_app
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user
    from airflow.models.dag import DagModel

    from baosong_airflow import board_app

    row = held(services)
    guards = board_app.app.dependency_overrides
    for guard in (board_app.operators_only, board_app.reviewers_only):
        monkeypatch.delitem(guards, guard)
    monkeypatch.setattr(airflow_app._AuthManagerState, "instance", SimpleAuthManager())
    monkeypatch.setattr(DagModel, "get_team_name", lambda *_: None)  # there is no database of Airflow's here

    stranger = client.get("/2023")
    monkeypatch.setitem(guards, get_user, lambda: SimpleAuthManagerUser(username="甲", role=None))
    without = client.get("/2023")
    monkeypatch.setitem(guards, get_user, lambda: SimpleAuthManagerUser(username="乙", role="viewer"))
    viewer = [client.get(path).status_code for path in ("/2023", "/2023/6501", f"{FILES}/{row.id}/content")]

    assert (stranger.status_code, "没有登录" in stranger.text, 'href="/"' in stranger.text) == (401, True, True)
    assert (without.status_code, "没有这项权限" in without.text) == (403, True)
    assert viewer == [200, 200, 403]


def test_a_download_can_be_looked_at_and_gone_on_with(client: Any, services: Services) -> None:
    """A lost line goes on where it was (Range), and a download manager asks for the size first (HEAD)."""
    row = held(services)
    path, whole = f"{FILES}/{row.id}/content", piece("看")
    looked = client.head(path)
    assert (looked.status_code, looked.content, looked.headers["content-length"]) == (200, b"", str(len(whole)))
    assert looked.headers["accept-ranges"] == "bytes"

    for asked, expected in (("bytes=5-", whole[5:]), ("bytes=2-7", whole[2:8]), ("bytes=-4", whole[-4:])):
        part = client.get(path, headers={"Range": asked, "If-Range": looked.headers["etag"]})
        assert (part.status_code, part.content, cannot_run(part)) == (206, expected, True)
        first = whole.index(expected)
        assert part.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{len(whole)}"
    assert client.get(path, headers={"Range": "bytes=999999-"}).status_code == 416
    for asked in ({"Range": "bytes=x"}, {"Range": "bytes=-"}, {"Range": "bytes=5-", "If-Range": '"another"'}):
        all_of_it = client.get(path, headers=asked)
        assert (all_of_it.status_code, all_of_it.content) == (200, whole)


def test_a_held_sheet_is_not_said_to_have_a_page_of_its_results(
    client: Any, services: Services, campaign: Campaign
) -> None:
    """None is written of it, as it may bear a marking; the link led to nothing."""
    sheet = make_sheet(campaign, campaign.prefecture("6501"), 1)
    drop(services, sheet.content, sheet.name, "统计表")
    run_unscanned(services)
    row = newest(services)
    assert (row.state, bool(row.facts["used"])) == ("held", True)

    for page in ("/2023", "/2023/6501"):
        assert f"checks/6501/{row.id}" not in client.get(page).text
