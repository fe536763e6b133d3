"""What prefectures' own reports add: typical cases, and how many of them write of which problems and plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from baosong.report.excerpt import Passages, clean_line, whole_sentences
from baosong.rules.findings import Kind

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.campaign.form import Form

_MOST_CASES, _MOST_TOPICS, _MOST_NAMED = 4, 4, 4


def own_words(campaign: Campaign, read: Mapping[str, Passages]) -> dict[str, Any]:
    """Return the values that a template may use; `read` has passages by prefecture."""
    words, names = campaign.form.reports, {p.code: p.name for p in campaign.prefectures}
    in_order = {names[code]: read[code] for code in names if code in read}
    problems = {name: passages["problems"] for name, passages in in_order.items()}
    plans = {name: passages["plans"] for name, passages in in_order.items()}
    kind = campaign.deliverable(Kind.REPORT).name
    cases = list(_cases(campaign.form, in_order))
    return {
        "份数": len(in_order),
        "案例": [{"地州市": name, "摘录": clean_line(said), "出处": f"摘自《{name}{kind}》"} for name, said in cases],
        "有节录": any(said.endswith("……") for _, said in cases),
        "问题": "；".join(_topics(words.problems, problems)),
        "问题原文": _in_own_words(words.problems, problems),
        "打算": "；".join(_topics(words.plans, plans)),
        "打算原文": _in_own_words(words.plans, plans),
    }


def _cases(form: Form, read: Mapping[str, Passages]) -> Iterator[tuple[str, str]]:
    """Yield the best sentences, each from another prefecture and of another kind, the liveliest first."""
    ranked = sorted(
        ((-score, place, name, said) for place, (name, p) in enumerate(read.items()) for score, said in p["cases"]),
        key=lambda c: c[:2],
    )
    places, kinds = set[str](), set[str]()
    for _, _, name, said in ranked:
        kind = _kind(form, said)
        if name not in places and kind not in kinds and len(places) < _MOST_CASES:
            places.add(name)
            kinds.add(kind)
            yield name, said


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


def _in_own_words(words: Mapping[str, tuple[str, ...]], told: Mapping[str, str]) -> str:
    """Return the sentence on the topic of which fewest wrote, with who wrote it; "" where none can be quoted whole.

    The topics just counted read alike from year to year; what one prefecture alone writes does not.
    """
    of = {topic: sum(any(w in text for w in some) for text in told.values()) for topic, some in words.items()}
    ranked = [
        (min(of[topic] for topic in held), -len(held), place, n, name, said)
        for place, (name, text) in enumerate(told.items())
        for n, said in enumerate(whole_sentences(text))
        if (held := [topic for topic, some in words.items() if any(w in said for w in some)])
    ]
    *_, name, said = min(ranked, default=("", ""))
    return f"{name if len(told) > 1 else '原文'}写道：“{said}”" if said else ""


def _who(names: tuple[str, ...], of: int) -> str:
    if len(names) == of > 1:
        return f"{of}个地州市都"
    if len(names) <= _MOST_NAMED:
        return "、".join(names)
    return f"{'、'.join(names[:_MOST_NAMED])}等{len(names)}个地州市"
