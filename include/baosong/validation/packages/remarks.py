"""What is said of a bundle as a whole, and of a member for being one."""

from __future__ import annotations

from baosong.rules.findings import Finding, Where, error, note
from baosong.validation.common.file_safety import human_size
from baosong.validation.common.reader import plain

_PACK_AGAIN = "请在本机试着解压一次，确认正常后重新压缩成 zip，再上传；上传完成前不要断网或关机。"
_METHODS = {9: "Deflate64", 12: "BZip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES 加密"}


def unpacked(files: int) -> Finding:
    """Return the note on a bundle whose files are reviewed one by one."""
    return note(
        "file.bundle",
        f"已解包，共 {files} 个文件，逐个校验，结果见下。",
        observed=f"{files} 个文件",
        fix="如有退回的，改好后单独报送即可；也可以用同名的压缩包重新报送，没有改动的文件不会重复计入。",
    )


def empty() -> Finding:
    """Return the finding for a bundle without any file."""
    return error(
        "file.bundle_empty",
        "压缩包里没有文件。",
        observed="0 个文件",
        expected="有内容的压缩包",
        fix="请在本机打开压缩包确认里面有文件，重新压缩后再上传。",
    )


def locked() -> Finding:
    """Return the finding for a bundle behind a password."""
    return error(
        "file.encrypted",
        "压缩包设有密码，无法解开。",
        observed="已加密",
        expected="不加密的压缩包",
        fix="请重新压缩成 zip，不要设置密码，再上传。",
    )


def damaged(reason: str, member: str = "") -> Finding:
    """Return the finding for a bundle that cannot be unpacked whole; `member` is the first that fails."""
    return error(
        "file.unreadable",
        f"压缩包打不开：{reason}。",
        where=Where(member=member) if member else Where(),
        observed=reason,
        expected="能完整解开的压缩包",
        fix=_PACK_AGAIN,
    )


def bomb(reason: str, limit: int) -> Finding:
    """Return the finding for a bundle that would unpack beyond all measure; `limit` in bytes."""
    return error(
        "file.bomb",
        f"压缩包解开后大得异常（{reason}），出于安全没有解开。",
        observed=reason,
        expected=f"解开后不超过 {human_size(limit)}，也不比原来大很多倍",
        fix="请把文件解压出来，逐个放进对应的文件夹（总结报告、统计表、照片、媒体报道、视频）。",
    )


def crowded(files: int, most: int) -> Finding:
    """Return the finding for a bundle of more files than the campaign asks for altogether."""
    return error(
        "file.bundle_crowded",
        f"压缩包里的文件太多：{files:,} 个，最多 {most:,} 个。",
        observed=f"{files:,} 个文件",
        expected=f"不超过 {most:,} 个文件",
        fix="请去掉与报送无关的文件，或分成几个压缩包再上传。",
    )


def unsafe(name: str) -> Finding:
    """Return the finding for a bundle with a name that points out of its folder."""
    return error(
        "file.bundle_path",
        "压缩包里有指向包外的路径，出于安全没有解开。",
        where=Where(member=plain(name, 200)),
        observed=plain(name, 200),
        expected="文件夹/文件名，不含“..”、盘符，不以“/”开头",
        fix="请选中要报送的文件和文件夹，用 WPS、WinRAR 或系统自带的功能重新压缩成 zip，再上传。",
    )


def packed_otherwise(method: int, member: str) -> Finding:
    """Return the finding for a member packed by a method that is not read here."""
    name = _METHODS.get(method, f"第 {method} 号")
    return error(
        "file.bundle_method",
        f"压缩包里的文件用了 {name} 压缩方法，无法解开。",
        where=Where(member=member),
        observed=name,
        expected="“存储”或 Deflate 方法",
        fix="视频不必压缩，请直接放进视频文件夹（Windows 自带的压缩遇到 2 GB 以上的文件会这样），其余重新压缩。",
    )


def nested() -> Finding:
    """Return the finding for a bundle within a bundle."""
    return error(
        "file.bundle_nested",
        "压缩包里还有压缩包，里面的一层没有解开。",
        observed="压缩包",
        expected="压缩包里直接是文件和文件夹",
        fix="请先解开里面的压缩包，再把文件压缩成一个 zip，或把文件逐个放进对应的文件夹。",
    )


def twin() -> Finding:
    """Return the finding for members of one name: nobody can say which of them is meant."""
    return error(
        "file.bundle_twin",
        "压缩包里有两个同名的文件，看不出以哪一个为准。",
        observed="同一文件夹下名字相同",
        expected="同一文件夹下的文件名各不相同",
        fix="请改成不同的名字，或只留一个，单独报送或重新压缩后再上传。",
    )


def link() -> Finding:
    """Return the finding for a member that is a link, or no file at all."""
    return error(
        "file.bundle_link",
        "压缩包里的这一项是链接，不是文件，没有内容可以校验。",
        observed="符号链接或特殊文件",
        expected="文件本身",
        fix="请把链接所指的文件本身放进来，再上传。",
    )


def renamed(said: str) -> Finding:
    """Return the note on a member that is kept under another name than the bundle gives it."""
    return note(
        "file.bundle_name",
        "名字太长或含有看不见的字符，已换成可以登记的名字。",
        observed=plain(said, 200),
        expected="不超过 85 个汉字、没有控制字符的名字",
    )
