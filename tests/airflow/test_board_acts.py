"""What operators do on the board: who may, from where, what follows, and that whatever cannot be is said in words."""

from __future__ import annotations

import html
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from baosong.rules.findings import Verdict
from board_help import HOSTILE, OPERATOR, signed_in
from datadocs_help import wrong_sheet
from feed import feed, feed_all
from intake_run import drop, finished, piece, receipts, rows, run
from manual_review_help import lies_where_it_says, newest, run_unscanned

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.ledger import Submission
    from baosong.ledger.services import Services

HERE = {"Sec-Fetch-Site": "same-origin"}
WHY = "已电话核实 <img src=x onerror=alert(2)>"


@pytest.fixture(autouse=True)
def operator(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(monkeypatch)


def held(services: Services, name: str = "待审核.txt", folder: str = "媒体报道") -> Submission:
    drop(services, piece("看"), name, folder)
    run_unscanned(services)
    return newest(services)


def review(client: Any, row: Submission, step: str = "do", headers: Any = HERE, **values: str) -> Any:
    form = {"decision": "release", "reason": WHY, "step": step} | values
    return client.post(f"/2023/acts/review/6501/{row.id}", data=form, headers=headers)


def test_a_held_file_is_released_from_the_board_after_it_was_confirmed(client: Any, services: Services) -> None:
    row = held(services, HOSTILE)
    page = client.get("/2023/6501").text
    assert f'href="acts/review/6501/{row.id}"' in page

    form = client.get(f"/2023/acts/review/6501/{row.id}")
    asked = review(client, row, "ask")
    assert "没有查毒" in form.text
    assert "确认办理" in asked.text
    assert html.escape(WHY) in asked.text
    assert services.ledger.submission(row.id).state == "held", "nothing is done before it is confirmed"

    done = review(client, row)
    run(services)
    after = services.ledger.submission(row.id)
    assert (done.status_code, "结论已记下：放行" in done.text) == (200, True)
    assert (after.state, after.bucket, lies_where_it_says(services, after)) == ("accepted", "archive", True)
    assert [h.who for h in services.ledger.history(row.id) if h.who] == [OPERATOR]
    assert receipts(services)[-1]["files"][0]["findings"][-1]["message"] == f"经人工审核，予以接收：{WHY}"
    page = client.get("/2023/6501").text
    assert html.escape(OPERATOR) in page
    assert html.escape(WHY) in page
    assert "<img" not in page + form.text + asked.text + done.text
    assert finished(services)


def test_a_held_file_is_sent_back_and_a_second_click_changes_nothing(client: Any, services: Services) -> None:
    row = held(services)
    answers = [review(client, row, decision="refuse", reason="不是活动周的报道") for _ in range(2)]
    run(services)
    again = review(client, row, decision="refuse", reason="不是活动周的报道")

    assert [a.status_code for a in (*answers, again)] == [200, 200, 200]
    assert services.ledger.submission(row.id).state == "rejected"
    assert len([h for h in services.ledger.history(row.id) if h.who]) == 1


def test_a_file_that_was_decided_meanwhile_is_said_so_with_who_did_it(client: Any, services: Services) -> None:
    from baosong.pipeline import manual_review

    row = held(services)
    manual_review.refuse(services, row.id, "李四", "重复")
    for answer in (review(client, row), review(client, row, "ask"), client.get(f"/2023/acts/review/6501/{row.id}")):
        assert answer.status_code == 409
        assert "已经有了审核结论" in answer.text
        assert "李四" in answer.text
    run(services)
    assert "已退回，不在待人工审核之列" in review(client, row).text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"decision": ""}, "请选择放行或退回"),
        ({"reason": " \n"}, "请写明理由"),
        ({"reason": "长" * 501}, "最多 500 个字"),
    ],
)
def test_what_was_left_out_is_asked_for_again_and_the_rest_is_kept(
    client: Any, services: Services, values: dict[str, str], said: str
) -> None:
    row = held(services)
    for step in ("ask", "do"):
        answer = review(client, row, step, **values)
        assert (answer.status_code, said in answer.text, "<textarea" in answer.text) == (409, True, True)
    assert "checked" in review(client, row, "edit").text
    assert services.ledger.submission(row.id).state == "held"


