"""Ray itself: one quiet instance of our own, or a cluster that is there already.

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
    own_token,
    shut_down,
    signals_kept,
)
from flowbackup.runtime.engines.on_ray import RayEngine
from flowbackup.runtime.engines.ray_trust import refuse_open_cluster
from flowbackup.units import MIB

OBJECT_STORE_BYTES = 96 * MIB
"""Ray's least is 75 MiB; small stores are faster, and on one node no frame enters it."""
RAY_TEMPORARY_PREFIX = "fbr-"
"""Short, because Ray puts sockets under it and their paths end at 107 bytes."""
REMOVE_TRIES = 50
WORKERS = 4
WORKER_NICENESS = 0
"""Ray's own is 15; but who starts a backup by hand waits for it, and can put `nice` before it."""


@contextmanager
def ray_engine(address: str = "", cancel: Cancel | None = None) -> Iterator[RayEngine]:
    """Ray is up inside: embedded for an empty address, else the cluster at it.  A Ray that is up
    already in this process is used and left.  cancel: its first word raises InterruptedSessionError
    while Ray starts."""
    cancel = cancel or Cancel()
    if ray.is_initialized():
        yield RayEngine("ray (present)")
        return
    if address:
        try:
            with _starting(cancel):
                _join(address)
                refuse_open_cluster()
            yield RayEngine(f"ray ({address})")
        finally:
            shut_down()
        return
    with own_token(), _own_directory() as directory:
        try:
            with _starting(cancel):
                _start_embedded(directory)
            yield RayEngine("ray (embedded)")
        finally:
            end_at_once(directory)


@contextmanager
def _starting(cancel: Cancel) -> Iterator[None]:
    try:
        with cancel.interruptible(1), connecting_whole(cancel):
            yield
    except KeyboardInterrupt:
        cancel.refuse("Ray had started")
        raise


def _join(address: str) -> None:
    try:
        with signals_kept():
            ray.init(
                address=address, logging_level=logging.ERROR, log_to_driver=False,
                configure_logging=False,
            )  # fmt: skip
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise PeerLostError(
            f"no Ray cluster answers at {address}: {error}",
            remedy="start one with `ray start --head`, or leave --address away",
        ) from error


def _start_embedded(directory: Path) -> None:
    # A signal that comes meanwhile is delivered when its handler is the old one again.
    with lean_start(), deaf_children(), signals_kept():
        ray.init(
            address="local", num_cpus=WORKERS, num_gpus=0, include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES, log_to_driver=False,
            logging_level=logging.ERROR, configure_logging=False, _temp_dir=str(directory),
            _system_config={"worker_niceness": WORKER_NICENESS},
        )  # fmt: skip


@contextmanager
def _own_directory() -> Iterator[Path]:
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
