"""The trigger: fires once for anything new, again for what stays, and never stops."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import airflow_home
from baosong_airflow import trigger as trigger_module
from baosong_airflow.trigger import (
    BURST,
    REPEAT_AFTER,
    REPEAT_AT_MOST_EVERY,
    ChangeDetector,
    IntakeTrigger,
    fingerprint,
)

if TYPE_CHECKING:
    from baosong.store.settings import Settings
    from baosong.store.storage import Storage

KEY = "2023/6501-乌鲁木齐市/统计表/统计表.xlsx"
listings = st.frozensets(st.sampled_from("abcdefgh"))


def test_an_empty_intake_never_fires() -> None:
    detector = ChangeDetector()

    assert not any(detector.should_fire(frozenset(), now) for now in range(0, 4000, 7))


def test_taking_files_away_does_not_fire() -> None:
    detector = ChangeDetector()
    detector.should_fire(frozenset("abc"), 0)

    assert not detector.should_fire(frozenset("ab"), 1)
    assert not detector.should_fire(frozenset(), 2)


def test_the_same_file_dropped_again_after_it_was_taken_fires() -> None:
    detector = ChangeDetector()
    detector.should_fire(frozenset("a"), 0)
    detector.should_fire(frozenset(), 1)

    assert detector.should_fire(frozenset("a"), 2)


def test_a_lost_event_heals_and_what_nobody_takes_fires_ever_more_rarely() -> None:
    detector = ChangeDetector()
    fired = [now for now in range(2000) if detector.should_fire(frozenset("a"), now)]

    assert fired[:4] == [0, REPEAT_AFTER, 3 * REPEAT_AFTER, 7 * REPEAT_AFTER]
    assert max(b - a for a, b in itertools.pairwise(fired)) == REPEAT_AT_MOST_EVERY


def test_a_restart_with_the_cursor_of_this_listing_does_not_fire_twice_but_heals_all_the_same() -> None:
    detector = ChangeDetector()
    detector.resume(frozenset("a"), 100)

    assert not detector.should_fire(frozenset("a"), 101)
    assert detector.should_fire(frozenset("ab"), 102)
    assert detector.should_fire(frozenset("ab"), 102 + REPEAT_AFTER)


@given(st.lists(st.tuples(st.sampled_from([0.1, 1.0, BURST]), listings), max_size=20))
def test_nothing_new_waits_longer_than_for_the_end_of_a_burst_and_nothing_old_fires_at_once(
    scans: list[tuple[float, frozenset[str]]],
) -> None:
    detector, heard, now, fired_at = ChangeDetector(), frozenset[str](), 0.0, -BURST
    for pause, scan in scans:
        now += pause
        heard &= scan
        fires = bool(scan - heard) and now - fired_at >= BURST
        assert detector.should_fire(scan, now) == fires
        if fires:
            heard, fired_at = scan, now


def test_a_burst_of_drops_is_an_event_every_other_second_and_a_single_drop_waits_for_nobody() -> None:
    detector, scans = ChangeDetector(), ["a", "ab", "abc", "abcd", "abcd"]
    fired = [second for second, scan in enumerate(scans) if detector.should_fire(frozenset(scan), second)]
    assert fired == [0, 2, 4]
    assert ChangeDetector().should_fire(frozenset("a"), 0)


@given(listings, listings)
def test_a_cursor_names_exactly_one_listing(one: frozenset[str], other: frozenset[str]) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (one == other)


def test_the_triggerer_can_build_the_trigger_again() -> None:
    from airflow.sdk.module_loading import import_string

    path, kwargs = IntakeTrigger(poll_seconds=0.5).serialize()

    assert import_string(path)(**kwargs).serialize() == (path, {"poll_seconds": 0.5, "lane": "quick"})


def test_one_event_for_each_new_drop_and_none_for_debris(storage: Storage, intake: None) -> None:
    async def scenario() -> None:
        async with watching() as trigger:
            storage.put("intake", "2023/6501-乌鲁木齐市/.DS_Store", b"x")
            await trigger.scans(2)
            assert trigger.payloads == []

            storage.put("intake", KEY, b"one")
            await trigger.until(lambda: len(trigger.payloads) == 1)
            await trigger.scans(3)
            storage.put("intake", KEY + "2", b"two")
            await trigger.until(lambda: len(trigger.payloads) == 2)
            storage.remove("intake", KEY)
            await trigger.scans(3)

            assert trigger.payloads == [{"pending": 1}, {"pending": 2}]

    asyncio.run(scenario())


def test_new_bytes_under_an_old_name_fire(storage: Storage, intake: None) -> None:
    async def scenario() -> None:
        async with watching() as trigger:
            storage.put("intake", KEY, b"wrong")
            await trigger.until(lambda: len(trigger.payloads) == 1)
            storage.put("intake", KEY, b"right, at last")
            await trigger.until(lambda: len(trigger.payloads) == 2)

    asyncio.run(scenario())


def test_operators_see_the_cursor_and_the_last_poll(storage: Storage, intake: None) -> None:
    async def scenario() -> None:
        notes = Shelf()
        async with watching(notes) as trigger:
            storage.put("intake", KEY, b"one")
            await trigger.until(lambda: "cursor" in notes.kept)
            await trigger.scans(5)

        assert notes.kept["last_error"] == ""
        assert notes.kept["last_poll_at"].startswith("20")
        assert notes.written.count("last_poll_at") == 1  # not once a scan

    asyncio.run(scenario())


def test_a_restart_does_not_fire_again_for_what_was_rung_for(storage: Storage, intake: None) -> None:
    async def scenario() -> None:
        notes = Shelf()
        storage.put("intake", KEY, b"one")
        async with watching(notes) as trigger:
            await trigger.until(lambda: "cursor" in notes.kept)
        async with watching(notes) as trigger:
            await trigger.scans(3)
            assert trigger.payloads == []
            storage.put("intake", KEY + "2", b"two")
            await trigger.until(lambda: trigger.payloads == [{"pending": 2}])

    asyncio.run(scenario())


def test_it_survives_a_state_store_that_fails(storage: Storage, intake: None) -> None:
    async def scenario() -> None:
        async with watching(Shelf(broken=True)) as trigger:
            storage.put("intake", KEY, b"one")
            await trigger.until(lambda: trigger.payloads == [{"pending": 1}])

    asyncio.run(scenario())


def test_it_survives_missing_settings_and_goes_on_when_they_are_there(
    storage: Storage, settings: Settings, intake: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BAOSONG_S3_ENDPOINT")
    storage.put("intake", KEY, b"one")

    async def scenario() -> None:
        notes = Shelf()
        async with watching(notes) as trigger:
            await trigger.until(lambda: "BAOSONG_S3_ENDPOINT" in notes.kept.get("last_error", ""))
            assert trigger.payloads == []
            monkeypatch.setenv("BAOSONG_S3_ENDPOINT", settings.s3.endpoint)
            await trigger.until(lambda: trigger.payloads == [{"pending": 1}])
            await trigger.until(lambda: notes.kept["last_error"] == "")

    asyncio.run(scenario())


def test_polling_leaves_the_event_loop_to_the_other_triggers(
    storage: Storage, intake: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call to the store waits for another trigger's turn: made in the loop, it would wait in vain."""
    asked, turn, held = threading.Event(), threading.Event(), list[str]()

    def after_a_turn(name: str) -> Callable[..., Any]:
        real = getattr(trigger_module, name)

        def call(*args: Any) -> Any:
            asked.set()
            if not turn.wait(10):
                held.append(name)
            turn.clear()
            return real(*args)

        return call

    for name in ("_open_storage", "_list"):
        monkeypatch.setattr(trigger_module, name, after_a_turn(name))

    async def scenario() -> None:
        async with watching() as trigger:
            while trigger.polls < 3:
                if asked.is_set():
                    asked.clear()
                    turn.set()
                await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert held == []