def test_a_marked_file_can_only_be_sent_back(client: Any, services: Services) -> None:
    drop(services, piece("密"), "机密★.txt")
    run(services)
    row = newest(services)

    form, refused = client.get(f"/2023/acts/review/6501/{row.id}"), review(client, row)

    assert ('value="release"' in form.text, 'value="refuse"' in form.text, "看原件" in form.text) == (
        False,
        True,
        False,
    )
    assert (refused.status_code, "不能放行，只能退回" in refused.text) == (409, True)
    assert services.ledger.submission(row.id).state == "held"
    assert review(client, row, decision="refuse").status_code == 200


def test_a_file_that_no_check_could_tell_needs_its_kind(client: Any, services: Services, campaign: Campaign) -> None:
    row = feed(services.ledger, campaign, "6501", None, "谜.txt", verdict=Verdict.HELD, content="x")
    services.storage.put("quarantine", row.archive_key or "", b"x")
    assert "请指明" in review(client, row, "ask").text
    assert "媒体报道" in review(client, row, "ask", kind="press").text
    assert review(client, row, kind="press").status_code == 200
    after = services.ledger.submission(row.id)
    assert (after.kind, after.verdict) == ("press", "accepted")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
    ],
)
def test_a_request_that_another_site_has_a_browser_send_does_nothing(
    client: Any, services: Services, headers: dict[str, str]
) -> None:
    row = held(services)
    answer = review(client, row, headers=headers)
    assert (answer.status_code, "不是从看板的页面发出" in answer.text) == (403, True)
    assert services.ledger.submission(row.id).state == "held"


def test_a_browser_without_tls_tells_its_origin_instead(client: Any, services: Services) -> None:
    row = held(services)
    assert review(client, row, headers={"Origin": "http://testserver"}).status_code == 200


def test_a_form_may_be_sent_only_to_this_server_and_only_from_its_own_page(client: Any, services: Services) -> None:
    row = held(services)
    answer = client.get(f"/2023/acts/review/6501/{row.id}")
    policy = set(answer.headers["content-security-policy"].split("; "))
    assert {"form-action 'self'", "base-uri 'none'", "frame-ancestors 'self'"} <= policy
    assert "connect-src" not in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "same-origin", "else its origin would be null"
    assert "form-action 'self'" in answer.text
    assert "form-action 'none'" in client.get("/2023/6501").headers["content-security-policy"]


def test_a_place_a_number_or_an_act_that_is_none_is_not_found(client: Any, services: Services) -> None:
    row = held(services)
    paths = [f"review/6502/{row.id}", "review/6501/0", f"review/6501/{row.id + 1}", "review/6501/x"]
    paths += [f"none/6501/{row.id}", "none/6501", "none", "review/6501", f"review/9999/{row.id}", "review"]
    for path in paths:
        assert client.get(f"/2023/acts/{path}").status_code == 404, path
        assert client.post(f"/2023/acts/{path}", data={"step": "do"}, headers=HERE).status_code == 404, path


def test_what_is_too_long_or_of_no_length_is_not_read(client: Any, services: Services) -> None:
    row = held(services)
    assert review(client, row, reason="长" * 30_000).status_code == 413
    unmeasured = client.post(f"/2023/acts/review/6501/{row.id}", content=iter([b"step=do"]), headers=HERE)
    assert (unmeasured.status_code, "没有办理" in unmeasured.text) == (411, True)


