"""A proxy in front of the real object store that refuses, loses, cuts and delays: the network of a bad day."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from baosong.store.settings import S3Settings
from baosong.store.storage import Storage

Fault = Literal["refuse", "lose", "cut", "half", "deny", "encrypt", "swallow"]
"""refuse: 503, nothing done. lose: done, but the answer is a 500. cut: nothing done, the line goes dead.
half: half of the body goes through, then both lines go dead. deny: 403, which no retry_timeout helps.
encrypt: done, answered with an ETag that is no MD5. swallow: nothing done, answered as if it were, but for the MD5."""

FAULTS: tuple[Fault, ...] = ("refuse", "lose", "cut", "half", "deny")
_ERROR = '<?xml version="1.0"?><Error><Code>{0}</Code><Message>{0}</Message></Error>'
_HOP = ("connection", "transfer-encoding", "keep-alive")


class FaultyStore(ThreadingHTTPServer):
    """Listens on `endpoint`, passes everything on to `upstream`, and does to the n-th request what `plan` says."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.plan: dict[int, Fault] = {}
        self.seen: list[str] = []
        self._turn = threading.Lock()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def expect(self, plan: dict[int, Fault]) -> None:
        """Begin to count anew, with these faults."""
        with self._turn:
            self.plan, self.seen = dict(plan), []

    def next_fault(self, request: str) -> Fault | None:
        with self._turn:
            self.seen.append(request)
            return self.plan.get(len(self.seen) - 1)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that are killed leave lines that break."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyStore

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.next_fault(f"{self.command} {self.path}")
        if fault == "refuse":
            self._answer(503, (), _ERROR.format("SlowDown").encode())
        elif fault == "deny":
            self._answer(403, (), _ERROR.format("AccessDenied").encode())
        elif fault in ("encrypt", "swallow"):
            status, headers, answer = self._pass(body) if fault == "encrypt" else (200, (), b"")
            self._answer(status, [*((n, v) for n, v in headers if n != "Etag"), ("ETag", '"d0c-1"')], answer)
        elif fault == "cut":
            self._drop()
        elif fault == "half":
            self._pass_half(body)
            self._drop()
        else:
            status, headers, answer = self._pass(body)
            if fault == "lose":
                status, headers, answer = 500, (), _ERROR.format("InternalError").encode()
            self._answer(status, headers, answer)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _any

    def _pass(self, body: bytes) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        line = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            line.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                line.putheader(name, value)
            line.endheaders(body or None)
            answer = line.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            line.close()

    def _pass_half(self, body: bytes) -> None:
        """Send the head with the whole length, half of the body, and hang up."""
        host, port = self.server.upstream.split(":")
        with socket.create_connection((host, int(port)), timeout=60) as line:
            head = f"{self.command} {self.path} HTTP/1.1\r\n" + "".join(
                f"{k}: {v}\r\n" for k, v in self.headers.items()
            )
            line.sendall(head.encode("latin-1") + b"\r\n" + body[: len(body) // 2])

    def _answer(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        kept = [(name, value) for name, value in headers if name.lower() not in _HOP]
        if not any(name.lower() == "content-length" for name, _ in kept):
            kept.append(("Content-Length", str(len(body))))
        if not headers:
            kept.append(("Content-Type", "application/xml"))
        for name, value in kept:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def in_front_of(upstream: str) -> Iterator[FaultyStore]:
    """Give a proxy in front of a store."""
    with FaultyStore(upstream) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


def requests_of_a_write(s3: S3Settings, key: str, plan: dict[int, Fault]) -> list[str]:
    """Return the methods of the requests that one write costs, through a proxy that does as the plan says."""
    with in_front_of(s3.endpoint_of("outbox")) as proxy:
        proxy.expect(plan)
        through = replace(s3, endpoint=proxy.endpoint, internal_endpoint="")
        Storage(through).put("outbox", key, b"content")
        return [request.split()[0] for request in proxy.seen]
