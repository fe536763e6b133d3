"""A campaign from its opening to its second final report, as clerks, operators and leaders meet it, day by day."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docx
import pytest

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.pipeline import closing, manual_review, more_time
from baosong.pipeline.notify import send_due
from baosong.pipeline.open_campaign import open_campaign, renew_status_pages, write_send_pages
from baosong.pipeline.publish import publish_report
from baosong.pipeline.reminders import remind_all
from baosong.receipts.board import render_board
from baosong.report.files import DOCUMENT
from baosong.rules.findings import Kind
from baosong_local.samples.media import make_photo
from baosong_local.samples.sheets import make_sheet, wrong_total
from intake_run import receipts, run
from mail_help import Post, post_office, with_contacts
from manual_review_help import newest, run_unscanned
from region import sent_by

CLOCKS = [f"pipeline.{name}" for name in ("discover", "archive", "reply")]
CLOCKS += [f"ledger.{name}" for name in ("submissions", "receipts", "extensions", "notifications", "queries")]
READY, SLOW, SILENT = "6501", "6502", "6523"


@dataclass
class Office:
    """A department with three prefectures, its mail server, and a calendar that the test turns."""

    services: Services
    post: Post
    film: bytes
    now: datetime

    @property
    def campaign(self) -> Campaign:
        return self.services.campaigns.get("2023")

    def area(self, code: str) -> str:
        return f"2023/{self.campaign.prefecture(code).folder}"

    def at(self, day: int, hour: int = 10) -> datetime:
        self.now = datetime(2023, 6, day, hour, tzinfo=self.campaign.zone)
        return self.now

    def sends(self, code: str, *kinds: Kind, work: Callable[[Services], None] = run, **instead: bytes) -> Any:
        """Let a prefecture send what passes, or `instead` by kind, and return the newest receipt."""
        made = {kind.value: (name, content) for kind, name, content in sent_by("2023", code, seed=1).files}
        made["photo"] = ("启动仪式.jpg", make_photo(1, self.campaign.prefecture(code).name))
        made["video"] = ("启动仪式.mov", self.film)
        for kind in kinds:
            name, content = made[kind]
            key = f"{self.area(code)}/{self.campaign.deliverable(kind).folder}/{name}"
            self.services.storage.put("intake", key, instead.get(kind, content))
        work(self.services)
        return next(r for r in reversed(receipts(self.services)) if r["prefecture"]["code"] == code)

    def mails(self) -> list[tuple[str, str]]:
        """Have what waits be sent; return the new mails' receivers and subjects."""
        known = len(self.post.taken)
        send_due(self.services, {"mail": self.post.line})
        return sorted(
            (mail["To"].partition("@")[0], mail["Subject"].partition("（")[0]) for mail in self.post.mails()[known:]
        )

    def status(self, code: str) -> str:
        return self.services.storage.read("outbox", f"{self.area(code)}/状态.html").decode()

    def board(self) -> str:
        return render_board(self.services.ledger, self.campaign, self.now, lambda _: True)

    def report(self, version: int) -> str:
        document = docx.Document(io.BytesIO(self.services.storage.read("reports", f"2023/final/v{version}/{DOCUMENT}")))
        return "\n".join(p.text for p in document.paragraphs)


