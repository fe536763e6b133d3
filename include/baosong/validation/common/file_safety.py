"""What no deliverable may be or contain: empty, too large, another type than it says, locked, packed, classified."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from baosong.campaign import Deliverable
from baosong.rules.catalogue import finding, phrase
from baosong.rules.findings import Checked, Finding, Kind, has_error
from baosong.store.source import Source
from baosong.validation.common import zip_guard
from baosong.validation.common.camera_raw import RAWS
from baosong.validation.common.filetypes import ARCHIVES, ENCRYPTED, KNOWN, NAMED, TEXTS, VIDEOS, ZIPPED, canonical
from baosong.validation.common.reader import Document, plain

_LEVEL = r"(?:[绝絕机機秘]\s{0,3}密)"
# However a program writes the star: as itself, or as a letter of Wingdings, whose star is AB
_STAR = "[★☆⭐✩-✰⋆«\uf0aa-\uf0af\uf0b5\uf0b6]"
_TERM = r"(?:\d{1,2}\s{0,3}(?:年|个\s{0,3}月|月|天|日)|长\s{0,3}期)"
MARK = re.compile(
    rf"{_LEVEL}\s{{0,3}}级?\s{{0,3}}{_STAR}|{_STAR}\s{{0,3}}{_LEVEL}|{_LEVEL}\s{{0,3}}[*＊]\s{{0,3}}{_TERM}|密\s{{0,3}}级\s{{0,3}}[:：]?\s{{0,3}}[【\[(（]?\s{{0,3}}{_LEVEL}"
)
# What has no width and may stand within a word, as pages of the web hold it: Unicode's Default_Ignorable_Code_Point
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
MARK_LETTER = "密"  # no mark is without it
ALONE = re.compile(rf"(?m)^[ \t\u3000]{{0,9}}{_LEVEL}级?[ \t\u3000]{{0,9}}$")  # as a header or a watermark
NAME_MARK = re.compile(rf"{MARK.pattern}|[【\[(（〔〖]\s*{_LEVEL}\s*+(?:级\s*+)?[】\])）〕〗]|^{_LEVEL}级?[-_—.\s]")

_OWN_ADVICE = ("iwork", "works", "ofd", "xml")  # all other named types are opened by Word and WPS
_OF_PHONES = {"heic": "disguised_heic", "avif": "disguised_avif"}  # and the wording under another name
_FAMILIES = {Kind.VIDEO: VIDEOS}  # a file of the right family is judged in full by its own check


def held_as_classified() -> Checked:
    """Return the answer to a classification mark: a human must look; nothing of the content is repeated."""
    return Checked(findings=[finding("file.classified")], held=True)


def is_marked_name(name: str) -> bool:
    """Return whether a file name bears a classification mark."""
    return _bears(NAME_MARK, name)


def is_marked(document: Document) -> bool:
    """Return whether a document's words bear a classification mark, headers and footers included.

    In the margins, as a header or a watermark, a level alone is a mark; in a text it may be a word of a title.
    """
    if _bears(ALONE, document.margins):
        return True
    return any(is_marked_text(text) for text in (document.text, document.margins, document.traces))


def with_unsearched(checked: Checked, document: Document | None) -> Checked:
    """Hold a file with parts that could not be searched for marks: what was not searched has not passed.

    One that is sent back anyway waits for nobody, and is not told that it does.
    """
    if document is None or not (document.missed or document.unread) or has_error(checked.findings):
        return checked
    more = [finding("file.not_searched", document.unread)] if document.unread else []
    if document.missed:
        shown = "、".join(document.missed[:3])
        more.append(finding("file.not_searched", parts=shown, count=len(document.missed)))
    return replace(checked, findings=[*checked.findings, *more], held=True)


def is_marked_text(text: str) -> bool:
    """Return whether a text bears a classification mark."""
    return _bears(MARK, text)


def _bears(mark: re.Pattern[str], text: str) -> bool:
    return MARK_LETTER in text and mark.search(_UNSEEN.sub("", text)) is not None


def size_findings(source: Source, limit: int) -> list[Finding]:
    """Judge what can be said without opening: an empty or an oversized file."""
    if source.size == 0:
        return [finding("file.empty")]
    return [finding("file.too_large", size=source.size, limit=limit)] if source.size > limit else []


def container_findings(source: Source, actual: str | None) -> list[Finding]:
    """Judge what keeps a file from being opened: a password, a bomb, a damaged or an unwanted package."""
    if actual == ENCRYPTED:
        return [finding("file.encrypted", "office")]
    if actual in ZIPPED and (bad := _zip_finding(source)):
        return [bad]
    return [_archive(actual)] if actual in ARCHIVES else []


def type_findings(source: Source, actual: str | None, deliverable: Deliverable) -> list[Finding]:
    """Judge the true type against what a deliverable collects; the verdict follows the bytes, not the name."""
    accepted = {canonical(f) for f in deliverable.formats}
    if actual in TEXTS and actual not in accepted and "txt" in accepted:
        actual = "txt"
    if actual is None:
        return [] if deliverable.kind is Kind.VIDEO else [_unknown(source, deliverable, accepted)]
    if actual in _FAMILIES.get(deliverable.kind, frozenset()):
        return []
    if actual in RAWS - accepted or (actual == "tif" and canonical(source.suffix) in RAWS - accepted):
        return [_not_collected(actual if actual in RAWS else canonical(source.suffix), deliverable)]
    if actual in accepted:
        return _name_findings(source, actual)
    if actual == "ole":
        return [finding("file.unreadable", reason=phrase("unreadable.document"))]
    if _may_be_named(canonical(source.suffix), actual):
        return [_not_collected(actual, deliverable)]
    return [_disguised(source, actual, deliverable)]


def bomb(what: zip_guard.Bomb) -> Finding:
    """Return the finding for an Office file that would unpack beyond all measure."""
    return finding("file.bomb", reason=str(what), limit=zip_guard.MAX_TOTAL, times=zip_guard.MAX_RATIO)


def _zip_finding(source: Source) -> Finding | None:
    try:
        with zip_guard.guarded(source):
            return None
    except zip_guard.Bomb as e:
        return bomb(e)
    except zip_guard.Broken as e:
        return finding("file.unreadable", reason=str(e))


def _archive(actual: str) -> Finding:
    """Return the finding for a package that is not unpacked; a zip is, where it bears its own name."""
    return finding("file.archive", "zip") if actual == "zip" else finding("file.archive", actual=actual)


def _name_findings(source: Source, actual: str) -> list[Finding]:
    if canonical(source.suffix) == actual:
        return []
    return [finding("file.type_mismatch", "collected", suffix=_suffix_text(source), actual=actual)]


def _may_be_named(suffix: str, actual: str) -> bool:
    """Return whether a name tells no lie: of kinds of XML that are called .xml, and of those that are unknown here."""
    return suffix in (actual, "") or (suffix == "xml" and actual in TEXTS) or (actual == "xml" and suffix not in KNOWN)


def _disguised(source: Source, actual: str, deliverable: Deliverable) -> Finding:
    variant, said = _called(actual, _OF_PHONES.get(actual, "disguised"))
    said |= {"deliverable": deliverable.name, "formats": "、".join(deliverable.formats)}
    return finding("file.type_mismatch", variant, suffix=_suffix_text(source), **said)


def _called(actual: str, variant: str) -> tuple[str, dict[str, Any]]:
    """Return a variant and what it says of a type: a name that people know, and how such a file is saved anew."""
    if actual not in NAMED:
        return variant, {"actual": actual}
    advice = phrase(f"advice.{actual if actual in _OWN_ADVICE else 'office'}")
    return "named", {"actual": phrase(f"type.{actual}"), "advice": advice}


def _unknown(source: Source, deliverable: Deliverable, accepted: set[str]) -> Finding:
    if canonical(source.suffix) in accepted:
        return finding("file.unreadable", reason=phrase("unreadable.unknown"))
    return _not_collected(_suffix_text(source), deliverable)


def _not_collected(actual: str, deliverable: Deliverable) -> Finding:
    formats = "、".join(deliverable.formats)
    variant = "raw" if actual in RAWS else actual if actual in _OF_PHONES else ""
    variant, said = _called(actual, variant)
    return finding("file.format", variant, deliverable=deliverable.name, formats=formats, **said)


def _suffix_text(source: Source) -> str:
    suffix = plain(source.suffix, 10)
    return f".{suffix}" if suffix else phrase("no_suffix")
