"""The page on which an operator acts: a form, then the same in words to be confirmed. The board's own, never stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from baosong.campaign import Campaign
from baosong.receipts.view import describe_file, render

if TYPE_CHECKING:
    from baosong.ledger import Submission

Values = Mapping[str, Sequence[str]]
"""What a form holds, by the names of its fields."""


class Option(NamedTuple):
    """One of the answers that a field offers."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """A question of a form; `values` are the answers so far, and `most` is how many characters a text may have."""

    name: str
    label: str
    kind: Literal["radio", "checkbox", "time", "text"] = "text"
    options: Sequence[Option] = ()
    hint: str = ""
    most: int = 500
    values: Sequence[str] = ()

    @property
    def shown(self) -> list[str]:
        """Return the answers in words."""
        words = dict(self.options)
        return [words.get(value, value.replace("T", " ") if self.kind == "time" else value) for value in self.values]


class Heading(NamedTuple):
    """What an act's page is about: its title, the verb of its last button, and the way back, by name and address."""

    title: str
    verb: str
    place: str
    back: str


def render_act(
    campaign: Campaign,
    heading: Heading,
    fields: Sequence[Field],
    values: Values,
    row: Submission | None = None,
    original: str = "",
    *,
    effect: str = "",
    trouble: str = "",
) -> str:
    """Return the form filled in with `values`, or, where an `effect` is given, what is to be confirmed.

    `original` is the address under which the file can be seen, empty where it may not be; `trouble` is why the last
    attempt was refused.
    """
    return render(
        "act.html",
        campaign=campaign,
        **heading._asdict(),
        fields=[replace(field, values=values.get(field.name) or field.values) for field in fields],
        file=describe_file(row, campaign, campaign.zone) if row else None,
        original=original,
        effect=effect,
        trouble=trouble,
    )
