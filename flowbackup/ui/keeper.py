"""Stands beside a command that the page has started, and writes down what it says.

python -m flowbackup.ui.keeper FOLDER PROGRAM [WORD...]

A process of its own, and nobody's child, so that the command goes on when the page is closed and
its server ends, however that ends.  In FOLDER: `keeper.json` which process keeps the command,
`process.json` which one is the command; `progress.json` the last state of it, so that a
run of weeks takes no more room than one of seconds; `rows.jsonl` everything else that it said;
`end.json` its exit code.  Knows no more of flowbackup than that it writes JSON lines.

Where the disk is full the command goes on: what cannot be kept is counted, and `spare` makes room
for its end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from flowbackup.process import identify
from flowbackup.whole_file import write_whole

KEEPER, PROCESS, PROGRESS = "keeper.json", "process.json", "progress.json"
ROWS, END, SPARE = "rows.jsonl", "end.json", "spare"
SPARE_BYTES = 1 << 20
ROWS_BYTES_MAX = 8 << 20
"""A tree that nobody may read makes a problem for each of its files; the catalog knows the first
thousand, and the last row always comes."""
LINE_BYTES_MAX = 16 << 20
LAST = ("summary", "error")


def reserve(folder: Path) -> None:
    """Room for the end of a command.  Raises OSError where there is none."""
    with open(folder / SPARE, "wb") as spare:
        os.posix_fallocate(spare.fileno(), 0, SPARE_BYTES)


def keep_apart(folder: Path, words: list[str]) -> int:
    """Returns at once, as soon as it is written down who keeps the command.  A server that is ended
    at once ends all that is below it, and this is not."""
    written, writing = os.pipe()
    keeper = os.fork()
    if keeper:
        write_value(folder / KEEPER, identify(keeper).as_dict())
        os.write(writing, b"x")
        return 0
    os.close(writing)
    # Nobody would find a command of which nothing is written down: it is not begun.
    return keep(folder, words) if os.read(written, 1) else 1


def keep(folder: Path, words: list[str]) -> int:
    """Runs the command to its end and returns its exit code.  It hears Ctrl-C from its beginning,
    also where the server does not, as one that a script has put into the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as command:
        _write_last(folder / PROCESS, identify(command.pid).as_dict())
        assert command.stdout is not None
        with open(folder / ROWS, "ab", buffering=0) as rows:
            left_out = note(command.stdout, folder, rows)
        exit_code = command.wait()
    _write_last(folder / END, {"exit_code": exit_code, "left_out": left_out})
    return exit_code


def note(lines: Iterable[bytes], folder: Path, rows: BinaryIO) -> int:
    """Writes each line where it belongs.  Returns how many were left out, and no row says so."""
    written, left_out = rows.tell(), 0
    for line in lines:
        kind = _kind(line)
        if kind == "progress":
            with suppress(OSError):  # The next one comes soon.
                write_value(folder / PROGRESS, json.loads(line))
            continue
        is_last, data = kind in LAST, line
        if is_last:
            (folder / SPARE).unlink(missing_ok=True)
        if is_last and left_out:
            data = json.dumps({"type": "left_out", "rows": left_out}).encode() + b"\n" + line
        if (is_last or written + len(line) <= ROWS_BYTES_MAX) and _append(rows, written, data):
            written += len(data)
            left_out = 0 if is_last else left_out
        else:
            left_out += 1
    return left_out


def _append(rows: BinaryIO, written: int, data: bytes) -> bool:
    """All of it, or nothing where there is no room."""
    with suppress(OSError):
        if rows.write(data) == len(data):
            return True
    with suppress(OSError):  # Else a part of a line stays, which who reads it passes over.
        rows.truncate(written)
        rows.seek(written)
    return False


def _write_last(path: Path, value: object) -> None:
    """Makes room where there is none.  What has none even so is not known: the command is told as
    lost."""
    for _ in range(2):
        with suppress(OSError):
            write_value(path, value)
            return
        path.with_name(SPARE).unlink(missing_ok=True)


def _kind(line: bytes) -> str:
    try:
        value: Any = json.loads(line) if len(line) <= LINE_BYTES_MAX else None
    except (ValueError, RecursionError):
        return ""
    return str(value.get("type", "")) if isinstance(value, dict) else ""


def write_value(path: Path, value: object) -> None:
    """As JSON; see `write_whole`."""
    write_whole(path, json.dumps(value).encode())


if __name__ == "__main__":
    sys.exit(keep_apart(Path(sys.argv[1]), sys.argv[2:]))
