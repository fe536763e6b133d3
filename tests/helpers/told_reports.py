"""What a report must tell of prefectures' own reports, of what is wanting and of the opening, recounted by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import docx
import yaml

from baosong.rules.findings import Kind
from baosong.store.settings import PROJECT
from recount import spoken

if TYPE_CHECKING:
    from expected import Edition

_FORM = PROJECT / "include" / "campaigns" / "forms" / "2023.yaml"
MAIN = "6502"


def of_reports(e: Edition) -> Iterator[str]:
    """Yield the sentences with figures of the opening, the cases, the problems and the plans."""
    r, places, post = e.region, e.walk.places, e.post
    yield f"主场启动仪式于5月20日在{places[MAIN]}举办。"
    if MAIN in r.sheets:
        held, came = (
            spoken(r.value(MAIN, code) or r.total("A01") * 0, unit) for code, unit in (("A01", "项"), ("B01", "人次"))
        )
        yield f"主场所在的{places[MAIN]}举办活动{held}，参与公众{came}。"
    reports = {name: d.path for code, name in places.items() for d in post.counted(code, Kind.REPORT)}
    chapters = {name: _chapters(docx.Document(str(path))) for name, path in reports.items()}
    cases = sum("（摘自《" in text for text in e.word.texts)
    assert 2 <= cases <= 4
    yield f"以下{cases}例选自{len(reports)}份总结报告，"
    yield from _of_post(e)
    yield from _nothing(e)
    words = yaml.safe_load(_FORM.read_text(encoding="utf-8"))["reports"]
    for head, said, topics in (("不足", "关于不足", words["problems"]), ("下一步", "关于下一步工作", words["plans"])):
        told = {name: "".join(text for title, text in found if head in title) for name, found in chapters.items()}
        by: dict[tuple[str, ...], list[str]] = {}
        for topic, some in topics.items():
            by.setdefault(tuple(n for n, text in told.items() if re.search("|".join(some), text)), []).append(topic)
        lines = [_line(names, by[names], len(reports)) for names in sorted(by, key=lambda n: -len(n))[:4] if names]
        yield f"从{len(reports)}份总结报告{said}的章节看，{'；'.join(lines)}。"


def _line(names: tuple[str, ...], topics: list[str], every: int) -> str:
    who = "、".join(names[:4]) + (f"等{len(names)}个地州市" if len(names) > 4 else "")
    return (f"{every}个地州市都" if len(names) == every else who) + f"写到{'、'.join(topics)}"


def _chapters(document: object) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for paragraph in document.paragraphs:  # type: ignore[attr-defined]
        if re.match("[一二三四五六七八九]、", paragraph.text):
            found.append((paragraph.text, ""))
        elif found:
            found[-1] = (found[-1][0], found[-1][1] + paragraph.text)
    return found


def _of_post(e: Edition) -> Iterator[str]:
    back = {name: e.post.rejected(code) for code, name in e.walk.places.items()}
    late = [c for c in e.walk.places if e.post.complete(c) and not e.post.on_time(c)]
    missing = f"未报齐的有{len(e.missing)}个地州市，" if e.missing else ""
    most = max(back, key=lambda name: back[name])
    alone = list(back.values()).count(back[most]) == 1
    where = f"最多的是{most}（{back[most]}个）" if alone else f"涉及{sum(map(bool, back.values()))}个地州市"
    yield (
        f"材料报送方面，{missing}{f'迟报的有{len(late)}个地州市，' if late else ''}"
        f"经校验退回{sum(back.values())}个文件，{where}。"
    )
    if e.missing:
        yield f"对材料未报齐的{len(e.missing)}个地州市继续催报"
    from expected import doubts

    told = doubts(e)
    named = [name for name in e.walk.places.values() if name in {d[0] for d in told}]
    assert len(named) < len(e.walk.places), "or all are asked without their names"
    whom = "、".join(named) if len(named) <= 4 else f"第九部分所列的{len(named)}个地州市"
    if told:
        yield f"对提请核实的{len(told)}处数据，请{whom}核对，有误的更正后重新报送。"


def wanting(e: Edition) -> str:
    """Say how many have not sent enough of what."""
    needed = [d for d in e.walk.campaign.deliverables if d.required]
    out = {d.name: sum(len(e.post.counted(code, d.kind)) < d.min for code in e.walk.places) for d in needed}
    return "、".join(f"缺{name}的{n}个" for name, n in out.items() if n)


def _nothing(e: Edition) -> Iterator[str]:
    told, counted = [], len(e.region.sheets)
    for code, part, said in (
        ("A02", "total", "重大示范活动"),
        ("B01", "online", "线上参与"),
        ("D02", "total", "中央级媒体报道"),
    ):
        out = [name for p, name in e.walk.places.items() if p in e.region.sheets and not e.region.value(p, code, part)]
        assert len(out) < counted
        if out:
            names = "、".join(out) if len(out) < 5 else "、".join(out[:3]) + "等"
            told.append(f"没有{said}的有{len(out)}个地州市（{names}）")
    if told:
        yield f"活动开展方面，{'；'.join(told)}。"
