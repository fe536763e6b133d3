"""Words of a drop-down as people write them: a synonym, a ticked box, or a text that only tells the nearest choice."""

from __future__ import annotations

import re
from functools import lru_cache

from baosong.campaign.form import ActivityField
from baosong.validation.statistics.numbers import fold
from baosong.validation.statistics.tables import key

LONGEST = 60
TICKED, UNTICKED = "√✓✔☑■●◉", "□☐○◯◻▢"
_PARTS = re.compile(rf"[{TICKED}]|[{UNTICKED}]|[^{TICKED}{UNTICKED}]+")
_BRACKETS = re.compile(r"[()\[\]【】\s]")
_DENIED = re.compile("不|非|未|无|没|取消|改为|待")


class Choices:
    """The choices of one field, and what leads to each."""

    def __init__(
        self,
        choices: tuple[str, ...],
        synonyms: tuple[tuple[str, str], ...],
        words: tuple[tuple[str, tuple[str, ...]], ...],
        several: str | None,
    ) -> None:
        pairs = (*((c, c) for c in choices), *synonyms)
        self._spelled = {key(word) or word: choice for word, choice in pairs}
        self._words = {word: choice for choice, listed in words for word in listed}
        self._any_word = re.compile("|".join(map(re.escape, sorted(self._words, key=len, reverse=True))) or r"(?!)")
        self._several = several

    def same(self, text: str) -> str | None:
        """Return the choice that a text means beyond doubt: by a synonym, or the one box that is ticked."""
        plain = fold(text[:LONGEST])
        return self._spelled.get(key(plain) or plain) or (self._ticked(plain) if len(text) <= LONGEST else None)

    def nearest(self, text: str) -> str | None:
        """Return the choice whose words a text holds; of several the form's word for that, or the last."""
        plain = key(text[:LONGEST])
        if len(text) > LONGEST or _DENIED.search(plain):
            return None
        found = [self._words[word] for word in self._any_word.findall(plain)]
        if not found:
            return self._remarked(text)
        return self._several if self._several and len(set(found)) > 1 else found[-1]

    def _remarked(self, text: str) -> str | None:
        """Return the choice behind which a remark stands in brackets that is no choice itself: 是（省级）."""
        head, _, remark = fold(text).partition("(")
        return None if key(remark) in self._spelled else self._spelled.get(key(head))

    def _ticked(self, text: str) -> str | None:
        crossed = "□" if any(c in TICKED for c in text) else "☑"  # Word ticks a box by a cross
        parts = _PARTS.findall(_BRACKETS.sub("", text.replace("☒", crossed)))
        marks = [i for i, part in enumerate(parts) if part in TICKED or part in UNTICKED]
        if len(marks) * 2 != len(parts) or len({i % 2 for i in marks}) != 1:
            return None
        after = 1 if marks[0] == 0 else -1  # ☑是 □否, or 是☑ 否□
        chosen = [parts[i + after] for i in marks if parts[i] in TICKED]
        return self._spelled.get(key(chosen[0])) if len(chosen) == 1 else None


def choices_of(spec: ActivityField) -> Choices:
    """Return what leads to the choices of a field."""
    words = tuple((choice, tuple(listed)) for choice, listed in spec.words.items())
    return _choices(spec.choices, tuple(spec.synonyms.items()), words, spec.several)


@lru_cache(maxsize=64)
def _choices(
    choices: tuple[str, ...],
    synonyms: tuple[tuple[str, str], ...],
    words: tuple[tuple[str, tuple[str, ...]], ...],
    several: str | None,
) -> Choices:
    return Choices(choices, synonyms, words, several)
