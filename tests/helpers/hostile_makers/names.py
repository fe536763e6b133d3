"""Names that lie, run, climb or overflow; the content is good."""

from __future__ import annotations

from collections.abc import Iterator

from baosong.rules.findings import Kind
from hostile_makers.case import Case, case, good

NAMES = {
    "NUL": "总结\0.docx",
    "a line end": "总结\r\nSet-Cookie: x.docx",
    "terminal commands": "总结\x1b[2J.docx",
    "right to left": "总结\u202excod.docx",
    "invisible marks": "总结\u200b\u200d\ufeff.docx",
    "markup": "<script>alert(1)</script>.docx",
    "markup in an attribute": "\" onmouseover='alert(1)'.docx",
    "a template": "{{ 7 * 7 }}{% for x in y %}.docx",
    "a format": "%(x)s%n%s{0.__class__}.docx",
    "a shell": "$(id);`id`|id&&id.docx",
    "an option": "--help.docx",
    "a formula": "=cmd|'/c calc'!A1.docx",
    "a path upwards": "../../../../etc/passwd.docx",
    "a Windows path": "..\\..\\windows\\win.ini.docx",
    "a drive": "C:con.docx",
    "a device": "CON.docx",
    "a stream": "总结.docx:x.exe",
    "SQL": "'; DROP TABLE submission; --.docx",
    "1,000 characters": "长" * 995 + ".docx",
    "a suffix of 1,000 characters": "总结." + "x" * 1000,
    "85 Chinese characters": "长" * 80 + ".docx",
    "half a surrogate": "总结\udce4.docx",
    "faces": "👨‍👩‍👧‍👦🏳️‍🌈.docx",
    "a decomposed letter": "e\u0301te\u0301.docx",
    "nothing": "",
    "a suffix only": ".docx",
    "dots": "....",
    "a space": " ",
    "two suffixes": "总结.docx.exe",
    "a program's suffix": "总结.exe",
}


def named() -> Iterator[Case]:
    """Yield all cases: as a report, and as what nobody named."""
    for title, name in NAMES.items():
        yield case(f"a report named with {title}", name, Kind.REPORT, lambda: good("docx"))
        yield case(f"links named with {title}", name, Kind.PRESS, lambda: good("txt"))
    for title in ("NUL", "markup", "1,000 characters", "half a surrogate", "nothing", "right to left"):
        yield case(f"unplaced, named with {title}", NAMES[title], None, lambda: good("docx"))
        yield case(f"a photo named with {title}", NAMES[title], Kind.PHOTO, lambda: good("jpg"))
