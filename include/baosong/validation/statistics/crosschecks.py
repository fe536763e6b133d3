"""The checks that span cells, tables or the file and its folder: one function a test, named by the form's data.

A test looks only at values that could be read; a cell that is missing or unreadable has its own finding already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from baosong.campaign import Campaign, Prefecture
from baosong.campaign.form import CrossCheck, Indicator
from baosong.rules.findings import Finding, Where
from baosong.validation.statistics.cells import address
from baosong.validation.statistics.numbers import plain
from baosong.validation.statistics.values import AMOUNTS, Values, shown

AMOUNT_WORDS = {"total": "合计", "offline": "线下", "online": "线上"}
_INNER_QUOTES = str.maketrans("“”", "‘’")
MANY_FIGURES = 8  # fewer large figures than this may all be round by chance

Said = tuple[Where, dict[str, Any]]
Test = Callable[["Job"], Iterator[Said]]


class Job:
    """What a test works on: its entry in the form, the values, and whose sheet it should be."""

    def __init__(self, check: CrossCheck, values: Values, campaign: Campaign, prefecture: Prefecture | None) -> None:
        self.check, self.values, self.campaign, self.prefecture = check, values, campaign, prefecture
        self.form = campaign.form

    def amount(self, code: str | None, column: str = "total") -> Decimal | None:
        """Return an indicator's figure, None if it is not on the sheet or could not be read."""
        return self.values.indicators.get(code or "", {}).get(column)

    @property
    def indicator(self) -> Indicator:
        """Return the indicator that the check names."""
        return self.form.by_code[self.check.indicator or ""]

    @property
    def limit(self) -> Decimal:
        """Return the check's threshold."""
        return self.check.limit or Decimal(0)

    def column(self, field: str) -> list[Any]:
        """Return a column of the activity list, all None where the sheet has none."""
        return self.values.activities.get(field) or [None] * len(self.values.reading.activity_rows)

    def sums(self, field: str) -> Decimal | None:
        """Return the sum of a column of the activity list; None if a cell of it could not be read."""
        texts, figures = self.values.activity_text.get(field), self.values.activities.get(field)
        if texts is None or figures is None or any(v is None for v in figures):
            return None
        return sum(figures, Decimal(0))


def run(values: Values, campaign: Campaign, prefecture: Prefecture | None) -> list[Finding]:
    """Return what the form's cross checks find."""
    found: list[Finding] = []
    for check in (c for c in campaign.form.checks if c.test in TESTS):  # the others need the ledger
        job = Job(check, values, campaign, prefecture)
        for where, words in TESTS[check.test](job):
            found.append(worded(check, where, words))
    return found


def worded(check: CrossCheck, where: Where, words: dict[str, Any]) -> Finding:
    """Return the finding of a check, in the form's wording, about what a test found."""
    said = {name: plain(word) if isinstance(word, Decimal) else str(word) for name, word in words.items()}
    message, expected, fix = (_Words(said).fill(text) for text in (check.message, check.expected, check.fix))
    return Finding(check.rule, check.severity, message, where, said.get("found", ""), expected, fix)


class _Words(dict[str, str]):
    """The words a test offers to the wording; what it does not offer is left blank."""

    def __missing__(self, name: str) -> str:
        return ""

    def fill(self, text: str) -> str:
        return text.format_map(self)


def _rows(job: Job) -> Iterator[Said]:
    """X01: the indicator is the number of activities listed."""
    found, rows = job.amount(job.check.indicator), len(job.values.reading.activity_rows)
    if found is not None and job.values.tables.activities is not None and found != rows:
        yield _of(job, job.indicator, "total"), {"label": job.indicator.title, "found": found, "expected": rows}


def _part(job: Job) -> Iterator[Said]:
    """X02, X05: no 其中 is larger than its whole; without an indicator, all wholes that no other check names."""
    named = {c.indicator for c in job.form.checks if c.test == "part" and c.indicator}
    wholes = {i.part_of for i in job.form.indicators.rows if i.part_of}
    for whole in sorted({job.check.indicator} if job.check.indicator else wholes - named):
        for part in job.form.parts_of(whole):
            for amount in AMOUNTS:
                yield from _exceeds(job, job.form.by_code[whole], part, amount)
    if job.check.indicator is None:
        yield from _amount_exceeds_total(job)


def _exceeds(job: Job, whole: Indicator, part: Indicator, amount: str) -> Iterator[Said]:
    limit, found = job.amount(whole.code, amount), job.amount(part.code, amount)
    if limit is not None and found is not None and found > limit:
        words = AMOUNT_WORDS[amount]
        yield _of(job, part, amount), {
            "label": f"{part.title}的{words}", "whole": f"{whole.title}的{words}", "found": found, "limit": limit,
        }  # fmt: skip


