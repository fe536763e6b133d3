"""The press check: a piece of coverage opens and is not empty; a list of links has links."""

from __future__ import annotations

from baosong.campaign import Campaign, PhotoProfile
from baosong.rules.catalogue import finding
from baosong.rules.findings import Checked
from baosong.store.source import Source
from baosong.validation.common.filetypes import PICTURES
from baosong.validation.common.reader import Document
from baosong.validation.documents import table_rows
from baosong.validation.documents.coverage import LINK, pieces
from baosong.validation.photo import photo

LISTS = ("txt", "xlsx")
ROWS = ("docx", "xlsx")


def check(source: Source, actual: str | None, document: Document | None, campaign: Campaign) -> Checked:
    """Judge a piece of press coverage: a document, a picture of one, or a list of links."""
    if actual in PICTURES:
        return _check_picture(source, campaign.photo)
    if document is None:
        return Checked(findings=[finding("press.not_read")], held=True)
    links = len({*LINK.findall(document.text), *document.targets})
    found = {"characters": document.characters, "links": links, "title": document.headline}
    if document.pages is not None:
        found["pages"] = document.pages
    if not (document.says_something or document.pictures or document.unread):
        return Checked(findings=[finding("press.empty")], facts=found)
    rows = table_rows.lines(source) if actual in ROWS else None
    found["coverage"] = pieces(document, campaign.window.start.year, rows)
    no_link = [] if links or actual not in LISTS else [finding("press.link")]
    return Checked(findings=[*no_link, *document.personal_numbers(campaign.window.end)], facts=found)


def _check_picture(source: Source, profile: PhotoProfile) -> Checked:
    try:
        picture = photo.decode(source, profile.max_pixels)
        return Checked(facts=photo.facts(picture), preview=picture.preview)
    except photo.PixelLimitExceeded as e:
        return Checked(findings=[photo.flood(str(e), profile)])
    except photo.Damaged:
        return Checked(findings=[finding("photo.damaged")])
