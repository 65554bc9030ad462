"""Ray itself: one quiet instance of our own, a warm one, or a cluster that is there already.

The embedded one listens on loopback, has no dashboard, a small object store (frames stay in slabs)
and a directory of its own that is removed at the end.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import ray

from flowbackup.errors import PeerLostError
from flowbackup.leaving import taken_away
from flowbackup.process import ProcessIdentity, identify
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.engines.lean_ray import (
    connecting_whole,
    deaf_children,
    end_at_once,
    lean_start,
    on_loopback,
    own_token,
    shut_down,
    signals_kept,
)
from flowbackup.runtime.engines.on_ray import RayEngine
from flowbackup.runtime.engines.ray_trust import refuse_open_cluster
from flowbackup.runtime.engines.spares import SpareHosts
from flowbackup.runtime.engines.warm_state import (
    WarmRay,
    unreachable,
    usable_warm_ray,
    users_lock,
)
from flowbackup.units import MIB

OBJECT_STORE_BYTES = 96 * MIB
"""Ray's least is 75 MiB; small stores are faster, and on one node no frame enters it."""
RAY_TEMPORARY_PREFIX = "fbr-"
"""Short, because Ray puts sockets under it and their paths end at 107 bytes."""
REMOVE_TRIES = 50
WARM_SECONDS_MAX = 0.5
"""For who only looks whether the warm Ray is in use; one that is being started or ended is none."""
WORKERS = 4
WORKER_NICENESS = 0
"""Ray's own is 15; but who starts a backup by hand waits for it, and can put `nice` before it."""


@contextmanager
def ray_engine(address: str = "", cancel: Cancel | None = None) -> Iterator[RayEngine]:
    """Ray is up inside: the cluster at the address; for an empty one the warm Ray of this user,
    where one is up, else an embedded one.  A Ray that is up already in this process is used and
    left.  cancel: its first word raises InterruptedSessionError while Ray starts."""
    cancel = cancel or Cancel()
    if ray.is_initialized():
        yield RayEngine("ray (present)")
        return
    if address:
        with _joined(address, cancel):
            yield RayEngine(f"ray ({address})")
        return
    with users_lock(share=True, seconds_max=WARM_SECONDS_MAX) as is_mine:
        warm = usable_warm_ray() if is_mine else None
        if warm is not None:
            with own_token(warm.token), on_loopback(), _joined(warm.address, cancel, warm):
                yield RayEngine("ray (warm)", SpareHosts())
            return
    with own_token(), own_directory() as directory:
        try:
            with _starting(cancel):
                start_embedded(directory)
            yield RayEngine("ray (embedded)")
        finally:
            end_at_once(directory)


@contextmanager
def _joined(address: str, cancel: Cancel, warm: WarmRay | None = None) -> Iterator[None]:
    try:
        with _starting(cancel):
            _join(address, warm)
            refuse_open_cluster()
        yield
    finally:
        shut_down()


@contextmanager
def _starting(cancel: Cancel) -> Iterator[None]:
    try:
        with cancel.interruptible(1), connecting_whole(cancel):
            yield
    except KeyboardInterrupt:
        cancel.refuse("Ray had started")
        raise


def _join(address: str, warm: WarmRay | None) -> None:
    try:
        with signals_kept():
            ray.init(
                address=address, logging_level=logging.ERROR, log_to_driver=False,
                configure_logging=False,
            )  # fmt: skip
    except (ConnectionError, RuntimeError, ValueError) as error:
        if warm is not None:
            raise unreachable(warm, error) from error
        raise PeerLostError(
            f"no Ray cluster answers at {address}: {error}",
            remedy="start one with `ray start --head`, or leave --address away",
        ) from error


def start_embedded(directory: Path) -> None:
    """A Ray of our own below this process.  To be called with a token, see `own_token`."""
    # A signal that comes meanwhile is delivered when its handler is the old one again.
    with lean_start(), deaf_children(), signals_kept():
        ray.init(
            address="local", num_cpus=WORKERS, num_gpus=0, include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES, log_to_driver=False,
            logging_level=logging.ERROR, configure_logging=False, _temp_dir=str(directory),
            _system_config={"worker_niceness": WORKER_NICENESS},
        )  # fmt: skip


@contextmanager
def own_directory() -> Iterator[Path]:
    """Short, and named by this process.  Gone behind it, with what killed commands left."""
    _remove_dead_directories()
    name = f"{RAY_TEMPORARY_PREFIX}{os.getpid()}-{identify().start_ticks}-"
    directory = Path(tempfile.mkdtemp(prefix=name, dir="/tmp"))
    with taken_away(partial(shutil.rmtree, directory, ignore_errors=True)):
        try:
            yield directory
        finally:
            _remove(directory)


def _remove_dead_directories() -> None:
    """What killed commands left behind."""
    here = identify()
    for path in Path("/tmp").glob(f"{RAY_TEMPORARY_PREFIX}*-*-*"):
        pid, ticks = path.name.removeprefix(RAY_TEMPORARY_PREFIX).split("-")[:2]
        if not (pid.isdigit() and ticks.isdigit()) or path.is_symlink():
            continue
        maker = ProcessIdentity(here.host, here.boot, int(pid), int(ticks))
        if maker.is_dead():
            shutil.rmtree(path, ignore_errors=True)


def _remove(directory: Path) -> None:
    """Again, if somebody who was just being ended has put one more file into it."""
    for _ in range(REMOVE_TRIES):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
        time.sleep(0.02)