def _amount_exceeds_total(job: Job) -> Iterator[Said]:
    """Yield each 其中：线下 or 其中：线上 above its own 合计, but for those whose sum is checked anyway."""
    split = {c.indicator for c in job.form.checks if c.test == "split"}
    for spec in job.form.indicators.rows:
        total = job.amount(spec.code)
        for amount in ("offline", "online"):
            found = job.amount(spec.code, amount)
            if spec.code not in split and total is not None and found is not None and found > total:
                yield _of(job, spec, amount), {
                    "label": f"{spec.title}的{AMOUNT_WORDS[amount]}", "whole": f"{spec.title}的合计",
                    "found": found, "limit": total,
                }  # fmt: skip


def _sum(job: Job) -> Iterator[Said]:
    """X03, X05: the kinds add up to their total; without an indicator, all totals that no other check names."""
    named = {c.indicator for c in job.form.checks if c.test == "sum" and c.indicator}
    wholes = {i.adds_to for i in job.form.indicators.rows if i.adds_to}
    for whole in sorted({job.check.indicator} if job.check.indicator else wholes - named):
        kinds = job.form.kinds_of(whole)
        found, figures = job.amount(whole), [job.amount(k.code) for k in kinds]
        if found is None or all(f is None for f in figures):
            continue
        added = sum((f for f in figures if f is not None), Decimal(0))
        if added != found:
            parts = f"{kinds[0].code} 至 {kinds[-1].code} "
            yield _of(job, job.form.by_code[whole], "total"), {
                "label": job.form.by_code[whole].title, "parts": parts, "found": found, "expected": added,
                "difference": abs(added - found),
            }  # fmt: skip


def _split(job: Job) -> Iterator[Said]:
    """X04: 线下 and 线上 add up to 合计."""
    code = job.check.indicator
    total, offline, online = (job.amount(code, a) for a in AMOUNTS)
    if total is None or (offline is None and online is None):
        return
    added = (offline or Decimal(0)) + (online or Decimal(0))
    if added != total and not _unread(job, code, "offline", "online"):
        yield _of(job, job.indicator, "total"), {
            "label": job.indicator.title, "found": total, "expected": added, "difference": abs(total - added),
        }  # fmt: skip


def _unread(job: Job, code: str | None, *amounts: str) -> bool:
    """Return whether a cell holds something that could not be read."""
    texts, figures = job.values.indicator_text.get(code or "", {}), job.values.indicators.get(code or "", {})
    return any(texts.get(a) is not None and figures.get(a) is None for a in amounts)


def _list_sum(job: Job) -> Iterator[Said]:
    """X04: the indicator is the sum of the list, for 线下, 线上 and both together."""
    offline, online = job.sums("offline"), job.sums("online")
    if not job.values.reading.activity_rows or offline is None or online is None:
        return
    for amount, expected in (("total", offline + online), ("offline", offline), ("online", online)):
        found = job.amount(job.check.indicator, amount)
        if found is not None and found != expected:
            yield _of(job, job.indicator, amount), {
                "label": f"{job.indicator.title}的{AMOUNT_WORDS[amount]}", "found": found, "expected": expected,
                "difference": abs(found - expected),
            }  # fmt: skip


def _date_order(job: Job) -> Iterator[Said]:
    """X06: no activity ends before it starts."""
    for index, start, end in _spans(job):
        if start and end and end < start:
            yield _at(job, index, "end"), {"name": _name(job, index), "found": end, "limit": start}


def _window(job: Job) -> Iterator[Said]:
    """X06: activities lie in the campaign's days."""
    window = job.campaign.window
    expected = f"{window.start.isoformat()} 至 {window.end.isoformat()}"
    for index, start, end in _spans(job):
        for field, day in (("start", start), ("end", end)):
            if day and not window.start <= day <= window.end:
                yield _at(job, index, field), {"name": _name(job, index), "found": day, "expected": expected}


def _spans(job: Job) -> Iterator[tuple[int, date | None, date | None]]:
    starts, ends = job.column("start"), job.column("end")
    return zip(range(len(starts)), starts, ends, strict=True)


def _duplicate(job: Job) -> Iterator[Said]:
    """X07: no two rows have the same name, first day and place."""
    seen: dict[tuple[Any, ...], int] = {}
    rows = zip(job.column("name"), job.column("start"), job.column("place"), strict=True)
    for index, (name, start, place) in enumerate(rows):
        if not name or not start:
            continue
        same = seen.setdefault((name, start, place or ""), index)
        if same != index:
            other = f"第 {job.values.reading.activity_rows[same] + 1} 行"
            yield _at(job, index, "name"), {"name": _name(job, index), "found": _name(job, index), "other": other}


def _crowd(job: Job) -> Iterator[Said]:
    """X08: nobody counts that many people at one place."""
    for index, found in enumerate(job.values.activities.get("offline", [])):
        if found is not None and found > job.limit:
            yield _at(job, index, "offline"), {"name": _name(job, index), "found": found, "limit": job.limit}