@pytest.fixture
def office(services: Services, tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    three = [p.model_dump(mode="json") for p in services.campaigns.get("2023").prefectures]
    over = {
        "prefectures": [p for p in three if p["code"] in (READY, SLOW, SILENT)],
        "contacts": {code: {"emails": [f"{code}@example.cn"]} for code in (READY, SLOW, SILENT)},
        "reminders": {"at": "09:00", "before": [3, 1], "after": [1]},
    }
    with post_office() as post:
        office = Office(with_contacts(services, tmp_path / "notice", **over), post, film.read_bytes(), datetime.max)
        clock = SimpleNamespace(now=lambda zone: office.now.astimezone(zone), fromisoformat=datetime.fromisoformat)
        for name in CLOCKS:
            monkeypatch.setattr(import_module(f"baosong.{name}"), "datetime", clock)
        yield office


def test_a_campaign_lives_from_its_opening_to_a_second_final_report(office: Office) -> None:
    services, campaign = office.services, office.campaign

    office.at(1)  # it is opened, and each prefecture gets a page and a letter
    open_campaign(services, campaign)
    letters = write_send_pages(services, campaign, dict.fromkeys((READY, SLOW, SILENT), ("key", "word")), "")
    letter = docx.Document(str(letters / campaign.prefecture(SLOW).folder / "通知函.docx"))
    assert any(campaign.deadline_text in p.text for p in letter.paragraphs)
    assert "还没有收到任何材料，5 项都需要报送" in office.status(SILENT)

    office.at(5)  # one sends everything, another a sheet that does not add up
    assert office.sends(READY, *Kind)["answer"]["short"] == "全部接收"
    assert "5 项材料已齐，无需再报送" in office.status(READY)
    wrong = wrong_total(make_sheet(campaign, campaign.prefecture(SLOW), 1))
    receipt = office.sends(SLOW, Kind.REPORT, Kind.STATISTICS, statistics=wrong)
    assert receipt["answer"]["short"] == "1个文件需修改"
    assert [s.key for s in services.storage.list("outbox", office.area(SLOW)) if "批注" in s.key]
    assert office.mails() == [(READY, "回执001号：全部接收"), (SLOW, "回执001号：1个文件需修改")]

    office.at(12)  # three days before the end; the one that is complete is left in peace
    remind_all(services, office.now)
    assert office.mails() == [
        (SLOW, "催报：还有 3 天截止，还缺 4 项"),
        (SILENT, "催报：还有 3 天截止，还缺 5 项"),
        ("zhiban", "今天催报 2 个地州市"),
    ]

    office.at(13)  # it corrects its sheet; of the press list a person must judge
    assert office.sends(SLOW, Kind.STATISTICS, Kind.PHOTO)["answer"]["short"] == "全部接收"
    office.sends(SLOW, Kind.PRESS, work=run_unscanned)
    assert "△ 待人工审核" in office.status(SLOW)
    assert ("zhiban", "克拉玛依市有 1 个文件待人工审核") in office.mails()
    manual_review.release(services, newest(services).id, "张三", "已电话核实")
    run(services)
    (released,) = receipts(services)[-1]["files"]
    assert (released["state"], "已电话核实" in str(released["findings"])) == ("accepted", True)

    office.at(16)  # over: the film is late, and one has sent nothing
    assert office.sends(SLOW, Kind.VIDEO)["late"] == 1
    assert "迟报" in office.status(SLOW)
    remind_all(services, office.now)
    assert (SILENT, "催报：已过截止时间 1 天，还缺 5 项") in office.mails()
    (asked,) = closing.questions(services, "run", office.now)
    assert "1 个地州市未报齐" in asked["subject"]
    told = closing.decide(services, "2023", office.now.date(), True, "李处长", "厅长同意", office.now)
    assert told == "已结束收报，终稿第 1 版写明缺报 1 个地州市。"
    assert "（1个地州市缺报）" in office.report(1)
    assert "批准人：李处长；理由：厅长同意" in office.board()
    assert "全区终稿写明本单位未报齐" in office.status(SILENT)

    office.at(17)  # it telephones, and is granted five days
    more_time.extend(services, campaign, SILENT, "2023-06-21 24:00", "张三", "暴雪断路", office.now)
    assert "请在 2023年6月21日24:00 前报齐" in office.status(SILENT)
    assert "延至 2023年6月21日24:00" in office.board()
    assert office.mails() == [(SILENT, "截止时间延长至2023年6月21日24:00")]

    office.at(20)  # the day before that is over
    remind_all(services, office.now)
    assert office.mails() == [(SILENT, "催报：还有 1 天截止，还缺 5 项"), ("zhiban", "今天催报 1 个地州市")]

    office.at(21)  # it sends all, in time; the night writes the next version
    receipt = office.sends(SILENT, *Kind)
    assert (receipt["late"], receipt["answer"]["short"]) == (0, "全部接收")
    assert closing.edition_due(services, "2023") == "final"
    assert publish_report(services, "2023", "final", office.at(22, 2))["missing"] == []
    renew_status_pages(services, "2023")
    assert "缺报" not in office.report(2)
    assert "终稿 第 2 版" in office.board()
    assert [office.status(code).count("5 项材料已齐") for code in (READY, SLOW, SILENT)] == [1, 1, 1]
    assert closing.questions(services, "later", office.at(23)) == []
