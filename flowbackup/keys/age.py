"""Keys wrapped for others with age, by pyrage, which the extra `age` installs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowbackup.errors import UsageError


def wrapped_for(recipient: str, secret: bytes) -> bytes:
    """A file of age that opens for who has the identity of this recipient.  Raises UsageError."""
    pyrage = _pyrage()
    try:
        to = pyrage.x25519.Recipient.from_str(recipient)
        return bytes(pyrage.encrypt(secret, [to]))
    except (pyrage.RecipientError, ValueError) as error:
        raise UsageError(
            f"{recipient} is no recipient of age", remedy="it begins with age1; see age-keygen"
        ) from error


def identity_of(place: str) -> Callable[[bytes], bytes | None]:
    """What opens files of age, with the identities in a file.  Raises UsageError."""
    pyrage = _pyrage()
    try:
        lines = Path(place).read_text().splitlines()
        keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        identities = [pyrage.x25519.Identity.from_str(key) for key in keys]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError, ValueError) as error:
        raise UsageError(
            f"{place} holds no identity of age", remedy="make one: age-keygen -o FILE"
        ) from error

    def opened(wrapped: bytes) -> bytes | None:
        try:
            return bytes(pyrage.decrypt(wrapped, identities))
        except pyrage.DecryptError:
            return None

    return opened


def _pyrage() -> Any:
    try:
        return importlib.import_module("pyrage")
    except ImportError as error:
        raise UsageError(
            "keys for others need pyrage", remedy="pip install 'flowbackup[age]'"
        ) from error