def _form_mismatch(job: Job) -> Iterator[Said]:
    """X09: 线下 has no people online, 线上 none on the spot, and both have both."""
    forms = dict(zip(job.form.by_field["form"].choices, ({"offline"}, {"online"}, {"offline", "online"}), strict=False))
    rows = zip(job.column("form"), job.column("offline"), job.column("online"), strict=True)
    for index, (form, offline, online) in enumerate(rows):
        if form not in forms or offline is None or online is None or not (offline or online):
            continue
        for field, found in (("offline", offline), ("online", online)):
            if (found > 0) != (field in forms[form]):
                words = {"name": _name(job, index), "label": job.form.by_field[field].label, "found": found}
                expected = "大于 0" if field in forms[form] else "0"
                yield _at(job, index, field), {**words, "limit": form, "expected": expected}


def _no_people(job: Job) -> Iterator[Said]:
    """X10: an activity has people."""
    for index in range(len(job.values.reading.activity_rows)):
        if job.values.activity(index, "offline") == 0 and job.values.activity(index, "online") == 0:
            yield _at(job, index, "offline"), {"name": _name(job, index), "found": 0}


def _idle(job: Job) -> Iterator[Said]:
    """X10: where there were activities there were people."""
    activities = len(job.values.reading.activity_rows)
    if activities and job.amount(job.check.indicator) == 0:
        words = {"label": job.indicator.title, "parts": "“活动明细”", "found": activities}
        yield _of(job, job.indicator, "total"), words


def _money_unit(job: Job) -> Iterator[Said]:
    """X11: 万元 or 元?"""
    found = job.amount(job.check.indicator)
    if found is not None and found >= job.limit:
        yield _of(job, job.indicator, "total"), {"label": job.indicator.title, "found": found, "limit": job.limit}


def _prefecture(job: Job) -> Iterator[Said]:
    """X13: the sheet is of the prefecture in whose area it lies; the last name in the text is the nearest one."""
    text, sheet, row, column = job.values.reading.signatures.get("unit", ("", None, 0, 0))
    if job.prefecture is None or not text or sheet is None:
        return
    named = named_prefecture(text, job.campaign)
    if named is not None and named.code != job.prefecture.code:
        words = {"found": shown(text), "name": job.prefecture.name, "expected": job.prefecture.name}
        yield Where(sheet=sheet.name, cell=address(row, column)), words


def named_prefecture(text: str, campaign: Campaign) -> Prefecture | None:
    """Return the prefecture that a text names last: 伊犁哈萨克自治州塔城地区科技局 is 塔城地区's."""
    squeezed = "".join(text.split())
    found = [
        (squeezed.rfind(name) + len(name), len(name), p)
        for p in campaign.prefectures
        for name in (p.name, *p.aliases)
        if name in squeezed
    ]
    return max(found, key=lambda f: f[:2])[2] if found else None


def _signature(job: Job) -> Iterator[Said]:
    """X16: the sheet is signed."""
    table = job.values.tables.indicators
    if table is None:
        return
    for column in job.form.signatures:
        text, sheet, row, at = job.values.reading.signatures.get(column.name, ("", table.sheet, 0, 0))
        if column.required and not text.strip(" _—-/　"):
            label = column.label.replace("（盖章）", "")
            yield Where(sheet=sheet.name, cell=address(row, at)), {"label": label, "found": "空"}


def _round(job: Job) -> Iterator[Said]:
    """X17: real counts are not all round."""
    large = [
        (spec, value)
        for spec in job.form.indicators.rows
        if spec.type == "integer" and (value := job.amount(spec.code)) is not None and value >= job.limit
    ]
    if len(large) >= MANY_FIGURES and all(value % job.limit == 0 for _, value in large):
        yield _of(job, large[0][0], "total"), {"found": len(large), "limit": job.limit}


def _of(job: Job, spec: Indicator, amount: str) -> Where:
    return job.values.indicator_where(spec.code, amount)


def _at(job: Job, index: int, field: str) -> Where:
    return job.values.activity_where(index, field)


def _name(job: Job, index: int) -> str:
    """Return an activity's name fit to stand in quotation marks."""
    return shown(job.values.activity(index, "name") or "").translate(_INNER_QUOTES)


TESTS: dict[str, Test] = {
    "rows": _rows,
    "part": _part,
    "sum": _sum,
    "split": _split,
    "list_sum": _list_sum,
    "date_order": _date_order,
    "window": _window,
    "duplicate": _duplicate,
    "crowd": _crowd,
    "form_mismatch": _form_mismatch,
    "no_people": _no_people,
    "idle": _idle,
    "money_unit": _money_unit,
    "prefecture": _prefecture,
    "signature": _signature,
    "round": _round,
}
