"""Keys from a profile, as other programs for S3 read them.

The library takes keys from the environment (AWS_ACCESS_KEY_ID ...), or from the instance, the
container or the token file that it runs with, by itself.  The file of profiles it does not know.
"""

from __future__ import annotations

import configparser
import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flowbackup.media.failure import StoreError

READ_AGAIN = timedelta(minutes=5)
"""Keys of a profile are changed in its file, under programs that run."""

Provider = Callable[[], Any]


def profile_credentials() -> Provider | None:
    """Who gives the keys of the profile that is meant, each time they are asked for; None where
    there is none, or the environment has keys of its own.  Raises StoreError for a profile that
    was named and is not there."""
    named = os.environ.get("AWS_PROFILE", "")
    if os.environ.get("AWS_ACCESS_KEY_ID") and not named:
        return None
    path = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    path = os.path.expanduser(path)
    try:
        _keys(path, named or "default")
    except StoreError:
        if named:
            raise
        return None
    return lambda: _keys(path, named or "default")


def _keys(path: str, profile: str) -> dict[str, Any]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
        section = parser[profile]
        return {
            "access_key_id": section["aws_access_key_id"],
            "secret_access_key": section["aws_secret_access_key"],
            "token": section.get("aws_session_token"),
            "expires_at": datetime.now(UTC) + READ_AGAIN,
        }
    except (KeyError, configparser.Error, UnicodeDecodeError):
        # Not from it: a line that cannot be read may have a key in it.
        raise StoreError(
            errno.EACCES, f'profile "{profile}" has no keys in {path}',
            remedy="write its keys there, or name another one in AWS_PROFILE",
        ) from None  # fmt: skip
