"""What a prefecture's key may do, as a policy for stores that have AWS's language for it (AWS, Ceph, MinIO)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SENDS = ("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload", "ListMultipartUploadParts")


def key_policy(campaign_id: str, code: str, buckets: Mapping[str, str]) -> dict[str, Any]:
    """Return the policy of one prefecture in one campaign; `buckets` maps our names to the store's.

    Areas are named by code alone, as AWS takes no Chinese in a policy. All that is not allowed is denied.
    """
    area = f"{campaign_id}/{code}-*"
    arn = {name: f"arn:aws:s3:::{buckets[name]}" for name in ("intake", "outbox")}
    own = {"StringLike": {"s3:prefix": [area]}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": [f"s3:{a}" for a in _SENDS], "Resource": [f"{arn['intake']}/{area}"]},
            {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [f"{arn['outbox']}/{area}"]},
            {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [*arn.values()], "Condition": own},
        ],
    }
