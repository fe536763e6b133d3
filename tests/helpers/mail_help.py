"""A real mail server, and a robot's endpoint, that remember what they took and may end whoever sends it half way."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import yaml
from aiosmtpd.controller import Controller

from baosong.campaign import Campaigns
from baosong.ledger.notifications import Message
from baosong.ledger.services import Services
from baosong.pipeline.mail_lines import Smtp, unavailable
from baosong.store.settings import PROJECT
from waiting import free_port

SENDER = "baosong@example.cn"
ADDRESS, SECOND = "kjj@example.cn", "ban@example.cn"
WITH_CONTACTS = {
    "contacts": {"6501": {"name": "张三", "emails": [ADDRESS, SECOND]}, "6502": {"phone": "0990-1234567"}},
    "operators": ["zhiban@example.cn"],
}


def with_contacts(services: Services, folder: Path, **over: Any) -> Services:
    """Return services whose campaign has contacts: the notice, with theirs written in."""
    notice = yaml.safe_load((PROJECT / "include/campaigns/2023.yaml").read_text(encoding="utf-8"))
    form = str(PROJECT / "include/campaigns" / notice["form"])
    folder.mkdir(exist_ok=True)
    text = yaml.safe_dump({**notice, "form": form, **WITH_CONTACTS, **over}, allow_unicode=True)
    (folder / "2023.yaml").write_text(text, encoding="utf-8")
    settings = replace(services.settings, campaign_dirs=[folder])
    return replace(services, settings=settings, campaigns=Campaigns([folder]))


def mail(cause: str = "1", prefecture: str = "6501", **over: Any) -> Message:
    words = {"subject": f"回执 {cause} 号：全部接收", "body": ".点在行首\n正文\n"}
    given = {"event": "receipt", "campaign": "2023", "channel": "mail", **words, **over}
    return Message(prefecture=prefecture, cause=cause, **given)


@dataclass
class Post:
    """An SMTP server. `kills` names the stage at which the client that says its pid as its host name is ended."""

    kills: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    taken: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    port: int = 0

    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(data, policy=policy.default) for data in self.taken]

    def _at(self, stage: str, session: Any) -> None:
        if stage == self.kills:
            self.kills = ""
            os.kill(int(session.host_name), signal.SIGKILL)

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: Any) -> Any:
        session.host_name = hostname
        self._at("EHLO", session)
        return responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        envelope.mail_from = address
        self._at("MAIL", session)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self._at("RCPT", session)
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if "DATA" in self.answers:
            return self.answers.pop("DATA")
        self.taken.append(envelope.content)
        self.recipients.append(envelope.rcpt_tos)
        self._at("DATA", session)
        if "lost" in self.answers:
            del self.answers["lost"]
            server.transport.abort()
        return "250 OK"

    @contextmanager
    def line(self) -> Iterator[Smtp]:
        """Open a line as the plugin does, under a host name that tells the server whom to end."""
        try:
            client = smtplib.SMTP("127.0.0.1", self.port, local_hostname=str(os.getpid()), timeout=60)
        except (OSError, smtplib.SMTPException) as cut:
            raise unavailable(cut) from cut
        try:
            yield Smtp(client, SENDER)
        finally:
            client.close()


@contextmanager
def post_office(port: int = 0) -> Iterator[Post]:
    post = Post(port=port or free_port())
    controller = Controller(post, hostname="127.0.0.1", port=post.port, ready_timeout=60)
    controller.start()
    try:
        yield post
    finally:
        controller.stop()


@contextmanager
def robot(answer: Callable[[dict[str, Any]], int]) -> Iterator[int]:
    """Give the port of an endpoint; `answer` is given what a robot is told, and returns the HTTP status."""

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(answer(told))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
