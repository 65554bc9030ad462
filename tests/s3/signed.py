"""Requests that the library does not make: buckets, and what is locked in them.

Signed as AWS Signature Version 4 says (docs.aws.amazon.com, "Create a signed AWS API request").
"""

from __future__ import annotations

import hashlib
import hmac
import urllib.error
import urllib.request
from datetime import UTC, datetime
from urllib.parse import urlsplit

REGION = "test-1"


def ask(
    method: str,
    url: str,
    *,
    keys: tuple[str, str],
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    """Status and text of the answer."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    digest = hashlib.sha256(body).hexdigest()
    named = {
        "host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": now, **(headers or {})
    }  # fmt: skip
    names = ";".join(sorted(named))
    listed = "".join(f"{name}:{named[name]}\n" for name in sorted(named))
    query = "&".join(q if "=" in q else f"{q}=" for q in sorted(parts.query.split("&")) if q)
    canonical = "\n".join((method, parts.path or "/", query, listed, names, digest))
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{keys[1]}".encode()
    for piece in scope.split("/"):
        key = hmac.digest(key, piece.encode(), "sha256")
    text = "\n".join(("AWS4-HMAC-SHA256", now, scope, hashed))
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    named["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope},SignedHeaders={names},Signature={signature}"
    )
    request = urllib.request.Request(url, data=body or None, headers=named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
