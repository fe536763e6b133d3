"""What an edition of the walk must say: its sentences, tables and lists, made from the recount alone."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any

import docx

from baosong.rules.catalogue import known_title
from baosong.rules.findings import Kind
from demo_region import AGAIN, CORRECTED, DEADLINE, FINAL, INTERIM, Walk
from editions import BOOK, WORD, Told, book_of, files_of, told_by_word
from recount import PARTS, Region, day, days, grouped, half_up, percent, spoken
from told_days import day_changes, of_days
from told_lists import of_lists
from told_press import of_press
from told_reports import of_reports, wanting

TITLE, MONTHS = "2023年自治区科技活动周", {"interim": INTERIM, "v1": FINAL, "v2": AGAIN}
MOST_LISTED = 100  # activities of the annex: of more, the major ones
NAMES = ("interim", "v1", "v2")
SUMS, KINDS, PRESS = ("A01", "B01"), [f"A{n:02d}" for n in range(3, 12)], ["D02", "D03", "D04"]
IN_WORDS = {part: head.removeprefix("其中：") for head, part in PARTS.items()}


class Edition:
    """One edition, and what it must say."""

    def __init__(self, walk: Walk, name: str) -> None:
        self.name, self.walk, self.at = name, walk, MONTHS[name]
        self.region, self.post = walk.region(name), walk.post(name)
        self.files = files_of(walk.services, walk.prefixes[name])
        self.word: Told = told_by_word(self.files[WORD])
        self.book, self.results = book_of(self.files[BOOK]), book_of(self.files[BOOK], results=True)
        self.missing = [n for code, n in walk.places.items() if not self.post.complete(code)]

    @property
    def changes(self) -> list[tuple[str, str, str, str, str]]:
        before = self.walk.region("v1")
        found = [*self.region.changes(before), *day_changes(before, self.region)]
        return sorted(found) if self.name == "v2" else []


# Numbers of annexes, lines and pieces of a table, what the template says of its own rounding, and the title.
NO_FIGURE = rf"^附件[1-5]$|^(附件：|　+)?\d+\. |（[1-4]/4）$|不等于100%|{TITLE}"


def phrases(e: Edition) -> Iterator[str]:
    yield "于2023年5月20日至2023年5月31日举办"
    yield f"报送截止时间为{day(DEADLINE)}24:00"
    if not e.missing:
        at = f"统计截至{day(e.at)}{e.at.hour}时{e.at.minute:02d}分"
        yield f"{at}，应报14个地州市，已计入{len(e.region.sheets)}个的统计表"
    yield f"{day(e.at)}{e.at.hour}时{e.at.minute:02d}分之前接收的材料计入本稿"
    yield f"自治区科学技术厅\n{day(e.at)}"
    yield from of_figures(e.region)
    yield from of_days(e.region)
    yield from of_lists(e.region)
    yield from of_post(e)
    yield from of_reports(e)
    yield from of_press(e)
    yield from of_versions(e)


def of_figures(r: Region) -> Iterator[str]:
    def said(code: str, part: str = "total") -> str:
        return spoken(r.total(code, part), r.indicators[code][1])

    def of(part: str, whole: str) -> str:
        return f"占{percent(r.total(part), r.total(whole))}"

    def lead(code: str) -> list[str]:
        ranks = r.ranks(code)
        return sorted((p for p, rank in ranks.items() if rank <= 3), key=lambda p: ranks[p])

    def even(code: str) -> bool:
        values = sorted((r.value(p, code) or Decimal(0) for p in r.sheets), reverse=True)
        alone = values[0] > values[1] and values[-1] < values[-2]
        return alone and 0 < values[0] < 2 * values[-1]

    def again(code: str) -> bool:
        return code != "A01" and len(lead("A01")) == 3 and not even("A01") and lead("A01") == lead(code)

    def first(code: str) -> str:
        ranks = r.ranks(code)
        assert not even(code), "is told otherwise"
        assert max(r.value(p, code) or 0 for p in r.sheets) * 2 < r.total(code), "that, too"
        best = sorted((p for p, rank in ranks.items() if rank <= 3), key=lambda p: ranks[p])
        unit = r.indicators[code][1]
        told = [(r.places[p], v, percent(v, r.total(code))) for p in best if (v := r.value(p, code))]
        whole = percent(sum(v for _, v, _ in told), r.total(code))
        near = "，相对集中" if sum(v for _, v, _ in told) * 2 >= r.total(code) else ""
        listed = "、".join(f"{name}（{spoken(v, unit)}，占{part}）" for name, v, part in told)
        if code != "A01" and len(lead("A01")) == len(lead(code)) == 3 and not even("A01") and not again(code):
            if set(lead("A01")) == set(lead(code)):
                return f"居前三位的与{r.indicators['A01'][0]}相同，依次是：{listed}，合计占{whole}{near}。"
            if lead("A01")[0] == best[0]:
                one, two, three = listed.split("、")
                return f"仍以{one}最多，其次是{two}、{three}，合计占{whole}{near}。"
        return f"居前三位的{'仍' if again(code) else ''}是：{listed}，合计占{whole}{near}。"

    def kinds(codes: list[str], whole: str) -> str:
        shown = sorted((c for c in codes if r.total(c)), key=lambda c: (r.indicators[c][0] == "其他", -r.total(c)))
        return "，".join(f"{r.indicators[c][0]}{said(c)}（{of(c, whole)}）" for c in shown) + "。"

    def most() -> list[str]:
        named = sorted((c for c in KINDS if r.indicators[c][0] != "其他"), key=lambda c: -r.total(c))
        return [c for c in named if r.total(c) >= r.total(named[2])]

    def leading() -> str:
        assert sum(bool(r.total(c)) for c in KINDS) > 4 >= len(most()), "or the sentence is another"
        return "、".join(f"{r.indicators[c][0]}{said(c)}" for c in most())

    online, offline = (
        f"{said('B01', p)}，占{percent(r.total('B01', p), r.total('B01'))}" for p in ("online", "offline")
    )
    yield f"共举办活动{said('A01')}，其中重大示范活动{said('A02')}，{of('A02', 'A01')}；"
    yield f"参与公众{said('B01')}，其中青少年{said('B02')}，{of('B02', 'B01')}；"
    yield f"参与科技工作者和专家{said('B03')}；发放科普资料{said('C01')}；媒体报道{said('D01')}；"
    yield f"投入活动经费{said('E01')}。"
    yield f"组织参与科技工作者和专家{said('B03')}，其中科技特派员{said('B04')}；"
    yield f"开放科研机构、高校、科普场馆和基地{said('A12')}；展出展板{said('C02')}、展品{said('C03')}；"
    yield f"出动科普大篷车等车辆{said('C04')}。"
    yield f"按类别分，{leading()}居前，合占{percent(sum(r.total(c) for c in most()), r.total('A01'))}。"
    yield f"平均每个地州市举办活动{spoken(r.total('A01') / len(r.sheets), '项')}。"
    yield f"活动数{first('A01')}"
    yield f"参与公众{said('B01')}，其中线下{offline}；线上{online}。平均每项活动{per(r, 'B01')}。"
    yield f"参与人次{first('B01')}"
    yield f"各级媒体报道{said('D01')}，其中{kinds(PRESS, 'D01')}"
    yield f"报道数量{first('D01')}"
    yield f"发放科普资料{said('C01')}，报送照片{said('F01')}、视频{said('F02')}。"
    yield f"投入活动经费{said('E01')}，其中财政经费{said('E02')}，{of('E02', 'E01')}。平均每项活动{per(r, 'E01')}。"
    yield f"经费投入{first('E01')}"
    listed = len(r.activities)
    shown = len(activities(r))
    yield f"共{listed}项活动" + ("。" if listed <= MOST_LISTED else f"，篇幅所限只列重大示范活动{shown}项")


def per(r: Region, code: str) -> str:
    """Say how much of an indicator falls to one activity: whole from ten on."""
    mean = r.total(code) / r.total("A01")
    return spoken(mean if mean < 10 else half_up(mean, "1"), r.indicators[code][1])


def of_post(e: Edition) -> Iterator[str]:
    post, places = e.post, e.walk.places
    names = {d.kind: d.name for d in e.walk.campaign.deliverables}
    counts = {kind: sum(len(post.counted(code, kind)) for code in places) for kind in names}
    on_time = sum(post.complete(c) and post.on_time(c) for c in places)
    late = [name for c, name in places.items() if post.complete(c) and not post.on_time(c)]
    back = [c for c in places if post.rejected(c)]
    yield f"已报齐全部材料的地州市{14 - len(e.missing)}个，其中按时报齐{on_time}个，占应报数的{percent(on_time, 14)}"
    if late:
        yield f"；迟报{len(late)}个：{'、'.join(late)}。"
    yield f"共接收材料{sum(counts.values())}个，其中{'、'.join(f'{names[k]}{n}个' for k, n in counts.items())}。"
    yield f"经校验退回{sum(map(post.rejected, back))}个文件，涉及{len(back)}个地州市，"
    told = doubts(e)
    if told:
        named = [n for n in places.values() if n in {name for name, *_ in told}]
        by_kind = Counter(names[kind] for _, kind, *_ in told)
        kinds = "其中" + "、".join(f"{kind}{n}处" for kind, n in by_kind.most_common())
        kinds = f"均在{next(iter(by_kind))}" if len(by_kind) == 1 else kinds
        yield f"校验中提请核实{len(told)}处，涉及{len(named)}个地州市（{'、'.join(named)}），{kinds}。"
    else:
        yield f"已接收的{sum(counts.values())}个材料没有需要提请核实的数据。"
    sorts: dict[str, list[tuple[str, str]]] = {}
    for name, _, said in told:
        sorts.setdefault(said["rule"], []).append((name, said["message"]))
    for rule, some in sorts.items():
        yield from of_doubts(known_title(rule), some)


def of_doubts(called: str, some: list[tuple[str, str]]) -> Iterator[str]:
    """Yield one sentence for each of a few doubts of a sort, or one for all of them."""
    if len(some) <= 4:
        yield from (f"{name}：{as_printed(message)}" for name, message in some)
        return
    by = Counter(name for name, _ in some)
    assert len(by) <= 4, "the demonstration has no more"
    each = "、".join(f"{name}{n}处" for name, n in by.most_common())
    yield f"{called}{len(some)}处：{each}。" if len(by) > 1 else f"{called}{len(some)}处，都在{next(iter(by))}。"


def as_printed(message: str) -> str:
    """Return a receipt's sentence without codes of indicators, and without spaces beside numbers but in quotations."""
    pieces = re.split("(“.*?”)", re.sub("[A-F][0-9][0-9](?=“)", "", message))
    plain = [p if p.startswith("“") else re.sub("([一-鿿]) (?=[0-9])|([0-9]) (?=[一-鿿])", r"\1\2", p) for p in pieces]
    return "".join(plain)


