"""What a task logs of a file names its submission: one search finds all of a file's way."""

from __future__ import annotations

import io
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from airflow.sdk._shared.logging.structlog import structlog_processors

from baosong.pipeline import reply
from baosong_local.samples.sheets import make_sheet, wrong_total
from intake_run import AREA, drop, piece, rows, run

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.ledger.services import Services

Line = dict[str, Any]


@pytest.fixture
def log() -> Iterator[list[Line]]:
    """The lines of our own loggers as Airflow's chain for a task's log makes them, at the test's end."""
    before, as_json, _ = structlog_processors(json_output=True)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=[strip, as_json])  # type: ignore[list-item]
    )
    ours = logging.getLogger("baosong")
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)

    class Lines(list[Line]):
        def __iter__(self) -> Iterator[Line]:
            return (json.loads(line) for line in stream.getvalue().splitlines())

    yield Lines()
    ours.removeHandler(handler)
    ours.setLevel(level)


def steps(log: list[Line]) -> dict[int, list[str]]:
    """Return the first words of the lines by the submission that they name."""
    found = defaultdict(list)
    for line in log:
        if line["event"].startswith(("checked", "archived", "answered")):
            found[line["submission_id"]].append(line["event"].partition(" ")[0].rstrip(":"))
    return dict(found)


def test_check_archive_and_reply_name_each_files_submission(log: list[Line], services: Services) -> None:
    drop(services, piece("一"), "一.txt")
    drop(services, piece("二"), "二.txt")

    run(services)

    assert steps(log) == {row.id: ["checked", "archived", "answered"] for row in rows(services)}
    assert len(steps(log)) == 2


def test_a_file_of_nobody_is_named_too(log: list[Line], services: Services) -> None:
    services.storage.put("intake", "1999/whoever/x.xlsx", b"of nobody")

    run(services)

    assert list(steps(log).values()) == [["archived", "answered"]]


def test_what_fails_in_another_room_names_the_submission_and_nothing_after_it_does(
    log: list[Line], services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ill(*_: object) -> bytes:
        raise RuntimeError("injected")

    monkeypatch.setattr(reply, "annotate", ill)
    wrong = wrong_total(make_sheet(campaign, campaign.prefecture("6501"), seed=1))
    services.storage.put("intake", f"{AREA}/统计表/统计表.xlsx", wrong)

    run(services)
    logging.getLogger("baosong").info("later")

    (row,) = rows(services)
    named = {line["event"]: line.get("submission_id") for line in log}
    assert (named["no annotated copy"], named["later"]) == (row.id, None)
