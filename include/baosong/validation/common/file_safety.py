"""What no deliverable may be or contain: empty, too large, another type than it says, locked, packed, classified."""

from __future__ import annotations

import re

from baosong.campaign import Deliverable
from baosong.rules.findings import Checked, Finding, Kind, error, warning
from baosong.store.source import Source
from baosong.validation.common import zip_guard
from baosong.validation.common.filetypes import ARCHIVES, ENCRYPTED, VIDEOS, ZIPPED, canonical
from baosong.validation.documents.reader import Document, plain

_LEVEL = r"(?:绝\s{0,3}密|机\s{0,3}密|秘\s{0,3}密)"
MARK = re.compile(
    rf"{_LEVEL}\s{{0,3}}级?\s{{0,3}}[★☆]|[★☆]\s{{0,3}}{_LEVEL}|密\s{{0,3}}级\s{{0,3}}[:：]?\s{{0,3}}[【\[(（]?\s{{0,3}}{_LEVEL}"
)
MARK_LETTER = "密"  # no mark is without it
NAME_MARK = re.compile(rf"{MARK.pattern}|[【\[(（〔〖]\s*{_LEVEL}\s*+(?:级\s*+)?[】\])）〕〗]|^{_LEVEL}级?[-_—.\s]")

_HINTS = {"heic": "请在手机上导出为 JPG 后重新上传（苹果手机：设置→相机→格式→兼容性最佳，以后拍的就是 JPG）。"}
_FAMILIES = {Kind.VIDEO: VIDEOS}  # a file of the right family is judged in full by its own check


def held_as_classified() -> Checked:
    """Return the answer to a classification mark: a human must look; nothing of the content is repeated."""
    finding = error(
        "file.classified",
        "文件带有密级标志，已暂停处理，等待工作人员核实；本回执不复述任何内容。",
        observed="密级标志",
        expected="报送材料不得涉密",
        fix="请立即联系本单位保密员和自治区科学技术厅，不要再次通过网络传送；如属误标，请去掉标志后重新报送。",
    )
    return Checked(findings=[finding], held=True)


def is_marked_name(name: str) -> bool:
    """Return whether a file name bears a classification mark."""
    return NAME_MARK.search(name) is not None


def is_marked(document: Document) -> bool:
    """Return whether a document's words bear a classification mark, headers and footers included."""
    return is_marked_text(document.text) or is_marked_text(document.margins)


def is_marked_text(text: str) -> bool:
    """Return whether a text bears a classification mark."""
    return MARK_LETTER in text and MARK.search(text) is not None


def size_findings(source: Source, limit: int) -> list[Finding]:
    """Judge what can be said without opening: an empty or an oversized file."""
    if source.size == 0:
        return [
            error(
                "file.empty",
                "文件是空的（0 字节）。",
                observed="0 字节",
                expected="有内容的文件",
                fix="请在本机打开原文件确认有内容，再重新上传；可能是上传中断或拷贝失败。",
            )
        ]
    if source.size > limit:
        return [
            error(
                "file.too_large",
                f"文件超过大小上限：{human_size(source.size)}，上限 {human_size(limit)}。",
                observed=human_size(source.size),
                expected=f"不超过 {human_size(limit)}",
                fix="请压缩其中的图片或分成几个文件，再重新上传。",
            )
        ]
    return []


def container_findings(source: Source, actual: str | None) -> list[Finding]:
    """Judge what keeps a file from being opened: a password, a bomb, a damaged or an unwanted package."""
    if actual == ENCRYPTED:
        return [encrypted("Office 文件")]
    if actual in ZIPPED and (bad := _zip_finding(source)):
        return [bad]
    return [_archive(actual)] if actual in ARCHIVES else []


def type_findings(source: Source, actual: str | None, deliverable: Deliverable) -> list[Finding]:
    """Judge the true type against what a deliverable collects; the verdict follows the bytes, not the name."""
    accepted = {canonical(f) for f in deliverable.formats}
    if actual is None:
        return [] if deliverable.kind is Kind.VIDEO else [_unknown(source, deliverable, accepted)]
    if actual in _FAMILIES.get(deliverable.kind, frozenset()):
        return []
    if actual in accepted:
        return _name_findings(source, actual)
    if actual == "ole":
        return [unreadable("文档的内部结构已损坏")]
    if canonical(source.suffix) in (actual, ""):
        return [_not_collected(actual, deliverable)]
    return [_disguised(source, actual, deliverable)]


def encrypted(what: str) -> Finding:
    """Return the finding for a file behind a password."""
    return error(
        "file.encrypted",
        f"{what}设有打开密码，无法读取。",
        observed="已加密",
        expected="不加密的文件",
        fix="请用 WPS 或 Office 打开，在“文件 → 文档加密（信息 → 保护文档）”里清空密码，保存后重新上传。",
    )


