"""The whole stack killed again and again while fourteen prefectures submit: nothing lost, nothing twice, all right.

BAOSONG_SOAK_KILLS says how often (20 in earnest), BAOSONG_SOAK_SEED repeats another run's moments.
"""

from __future__ import annotations

import os
import time

import pytest

from soak import Submitting, WholeStack, audit, final, seed
from waiting import until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600), pytest.mark.xdist_group("soak")]

KILLS = int(os.environ.get("BAOSONG_SOAK_KILLS") or 20)


def test_killed_at_random_moments_the_stack_still_ends_with_the_right_report(embedded: WholeStack) -> None:
    chance = seed()
    submitting = Submitting.on(embedded.home)
    submitting.begin(lambda: chance.uniform(0, 18), submitting.plan.first, correct=True)
    ups = [25.0]
    for number in range(KILLS):
        # A machine that needs longer to come up is given longer: what is killed must have had a chance to work.
        time.sleep(chance.uniform(0.5, max(25.0, ups[-1])))
        killed = embedded.kill()
        ups.append(embedded.up())
        left = len(submitting.unanswered())
        print(f"kill {number + 1}: {killed} processes, up in {ups[-1]:.1f} s, {left} not answered", flush=True)
    began = time.monotonic()
    until(lambda: submitting.over, 900, "the end of the drops")
    until(lambda: not submitting.unanswered(), 600, "an answer to each drop")
    median = sorted(ups)[len(ups) // 2]
    print(f"all answered {time.monotonic() - began:.0f} s after the last kill; up took {median:.1f} s", flush=True)
    audit(submitting, final(embedded, submitting))
