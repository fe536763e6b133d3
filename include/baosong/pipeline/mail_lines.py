"""Mail by an SMTP server, and where there is none as files that any mail program opens."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Callable
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import NamedTuple

from baosong.ledger.notifications import SPOOLED
from baosong.pipeline.notify import Letter, Refused, Unavailable, Unconfirmed

_WORDS = {
    4: "邮件服务器暂时不接收",
    5: "收件地址或内容被邮件服务器拒绝",
}


class Smtp(NamedTuple):
    """A session with a mail server; `sender` is the address that it lets us send from."""

    client: smtplib.SMTP
    sender: str

    def deliver(self, letter: Letter, hand_over: Callable[[], None]) -> str:
        """Send all but the final dot, which makes the mail the server's, then hand over, then send the dot."""
        try:
            refused = self._open(letter)
            self.client.send(self._bytes(letter))
        except (OSError, smtplib.SMTPException) as cut:
            raise unavailable(cut) from cut
        try:
            hand_over()
        except BaseException:
            self.client.close()  # without the dot the server drops it
            raise
        try:
            self.client.send(b".\r\n")
        except (OSError, smtplib.SMTPException) as cut:  # not one of three bytes has left
            raise unavailable(cut) from cut
        try:
            code, _ = self.client.getreply()
        except (OSError, smtplib.SMTPException) as cut:
            raise Unconfirmed from cut
        _accept(code, 250)
        return f"{len(letter.to)} 个地址中有 {refused} 个被邮件服务器拒绝" if refused else ""

    def _open(self, letter: Letter) -> int:
        """Open a mail; return how many addresses the server will not have. Raises Refused if it will have none."""
        self.client.ehlo_or_helo_if_needed()
        self.client.rset()
        _accept(self.client.mail(self.sender)[0], 250)
        codes = [self.client.rcpt(address)[0] for address in letter.to]
        refused = [code for code in codes if code not in (250, 251)]
        if len(refused) == len(codes):
            _accept(refused[0], 250)
        _accept(self.client.docmd("DATA")[0], 354)
        return len(refused)

    def _bytes(self, letter: Letter) -> bytes:
        name, _ = parseaddr(letter.mail["From"] or "")
        del letter.mail["From"]
        letter.mail["From"] = formataddr((name, self.sender))
        data = letter.mail.as_bytes()  # in base64: no line of it begins with a dot
        return data if data.endswith(b"\r\n") else data + b"\r\n"


def _accept(code: int, wanted: int) -> None:
    if code == wanted:
        return
    if code == 421 or code < 0:
        raise Unavailable(f"邮件服务器不接收（{code}）")
    raise Refused(f"{_WORDS.get(code // 100, '邮件服务器没有接收')}（{code}）")


def unavailable(cut: Exception) -> Unavailable:
    """Say why there is no line, without what the server wrote: it may quote addresses."""
    if isinstance(cut, smtplib.SMTPAuthenticationError):
        return Unavailable(f"邮件服务器不认账号或密码（{cut.smtp_code}）")
    return Unavailable(f"邮件服务器连不上或连接中断（{type(cut).__name__}）")


class Spool(NamedTuple):
    """A folder of .eml files, for installations without a mail server: writing one again changes nothing."""

    folder: Path

    def deliver(self, letter: Letter, hand_over: Callable[[], None]) -> str:
        """Write a letter as a file that only the system's own user may read."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{letter.mail['Message-ID'].strip('<>').partition('@')[0]}.eml"
        part = path.with_suffix(".part")
        with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(letter.mail.as_bytes())
        part.replace(path)
        return SPOOLED