def of_versions(e: Edition) -> Iterator[str]:
    if e.missing:
        yield f"本稿为中期稿，统计截至{day(e.at)}{e.at.hour}时{e.at.minute:02d}分。"
        names = "、".join(e.missing)
        yield f"应报的14个地州市中，尚有{len(e.missing)}个材料未报齐：{names}；其中{wanting(e)}。"
        yield f"以下各项数据只包括已计入统计表的{len(e.region.sheets)}个地州市，"
        out = [name for code, name in e.walk.places.items() if code not in e.region.sheets]
        yield f"下列{len(out)}个地州市的统计表尚未计入：{'、'.join(out)}。"
    if e.name == "v2":
        yield f"本稿为第2版。与第1版相比，有{len(e.changes)}个数据发生变化，"
        yield f"{e.walk.places[CORRECTED]}重新报送统计表。"
    else:
        yield "本稿为第1版。"


def doubts(e: Edition) -> list[tuple[str, Kind, dict[str, Any]]]:
    """Return (place, kind, finding) of every warning about figures that the receipts give to a file that counts."""
    found = []
    for stored in e.walk.services.storage.list("outbox"):
        if not stored.key.endswith(".json"):
            continue
        receipt = json.loads(e.walk.services.storage.read("outbox", stored.key))
        code = receipt["prefecture"]["code"]
        for file in receipt["files"]:
            kind = Kind(file["deliverable"])
            counted = [d.path.read_bytes() for d in e.post.counted(code, kind) if d.path.name == file["file"]]
            if file["sha256"] in {sha256(content).hexdigest() for content in counted}:
                found += [(e.walk.places[code], kind, f) for f in file["findings"] if is_doubt(f)]
    return found


