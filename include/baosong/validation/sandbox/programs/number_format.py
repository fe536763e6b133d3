"""What a number format shows of a number: `0"万"` shows 3 as 3万, `0.0,"千"` 3456 as 3.5千, `;;;` nothing.

ECMA-376 part 1, 18.8.31; `!` escapes a letter as the backslash does, as East Asian programs write it.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

_CONDITION = re.compile(r"(<=|>=|<>|=|<|>)(-?[0-9.]+)")
_QUIET = frozenset(" ()¥￥$€£　")  # what may stand beside a number without changing what it says
_KINDS = {
    **dict.fromkeys("0#?", "digit"),
    **dict.fromkeys(".,%@;", "mark"),
    **dict.fromkeys("ymdhsYMDHSaAeEgGbB/", "day"),
}
_GENERAL = ("general", "g/通用格式")
_LONGEST = 255


class Section:
    """A part of a format: its tokens as (kind, text), and what they do to a number."""

    def __init__(self) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.condition: tuple[str, Decimal] | None = None

    def takes(self, value: Decimal) -> bool:
        """Return whether it has no condition, or one that a number meets."""
        return self.condition is None or _meets(value, *self.condition)

    @property
    def literals(self) -> str:
        """Return all that it shows whatever the number is."""
        return "".join(text for kind, text in self.tokens if kind == "literal")

    def has(self, kind: str, text: str = "") -> bool:
        """Return whether it has such a token."""
        return any(k == kind and (not text or t == text) for k, t in self.tokens)

    @property
    def digits(self) -> list[int]:
        """Return where its places for digits stand."""
        return [i for i, (kind, _) in enumerate(self.tokens) if kind == "digit"]

    @property
    def scale(self) -> int:
        """Return how many commas follow the last digit: each divides by a thousand."""
        at, commas = (self.digits or [len(self.tokens)])[-1] + 1, 0
        while at < len(self.tokens) and self.tokens[at] == ("mark", ","):
            at, commas = at + 1, commas + 1
        return commas

    @property
    def decimals(self) -> int:
        """Return how many digits it shows behind the point."""
        point = next((i for i, token in enumerate(self.tokens) if token == ("mark", ".")), len(self.tokens))
        power = next((i for i, (kind, _) in enumerate(self.tokens) if kind == "power"), len(self.tokens))
        return sum(point < i < power for i in self.digits)


class NumberFormat:
    """A format read: whether it shows numbers as they are but for rounding, and what it shows of one."""

    def __init__(self, code: str) -> None:
        self.sections = _sections(code[:_LONGEST])
        first = self.sections[0]
        self.is_date = any(s.has("day") and not s.has("general") for s in self.sections)
        self.decimals = None if first.has("general") or not first.digits else first.decimals
        self.is_plain = self.is_date or not any(_changes(s, i) for i, s in enumerate(self.sections))

    def shows(self, value: Decimal) -> str | None:
        """Return what is seen of a number; None where that cannot be said."""
        section, keeps_sign = self._section(value)
        if self.is_date:
            return None
        text = _filled(section, abs(value))
        return f"-{text}" if value < 0 and keeps_sign else text

    def shows_text(self, text: str) -> str:
        """Return what is seen of a text."""
        section = next((s for s in self.sections if s.has("mark", "@")), None)
        if section is None:
            return "" if len(self.sections) > 3 and not self.sections[3].tokens else text
        return "".join(t if k == "literal" else text if t == "@" else "" for k, t in section.tokens)

    def _section(self, value: Decimal) -> tuple[Section, bool]:
        """Return the part that a number is shown by, and whether its sign is shown besides."""
        numeric = [s for s in self.sections[:3] if not s.has("mark", "@")] or self.sections[:1]
        if any(s.condition for s in numeric):
            return next((s for s in numeric if s.takes(value)), numeric[-1]), True
        if value < 0 and len(numeric) > 1:
            return numeric[1], False
        return numeric[2 if value == 0 and len(numeric) > 2 else 0], True


@lru_cache(maxsize=1000)
def parsed(code: str) -> NumberFormat:
    """Return a format by its code."""
    return NumberFormat(code)


def _sections(code: str) -> list[Section]:
    found = [Section()]
    while code:
        kind, text, code = _token(code)
        if kind == "mark" and text == ";":
            found.append(Section())
        elif kind == "bracket":
            _bracket(found[-1], text)
        elif kind:
            found[-1].tokens.append((kind, text))
    return found


def _token(code: str) -> tuple[str, str, str]:
    """Return the kind of a code's first part, none of one that shows nothing, its text, and what follows it."""
    first, rest = code[0], code[1:]
    inside, closed, behind = rest.partition('"' if first == '"' else "]")
    if first == '"':
        return "literal", inside, behind
    if first == "[" and closed and "[" not in inside:
        return "bracket", inside, behind
    if rest and first in "\\!_*":
        return "literal" if first in "\\!" else "", rest[0], rest[1:]
    for word in _GENERAL:
        if code[: len(word)].lower() == word:
            return "general", code[: len(word)], code[len(word) :]
    if first in "eE" and rest[:1] in ("+", "-"):
        return "power", code[:2], rest[1:]
    return _KINDS.get(first, "literal"), first, rest


