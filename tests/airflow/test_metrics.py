"""Monitoring is told what rows and receipts say, by a token; what is shipped for it asks for metrics that are there."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from baosong.pipeline import discover
from baosong.pipeline.open_campaign import open_campaign
from baosong.pipeline.publish import publish_report
from baosong.store.settings import PROJECT
from board_help import busy
from intake_run import drop, piece, receipts, rows, run
from preservation_help import lose

if TYPE_CHECKING:
    from collections.abc import Callable

    from baosong.campaign import Campaign
    from baosong.ledger.services import Services

TOKEN = "a token that only the monitoring knows"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
MONITORING = PROJECT / "docs" / "monitoring"


@pytest.fixture
def scraped(client: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    from baosong_airflow import metrics_app

    monkeypatch.setenv("BAOSONG_METRICS_TOKEN", TOKEN)
    return lambda token=TOKEN: TestClient(metrics_app.app).get("/", headers={"Authorization": f"Bearer {token}"})


def samples(answer: Any) -> Samples:
    families = text_string_to_metric_families(answer.text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def of(found: Samples, name: str, *labels: str) -> Counter[tuple[str, ...]]:
    """Return the samples of a name added up by some of their labels, without those that are nothing."""
    counted: Counter[tuple[str, ...]] = Counter()
    for (metric, given), value in found.items():
        if metric == name and value:
            counted[tuple(dict(given)[label] for label in labels)] += int(value)
    return counted


def test_what_is_told_is_what_the_rows_and_receipts_say(
    services: Services, campaign: Campaign, scraped: Callable[..., Any]
) -> None:
    open_campaign(services, campaign)
    for content, name in (
        (piece("好"), "好.txt"),
        (b"", "空.txt"),
        (piece("密"), "机密★.txt"),
        (piece("好"), "又.txt"),
    ):
        drop(services, content, name)
        run(services)
    publish_report(services, "2023", "interim", campaign.deadline)
    drop(services, piece("等"), "等.txt")
    discover.find_new(services)

    told = samples(scraped())

    sent = rows(services)
    assert of(told, "baosong_files", "campaign", "kind", "state") == Counter(
        ("2023", row.kind or "", row.state) for row in sent
    )
    assert of(told, "baosong_files_bytes").total() == sum(row.size for row in sent)
    assert of(told, "baosong_late_files").total() == sum(row.late for row in sent)
    broken = Counter((f["rule"], f["severity"]) for row in sent if row.state != "withdrawn" for f in row.findings)
    assert of(told, "baosong_findings", "rule", "severity") == broken
    assert of(told, "baosong_receipts_total", "campaign") == {("2023",): len(receipts(services))}
    assert of(told, "baosong_editions_total", "edition") == {("interim",): 1}
    assert of(told, "baosong_prefectures", "campaign") == {("2023",): 14}
    answered = sum(row.replied_at is not None for row in sent)
    assert of(told, "baosong_stage_seconds_count", "stage")["receipt",] == answered > 0
    assert of(told, "baosong_stage_seconds_bucket", "stage", "le")["receipt", "+Inf"] == answered
    assert [lane for (lane,) in of(told, "baosong_oldest_unanswered_seconds", "lane")] in (["quick"], [])


def test_an_empty_system_tells_nothing_and_fails_at_nothing(scraped: Callable[..., Any]) -> None:
    answer = scraped()
    assert (answer.status_code, samples(answer)) == (200, {("baosong_store_up", frozenset()): 1.0})


def test_a_bucket_holds_what_took_at_most_that_long(scraped: Callable[..., Any]) -> None:
    from baosong.ledger.metrics import BUCKETS, Taken
    from baosong_airflow import metrics_app

    taken = [Taken("2023", "check", place, 1, float(place)) for place in range(len(BUCKETS) + 1)]
    (family,) = [metrics_app._seconds(taken)]
    upto = [sample.value for sample in family.samples if sample.name.endswith("_bucket")]
    assert upto == [*range(1, len(BUCKETS) + 2)]
    assert scraped().headers["cache-control"] == "no-store"


def test_a_message_that_nobody_will_send_any_more_is_not_said_to_wait(
    services: Services, scraped: Callable[..., Any]
) -> None:
    added = "INSERT INTO notification (event, campaign, prefecture, cause, channel, subject, body, created_at"
    with services.ledger.engine.begin() as connection:
        for cause, more, values in (
            ("1", "", "now() - interval '1 hour'"),
            ("2", "", "now() - interval '4 days'"),
            ("3", ", handed_over_at, handed_over_by", "now(), now(), 'x'"),
            ("4", ", handed_over_at, handed_over_by, sent_at", "now(), now(), 'x', now()"),
        ):
            row = f"{added}{more}) VALUES ('alarm', '', '', '{cause}', 'mail', 'a', 'b', {values})"
            connection.execute(text(row))

    told = of(samples(scraped()), "baosong_messages", "state")

    assert told == {("waiting",): 1, ("given_up",): 2, ("sent",): 1}


@pytest.mark.ledger_owner
def test_a_ledger_that_is_away_is_told_as_such(services: Services, scraped: Callable[..., Any]) -> None:
    lose(services)
    assert scraped().status_code == 503


@pytest.mark.parametrize("token", ["", "wrong", f"{TOKEN}x"])
def test_who_does_not_know_the_token_is_told_nothing(token: str, scraped: Callable[..., Any]) -> None:
    answer = scraped(token)
    assert (answer.status_code, "baosong_" in answer.text) == (401, False)


def test_without_a_token_there_are_no_metrics(scraped: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAOSONG_METRICS_TOKEN", "")
    assert (scraped("").status_code, scraped().status_code) == (404, 404)


@pytest.mark.parametrize("path", sorted(MONITORING.iterdir()), ids=lambda path: path.name)
def test_dashboard_and_alarms_ask_for_metrics_that_are_there(
    path: Path, services: Services, campaign: Campaign, scraped: Callable[..., Any]
) -> None:
    open_campaign(services, campaign)
    busy(services, campaign)
    there = set(re.findall(r"^# TYPE (\w+)", scraped().text, re.M)) | {name for name, _ in samples(scraped())}
    asked = set(re.findall(r"\bbaosong_\w+", path.read_text("utf-8")))
    assert asked
    assert asked - there == set()


def test_every_metric_is_on_the_dashboard() -> None:
    from baosong_airflow import metrics_app

    source = Path(metrics_app.__file__).read_text("utf-8")
    shown = json.dumps(json.loads((MONITORING / "grafana-dashboard.json").read_text("utf-8")))
    assert [name for name in re.findall(r'"(baosong_\w+)"', source) if name not in shown] == []
