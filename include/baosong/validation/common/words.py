"""The words of one file as they are gathered, from all of its parts, and what could not be looked into."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Place = Literal["text", "margins", "traces"]
MAX_WORDS = 96 << 20  # bytes of all parts together: a page of headers is not behind that much
MAX_MEMBER = 32 << 20  # and of one
DEEPEST = 3  # documents within documents that are opened
LONGEST_NAME = 80
_SPELLED = rb"&#(?:0*%d|[xX]0*(?i:%x))"


class Content(NamedTuple):
    """What a document of pages says: its text, pages parted by form feeds, all its other words, its title.

    `pictures` counts pictures and pages that are drawn, `illegible` means that enough of the text has no meaning to us
    to hide words, `complete` that all of it was read.
    """

    text: str
    margins: str
    title: str
    pages: int
    pictures: int
    illegible: bool
    complete: bool


@dataclass(slots=True)
class Words:
    """What is written in a file, by place: its text, what stands around it, and traces.

    Traces are searched for marks alone. They are what no reader sees at once: deleted text, what fields are made of,
    names of styles, raw bytes of old files. With `only_with`, parts in which that letter cannot occur are left out.
    `foreign` reads what no reader of words knows (a PDF), and raises ValueError where it cannot. `missed` names parts
    that were not searched; `broken` is set where the main part is no sound XML.
    """

    only_with: str = ""
    foreign: Callable[[bytes], str] | None = None
    text: list[str] = field(default_factory=list)
    margins: list[str] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    title: str = ""
    pictures: int = 0
    broken: bool = False
    left: int = MAX_WORDS

    def add(self, place: Place, words: str) -> None:
        """Add words at a place."""
        if words and not words.isspace():
            (self.text if place == "text" else self.margins if place == "margins" else self.traces).append(words)

    def miss(self, name: str) -> None:
        """Note a part that was not searched."""
        shown = "".join(c for c in name if c.isprintable())[:LONGEST_NAME]
        if shown not in self.missed:
            self.missed.append(shown)

    def may_hold(self, xml: bytes, letter: str) -> bool:
        """Return whether a letter may occur in a part, as itself or as a character reference."""
        if letter.encode() in xml or xml.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")):
            return True
        return b"&#" in xml and re.search(_SPELLED % (ord(letter), ord(letter)), xml) is not None
