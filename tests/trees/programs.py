"""What keeps trees, and how it is asked to keep all that it can."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

Keeps = Callable[[Path, Path, Path], None]
"""(source, target, folder for its own): from a tree to the same tree elsewhere.  What it complains
about is its own affair; how the target looks is what counts."""

SECONDS_MAX = 240


def flowbackup(source: Path, target: Path, work: Path) -> None:
    """By its commands, through one device."""
    here = {"FLOWBACKUP_CATALOG": str(work / "catalog.sqlite")}
    command = str(Path(sys.executable).with_name("flowbackup"))
    _run([command, "backup", str(source), "--to", str(work / "medium")], here)
    _run([command, "restore", "latest", "--target", str(target)], here)


def tar(source: Path, target: Path, work: Path) -> None:
    archive = str(work / "all.tar")
    target.mkdir()
    how = ["--xattrs", "--xattrs-include=*", "--acls", "--sparse", "--numeric-owner"]
    _run(["tar", "-cf", archive, "--format=posix", *how, "-C", str(source), "."])
    _run(["tar", "-xpf", archive, *how, "--same-owner", "-C", str(target)])


def rsync(source: Path, target: Path, work: Path) -> None:
    _run(["rsync", "-aHAXS", "--numeric-ids", f"{source}/", f"{target}/"])


def restic(source: Path, target: Path, work: Path) -> None:
    (work / "password").write_text("torture\n")
    words = ["restic", "--quiet", "--cache-dir", str(work / "cache"), "--repo", str(work / "r")]
    words += ["--password-file", str(work / "password")]
    _run([*words, "init"])
    _run([*words, "backup", str(source)])
    _run([*words, "restore", "latest", "--target", str(work / "out")])
    (work / "out" / source.relative_to("/")).rename(target)


def borg(source: Path, target: Path, work: Path) -> None:
    here = {
        "BORG_BASE_DIR": str(work / "home"), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
    }  # fmt: skip
    target.mkdir()
    _run(["borg", "init", "--encryption=none", str(work / "r")], here)
    _run(["borg", "create", "--sparse", "--numeric-ids", f"{work / 'r'}::t", "."], here, source)
    _run(["borg", "extract", "--sparse", "--numeric-ids", f"{work / 'r'}::t"], here, target)


PROGRAMS: Mapping[str, Keeps] = {
    "flowbackup": flowbackup, "tar": tar, "rsync": rsync, "restic": restic, "borg": borg,
}  # fmt: skip
PACKAGES = {"tar": "tar", "rsync": "rsync", "restic": "restic", "borg": "borgbackup"}


def _run(
    words: list[str], more: Mapping[str, str] | None = None, folder: Path | None = None
) -> None:
    subprocess.run(
        words, env={**os.environ, **(more or {})}, cwd=folder, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=SECONDS_MAX, check=False,
    )  # fmt: skip