def _bracket(section: Section, text: str) -> None:
    """A currency is shown, a condition chooses, `[h]` is a duration; colours, languages and digits change no value."""
    if text.startswith("$"):
        section.tokens.append(("literal", text[1:].partition("-")[0]))
    elif condition := _CONDITION.fullmatch(text):
        section.condition = (condition[1], _decimal(condition[2]))
    elif text.lower().strip("hms") == "":
        section.tokens.append(("day", text))


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)


def _meets(value: Decimal, sign: str, limit: Decimal) -> bool:
    less, same = value < limit, value == limit
    return {"<": less, "<=": less or same, "=": same, "<>": not same, ">=": not less, ">": not less and not same}[sign]


def _changes(section: Section, number: int) -> bool:
    """Return whether a section may show something else than the number; the second and third have signs of none."""
    if section.has("mark", "%") or section.has("power") or section.scale:
        return True
    loud = set(section.literals) - _QUIET
    if number == 0 and not section.digits and not section.has("general") and not section.has("mark", "@"):
        return True
    return bool(loud if number in (0, 3) else loud - set("-—+"))


def _filled(section: Section, value: Decimal) -> str:
    """Return the digits of a number in a section's places, its literals between them."""
    if section.has("general") or section.has("mark", "@"):
        general = f"{value.normalize():f}"
        return "".join(
            t if k == "literal" else general if k == "general" or t == "@" else "" for k, t in section.tokens
        )
    percents = sum(token == ("mark", "%") for token in section.tokens)
    value = value.scaleb(2 * percents - 3 * section.scale)
    if section.has("power"):
        return _powered(section, value)
    rounded = value.quantize(Decimal(1).scaleb(-section.decimals), ROUND_HALF_UP)
    whole, _, fraction = f"{rounded:f}".partition(".")
    places = section.digits
    before = len(places) - section.decimals
    return _laid_out(section, places, (whole if whole != "0" else "").rjust(before), fraction)


def _powered(section: Section, value: Decimal) -> str:
    """Return a number as 2.67E+03: as many digits of the power as the format has places for them."""
    power = next(i for i, (kind, _) in enumerate(section.tokens) if kind == "power")
    place, exponent = Decimal(1).scaleb(-section.decimals), value.adjusted() if value else 0
    digits = value.scaleb(-exponent).quantize(place, ROUND_HALF_UP)
    if digits >= 10:
        digits, exponent = (digits / 10).quantize(place, ROUND_HALF_UP), exponent + 1
    return f"{digits}E{exponent:+0{1 + sum(i > power for i in section.digits)}d}"


def _laid_out(section: Section, places: list[int], whole: str, fraction: str) -> str:
    before, shown = len(places) - len(fraction), []
    letters = [whole[: len(whole) - before + 1], *whole[len(whole) - before + 1 :]] if before else []
    letters += list(fraction)
    given = dict(zip(places, letters, strict=False))
    for i, (kind, text) in enumerate(section.tokens):
        if kind == "digit":
            digit = given.get(i, "").strip()
            shown.append(digit or ("0" if text == "0" else ""))
        elif kind == "literal" or (kind == "mark" and text in ".%"):
            shown.append(text)
    return "".join(shown).strip()
