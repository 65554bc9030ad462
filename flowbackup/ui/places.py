"""Versions and paths inside them, as the browser names them."""

from __future__ import annotations

import base64
import binascii
import os
import re

from flowbackup.ui.refusal import Refused

_VERSION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def version_id(version: str) -> str:
    """An object_id.  Raises Refused for anything else."""
    if _VERSION.fullmatch(version) is None:
        raise Refused(400, "usage", f"{version!r} is no id of a version")
    return version


def path_text(path: str, path_base64: str | None) -> str:
    """As commands take it.  Raises Refused."""
    if path_base64:
        try:
            path = os.fsdecode(base64.b64decode(path_base64, validate=True))
        except (binascii.Error, ValueError):
            raise Refused(400, "usage", "path_base64 is no base64") from None
    if "\0" in path:
        raise Refused(400, "usage", "a path has no NUL")
    return path


def query_of(version: str, path: str, path_base64: str | None = None) -> str:
    """OBJECT:PATH."""
    return f"{version_id(version)}:{path_text(path, path_base64)}"
