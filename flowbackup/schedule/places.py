"""Where schedules count: the units of systemd, the tables of cron, a Kubernetes cluster.

Each place can `install`, as often as one likes, and `remove`, which says what was removed: nothing
that does not carry the mark of flowbackup is touched.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowbackup.errors import FlowbackupError, UsageError
from flowbackup.schedule import cron, kuberay
from flowbackup.schedule.systemd import units
from flowbackup.schedule.task import Task, crontab_name, mark, unit_name

SYSTEM_UNITS = Path("/etc/systemd/system")
SYSTEM_TABLES = Path("/etc/cron.d")
SECONDS_MAX = 60.0


def user_units() -> Path:
    """Where the manager of this user looks for units."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "systemd" / "user"


@dataclass(frozen=True, slots=True)
class SystemdPlace:
    """directory: of the files; None for where systemd looks, which then is told of them."""

    is_user: bool
    directory: Path | None = None

    def install(self, task: Task) -> list[str]:
        """Returns where it is now."""
        texts = units(task, is_user=self.is_user)
        folder = self._folder
        for name in texts:
            _refuse_foreign(folder / name, task)
        for name, text in texts.items():
            _write(folder / name, text)
        if self.directory is None:
            self._tell("daemon-reload")
            self._tell("enable", f"{unit_name(task.graph)}.timer")
            # Where it runs already, with times of before, `start` would leave it at these.
            self._tell("restart", f"{unit_name(task.graph)}.timer")
        return [str(folder / name) for name in texts]

    def remove(self, graph: str) -> list[str]:
        name = unit_name(graph)
        paths = [self._folder / f"{name}.{kind}" for kind in ("timer", "service")]
        ours = [path for path in paths if _is_ours(path, graph)]
        if ours and self.directory is None:
            self._tell("disable", "--now", f"{name}.timer")
        for path in ours:
            path.unlink()
        if ours and self.directory is None:
            self._tell("daemon-reload")
        return [str(path) for path in ours]

    @property
    def _folder(self) -> Path:
        return self.directory or (user_units() if self.is_user else SYSTEM_UNITS)

    def _tell(self, *words: str) -> None:
        _run(["systemctl", *(["--user"] if self.is_user else []), *words])


@dataclass(frozen=True, slots=True)
class CronPlace:
    """The table of this user, or a file of its own among those of the system, which names who runs
    it.  directory: of that file, None for where cron looks."""

    is_user: bool
    directory: Path | None = None
    runs_as: str = "root"

    def install(self, task: Task) -> list[str]:
        if self.is_user:
            table = cron.without(_table(), task.graph)
            gap = "" if not table or table.endswith("\n") else "\n"
            _run(["crontab", "-"], table + gap + cron.lines(task))
            return ["the crontab of this user"]
        path = self._path(task.graph)
        _refuse_foreign(path, task)
        _write(path, cron.lines(task, self.runs_as))
        return [str(path)]

    def remove(self, graph: str) -> list[str]:
        if self.is_user:
            table = _table()
            if not cron.has(table, graph):
                return []
            _run(["crontab", "-"], cron.without(table, graph))
            return ["the lines in the crontab of this user"]
        path = self._path(graph)
        if not _is_ours(path, graph):
            return []
        path.unlink()
        return [str(path)]

    def _path(self, graph: str) -> Path:
        return (self.directory or SYSTEM_TABLES) / crontab_name(graph)


@dataclass(frozen=True, slots=True)
class KuberayPlace:
    """By kubectl, as it is set up."""

    place: kuberay.Place

    def install(self, task: Task) -> list[str]:
        return _run(["kubectl", "apply", "-f", "-"], kuberay.manifest(task, self.place)).split("\n")

    def remove(self, graph: str) -> list[str]:
        told = _run(
            ["kubectl", "delete", kuberay.KIND, "--namespace", self.place.namespace,
             "--selector", kuberay.selector(graph), "--output", "name"],
        )  # fmt: skip
        return told.split()


Place = SystemdPlace | CronPlace | KuberayPlace


def _is_ours(path: Path, graph: str) -> bool:
    """Did flowbackup make it, for this graph?"""
    try:
        return path.read_text(encoding="utf-8", errors="replace").startswith(mark(graph) + "\n")
    except FileNotFoundError:
        return False


def _refuse_foreign(path: Path, task: Task) -> None:
    """Raises UsageError for a file that is there and was not made for the same graph file."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    if tuple(text.split("\n")[:2]) != task.marks:
        raise UsageError(
            f"{path} is there, and was not made for {task.file}",
            remedy="give the graph another name, or remove the file",
        )


def _write(path: Path, text: str) -> None:
    """The old one or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=".", suffix="~", delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def _table() -> str:
    """ "" for a user without one."""
    try:
        return _run(["crontab", "-l"])
    except _CommandFailedError as error:
        if "no crontab" in error.message:
            return ""
        raise


class _CommandFailedError(FlowbackupError):
    """It ran, and said no."""


def _run(words: Sequence[str], given: str = "") -> str:
    """What a program of the system writes.  Raises FlowbackupError with what it says."""
    name = f"`{' '.join(words)}`"
    try:
        done = subprocess.run(
            words, input=given, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
        )
    except FileNotFoundError as error:
        raise FlowbackupError(
            f"{words[0]} is not on this machine",
            remedy="`flowbackup schedule print` shows the rest",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise FlowbackupError(f"{name} did not end within {SECONDS_MAX:.0f} s") from error
    if done.returncode:
        raise _CommandFailedError(f"{name} failed: {done.stderr.strip() or done.returncode}")
    return done.stdout
