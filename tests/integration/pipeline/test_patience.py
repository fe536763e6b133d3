"""One prefecture's file keeps no other prefecture waiting."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.pipeline import archive, discover, reply
from baosong.pipeline.check import check as check_received
from baosong.validation.sandbox import run
from baosong_local.samples import media
from hostile_makers.pdfs import endless
from sandbox_help import children


def test_a_file_that_burns_its_time_keeps_nobody_else_waiting(
    services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two prefectures, two workers: one is answered with a receipt while the other's file still burns."""
    services.storage.put("intake", "2023/6501-乌鲁木齐市/总结报告/总结.pdf", endless())
    photo = media.make_photo(1, "克拉玛依市", (1280, 960))
    services.storage.put("intake", "2023/6502-克拉玛依市/照片/照片.jpg", photo)
    discover.find_new(services)
    burning, real = threading.Event(), run.read_all

    def read_all(*arguments: Any) -> list[bytes]:
        if threading.current_thread() is not threading.main_thread():
            burning.set()
        return real(*arguments)

    monkeypatch.setattr(run, "read_all", read_all)
    with ThreadPoolExecutor(1) as beside:
        slow = beside.submit(check_received, services, "2023", "6501")
        assert burning.wait(30)
        (told,) = check_received(services, "2023", "6502")
        archive.archive(services, "2023", "6502")
        answered = reply.reply(services, "2023", "6502")
        assert not slow.done()
        assert told["verdict"] == "accepted"
        assert answered
        assert answered["files"] == 1
        (child,) = children()
        child.send_signal(signal.SIGXCPU)  # its time is up
        (told,) = slow.result()
    assert told["verdict"] == "rejected"
