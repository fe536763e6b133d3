"""The model of a campaign file. Field names are those of `include/campaigns/*.yaml`."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from baosong.campaign.form import Form
from baosong.rules.findings import Kind
from baosong.rules.words import alike

# Incremented by hand when the meaning of a check changes in code, so that a receipt names the rules that applied.
RULES_REVISION = "3"

Text = Annotated[str, Field(min_length=1, max_length=300)]
Share = Annotated[float, Field(ge=0, le=0.2)]
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("应是一个电子邮箱地址，例如 kjj@example.cn")
    return text


Address = Annotated[str, Field(max_length=200), AfterValidator(_address)]
Addresses = Annotated[list[Address], Field(max_length=20)]
Step = Annotated[int, Field(ge=0, le=11)]
Days = Annotated[list[Annotated[int, Field(ge=0, le=60)]], Field(max_length=20)]


class Model(BaseModel):
    """Frozen, and strict about unknown fields: a misspelt key must not silently change a rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Recipient(Model):
    """The office that receives the submissions, as the notice gives it."""

    office: Text
    contacts: list[Text]
    phones: list[Text]
    email: Text
    address: Text
    postcode: Text


class Window(Model):
    """The days on which the campaign's activities take place, both included."""

    start: date
    end: date

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start > self.end:
            raise ValueError("start 不能晚于 end")
        return self


class Prefecture(Model):
    """A unit that must submit, identified by its GB/T 2260 code; `counties` are those whose offices may sign for it.

    `tile` is its column and row on the map of the region, counted from the north-west corner.
    """

    code: Annotated[str, Field(pattern=r"^\d{4,6}$")]
    name: Annotated[str, Field(min_length=2, max_length=40, pattern=r"^[^/\\|<>\x00-\x1f]+$")]
    aliases: list[Text] = []
    counties: list[Text] = []
    own_names: list[Text] = []  # in the languages that are written there beside Chinese
    tile: tuple[Step, Step] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return all its names, the Chinese ones first."""
        return (self.name, *self.aliases, *self.own_names)

    @property
    def folder(self) -> str:
        """Return the name of the prefecture's folder in intake and outbox, `6501-乌鲁木齐市`."""
        return f"{self.code}-{self.name}"


class Deliverable(Model):
    """A kind of material that each prefecture must send; sizes in bytes are derived from `max_mb`."""

    kind: Kind
    name: Text
    folder: Annotated[str, Field(pattern=r"^[^/\\|<>\x00-\x1f]+$")]
    required: bool
    single: bool
    min: Annotated[int, Field(ge=0)]
    max: Annotated[int, Field(ge=1)]
    max_mb: Annotated[int, Field(ge=1)]
    formats: Annotated[list[Annotated[str, Field(pattern=r"^[a-z0-9]+$")]], Field(min_length=1)]

    @property
    def max_size(self) -> int:
        """Return the largest file accepted, in bytes."""
        return self.max_mb * 1024 * 1024


class RateException(Model):
    """A codec whose fixed rate lies above the upper limit and is accepted all the same.

    `codec` is MediaInfo's name for it: the format (`ProRes`), that with its profile (`ProRes 422`), or the trade name
    (`AVC-Intra 100`).
    """

    codec: Text
    bit_rate_max: Annotated[int, Field(gt=0)]


class VideoProfile(Model):
    """What a video must be, in MediaInfo's terms; bit rates in bit/s of the video essence.

    `tolerance` is the share by which a rate may miss a limit and still pass, which the receipt states.
    """

    text: Text
    containers: Annotated[list[Literal["MOV", "MPEG-PS", "MPEG-TS"]], Field(min_length=1)]
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    frame_rate: Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")]
    scans: Annotated[list[Literal["interlaced", "progressive"]], Field(min_length=1)]
    bit_rate_min: Annotated[int, Field(gt=0)]
    bit_rate_max: Annotated[int, Field(gt=0)]
    tolerance: Share = 0.0
    exceptions: list[RateException] = []

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.bit_rate_min > self.bit_rate_max:
            raise ValueError("bit_rate_min 不能大于 bit_rate_max")
        low = [e.codec for e in self.exceptions if e.bit_rate_max <= self.bit_rate_max]
        if low:
            raise ValueError(f"exceptions 的 bit_rate_max 应大于 {self.bit_rate_max}：{'、'.join(low)}")
        return self

    def most(self, codecs: Collection[str]) -> int:
        """Return the upper limit in bit/s for a video known by these names."""
        return max([self.bit_rate_max, *(e.bit_rate_max for e in self.exceptions if e.codec in codecs)])


