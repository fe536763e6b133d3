"""PDFs that act, that go in circles, that lie about their size, that unpack without end, and those glued to a zip."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator, Sequence

from baosong.rules.findings import Kind
from hostile_makers.case import Case, case, good, nothing, zipped

CATALOG, PAGES = b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>"
TEXT = b"BT /F 12 Tf 60 700 Td (2023) Tj ET"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def pdfs() -> Iterator[Case]:
    """Yield all cases."""
    yield from _acting()
    yield from _circles()
    yield from _lies()
    yield from _bombs()
    yield from _glued()


def stream(content: bytes, more: bytes = b"", length: int | None = None) -> bytes:
    """Return a stream object."""
    size = len(content) if length is None else length
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (size, more, content)


def pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """Return a PDF of these objects, the first of them its root, with a right cross-reference table."""
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
    return out + b"trailer << /Size %d /Root 1 0 R %b >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)


def plain(catalog: bytes = CATALOG, pages: bytes = PAGES, page: bytes = PAGE, *more: bytes) -> bytes:
    """Return a PDF of one page with words, its parts as given, further objects from number 6 on."""
    return pdf(catalog, pages, page, stream(TEXT), FONT, *more)


def _with(what: bytes, into: bytes = CATALOG) -> bytes:
    return into[:-2] + what + b" >>"


def _acting() -> Iterator[Case]:
    script, launch = b"<< /S /JavaScript /JS (app.alert(1)) >>", b"<< /S /Launch /F (cmd.exe) >>"
    submit, remote = b"<< /S /SubmitForm /F (http://192.0.2.1) >>", b"<< /S /GoToR /F (\\\\192.0.2.1\\x) >>"
    hex_name = b"<< /S /Java#53cript /JS (x) >>"
    named = _with(b"/Names << /JavaScript << /Names [(a) 6 0 R] >> >>")
    button = b"/Annots [<< /Subtype /Widget /A " + script + b" >>]"
    yields = {
        "a script at opening": plain(_with(b"/OpenAction " + script)),
        "a script in a hidden spelling": plain(_with(b"/OpenAction " + hex_name)),
        "a script by reference": plain(_with(b"/OpenAction 6 0 R"), PAGES, PAGE, script),
        "a script among the names": plain(named, PAGES, PAGE, script),
        "a script at closing": plain(_with(b"/AA << /WC " + script + b" >>")),
        "a script on a page": plain(CATALOG, PAGES, _with(b"/AA << /O " + script + b" >>", PAGE)),
        "a script behind a button": plain(CATALOG, PAGES, _with(button, PAGE)),
        "a form that is sent off": plain(_with(b"/OpenAction " + submit)),
        "a jump to another machine": plain(_with(b"/OpenAction " + remote)),
        "a program to start": plain(_with(b"/OpenAction " + launch)),
        "a program to start on a page": plain(CATALOG, PAGES, _with(b"/AA << /O " + launch + b" >>", PAGE)),
    }  # fmt: skip
    for title, data in yields.items():
        yield case(f"pdf with {title}", "总结.pdf", Kind.REPORT, data, "file.active_content")
        yield case(f"press pdf with {title}", "报道.pdf", Kind.PRESS, data, "file.active_content")
    for name, rule in (("x.exe", "file.program"), ("a.txt", "file.attachment")):
        spec = f"<< /Type /Filespec /F ({name}) /UF ({name}) /EF << /F 7 0 R >> >>".encode()
        names = _with(f"/Names << /EmbeddedFiles << /Names [({name}) 6 0 R] >> >>".encode())
        data = plain(names, PAGES, PAGE, spec, stream(b"MZ", b"/Type /EmbeddedFile"))
        yield case(f"pdf with {name}", "总结.pdf", Kind.REPORT, data, rule)


def _circles() -> Iterator[Case]:
    chain = [b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (n + 3) for n in range(5000)]
    circles = {
        "no pages": plain(CATALOG, b"<< /Type /Pages /Kids [] /Count 0 >>"),
        "pages that hold themselves": plain(CATALOG, b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"),
        "pages that hold their holder": pdf(CATALOG, PAGES, b"<< /Type /Pages /Kids [2 0 R] /Count 1 /Parent 2 0 R >>"),
        "pages 5,000 deep": pdf(CATALOG, *chain, PAGE, stream(TEXT), FONT),
        "one page 20,000 times": plain(CATALOG, b"<< /Type /Pages /Kids [" + b"3 0 R " * 20_000 + b"] /Count 9 >>"),
        "a root that is itself": pdf(b"1 0 R", PAGES),
        "two objects that are each other": pdf(b"2 0 R", b"1 0 R"),
        "no root": b"%PDF-1.7\ntrailer << /Size 1 >>\nstartxref\n9\n%%EOF",
        "a table before itself": plain(CATALOG, PAGES, PAGE).replace(b"/Root", b"/Prev 9 /Root"),
        "a form that draws itself": plain(
            CATALOG, PAGES, PAGE.replace(b"/Font", b"/XObject << /X 6 0 R >> /Font"),
            stream(b"/X Do", b"/Type /XObject /Subtype /Form /Resources << /XObject << /X 6 0 R >> >>"),
        ),
        "a parent that is its child": plain(CATALOG, PAGES, PAGE.replace(b"/Parent 2", b"/Parent 3")),
    }  # fmt: skip
    for title, data in circles.items():
        yield case(f"pdf with {title}", "总结.pdf", Kind.REPORT, data)
        yield case(f"unnamed pdf with {title}", "附件.pdf", None, data)


def _lies() -> Iterator[Case]:
    one = plain()
    many, key = b"/Type /ObjStm /N 1000000000 /First 4", b"/Filter /Standard /V 5 /R 6 /Length 2147483647"
    lies = {
        "a count of 10^9": plain(CATALOG, PAGES.replace(b"/Count 1", b"/Count 1000000000")),
        "a size of 10^12": one.replace(b"/Size 6", b"/Size 1000000000000"),
        "a stream of 10^12 bytes": pdf(CATALOG, PAGES, PAGE, stream(TEXT, length=10**12), FONT),
        "a stream of -1 bytes": pdf(CATALOG, PAGES, PAGE, stream(TEXT, length=-1), FONT),
        "a stream whose length is itself": pdf(CATALOG, PAGES, PAGE, stream(TEXT).replace(b"34", b"4 0 R"), FONT),
        "a table at the end of the world": one.replace(b"startxref\n", b"startxref\n99999999999"),
        "a table at -1": one[: one.rfind(b"startxref")] + b"startxref\n-1\n%%EOF",
        "wide cross-references": plain(
            CATALOG, PAGES, PAGE, stream(b"", b"/Type /XRef /W [1000000000 1 1] /Index [0 99999999] /Size 9")
        ),
        "an object stream of 10^9 objects": plain(CATALOG, PAGES, PAGE, stream(b"1 0 ", many)),
        "a key of 2^31 bits": pdf(CATALOG, PAGES, PAGE, trailer=b"/Encrypt << " + key + b" >>"),
        "an unknown lock": pdf(CATALOG, PAGES, PAGE, trailer=b"/Encrypt << /Filter /Unknown /V 99 >>"),
        "a page of 10^30 inches": plain(CATALOG, PAGES, PAGE.replace(b"595", b"1" + b"0" * 30)),
        "a number of a million digits": plain(CATALOG, PAGES, PAGE.replace(b"595", b"9" * 1_000_000)),
    }  # fmt: skip
    for title, data in lies.items():
        yield case(f"pdf with {title}", "总结.pdf", Kind.REPORT, data)


def _bombs() -> Iterator[Case]:
    columns = b"/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 999999999 >>"
    image = b"/Type /XObject /Subtype /Image /Width 50000 /Height 50000 /BitsPerComponent 8 /ColorSpace /DeviceRGB"
    drawn = PAGE.replace(b"/Font", b"/XObject << /X 6 0 R >> /Font")
    ranges = b"1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfrange <0000> <FFFFFFFF> <0000> endbfrange"
    flate, twice = b"/Filter /FlateDecode", b"/Filter [/FlateDecode /FlateDecode]"
    packed: dict[str, Callable[[], Sequence[bytes]]] = {
        "200 MB of nothing": lambda: (PAGE, stream(nothing(200), flate), FONT),
        "a bomb in a bomb": lambda: (PAGE, stream(zlib.compress(nothing(500), 9), twice), FONT),
        "a picture of 50,000 x 50,000": lambda: (drawn, stream(TEXT), FONT, stream(nothing(200), image + b" " + flate)),
    }
    for title, made in packed.items():
        yield case(f"pdf with {title}", "总结.pdf", Kind.REPORT, lambda m=made: pdf(CATALOG, PAGES, *m()))
    bombs: dict[str, Sequence[bytes]] = {
        "a run length bomb": (PAGE, stream(b"\x81 " * 20_000, b"/Filter /RunLengthDecode"), FONT),
        "an LZW bomb": (PAGE, stream(b"\x80\x0b\x60\x50" * 200_000, b"/Filter /LZWDecode"), FONT),
        "a predictor of 10^9 columns": (PAGE, stream(zlib.compress(b"x" * 999), columns), FONT),
        "a picture of 50,000 x 50,000 of no bytes": (drawn, stream(TEXT), FONT, stream(b"", image)),
        "four billion characters": (PAGE, stream(TEXT), FONT[:-2] + b"/ToUnicode 6 0 R >>", stream(ranges)),
        "a million brackets": (PAGE, stream(b"[" * 1_000_000), FONT),
        "a million open strings": (PAGE, stream(b"(" * 1_000_000), FONT),
        "100,000 saved states": (PAGE, stream(b"q " * 100_000 + TEXT), FONT),
        "a dictionary 10,000 deep": (PAGE, stream(TEXT), FONT, b"<< /A " * 10_000 + b">> " * 10_000),
    }  # fmt: skip
    for title, objects in bombs.items():
        yield case(f"pdf with {title}", "总结.pdf", Kind.REPORT, lambda o=objects: pdf(CATALOG, PAGES, *o))
    yield case("pdf with words without end", "总结.pdf", Kind.REPORT, endless, "file.too_costly")


def endless() -> bytes:
    """Return a PDF that takes its reader minutes: 300 times one page of 20,000 characters, each placed by itself."""
    words = b"BT /F 12 Tf " + b"1 0 0 1 9 9 Tm (2) Tj " * 20_000 + b"ET"
    pages = b"<< /Type /Pages /Kids [" + b"3 0 R " * 300 + b"] /Count 300 >>"
    return pdf(CATALOG, pages, PAGE, stream(words), FONT)


def _glued() -> Iterator[Case]:
    package = zipped({"a.exe": b"MZ" + bytes(500)})
    for title, data in {"made": plain(), "exported": good("pdf"), "scanned": good("scan")}.items():
        yield case(f"{title} pdf with a zip behind it", "总结.pdf", Kind.REPORT, data + package, "file.polyglot")
        yield case(f"{title} press pdf with a zip", "报道.pdf", Kind.PRESS, data + package, "file.polyglot")
    yield case("zip with a pdf before it", "总结.zip", Kind.REPORT, plain() + good("docx"), "file.polyglot")
    yield case("pdf behind 500 bytes of page", "总结.pdf", Kind.REPORT, b"<html>" + b" " * 500 + plain())
    yield case("pdf locked", "总结.pdf", Kind.REPORT, _locked, "file.encrypted")


def _locked() -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer, out = PdfWriter(clone_from=PdfReader(io.BytesIO(good("pdf")))), io.BytesIO()
    writer.encrypt("secret", "owner", algorithm="AES-256")
    writer.write(out)
    return out.getvalue()
