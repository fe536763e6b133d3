"""Plain texts that are long, wide, backwards or in no code at all."""

from __future__ import annotations

from collections.abc import Iterator

from baosong.rules.findings import Kind
from hostile_makers.case import Case, case


def texts() -> Iterator[Case]:
    """Yield all cases."""
    bodies = {
        "20 MB without a line end": b"x" * (20 << 20),
        "a million links": b"http://a.example/ " * 1_000_000,
        "a million beginnings of links": b"http://" * 1_000_000,
        "a million marks that are none": "密 级 :".encode() * 1_000_000,
        "a million stars": "★ 秘".encode() * 1_000_000,
        "a number of ten million digits": "参与公众".encode() + b"9" * 10_000_000,
        "a million numbers": "参与公众1人次，".encode() * 500_000,
        "half surrogates": "\ud800\udc00\udc00".encode("utf-16-le", "surrogatepass").join([b"\xff\xfe", b"\0"]),
        "an odd byte of UTF-16": b"\xff\xfea",
        "text from right to left": "\u202e\u2066\u200f链接http://a.example/".encode(),
        "control characters": b"a\x1b[2J\x07http://a.example/",
        "NUL": "链接\0http://a.example/\0".encode(),
        "no code at all": bytes(range(32, 256)) * 9,
        "terminal commands": b"\x1b]0;x\x07\x1b[31m",
        "a template": b"{{ 7 * 7 }} {% raw %} ${7*7} %(x)s #{7*7}",
        "a formula": b"=cmd|'/c calc'!A1\thttp://a.example/",
        "markup": b"<script>alert(1)</script> http://a.example/<img src=x onerror=alert(1)>",
    }
    for title, data in bodies.items():
        yield case(f"links: {title}", "链接.txt", Kind.PRESS, data)
        yield case(f"unnamed text: {title}", "附件.txt", None, data)
