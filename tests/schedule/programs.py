"""Programs of the system that write down what they are told, for places that call them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

CRONTAB = """\
#!/bin/sh
table={place}/table
[ "$1" = -l ] || exec cat > "$table"
[ -e "$table" ] || {{ echo "no crontab for somebody" >&2; exit 1; }}
exec cat "$table"
"""
RECORDER = """\
#!/bin/sh
echo {name} "$@" >> {place}/calls
[ "$1" = apply ] && cat > {place}/given
exit 0
"""


class Programs:
    """In front of everything else on the path, for one test."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = place
        place.mkdir()
        monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")

    def add(self, name: str, text: str = RECORDER) -> None:
        path = self.place / name
        path.write_text(text.format(place=self.place, name=name))
        path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """What was asked of those that record it."""
        path = self.place / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def given(self, name: str) -> str:
        """What they have kept."""
        return (self.place / name).read_text()


def needed(program: str) -> None:
    """Skips the test where a program is missing."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