@pytest.fixture
def intake(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a triggerer on the test's own buckets."""
    for name, value in airflow_home.baosong_environment(settings).items():
        monkeypatch.setenv(name, value)
    return


class Shelf:
    """As much of Airflow's asset state store as a trigger uses; the real one lives in a triggerer only."""

    def __init__(self, *, broken: bool = False) -> None:
        self.kept: dict[str, str] = {}
        self.written: list[str] = []
        self._broken = broken

    async def aget(self, key: str, default: Any = None) -> Any:
        self._fail()
        return self.kept.get(key, default)

    async def aset(self, key: str, value: str) -> None:
        self._fail()
        self.kept[key] = value
        self.written.append(key)

    def _fail(self) -> None:
        if self._broken:
            raise RuntimeError("the api-server is away")


class Heard(IntakeTrigger):
    """The trigger with a counter of its scans and a list of what it has fired for."""

    def __init__(self, poll_seconds: float) -> None:
        super().__init__(poll_seconds)
        self.polls = 0
        self.payloads: list[Any] = []

    async def _pending(self) -> frozenset[str]:
        found = await super()._pending()
        self.polls += 1
        return found

    async def listen(self) -> None:
        async for event in self.run():
            self.payloads.append(event.payload)
        raise AssertionError("the trigger has returned")

    async def scans(self, count: int) -> None:
        """Wait for this many complete scans that began after now."""
        goal = self.polls + count + 1
        await self.until(lambda: self.polls >= goal)

    async def until(self, true: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, (self.payloads, self.polls)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(notes: Shelf | None = None) -> AsyncIterator[Heard]:
    """Run a trigger as a triggerer does, in a task of its own; what it raises is raised here."""
    trigger = Heard(poll_seconds=0.05)
    trigger.asset_state_store = notes
    task = asyncio.create_task(trigger.listen())
    try:
        yield trigger
    finally:
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            task.result()
