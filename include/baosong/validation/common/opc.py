"""What an Office package is by its own word: its content types and relations tell, not the names of its parts.

ISO/IEC 29500-2. Both lists are short and read by patterns, not parsed: they tell a type before a sandbox is asked.
"""

from __future__ import annotations

import html
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

LARGEST = 4 << 20  # bytes read of a list; one of 10,000 parts has some 1.5 MB
TYPES, ROOT_RELATIONS = "[content_types].xml", "_rels/.rels"
_ENTRY = re.compile(r"<(?:\w+:)?(Override|Default|Relationship)\b([^<>]*)>")
_ATTRIBUTE = re.compile(r"""(?<!\w)(\w++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)')""")
_MAIN = {
    "wordprocessingml.document.main": "docx",
    "wordprocessingml.template.main": "docx",
    "ms-word.document.macroenabled.main": "docx",
    "ms-word.template.macroenabledtemplate.main": "docx",
    "spreadsheetml.sheet.main": "xlsx",
    "spreadsheetml.template.main": "xlsx",
    "ms-excel.sheet.macroenabled.main": "xlsx",
    "ms-excel.template.macroenabled.main": "xlsx",
    "ms-excel.addin.macroenabled.main": "xlsx",
    "ms-excel.sheet.binary.macroenabled.main": "xlsb",
    "presentationml.presentation.main": "pptx",
    "presentationml.slideshow.main": "pptx",
    "presentationml.template.main": "pptx",
    "ms-powerpoint.presentation.macroenabled.main": "pptx",
    "ms-powerpoint.slideshow.macroenabled.main": "pptx",
    "ms-powerpoint.template.macroenabled.main": "pptx",
    "ms-visio.drawing.main": "vsdx",
    "ms-package.xps-fixeddocumentsequence": "xps",
}
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, LookupError, RuntimeError)
_PREFIXES = ("application/vnd.openxmlformats-officedocument.", "application/vnd.", "application/")


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to: the last word of the relation's type, in lower case, and its target as written."""

    kind: str
    target: str
    external: bool = False
    id: str = ""


class Package:
    """The lists of a package. Parts are named as relations name them: without a first slash, in lower case."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.members: Mapping[str, zipfile.ZipInfo] = {
            info.filename.replace("\\", "/").lower(): info for info in archive.infolist()
        }

    @cached_property
    def kind(self) -> str:
        """Return `docx`, `xlsx` ... by the main part's content type, nothing where the package names none."""
        return _MAIN[self.type_of(self.main)] if self.main else ""

    @cached_property
    def main(self) -> str:
        """Return the part that is the document itself, whatever it is called; nothing where there is none."""
        parts = [self.resolved("", r.target) for r in self.relations("") if not r.external]
        return next((p for p in [*parts, *self._types[0]] if p in self.members and self.type_of(p) in _MAIN), "")

    def type_of(self, part: str) -> str:
        """Return a part's content type, short: `wordprocessingml.footnotes` for what Word's footnotes are."""
        overrides, defaults = self._types
        return overrides.get(part) or defaults.get(part.rpartition(".")[2], "")

    def relations(self, part: str) -> list[Relation]:
        """Return what a part refers to; the package itself is the part without a name."""
        folder, name = posixpath.split(part)
        found = self._entries(posixpath.join(folder, "_rels", f"{name}.rels"))
        return [
            Relation(
                said.get("Type", "").rpartition("/")[2].lower(),
                target,
                said.get("TargetMode") == "External",
                said.get("Id", ""),
            )
            for tag, said in found
            if tag == "Relationship" and (target := said.get("Target", ""))
        ]

    @staticmethod
    def resolved(part: str, target: str) -> str:
        """Return the part that a relation of `part` leads to."""
        path = posixpath.normpath(posixpath.join("/", posixpath.dirname(part), target.replace("\\", "/")))
        return path.lstrip("/").lower()

    @cached_property
    def _types(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the content types of single parts, and those of all that share a suffix."""
        overrides, defaults = {}, {}
        for tag, said in self._entries(TYPES):
            kind = _short(said.get("ContentType", ""))
            if tag == "Override":
                overrides[self.resolved("", said.get("PartName", ""))] = kind
            elif tag == "Default":
                defaults[said.get("Extension", "").lower()] = kind
        return overrides, defaults

    def _entries(self, part: str) -> Iterator[tuple[str, dict[str, str]]]:
        if part not in self.members:
            return
        try:
            with self._archive.open(self.members[part]) as f:
                data = f.read(LARGEST)
        except _DAMAGE:  # a list that cannot be unpacked says nothing
            return
        text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8", "replace")
        for tag, attributes in _ENTRY.findall(text):
            yield tag, {name: html.unescape(a or b) for name, a, b in _ATTRIBUTE.findall(attributes)}


def _short(content_type: str) -> str:
    lower = content_type.strip().lower().removesuffix("+xml")
    return next((lower.removeprefix(prefix) for prefix in _PREFIXES if lower.startswith(prefix)), lower)
