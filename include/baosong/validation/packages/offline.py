"""A bundle on a services: the pipeline's own review of it and of each of its files, with nothing sent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from baosong.campaign import Campaign, Prefecture
from baosong.rules.findings import Checked, Kind
from baosong.store.source import Source
from baosong.validation.common import file_safety
from baosong.validation.packages import contents, directory

Answer = tuple[str, Kind | None, Checked]


def check(source: Source, given: Kind | None, campaign: Campaign, prefecture: Prefecture | None) -> Iterator[Answer]:
    """Yield what is said of a bundle and of each of its files: path inside ("" for itself), deliverable, answer.

    `given` is the deliverable of files that no folder inside tells, as if the bundle lay in that folder.
    """
    if file_safety.is_marked_name(source.name):
        yield "", None, file_safety.held_as_classified()
        return
    with tempfile.TemporaryDirectory(prefix="baosong-") as folder:
        try:
            members = directory.read(source, campaign)
            kinds = contents.kinds(source, members, campaign, given, Path(folder))
        except directory.Refused as refused:
            yield "", None, Checked([refused.finding], contents.facts(source.size))
            return
        yield "", None, contents.summary(source.size, len(members))
        for member, kind in zip(members, kinds, strict=True):
            with contents.unpacked(source, member, Path(folder)) as copy:
                yield member.path, kind, contents.judge(copy.source(member.name), member, kind, campaign, prefecture)
