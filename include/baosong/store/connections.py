"""The HTTP connections to the object store: trusted certificates, and no retries of their own."""

from __future__ import annotations

import os

import certifi
import urllib3


def pool(secure: bool) -> urllib3.PoolManager:
    """Return connections that never retry by themselves: all retry_timeout is in one place."""
    timeout = urllib3.Timeout(connect=5, read=120)
    if not secure:
        return urllib3.PoolManager(maxsize=8, retries=False, timeout=timeout)
    trusted = os.environ.get("SSL_CERT_FILE") or certifi.where()
    return urllib3.PoolManager(maxsize=8, retries=False, timeout=timeout, cert_reqs="CERT_REQUIRED", ca_certs=trusted)
