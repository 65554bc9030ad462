"""The embedded Ray: quiet, small, alone, and gone afterwards."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ray._private import ray_constants, services, worker
from ray._private import utils as ray_utils
from ray._private.node import Node

ASK = """
import os, ray, time
from pathlib import Path
from flowbackup.runtime.engines.ray_start import ray_engine

def listening(pid):
    # Lines of /proc/PID/net/tcp*: local address in hexadecimal, state 0A is listening.
    own = {os.readlink(p) for p in Path(f"/proc/{pid}/fd").glob("*") if os.path.lexists(p)}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
                yield fields[1].split(":")[0]

def family(pid):
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))

with ray_engine():
    ray.get(ray.remote(lambda: 1).remote())
    members = list(family(os.getpid()))
    # Ray's page of its own, at the same port in every Ray of a machine, is what this leaves out.
    assert any(b"--minimal" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in members)
    print(len(members), sorted({a for pid in members for a in listening(pid)}))
    print(sorted(p.name for p in Path("/tmp").glob(f"fbr-{os.getpid()}-*")) != [])
# Who was killed is gone when the kernel has come to it; the watcher of Ray's ends with its parent.
deadline = time.monotonic() + 60
left = members
while len(left) > 2 and time.monotonic() < deadline:
    time.sleep(0.05)
    left = list(family(os.getpid()))
print(len(left) <= 2)
print(sorted(p.name for p in Path("/tmp").glob(f"fbr-{os.getpid()}-*")))
"""
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}


def test_what_is_replaced_in_ray_is_there() -> None:
    replaced = {"start_api_server", "start_monitor", "start_log_monitor"}
    assert {*replaced, "kill_all_processes"} <= set(vars(Node))
    assert ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR == "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
    assert isinstance(ray_constants.ENABLE_RAY_CLUSTER, bool)
    assert callable(ray_utils.set_sigterm_handler)
    asks = "ray._private.utils.get_dashboard_dependency_error()"
    assert asks in inspect.getsource(services.start_raylet)
    assert "connect(" in inspect.getsource(worker.init), "and is called by that name"


@pytest.mark.ray
def test_it_listens_on_loopback_only_and_leaves_no_directory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    members, rest = done.stdout.splitlines()[0].split(" ", 1)
    assert int(members) >= 4, "gcs, raylet, its agents, a worker"
    assert set(eval(rest)) <= LOOPBACK
    assert done.stdout.splitlines()[1:] == ["True", "True", "[]"]


HALF = """
import os
from pathlib import Path
from ray._private import worker
from flowbackup.errors import InterruptedSessionError
from flowbackup.process import descendants, identify
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.engines import lean_ray
from flowbackup.runtime.engines.ray_start import ray_engine

cancel = Cancel()

def signal(node, **settings):
    print(len(node.all_processes) > 0, worker._global_node)
    cancel.tell()

lean_ray._no_api_server = signal
try:
    with ray_engine(cancel=cancel):
        print("started")
except InterruptedSessionError as error:
    print(error)
    print([pid for pid in descendants(os.getpid()) if identify(pid).is_alive()])
    print(sorted(p.name for p in Path("/tmp").glob(f"fbr-{os.getpid()}-*")))
"""


@pytest.mark.ray
def test_one_that_was_interrupted_while_it_started_leaves_nothing() -> None:
    """Ray itself does not know yet what it has started."""
    done = subprocess.run(
        [sys.executable, "-c", HALF], capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "True None", "interrupted before Ray had started", "[]", "[]",
    ]  # fmt: skip


INTRUDE = """
import os, subprocess, sys, ray
from flowbackup.runtime.engines.ray_start import ray_engine

JOIN = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False)"
with ray_engine():
    address = ray.get_runtime_context().gcs_address
    stranger = {k: v for k, v in os.environ.items() if not k.startswith("RAY_AUTH")}
    stranger |= {"RAY_AUTH_MODE": "disabled", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    # Who is refused tries again for a long time.
    with subprocess.Popen([sys.executable, "-c", JOIN, address], env=stranger,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as joining:
        is_refused = any(b"InvalidAuthToken" in line for line in joining.stderr)
        joining.kill()
    print("refused" if is_refused else "joined")
"""


@pytest.mark.ray
@pytest.mark.slow
def test_nobody_joins_it_without_its_token() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTRUDE], capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert done.stdout.split() == ["refused"]


def test_a_directory_of_a_dead_command_is_removed_and_others_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flowbackup.process import identify
    from flowbackup.runtime.engines import ray_start

    dead = Path("/tmp") / f"{ray_start.RAY_TEMPORARY_PREFIX}{2**22 - 1}-1-test"
    alive = (
        Path("/tmp") / f"{ray_start.RAY_TEMPORARY_PREFIX}{os.getpid()}-{identify().start_ticks}-t"
    )
    for path in (dead, alive):
        path.mkdir()
    try:
        ray_start._remove_dead_directories()
        assert alive.exists() and not dead.exists()
    finally:
        alive.rmdir()
