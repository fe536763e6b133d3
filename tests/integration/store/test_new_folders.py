"""The proxy before the embedded store, where the store fails the write that makes a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from baosong.store.settings import PROJECT
from baosong_local.stack.process import Program, stop
from servers import run
from waiting import free_port

SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=KEY/20261130/us-east-1/s3/aws4_request, Signature=0"}
LARGE = 9 << 20


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, urllib3.HTTPConnectionPool]]:
    """The real proxy before a store that fails when it is told to; rclone itself does once in thousands of writes."""
    folder, port = tmp_path_factory.mktemp("store"), free_port()
    (folder / "data" / "intake" / "there").mkdir(parents=True)
    (folder / "keys").mkdir()
    (folder / "keys" / "KEY.json").write_text('{"type": "local"}', encoding="utf-8")
    argv = [sys.executable, "-P", "-m", "baosong_local.s3_proxy", f"127.0.0.1:{port}", "store.sock"]
    argv += [f"{os.getuid()}:{os.getgid()}", "public", sys.executable, str(PROJECT / "tests/helpers/failing_store.py")]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT / "include")}
    program = Program("proxy", [*argv, "store.sock"], folder, folder / "log", env)
    child = run(program, (folder / "store.sock").exists)
    try:
        with urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=1, retries=False) as line:
            yield folder, line
    finally:
        stop(child, program.stop)


@pytest.mark.parametrize(
    ("key", "size", "expect", "status", "writes"),
    [
        ("new/photo.jpg", 300_000, "", 200, 2),
        ("new/empty.txt", 0, "", 200, 2),
        ("new/always.jpg", 1000, "", 500, 2),
        ("new/closes.jpg", 1000, "", 500, 1),
        ("new/film.mov", LARGE, "", 500, 1),
        ("new/asks.jpg", 1000, "100-continue", 500, 1),
        ("there/photo.jpg", 1000, "", 500, 1),
    ],
    ids=["small", "empty", "fails again", "goes away", "too large to be held", "asks first", "folder is there"],
)
def test_a_write_that_failed_as_it_made_its_folder_is_sent_once_more(
    store: tuple[Path, urllib3.HTTPConnectionPool], key: str, size: int, expect: str, status: int, writes: int
) -> None:
    """A client would try it again itself, but minutes later where it is a file manager that only tells of an error."""
    folder, line = store
    target = f"/intake/{size}-{key}" if key.startswith("new") else f"/intake/{key}"
    headers = SIGNED | ({"Expect": expect} if expect else {})
    answer = line.request("PUT", target, body=b"x" * size, headers=headers)
    came = [row for row in (folder / "writes").read_text(encoding="utf-8").splitlines() if row.startswith(f"{target} ")]
    assert answer.status == status
    assert came == [f"{target} {size}"] * writes
    assert answer.data == (b"x" * min(size, 10) if status == 200 else b"<Error><Code>InternalError</Code></Error>")
    assert line.request("PUT", "/intake/there/fine", body=b"y", headers=SIGNED).data == b"y", "the line goes on"