class PhotoProfile(Model):
    """The smallest picture accepted and the largest that is decoded, in pixels."""

    min_width: Annotated[int, Field(gt=0)]
    min_height: Annotated[int, Field(gt=0)]
    max_pixels: Annotated[int, Field(gt=0)]


class ArchiveProfile(Model):
    """The days for which a store with object lock refuses the removal of archived files, even to us."""

    lock_days: Annotated[int, Field(ge=1, le=36500)]


class Quarantine(Model):
    """How long rejected files are kept after their receipt, in days; held ones are kept until somebody decides."""

    keep_days: Annotated[int, Field(ge=30, le=36500)]


class IntakeLimits(Model):
    """How many files and bytes of one prefecture may wait in the intake to be looked at; what waits is not counted
    again once it was answered."""

    max_files: Annotated[int, Field(ge=100, le=100_000)] = 2000
    max_bytes: Annotated[int, Field(ge=1 << 30)] = 1 << 40


class Contact(Model):
    """Whom to ask in a prefecture, and the addresses that its messages go to; for operators' eyes only."""

    name: Annotated[str, Field(min_length=1, max_length=40)] = ""
    phone: Annotated[str, Field(pattern=r"^[0-9+()（）、 -]{5,60}$")] = ""
    emails: Addresses = []


class Reminders(Model):
    """When those who have not sent all are reminded: days `before` and `after` the last day, at a time of the day.

    Nobody is to be woken: the time is a full or half hour from 07:00 to 20:30, which the DAG `reminders` looks at.
    """

    at: str = "09:00"
    before: Days = [7, 3, 1, 0]
    after: Annotated[list[Annotated[int, Field(ge=1, le=60)]], Field(max_length=20)] = [1, 3]

    @field_validator("at", mode="before")
    @classmethod
    def _half_hour(cls, value: Any) -> Any:
        if not re.fullmatch(r"(?:0[7-9]|1\d|20):[03]0", str(value)):
            raise ValueError('应是 "07:00" 至 "20:30" 的整点或半点，并加引号')
        return value


class Opening(Model):
    """When and in which prefecture the notice has the main opening ceremony; another campaign's is not told of."""

    prefecture: Text
    day: date