def is_doubt(finding: dict[str, Any]) -> bool:
    """Whether leaders are told of it: only what is said of figures is theirs to know."""
    formal = ("hidden_sheet", "hidden_cells", "old_template", "unit_unclear", "external_links")
    about = finding["rule"].startswith("statistics.") and not finding["rule"].endswith(formal)
    return finding["severity"] == "warning" and (about or finding["rule"] == "report.sheet_differs")


def is_quoted(e: Edition, text: str) -> bool:
    """Whether a paragraph is a sentence out of a prefecture's report, word for word, with the report's name."""
    quote = re.fullmatch(r"(.+?)：“(.+)”（摘自《(.+)》）", text)
    if not quote:
        return False
    code = next(c for c, name in e.walk.places.items() if name == quote[1])
    (report,) = e.post.counted(code, Kind.REPORT)
    said = quote[2].removesuffix("……").translate(str.maketrans("‘’", "“”"))  # inner marks within ours
    assert said in "\n".join(p.text for p in docx.Document(str(report.path)).paragraphs)
    assert quote[3] == f"{quote[1]}总结报告"
    return True


def punctuality(e: Edition) -> list[list[str]]:
    rows = []
    for code, name in e.walk.places.items():
        counts = [len(e.post.counted(code, d.kind)) for d in e.walk.campaign.deliverables]
        timely = ("按时" if e.post.on_time(code) else "迟报") if e.post.complete(code) else "未报齐"
        shown = [str(n) if n else "已退回" for n in counts]
        rows.append([name, *shown, timely, str(e.post.rejected(code)), str(e.post.replaced(code))])
    return rows


