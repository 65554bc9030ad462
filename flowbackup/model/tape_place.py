"""Where a tape is, as a text: `tape:///dev/nst0`, with a changer `tape:///dev/nst0?changer=/dev/sg3`.

Of a set of tapes each has its number behind that: `tape:///dev/nst0?changer=/dev/sg3/medium-00002`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

SCHEME = "tape"
_BEGIN = f"{SCHEME}://"
_CHANGER = "?changer="
_PLACE = re.compile(
    r"tape://(?P<drive>/[^?]*?)(\?changer=(?P<changer>/[^?]*?))?(/medium-(?P<number>\d{5,}))?"
)


@dataclass(frozen=True, slots=True)
class TapePlace:
    """drive, changer: absolute paths; "" for no changer.  number: of one tape of a set, 0 for
    whichever is in the drive."""

    drive: str
    changer: str = ""
    number: int = 0

    def location(self) -> str:
        """The text that `tape_place` reads."""
        changer = f"{_CHANGER}{self.changer}" if self.changer else ""
        number = f"/{self.name}" if self.number else ""
        return f"{_BEGIN}{self.drive}{changer}{number}"

    @property
    def name(self) -> str:
        """Of one tape of a set, as a folder of its medium would be called."""
        return f"medium-{self.number:05d}"

    def member(self, number: int) -> TapePlace:
        """One tape of the set."""
        return replace(self, number=number)


def tape_place(location: str) -> TapePlace:
    """Raises ValueError, whose text says what is wrong | and what to do, for what is none."""
    match = _PLACE.fullmatch(location.rstrip("/"))
    if match is None:
        raise ValueError(
            "is no place of a tape|Write it as tape:///dev/nst0, with the whole path of the drive"
        )
    found = match.groupdict()
    return TapePlace(found["drive"], found["changer"] or "", int(found["number"] or 0))
