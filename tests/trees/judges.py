"""Are two trees equal?  Three judges that know nothing of flowbackup's own reading.

`compare` is ours and sees everything, holes too.  `rsync` reads all content and attributes, but
takes no path over PATH_MAX, and reads holes byte by byte.  `mtree`, of Debian's `mtree-netbsd`,
goes down to any depth and looks at no content.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path

import pytest

from flowbackup.testing.compare import differences

SECONDS_MAX = 300
BEYOND_RSYNC = ("/deep", "/holes/over4gib", "/holes/tebibytes")
"""What the other two judge alone."""
_KEYWORDS = "type,mode,uid,gid,nlink,link,size,time,device"


def compare(one: Path, other: Path) -> list[str]:
    """A line for each difference."""
    return list(differences(str(one), str(other)))


def rsync(one: Path, other: Path) -> list[str]:
    """What rsync would change in the second to make it the first, itemized."""
    # The window of -1 has it compare times to the nanosecond.
    words = ["-naHAXc", "--numeric-ids", "--modify-window=-1", "--delete", "--itemize-changes"]
    words += [f"--exclude={path}" for path in BEYOND_RSYNC]
    return _lines("rsync", *words, f"{one}/", f"{other}/")


def mtree(one: Path, other: Path) -> list[str]:
    """Lines in which the descriptions of the trees differ.  mtree's own comparison takes names for
    patterns: a file called "?" is then another one each time."""
    described = [
        [line for line in _lines("mtree", "-c", "-k", _KEYWORDS, "-p", str(tree))
         if line[:1] != "#"] for tree in (one, other)
    ]  # fmt: skip
    assert len(described[0]) > 10
    return [f"{a} != {b}" for a, b in zip_longest(*described) if a != b]


JUDGES: Mapping[str, Callable[[Path, Path], list[str]]] = {
    "compare": compare, "rsync": rsync, "mtree": mtree,
}  # fmt: skip


def needs(program: str, package: str = "") -> str:
    """Where the program is; without it, the test is skipped with the name of what is missing."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program}: apt-get install {package or program}")
    return found


def _lines(program: str, *words: str) -> list[str]:
    done = subprocess.run(
        [program, *words], capture_output=True, timeout=SECONDS_MAX, check=False
    )  # fmt: skip
    assert not done.stderr, done.stderr[-2000:]
    assert done.returncode == 0, f"{program} ended with {done.returncode}"
    return done.stdout.decode(errors="backslashreplace").splitlines()
