"""What leaders may read of the texts that prefectures sent: no personal numbers, and only remarks about figures.

The rest stays on the board and in the receipts. The figures of a region are read through these functions, so that no
renderer is given anything else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from baosong.rules.catalogue import known_title
from baosong.rules.words import location_text
from baosong.validation.common import personal_data

if TYPE_CHECKING:
    from baosong.ledger import ActivityRow, Submission

_LEFT_OUT = "（号码从略）"
_MASKED = re.compile(r"\d{2,6}[*＊×xX]{3,}[\dXx]{2,4}")
_LONG = re.compile(r"(?:\d[^\d]{0,2}){10}|[*＊×xX]{3}")  # nearly all texts have neither, which is quickly seen
_WIDE = str.maketrans("０１２３４５６７８９Ｘｘ＋－‐‑‒–—―−　", "0123456789Xx+-------- ")
_ENDING = re.compile(
    r"\.(?:xlsx?|docx?|et|wps|pdf|ofd|odt|jpe?g|png|zip|mov|mpe?g|txt|html?)(?![0-9A-Za-z])", re.IGNORECASE
)
_ELEVEN = re.compile(r"(?<![0-9.])1[3-9][0-9]{9}(?![0-9])")
_NO_ADDRESS = frozenset(' "<>\\^`{}|')  # letters that no address has unencoded; in a field of Word they would end it
_AROUND_NAMES, _LONGEST_NAME = frozenset("“”《》，。：；（）/:"), 120
# Warnings about a sheet as a file; all others about sheets speak of figures.
_FORMAL = {"hidden_sheet", "hidden_cells", "old_template", "unit_unclear", "external_links"}


@dataclass(frozen=True, slots=True)
class Remark:
    """A warning about figures of an accepted file: a matter of data quality, in words that may be printed.

    `what` is what its rule is called, the same for all that it says it of.
    """

    prefecture: str
    submission_id: int
    kind: str
    place: str
    message: str
    observed: str
    expected: str
    what: str = ""


def is_about_figures(finding: Mapping[str, Any]) -> bool:
    """Return whether a finding is a warning about figures, not about a file, its name or what else stands in it."""
    room, _, what = str(finding.get("rule")).partition(".")
    figures = (room == "statistics" and what not in _FORMAL) or (room, what) == ("report", "sheet_differs")
    return figures and finding.get("severity") == "warning"


def public_remark(submission: Submission, finding: Mapping[str, Any]) -> Remark:
    """Return what may be printed of a finding."""
    where = {k: v for k, v in (finding.get("where") or {}).items() if k != "member"}
    texts = (location_text(where) if where else "", *(finding.get(k) for k in ("message", "observed", "expected")))
    own = set(_ELEVEN.findall(str(finding.get("expected") or ""))) - set(_ELEVEN.findall(str(finding.get("observed"))))
    place, message, observed, expected = (public_text(_grouped(str(t or ""), own)) for t in texts)
    kind = submission.kind or ""
    rule = str(finding.get("rule"))
    what = "" if (called := known_title(rule)) == rule else called  # nobody outside reads the ids of rules
    return Remark(submission.prefecture, submission.id, kind, place, message, observed, expected, what)


def _grouped(text: str, own: Collection[str]) -> str:
    """Return a text in which the sums that we worked out ourselves stand as tables write them.

    With eleven digits in one piece they look like somebody's mobile number, and would be left out.
    """
    return _ELEVEN.sub(lambda n: f"{int(n[0]):,}" if n[0] in own else n[0], text) if own else text


def public_text(text: str) -> str:
    """Return what may be printed of a text from outside: no personal numbers, and names of files only called that."""
    return _without_names(without_numbers(text))


def public_link(link: str) -> str:
    """Return an address of the web that may be printed whole, "" for any other and for one with a personal number."""
    scheme = link.partition("://")[0].lower() if "://" in link else "http" if link.startswith("www.") else ""
    fit = scheme in ("http", "https") and link.isprintable() and _NO_ADDRESS.isdisjoint(link)
    return link if fit and without_numbers(link) == link else ""


def _without_names(text: str) -> str:
    """Return a text in which the names of files are only called that; from their endings back, as a pattern is slow."""
    parts, at = [], 0
    for ending in _ENDING.finditer(text):
        begin, furthest = ending.start(), max(at, ending.start() - _LONGEST_NAME)
        while begin > furthest and text[begin - 1] not in _AROUND_NAMES and not text[begin - 1].isspace():
            begin -= 1
        if begin < ending.start():
            parts += [text[at:begin], "文件"]
            at = ending.end()
    return "".join([*parts, text[at:]])


def public_activity(row: ActivityRow, texts: Collection[str], private: Collection[str] = ()) -> ActivityRow:
    """Return an activity without its private fields, and without personal numbers in the fields `texts`."""
    if not row.fields.keys().isdisjoint(private):
        row = replace(row, fields={name: value for name, value in row.fields.items() if name not in private})
    found = {name: str(row.fields.get(name) or "") for name in texts}
    if not _LONG.search("\n\n\n".join(found.values())):  # a gap that joins no digits of two fields
        return row
    public = {name: without_numbers(text) for name, text in found.items()}
    return replace(row, name=without_numbers(row.name), fields=row.fields | public)


def without_numbers(text: str) -> str:
    """Return a text without identity-card and mobile numbers, whole or masked; all else stays as it stands."""
    if not _LONG.search(text):
        return text
    plain = text.translate(_WIDE)  # letter by letter, so that places in the one are places in the other
    spans = [(n.start, n.end) for n in personal_data.numbers(plain, date.max)]
    for start, end in sorted([*spans, *(m.span() for m in _MASKED.finditer(plain))], reverse=True):
        text = text[:start] + _LEFT_OUT + text[end:]
    return text
