"""A connection to the object store as all are made: trusted certificates, no retries of its own."""

from __future__ import annotations

import os

import certifi
import urllib3
from minio import Minio

from baosong.settings import S3Settings


def client(s3: S3Settings, endpoint: str) -> Minio:
    """Return a client for one of the store's endpoints."""
    key, secret, pool = s3.access_key, s3.secret_key, _pool(s3.secure)
    return Minio(endpoint, key, secret, secure=s3.secure, region=s3.region, http_client=pool)


def _pool(secure: bool) -> urllib3.PoolManager:
    """Return connections that never retry by themselves: all patience is in one place."""
    timeout = urllib3.Timeout(connect=5, read=120)
    if not secure:
        return urllib3.PoolManager(maxsize=8, retries=False, timeout=timeout)
    trusted = os.environ.get("SSL_CERT_FILE") or certifi.where()
    return urllib3.PoolManager(maxsize=8, retries=False, timeout=timeout, cert_reqs="CERT_REQUIRED", ca_certs=trusted)