def test_who_is_not_signed_in_or_may_not_decide_is_refused_each_act_in_chinese(
    client: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Airflow's own guards, asked at each request."""
    from airflow.api_fastapi import app as airflow_app
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.core_api.security import get_user
    from airflow.models.dag import DagModel

    from baosong_airflow import board_app, board_forms

    row = held(services)
    guards = board_app.app.dependency_overrides
    for guard in (board_app.operators_only, board_app.reviewers_only, get_user):
        monkeypatch.delitem(guards, guard)
    monkeypatch.setattr(airflow_app._AuthManagerState, "instance", SimpleAuthManager())
    monkeypatch.setattr(DagModel, "get_team_name", lambda *_: None)  # there is no database of Airflow's here
    paths = [f"/2023/acts/{act}/6501/{row.id}" for act in board_forms.ON_FILES]
    paths += [f"/2023/acts/{act}/6501" for act in board_forms.ON_PREFECTURES]
    paths += [f"/2023/acts/{act}" for act in board_forms.ON_CAMPAIGNS]

    for user, status, said in ((None, 401, "没有登录"), ("viewer", 403, "没有这项权限")):
        if user:
            signed_in(monkeypatch, "乙", user)
        for path in paths:
            answers = [client.get(path), client.post(path, data={"step": "do", "reason": "x"}, headers=HERE)]
            assert [(a.status_code, said in a.text) for a in answers] == [(status, True)] * 2, path
    assert [r.state for r in rows(services)] == ["held"]


# --- waiving a rule, withdrawing a file


def act(client: Any, name: str, row: Submission, step: str = "do", **values: Any) -> Any:
    form = {"reason": WHY, "step": step} | values
    return client.post(f"/2023/acts/{name}/6501/{row.id}", data=form, headers=HERE)


def test_a_rejected_sheet_is_taken_from_the_board_and_withdrawn_again(client: Any, services: Services) -> None:
    drop(services, wrong_sheet(), "统计表.xlsx", "统计表")
    run(services)
    row = newest(services)
    assert f'href="acts/waive/6501/{row.id}"' in client.get("/2023/6501").text

    form = client.get(f"/2023/acts/waive/6501/{row.id}")
    assert 'type="checkbox" name="rules" value="statistics.number"' in form.text
    assert (act(client, "waive", row).status_code, services.ledger.submission(row.id).state) == (409, "rejected")
    assert "确认接收" in act(client, "waive", row, "ask", rules="statistics.number").text
    answers = [act(client, "waive", row, rules="statistics.number") for _ in range(2)]
    run(services)
    answers += [act(client, "waive", row, rules="statistics.number")]
    assert [(a.status_code, "予以接收" in a.text) for a in answers] == [(200, True)] * 3
    assert services.ledger.submission(row.id).state == "accepted"

    assert f'href="acts/withdraw/6501/{row.id}"' in client.get("/2023/6501").text
    assert "撤回不能取消" in act(client, "withdraw", row, "ask").text
    assert act(client, "withdraw", row).status_code == 200
    run(services)
    assert act(client, "withdraw", row).status_code == 200
    assert act(client, "withdraw", row, reason="别的").status_code == 409
    page = client.get("/2023/6501").text
    assert (services.ledger.submission(row.id).state, "已撤回" in page) == ("withdrawn", True)
    assert "免除“" in page
    assert page.count(html.escape(OPERATOR)) == 2
    assert "<img" not in page


def test_what_cannot_be_waived_or_withdrawn_is_not_offered_and_says_why(client: Any, services: Services) -> None:
    drop(services, b"", "空.txt")
    run(services)
    row = newest(services)
    assert "acts/waive" not in client.get("/2023/6501").text
    for name, said in (("waive", "不能免除"), ("withdraw", "不能撤回")):
        for answer in (client.get(f"/2023/acts/{name}/6501/{row.id}"), act(client, name, row, rules="file.empty")):
            assert (answer.status_code, said in answer.text) == (409, True)
    assert services.ledger.submission(row.id).state == "rejected"


# --- the report


def test_the_report_is_written_now_only_once_all_is_there_and_one_run_at_a_time(
    client: Any, services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow's side of it is held by test_dag_runs, on its own database; there is none here."""
    from baosong_airflow import report_now

    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(report_now, "start", lambda *words: started.append(words))
    monkeypatch.setattr(report_now, "under_way", lambda _: bool(started))
    form, path = {"reason": "领导要看", "step": "do"}, "/2023/acts/report"

    assert "立即生成全区终稿" not in client.get("/2023").text
    for early in (client.get(path), client.post(path, data=form, headers=HERE)):
        assert (early.status_code, "尚有 14 个地州市未报齐" in early.text) == (409, True)
    for prefecture in campaign.prefectures:
        feed_all(services.ledger, campaign, prefecture.code)
    assert 'href="2023/acts/report"' in client.get("/2023").text
    assert 'href="../../2023"' in client.get(path).text
    assert client.post(path, data=form | {"reason": ""}, headers=HERE).status_code == 409
    first, second = (client.post(path, data=form, headers=HERE) for _ in range(2))

    assert ("已开始运行" in first.text, "已经在运行" in second.text) == (True, True)
    assert started == [("2023", OPERATOR, "领导要看")]


# --- a prefecture's deadline, and a reminder at once


def on_prefecture(client: Any, name: str, step: str = "do", **values: str) -> Any:
    return client.post(f"/2023/acts/{name}/6501", data={"reason": WHY, "step": step} | values, headers=HERE)


def test_a_prefecture_is_granted_more_time_on_its_page_after_it_was_confirmed(
    client: Any, services: Services, campaign: Campaign
) -> None:
    until = (datetime.now(campaign.zone) + timedelta(days=3)).strftime("%Y-%m-%dT00:00")
    words = campaign.text_of(datetime.fromisoformat(until).replace(tzinfo=campaign.zone))
    assert 'href="acts/extend/6501"' in client.get("/2023/6501").text
    form = client.get("/2023/acts/extend/6501")
    assert 'type="datetime-local"' in form.text
    assert f"现在是{campaign.deadline_text}" in form.text

    asked = on_prefecture(client, "extend", "ask", until=until)
    assert (asked.status_code, f"延长到{words}" in asked.text) == (200, True)
    assert words.endswith("24:00")
    assert until.replace("T", " ") in asked.text
    assert f'value="{until}"' in on_prefecture(client, "extend", "edit", until=until).text
    assert services.ledger.extensions("2023", "6501") == []

    answers = [on_prefecture(client, "extend", until=until) for _ in range(2)]
    assert [(a.status_code, f"已延长到{words}" in a.text) for a in answers] == [(200, True)] * 2
    assert [e.who for e in services.ledger.extensions("2023", "6501")] == [OPERATOR]
    page = client.get("/2023/6501").text
    assert f"延长截止时间至{words}" in page
    assert html.escape(OPERATOR) in page
    assert "<img" not in page + asked.text
    assert "已经是" in on_prefecture(client, "extend", until=until, reason="别的").text


@pytest.mark.parametrize(
    ("until", "said"),
    [("2023-06-15T10:00", "不能提前"), ("2023-06-16T10:00", "已经过去"), ("", "看不懂"), ("2999-01-01T00:00", "60 天")],
)
def test_a_time_that_cannot_be_granted_is_said_on_the_form(
    client: Any, services: Services, until: str, said: str
) -> None:
    for step in ("ask", "do"):
        answer = on_prefecture(client, "extend", step, until=until)
        assert (answer.status_code, said in answer.text, "<textarea" in answer.text) == (409, True, True)
    assert on_prefecture(client, "extend", "ask", until="2999-01-01T00:00", reason=" ").status_code == 409
    assert services.ledger.extensions("2023", "6501") == []


def test_a_prefecture_is_reminded_from_its_page_once_in_an_hour(
    client: Any, services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    from baosong.campaign.model import Campaign as Model
    from baosong.campaign.model import Contact

    link = 'href="acts/remind/6501"'
    assert link not in client.get("/2023/6501").text
    for answer in (client.get("/2023/acts/remind/6501"), on_prefecture(client, "remind")):
        assert (answer.status_code, "请电话催报" in answer.text) == (409, True)

    monkeypatch.setattr(Model, "contact", lambda *_: Contact(name="张三", emails=["kjj@example.cn"]))
    assert link in client.get("/2023/6501").text
    form = client.get("/2023/acts/remind/6501")
    assert ("kjj@example.cn" in form.text, "还缺：总结报告（未报送）" in form.text) == (True, True)
    assert "同一小时里只发一次" in on_prefecture(client, "remind", "ask", to="mail").text
    assert services.ledger.last_notifications("2023", 9) == []
    first, second = (on_prefecture(client, "remind", to="mail") for _ in range(2))
    assert ("几分钟内发出" in first.text, second.status_code) == (True, 200)
    rows = services.ledger.last_notifications("2023", 9)
    assert {(row.event, row.prefecture, row.who) for row in rows} == {("reminder", "6501", OPERATOR)}
    assert len(rows) in (1, 2), "two if the hour has turned in between"
    feed_all(services.ledger, campaign, "6501")
    assert link not in client.get("/2023/6501").text
    assert "没有要催的" in client.get("/2023/acts/remind/6501").text
