"""The statistics form as data: its two tables, the head of signatures, and the checks that span cells.

Template, reader, expectations and consolidation are derived from it: a new indicator is one entry in its YAML file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from baosong.rules.findings import Kind, Severity

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9]{2,3}$")]
Rule = Annotated[str, StringConstraints(pattern=r"^statistics\.[a-z0-9_]+$")]
Width = Annotated[float, Field(gt=0, le=100)]

INDICATOR_COLUMNS = ("number", "name", "unit", "total", "offline", "online", "remark")
"""The required columns of the indicators' table; the form gives their labels."""

ACTIVITY_FIELDS = ("number", "name", "category", "place", "start", "end", "form", "offline", "online")
"""The fields that checks and consolidation read by name; a form may add others."""

SIGNATURES = ("unit", "person", "phone", "date")
"""The fields above the indicators; the first names the prefecture."""

CROSS_FILE = frozenset({"files", "quoted", "alike", "mean"})
"""The tests that need other files. They run once the verdict of the sheet stands, and again after a crash."""

PLACEHOLDERS = frozenset({"label", "whole", "parts", "found", "expected", "difference", "limit", "name", "other"})
"""The placeholders in the wording of a cross check."""


class Model(BaseModel):
    """A frozen model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(Model):
    """A labelled field of the form: a column of the indicators, or a signature above them."""

    name: Word
    label: Text
    aliases: tuple[Text, ...] = ()
    required: bool = False
    width: Width = 10

    @property
    def labels(self) -> tuple[str, ...]:
        """Return every spelling under which a sheet may carry it."""
        return (self.label, *self.aliases)


LONGEST_INLINE = 255  # characters that Excel keeps of a list that stands in a drop-down's own rule
LONGEST_CHOICE = 100
CHOICES_SHEET = "下拉选项"
GUIDE_SHEET = "填表说明"


class ActivityField(Column):
    """A column of the activity list; numbers are never negative, decimals keep `scale` digits.

    `synonyms` mean a choice beyond doubt; a text with one of a choice's `words` only comes nearest to it, and one with
    words of more than one choice to `several`, or, without that, to the last. A `private` field is in no report.
    """

    type: Literal["text", "integer", "decimal", "date", "choice", "yes_no"] = "text"
    choices: tuple[Text, ...] = ()
    synonyms: dict[str, str] = {}
    words: dict[str, tuple[Text, ...]] = {}
    several: str | None = None
    unit: str = ""
    max_length: int = Field(default=100, ge=1, le=5000)
    scale: int = Field(default=2, ge=0, le=6)
    prompt: str = ""
    private: bool = False

    @model_validator(mode="after")
    def _choices_are_listed(self) -> Self:
        if (self.type in ("choice", "yes_no")) != bool(self.choices):
            raise ValueError(f"{self.name}: choices belong to the types choice and yes_no, and only to them")
        _need_unique(self.choices, f"{self.name}: choices")
        if odd := [word for word in self.choices if word != " ".join(word.split()) or len(word) > LONGEST_CHOICE]:
            raise ValueError(f"{self.name}: a choice is one line of at most {LONGEST_CHOICE} characters: {odd}")
        if self.type == "yes_no" and len(self.choices) != 2:
            raise ValueError(f"{self.name}: yes_no needs two choices, the word for yes first")
        led_to = {*self.synonyms.values(), *self.words, *([self.several] if self.several else [])}
        if unknown := led_to - set(self.choices):
            raise ValueError(f"{self.name}: synonyms and words lead to what is no choice: {sorted(unknown)}")
        return self

    @property
    def fits_inline(self) -> bool:
        """Return whether a drop-down's own rule can hold the choices: commas part them, quotation marks enclose."""
        text = ",".join(self.choices)
        return len(text) <= LONGEST_INLINE and text.count(",") == len(self.choices) - 1 and '"' not in text


class Quoted(Model):
    """The words before or after a number, and its units, by which a report quotes an indicator's total."""

    before: tuple[Text, ...] = ()
    after: tuple[Text, ...] = ()
    units: Annotated[tuple[Text, ...], Field(min_length=1)]


class Listed(Model):
    """What of the activity list an indicator counts: the sum of a field, or the activities with one of some choices."""

    sum: Word | None = None
    field: Word | None = None
    choices: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _sums_or_counts(self) -> Self:
        if (self.sum is None) == (self.field is None) or (self.field is None) == bool(self.choices):
            raise ValueError("listed: give either the field to sum, or a field and the choices to count")
        return self


