"""The views that people query, against counts made here from the rows by hand."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from baosong.campaign import Campaign
from baosong.ledger import TRANSITIONS, Ledger, State, Submission
from baosong.rules.findings import Finding, Kind, Severity, Verdict
from baosong_local.stack.postgres import Postgres
from feed import feed
from servers import filled_database, fresh_database

pytestmark = pytest.mark.xdist_group("history")  # which one worker makes for all
DAY = timedelta(days=1)
WORDS = {"accepted": "已齐", "checking": "校验中", "held": "待人工审核", "rejected": "已退回", "missing": "未报送"}


@pytest.fixture(scope="module")
def database(postgres: Postgres, empty_ledger: str, campaign: Campaign) -> str:
    """The name of a database with a campaign in which everything has happened somewhere, the same in every run."""
    return filled_database(postgres, empty_ledger, lambda ledger: everything_happens(ledger, campaign))


@pytest.fixture
def history(postgres: Postgres, database: str) -> Iterator[Ledger]:
    with fresh_database(postgres, database) as url, closing(Ledger(url, retry_timeout=10)) as ledger:
        yield ledger


def everything_happens(ledger: Ledger, campaign: Campaign) -> None:
    draw = random.Random(7)
    ledger.expect(campaign)
    verdicts = [Verdict.ACCEPTED] * 4 + [Verdict.REJECTED, Verdict.HELD]
    for n in range(160):
        code = draw.choice([p.code for p in campaign.prefectures[:9]])
        kind = draw.choice(list(Kind))
        at = campaign.deadline + draw.uniform(-20, 5) * DAY
        wrong = [
            Finding("photo.size", Severity.ERROR, "太小", {"sheet": "指标汇总", "cell": "D18"}, observed="1", fix="换"),
            Finding("photo.position", Severity.NOTE, "有位置", {"page": 3}),
        ]
        verdict = draw.choice(verdicts)
        found = wrong if verdict is Verdict.REJECTED else []
        feed(
            ledger,
            campaign,
            code,
            kind,
            f"{draw.randint(1, 3)}.x",
            verdict=verdict,
            findings=found,
            at=at,
            content=str(n // 2),
        )
    feed(ledger, campaign, "6540", Kind.REPORT, "坏.docx", verdict=Verdict.REJECTED)


def query(ledger: Ledger, statement: str) -> list[dict[str, Any]]:
    return ledger.run(lambda s: [dict(row) for row in s.execute(text(statement)).mappings()])


def rows(ledger: Ledger, code: str | None = None) -> list[Submission]:
    return ledger.submissions("2023", code)


def test_completeness_is_that_of_the_ledger_for_every_prefecture_and_deliverable(
    history: Ledger, campaign: Campaign
) -> None:
    cells = history.completeness(campaign)
    seen = {(r["代码"], r["类别"]): r for r in query(history, "select * from v_completeness")}
    assert len(seen) == 14 * 5
    for prefecture, deliverable in product(campaign.prefectures, campaign.deliverables):
        cell, row = cells[prefecture.code][deliverable.kind], seen[prefecture.code, deliverable.kind]
        counted = sum(r.state == "accepted" and r.kind == deliverable.kind for r in rows(history, prefecture.code))
        assert (row["地州市"], row["材料"], row["至多"]) == (prefecture.name, deliverable.name, deliverable.max)
        assert (row["已接收"], row["还缺"]) == (counted, max(deliverable.min - counted, 0))
        assert (row["状态"], row["待改正"]) == (WORDS[cell.state], cell.rejected)
        assert row["最近报送"] == cell.last
    assert {row["状态"] for row in seen.values()} >= {"已齐", "已退回", "待人工审核", "未报送"}


def test_punctuality_counts_what_came_before_and_after_the_deadline(history: Ledger, campaign: Campaign) -> None:
    for code in ("6529", "6530", "6531"):  # in time, late, and in time but for what was mended later
        for kind in Kind:
            at = campaign.deadline + (2 if code == "6530" and kind is Kind.VIDEO else -3) * DAY
            feed(history, campaign, code, kind, "全.x", at=at, content=f"{code}{kind}")
    feed(history, campaign, "6531", Kind.REPORT, "改.x", at=campaign.deadline + DAY)
    seen = {r["代码"]: r for r in query(history, "select * from v_punctuality")}
    assert set(seen) == {p.code for p in campaign.prefectures}
    for code, row in seen.items():
        sent = rows(history, code)
        assert row["结论"] == verdict(sent, campaign), code
        assert row["报送文件"] == len(sent)
        assert row["迟报文件"] == sum(r.late for r in sent)
        assert row["退回文件"] == sum(r.state == "rejected" for r in sent)
        assert row["补报次数"] == sum(r.replaces_id is not None for r in sent)
        assert row["截止时间"] == campaign.deadline
        whole = since(sent, campaign) if row["结论"] in ("按时", "迟报") else None
        assert row["报齐时间"] == whole
        days = None if whole is None else round((campaign.deadline - whole) / DAY, 1)
        assert row["提前天数"] is days is None or abs(float(row["提前天数"]) - float(days or 0)) < 0.11
    assert {row["结论"] for row in seen.values()} == {"按时", "迟报", "未报齐", "未报送"}


def taken(sent: list[Submission], kind: str, *, in_time: bool = False) -> list[Submission]:
    good = [r for r in sent if r.kind == kind and r.state in ("accepted", "superseded")]
    return [r for r in good if not (in_time and r.late)]


def verdict(sent: list[Submission], campaign: Campaign) -> str:
    needed = [(d.kind.value, d.min) for d in campaign.deliverables if d.required]
    if not sent:
        return "未报送"
    if any(sum(r.state == "accepted" and r.kind == kind for r in sent) < least for kind, least in needed):
        return "未报齐"
    return "按时" if all(len(taken(sent, kind, in_time=True)) >= least for kind, least in needed) else "迟报"


def since(sent: list[Submission], campaign: Campaign) -> Any:
    """Return when the last deliverable had as many good files as are asked."""
    return max(
        sorted(r.received_at for r in taken(sent, d.kind.value))[d.min - 1] for d in campaign.deliverables if d.required
    )


def test_findings_are_one_a_row_with_their_place(history: Ledger) -> None:
    seen = query(history, "select * from v_findings")
    told = [(r.id, n, f["rule"]) for r in rows(history) for n, f in enumerate(r.findings, 1)]
    assert Counter((r["序号"], r["第几条"], r["规则"]) for r in seen) == Counter(told)
    places = {r["规则"]: (r["级别"], r["位置"], r["问题"]) for r in seen}
    assert places["photo.size"] == ("必须修改", "指标汇总 D18", "太小")
    assert places["photo.position"] == ("说明", "第3页", "有位置")
    assert {r["地州市"] for r in seen if r["代码"] == "6501"} == {"乌鲁木齐市"}


def test_what_belongs_to_no_opened_campaign_has_its_findings_listed_too(ledger: Ledger, campaign: Campaign) -> None:
    feed(ledger, campaign, "6501", Kind.PHOTO, "a.jpg", verdict=Verdict.REJECTED)
    (row,) = query(ledger, "select * from v_findings")
    assert (row["地州市"], row["材料"], row["规则"]) == (None, "photo", "photo.unreadable")


def test_the_queries_in_the_operators_guide_run(history: Ledger) -> None:
    guide = (Path(__file__).parents[3] / "docs/operators.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```sql\n(.*?)^```", guide, re.M | re.S)
    answers = [query(history, statement) for statement in block.split(";") if statement.strip()]
    assert [bool(rows) for rows in answers] == [True, True, True, False, True], "6529 has not sent a sheet again"


def test_what_a_campaign_expects_follows_its_file(ledger: Ledger, campaign: Campaign) -> None:
    ledger.expect(campaign)
    ledger.expect(campaign.model_copy(update={"prefectures": campaign.prefectures[:2]}))
    assert len(query(ledger, "select * from v_completeness")) == 10


@pytest.mark.ledger_owner
def test_the_database_opens_exactly_the_ways_of_the_table(ledger: Ledger, campaign: Campaign) -> None:
    row = feed(ledger, campaign, "6501", Kind.PHOTO, "a.jpg")
    force = "set local session_replication_role = replica"  # the trigger rests while a state is set up

    def opens(before: State, after: State) -> bool:
        def move(s: Any) -> None:
            s.execute(text(force))
            s.execute(text("update submission set state = :s where id = :i"), {"s": before.value, "i": row.id})
            s.execute(text("set local session_replication_role = origin"))
            s.execute(text("update submission set state = :s where id = :i"), {"s": after.value, "i": row.id})

        try:
            ledger.run(move)
        except DBAPIError as refused:
            return "illegal transition" not in str(refused.orig)
        return True

    ways = {(b, a) for b, a in product(State, State) if b != a and opens(b, a)}
    assert ways == {(b, a) for b, to in TRANSITIONS.items() if b is not None for a in to}
