"""Viruses: a clamd looks at the bytes before any parser of ours does, where one is configured (`BAOSONG_CLAMD`).

What is too large for it, or what it cannot judge, is not scanned, and not scanned is not clean: a human must look. Only
films pass with a remark: they are always too large, and nothing of theirs is opened but by media libraries.
A clamd that does not answer is an ill system, not a bad file: nothing is judged, the task fails and is repeated.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from clamav_client.clamd import BufferTooLongError, ClamdError, ClamdNetworkSocket, ClamdUnixSocket, CommunicationError

from baosong.rules.catalogue import finding
from baosong.rules.errors import BaosongError
from baosong.rules.findings import Checked, Finding, Kind, Severity, has_error
from baosong.store.source import Source
from baosong.validation.common.reader import plain

LARGEST = 100 << 20  # the StreamMaxLength that docs/operators.md asks for, clamd's own default
PATIENCE = 150  # seconds; clamd gives up on a file after 120
PROMPT = 10  # seconds to answer a PING
_LIMITS = "Heuristics.Limits.Exceeded"  # not a virus: clamd says how far it came


class ScannerDown(BaosongError):
    """The configured clamd does not answer; the text says which."""


def checked(source: Source, kind: Kind | None, address: str, check: Callable[[], Checked]) -> Checked:
    """Return what a check says of a file that clamd found clean; of an infected one nothing else is looked at.

    `address` is host:port or unix:/path, empty for no scanning. Raises ScannerDown.
    """
    found = scan(source, address) if address else None
    if found is not None and found.severity is Severity.ERROR:
        return Checked([found], {"size": source.size})
    answer = check()
    if found is not None:
        answer.held |= kind is not Kind.VIDEO and not has_error(answer.findings)
        answer.findings.append(found)
    return answer


def scan(source: Source, address: str) -> Finding | None:
    """Have a file scanned: None if it is clean, an error if it is infected, a warning if it could not be scanned."""
    if source.size > LARGEST:
        return finding("file.not_scanned", "large", limit=LARGEST)
    status, said = _asked(address, source.read())
    if status == "FOUND" and not said.startswith(_LIMITS):
        return finding("file.virus", name=said)
    return None if status == "OK" else finding("file.not_scanned", "unsure", limit=LARGEST)


def _asked(address: str, data: bytes) -> tuple[str, str]:
    """Return clamd's word on these bytes: OK, FOUND or ERROR, and what it says beside."""
    client = _client(address)
    try:
        answers = client.instream(io.BytesIO(data))
        return next((status, plain(said or "")) for status, said in answers.values())
    except BufferTooLongError:
        return "ERROR", "too long"
    except CommunicationError as down:
        raise ScannerDown(f"clamd {address}: {down}") from down
    except (ClamdError, OSError, StopIteration) as odd:  # it may hang up on what is too long for it
        _ping(client, address)
        return "ERROR", plain(str(odd))


def _ping(client: ClamdNetworkSocket, address: str) -> None:
    client.timeout = PROMPT
    try:
        answer = client.ping()
    except (ClamdError, OSError) as down:
        raise ScannerDown(f"clamd {address}: {down}") from down
    if answer.strip() != "PONG":
        raise ScannerDown(f"clamd {address}: no PONG to a PING")


def _client(address: str) -> ClamdNetworkSocket:
    if address.startswith("unix:"):
        return ClamdUnixSocket(address.removeprefix("unix:"), PATIENCE)
    host, _, port = address.rpartition(":")
    return ClamdNetworkSocket(host, int(port), PATIENCE)
