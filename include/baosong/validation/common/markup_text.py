"""The words of pages of the web: alone, packed with their pictures as MHT, and of RTF, whose marks alone are searched.

Web systems of offices export such pages as Word documents, or hide them in one (`altChunk`).
"""

from __future__ import annotations

import codecs
import email
import email.policy
import re

from baosong.validation.common.filetypes import decode_text
from baosong.validation.common.words import Place, Words
from baosong.validation.common.xml_text import Collector

_CHARSET = re.compile(rb"""charset\s{0,3}=\s{0,3}["']?([\w-]{2,20})""", re.IGNORECASE)
_OPENING = 2048
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "unicode": "utf-16"}
_RTF = re.compile(
    rb"((?:\\'[0-9a-fA-F]{2})++)|\\uc(\d{1,4}+) ?|\\u(-?\d{1,6}+) ?((?:\\'[0-9a-fA-F]{2}|\?){0,8}+)"
    rb"|((?:\\(?:par|line|tab|cell|row|sect|page)(?![a-zA-Z])-?\d{0,10} ?)++)|(?:\\[a-zA-Z]{1,32}+-?\d{0,10}+ ?)"
)
_RTF_BYTE = re.compile(rb"\\'([0-9a-fA-F]{2})|\?")
_RTF_LAYOUT = b"{}\r\n"  # what groups words of the file, and shows nothing


class _Target:
    """Hands the events of lxml's parser of HTML to a collector, which knows expat's."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self.data, self.end, self.close = collector.data, collector.end, collector.close

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        self._collector.start(tag, [text for pair in attributes.items() for text in pair])


def read_html(data: bytes, words: Words, place: Place) -> None:
    """Add the words of a page; what is wrong in it is read as browsers do."""
    from lxml import etree  # type: ignore[import-untyped]

    parser = etree.HTMLParser(target=_Target(Collector(words, place)), huge_tree=False)
    parser.feed(_decoded(data))
    parser.close()


def read_mht(data: bytes, words: Words, place: Place) -> None:
    """Add the words of a page that was saved as a single file: an e-mail of its parts."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    for part in message.walk():
        if part.get_content_maintype() == "text":
            content = part.get_payload(decode=True)
            if isinstance(content, bytes) and part.get_content_subtype() in ("html", "xml"):
                read_html(content, words, place)
            elif isinstance(content, bytes):
                words.add(place, _decoded(content))


def read_rtf(data: bytes, words: Words, place: Place) -> None:
    """Add what a Rich Text file says, fonts and styles among it: the words are whole, their order is the file's."""
    out, at, old = bytearray(), 0, 1  # `old`: how many signs for old programs follow one of Unicode (\ucN)
    for match in _RTF.finditer(data):
        out += data[at : match.start()].translate(None, _RTF_LAYOUT)
        at = match.end()
        escaped, fallbacks, unicode, followed, broken = match.groups()
        if escaped:
            out += _rtf_bytes(escaped)
        elif fallbacks:
            old = int(fallbacks)
        elif unicode:
            out += chr(int(unicode) % 0x10000).encode("gb18030", "ignore") + _rtf_bytes(followed, skipped=old)
        elif broken:
            out += b"\n"
    words.add(place, (out + data[at:].translate(None, _RTF_LAYOUT)).decode("gb18030", "replace"))


def _rtf_bytes(escaped: bytes, skipped: int = 0) -> bytes:
    found = list(_RTF_BYTE.finditer(escaped))[skipped:]
    return b"".join(bytes.fromhex(sign[1].decode()) if sign[1] else b"?" for sign in found)


def read_plain(data: bytes, words: Words, place: Place) -> None:
    """Add a plain text."""
    words.add(place, _decoded(data))


def _decoded(data: bytes) -> str:
    if named := _CHARSET.search(data[:_OPENING]):
        name = named[1].decode().lower()
        try:
            return data.decode(codecs.lookup(_WIDER.get(name, name)).name, "replace")
        except (LookupError, ValueError):
            pass
    text = decode_text(data)
    return data.decode("gb18030", "replace") if text is None else text
