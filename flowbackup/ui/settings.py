"""What the page's server was started with."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

TOKEN_BYTES = 32
LOOPBACK = "127.0.0.1"


def new_token() -> str:
    """Nobody guesses it, and it stands in a link as it is."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def state_folder() -> Path:
    """Where what the page has started is written down, for this user."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "flowbackup" / "page"


@dataclass(frozen=True, slots=True)
class Settings:
    """roots: folders that the browser may name paths in; relative ones are below the first.
    state: where what the page started is written down.  token: who has it may do all that the page
    can.  host, port: where it listens, 0 for any port.  catalog: its file, None for the default
    one."""

    roots: tuple[Path, ...]
    state: Path
    token: str = field(default_factory=new_token, repr=False)
    host: str = LOOPBACK
    port: int = 0
    catalog: Path | None = None
