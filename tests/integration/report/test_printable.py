"""Nothing private or internal is in what leaders read, wherever prefectures or the checks may have written it."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import docx
import pytest

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.report.editions import write_report
from baosong.report.files import CHANGES, DOCUMENT, FIGURES, ONE_PAGE, PAGE, SLIDES, WORKBOOK
from baosong.report.printable import public_remark, without_numbers
from baosong.rules.findings import Finding, Kind, warning
from baosong_local.samples.media import make_photo
from feed import NOW
from region import file, sheet

IDENTITY, MOBILE = "11010519491231002X", "13812345678"
MASKED = ("138****5678", "1101**********002X", "138×××5678")
SPELLINGS = (IDENTITY, MOBILE, "138 1234 5678", "１３８１２３４５６７８", *MASKED)
SECRET = "张三" + "、".join(SPELLINGS)
NUMBERS = re.compile(r"(?<![0-9a-f])1[\s-]?3[\s-]?8(?:[\s-]?[\d*×]){8}|1101[\d*]{13,14}")
RULES = re.compile(r"\b(?:statistics|file|report|photo|press|video)\.[a-z_]+\b")
FILES = re.compile(r"秘密|\.(?:docx|xlsx|jpg|txt)(?![a-z])")  # each of our files bears the word in its name
TEXT = f"""首次走进牧区，组织科普大篷车巡展20场次，联系人{MOBILE}，吸引农牧民3000余人参加活动。
首次走进校园，举办科普展演20场，吸引师生3000余人踊跃参加。"""


@pytest.mark.parametrize("number", SPELLINGS)
def test_a_number_is_left_out_in_every_spelling_and_the_rest_stands_as_it_was(number: str) -> None:
    assert without_numbers(f"科普，讲座（联系人：{number}）１２") == "科普，讲座（联系人：（号码从略））１２"


@pytest.mark.parametrize(
    "text", ["2023年5月21日至22日", "参与1234567人次、展板12345块", "0991-3836587", "2023-05-21 2023-05-22"]
)
def test_other_numbers_stand(text: str) -> None:
    assert without_numbers(text) == text


SUM = "13912345678"


def remark_of(observed: str, expected: str) -> str:
    said = f"参与公众填的是 {observed}，而“活动明细”各项相加是 {expected}，相差 1"
    given = {"rule": "statistics.total_mismatch", "message": said, "observed": observed, "expected": expected}
    submission: Any = SimpleNamespace(prefecture="6501", id=1, kind="statistics")
    remark = public_remark(submission, given)
    return f"{remark.message}|{remark.observed}|{remark.expected}"


def test_a_sum_of_eleven_digits_is_printed_and_no_mobile_number_is() -> None:
    """What we added up is nobody's number; what stands in a cell may be one, and so may what equals it."""
    assert remark_of("5", SUM) == ("参与公众填的是 5，而“活动明细”各项相加是 13,912,345,678，相差 1|5|13,912,345,678")
    assert "139" not in remark_of(SUM, "5")
    assert "139" not in remark_of(SUM, SUM)
    assert "138" not in remark_of(f"张三{MOBILE}", SUM)
    assert "13,912,345,678" in remark_of(f"张三{MOBILE}", SUM)


def test_no_edition_tells_personal_numbers_rules_or_names_of_files(services: Services, campaign: Campaign) -> None:
    fill(services, campaign, 1)
    write_report(services, campaign.id, "final", NOW)
    fill(services, campaign, 2)
    prefix = write_report(services, campaign.id, "final", NOW + timedelta(days=1))["prefix"]
    for name in (DOCUMENT, WORKBOOK, PAGE, CHANGES, ONE_PAGE, SLIDES):
        told = text_of(services.storage.read("reports", f"{prefix}{name}"))
        told = re.sub("<nav.*?</nav>", "", told)  # the page's links to the edition's own files
        assert NUMBERS.findall(told) == [], name
        assert RULES.findall(told) == [], name
        assert FILES.findall(told) == [], name
    told = text_of(services.storage.read("reports", f"{prefix}{FIGURES}"))
    assert '"message": "活动“讲座张三（号码从略）' in told, "the remark itself stays"
    kept = r'"(?:file|archive_key)": ".*"'  # the way into the archive, for machines
    assert NUMBERS.findall(re.sub(kept, "", told)) == []


def fill(services: Services, campaign: Campaign, seed: int) -> None:
    """File a prefecture's material with numbers and names in every text that is kept of it."""
    _, content, figures = sheet("2023", "6501", seed)
    texts = dict.fromkeys(("county", "place", "host", "organizer", "leader", "phone", "summary"), SECRET)
    listed = [a | texts | {"name": f"讲座{SECRET}"} for a in figures["activities"]]
    facts = {"used": [f"指标{MOBILE}", f"明细{IDENTITY}"], "columns": {"total": "D"}}
    more: dict[str, Any] = {"at": NOW + timedelta(minutes=seed)}
    file(
        services, campaign, "6501", Kind.STATISTICS, f"秘密{seed}{MOBILE}.xlsx", content,
        figures=figures | {"activities": listed}, facts=facts, findings=findings(), **more,
    )  # fmt: skip
    file(services, campaign, "6501", Kind.REPORT, f"秘密{seed}{MOBILE}.docx", report(), findings=findings(), **more)
    photo = make_photo(seed, "乌鲁木齐市", (640, 427))
    file(services, campaign, "6501", Kind.PHOTO, f"秘密{seed}{MOBILE}.jpg", photo, findings=findings(), **more)
    press = f"秘密{seed}{MOBILE}.txt"
    told = {"title": f"报道{SECRET}秘密材料.docx", "medium": f"{SECRET}日报", "date": "2023-05-21", "level": MOBILE}
    links = ("https://news.cn/1.html", f"https://news.cn/{MOBILE}", "https://news.cn/?m=138****5678", "")
    coverage = {"coverage": [told | {"link": link} for link in links]}
    file(services, campaign, "6501", Kind.PRESS, press, b"x", findings=findings(), facts=coverage, **more)


def findings() -> list[Finding]:
    where: Any = {"sheet": f"指标{MOBILE}", "cell": "D5", "member": "秘密.xlsx"}
    said = f"活动“讲座{SECRET}”与“秘密照片.jpg”不符"
    return [
        warning("statistics.crowd", said, observed=SECRET, expected="秘密.xlsx", where=where),
        warning("file.personal_numbers", "文字里有手机号码（138****5678）", observed="张三138****5678", where=where),
        warning("photo.same", "看上去与已接收的“秘密照片.jpg”是同一张照片"),
    ]


def report() -> bytes:
    document, raw = docx.Document(), io.BytesIO()
    for line in TEXT.split("\n"):
        document.add_paragraph(line)
    document.save(raw)
    return raw.getvalue()


def text_of(content: bytes) -> str:
    """Return all that a file holds, of a package each member without its marks and in a chart's workbook, too."""
    if not content.startswith(b"PK"):
        return content.decode()
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        members = [package.read(n) for n in package.namelist() if n.endswith((".xml", ".xlsx"))]
    return "\n".join(text_of(m) if m.startswith(b"PK") else re.sub("<[^>]*>", "\n", m.decode()) for m in members)
