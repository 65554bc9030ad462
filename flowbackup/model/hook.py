"""What a user has done around a session or an object: commands of his own, and notices by HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

ADDRESS_CHARACTERS_MAX = 2048
OUTCOME_MARK = "{outcome}"
"""What stands in the address of a notice for its event."""


class When(StrEnum):
    """The moments of hooks.  AFTER: however it ended; the last three: if it ended like that."""

    BEFORE = "before"
    AFTER = "after"
    SUCCESS = "success"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Hook:
    """A command of the user.  number: from 1, in the order of the file.  fails: what it stands
    around fails with it.  in_background: nobody waits for it before the end."""

    number: int
    when: When
    words: tuple[str, ...]
    fails: bool
    in_background: bool = False
    seconds_max: float = 3600.0

    def __str__(self) -> str:
        """Without its arguments, which may say more than others are to know."""
        return f'hook {self.number} ({self.when} "{self.words[0]}")'


@dataclass(frozen=True, slots=True)
class Notice:
    """Whom to tell.  One of `url`, `variable` (of the environment) and `file` has the address, the
    others are "".  style: plain or healthchecks.  events: start and outcomes that are told."""

    number: int
    url: str
    variable: str
    file: str
    style: str
    events: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it goes, or where that stands, without what may be secret."""
        if self.url:
            return host_of(self.url)
        return f"${self.variable}" if self.variable else self.file

    def __str__(self) -> str:
        return f"notice {self.number} ({self.place})"


def is_address(url: str) -> bool:
    """Can it be asked by HTTP?  Names and passwords in front of the host are refused, as they would
    be shown with it."""
    parts = _parts(url)
    if parts is None or len(url) > ADDRESS_CHARACTERS_MAX:
        return False
    is_text = url.isascii() and url.isprintable() and " " not in url
    return is_text and parts.scheme in ("http", "https") and "@" not in parts.netloc


def host_of(url: str) -> str:
    """All of an address that is shown."""
    parts = _parts(url)
    return parts.netloc if parts is not None and "@" not in parts.netloc else "?"


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:
        return None
