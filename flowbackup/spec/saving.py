"""Texts are written in one step: whoever reads meanwhile finds the old one or the new one."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

NEW_MODE = 0o666
"""The umask takes away of it what the user has chosen."""


def replace_text(path: Path, text: str) -> None:
    """Takes the place of a file, through a link if the path is one, with the mode of that; or
    makes one.  Raises OSError."""
    path = path.resolve()
    made = _beside(path, text)
    try:
        if path.exists():
            os.chmod(made, path.stat().st_mode & 0o7777)
        os.replace(made, path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def create_text(path: Path, text: str) -> None:
    """Raises FileExistsError where something is, OSError."""
    made = _beside(path, text)
    try:
        os.link(made, path)
    finally:
        made.unlink()


def _beside(path: Path, text: str) -> Path:
    made = path.with_name(f".{path.name}-{secrets.token_hex(6)}")
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, NEW_MODE)
    with open(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return made
