"""Work on a history that is killed between any two of its steps, as by `kill -9`.

Each is done in a process of its own, forked from one that has imported everything and has no
threads: to begin it takes milliseconds, and what its end leaves is what the system leaves.  Steps
are the calls by which media are changed, and the statements by which the catalog is.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest.mock import patch

from flowbackup.catalog.database import Database
from flowbackup.catalog.unfinished import Unfinished
from flowbackup.media.calls import SystemCalls
from flowbackup.model.known import JournalPage
from tests.runtime.history import History

STEPS: dict[type, tuple[str, ...]] = {
    SystemCalls: (
        "open", "pwritev", "fallocate", "truncate", "fdatasync", "fsync", "sync_directory",
        "make_directory", "chmod", "rename", "unlink",
    ),
    Database: ("execute", "execute_many", "insert"),
}  # fmt: skip


IMPORTED = (
    "catalog.page_frames", "frame.searched", "plan.making", "runtime.backup.session",
    "runtime.care.completing", "runtime.care.rebuilding", "runtime.copying.stages",
    "runtime.pruning.forgetting", "runtime.pruning.session", "runtime.freeing.room",
    "runtime.hooks.around",
)  # fmt: skip
"""What commands import when they need it."""


class Mortals:
    """The process that they are forked from, until the end of the block."""

    def __enter__(self) -> Mortals:
        self._server = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        place: TracebackType | None,
    ) -> None:  # fmt: skip
        self._server.communicate(timeout=60)

    def killed(self, setup: dict[str, Any], work: tuple[str, ...], nth: int, *, late: bool) -> bool:
        """Whether it was killed before its end.  setup: of a History.  work: a method of it and its
        arguments.  nth: the step, from 1, instead of which it ends; late: behind which; 0: as soon
        as the catalog was told the names of files."""
        told = {"setup": setup, "work": work, "nth": nth, "late": late}
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(told).encode() + b"\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        assert code in (0, -signal.SIGKILL), f"{work} failed, see stderr"
        return code != 0


def main() -> None:
    """Forks a process for each line, and says how it ended."""
    for name in IMPORTED:
        importlib.import_module(f"flowbackup.{name}")
    for line in sys.stdin:
        told = json.loads(line)
        child = os.fork()
        if not child:
            _end_by(told)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _end_by(told: dict[str, Any]) -> None:
    """Does the work, and ends this process."""
    code = 1
    try:
        # What it prints is no answer.
        os.dup2(2, 1)
        setup = told["setup"]
        history = History(Path(setup.pop("folder")), **setup)
        os.environ["FLOWBACKUP_PASSPHRASE_FILE"] = str(history.passphrase)
        if told["nth"]:
            _count_steps(told["nth"], late=told["late"])
        else:
            _end_when_named()
        method, *arguments = told["work"]
        getattr(history, method)(*arguments)
        code = 0
    except BaseException:  # noqa: BLE001  nothing may go on in this process
        traceback.print_exc()
    finally:
        os._exit(code)


def _count_steps(nth: int, *, late: bool) -> None:
    numbers = count(1)

    def counted(made: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            is_last = next(numbers) == nth
            if is_last and not late:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return made(*arguments, **named)
            finally:
                if is_last:
                    os.kill(os.getpid(), signal.SIGKILL)

        return step

    for owner, names in STEPS.items():
        for name in names:
            setattr(owner, name, counted(getattr(owner, name)))


def _end_when_named() -> None:
    told = Unfinished.add_journal

    def add_journal(self: Unfinished, session: bytes, pages: Sequence[JournalPage]) -> None:
        told(self, session, pages)
        if pages:
            os.kill(os.getpid(), signal.SIGKILL)

    patch.object(Unfinished, "add_journal", add_journal).start()


if __name__ == "__main__":
    main()
