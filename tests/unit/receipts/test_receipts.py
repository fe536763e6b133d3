"""Receipts and the status page: what they say, and that nobody's file name or cell can become markup."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baosong.campaign import Campaign
from baosong.ledger import Cell
from baosong.receipts.pages import annotated_name, render_receipt, render_status, render_unplaced
from baosong.rules.findings import Kind, error, note, warning
from baosong.rules.words import ellipsize, escape_invisible, location_text, remaining_text, size_text, time_text

ISSUED = datetime.fromisoformat("2023-06-01T15:30:00+08:00")
WRONG_SUM = error(
    "statistics.total_mismatch",
    "参与公众的合计 12350 与线下加线上的 12340 不相等",
    where={"sheet": "指标汇总", "cell": "D18"},
    observed="12350",
    expected="12340（线下＋线上）",
    fix="请核对这一行的三个数。",
)
HOSTILE = "<script>alert(1)</script>\u202egpj.\x07\"'{{ 7*7 }}%(x)s&amp;.jpg"


@dataclass(frozen=True)
class Sent:
    """A submission as the ledger hands it over."""

    id: int = 1
    kind: str | None = "statistics"
    prefecture: str = "6523"
    slot: str = ""
    key: str = "2023/6523-昌吉回族自治州/统计表/统计表.xlsx"
    name: str = "统计表.xlsx"
    size: int = 48_213
    received_at: datetime = ISSUED - timedelta(seconds=20)
    state: str = "accepted"
    verdict: str | None = "accepted"
    sha256: str | None = "ab12cd34ef56" + "0" * 52
    findings: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    rules_version: str | None = "1-abcdef"
    checked_at: datetime | None = ISSUED - timedelta(seconds=8)
    filed_at: datetime | None = ISSUED - timedelta(seconds=4)
    late: bool = False
    member: dict[str, Any] | None = None


REJECTED = Sent(state="rejected", verdict="rejected", findings=[WRONG_SUM.as_json()])
HELD = Sent(kind="report", name="总结.docx", state="held", verdict="held")


class Page(HTMLParser):
    """A parsed page: its elements with attributes, and its text outside of style sheets."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "bdi" or attrs:  # what is written from right to left is isolated where it occurs
            self.elements.append((tag, tuple(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self._open[-1:]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def receipt_of(campaign: Campaign, *sent: Sent, row: dict[Kind, Cell] | None = None) -> Any:
    prefecture = campaign.prefecture("6523")
    return render_receipt(campaign, prefecture, 3, ISSUED, list(sent), row or {})  # type: ignore[arg-type]


def status_of(campaign: Campaign, *sent: Sent, row: dict[Kind, Cell] | None = None, now: datetime = ISSUED) -> str:
    prefecture = campaign.prefecture("6523")
    links = {"空白统计表": "模板/统计表 模板.xlsx", "回执-003号": "回执/回执-003号#1.html"}
    return render_status(campaign, prefecture, now, row or {}, list(sent), links)  # type: ignore[arg-type]


def everything(state: Any = "accepted", accepted: int = 1) -> dict[Kind, Cell]:
    return {kind: Cell(state, accepted=accepted, last=ISSUED) for kind in Kind}


hostile_text = st.text(
    st.one_of(st.sampled_from(list("<>&\"'/={}%`-!\u202e\u2066\u200b\x00\x07\x1b\n\t")), st.characters()), max_size=40
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=hostile_text, cell=hostile_text)
def test_no_name_and_no_cell_becomes_markup_or_hides(campaign: Campaign, name: str, cell: str) -> None:
    plain, marked = (
        Page(receipt_of(campaign, replace(REJECTED, name=n, findings=[findings_of(c)])).html)
        for n, c in (("a", "b"), (name, cell))
    )
    assert marked.elements == plain.elements
    assert not [c for c in marked.text if unicodedata.category(c) in ("Cf", "Cs", "Zl", "Zp")]
    assert not [c for c in marked.text if unicodedata.category(c) == "Cc" and c != "\n"]
    assert escape_invisible(name) in marked.text


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=hostile_text)
def test_no_name_becomes_markup_on_the_status_page(campaign: Campaign, name: str) -> None:
    plain, marked = (Page(status_of(campaign, replace(REJECTED, name=n))) for n in ("a", name))
    assert marked.elements == plain.elements


def findings_of(text: str) -> dict[str, Any]:
    where = {"sheet": text or "x", "cell": "D1", "member": "m"}
    return error("statistics.x", text, where=where, observed=text, expected=text, fix=text).as_json()  # type: ignore[arg-type]


def test_a_word_from_right_to_left_is_isolated_within_a_name_and_a_message(campaign: Campaign) -> None:
    said = findings_of("填的“ئۈرۈمچى شەھىرى”不是 3 个")
    html = receipt_of(campaign, replace(REJECTED, name="报告-ئۈرۈمچى-2.docx", findings=[said])).html
    assert "报告-<bdi>ئۈرۈمچى</bdi>-2.docx" in html
    assert "填的“<bdi>ئۈرۈمچى شەھىرى</bdi>”不是 3 个" in html


def test_a_hostile_name_is_shown_escaped_and_its_hidden_characters_are_marked(campaign: Campaign) -> None:
    html = receipt_of(campaign, replace(REJECTED, name=HOSTILE)).html
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;‹U+202E›gpj.‹U+0007›" in html
    assert "{{ 7*7 }}%(x)s&amp;amp;.jpg" in html


def test_a_name_of_a_thousand_characters_is_shown_whole_on_the_receipt(campaign: Campaign) -> None:
    assert "报道" * 500 in receipt_of(campaign, replace(REJECTED, name="报道" * 500 + ".pdf")).html


@pytest.mark.parametrize("state", ["rejected", "held", "duplicate", "withdrawn", "received", "checked"])
def test_only_what_is_archived_says_so_and_may_be_deleted(campaign: Campaign, state: str) -> None:
    told = receipt_of(campaign, replace(HELD, state=state)).json["files"][0]
    assert "已归档" not in [stage["name"] for stage in told["stages"]]
    assert told["may_delete_local_copy"] is False


@pytest.mark.parametrize("state", ["accepted", "superseded"])
def test_what_is_archived_goes_through_the_three_stages(campaign: Campaign, state: str) -> None:
    told = receipt_of(campaign, Sent(state=state)).json["files"][0]
    assert [stage["name"] for stage in told["stages"]] == ["已收到", "已校验", "已归档"]
    assert [stage["at"] for stage in told["stages"]] == ["06-01 15:29"] * 3
    assert told["may_delete_local_copy"] is True


def test_a_file_that_was_not_checked_yet_waits_for_both_stages(campaign: Campaign) -> None:
    waiting = Sent(state="received", verdict=None, sha256=None, checked_at=None, filed_at=None, rules_version=None)
    told = receipt_of(campaign, waiting).json["files"][0]
    assert [stage["name"] for stage in told["stages"]] == ["已收到", "待校验", "待归档"]


@pytest.mark.parametrize(
    ("sent", "short", "sentence"),
    [
        ([Sent()], "全部接收", "全部接收：1 个文件均已校验通过并归档。"),
        ([Sent(), REJECTED, REJECTED], "2个文件需修改", "有 2 个文件需要修改后重新报送；1 个文件已接收并归档。"),
        ([REJECTED, HELD], "1个文件需修改", "有 1 个文件需要修改后重新报送，1 个文件待人工审核。"),
        ([Sent(), HELD], "待人工审核", "有 1 个文件待人工审核；1 个文件已接收并归档。"),
        ([Sent(state="duplicate")], "重复文件", "1 个文件此前已经收到，内容完全相同，不重复计入。"),
        ([], "无需处理", "没有需要处理的文件。"),
    ],
)
def test_one_sentence_gives_the_whole_answer(campaign: Campaign, sent: list[Sent], short: str, sentence: str) -> None:
    receipt = receipt_of(campaign, *sent)
    assert receipt.json["answer"]["text"] == sentence
    assert sentence in receipt.html
    assert receipt.name == f"回执-003号-20230601-1530-{short}"


def test_the_name_tells_the_time_in_the_campaigns_zone(campaign: Campaign) -> None:
    utc = datetime.fromisoformat("2023-06-01T20:05:00+00:00")
    receipt = render_receipt(campaign, campaign.prefecture("6523"), 12, utc, [], {})
    assert receipt.name == "回执-012号-20230602-0405-无需处理"


def test_a_finding_says_place_found_asked_and_how_to_mend(campaign: Campaign) -> None:
    text = Page(receipt_of(campaign, REJECTED).html).text
    for said in (
        "× 必须修改",
        "工作表“指标汇总”，单元格 D18",
        "12350",
        "12340（线下＋线上）",
        "请核对这一行的三个数。",
    ):
        assert said in text


def test_errors_come_before_warnings_and_notes(campaign: Campaign) -> None:
    found = [note("a.a", "三"), warning("a.b", "二"), error("a.c", "一")]
    told = receipt_of(campaign, replace(REJECTED, findings=[f.as_json() for f in found])).json["files"][0]
    assert [f["message"] for f in told["findings"]] == ["一", "二", "三"]
    assert [f["severity_name"] for f in told["findings"]] == ["必须修改", "请核对", "说明"]


def test_files_that_need_action_come_first(campaign: Campaign) -> None:
    told = receipt_of(campaign, Sent(id=1), replace(HELD, id=2), replace(REJECTED, id=3)).json
    assert [f["state"] for f in told["files"]] == ["rejected", "held", "accepted"]


def test_the_video_table_shows_what_was_asked_and_found(campaign: Campaign) -> None:
    table = [{"item": "码率", "asked": "50至100 Mbps", "found": "12.4 Mbps", "verdict": "不合格"}]
    text = Page(receipt_of(campaign, replace(REJECTED, kind="video", facts={"table": table})).html).text
    assert "码率50至100 Mbps12.4 Mbps× 不合格" in text
    assert campaign.video.text in text


def test_how_to_export_is_said_once_and_only_where_it_helps(campaign: Campaign) -> None:
    wrong = replace(REJECTED, kind="video", facts={"table": [], "exports": {"剪映": "码率填 60000 Kbps"}})
    text = Page(receipt_of(campaign, replace(wrong, id=1), replace(wrong, id=2)).html).text
    assert text.count("视频怎样导出") == text.count("60000 Kbps") == 1
    assert "视频怎样导出" not in Page(receipt_of(campaign, REJECTED).html).text


def test_a_late_file_is_flagged(campaign: Campaign) -> None:
    receipt = receipt_of(campaign, Sent(late=True))
    assert receipt.json["late"] == 1
    assert "迟报" in Page(receipt.html).text
    assert "迟报" not in Page(receipt_of(campaign, Sent()).html).text


def test_the_receipt_says_what_is_still_missing_and_whom_to_ask(campaign: Campaign) -> None:
    row = {Kind.STATISTICS: Cell("accepted", accepted=1, last=ISSUED), Kind.PHOTO: Cell("rejected", rejected=1)}
    receipt = receipt_of(campaign, Sent(), row=row)
    words = {d["deliverable"]: d["word"] for d in receipt.json["deliverables"]}
    assert words == {
        "report": "未报送",
        "statistics": "已齐",
        "photo": "已退回，待重新报送",
        "press": "未报送",
        "video": "未报送",
    }
    until = "2023年6月15日24:00截止，之后仍可补报"
    assert f"还缺总结报告、媒体报道、视频影像资料，请放入各自的文件夹，{until}。" in receipt.json["next"]
    text = Page(receipt.html).text
    for said in ("0991-3836587", "意则提、杨倩、杨青", campaign.rules_version, "距截止还有 14 天 8 小时"):
        assert said in text


def test_a_complete_prefecture_is_told_that_nothing_is_left_to_do(campaign: Campaign) -> None:
    receipt = receipt_of(campaign, Sent(), row=everything())
    assert receipt.json["next"][0].startswith("全部材料已齐，无需再报送。")


def test_the_json_twin_is_json_and_says_all_that_the_page_says(campaign: Campaign) -> None:
    receipt = receipt_of(campaign, replace(REJECTED, name=HOSTILE), Sent(late=True), HELD, row=everything("held", 0))
    told = json.loads(json.dumps(receipt.json, ensure_ascii=False))
    assert told == receipt.json
    assert told["files"][0]["file"] == HOSTILE
    text = Page(receipt.html).text
    for file in told["files"]:
        assert escape_invisible(file["file"]) in text
        assert all(escape_invisible(f["message"]) in text for f in file["findings"])
    assert all(step in text for step in told["next"])


def test_the_page_needs_nothing_from_outside_and_runs_nothing(campaign: Campaign) -> None:
    for html in (receipt_of(campaign, REJECTED).html, status_of(campaign, REJECTED)):
        tags = {tag for tag, _ in Page(html).elements}
        assert not tags & {"script", "img", "link", "iframe", "object", "form"}
        assert "url(" not in html
        assert "@import" not in html


def test_the_same_receipt_is_the_same_text(campaign: Campaign) -> None:
    assert receipt_of(campaign, REJECTED, HELD) == receipt_of(campaign, REJECTED, HELD)


def test_the_status_page_of_a_prefecture_that_sent_nothing_tells_what_to_do(campaign: Campaign) -> None:
    text = Page(status_of(campaign)).text
    for said in ("还没有收到任何材料，5 项都需要报送。", "下载空白统计表", "视频影像资料放入“视频”", "0 / 5 项已齐"):
        assert said in text


def test_the_status_page_links_relatively_and_safely(campaign: Campaign) -> None:
    links = [dict(attrs)["href"] for tag, attrs in Page(status_of(campaign)).elements if tag == "a"]
    assert len(links) == 2
    assert all(link is not None and link.isascii() and "#" not in link and ":" not in link for link in links)


def test_the_status_page_says_nothing_that_ages(campaign: Campaign) -> None:
    """It lies in the outbox until the next file comes, so that a countdown would be wrong the next day."""
    early, late = (status_of(campaign, now=campaign.deadline + timedelta(days=days)) for days in (-9, 2))
    written = (time_text(campaign.deadline + timedelta(days=days), campaign.zone) for days in (-9, 2))
    assert early.replace(next(written), "") == late.replace(next(written), "")
    assert f"请在 {campaign.deadline_text} 前报齐；之后仍可报送，将标注为迟报。" in late


def test_the_status_page_folds_a_long_list_but_never_what_failed(campaign: Campaign) -> None:
    photos = [Sent(id=n, kind="photo", name=f"{n}.jpg", slot=f"{n}.jpg") for n in range(30)]
    bad = [replace(REJECTED, id=100 + n, kind="photo", name=f"bad{n}.jpg", slot=f"bad{n}.jpg") for n in range(12)]
    before, _, _ = status_of(campaign, *photos, *bad, row=everything(accepted=30)).partition("<details>")
    assert all(f"bad{n}.jpg" in before for n in range(12))
    assert "另有 22 个已归档的文件" in status_of(campaign, *photos, *bad)


def test_the_status_page_no_longer_asks_for_what_was_made_good(campaign: Campaign) -> None:
    before = replace(REJECTED, id=1, name="alt.xlsx", received_at=ISSUED - timedelta(hours=1))
    html = status_of(campaign, before, Sent(id=2, name="neu.xlsx"), row=everything())
    current, _, past = html.partition('<details class="past">')
    assert "alt.xlsx" in past
    assert "alt.xlsx" not in current
    assert "怎样修改" not in Page(html).text
    assert "alt.xlsx" in status_of(campaign, before).partition('<details class="past">')[0]


def test_the_status_page_shows_files_that_nobody_could_classify(campaign: Campaign) -> None:
    text = Page(status_of(campaign, replace(REJECTED, kind=None, name="谜.bin"))).text
    assert "未能识别的文件" in text
    assert "谜.bin" in text


@pytest.mark.parametrize("known", [True, False])
def test_a_file_of_nobody_gets_an_answer_that_says_where_files_belong(campaign: Campaign, known: bool) -> None:
    lost = replace(REJECTED, kind=None, key=f"2023/9999/{HOSTILE}", name=HOSTILE)
    receipt = render_unplaced(campaign if known else None, 4, ISSUED, [lost])  # type: ignore[list-item]
    assert receipt.name == "回执-004号-20230601-1530-未能识别报送单位"
    assert "<script" not in receipt.html
    assert ("2023/6501-乌鲁木齐市" in receipt.html) is known


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({}, "整个文件"),
        ({"sheet": "指标汇总", "cell": "D18"}, "工作表“指标汇总”，单元格 D18"),
        ({"track": "Video", "field": "BitRate"}, "视频轨，码率"),
        ({"page": 3}, "第 3 页"),
        ({"member": "a/\u202eb"}, "压缩包内“a/‹U+202E›b”"),
    ],
)
def test_a_place_is_said_in_words(where: dict[str, Any], said: str) -> None:
    assert location_text(where) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 字节"), (1023, "1023 字节"), (1024, "1 KB"), (48_213, "47.1 KB"), (3 << 30, "3 GB"), (5 << 40, "5120 GB")],
)
def test_a_size_is_said_in_its_unit(size: int, said: str) -> None:
    assert size_text(size) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (90_000, "距截止还有 1 天 1 小时"),
        (5_400, "距截止还有 1 小时 30 分钟"),
        (59, "距截止不足 1 分钟"),
        (0, "刚过截止时间"),
        (-86_400, "已超过截止时间 1 天"),
    ],
)
def test_the_time_left_is_said_in_days_hours_or_minutes(seconds: int, said: str) -> None:
    assert remaining_text(ISSUED + timedelta(seconds=seconds), ISSUED) == said


def test_a_shortened_name_keeps_its_ending() -> None:
    name = ellipsize("很" * 300 + ".xlsx", 60)
    assert len(name) == 60
    assert name.endswith(".xlsx")


def test_a_marked_copy_is_linked_by_a_name_that_cannot_break_out(campaign: Campaign) -> None:
    prefecture = campaign.prefecture("6523")
    sent: Any = [REJECTED, replace(HELD, id=2)]
    receipt = render_receipt(campaign, prefecture, 3, ISSUED, sent, {}, {1: f'{HOSTILE}"#?100%.xlsx'})
    (link,) = [dict(attributes) for tag, attributes in Page(receipt.html).elements if tag == "a"]
    copies = [f["annotated"] for f in receipt.json["files"]]
    assert [c is None for c in copies] == [f["state"] == "held" for f in receipt.json["files"]]
    (copy,) = [c for c in copies if c]
    assert unquote(link["href"] or "") == copy["title"] == annotated_name(receipt.name, f'{HOSTILE}"#?100%.xlsx')
    assert not set(link["href"] or "") & set('<>"#?{} ')
