"""The press coverage that prefectures sent, piece by piece: each address once, by level, fit to be printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from baosong.report.excerpt import clean_line
from baosong.report.printable import public_link, public_text
from baosong.rules.findings import Kind
from baosong.rules.words import alike

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.ledger import Submission

UNSTATED = "级别未注明"
_FIELDS = ("title", "medium", "date", "level", "link")
_LONGEST = 500  # letters of a field; what a sandboxed program answers is believed no further than this


@dataclass(frozen=True, slots=True)
class Reported:
    """A piece of coverage; `day` is None and the texts are "" where nobody said so, `places` who sent it."""

    title: str
    medium: str
    day: date | None
    level: str
    link: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """All pieces, the highest level first and the earliest first within it.

    `files` counts the accepted press files; `unlisted` names who sent those in which no title and no address could be
    read, once for each file.
    """

    pieces: tuple[Reported, ...] = ()
    files: int = 0
    unlisted: tuple[str, ...] = ()

    def of(self, level: str) -> list[tuple[int, Reported]]:
        """Return the pieces of a level with their numbers in the whole list."""
        return [(n, p) for n, p in enumerate(self.pieces, start=1) if p.level == level]


def levels(campaign: Campaign) -> list[str]:
    """Return the levels in their order, the one of those that nobody stated last."""
    return [*campaign.form.press, UNSTATED]


def coverage(campaign: Campaign, submissions: Iterable[Submission]) -> Coverage:
    """Return what the accepted press files of these submissions tell, in an order that their numbers do not change."""
    place = {p.code: n for n, p in enumerate(campaign.prefectures)}
    files = [s for s in submissions if s.kind == Kind.PRESS and s.state == "accepted" and s.prefecture in place]
    files.sort(key=lambda s: (place[s.prefecture], s.name, s.sha256 or ""))
    told: dict[tuple[str, ...], Reported] = {}
    unlisted: list[str] = []
    names = {p.code: p.name for p in campaign.prefectures}
    for s in files:
        found = list(_pieces(s))
        unlisted += [] if found else [names[s.prefecture]]
        for n, piece in enumerate(found):
            key = _key(piece) or (s.prefecture, s.name, str(n))
            told[key] = _merged(told[key], piece) if key in told else piece
    order = levels(campaign)
    local = _local_names(campaign)
    ranked = [replace(p, level=_level(campaign, p, local)) for p in told.values()]
    ranked.sort(key=lambda p: (order.index(p.level), p.day or date.max, place[p.places[0]], p.title, p.link))
    shown = (replace(p, places=tuple(map(names.__getitem__, p.places))) for p in ranked)
    return Coverage(tuple(shown), len(files), tuple(unlisted))


def _pieces(s: Submission) -> Iterator[Reported]:
    """Yield what a file tells; one that was checked before its pieces were kept has a title alone."""
    stated: Any = s.facts.get("coverage", [{"title": s.facts.get("title")}])
    for given in stated if isinstance(stated, list) else ():
        said = {f: str(given.get(f) or "")[:_LONGEST] for f in _FIELDS if isinstance(given, dict)}
        title, medium = (clean_line(public_text(said.get(f, ""))).strip() for f in ("title", "medium"))
        link = public_link(said.get("link", ""))
        if title or link:
            yield Reported(title, medium, _day(said["date"]), said["level"], link, (s.prefecture,))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _key(p: Reported) -> tuple[str, ...]:
    """Return what two reports of one piece have in common: the address, else title, medium and day; () if unknown."""
    if p.link:
        host, _, path = p.link.partition("://")[2].rstrip("/").partition("/")
        return ("", host.lower(), path) if "://" in p.link else ("", p.link, "")
    return (alike(p.title), alike(p.medium), p.day.isoformat()) if p.title and p.medium and p.day else ()


def _merged(first: Reported, other: Reported) -> Reported:
    """Return one piece of two with the same address: what the first does not say, the other may."""
    return Reported(
        first.title or other.title,
        first.medium or other.medium,
        first.day or other.day,
        first.level or other.level,
        first.link,
        tuple(dict.fromkeys(first.places + other.places)),
    )


def _local_names(campaign: Campaign) -> list[str]:
    return [name for p in campaign.prefectures for name in (p.name, *p.aliases, *p.counties)]


def _level(campaign: Campaign, p: Reported, local: list[str]) -> str:
    """Return a piece's level: by the words for it in what the list states, then in the medium's name."""
    for text in (p.level, p.medium):
        for level, words in campaign.form.press.items():
            if any(word in text for word in words):
                return level
    named = campaign.form.press and any(name in p.medium for name in local)
    return [*campaign.form.press][-1] if named else UNSTATED
