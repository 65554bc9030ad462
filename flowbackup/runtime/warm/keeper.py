"""The process that keeps a warm Ray: it starts it, has workers ready, and ends with it.

Nothing that works outlives this process: the system ends Ray's services when it is killed, but for
two agents of Ray's that end themselves a minute later, and it ends itself when one of the others
has died.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowbackup.process import identify
from flowbackup.runtime.engines.lean_ray import end_at_once, own_token
from flowbackup.runtime.engines.ray_start import own_directory, start_embedded
from flowbackup.runtime.engines.spares import Spares, address_of_ray, services_live
from flowbackup.runtime.engines.warm_state import (
    WarmRay,
    made_of,
    remove_state,
    users_lock,
    write_state,
)
from flowbackup.runtime.user_directory import user_directory

DIRECTORY = "ray"
DIRECTORY_CHARACTERS_MAX = 43
"""Ray puts sockets below, with 64 characters of its own, and their paths end at 107."""
READY_SECONDS_MAX = 20.0
ROUND_SECONDS = 0.5


def keep(ended: threading.Event) -> None:
    """Until it is ended, or Ray is."""
    with own_token() as token, _directory() as directory:
        try:
            start_embedded(directory)
            spares, made = Spares(), made_of()
            spares.look(may_make=True)
            spares.wait_ready(READY_SECONDS_MAX)
            write_state(
                WarmRay(
                    identify(), address_of_ray(), str(directory), time.time_ns(), made, token
                )
            )  # fmt: skip
            while services_live() and not ended.wait(ROUND_SECONDS):
                spares.look(may_make=_is_unused())
        finally:
            remove_state()
            end_at_once(directory)


def _is_unused() -> bool:
    with users_lock(share=False, seconds_max=0) as is_unused:
        return is_unused


@contextmanager
def _directory() -> Iterator[Path]:
    """In the user's own, where its path is short enough."""
    directory = user_directory() / DIRECTORY
    if len(str(directory)) > DIRECTORY_CHARACTERS_MAX:
        with own_directory() as short:
            yield short
        return
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def main() -> None:
    """`python -m flowbackup.runtime.warm.keeper`; SIGTERM ends it."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    os.umask(0o077)
    keep(ended)


if __name__ == "__main__":
    main()
