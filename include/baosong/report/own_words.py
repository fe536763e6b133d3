"""What prefectures' own reports add: typical cases, and how many of them write of which problems and plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from baosong.report.excerpt import Passages, clean_line, lot, whole_sentences
from baosong.rules.findings import Kind

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.campaign.form import Form

_MOST_CASES, _MOST_TOPICS, _MOST_NAMED = 4, 4, 4
_INNER = str.maketrans("“”", "‘’")


def own_words(campaign: Campaign, read: Mapping[str, Passages]) -> dict[str, Any]:
    """Return the values that a template may use; `read` has passages by prefecture."""
    words, names = campaign.form.reports, {p.code: p.name for p in campaign.prefectures}
    in_order = {names[code]: read[code] for code in names if code in read}
    problems = {name: passages["problems"] for name, passages in in_order.items()}
    plans = {name: passages["plans"] for name, passages in in_order.items()}
    kind = campaign.deliverable(Kind.REPORT).name
    cases = list(_cases(campaign, in_order))
    quoted = {name for name, _ in cases}
    problem = _in_own_words(campaign.id, words.problems, problems, quoted)
    plan = _in_own_words(campaign.id, words.plans, plans, quoted | {problem[0]})
    return {
        "份数": len(in_order),
        "案例": [{"地州市": name, "摘录": _inner(said), "出处": f"摘自《{name}{kind}》"} for name, said in cases],
        "有节录": any(said.endswith("……") for _, said in cases),
        "问题": "；".join(_topics(words.problems, problems)),
        "问题原文": _quote(problem, len(in_order)),
        "打算": "；".join(_topics(words.plans, plans)),
        "打算原文": _quote(plan, len(in_order)),
    }


def _cases(campaign: Campaign, read: Mapping[str, Passages]) -> Iterator[tuple[str, str]]:
    """Yield the best sentences, each from another prefecture and of another kind, the liveliest first."""
    ranked = sorted(
        (-score, lot(campaign.id, name, said), name, said) for name, p in read.items() for score, said in p["cases"]
    )
    places, kinds = set[str](), set[str]()
    for _, _, name, said in ranked:
        kind = _kind(campaign.form, said)
        if name not in places and kind not in kinds and len(places) < _MOST_CASES:
            places.add(name)
            kinds.add(kind)
            yield name, said


def _inner(text: str) -> str:
    """Return a text as it stands between quotation marks: its own marks become the inner ones (GB/T 15834)."""
    return clean_line(text).translate(_INNER)


def _kind(form: Form, text: str) -> str:
    """Return the category or else the theme of which a text holds a word; "" if none."""
    category = form.by_field["category"].words if "category" in form.by_field else {}
    groups = [*category.items(), *form.activities.themes.items()]
    return next((name for name, words in groups if any(word in text for word in words)), "")


def _topics(words: Mapping[str, tuple[str, ...]], told: Mapping[str, str]) -> Iterator[str]:
    """Yield who wrote of which topics, the most frequent first; what the same prefectures wrote of is said at once."""
    by: dict[tuple[str, ...], list[str]] = {}
    for topic, some in words.items():
        by.setdefault(tuple(name for name, text in told.items() if any(w in text for w in some)), []).append(topic)
    for names, topics in sorted(by.items(), key=lambda item: -len(item[0]))[:_MOST_TOPICS]:
        if names:
            yield f"{_who(names, len(told))}写到{'、'.join(topics)}"


def _in_own_words(
    campaign: str, words: Mapping[str, tuple[str, ...]], told: Mapping[str, str], quoted: set[str]
) -> tuple[str, str]:
    """Return who wrote the sentence on the topic of which fewest wrote, and the sentence; "" where none is whole.

    The topics just counted read alike from year to year; what one prefecture alone writes does not. Among equals it is
    somebody who has not been quoted yet.
    """
    of = {topic: sum(any(w in text for w in some) for text in told.values()) for topic, some in words.items()}
    ranked = [
        (min(of[topic] for topic in held), -len(held), name in quoted, lot(campaign, name, said), name, said)
        for name, text in told.items()
        for said in whole_sentences(text)
        if (held := [topic for topic, some in words.items() if any(w in said for w in some)])
    ]
    *_, name, said = min(ranked, default=("", ""))
    return name, said


def _quote(told: tuple[str, str], reports: int) -> str:
    name, said = told
    return f"{name if reports > 1 else '原文'}写道：“{_inner(said)}”" if said else ""


def _who(names: tuple[str, ...], of: int) -> str:
    if len(names) == of > 1:
        return f"{of}个地州市都"
    if len(names) <= _MOST_NAMED:
        return "、".join(names)
    return f"{'、'.join(names[:_MOST_NAMED])}等{len(names)}个地州市"
