"""`flowbackup up` and `flowbackup down`: a Ray that commands find, and none any more."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from flowbackup.errors import FlowbackupError, PeerLostError
from flowbackup.process import END_SECONDS_MAX, descendants, end_process, identify
from flowbackup.runtime.engines.warm_state import (
    LOOK_SECONDS,
    WarmRay,
    remove_state,
    users_lock,
    warm_ray,
)
from flowbackup.runtime.user_directory import user_directory

KEEPER = "flowbackup.runtime.warm.keeper"
LOG_FILE = "ray.log"
UP_SECONDS_MAX = 60.0
"""Ray starts in two seconds on two idle cores."""
ASK_SECONDS_MAX = 10.0
SAID_BYTES_MAX = 2000


def bring_up() -> tuple[WarmRay, bool]:
    """The warm Ray of this user, and whether it was started now.  Raises FlowbackupError for one
    that is up already and made of other versions, PeerLostError where it does not start."""
    with users_lock(share=False, seconds_max=UP_SECONDS_MAX) as is_mine:
        warm = warm_ray()
        if warm is not None and warm.is_up:
            if difference := warm.difference():
                raise FlowbackupError(
                    f"a warm Ray of other versions is up: {difference}",
                    remedy="`flowbackup down` ends it",
                )
            return warm, False
        if not is_mine:
            raise PeerLostError("another command is starting or ending the warm Ray")
        _clear(warm)
        return _started(), True


def take_down(*, now: bool = False) -> WarmRay | None:
    """Ends the warm Ray of this user, with all of its processes, and returns what it was; None
    where none was up.  now: also under running sessions.  Raises FlowbackupError for these."""
    with users_lock(share=False, seconds_max=0) as is_unused:
        warm = warm_ray()
        is_up = warm is not None and warm.is_up
        if is_up and not is_unused and not now:
            raise FlowbackupError(
                "commands use the warm Ray at this moment",
                remedy="wait for them, or end it all the same with --now",
            )
        if warm is not None and is_up:
            _end(warm)
        _clear(warm)
        return warm if is_up else None


def _started() -> WarmRay:
    log = user_directory() / LOG_FILE
    log.unlink(missing_ok=True)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as said:
        keeper = subprocess.Popen(
            [sys.executable, "-m", KEEPER], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            cwd="/", start_new_session=True,
        )  # fmt: skip
    latest = time.monotonic() + UP_SECONDS_MAX
    while keeper.poll() is None and time.monotonic() < latest:
        warm = warm_ray()
        if warm is not None and warm.keeper.pid == keeper.pid and warm.is_up:
            return warm
        time.sleep(LOOK_SECONDS)
    _kill(keeper.pid)
    keeper.wait(END_SECONDS_MAX)
    said_last = log.read_bytes()[-SAID_BYTES_MAX:].decode(errors="replace").strip()
    raise PeerLostError(
        f"the warm Ray did not start: {said_last.splitlines()[-1] if said_last else 'no answer'}",
        remedy=f"{log} tells more",
    )


def _end(warm: WarmRay) -> None:
    """In order if it can, and in any case."""
    family = [identify(pid) for pid in descendants(warm.keeper.pid)]
    if not end_process(warm.keeper, ASK_SECONDS_MAX, signal.SIGTERM):
        family.append(warm.keeper)
    for process in family:
        if not end_process(process, END_SECONDS_MAX):
            raise PeerLostError(f"process {process.pid} of the warm Ray cannot be ended")


def _kill(pid: int) -> None:
    for each in (*descendants(pid), pid):
        with suppress(OSError):
            end_process(identify(each), END_SECONDS_MAX)


def _clear(warm: WarmRay | None) -> None:
    """What a dead one has left."""
    remove_state()
    if warm is not None:
        shutil.rmtree(Path(warm.directory), ignore_errors=True)
