"""What a Ray of one command needs or can do without, and Ray has no public switch for.

Measured on two cores: `ray.init` 2.9 s and `ray.shutdown` 1.3 s as they come, 1.7 s and 0.3 s so.
Only the embedded Ray is started like this.  The lock file says for which version of Ray it holds;
a test looks that what is replaced here is there to be replaced.
"""

from __future__ import annotations

import _thread
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import ray
from ray._private import ray_constants, worker
from ray._private import utils as ray_utils
from ray._private.node import Node
from ray._raylet import (  # type: ignore[attr-defined]  # compiled, without types
    AuthenticationTokenLoader,
    Config,
)

from flowbackup.process import (
    END_SECONDS_MAX,
    ProcessIdentity,
    descendants,
    end_process,
    identify,
)
from flowbackup.runtime.cancel import Cancel

HEAR_SECONDS = 0.05


@contextmanager
def lean_start() -> Iterator[None]:
    """`ray.init` inside starts `without_services`, and listens on 127.0.0.1 only."""
    with ExitStack() as replaced:
        replaced.enter_context(without_services())
        # Where all of Ray is installed, its agent serves a page of its own, at a port that is the
        # same for every Ray of a machine.
        without = (ray_utils, "get_dashboard_dependency_error", _no_page)
        replaced.enter_context(patch.object(*without))
        replaced.enter_context(on_loopback())
        yield


@contextmanager
def without_services() -> Iterator[None]:
    """Nodes that are started inside have no server of a dashboard, no autoscaler, and nobody who
    reads their logs."""
    with (
        # Started even without a dashboard, for usage statistics; `ray.init` waits a second for it.
        patch.object(Node, "start_api_server", _no_api_server),
        # Asks for machines when there are too few; its end takes a second.
        patch.object(Node, "start_monitor", _no_service),
        # Prints at the driver what workers print, which ours is told not to do; its start takes as
        # much of a processor as that of an actor.
        patch.object(Node, "start_log_monitor", _no_service),
    ):
        yield


@contextmanager
def on_loopback() -> Iterator[None]:
    """`ray.init` inside stays on 127.0.0.1, whether it starts a Ray there or joins one.

    On Linux Ray takes the network's address even when it is told the loopback one; this is how it
    stays inside on other systems.  Ray has read the variable when it was imported, and the
    processes that it starts read it again."""
    variable = {ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0"}
    with (
        patch.object(ray_constants, "ENABLE_RAY_CLUSTER", False),
        patch.dict(os.environ, variable),
    ):
        yield


@contextmanager
def connecting_whole(cancel: Cancel) -> Iterator[None]:
    """`ray.init` inside is interrupted before it connects to its Ray, or behind that: one that has
    half done so ends the process with a fault of memory when it is shut down."""
    connect = worker.connect

    def whole(*arguments: object, **settings: object) -> object:
        with cancel.interruptible(0):
            return connect(*arguments, **settings)

    with patch.object(worker, "connect", whole):
        yield


@contextmanager
def signals_kept() -> Iterator[None]:
    """`ray.init` inside leaves SIGTERM to whoever of this process has taken it.  Ray's own handlers
    end the process: that of its Python in the middle of what it is doing, that of its C++, which
    calls the one before it, three seconds later."""
    before = signal.getsignal(signal.SIGTERM)
    is_main = threading.current_thread() is threading.main_thread()
    if before is signal.SIG_DFL or not is_main:
        yield
        return
    try:
        with patch.object(ray_utils, "set_sigterm_handler", _no_handler):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def deaf_children() -> Iterator[None]:
    """Processes that are started inside do not hear SIGTERM: who ends a service or a group of
    processes tells all of them at a time, and the command needs its Ray to end in order.  The
    command itself does, if it has a handler for it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    is_over = threading.Event()
    hearer = threading.Thread(target=_hear, args=(is_over,), name="signals", daemon=True)
    if callable(signal.getsignal(signal.SIGTERM)):
        hearer.start()
    try:
        yield
    finally:
        is_over.set()
        if hearer.is_alive():
            hearer.join(20 * HEAR_SECONDS)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _hear(is_over: threading.Event) -> None:
    """Has the handler of this Python called, past that of Ray's C++, which takes three seconds."""
    while not is_over.is_set():
        if signal.sigtimedwait({signal.SIGTERM}, HEAR_SECONDS) is not None:
            _thread.interrupt_main(signal.SIGTERM)


def shut_down() -> None:
    """`ray.shutdown`, behind which signals are this Python's again.  In the middle of it Ray leaves
    SIGTERM to the system, which would end the process there and then."""
    with deaf_children(), signals_kept():
        ray.shutdown()


def end_at_once(directory: Path) -> None:
    """`ray.shutdown` of the Ray that has this directory, also of one that was interrupted while it
    started, of which Ray itself knows nothing yet.  Behind it none of its processes is left: to ask
    the deaf ones first would take a second for each, and what they have started outlive them."""
    family = _family(directory)
    stop = Node.kill_all_processes

    def stop_at_once(node: Node, check_alive: bool = True, **how: bool) -> None:
        stop(node, check_alive=check_alive, **(how | {"allow_graceful": False}))

    with patch.object(Node, "kill_all_processes", stop_at_once):
        shut_down()
    for process in family:
        end_process(process, END_SECONDS_MAX)


def _family(directory: Path) -> set[ProcessIdentity]:
    """The services of a Ray, which name its directory in their command lines, and whom they have
    started.  Other children of this process are none of ours."""
    found: set[ProcessIdentity] = set()
    for pid in descendants(os.getpid()):
        with suppress(OSError):
            if os.fsencode(directory) in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.update(identify(each) for each in (pid, *descendants(pid)))
    return found


@contextmanager
def own_token(token: str = "") -> Iterator[str]:
    """Processes of a Ray started inside show each other a token that nobody else has; one that is
    given lets into the Ray that was started with it.

    Who reaches a Ray can run code as its user, and every user of a machine reaches its loopback.
    The token stands in the environment, which only the same user can read.  Ray reads mode and
    token when it is imported, so it is told to read them again, before and after."""
    token = token or secrets.token_hex(32)
    shown = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    others = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    try:
        with patch.dict(os.environ, shown | others):
            _read_again()
            yield token
    finally:
        _read_again()


def _read_again() -> None:
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def _no_api_server(node: Node, **settings: object) -> None:
    node._webui_url = ""


def _no_page() -> ImportError:
    return ImportError("a Ray of one command is nobody's to look at")


def _no_handler(handler: object) -> None:
    """The one that is there stays."""


def _no_service(node: Node) -> None:
    """Nothing is started."""