def unreadable(reason: str) -> Finding:
    """Return the finding for a file that does not open."""
    return error(
        "file.unreadable",
        f"文件打不开：{reason}。",
        observed=reason,
        expected="能正常打开的文件",
        fix="请在本机打开确认，另存为新文件后重新上传；上传完成前不要断网或关机。",
    )


def bomb(reason: str) -> Finding:
    """Return the finding for a container that would unpack beyond all measure."""
    return error(
        "file.bomb",
        f"文件内部展开后大得异常（{reason}），出于安全没有打开。",
        observed=reason,
        expected=f"展开后不超过 {human_size(zip_guard.MAX_TOTAL)}，且不超过原来的 {zip_guard.MAX_RATIO} 倍",
        fix="请把内容复制到新建的文件里，另存后重新上传。",
    )


def too_costly(what: str) -> Finding:
    """Return the finding for a file whose check used up its time or its memory."""
    return error(
        "file.too_costly",
        f"校验这个文件用尽了{what}上限，没有接收。",
        observed=f"超出{what}上限",
        expected="能在 20 秒、1 GB 内存之内打开的文件",
        fix="请把内容复制到新建的文件里，或从原来的软件重新导出、缩小图片、分成几个文件，再重新上传。",
    )


def crashed(how: str) -> Finding:
    """Return the finding for a file that brought its parser down."""
    return error(
        "file.crash",
        "打开这个文件时读取程序崩溃，内容很可能已损坏或被动过手脚，没有接收。",
        observed=how,
        expected="能正常打开的文件",
        fix="请用原来的软件打开，另存为新文件后重新上传；如来源不明，请先查杀病毒。",
    )


def human_size(size: int) -> str:
    """Return a size for people: `512 字节`, `3.2 MB`, `7.5 GB`."""
    if size < 1024:
        return f"{size} 字节"
    for unit, power in (("GB", 30), ("MB", 20), ("KB", 10)):
        if size >= 1 << power:
            return f"{size / (1 << power):.1f} {unit}"
    raise AssertionError(size)


def _zip_finding(source: Source) -> Finding | None:
    try:
        with zip_guard.guarded(source):
            return None
    except zip_guard.Bomb as e:
        return bomb(str(e))
    except zip_guard.Broken as e:
        return unreadable(str(e))


def _archive(actual: str) -> Finding:
    """Return the finding for a package that is not unpacked; a zip is, where it bears its own name."""
    own_name = "把扩展名改回 .zip 后整个放进来" if actual == "zip" else "重新压缩成 zip 后整个放进来，不要只改扩展名"
    return error(
        "file.archive",
        f"这是 {actual} 压缩包，不能直接校验。",
        observed=f"{actual} 压缩包",
        expected="zip 压缩包，或解压后的单个文件",
        fix=f"请{own_name}；或在本机解压，把里面的文件逐个放进对应的文件夹（总结报告、统计表、照片、媒体报道、视频）。",
    )


def _name_findings(source: Source, actual: str) -> list[Finding]:
    if canonical(source.suffix) == actual:
        return []
    return [
        warning(
            "file.type_mismatch",
            f"扩展名与内容不符：名字是 {_suffix_text(source)}，内容是 {actual} 格式，已按内容校验。",
            observed=actual,
            expected=_suffix_text(source),
            fix=f"下次请把扩展名写成 .{actual}。",
        )
    ]


def _disguised(source: Source, actual: str, deliverable: Deliverable) -> Finding:
    return error(
        "file.type_mismatch",
        f"扩展名与内容不符：名字是 {_suffix_text(source)}，内容其实是 {actual} 格式，“{deliverable.name}”不收。",
        observed=actual,
        expected="、".join(deliverable.formats),
        fix="只改扩展名不能改变格式；请用原来的软件打开，另存为（导出为）要求的格式后重新上传。",
    )


def _unknown(source: Source, deliverable: Deliverable, accepted: set[str]) -> Finding:
    if canonical(source.suffix) in accepted:
        return unreadable("内容不是任何一种可识别的格式，可能已损坏，或改过扩展名")
    return _not_collected(_suffix_text(source), deliverable)


def _not_collected(actual: str, deliverable: Deliverable) -> Finding:
    formats = "、".join(deliverable.formats)
    return error(
        "file.format",
        f"“{deliverable.name}”不收 {actual} 格式的文件。",
        observed=actual,
        expected=formats,
        fix=_HINTS.get(
            actual, f"请另存为（导出为）{formats} 中的一种，再重新上传；如果放错了文件夹，请放到对应的文件夹。"
        ),
    )


def _suffix_text(source: Source) -> str:
    suffix = plain(source.suffix, 10)
    return f".{suffix}" if suffix else "（没有扩展名）"
