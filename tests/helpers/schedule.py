"""Random schedules of senders, runs, deaths and an ill world; after each of them all must add up from the bytes.

A schedule is a list of acts that hypothesis draws, and every act happens at a counted effect or moment, so that the
same list does the same again: a second run beside a first one is run to its end at a moment of the first one, not in a
thread. What fails is printed as a program of a few lines; `BAOSONG_SEED=<the seed in the test's output>`
draws all schedules of a soak again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy.exc import DBAPIError

from baosong.campaign import Campaign
from baosong.pipeline import archive, check, discover, reply
from baosong.store.storage import StorageError
from baosong_local.samples.media import make_photo
from baosong_local.samples.sheets import make_sheet, wrong_total
from baosong_local.stack.postgres import Postgres
from faults import Seam, cut_connections, kill, lose_answer
from faulty_store import FAULTS, FaultyStore, in_front_of
from intake_run import piece, run
from package_help import packed
from servers import Store
from worlds import World, Worlds, installed

AREAS = {"6501": "2023/6501-乌鲁木齐市", "6502": "2023/6502-克拉玛依市"}
ASTRAY = ("2023/9999-火星市/媒体报道/无主.txt", piece("无主"))
PATIENCE = 0.4  # seconds: that of a run that a proxy plagues; what it cannot bear, the next run must heal

areas = st.sampled_from(sorted(AREAS))
spots = st.integers(0, 50)  # effects into a run of a few files
moments = st.integers(0, 120)
phases = st.sampled_from(["before", "after"])


def files(campaign: Campaign) -> dict[str, dict[str, list[bytes]]]:
    """Return what may be dropped, by area and by the name it is dropped under: few names, so that many meet."""
    photos = [make_photo(n, "乌鲁木齐市", (1024, 768)) for n in (1, 2)]
    texts = [piece("一"), piece("二"), b""]
    bundles = [packed({"媒体报道/一.txt": piece(t), "媒体报道/空.txt": b"", "照片/包.jpg": photos[0]}) for t in "一三"]
    found: dict[str, dict[str, list[bytes]]] = {}
    for code in AREAS:
        sheets = [make_sheet(campaign, campaign.prefecture(code), n, 2) for n in (1, 2)]
        found[code] = {
            "媒体报道/甲.txt": texts,
            "媒体报道/乙.txt": texts,
            "媒体报道/机密★.txt": [piece(f"密{code}")],
            "照片/甲.jpg": photos,
            "照片/乙.jpg": photos,
            "统计表/统计表.xlsx": [*(s.content for s in sheets), wrong_total(sheets[1])],
            "材料.zip": bundles,
        }
    return found


class Schedule(RuleBasedStateMachine):
    """What senders, the scheduler and fate may do."""

    worlds: ClassVar[Worlds]
    proxy: ClassVar[FaultyStore]
    files: ClassVar[dict[str, dict[str, list[bytes]]]]

    def __init__(self) -> None:
        super().__init__()
        self.held = ExitStack()
        self.world: World = self.held.enter_context(self.worlds.world())

    # --- senders

    @rule(code=areas, name=st.integers(0, 6), version=st.integers(0, 2))
    def drop(self, code: str, name: int, version: int) -> None:
        self._drop(code, name, version)

    @initialize(code=areas, pairs=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=2, max_size=4))
    def drop_some(self, code: str, pairs: list[tuple[int, int]]) -> None:
        for name, version in pairs:
            self._drop(code, name, version)

    @rule()
    def drop_astray(self) -> None:
        self.world.drop(*ASTRAY)

    @rule(which=st.integers(0, 20))
    def take_back(self, which: int) -> None:
        if self.world.drops:
            self.world.take_back(self.world.drops[which % len(self.world.drops)].key)

    # --- runs

    @rule()
    def run(self) -> None:
        run(self.world.services)

    @rule(steps=st.lists(st.sampled_from(["find", "check", "file", "reply"]), max_size=4), code=areas)
    def run_in_pieces(self, steps: list[str], code: str) -> None:
        does: dict[str, Callable[[], Any]] = {
            "find": lambda: discover.find_new(self.world.services),
            "check": lambda: check.check(self.world.services, "2023", code),
            "file": lambda: archive.archive(self.world.services, "2023", code),
            "reply": lambda: reply.reply(self.world.services, "2023", code),
        }
        for step in steps:
            does[step]()

    @rule(at=moments)
    def run_within_a_run(self, at: int) -> None:
        """A second run begins and ends at a moment of the first one."""
        self._run(Seam(at_moment={at: partial(run, self.world.services)}))

    @rule(at=moments, code=areas, name=st.integers(0, 6), version=st.integers(0, 2))
    def drop_within_a_run(self, at: int, code: str, name: int, version: int) -> None:
        self._run(self._when_a_sender_may_act(at, lambda: self._drop(code, name, version)))

    @rule(at=moments, which=st.integers(0, 20))
    def take_back_within_a_run(self, at: int, which: int) -> None:
        self._run(self._when_a_sender_may_act(at, lambda: self.take_back(which)))

    # --- deaths

    @rule(at=spots, phase=phases)
    def die(self, at: int, phase: Any) -> None:
        self._killed(Seam(at_effect={(at, phase): kill}))

    @rule(at=spots, phase=phases, then=moments)
    def die_within_a_run(self, at: int, phase: Any, then: int) -> None:
        """One run dies while another one is in its midst."""
        self._run(Seam(at_moment={then: lambda: self._killed(Seam(at_effect={(at, phase): kill}), settle=False)}))

    @rule(at=spots, phase=phases, then=moments)
    def die_after_another_run(self, at: int, phase: Any, then: int) -> None:
        """A run that fell behind another one goes on with what it knew, and dies."""
        other = partial(self.world.review, Seam())
        self._killed(Seam(at_moment={then: other}, at_effect={(at, phase): kill}))

    # --- an ill database, an ill store

    @rule(at=spots, phase=phases)
    def fail_over(self, at: int, phase: Any) -> None:
        """The database drops all connections, claims with them."""
        self._run(Seam(at_effect={(at, phase): lambda: cut_connections(self.world.services.ledger)}))

    @rule(at=moments, then=moments)
    def fail_over_and_run(self, at: int, then: int) -> None:
        """The claim is lost in the middle of a run, and another run takes the same files up."""

        def lost() -> None:
            cut_connections(self.world.services.ledger)
            run(self.world.services)

        self._run(Seam(at_moment={at: lost, at + 1 + then: partial(run, self.world.services)}))

    @rule(at=spots)
    def lose_an_answer(self, at: int) -> None:
        """A transaction is committed, and nobody hears of it."""
        seam = Seam()

        def lose() -> None:
            if seam.effects[-1].startswith("ledger"):
                lose_answer()

        seam.at_effect[at, "after"] = lose
        self._run(seam)

    @rule(first=st.integers(0, 120), faults=st.lists(st.sampled_from([None, *FAULTS]), min_size=1, max_size=5))
    def run_on_an_ill_store(self, first: int, faults: list[Any]) -> None:
        self.proxy.expect({first + n: fault for n, fault in enumerate(faults) if fault})
        self._run(Seam(), endpoint=self.proxy.endpoint, retry_timeout=PATIENCE)

    # --- what must hold

    def teardown(self) -> None:
        with self.held:
            self.world.audit.at_any_time(self.world.drops)
            self.world.quieten()
            event(f"{len(self.world.drops)} drops")

    def _drop(self, code: str, name: int, version: int) -> None:
        names = sorted(self.files[code])
        versions = self.files[code][names[name]]
        self.world.drop(f"{AREAS[code]}/{names[name]}", versions[version % len(versions)])

    def _run(self, seam: Seam, **how: Any) -> None:
        """Run; that an ill world makes a run fail is right, as long as it fails with what the tasks retry on."""
        with suppress(StorageError, DBAPIError):
            self.world.review(seam, **how)
        self.world.audit.at_any_time(self.world.drops)

    def _killed(self, seam: Seam, settle: bool = True) -> None:
        ended = self.world.killed(seam, settle=settle)
        assert ended.killed or ended.well, "a child ended by an error; see above"
        self.world.audit.at_any_time(self.world.drops)

    def _when_a_sender_may_act(self, at: int, act: Callable[[], None]) -> Seam:
        """Put an act at a moment, or at the next one that is not the last look before a removal.

        A store without versions cannot tell a replacement in these few milliseconds; that is known and told.
        """
        seam = Seam()

        def maybe() -> None:
            if seam.moments[-1].startswith("删除 intake"):
                seam.at_moment[len(seam.moments)] = maybe
            else:
                act()

        seam.at_moment[at] = maybe
        return seam


@contextmanager
def scheduled(postgres: Postgres, folder: Path, campaign: Campaign) -> Iterator[None]:
    """Give the schedules their worlds, on a store behind a proxy that can be ill."""
    store = Store(folder / "store")
    (folder / "copies").mkdir()
    Schedule.files = files(campaign)
    with pytest.MonkeyPatch.context() as patch, in_front_of(store.server.endpoint) as Schedule.proxy:
        installed(patch)
        Schedule.worlds = Worlds(store, postgres, folder / "copies", folder.name)
        sent = [(code, name, data) for code in AREAS for name, found in Schedule.files[code].items() for data in found]
        placed = [(f"{AREAS[code]}/{name}", data) for code, name, data in sent]
        Schedule.worlds.learn([*placed, ASTRAY])
        yield
    store.stop()


HOW = settings(
    deadline=None,
    stateful_step_count=6,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # six steps are short enough to read
)