class Indicator(Model):
    """A row of the indicators: `part_of` names the indicator it is a part of (其中), `adds_to` the total of its kind.

    `adds_up`: nothing is counted both 线下 and 线上, so 合计 must be their sum. `quoted`: how a report quotes it.
    `listed`: what it should come near to in the activity list.
    """

    code: Code
    name: Text
    aliases: tuple[Text, ...] = ()
    unit: Text
    type: Literal["integer", "decimal"] = "integer"
    scale: int = Field(default=2, ge=0, le=6)
    required: bool = False
    part_of: Code | None = None
    adds_to: Code | None = None
    adds_up: bool = False
    quoted: Quoted | None = None
    listed: Listed | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Return every spelling under which a sheet may carry it."""
        return (self.name, *self.aliases)

    @property
    def title(self) -> str:
        """Return the name in messages: A02“其中：重大示范活动”."""
        return f"{self.code}“{self.name}”"


class CrossCheck(Model):
    """A check over several cells: its test, indicator, severity and wording.

    `message`, `expected` and `fix` may quote the `PLACEHOLDERS`; `limit` is the test's threshold, `deliverable` what
    the test `files` counts, `per` the divisor of the test `mean`, and `reason` documents why the rule exists.
    """

    id: Annotated[str, StringConstraints(pattern=r"^X[0-9]{2}[a-z]?$")]
    rule: Rule
    severity: Severity
    test: Literal[
        "rows", "part", "sum", "split", "list_sum", "date_order", "window", "duplicate", "crowd", "form_mismatch",
        "no_people", "idle", "money_unit", "prefecture", "signature", "round", "files", "quoted", "alike", "mean",
        "covered", "listed", "counties",
    ]  # fmt: skip
    indicator: Code | None = None
    limit: Decimal | None = None
    deliverable: Kind | None = None
    per: Code | None = None
    message: Text
    expected: str = ""
    fix: str = ""
    reason: str = ""

    @model_validator(mode="after")
    def _wording_quotes_known_words(self) -> Self:
        for text in (self.message, self.expected, self.fix):
            names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
            if unknown := names - PLACEHOLDERS:
                raise ValueError(f"{self.id}: wording may quote {sorted(PLACEHOLDERS)}, not {sorted(unknown)}")
        return self

    @model_validator(mode="after")
    def _test_has_what_it_needs(self) -> Self:
        if self.test in ("rows", "list_sum", "idle", "money_unit") and self.indicator is None:
            raise ValueError(f"{self.id}: the test {self.test} needs an indicator")
        if self.test == "files" and (self.indicator is None or self.deliverable is None):
            raise ValueError(f"{self.id}: the test files needs an indicator and the deliverable that it counts")
        if self.test == "mean" and (self.indicator is None or self.per is None):
            raise ValueError(f"{self.id}: the test mean needs an indicator and what to divide it by (per)")
        if self.test in CROSS_FILE and self.severity is Severity.ERROR:
            raise ValueError(f"{self.id}: the test {self.test} comes after the verdict, so it cannot be an error")
        if self.test in ("crowd", "money_unit", "round", "mean", "listed") and self.limit is None:
            raise ValueError(f"{self.id}: the test {self.test} needs a limit")
        return self


class IndicatorTable(Model):
    """The sheet of totals: one row per indicator; `rows` keep the printed order."""

    sheet: Text
    columns: tuple[Column, ...]
    rows: tuple[Indicator, ...]

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        _need_names(self.columns, INDICATOR_COLUMNS, "indicators.columns", exactly=True)
        codes = [i.code for i in self.rows]
        _need_unique(codes, "indicators.rows code")
        _need_unique([label for i in self.rows for label in i.labels], "indicators.rows name or alias")
        for row in self.rows:
            for whole in (row.part_of, row.adds_to):
                if whole is not None and (whole not in codes or whole == row.code):
                    raise ValueError(f"{row.code}: part_of and adds_to name another indicator, not {whole}")
        return self


class AsideWords(Model):
    """What else a list holds beside its activities: words that end it, total it, annotate it, sign it, or part it.

    `places` are the endings of places' names; each of the others is a whole word, `notes` with a colon behind.
    """

    ends: tuple[Text, ...] = ()
    totals: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()
    signatures: tuple[Text, ...] = ()
    places: tuple[Text, ...] = ()


class ActivityTable(Model):
    """The list of activities: one row per activity; `blank_rows` is how many the template prepares below its `note`.

    The report counts an activity under each of the `themes` of which its name, and under each of the `settings` of
    which its place, holds a word.
    """

    sheet: Text
    note: str = ""
    fields: tuple[ActivityField, ...]
    aside: AsideWords = AsideWords()
    themes: dict[Text, tuple[Text, ...]] = {}
    settings: dict[Text, tuple[Text, ...]] = {}
    blank_rows: int = Field(default=200, ge=1, le=5000)
    max_rows: int = Field(default=100_000, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        _need_names(self.fields, ACTIVITY_FIELDS, "activities.fields")
        _need_unique([label for f in self.fields for label in f.labels], "activities.fields label or alias")
        return self


class ReportWords(Model):
    """What the report counts in the chapters of prefectures' own reports: a topic counts where one of its words stands.

    `problems` are looked for in chapters on what was wanting, `plans` in those on what is to come.
    """

    problems: dict[Text, tuple[Text, ...]] = {}
    plans: dict[Text, tuple[Text, ...]] = {}


class Form(Model):
    """The whole form; `title` may quote the campaign's `{title}`, `guide` says in the template how to fill it in.

    `press` has by level of the media the words for it, in the order in which they are looked for: first in the level
    that a list of coverage states, then in the medium's name. A medium that has a prefecture's or a county's name is of
    the last level.
    """

    id: Text
    version: Text
    title: Text
    unit_note: str = ""
    guide: tuple[Text, ...] = ()
    signatures: tuple[Column, ...]
    indicators: IndicatorTable
    activities: ActivityTable
    checks: tuple[CrossCheck, ...]
    reports: ReportWords = ReportWords()
    press: dict[Text, tuple[Text, ...]] = {}

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        _need_names(self.signatures, SIGNATURES, "signatures")
        _need_unique([c.id for c in self.checks], "checks.id")
        _need_unique([CHOICES_SHEET, GUIDE_SHEET, self.indicators.sheet, self.activities.sheet], "sheet")
        cross_file = {c.rule for c in self.checks if c.test in CROSS_FILE}
        if shared := cross_file & {c.rule for c in self.checks if c.test not in CROSS_FILE}:
            raise ValueError(f"checks: {', '.join(sorted(shared))} names tests of the sheet and of what lies beside it")
        for check in self.checks:
            for code in (check.indicator, check.per):
                if code is not None and code not in self.by_code:
                    raise ValueError(f"checks {check.id}: there is no indicator {code}")
        for spec in self.indicators.rows:
            if spec.listed is not None:
                self._need_listed(spec.code, spec.listed)
        return self

    def _need_listed(self, code: str, listed: Listed) -> None:
        field = self.by_field.get(listed.sum or listed.field or "")
        if field is None or (listed.sum and field.type not in ("integer", "decimal")):
            raise ValueError(f"{code}: listed names a field of the activity list, to be summed one of numbers")
        if unknown := set(listed.choices) - set(field.choices):
            raise ValueError(f"{code}: listed counts {sorted(unknown)}, which are no choices of {field.name}")

    @cached_property
    def by_code(self) -> dict[str, Indicator]:
        """Return the indicators by their codes."""
        return {i.code: i for i in self.indicators.rows}

    @cached_property
    def by_field(self) -> dict[str, ActivityField]:
        """Return the fields of the activity list by their English names."""
        return {f.name: f for f in self.activities.fields}

    def parts_of(self, code: str) -> list[Indicator]:
        """Return the indicators that are each a part (其中) of the one named."""
        return [i for i in self.indicators.rows if i.part_of == code]

    def kinds_of(self, code: str) -> list[Indicator]:
        """Return the indicators that together add up to the one named."""
        return [i for i in self.indicators.rows if i.adds_to == code]


def _need_unique(values: Iterable[str], what: str) -> None:
    if twice := [value for value, n in Counter(values).items() if n > 1]:
        raise ValueError(f"{what}: used twice: {', '.join(twice)}")


def _need_names(columns: Iterable[Column], names: Iterable[str], what: str, *, exactly: bool = False) -> None:
    have = [c.name for c in columns]
    _need_unique(have, what)
    if missing := [name for name in names if name not in have]:
        raise ValueError(f"{what}: missing {', '.join(missing)}")
    if exactly and len(have) != len(list(names)):
        raise ValueError(f"{what}: unknown {', '.join(sorted(set(have) - set(names)))}")


def asked(spec: ActivityField) -> str:
    """Return what a field must be, `不小于 0 的整数`; blanks are checked elsewhere."""
    if spec.choices:
        return "、".join(spec.choices)
    words = {"integer": "不小于 0 的整数", "decimal": f"不小于 0 的数，至多 {spec.scale} 位小数", "date": "日期"}
    return words.get(spec.type, f"文字，不超过 {spec.max_length} 字")
