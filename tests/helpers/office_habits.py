"""Documents as offices make them: valid Word files of many habits, and marks in each place that a package has."""

# ruff: noqa: E501  the XML of a case reads best in one piece
from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping

import openpyxl

from document_samples import TITLE, paper
from hostile_makers.old_office import compound, package_object

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
TEXT = [TITLE, "全市共举办活动 6 项，参与公众 2665 人次。"]
BODY, RELATIONS, TYPES = "word/document.xml", "word/_rels/document.xml.rels", "[Content_Types].xml"
Edit = Callable[[str], str]


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts: Mapping[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()


def edited(data: bytes, **edits: Edit) -> bytes:
    """Return a package with some parts edited, named by `body`, `relations`, `types` or `every`."""
    names = {BODY: "body", RELATIONS: "relations", TYPES: "types"}
    parts: dict[str, bytes | str] = {}
    for name, part in members(data).items():
        edit = edits.get("every") or edits.get(names.get(name, ""))
        parts[name] = edit(part.decode()) if edit and name.endswith((".xml", ".rels")) else part
    return zipped(parts)


def replacing(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return edit


def related(data: bytes, kind: str, target: str, mode: str = "Internal") -> bytes:
    """Return a document whose body refers to one thing more."""
    said = f'<Relationship Id="rIdX" Type="{OFFICE}/{kind}" Target="{target}" TargetMode="{mode}"/></Relationships>'
    return edited(data, relations=replacing("</Relationships>", said))


def with_part(data: bytes, name: str, part: bytes | str, kind: str = "", *, inside: str = "") -> bytes:
    """Return a document with a part more, which its body refers to as `kind`, and `inside` put into the body."""
    parts: dict[str, bytes | str] = dict(members(data))
    parts[name] = part
    suffix = name.rpartition(".")[2]
    types = members(data)[TYPES].decode()
    if f'Extension="{suffix}"' not in types:
        parts[TYPES] = types.replace(
            "<Default ", f'<Default Extension="{suffix}" ContentType="x/{suffix}"/><Default ', 1
        )
    made = zipped(parts)
    made = related(made, kind, "/" + name) if kind else made
    return in_body(made, inside) if inside else made


def in_body(data: bytes, xml: str) -> bytes:
    """Return a document with more XML at the head of its body."""
    head = f'<w:body xmlns:r="{OFFICE}" xmlns:v="urn:schemas-microsoft-com:vml">{xml}'
    return edited(data, body=lambda text: text.replace("<w:body>", head, 1))


def report() -> bytes:
    return paper(*TEXT)


def strict() -> bytes:
    def edit(text: str) -> str:
        text = text.replace(OFFICE, "http://purl.oclc.org/ooxml/officeDocument/relationships")
        return text.replace(WORD, "http://purl.oclc.org/ooxml/wordprocessingml/main")

    return edited(report(), every=edit)


def main_part(name: str) -> bytes:
    """A report whose main part bears another name, as Word itself writes `document2.xml` now and then."""
    parts = {n.replace("word/document.xml", f"word/{name}"): p for n, p in members(report()).items()}
    parts = {n.replace("_rels/document.xml", f"_rels/{name}"): p for n, p in parts.items()}
    for listed in (TYPES, "_rels/.rels"):
        parts[listed] = parts[listed].replace(b"word/document.xml", f"word/{name}".encode())
    return zipped(parts)


def content_type(kind: str) -> bytes:
    return edited(report(), types=replacing(MAIN, f"application/vnd.{kind}.main+xml"))


def without_thumbnail() -> bytes:
    kind = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
    parts = members(report())
    lost = f'<Relationship Id="rIdT" Type="{kind}" Target="docProps/none.jpeg"/></Relationships>'
    parts["_rels/.rels"] = parts["_rels/.rels"].replace(b"</Relationships>", lost.encode())
    return zipped({n: p for n, p in parts.items() if "thumbnail" not in n})


def prefixed(prefix: str) -> bytes:
    """A report whose XML has another prefix, as some libraries write it."""

    def edit(text: str) -> str:
        return (
            text.replace("<w:", f"<{prefix}:").replace("</w:", f"</{prefix}:").replace("xmlns:w=", f"xmlns:{prefix}=")
        )

    return edited(report(), body=lambda text: edit(text).replace(" w:", f" {prefix}:"))


PAGE = '<html><head><meta charset="{code}"></head><body>{body}</body></html>'


def page(*lines: str, code: str = "utf-8") -> bytes:
    body = "".join(f"<p>{line}</p>" for line in lines)
    return PAGE.format(code=code, body=body).encode(code)


def mht(*lines: str, code: str = "gbk") -> bytes:
    """A page as Word and the web systems of offices save it in one file."""
    import base64

    head = 'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="b"; type="text/html"\r\n\r\n--b\r\n'
    part = f'Content-Location: file:///C:/x.htm\r\nContent-Transfer-Encoding: base64\r\nContent-Type: text/html; charset="{code}"\r\n\r\n'
    return (head + part).encode() + base64.encodebytes(page(*lines, code=code)) + b"\r\n--b--\r\n"


def alt_chunk(name: str, chunk: bytes, *paragraphs: str) -> bytes:
    return with_part(paper(*paragraphs), f"word/{name}", chunk, "aFChunk", inside='<w:altChunk r:id="rIdX"/>')


def book(cell: str) -> bytes:
    made, out = openpyxl.Workbook(), io.BytesIO()
    made.active["A1"] = cell
    made.save(out)
    return out.getvalue()


def rich(*lines: str) -> bytes:
    """A Rich Text file as WordPad and Word write Chinese: escaped bytes of GBK."""
    words = "\\par ".join("".join(f"\\'{b:02x}" for b in line.encode("gbk")) for line in lines)
    return b"{\\rtf1\\ansi\\ansicpg936{\\fonttbl{\\f0 SimSun;}}" + words.encode() + b"}"


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def tracked() -> bytes:
    """A figure that was 300 and is 328 now, with the change tracked."""
    change = f'<w:p>{run("参与公众")}<w:del w:id="1"><w:r><w:delText>300</w:delText></w:r></w:del><w:ins w:id="2">{run("328")}</w:ins>{run("人次")}</w:p>'
    return in_body(report(), change)


def ruby() -> bytes:
    """A prefecture's name with its reading above."""
    over = "".join(
        f"<w:r><w:ruby><w:rt>{run(sound)}</w:rt><w:rubyBase>{run(sign)}</w:rubyBase></w:ruby></w:r>"
        for sign, sound in (("乌鲁", "wulu"), ("木齐", "muqi"))
    )
    return in_body(paper("2023年科技活动周总结"), f"<w:p>{over}{run('市')}</w:p>")


def word_97(text: str, *subdocuments: str, deleted: str = "", symbol: str = "") -> bytes:
    """An old Word file with a piece table: its text, footnotes, headers ...; one run deleted, one letter a symbol."""
    words = text + "".join(subdocuments)
    counts = struct.pack("<8L", len(text), *map(len, subdocuments), *[0] * (7 - len(subdocuments)))
    start = 1024
    body = words.encode("utf-16-le").ljust(1024, b"\0")
    runs = []
    for part, change in ((deleted, struct.pack("<HB", 0x0800, 1)), (symbol, struct.pack("<HHH", 0x6A09, 1, 0xF0AB))):
        if part:
            first = start + 2 * words.index(part)
            runs.append((first, first + 2 * len(part), change))
    runs.sort()
    bounds = [b for first, end, _ in runs for b in (first, end)]
    changes = [c for *_, change in runs for c in (change, b"")][: max(0, len(bounds) - 1)]
    page = bytearray(512)
    page[: 4 * len(bounds)] = struct.pack(f"<{len(bounds)}L", *bounds)
    page[511] = len(changes)
    for number, change in enumerate(changes):
        at = 200 + 20 * number
        page[4 * len(bounds) + number] = at // 2 if change else 0
        page[at : at + 1 + len(change)] = bytes([len(change)]) + change
    clx = b"\x02" + struct.pack("<LLLHLH", 16, 0, len(words), 0, start, 0)
    formats = struct.pack("<3L", start, start + len(body), (start + len(body)) // 512)
    fib = bytearray(start)
    fib[:12] = b"\xec\xa5\xc1\0" + bytes(6) + struct.pack("<H", 0x0200)
    fib[76 : 76 + 32] = counts
    fib[418:426] = struct.pack("<LL", 0, len(clx))
    fib[250:258] = struct.pack("<LL", len(clx), len(formats))
    return compound({"WordDocument": bytes(fib) + body + bytes(page), "1Table": clx + formats})


def old_book(*streams: tuple[str, bytes]) -> bytes:
    return compound({"Workbook": b"\x09\x08\x10\x00\x00\x06\x05\x00" + bytes(5000), **dict(streams)})


def marked_docx(mark: str) -> dict[str, bytes]:
    """The same mark in each place of a Word document, as programs write it there."""
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/"
    shape = '<w:p><w:r><w:pict><v:shape alt="{}"><v:textpath string="{}"/></v:shape></w:pict></w:r></w:p>'
    level, _, term = mark.partition("★")
    symbol = f'<w:p>{run(level)}<w:r><w:sym w:font="Wingdings" w:char="F0AB"/></w:r>{run(term)}</w:p>'
    box = f"<w:p><w:r><w:pict><v:textbox><w:txbxContent><w:p>{run(mark)}</w:p></w:txbxContent></v:textbox></w:pict></w:r></w:p>"
    spread = "<w:p>" + "".join(run(sign) + "<w:r><w:rPr><w:b/></w:rPr><w:t> </w:t></w:r>" for sign in mark) + "</w:p>"
    art = f'<d:dataModel xmlns:d="{drawing}diagram" xmlns:a="{drawing}main"><d:pt><a:p><a:r><a:t>{mark}</a:t></a:r></a:p></d:pt></d:dataModel>'
    chart = f'<c:chartSpace xmlns:c="{drawing}chart" xmlns:a="{drawing}main"><a:p><a:r><a:t>{mark}</a:t></a:r></a:p></c:chartSpace>'
    notes = f'<w:footnotes xmlns:w="{WORD}"><w:footnote><w:p>{run(mark)}</w:p></w:footnote></w:footnotes>'
    custom = f'<Properties xmlns:vt="v"><property name="密级"><vt:lpwstr>{mark}</vt:lpwstr></property></Properties>'
    deleted = f'<w:p><w:del w:id="1"><w:r><w:delText>{mark}</w:delText></w:r></w:del></w:p>'
    return {
        "watermark": in_body(report(), shape.format("", mark)),
        "watermark in a header": with_part(
            report(),
            "word/header9.xml",
            f'<w:hdr xmlns:w="{WORD}" xmlns:v="v"><w:p><w:r><w:pict><v:shape><v:textpath string="{mark}"/></v:shape></w:pict></w:r></w:p></w:hdr>',
            "header",
        ),
        "alternative text": in_body(report(), shape.format(mark, "")),
        "symbol of Wingdings": in_body(report(), symbol),
        "letter of Wingdings": in_body(
            report(),
            f"<w:p>{run(level)}<w:r><w:rPr><w:rFonts w:ascii='Wingdings'/></w:rPr><w:t>\uf0ab</w:t></w:r>{run(term)}</w:p>",
        ),
        "text box": in_body(report(), box),
        "runs with blanks": in_body(report(), spread),
        "bookmark": in_body(report(), f'<w:p><w:bookmarkStart w:id="1" w:name="{mark}"/></w:p>'),
        "field": in_body(report(), f'<w:p><w:r><w:instrText>QUOTE "{mark}"</w:instrText></w:r></w:p>'),
        "deleted but still there": in_body(report(), deleted),
        "SmartArt": with_part(report(), "word/diagrams/data1.xml", art, "diagramData"),
        "chart": with_part(report(), "word/charts/chart1.xml", chart, "chart"),
        "footnote": with_part(report(), "word/footnotes.xml", notes, "footnotes"),
        "custom property": with_part(report(), "docProps/custom.xml", custom),
        "customXml": with_part(report(), "customXml/item1.xml", f"<CoverPage><Abstract>{mark}</Abstract></CoverPage>"),
        "altChunk": alt_chunk("a.htm", page(mark, *TEXT)),
        "altChunk in GBK": alt_chunk("a.htm", page(mark, *TEXT, code="gbk")),
        "altChunk of MHT": alt_chunk("a.mht", mht(mark, *TEXT)),
        "altChunk of Word": alt_chunk("a.docx", paper(mark, *TEXT)),
        "altChunk of RTF": alt_chunk("a.rtf", rich(mark, *TEXT)),
        "embedded workbook": with_part(report(), "word/embeddings/Book1.xlsx", book(mark), "package"),
        "embedded document": with_part(report(), "word/embeddings/a.docx", paper("x", header=mark), "package"),
        "document in a document in a document": with_part(
            report(), "word/embeddings/a.docx", with_part(paper("x"), "word/embeddings/b.xlsx", book(mark)), "package"
        ),
        "embedded old workbook": with_part(
            report(), "word/embeddings/o.bin", old_book(("x", mark.encode("utf-16-le"))), "oleObject"
        ),
        "packed text": with_part(
            report(), "word/embeddings/o.bin", package_object("a.txt", mark.encode("gbk")), "oleObject"
        ),
        "packed Word document": with_part(
            report(), "word/embeddings/o.bin", package_object("a.docx", paper(mark)), "oleObject"
        ),
        "main part of another name": in_body(report(), f"<w:p>{run(mark)}</w:p>"),
    }


def marked_old(mark: str) -> dict[str, bytes]:
    """The same mark in old files: in streams that are not the text, in both codes."""
    utf16, gbk = mark.encode("utf-16-le"), mark.encode("gbk")
    odd = b"\x01" + utf16  # as a record of a workbook may put it
    word = {"WordDocument": b"\xec\xa5\xc1\0".ljust(512, b"\0") + TITLE.encode("utf-16-le")}
    return {
        "doc, properties": compound({**word, "\x05SummaryInformation": b"\x1e\0\0\0\x0a\0\0\0" + gbk}),
        "doc, wide properties": compound({**word, "\x05DocumentSummaryInformation": b"\x1f\0\0\0" + utf16}),
        "doc, a stream of an object": compound({**word, "x": bytes(99) + utf16}),
        "doc, a packed document": compound({**word, "Package": paper(mark)}),
        "xls, header": old_book(("y", b"\x14\0\x12\0" + odd)),
        "xls, old header": old_book(("y", b"\x14\0\x09\0\x08" + gbk)),
        "xls, properties": old_book(("\x05SummaryInformation", b"\x1e\0\0\0\x0a\0\0\0" + gbk)),
    }
