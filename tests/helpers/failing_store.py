"""A store behind the proxy that answers the first write of each name with 500, as rclone does now and then.

Run as `python failing_store.py SOCKET`. It counts in `writes` what came, a line for each: name, and size of the body.
"""

from __future__ import annotations

import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

SEEN: set[str] = set()
WRITES = Path("writes")


class Handler(BaseHTTPRequestHandler):
    """Fails the first write of each name, none of `fine`, each of `always`; goes away after `closes`."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with WRITES.open("a", encoding="utf-8") as f:
            f.write(f"{self.path} {len(body)}\n")
        failed = "fine" not in self.path and (self.path not in SEEN or "always" in self.path)
        SEEN.add(self.path)
        answer = b"<Error><Code>InternalError</Code></Error>" if failed else body[:10]
        self.send_response(500 if failed else 200)
        self.send_header("Content-Length", str(len(answer)))
        if "closes" in self.path:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer)

    def address_string(self) -> str:
        return "the proxy"  # of a Unix socket there is none


if __name__ == "__main__":
    with socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler) as server:
        server.daemon_threads = True
        server.serve_forever()
