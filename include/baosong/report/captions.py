"""The captions of photographs: activity, place and date, never the name of a file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from baosong.report.excerpt import clean_line
from baosong.report.wording import dates_text
from baosong.rules.words import alike

if TYPE_CHECKING:
    from baosong.campaign import Campaign
    from baosong.ledger import ActivityRow
    from baosong.report.consolidation import AcceptedFile

_SHORTEST = 4  # letters of an activity's name; less could stand in any file's name


def caption(campaign: Campaign, photo: AcceptedFile, activity: ActivityRow | None) -> str:
    """Return a photograph's caption: the activity that its file was called after.

    Without one, only prefecture and day are known: the day of the camera, where the campaign has such a day.
    """
    name = campaign.prefecture(photo.prefecture).name
    if activity:
        where = clean_line(str(activity.fields.get("place") or ""))
        when = dates_text(activity.start, activity.end) if activity.start else ""
        told = "，".join(t for t in (when, where) if t)
        return f"{name}：{clean_line(activity.name)}" + (f"（{told}）" if told else "")
    day = _day(photo.taken)
    known = day is not None and campaign.window.start <= day <= campaign.window.end
    return f"{name}活动照片" + (f"（{dates_text(day, None)}摄）" if known else "")


def called_after(photo: AcceptedFile, listed: Iterable[ActivityRow]) -> ActivityRow | None:
    """Return the activity with the longest name that the file's name holds; None if two of them are as long."""
    called = alike(photo.name)
    held = [a for a in listed if len(name := alike(a.name)) >= _SHORTEST and name in called]
    longest = max((len(alike(a.name)) for a in held), default=0)
    best = [a for a in held if len(alike(a.name)) == longest]
    return best[0] if len(best) == 1 else None


def _day(taken: str) -> date | None:
    """Return the day of an EXIF time, 2023:05:21 10:02:11."""
    try:
        return date.fromisoformat(taken[:10].replace(":", "-"))
    except ValueError:
        return None
