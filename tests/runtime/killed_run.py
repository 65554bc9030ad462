"""A run that kills itself: python -m tests.runtime.killed_run GRAPH CATALOG MOMENT ENGINE.

As by `kill -9` of the command: nothing of it is ended in order.  MOMENT is what has become true
when it dies, looked at where the session itself has just looked: so each moment is an event,
however fast the machine is.  A device stands at a gate behind it, which nobody opens: what the dead
leave running does not come to the end either.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from flowbackup import api
from flowbackup.catalog.database import Database
from flowbackup.monitor import Progress, SilentMonitor
from flowbackup.runtime.crew import crew
from tests.runtime.gates import Gates

MOMENTS: dict[str, str] = {
    # A frame is durable, and no file is known to be.
    "first frame": "SELECT count(*) FROM copies",
    # Of its 24 MiB at least 6 are safe, of which at least 4 are known by name.
    "open object": """SELECT count(*) >= 12 FROM frames f WHERE object_id IN (
        SELECT object_id FROM journal WHERE name = 'second' GROUP BY object_id HAVING count(*) > 2)
        AND (SELECT count(*) FROM copies c WHERE c.frame = f.frame) > 1""",
    # As soon as it has begun.
    "begun": "SELECT 1",
    "copying": """SELECT count(*) >= 4 FROM copies JOIN media USING (medium)
        WHERE device = 'usb'""",
    # Eight files are in the bucket, of which most are known by name.
    "bucket": """SELECT sum(device = 'vault') >= 8 AND (SELECT count(*) FROM journal)
        FROM copies JOIN media USING (medium)""",
}

GATES = {
    "first frame": ("d0", 8), "open object": ("d0", 32), "begun": ("d0", 4), "copying": ("usb", 12),
}  # fmt: skip
"""Device and frames."""


class DeadAt(SilentMonitor):
    """Kills its process at a moment."""

    def __init__(self, has_come: Callable[[], bool]) -> None:
        self._has_come = has_come

    def progress(self, progress: Progress) -> None:
        if progress.stage in ("backup", "copy") and self._has_come():
            os.kill(os.getpid(), signal.SIGKILL)


def killed_run(graph: Path, catalog: Path, moment: str, engine: str) -> None:
    """Runs it in a process of its own, until it is dead."""
    arguments = [sys.executable, "-m", __name__, str(graph), str(catalog), moment, engine]
    ran = subprocess.run(arguments, check=False, capture_output=True, timeout=200)
    assert ran.returncode == -signal.SIGKILL, ran.stderr.decode()


def has_come(moment: str, catalog: Path) -> bool:
    database = Database(catalog)
    try:
        return bool(database.one(MOMENTS[moment])[0])
    finally:
        database.close()


def main(graph: str, catalog: str, moment: str, engine: str) -> None:
    if moment in GATES:
        device, frames = GATES[moment]
        gates = Gates(Path(catalog).parent / "gates", device, frames)
        crew.MediaAgent = gates.agent(crew.MediaAgent)  # type: ignore[misc]
    settings = api.RunSettings(
        catalog=Path(catalog), init=True, wait_seconds_max=120, engine=engine
    )  # fmt: skip
    report = api.run_backup(
        api.load_plan(graph), settings, DeadAt(partial(has_come, moment, Path(catalog)))
    )
    sys.exit(f"the moment did not come: {report}")


if __name__ == "__main__":
    main(*sys.argv[1:])
