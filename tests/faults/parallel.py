"""Many cases on all processors: each process has a folder of its own, in memory if there is any."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from unittest.mock import patch

from flowbackup.media.segments import segment_source

Case = TypeVar("Case")
Result = TypeVar("Result")


def shared_out(
    check: Callable[[Path, Sequence[Case]], Result], cases: Sequence[Case]
) -> list[Result]:
    """What `check` returns for each share of the cases; it and they can be pickled."""
    processes = len(os.sched_getaffinity(0))
    shares = [cases[first::processes] for first in range(processes)]
    # A fork would inherit locks that threads of this process may hold.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(partial(_in_process, check), shares))


def in_folder(check: Callable[[Path, Sequence[Case]], Result], cases: Sequence[Case]) -> Result:
    """What `check` returns for the cases, with an empty folder of its own."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with TemporaryDirectory(prefix="flowbackup-test-", dir=memory) as folder:
        return check(Path(folder), cases)


def _in_process(check: Callable[[Path, Sequence[Case]], Result], cases: Sequence[Case]) -> Result:
    # What was imported stays: looking through it for garbage costs a sixth of the time.
    gc.freeze()
    # The bytes are in memory: threads that read ahead would take a tenth of the time.  The samples
    # of the quick tests have them.
    with patch.object(segment_source, "O_DIRECT", 0):
        return in_folder(check, cases)
