"""What an operator meets on the whole stack: a question after the deadline, and a board that is up to date."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.sync_api import Request, expect, sync_playwright

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.store import accounts
from baosong.store.accounts import Role
from baosong_local import stack
from baosong_local.samples.media import rewrap
from baosong_local.stack.grants import open_campaign_areas
from baosong_local.stack.running import running_settings
from intake_run import piece
from send_page_help import REFUSED, Line, browser, choose, needs_chromium, opened, page_file, row, send, wait_until
from soak import WholeStack, baosong, ended
from waiting import free_port, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600), pytest.mark.xdist_group("operators_day")]
OVER = "over"


@dataclass
class Office(WholeStack):
    """A running stack, and the passwords of people by their roles."""

    passwords: dict[Role, str]

    @property
    def url(self) -> str:
        url: str = json.loads((self.home / "stack.json").read_text(encoding="utf-8"))["BAOSONG_UI_URL"]
        return url

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False, follow_redirects=True)

    def signed_in(self, role: Role) -> dict[str, str]:
        """Return the headers of a person's requests."""
        person = {"username": f"某{role}", "password": self.passwords[role]}
        with self.client() as client:
            answer = client.post("/auth/token", json=person)
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def status_as(self, role: Role, method: str, path: str, **more: Any) -> int:
        """Return how Airflow answers a person's call."""
        with self.client() as client:
            return client.request(method, path, headers=self.signed_in(role), **more).status_code


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A running stack with a campaign whose deadline was yesterday and to which nobody has sent anything."""
    home = tmp_path_factory.mktemp("operators") / "home"
    (home / "campaigns").mkdir(parents=True)
    yesterday = datetime.now(ZoneInfo("Asia/Shanghai")).date() - timedelta(days=1)
    lines = ('extends: "2023"', f"id: {OVER}", "title: 已截止的活动", f"deadline: {yesterday} 18:00")
    (home / "campaigns" / f"{OVER}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAOSONG_HOME", str(home))
        for name in ("S3", "S3_CUSTODY", "UI"):
            patch.setenv(f"BAOSONG_{name}_PORT", str(free_port()))
        passwords = {
            role: accounts.add(home / "accounts.json", f"某{role}", role) for role in (Role.VIEWER, Role.OPERATOR)
        }
        try:
            stack.up(home)
            yield Office(home, passwords)
        finally:
            ended(baosong(home, "down"), 120)


@pytest.fixture(scope="module")
def services(embedded: Office) -> Services:
    return Services.open(running_settings())


@pytest.fixture(scope="module")
def campaign(services: Services) -> Campaign:
    """The campaign, opened as far as it matters here: making its blank sheets takes longer than all of the tests."""
    services.storage.put("outbox", f"{OVER}/opened", b"")
    return services.campaigns.get(OVER)


def test_a_drop_that_another_run_has_found_costs_one_task(embedded: Office) -> None:
    until(lambda: any(a["name"] == "intake" for a in embedded.api("GET", "/assets")["assets"]), 120, "the asset")
    (asset,) = [a["id"] for a in embedded.api("GET", "/assets")["assets"] if a["name"] == "intake"]
    event = embedded.api("POST", "/assets/events", json={"asset_id": asset})["id"]

    def started_by(run: str) -> set[int]:
        """Return the events that started a run: drops of other tests start some, too."""
        events = embedded.api("GET", f"/dags/intake/dagRuns/{quote(run)}/upstreamAssetEvents")["asset_events"]
        return {e["id"] for e in events}

    def triggered() -> list[str]:
        runs = [r for r in embedded.runs("intake") if r["run_type"] == "asset_triggered" and r["state"] == "success"]
        return [r["dag_run_id"] for r in runs if event in started_by(r["dag_run_id"])]

    until(lambda: bool(triggered()), 120, "the run")
    tasks = embedded.api("GET", f"/dags/intake/dagRuns/{quote(triggered()[0])}/taskInstances")
    found = {t["task_id"]: t["state"] for t in tasks["task_instances"]}
    assert found == {"find_new": "success", "receive": "skipped", "announce": "skipped", "settled": "skipped"}


def test_people_have_accounts_of_their_own_from_one_moment_to_the_next(embedded: Office) -> None:
    """Each role by what it may do, on the running stack, of which nothing is started anew."""
    server = embedded.pid("api-server")
    embedded.passwords[Role.ADMIN] = accounts.add(embedded.home / "accounts.json", f"某{Role.ADMIN}", Role.ADMIN)
    runs, new = "/api/v2/dags/fixity/dagRuns", {"logical_date": None}
    pools, pool = "/api/v2/pools", {"name": "another", "slots": 1}

    until(lambda: any(d["dag_id"] == "fixity" for d in embedded.api("GET", "/dags")["dags"]), 120, "the DAG")
    assert [embedded.status_as(role, "GET", "/baosong/") for role in Role] == [200, 200, 200]
    assert [embedded.status_as(role, "POST", runs, json=new) for role in Role] == [403, 200, 200]
    ask = "/api/v2/dags/deadline/dagRuns/none/taskInstances/closing.ask/0/hitlDetails"
    answer = {"chosen_options": ["结束收报"], "params_input": {"reason": "厅长同意"}}
    assert [embedded.status_as(role, "PATCH", ask, json=answer) for role in Role] == [403, 404, 404]
    assert [embedded.status_as(role, "POST", pools, json=pool) for role in Role] == [403, 403, 201]

    viewer = embedded.signed_in(Role.VIEWER)
    accounts.remove(embedded.home / "accounts.json", f"某{Role.VIEWER}")
    with embedded.client() as client:
        assert client.get("/baosong/", headers=viewer).status_code == 401
        assert client.get("/api/v2/dags", headers=viewer).status_code in (401, 403)
    assert embedded.pid("api-server") == server


@pytest.mark.parametrize("mount", ["", "/auth", "/execution", "/baosong"])
def test_nobody_is_told_how_to_ask(embedded: Office, mount: str) -> None:
    with embedded.client() as client:
        assert {client.get(f"{mount}/{page}").status_code for page in ("docs", "redoc", "openapi.json")} == {404}


@needs_chromium
def test_a_person_signs_in_on_a_chinese_page_and_comes_to_what_was_asked_for(
    embedded: Office, campaign: Campaign, tmp_path: Path
) -> None:
    with sync_playwright() as running, browser(running, tmp_path / "profile") as context:
        page = context.new_page()
        page.goto(f"{embedded.url}/dags")
        page.get_by_label("账号").fill(f"某{Role.OPERATOR}")
        page.get_by_label("密码").fill("wrong")
        page.get_by_role("button", name="登录").click()
        page.get_by_role("alert").get_by_text("账号名或密码不对").wait_for()
        page.get_by_label("密码").fill(embedded.passwords[Role.OPERATOR])
        page.get_by_role("button", name="登录").click()
        page.get_by_text("保管核对").first.wait_for(timeout=120_000)
        assert page.url.endswith("/dags")
        page.goto(f"{embedded.url}/baosong/{OVER}")
        page.get_by_text(campaign.title).first.wait_for()


def begin(embedded: WholeStack) -> str:
    """Start the DAG by hand, as soon as it is known, and return its run."""
    until(lambda: any(d["dag_id"] == "deadline" for d in embedded.api("GET", "/dags")["dags"]), 120, "the DAG")
    run: str = embedded.api("POST", "/dags/deadline/dagRuns", json={"logical_date": None})["dag_run_id"]
    return run


def tasks(embedded: WholeStack, run: str) -> dict[str, str]:
    found = embedded.api("GET", f"/dags/deadline/dagRuns/{quote(run)}/taskInstances")["task_instances"]
    return {task["task_id"]: task["state"] for task in found}


def occupied(embedded: WholeStack, dag_id: str) -> int:
    """Return how many of a DAG's task instances hold a slot."""
    found = embedded.api("GET", f"/dags/{dag_id}/dagRuns/~/taskInstances?state=running&state=queued")
    slots: int = found["total_entries"]
    return slots


