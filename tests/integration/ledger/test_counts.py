"""What indexes tell of a ledger is what a plain walk over all of its rows tells, whatever these are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.orm import Session

from baosong.campaign import Campaign
from baosong.ledger import Cell, Ledger, State, Submission, board_queries
from baosong.ledger.queries import complete_prefectures, completeness
from baosong.rules.findings import Kind

NOW = datetime(2023, 6, 1, 8, 0, tzinfo=UTC)
CODES = ("6501", "6502")
MOST = 2
Row = dict[str, Any]

# Few places and names, so that slots are shared by many; more of what is accepted, so that some are complete.
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "campaign": st.sampled_from(["2023"] * 7 + ["2024"]),
            "prefecture": st.sampled_from(CODES),
            "kind": st.sampled_from([Kind.STATISTICS.value, Kind.PHOTO.value, None]),
            "slot": st.sampled_from(["", "甲.jpg"]),
            "state": st.sampled_from([State.ACCEPTED, State.REJECTED, *State]).map(str),
            "received_at": st.integers(0, 5).map(lambda hours: NOW - timedelta(hours=hours)),
            "within": st.booleans(),
        }
    ),
    min_size=10,
    max_size=60,
)
ASKED = st.tuples(*[st.tuples(st.integers(0, 2), st.booleans())] * len(Kind))


def laid(session: Session, rows: Sequence[Row]) -> list[Row]:
    """Put rows in as far as the ledger allows them, one accepted file a slot, and return them with their ids."""
    there: list[Row] = []
    for n, drawn in enumerate(rows):
        row = {**drawn, "key": str(n), "name": f"{n}.jpg", "size": 1, "identity": "", "etag": "", "late": False}
        bundles = [r["id"] for r in there if r["kind"] is None]
        row["bundle_id"] = bundles[-1] if row.pop("within") and bundles else None
        row |= {"modified_at": NOW, "facts": {} if row["kind"] else {"bundle": {"files": 1}}, "findings": []}
        held = any(of_slot(r) == of_slot(row) and r["state"] == State.ACCEPTED for r in there)
        if not (held and row["kind"] and row["state"] == State.ACCEPTED):
            there.append({**row, "id": session.scalar(insert(Submission).values(row).returning(Submission.id))})
    return there


def of_slot(row: Row) -> tuple[Any, ...]:
    return (row["campaign"], row["prefecture"], row["kind"], row["slot"])


def last_of_slots(rows: Sequence[Row]) -> list[Row]:
    return list({of_slot(row): row for row in rows}.values())


def cell(rows: Sequence[Row], least: int) -> Cell:
    known = [r for r in rows if r["state"] != State.WITHDRAWN]
    now = [r["state"] for r in known]
    open_ = [r["state"] for r in last_of_slots(known)]
    accepted, rejected = now.count(State.ACCEPTED), open_.count(State.REJECTED)
    last = max((r["received_at"] for r in known), default=None)
    pending = tuple(r["name"] for r in known if r["state"] in (State.RECEIVED, State.CHECKED))[:5]
    if accepted >= max(least, 1):
        return Cell("accepted", accepted, rejected, last, pending)
    if State.RECEIVED in now or State.CHECKED in now:
        return Cell("checking", accepted, rejected, last, pending)
    if State.HELD in open_:
        return Cell("held", accepted, rejected, last, pending)
    return Cell("rejected" if rejected else "missing", accepted, rejected, last)


def newest_of_each(rows: Sequence[Row]) -> list[int]:
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        groups.setdefault((row["kind"], row["state"]), []).append(row["id"])
    return sorted(number for ids in groups.values() for number in ids[-MOST:])


def to_follow_up(rows: Sequence[Row]) -> set[int]:
    failed = [r for r in last_of_slots(rows) if r["state"] in (State.REJECTED, State.HELD)]
    waiting = sorted(failed, key=lambda r: r["id"])[-MOST:]
    places = {of_slot(r)[:3] for r in waiting}
    good = {of_slot(r)[:3]: r["id"] for r in rows if r["state"] in (State.ACCEPTED, State.DUPLICATE)}
    return {r["id"] for r in waiting} | {number for place, number in good.items() if place in places}


@given(rows=ROWS, asked=ASKED)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_indexes_tell_what_all_rows_tell(
    ledger: Ledger, campaign: Campaign, rows: list[Row], asked: tuple[tuple[int, bool], ...]
) -> None:
    wanted = [
        d.model_copy(update={"min": least, "required": required})
        for d, (least, required) in zip(campaign.deliverables, asked, strict=True)
    ]
    campaign = campaign.model_copy(update={"deliverables": wanted})
    with Session(ledger.engine) as session, pytest.MonkeyPatch.context() as patch:
        patch.setattr(board_queries, "MOST_TO_FOLLOW_UP", MOST)
        ours = [row for row in laid(session, rows) if row["campaign"] == campaign.id]
        cells = {
            p.code: {d.kind: cell([r for r in ours if of_slot(r)[1:3] == (p.code, d.kind)], d.min) for d in wanted}
            for p in campaign.prefectures
        }
        assert completeness(session, campaign) == cells
        assert completeness(session, campaign, CODES[:1]) == {CODES[0]: cells[CODES[0]]}
        whole = [c for c, told in cells.items() if all(told[d.kind].accepted >= d.min for d in wanted if d.required)]
        assert complete_prefectures(session, campaign) == whole
        assert complete_prefectures(session, campaign, CODES[1:]) == [code for code in whole if code in CODES[1:]]
        for code in CODES:
            here = [row for row in ours if row["prefecture"] == code]
            shown = board_queries.newest_of_each(session, campaign.id, code, MOST)
            assert ([row.id for row in shown.files], shown.of) == (newest_of_each(here), len(here))
        followed = board_queries.to_follow_up(session, campaign.id)
        assert {row.id for row in followed} == to_follow_up(ours)
        assert followed == sorted(followed, key=lambda row: (row.received_at, row.id), reverse=True)
        session.rollback()
