"""What one command took in memory at most, in a process of its own: VmHWM, and not what getrusage
says, in which the process that started it counts, too.

python -m tests.scale.peak backup|restore FOLDER
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

from flowbackup import api
from flowbackup.cli.main import GARBAGE_MIN
from flowbackup.monitor import SilentMonitor
from flowbackup.units import KIB

FILES_OF_FOLDER = 1000
FRAME_BYTES = 256 * KIB
"""Small, so that all frames that are ever in memory are there soon."""
SECONDS_MAX = 1200


def make_tree(folder: Path, files: int) -> None:
    """So many files of 0 to 100 bytes."""
    for number in range(files):
        holder = folder / "source" / f"d{number // FILES_OF_FOLDER:05}"
        if not number % FILES_OF_FOLDER:
            holder.mkdir(parents=True)
        (holder / f"f{number:07}").write_bytes(b"%07d" % number * (number % 14) + b"x" * 2)


def peak_bytes(command: str, folder: Path) -> int:
    """Of a backup of the tree that was made there, or of the restore behind it."""
    words = [sys.executable, "-m", "tests.scale.peak", command, str(folder)]
    # What threads have freed is one heap: how many there are hangs on who meets whom.
    done = subprocess.run(
        words, env={**os.environ, "MALLOC_ARENA_MAX": "1"}, capture_output=True, text=True,
        timeout=SECONDS_MAX, check=True,
    )  # fmt: skip
    return int(done.stdout) * KIB


def _backup(folder: Path, catalog: Path) -> int:
    source = str(folder / "source")
    plan = api.quick_plan([source], str(folder / "medium"), frame_size=FRAME_BYTES)
    settings = api.RunSettings(catalog=catalog, create=True, init=True, engine="local")
    return api.run_backup(plan, settings, SilentMonitor()).exit_code


def _restore(folder: Path, catalog: Path) -> int:
    request = api.RestoreRequest(catalog=catalog)
    return api.restore("latest", str(folder / "back"), request, SilentMonitor()).exit_code


def main() -> None:
    gc.set_threshold(GARBAGE_MIN)
    command, folder = sys.argv[1], Path(sys.argv[2])
    run = {"backup": _backup, "restore": _restore}[command]
    assert run(folder, folder / "catalog.sqlite") == 0
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    print(line.split()[1])


if __name__ == "__main__":
    main()
