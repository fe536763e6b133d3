"""A scanner for viruses that answers what a test wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def answering(*answers: bytes | None) -> Iterator[str]:
    """A server that gives each caller its answer, None to hang up on it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                caller, _ = server.accept()
                with caller:
                    said = b""
                    while not said.endswith((b"\0\0\0\0", b"PING\n")) and (more := caller.recv(1 << 16)):
                        said += more
                    if answer is not None:
                        caller.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()
