"""Identity-card and mobile numbers in texts that will be published: found, told by place, never repeated in full.

An identity number proves itself by its check digit and birth date, so it may be split as the layout likes. A mobile
number proves nothing: it counts when written in one piece, as 3-4-4, or behind a word such as 电话. Tables of figures
must not raise an alarm.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import NamedTuple

from baosong.rules.catalogue import finding, phrase
from baosong.rules.findings import Finding, Where

MOST_TOLD, MOST_SEEN = 10, 1000
LONGEST, LONGEST_TITLE = 500_000, 500  # letters that are looked at; a report has some thousands
_ADDRESS = re.compile(r"(?:https?://|www\.)[!-~]+", re.IGNORECASE)  # their long numbers are nobody's
_PROVINCES = {*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83}  # fmt: skip # noqa: E501
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_CHECK_DIGITS = "10X98765432"
_GAP = r"[\s-]{0,2}"
_BORN = rf"(?:1{_GAP}9|2{_GAP}0)(?:{_GAP}\d){{2}}{_GAP}(?:0{_GAP}[1-9]|1{_GAP}[0-2]){_GAP}(?:[0-2]{_GAP}\d|3{_GAP}[01])"
_IDENTITY = re.compile(  # a day of birth within: rows of single digits have few, and would be read 18 times each
    rf"(?<![0-9A-Za-z_.])(?=(\d(?:{_GAP}\d){{5}}{_GAP}{_BORN}(?:{_GAP}\d){{3}}{_GAP}[\dXx])(?![0-9A-Za-z_]))"
)
_OTHER_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_ALONE = r"(?:(?<!\d)(?<!\d[ -])|(?<=86[ -]))"
_AMOUNT = r"(?![0-9A-Za-z_]|\.\d|\s?[元万亿人份次篇条个场项户名%])"
_MOBILES = (
    re.compile(rf"(?:(?<![0-9A-Za-z_.])|(?<=\+86))(1[3-9]\d{{9}}){_AMOUNT}"),
    re.compile(rf"{_ALONE}(1[3-9]\d([ -])\d{{4}}\2\d{{4}})(?![ -]\d){_AMOUNT}"),
    re.compile(rf"{_ALONE}(1 [3-9](?: \d){{9}})(?! \d){_AMOUNT}"),  # as some PDFs space their digits
    re.compile(
        rf"(?:电话|手机|联系方式|联系人|号码|微信|Tel|Mobile)[^\d\f]{{0,12}}(1[\s-]{{0,2}}[3-9](?:[\s-]{{0,2}}\d){{9}}){_AMOUNT}",
        re.IGNORECASE,
    ),
)


class Number(NamedTuple):
    """A personal number: 身份证号码 or 手机号码, masked, and where it begins and ends in the normalised text."""

    what: str
    masked: str
    start: int
    end: int


def findings(text: str, margins: str, latest: date, *, pages: bool) -> list[Finding]:
    """Return a warning for each number, at most `MOST_TOLD`; `pages` if form feeds part the text into pages.

    Nobody is born after `latest`.
    """
    told: dict[tuple[int, str, str], Finding] = {}
    for words, parted, place in ((text, pages, ""), (margins, False, phrase("personal.margins"))):
        plain = normalised(words[:LONGEST])
        for number in islice(numbers(plain, latest), MOST_SEEN):
            page = plain.count("\f", 0, number.start) + 1 if parted else 0
            told.setdefault((page, number.masked, place), _finding(number, page, place + _lead(plain, number.start)))
    return list(told.values())[:MOST_TOLD]


def hidden(text: str) -> str:
    """Return a text with personal numbers masked, for titles that are kept and shown."""
    plain = normalised(text[:LONGEST_TITLE])
    found = sorted(numbers(plain, date.max), key=lambda n: -n.start)
    if not found:
        return text[:LONGEST_TITLE]
    for number in found:
        plain = plain[: number.start] + number.masked + plain[number.end :]
    return plain


def normalised(text: str) -> str:
    """Return a text with full-width digits and all dashes in one spelling, without web addresses."""
    plain = re.sub("[‐-―−]", "-", unicodedata.normalize("NFKC", _ADDRESS.sub(" ", text)))
    return plain.translate(_OTHER_DIGITS) if re.search("[٠-٩۰-۹]", plain) else plain


def numbers(plain: str, latest: date) -> Iterator[Number]:
    """Yield the personal numbers of a normalised text, each place once, identity numbers first."""
    ends: list[tuple[int, int]] = []
    for match in _IDENTITY.finditer(plain):
        digits = _digits(match[1])
        if is_identity(digits, latest) and not _inside(match.start(1), ends):
            ends.append(match.span(1))
            yield Number(phrase("personal.identity"), f"{digits[:4]}{'*' * 10}{digits[-4:]}", *match.span(1))
    for match in (m for pattern in _MOBILES for m in pattern.finditer(plain)):
        digits = _digits(match[1])
        if not _inside(match.start(1), ends):
            ends.append(match.span(1))
            yield Number(phrase("personal.mobile"), f"{digits[:3]}****{digits[-4:]}", *match.span(1))


def is_identity(digits: str, latest: date) -> bool:
    """Return whether 18 characters are an identity number: a province, a day of birth, the check digit of GB 11643."""
    try:
        born = date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    right = _CHECK_DIGITS[total % 11] == digits[17].upper()
    return right and int(digits[:2]) in _PROVINCES and date(1900, 1, 1) <= born <= latest


def _lead(plain: str, at: int) -> str:
    """Return the few words before a number; another number may stand there, hence no digits."""
    before = re.split(r"[\n\f。;]", plain[max(0, at - 12) : at])[-1]
    return "".join(c for c in re.sub(r"\d", "*", before) if c.isprintable())


def _finding(number: Number, page: int, lead: str) -> Finding:
    return finding(
        "file.personal_numbers",
        where=Where(page=page) if page else Where(),
        what=number.what,
        masked=number.masked,
        lead=lead,
    )


def _digits(text: str) -> str:
    return re.sub(r"[\s-]", "", text)


def _inside(at: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= at < end for start, end in spans)
