"""make demo: one client, a chain of three devices, damaged copies, a restore, a comparison.

Runs the commands that a person would type, from the top of the repository; leaves everything in
build/demo to look at.  Exits 0 only if the restored tree equals the source.
"""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import time
from pathlib import Path

from source_tree import MIB, make_source

DEMO = Path("build/demo")
SOURCE = DEMO / "source"
RESTORED = DEMO / "restored"
RECOVERED = DEMO / "recovered"
DEVICES = [DEMO / f"device{number}" for number in (1, 2, 3)]
GRAPH = "graphs/chain-of-three.yaml"
CATALOG = ("--catalog", str(DEMO / "catalog.sqlite"))
DAMAGED_BYTES = 64
ROOM_BYTES = 1600 * MIB
"""The source and two restores of it take 400 MiB each, the devices 100."""


def main() -> int:
    started = time.monotonic()
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(parents=True)
    check_room()
    say("Real data: this Python's library, large files made of it, links, holes, a FIFO")
    make_source(SOURCE)
    say("Three devices; each becomes a medium with a label of its own")
    for device in DEVICES:
        must(command("flowbackup", "device", "init", str(device)))
    say("One read of the source, three levels of a chain")
    must(command_on_terminal("flowbackup", "run", GRAPH, "--engine", "ray", *CATALOG))
    must(command("flowbackup", "copies", *CATALOG))
    say("Damage: every device loses another place, so that no copy is whole any more")
    for number, device in enumerate(DEVICES, 1):
        damage(device, number / (len(DEVICES) + 1))
    say("Restore: each frame comes from a copy that is good")
    must(
        command_on_terminal("flowbackup", "restore", "source", "--target", str(RESTORED), *CATALOG)
    )
    say("Compare, with a program that shares no code with the restore")
    must(command(sys.executable, "-m", "flowbackup.testing.compare", str(SOURCE), str(RESTORED)))
    say("Verify finds the damage and says where it is")
    if command("flowbackup", "verify", str(DEVICES[0]), *CATALOG) == 0:
        sys.exit("demo: verify did not find the damage that was made")
    say("Without flowbackup: the program on the last device restores from what the media have left")
    recover = (sys.executable, "-I", str(DEVICES[-1] / "recover.py"))
    must(command(*recover, "restore", "latest", str(RECOVERED), *map(str, DEVICES)))
    must(command(sys.executable, "-m", "flowbackup.testing.compare", str(SOURCE), str(RECOVERED)))
    say(f"Equal: the restored tree is the source.  {time.monotonic() - started:.0f} s")
    return 0


def check_room() -> None:
    free = shutil.disk_usage(DEMO).free
    if free < ROOM_BYTES:
        sys.exit(
            f"demo: {DEMO} has room for {free // MIB} MiB, and {ROOM_BYTES // MIB} MiB are needed"
        )


def reason(error: OSError) -> str:
    """Of the first file, where a tree could not be copied."""
    is_of_tree = isinstance(error, shutil.Error)
    return str(error.args[0][0][2]) if is_of_tree else f"{error.strerror}: {error.filename}"


def damage(device: Path, part: float) -> None:
    """Flips bytes somewhere inside the largest segment, as a dying disk might."""
    segment = max((device / "segments").iterdir(), key=lambda path: path.stat().st_size)
    place = int(segment.stat().st_size * part) // MIB * MIB + MIB // 2
    print(f"  {DAMAGED_BYTES} bytes of {segment} flipped at {place}")
    mode = segment.stat().st_mode
    segment.chmod(0o600)
    with segment.open("r+b") as file:
        file.seek(place)
        flipped = bytes(byte ^ 0xFF for byte in file.read(DAMAGED_BYTES))
        file.seek(place)
        file.write(flipped)
        file.flush()
        os.fsync(file.fileno())
    segment.chmod(mode)


def say(text: str) -> None:
    print(f"\n== {text}", flush=True)


def command(*words: str) -> int:
    """Shows a command and runs it; its exit code."""
    print(f"$ {' '.join(words)}", flush=True)
    return subprocess.call(words)


def command_on_terminal(*words: str) -> int:
    """The same, with a terminal even where we have none, so that a log shows the live table."""
    if sys.stderr.isatty():
        return command(*words)
    print(f"$ {' '.join(words)}", flush=True)
    os.environ.setdefault("COLUMNS", "120")
    return os.waitstatus_to_exitcode(pty.spawn(words))


def must(exit_code: int) -> None:
    if exit_code != 0:
        sys.exit(f"demo: the command ended with {exit_code}, expected 0")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"demo: {DEMO} cannot be written: {reason(error)}")
