"""restic, borg and tar, from Debian, each with its own defaults."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tests.bench.measure import command_seconds, say, together_seconds

PACKAGES = {"restic": "restic", "borg": "borgbackup", "tar": "tar"}
PASSWORD = "a password for the bench\n"
INSTALL_SECONDS_MAX = 300


def install() -> dict[str, str]:
    """Installs what is missing, as root; program -> why it is not there, for those that are not."""
    missing = [program for program in PACKAGES if shutil.which(program) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        packages = [PACKAGES[program] for program in missing]
        say(f"  installing {' '.join(packages)}")
        if not _apt("install", "-y", "-qq", *packages) and _apt("update", "-qq"):
            _apt("install", "-y", "-qq", *packages)
    return {
        program: f"{program} is missing; as root: apt-get install {package}"
        for program, package in PACKAGES.items()
        if shutil.which(program) is None
    }


def versions() -> dict[str, str]:
    """program -> what it says of itself, for those that are there."""
    asks = {"restic": "version", "borg": "--version", "tar": "--version"}
    return {
        program: subprocess.run(
            [program, ask], capture_output=True, text=True, check=True
        ).stdout.splitlines()[0]
        for program, ask in asks.items()
        if shutil.which(program)
    }  # fmt: skip


class Restic:
    """Two repositories, empty at the start.  first: the one that `backup_seconds` writes."""

    def __init__(self, work: Path) -> None:
        work.mkdir()
        password = work / "password"
        password.write_text(PASSWORD)
        self.first, self._second = work / "first", work / "second"
        self._words = ["restic", "--quiet", "--cache-dir", str(work / "cache")]
        self._words += ["--password-file", str(password)]
        self._run(self.first, "init")
        self._run(self._second, "init")

    def backup_seconds(self, source: Path) -> float:
        return self._run(self.first, "backup", str(source))

    def both_seconds(self, source: Path) -> float:
        """To both repositories at once, each by a command of its own."""
        repositories = (self.first, self._second)
        words = ("backup", str(source))
        return together_seconds([partial(self._run, place, *words) for place in repositories])

    def restore_words(self) -> list[str]:
        """The command that restores the newest snapshot, but for its target."""
        return [*self._words, "--repo", str(self.first), "restore", "latest", "--target"]

    def _run(self, repository: Path, *words: str) -> float:
        return command_seconds([*self._words, "--repo", str(repository), *words])


class Borg:
    """An unencrypted repository, empty at the start."""

    def __init__(self, work: Path) -> None:
        work.mkdir()
        self._repository = str(work / "repository")
        self._environment: Mapping[str, str] = {
            "BORG_BASE_DIR": str(work / "home"),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
        }
        self._run("init", "--encryption=none", self._repository)

    def backup_seconds(self, source: Path) -> float:
        return self._run("create", f"{self._repository}::bench", str(source))

    def _run(self, *words: str) -> float:
        return command_seconds(["borg", *words], self._environment)


def tar_seconds(source: Path, work: Path) -> float:
    """An archive and a sync, because tar does not sync by itself."""
    work.mkdir()
    started = time.perf_counter()
    command_seconds(["tar", "-cf", str(work / "all.tar"), "-C", str(source.parent), source.name])
    command_seconds(["sync", "-f", str(work)])
    return time.perf_counter() - started


def tee_seconds(source: Path, work: Path) -> float:
    """The same archive twice, from one read."""
    work.mkdir()
    first, second = shlex.quote(str(work / "1.tar")), shlex.quote(str(work / "2.tar"))
    archive = shlex.join(["tar", "-cf", "-", "-C", str(source.parent), source.name])
    started = time.perf_counter()
    command_seconds(["sh", "-ec", f"{archive} | tee {first} > {second}"])
    command_seconds(["sync", "-f", str(work)])
    return time.perf_counter() - started


def copies_seconds(source: Path, work: Path) -> float:
    """Two copies at once."""
    work.mkdir()
    started = time.perf_counter()
    together_seconds(
        [partial(command_seconds, ["cp", "-a", str(source), str(work / name)]) for name in "12"]
    )
    command_seconds(["sync", "-f", str(work)])
    return time.perf_counter() - started


def pack(source: Path, archive: Path) -> Path:
    """An archive of a folder."""
    command_seconds(["tar", "-cf", str(archive), "-C", str(source.parent), source.name])
    return archive


def unpack_words(archive: Path) -> list[str]:
    """The command that unpacks it, but for its target."""
    return ["tar", "-xf", str(archive), "-C"]


def _apt(*words: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=INSTALL_SECONDS_MAX, check=False,
    )  # fmt: skip
    return done.returncode == 0
