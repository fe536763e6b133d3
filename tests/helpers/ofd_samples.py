"""OFDs (GB/T 33190) as Suwell's, Foxit's and WPS's writers shape them, by hand."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

TITLE = "乌鲁木齐市2023年自治区科技活动周总结报告"
_NS = 'xmlns:ofd="http://www.ofdspec.org/2016"'
_ANNOT = '<ofd:Annot ID="70" Type="Watermark" Creator="a">'
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def text_object(text: str, number: int = 1, height: float = 20.0, *, spread: bool = False) -> str:
    """Return a line of text; `spread` gives every letter an object of its own, as some writers do."""
    pieces = list(text) if spread else [text]
    return "".join(
        f'<ofd:TextObject ID="{number * 1000 + i}" Boundary="{20 + 5 * i} {height} 170 7" Font="3" Size="4.9">'
        f'<ofd:TextCode X="0" Y="4.2" DeltaX="g {max(1, len(piece) - 1)} 4.9">{escape(piece)}</ofd:TextCode>'
        f"</ofd:TextObject>"
        for i, piece in enumerate(pieces)
    )


def page(*lines: str, more: str = "", template: str = "", spread: bool = False) -> str:
    """Return a page of these lines; `more` are further objects, `template` is the number of one."""
    objects = "".join(text_object(line, n, 20.0 + 9 * n, spread=spread) for n, line in enumerate(lines, 1))
    below = f'<ofd:Template TemplateID="{template}" ZOrder="Background"/>' if template else ""
    return (
        f"{_HEAD}<ofd:Page {_NS}><ofd:Area><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:Area>{below}"
        f'<ofd:Content><ofd:Layer ID="2" Type="Body">{objects}{more}</ofd:Layer></ofd:Content></ofd:Page>'
    )


def drawn(strokes: int = 400) -> str:
    """Return letters turned into outlines."""
    path = " ".join(f"M {i % 170} {i % 230} L {i % 91} {i % 77} C" for i in range(strokes))
    data = f"<ofd:AbbreviatedData>{path}</ofd:AbbreviatedData>"
    return f'<ofd:PathObject ID="9" Boundary="0 0 210 297">{data}</ofd:PathObject>'


PICTURE = '<ofd:ImageObject ID="8" Boundary="0 0 210 297" ResourceID="5"/>'


def document(pages: int, more: str = "", common: str = "") -> str:
    """Return Document.xml."""
    listed = "".join(f'<ofd:Page ID="{n + 10}" BaseLoc="Pages/Page_{n}/Content.xml"/>' for n in range(pages))
    return (
        f"{_HEAD}<ofd:Document {_NS}><ofd:CommonData><ofd:MaxUnitID>99</ofd:MaxUnitID><ofd:PageArea>"
        f"<ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea>{common}</ofd:CommonData>"
        f"<ofd:Pages>{listed}</ofd:Pages>{more}</ofd:Document>"
    )


def start(documents: int = 1, info: str = "") -> str:
    """Return OFD.xml."""
    bodies = "".join(
        f"<ofd:DocBody><ofd:DocInfo><ofd:DocID>0123456789abcdef0123456789abcdef</ofd:DocID>{info}</ofd:DocInfo>"
        f"<ofd:DocRoot>Doc_{n}/Document.xml</ofd:DocRoot></ofd:DocBody>"
        for n in range(documents)
    )
    return f'{_HEAD}<ofd:OFD {_NS} Version="1.0" DocType="OFD">{bodies}</ofd:OFD>'


def package(parts: Mapping[str, str | bytes]) -> bytes:
    """Return a zip of these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def ofd(
    *pages: str, info: str = "", more: str = "", common: str = "", parts: Mapping[str, str | bytes] | None = None
) -> bytes:
    """Return an OFD of these pages, by default a report of one; `more` stands in Document.xml, `parts` beside it."""
    pages = pages or (page(TITLE, "全市开展活动128项。"),)
    return package({
        "OFD.xml": start(info=info),
        "Doc_0/Document.xml": document(len(pages), more, common),
        **{f"Doc_0/Pages/Page_{n}/Content.xml": content for n, content in enumerate(pages)},
        **(parts or {}),
    })  # fmt: skip


def of_documents(*texts: Sequence[str]) -> bytes:
    """Return an OFD that holds several documents, of one page each."""
    parts: dict[str, str | bytes] = {"OFD.xml": start(len(texts))}
    for n, lines in enumerate(texts):
        parts |= {f"Doc_{n}/Document.xml": document(1), f"Doc_{n}/Pages/Page_0/Content.xml": page(*lines)}
    return package(parts)


def remarked(text: str) -> bytes:
    """Return a report with a remark upon its page."""
    page_of = '<ofd:Page PageID="10"><ofd:FileLoc>Page_0/Annotation.xml</ofd:FileLoc></ofd:Page>'
    listed = f"{_HEAD}<ofd:Annotations {_NS}>{page_of}</ofd:Annotations>"
    remark = f"<ofd:Remark>{escape(text)}</ofd:Remark>"
    remark = f"{_HEAD}<ofd:PageAnnot {_NS}>{_ANNOT}{remark}</ofd:Annot></ofd:PageAnnot>"
    parts = {"Doc_0/Annots/Annotations.xml": listed, "Doc_0/Annots/Page_0/Annotation.xml": remark}
    return ofd(more="<ofd:Annotations>Annots/Annotations.xml</ofd:Annotations>", parts=parts)


def stamped(text: str) -> bytes:
    """Return a report with a watermark that is an annotation's appearance."""
    shown = f'<ofd:Appearance Boundary="0 0 100 100">{text_object(text)}</ofd:Appearance>'
    annot = f"{_HEAD}<ofd:PageAnnot {_NS}>{_ANNOT}{shown}</ofd:Annot></ofd:PageAnnot>"
    return ofd(parts={"Doc_0/Annots/Page_0/Annotation.xml": annot})


def on_template(text: str) -> bytes:
    """Return a report whose page lies on a template with words."""
    common = '<ofd:TemplatePage ID="60" BaseLoc="Tpls/Tpl_0/Content.xml"/>'
    return ofd(page(TITLE, template="60"), common=common, parts={"Doc_0/Tpls/Tpl_0/Content.xml": page(text)})


def carrying(name: str, content: bytes) -> bytes:
    """Return a report with an attachment."""
    listed = (
        f'{_HEAD}<ofd:Attachments {_NS}><ofd:Attachment ID="1" Name={quoteattr(name)} Format="x">'
        f"<ofd:FileLoc>/Doc_0/Attachs/{escape(name)}</ofd:FileLoc></ofd:Attachment></ofd:Attachments>"
    )
    parts = {"Doc_0/Attachs/Attachments.xml": listed, f"Doc_0/Attachs/{name}": content}
    return ofd(more="<ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments>", parts=parts)


def sealed(words: str) -> bytes:
    """Return a signed report; its seal is binary but for its name."""
    signature = (
        f'{_HEAD}<ofd:Signature {_NS}><ofd:SignedInfo><ofd:Provider ProviderName="x"/></ofd:SignedInfo></ofd:Signature>'
    )
    seal = b"\x30\x82\x01\x00\x0c" + bytes([len(words.encode())]) + words.encode() + b"\x02\x01\xff\xfe"
    return ofd(parts={"Doc_0/Signs/Sign_0/Signature.xml": signature, "Doc_0/Signs/Sign_0/Seal.esl": seal})
