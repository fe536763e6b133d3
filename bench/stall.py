"""Drop -> receipt of a prefecture's small sheet alone, and while another prefecture sends what once stalled everybody.

Budget: beside `numbers` and `names` the median at most 1.5 times that alone. Turns are taken, so that a busy machine is
busy for all; in each the neighbour sends anew, with its own key. `numbers` is a sheet of which two cells once took the
number reader for ever; it is in work when the other comes. `names` are hundreds of leftovers of other programs, some as
deep as a folder may lie, and keys far deeper: they lie there, and come again until the receipt is there. `plain` is a
good sheet of the neighbour's in work: what two sheets at once cost, whatever is in them.
"""

from __future__ import annotations

import io
import itertools
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from openpyxl import load_workbook

from baosong.campaign import Campaign, Prefecture
from baosong.campaign.layout import first_activity_row, indicator_cells
from baosong.ledger.services import Services
from baosong.store.keys import MAX_DEPTH
from baosong.store.settings import home_of
from baosong.store.storage import StorageError
from baosong_local import stack
from baosong_local.samples.sheets import make_sheet
from baosong_local.stack.campaigns import open_campaign, storage_as
from baosong_local.stack.running import running_settings
from shared.drops import airflow, idle, make_campaign, receipts, wait

TURNS, WARM_UP = 12, 2
BUDGET = 1.5
LEFTOVERS, TOO_DEEP = 300, 400
SLOW_NUMBER = "共计" * 29 + "？"


def run() -> dict[str, Any]:
    """Return the median seconds alone and beside each input, their ratios, the verdict and every single time."""
    home = home_of() / "bench"
    os.environ["BAOSONG_HOME"] = str(home)
    times: dict[str, list[float]] = {"alone": [], "plain": [], "numbers": [], "names": []}
    stack.up(home)
    try:
        services = Services.open(running_settings())
        campaign = services.campaigns.get(make_campaign(home))
        open_campaign(services, campaign)
        sent = Sent(services, campaign)
        with airflow(home) as client:
            for _, (name, seconds) in itertools.product(range(WARM_UP + TURNS), times.items()):
                wait(lambda: idle(client) and sent.is_worked_off())
                with getattr(sent, name)():
                    seconds.append(sent.receipt())
    finally:
        stack.down(home)
    return _figures({name: seconds[WARM_UP:] for name, seconds in times.items()})


def _figures(times: dict[str, list[float]]) -> dict[str, Any]:
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    ratios = {f"ratio_{name}": round(median / medians["alone"], 2) for name, median in medians.items()}
    kept = max(ratios["ratio_numbers"], ratios["ratio_names"]) <= BUDGET
    return {**medians, **ratios, "budget": BUDGET, "kept": kept, **{f"{n}_all": each for n, each in times.items()}}


class Sent:
    """What the two prefectures send: the neighbour one of the inputs, the other a sheet whose receipt is waited for."""

    def __init__(self, services: Services, campaign: Campaign) -> None:
        self._services, self._campaign = services, campaign
        self._neighbour, self._sender = campaign.prefectures[:2]
        self._numbers = itertools.count(1)

    def receipt(self) -> float:
        """Return the seconds from a new sheet's drop to its receipt."""
        content, area = self._sheet(self._sender), self._area(self._sender)
        before, began = receipts(self._services, area), time.monotonic()
        storage_as(self._sender.code).put("intake", f"{area}/统计表/统计表.xlsx", content)
        wait(lambda: receipts(self._services, area) > before)
        return round(time.monotonic() - began, 3)

    def is_worked_off(self) -> bool:
        """Return whether nothing that anybody sent lies in the neighbour's area any more."""
        left = self._services.storage.list("intake", f"{self._area(self._neighbour)}/")
        return all(stored.key.endswith("/.keep") for stored in left)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Send nothing."""
        yield

    @contextmanager
    def plain(self) -> Iterator[None]:
        """Have a good sheet in work."""
        self._in_work(self._sheet(self._neighbour))
        yield

    @contextmanager
    def numbers(self) -> Iterator[None]:
        """Have a sheet in work, an indicator and an activity of which hold what a number never was."""
        book, changed = load_workbook(io.BytesIO(self._sheet(self._neighbour))), io.BytesIO()
        form = self._campaign.form
        column = [field.name for field in form.activities.fields].index("offline") + 1
        book[form.indicators.sheet][indicator_cells(form)["B01", "total"]].value = SLOW_NUMBER
        book[form.activities.sheet].cell(first_activity_row(form), column).value = SLOW_NUMBER
        book.save(changed)
        self._in_work(changed.getvalue())
        yield

    @contextmanager
    def names(self) -> Iterator[None]:
        """Have leftovers lie there, and put as many again meanwhile."""
        self._leave()
        with ThreadPoolExecutor(1) as again:
            more = again.submit(self._leave)
            yield
        more.result()
        self._take_away()

    def _in_work(self, content: bytes) -> None:
        ledger, whose = self._services.ledger, (self._campaign.id, self._neighbour.code)
        known = len(ledger.submissions(*whose))
        key = f"{self._area(self._neighbour)}/统计表/统计表.xlsx"
        storage_as(self._neighbour.code).put("intake", key, content)
        wait(lambda: len(ledger.submissions(*whose)) > known)

    def _leave(self) -> None:
        area, storage, turn = self._area(self._neighbour), storage_as(self._neighbour.code, 0), next(self._numbers)
        for n in range(LEFTOVERS):
            folders = "d/" * MAX_DEPTH if n % 10 == 0 else ""
            storage.put("intake", f"{area}/{folders}~${turn}-{n}.docx", b"x")
            if n % 50 == 0:
                with suppress(StorageError):  # the answer that is due
                    storage.put("intake", f"{area}/{n}/{'d/' * TOO_DEEP}x.docx", b"x")

    def _take_away(self) -> None:
        """Remove what is left: few are not swept for an hour."""
        storage = storage_as(self._neighbour.code)
        for stored in storage.list("intake", f"{self._area(self._neighbour)}/"):
            if "~$" in stored.key:
                storage.remove("intake", stored.key)

    def _sheet(self, prefecture: Prefecture) -> bytes:
        return make_sheet(self._campaign, prefecture, seed=next(self._numbers)).content

    def _area(self, prefecture: Prefecture) -> str:
        return f"{self._campaign.id}/{prefecture.folder}"