def kinds_of(r: Region) -> list[list[str]]:
    codes = [*KINDS, "A01"]
    return [
        [r.indicators[c][0], grouped(r.total(c), c), r.indicators[c][1], percent(r.total(c), r.total("A01"))]
        for c in codes
    ]


def ranking(r: Region) -> list[list[str]]:
    rows = []
    for place, name in r.places.items():
        row = [name]
        for code in SUMS:
            v, rank = r.value(place, code), r.ranks(code).get(place)
            row += ["—"] * 3 if v is None else [grouped(v, code), percent(v, r.total(code)), str(rank)]
        rows.append(row)
    sums = [cell for code in SUMS for cell in (grouped(r.total(code), code), "100.0%", "—")]
    return [*rows, ["合计", *sums]]


def indicators(e: Edition) -> dict[tuple[str, str], str]:
    shown = {}
    for code, (name, unit) in e.region.indicators.items():
        head = f"{name}（{unit}）"
        for place, said in e.walk.places.items():
            label = said + ("" if place in e.region.sheets else "（未计入）")
            shown[label, head] = grouped(e.region.value(place, code), code)
        shown["合计", head] = grouped(e.region.total(code), code)
    return shown


def activities(r: Region) -> list[list[str]]:
    rows = [
        [
            str(n), r.places[code], a["活动名称"], a["活动类别"], days(a["开始日期"], a["结束日期"]), a["举办地点"],
            f"{a['线下人次']:,}", f"{a['线上人次']:,}",
        ]
        for n, (code, _, a) in enumerate(r.activities, start=1)
        if len(r.activities) <= MOST_LISTED or a["是否重大示范"] == "是"
    ]  # fmt: skip
    return rows[:MOST_LISTED]


def changed(e: Edition) -> list[list[str]]:
    return [[place, what(e, code, part), grouped(a, code), grouped(b, code)] for place, code, part, a, b in e.changes]


def what(e: Edition, code: str, part: str) -> str:
    name, unit = e.region.indicators.get(code, (code, ""))
    return name + (f"（{unit}）" if unit else "") + ("" if part == "total" else f"（{IN_WORDS[part]}）")