def waiting(embedded: WholeStack) -> list[dict[str, Any]]:
    path = "/dags/~/dagRuns/~/hitlDetails?response_received=false"
    found: list[dict[str, Any]] = embedded.api("GET", path)["hitl_details"]
    return found


def test_after_the_deadline_a_person_closes_the_campaign_and_the_report_names_the_missing(
    embedded: Office, services: Services, campaign: Campaign
) -> None:
    by_hand = begin(embedded)
    until(lambda: waiting(embedded), 120, "the question, by this run or by the one of this morning")

    (asked,) = waiting(embedded)
    run = asked["task_instance"]["dag_run_id"]
    assert asked["options"] == ["结束收报", "继续等待"]
    assert "14 个地州市未报齐" in asked["subject"]
    assert all(p.name in asked["body"] for p in campaign.prefectures)
    until(lambda: tasks(embedded, run)["closing.ask"] == "awaiting_input", 60, "the wait")
    until(lambda: occupied(embedded, "deadline") == 0, 60, "no worker kept by who waits for a person")

    path = f"/dags/deadline/dagRuns/{quote(run)}/taskInstances/closing.ask/0/hitlDetails"
    answer = {"chosen_options": ["结束收报"], "params_input": {"reason": "厅长同意"}}

    def closed() -> bool:
        """Answer whenever it is asked: an answer that overtakes the scheduler is lost, and Airflow asks again."""
        states = tasks(embedded, run)
        if states["closing.ask"] == "awaiting_input":
            assert embedded.status_as(Role.OPERATOR, "PATCH", f"/api/v2{path}", json=answer) == 200
        return states.get("closing.close") == "success"

    until(closed, 120, "what follows the answer")

    closure = services.ledger.closure(OVER)
    assert closure is not None
    assert (closure.who, closure.reason) == ("某operator", "厅长同意")
    written = [len(e.figures["missing"]) for e in services.ledger.editions(OVER) if e.edition == "final"]
    assert written == [14]

    again = begin(embedded)
    for another in {by_hand, again} - {run}:
        until(lambda r=another: tasks(embedded, r).get("questions") == "success", 120, "a run without a question")
    assert waiting(embedded) == []


