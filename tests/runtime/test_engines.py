"""What makes actors live, behind its port; and that Ray is imported only where it is needed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbackup.api import RunSettings
from flowbackup.errors import DeviceError
from flowbackup.plan.decided import NodePlan
from flowbackup.runtime.engines.answers import wait_for_any
from flowbackup.runtime.engines.faults import as_ours
from flowbackup.runtime.engines.port import (
    ActorDiedError,
    CallFailedError,
    CallLateError,
    Engine,
    Handle,
    Post,
    in_group,
)

pytestmark = pytest.mark.ray
ENGINES = ("ray", "local")
ENOUGH = 60.0
GROUPS = {"data": 1, "control": 1}
IMPORT_ALL = """
import pkgutil, sys
from importlib import import_module
import flowbackup.api, flowbackup.runtime as house

own = (".lean_ray", ".on_ray", ".spares", ".keeper")
names = [found.name for found in pkgutil.walk_packages(house.__path__, "flowbackup.runtime.")]
for name in names:
    if ".ray_" not in name and not name.endswith(own):
        import_module(name)
print(len(names) > 60, "ray" in sys.modules)
"""


def test_nothing_but_its_own_engine_imports_ray() -> None:
    found = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["True", "False"]


class Worker:
    """Blocks: what is written waits until it may go on, questions are answered meanwhile."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._may_go_on = threading.Event()
        self._done: list[int] = []

    @in_group("data")
    def write(self, number: int) -> list[int]:
        self._may_go_on.wait(ENOUGH)
        self._done.append(number)
        return self._done

    @in_group("data")
    def refuse(self) -> None:
        raise DeviceError(f"{self._name} is full", device=self._name)

    @in_group("data")
    def break_down(self) -> None:
        raise ValueError("broken")

    @in_group("control")
    def go_on(self, *, now: bool) -> str:
        if now:
            self._may_go_on.set()
        return self._name


class Asking:
    """Coroutines: asks another actor."""

    def __init__(self) -> None:
        self._asked = 0

    async def ask(self, worker: Handle) -> tuple[int, list[int]]:
        self._asked += 1
        return self._asked, await worker.write.remote(7)

    async def hear_refusal(self, worker: Handle) -> str:
        try:
            await worker.refuse.remote()
        except CallFailedError as error:
            return str(error.cause)
        return ""

    async def hear_of_death(self, worker: Handle) -> str:
        try:
            await worker.write.remote(1)
        except ActorDiedError as error:
            return str(as_ours(error, "it"))
        return ""

    async def asked(self) -> int:
        return self._asked

    async def in_a_thread(self) -> int:
        return await asyncio.to_thread(lambda: self._asked)


class Stage:
    """An engine, and what was made by it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.node = engine.place((NodePlan("here"),))["here"]
        self._made: list[Handle] = []

    def worker(self, name: str) -> Handle:
        return self._kept(self.engine.spawn(Post(self.node, groups=GROUPS), Worker, name))

    def asking(self) -> Handle:
        return self._kept(self.engine.spawn(Post(self.node), Asking))

    def clear(self) -> None:
        for handle in self._made:
            self.engine.end(handle)

    def _kept(self, handle: Handle) -> Handle:
        self._made.append(handle)
        return handle


@pytest.fixture
def stage(engine: str) -> Iterator[Stage]:
    from flowbackup.runtime.cancel import Cancel
    from flowbackup.runtime.engines.choice import engine_of

    with engine_of(RunSettings(engine=engine), Cancel()) as made:
        stage = Stage(made)
        yield stage
        stage.clear()


def test_a_call_has_its_answer_or_what_the_actor_raised(stage: Stage) -> None:
    worker = stage.worker("nas")
    assert worker.go_on.remote(now=True).result(ENOUGH) == "nas"
    assert worker.write.remote(1).result(ENOUGH) == [1]
    with pytest.raises(CallFailedError) as refused:
        worker.refuse.remote().result(ENOUGH)
    ours = as_ours(refused.value, "worker")
    assert isinstance(ours, DeviceError) and (ours.message, ours.device) == ("nas is full", "nas")
    with pytest.raises(CallFailedError) as broken:
        worker.break_down.remote().result(ENOUGH)
    assert str(as_ours(broken.value, "it")) == "it failed unexpectedly: ValueError('broken')"


def test_groups_of_calls_do_not_wait_for_each_other(stage: Stage) -> None:
    worker = stage.worker("nas")
    writing = [worker.write.remote(number) for number in range(3)]
    assert worker.go_on.remote(now=False).result(ENOUGH) == "nas"
    with pytest.raises(CallLateError):
        writing[0].result(0.05)
    assert stage.engine.wait_any(writing, 0.05) == []
    assert worker.go_on.remote(now=True).result(ENOUGH) == "nas"
    (ready,) = wait_for_any(stage.engine, writing, ENOUGH, lambda: False)
    assert ready in writing
    assert writing[2].result(ENOUGH) == [0, 1, 2]


def test_actors_await_each_other(stage: Stage) -> None:
    worker, asking = stage.worker("nas"), stage.asking()
    calls = [asking.ask.remote(worker), asking.ask.remote(worker)]
    deadline = time.monotonic() + ENOUGH
    while asking.asked.remote().result(ENOUGH) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert asking.in_a_thread.remote().result(ENOUGH) == 2
    worker.go_on.remote(now=True)
    assert sorted(call.result(ENOUGH)[0] for call in calls) == [1, 2]
    assert asking.hear_refusal.remote(worker).result(ENOUGH) == "nas is full"


def answers_no_more(asking: Handle) -> bool:
    """In the end: a process that is being killed may still answer."""
    deadline = time.monotonic() + ENOUGH
    while time.monotonic() < deadline:
        try:
            asking.asked.remote().result(ENOUGH)
        except ActorDiedError:
            return True
    return False


def test_who_is_ended_answers_nothing_more(stage: Stage) -> None:
    worker, asking = stage.worker("nas"), stage.asking()
    assert worker.go_on.remote(now=False).result(ENOUGH) == "nas"
    assert asking.asked.remote().result(ENOUGH) == 0
    at_work, waiting = worker.write.remote(1), worker.write.remote(2)
    hearing = asking.hear_of_death.remote(worker)
    stage.engine.end(worker)
    stage.engine.end(worker)
    for call in (at_work, waiting):
        with pytest.raises(ActorDiedError):
            call.result(ENOUGH)
    with pytest.raises(ActorDiedError):  # Not before: see answers_no_more.
        worker.go_on.remote(now=True).result(ENOUGH)
    assert hearing.result(ENOUGH).startswith("it died: ")
    stage.engine.end(asking)
    assert answers_no_more(asking)


FROM_THE_COMMAND = """
import sys
from flowbackup.cli.main import run
from flowbackup.cli.output import Output

exit_code = run(sys.argv[1:], Output(json=True))
print("ray" in sys.modules)
sys.exit(exit_code)
"""


def test_a_command_for_this_machine_does_without_ray(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_bytes(b"kept")
    words = ["backup", "source", "--to", "nas", "--mirror", "usb", "--catalog", "c.sqlite"]
    done = subprocess.run(
        [sys.executable, "-c", FROM_THE_COMMAND, *words, "--json"], cwd=tmp_path,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    *_, summary, has_ray = done.stdout.splitlines()
    assert '"engine": "local"' in summary and has_ray == "False"
