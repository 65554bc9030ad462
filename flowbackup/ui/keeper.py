"""Stands beside a command that the page has started, and writes down what it says.

python -m flowbackup.ui.keeper FOLDER PROGRAM [WORD...]

A process of its own, and nobody's child, so that the command goes on when the page is closed and
its server ends, however that ends.  In FOLDER: `keeper.json` which process keeps the command,
`process.json` which one is the command; `progress.json` the last state of it, so that a
run of weeks takes no more room than one of seconds; `rows.jsonl` everything else that it said;
`end.json` its exit code.  Knows no more of flowbackup than that it writes JSON lines.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from flowbackup.process import identify

KEEPER, PROCESS, PROGRESS = "keeper.json", "process.json", "progress.json"
ROWS, END = "rows.jsonl", "end.json"
ROWS_BYTES_MAX = 8 << 20
"""A tree that nobody may read makes a problem for each of its files; the catalog knows the first
thousand, and the last row always comes."""
LINE_BYTES_MAX = 16 << 20
LAST = ("summary", "error")


def keep_apart(folder: Path, words: list[str]) -> int:
    """Returns at once, as soon as it is written down who keeps the command.  A server that is ended
    at once ends all that is below it, and this is not."""
    keeper = os.fork()
    if keeper:
        write_whole(folder / KEEPER, identify(keeper).as_dict())
        return 0
    return keep(folder, words)


def keep(folder: Path, words: list[str]) -> int:
    """Runs the command to its end and returns its exit code.  It hears Ctrl-C from its beginning,
    also where the server does not, as one that a script has put into the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as command:
        write_whole(folder / PROCESS, identify(command.pid).as_dict())
        assert command.stdout is not None
        with open(folder / ROWS, "ab") as rows:
            note(command.stdout, folder, rows)
        exit_code = command.wait()
    write_whole(folder / END, {"exit_code": exit_code})
    return exit_code


def note(lines: Iterable[bytes], folder: Path, rows: BinaryIO) -> None:
    """Writes each line where it belongs."""
    written, left_out = rows.tell(), 0
    for line in lines:
        kind = _kind(line)
        if kind == "progress":
            write_whole(folder / PROGRESS, json.loads(line))
        elif kind in LAST or written + len(line) <= ROWS_BYTES_MAX:
            if kind in LAST and left_out:
                rows.write(json.dumps({"type": "left_out", "rows": left_out}).encode() + b"\n")
            rows.write(line)
            rows.flush()
            written += len(line)
        else:
            left_out += 1


def _kind(line: bytes) -> str:
    try:
        value: Any = json.loads(line) if len(line) <= LINE_BYTES_MAX else None
    except ValueError:
        return ""
    return str(value.get("type", "")) if isinstance(value, dict) else ""


def write_whole(path: Path, value: object) -> None:
    """Who reads it finds all of it, or what was there before."""
    made = path.with_suffix(".new")
    made.write_text(json.dumps(value), encoding="utf-8")
    os.replace(made, path)


if __name__ == "__main__":
    sys.exit(keep_apart(Path(sys.argv[1]), sys.argv[2:]))