@needs_chromium
def test_a_drop_shows_on_an_open_board_within_five_seconds(
    embedded: Office, services: Services, campaign: Campaign, tmp_path: Path
) -> None:
    """At least once in five drops: the first ones warm up what answers, and a busy machine is not to decide."""
    url, token = embedded.url, embedded.signed_in(Role.OPERATOR)["Authorization"].removeprefix("Bearer ")
    took = []
    with sync_playwright() as running, browser(running, tmp_path / "profile") as context:
        context.add_cookies([{"name": "_token", "value": token, "url": url}])
        page = context.new_page()
        page.goto(f"{url}/baosong/{OVER}")
        for number in range(5):
            name, area = f"到达{number}.txt", f"{OVER}/{campaign.prefectures[0].folder}"
            services.storage.put("intake", f"{area}/媒体报道/{name}", piece(str(number)))
            began = time.monotonic()
            page.get_by_text(name).first.wait_for(timeout=120_000)
            took.append(time.monotonic() - began)
    assert min(took) < 5, took


def parts_asked(requests: list[Request]) -> set[int]:
    queries = [parse_qs(urlsplit(request.url).query) for request in requests if request.method == "PUT"]
    return {int(query["partNumber"][0]) for query in queries if "partNumber" in query}


@needs_chromium
def test_a_film_goes_on_where_it_was_after_line_and_browser_were_gone_and_its_receipt_is_shown(
    embedded: Office, services: Services, campaign: Campaign, film: Path, tmp_path: Path
) -> None:
    """300 MB that a camera could have written, from a prefecture's page to the receipt that the pipeline gives."""
    code = campaign.prefectures[1].code
    key = open_campaign_areas(embedded.home, campaign)[1]
    mine = services.settings.s3.as_prefecture(key.access_key, key.secret_key)
    path = page_file(tmp_path, campaign, code, mine)
    sent = rewrap(film, tmp_path / "启动仪式.mov", before=("-stream_loop", "29"))
    assert sent.stat().st_size > 300_000_000
    with sync_playwright() as running:
        with browser(running, tmp_path / "clerk") as first, opened(first, path, REFUSED) as page:
            choose(page, sent)
            send(page)
            expect(page.locator("#totalText")).to_contain_text(re.compile("（[5-9]\\d%）"), timeout=240_000)
            Line(page).cut()
            wait_until(page, sent.name, "retrying")
            expect(row(page, sent.name)).to_contain_text("自动重试")
        assert list(services.storage.list("intake", f"{OVER}/{campaign.prefecture(code).folder}/视频/启")) == []
        with browser(running, tmp_path / "clerk") as second, opened(second, path) as page:
            expect(page.locator("#unfinished")).to_contain_text(sent.name)
            choose(page, sent)
            expect(row(page, sent.name)).to_contain_text("发送时接着传")
            expect(page.locator("#unfinished")).to_be_hidden()
            requests: list[Request] = []
            page.on("request", lambda request: requests.append(request))  # it marks what it is given
            send(page)
            wait_until(page, sent.name, "done", "good")
            assert 0 < len(parts_asked(requests)) <= 20  # of 38
            wait_until(page, sent.name, "good")
            page.get_by_role("button", name=f"看回执 {sent.name}").click()
            receipt = page.frame_locator("#frame").locator("main")
            expect(receipt).to_contain_text("1 个文件均已校验通过并归档")
            expect(receipt).to_contain_text("1920×1080")
    (filed,) = services.ledger.submissions(OVER, code)
    with sent.open("rb") as file:
        assert (filed.size, filed.sha256) == (sent.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