class Campaign(Model):
    """A campaign: who must send what, until when, and the rules for it.

    `previous` is the id of last year's campaign, if the report compares with it. Without `quarantine` rejected files
    are kept for ever. `contacts` are the prefectures' by code, `operators` the addresses that alarms go to.
    """

    id: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,39}$")]
    title: Text
    theme: Text
    region: Text
    organizer: Text
    recipient: Recipient
    timezone: str
    window: Window
    deadline: datetime
    prefectures: Annotated[list[Prefecture], Field(min_length=1)]
    deliverables: Annotated[list[Deliverable], Field(min_length=1)]
    video: VideoProfile
    photo: PhotoProfile
    form: Form
    opening: Opening | None = None
    previous: str | None = None
    archive: ArchiveProfile | None = None
    quarantine: Quarantine | None = None
    intake: IntakeLimits = IntakeLimits()
    contacts: dict[str, Contact] = {}
    operators: Addresses = []
    reminders: Reminders = Reminders()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as unknown:
            raise ValueError(f"没有名为 {value} 的时区，例如可写 Asia/Shanghai") from unknown
        return value

    @field_validator("deadline", mode="before")
    @classmethod
    def _deadline(cls, value: Any, info: Any) -> datetime:
        zone = ZoneInfo(info.data.get("timezone", "Asia/Shanghai"))
        return read_deadline(value).replace(tzinfo=zone)

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        names = [alike(n) for p in self.prefectures for n in (*p.names, *p.counties)]
        _refuse_duplicates("prefectures 的 code", [p.code for p in self.prefectures])
        _refuse_duplicates("prefectures 的 name、aliases、own_names 或 counties", names)
        _refuse_duplicates("deliverables 的 kind", [d.kind.value for d in self.deliverables])
        _refuse_duplicates("deliverables 的 folder", [d.folder for d in self.deliverables])
        self._check_tiles()
        if strangers := sorted(set(self.contacts) - {p.code for p in self.prefectures}):
            raise ValueError(f"contacts 中的 {'、'.join(strangers)} 不在 prefectures 之列")
        return self

    def _check_tiles(self) -> None:
        placed = [p for p in self.prefectures if p.tile]
        _refuse_duplicates("prefectures 的 tile", [f"[{p.tile[0]}, {p.tile[1]}]" for p in placed if p.tile])
        without = [p.name for p in self.prefectures if not p.tile]
        if placed and without:
            raise ValueError(f"prefectures 的 tile 应当都写或都不写，没有写的是：{'、'.join(without)}")

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone in which the campaign's dates are meant."""
        return ZoneInfo(self.timezone)

    @property
    def deadline_text(self) -> str:
        """Return the deadline in the notice's words."""
        return self.text_of(self.deadline)

    def ending(self, deadline: datetime) -> Self:
        """Return the campaign as it is for a prefecture with this deadline."""
        return self if deadline == self.deadline else self.model_copy(update={"deadline": deadline})

    def text_of(self, deadline: datetime) -> str:
        """Return a deadline in words; midnight is 24:00 of the day before."""
        last = deadline.astimezone(self.zone)
        clock = last.strftime("%H:%M")
        if clock == "00:00":
            last, clock = last - timedelta(days=1), "24:00"
        return f"{last.year}年{last.month}月{last.day}日{clock}"

    @cached_property
    def rules_version(self) -> str:
        """Return a short version that changes with any rule of the campaign, its form, or the code's revision."""
        apart = {"id", "title", "theme", "window", "opening", "deadline", "previous", "archive", "quarantine", "intake"}
        apart |= {"contacts", "operators", "reminders"}
        text = self.model_dump_json(exclude=dict.fromkeys(apart, True) | {"prefectures": {"__all__": {"tile"}}})
        return f"{RULES_REVISION}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def prefecture(self, code: str) -> Prefecture:
        """Return the prefecture with this code; KeyError if the campaign has none."""
        return self._by_code[code]

    def prefecture_named(self, text: str) -> Prefecture | None:
        """Return the prefecture with this name in any of its languages, ignoring spaces."""
        return self._by_name.get(alike(text))

    def contact(self, code: str) -> Contact:
        """Return whom to ask in a prefecture; empty where the campaign file does not say."""
        return self.contacts.get(code) or Contact()

    def last_day(self, deadline: datetime) -> date:
        """Return the last day on which a submission is in time; midnight belongs to the day before."""
        return (deadline.astimezone(self.zone) - timedelta(microseconds=1)).date()

    def deliverable(self, kind: Kind) -> Deliverable:
        """Return the deliverable of this kind; KeyError if the campaign does not ask for it."""
        return self._by_kind[kind]

    def deliverable_in(self, folder: str) -> Deliverable | None:
        """Return the deliverable that belongs in this folder."""
        return next((d for d in self.deliverables if d.folder == folder), None)

    @cached_property
    def _by_code(self) -> dict[str, Prefecture]:
        return {p.code: p for p in self.prefectures}

    @cached_property
    def _by_name(self) -> dict[str, Prefecture]:
        return {alike(n): p for p in self.prefectures for n in p.names}

    @cached_property
    def _by_kind(self) -> dict[Kind, Deliverable]:
        return {d.kind: d for d in self.deliverables}


def read_deadline(value: Any) -> datetime:
    """Return a naive date and time from `2023-06-15 24:00` (or 18:00); a bare date means the end of that day."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    match = re.fullmatch(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}):(\d{2})(?::\d{2})?)?", str(value).strip())
    if not match:
        raise ValueError("应写成 2023-06-15 24:00 的样子")
    day, hour, minute = match.groups(default="")
    hours, minutes = (int(hour), int(minute)) if hour else (24, 0)
    if hours * 60 + minutes > 24 * 60 or minutes > 59:
        raise ValueError("时刻应在 00:00 至 24:00 之间")
    return datetime.fromisoformat(day) + timedelta(hours=hours, minutes=minutes)


def _refuse_duplicates(what: str, values: list[str]) -> None:
    duplicates = sorted(v for v, times in Counter(values).items() if times > 1)
    if duplicates:
        raise ValueError(f"{what} 重复：{'、'.join(duplicates)}")
