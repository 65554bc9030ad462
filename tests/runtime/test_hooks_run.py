"""Hooks and notices around live sessions."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from unittest.mock import patch

import pytest

from flowbackup import api
from flowbackup.errors import DeviceError, FlowbackupError, HookError, InterruptedSessionError
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import RecordingMonitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.actors.client import Client
from flowbackup.runtime.crew import crew
from flowbackup.source import command
from tests.runtime.gates import leaping_time
from tests.runtime.left_behind import is_noted, wait_for
from tests.runtime.listening import listening
from tests.runtime.unended import Unended, give_time
from tests.source.test_streams import assert_ended

pytestmark = pytest.mark.ray
ENGINES = ("ray", "local")
MIB = 1 << 20
NOTE = "echo {name}:$FLOWBACKUP_OBJECT:$FLOWBACKUP_OUTCOME:$FLOWBACKUP_EXIT_CODE >> {note}"
COPIES = """
restore_groups: {readers: {devices: [a]}}
copy_groups: {archive: {copies: readers, devices: [b], after: command}}
"""


class World:
    """Objects with hooks, on one device, with a file in which hooks write."""

    def __init__(self, folder: Path, catalog: Path) -> None:
        self.folder = folder
        self.catalog = catalog
        self.note = folder / "note"
        self.monitor = RecordingMonitor()
        (folder / "tree").mkdir()
        (folder / "tree" / "file").write_bytes(os.urandom(2 * MIB))

    def hook(self, when: str, name: str = "", more: str = "", text: str = "") -> str:
        """Notes its name and what it was told."""
        line = NOTE.format(name=name or when, note=self.note) + (f"; {text}" if text else "")
        return f"{{when: {when}, shell: {json.dumps(line)}{more}}}"

    def plan(
        self, objects: dict[str, list[str]], hooks: list[str] = [], notices: list[str] = [],  # noqa: B006
        rest: str = "", source: str = "",
    ) -> Plan:  # fmt: skip
        """source: what all objects are read from, if it is not the tree."""
        source = source or f"path: {self.folder}/tree"
        written = [
            f"      {name}: {{{source}, hooks: [{', '.join(items)}]}}\n"
            for name, items in objects.items()
        ]
        file = self.folder / "graph.yaml"
        file.write_text(
            "graph: g\nframe_size: 512 KiB\nsync_size: 1 MiB\n"
            f"clients:\n  web:\n    objects:\n{''.join(written)}"
            f"devices: {{a: {{path: {self.folder}/a}}, b: {{path: {self.folder}/b}}}}\n"
            f"backup_groups: {{primary: {{devices: [a]}}}}\n{rest}"
            f"hooks: [{', '.join(hooks)}]\nnotices: [{', '.join(notices)}]\n"
        )
        return api.load_plan(file)

    @property
    def settings(self) -> api.RunSettings:
        return api.RunSettings(catalog=self.catalog, create=True, init=True)

    def run(self, plan: Plan) -> SessionReport:
        return api.run_backup(plan, self.settings, self.monitor)

    @property
    def noted(self) -> list[str]:
        return self.note.read_text().split() if self.note.exists() else []

    @property
    def kept(self) -> tuple[str, int, list[str]]:
        """How the catalog says that the newest session ended."""
        row = api.sessions(self.catalog)[0]
        return str(row.outcome), int(row.exit_code or 0), [p.kind for p in row.problems]


@pytest.fixture
def world(tmp_path: Path, engine: str, catalog: Path) -> World:
    return World(tmp_path, catalog)


def test_hooks_see_the_session_and_its_outcome(world: World) -> None:
    told = "env | grep ^FLOWBACKUP_ | sort > {}"
    hooks = [
        world.hook("before", text=told.format(world.folder / "before")),
        world.hook("after"), world.hook("success"), world.hook("failed"), world.hook("incomplete"),
    ]  # fmt: skip
    inside = [
        world.hook("before", "inside", text=told.format(world.folder / "inside")),
        world.hook("after", "inside"), world.hook("success", "within"), world.hook("failed"),
    ]  # fmt: skip
    report = world.run(world.plan({"site": inside}, hooks))
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    assert world.noted == [
        "before:::", "inside:site::", "inside:site:success:0", "within:site:success:0",
        "after::success:0", "success::success:0",
    ]  # fmt: skip
    session = [
        f"FLOWBACKUP_CATALOG={world.catalog}", "FLOWBACKUP_GRAPH=g",
        f"FLOWBACKUP_SESSION={report.session}",
    ]  # fmt: skip
    assert (world.folder / "before").read_text().split() == session
    inside_told = (world.folder / "inside").read_text().split()
    assert inside_told == sorted([*session, "FLOWBACKUP_CLIENT=web", "FLOWBACKUP_OBJECT=site"])


def test_a_session_whose_hook_fails_before_it_is_not_begun(world: World) -> None:
    hooks = [
        world.hook("before", text="echo no key; exit 7"), world.hook("before", "second"),
        world.hook("failed"), world.hook("after"), world.hook("success"),
    ]  # fmt: skip
    with pytest.raises(HookError, match="exit code 7: no key") as caught:
        world.run(world.plan({"site": []}, hooks))
    assert caught.value.exit_code == 1
    assert world.noted == ["before:::", "after::failed:1", "failed::failed:1"]
    assert not (world.folder / "a").exists() and not world.catalog.exists()


def test_a_hook_may_bring_the_device_and_the_source(world: World) -> None:
    away = world.folder / "away"
    (world.folder / "tree").rename(away)
    inside = [world.hook("before", text=f"mv {away} {world.folder}/tree")]
    hooks = [world.hook("before", text=f"mkdir {world.folder}/a")]
    plan = world.plan({"site": inside}, hooks)
    settings = api.RunSettings(catalog=world.catalog, init=True)
    assert api.run_backup(plan, settings, world.monitor).exit_code == 0


def test_hooks_behind_a_session_that_cannot_begin_see_why(world: World) -> None:
    (world.folder / "a").write_text("no directory")
    with pytest.raises(DeviceError) as caught:
        world.run(world.plan({"site": []}, [world.hook("failed")]))
    assert world.noted == [f"failed::failed:{caught.value.exit_code}"]


def test_an_object_whose_hook_fails_is_failed_and_the_others_are_good(world: World) -> None:
    objects = {
        "before": [world.hook("before", text="echo no snapshot; exit 3"), world.hook("failed")],
        "behind": [world.hook("after", more=", on_error: fail", text="exit 4")],
        "soft": [world.hook("before", more=", on_error: ignore", text="exit 5")],
        "good": [],
    }
    report = world.run(world.plan(objects, [world.hook("failed", "session")]))
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, 1)
    ends = {o.name: (o.outcome, o.version) for o in report.objects}
    assert ends["before"] == ends["behind"] == (Outcome.FAILED, 0)
    assert ends["soft"] == ends["good"] == (Outcome.SUCCESS, 1)
    texts = sorted(f"{problem.kind} {problem.text}" for problem in report.problems)
    assert [text.partition(' "')[0] for text in texts] == [
        "hook_failed web/soft: hook 1 (before",
        "object_failed before: hook 1 (before",
        "object_failed behind: hook 1 (after",
    ]
    assert "exit code 3: no snapshot" in texts[1]
    assert "failed:before:failed:1" in world.noted and world.noted[-1] == "session::failed:1"
    assert {row.name for row in api.objects(world.catalog)} == {"soft", "good"}


def test_a_session_whose_hook_must_not_fail_behind_it_has_failed_and_is_good(world: World) -> None:
    hooks = [
        world.hook("before", more=", on_error: ignore", text="exit 2"),
        world.hook("after", more=", on_error: fail", text="exit 3"),
        world.hook("success"), world.hook("failed"),
    ]  # fmt: skip
    report = world.run(world.plan({"site": []}, hooks))
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, 1)
    assert [o.outcome for o in report.objects] == [Outcome.SUCCESS]
    assert world.noted[-1] == "failed::failed:1"
    assert [p.kind for p in report.problems] == ["hook_failed"] * 2
    assert world.monitor.problems == list(report.problems)
    assert world.kept == ("failed", 1, ["hook_failed"] * 2)
    assert [str(row) for row in api.objects(world.catalog)], "the version stays"


@pytest.mark.parametrize("engine", ["local"], indirect=True)
def test_media_hear_of_it_from_the_next_session(world: World) -> None:
    """The medium is sealed, and may be gone, when hooks behind a session run."""
    hooks = [world.hook("after", more=", on_error: fail", text=f"[ -e {world.folder}/good ]")]
    plan = world.plan({"site": []}, hooks, rest=COPIES)
    first = world.run(plan)
    copied = api.run_copy(plan, (), world.settings, world.monitor)
    assert (first.exit_code, copied.exit_code) == (1, 1)
    (world.folder / "good").touch()
    world.run(plan)
    api.run_copy(plan, (), world.settings, world.monitor)
    before = [(row.kind, row.outcome, row.problems) for row in api.sessions(world.catalog)]
    assert [outcome for _, outcome, _ in before].count(Outcome.FAILED) >= 2
    again = world.folder / "again"
    media = [str(world.folder / name) for name in "ab"]
    assert api.rebuild(media, world.monitor, again).exit_code == 0
    after = [(row.kind, row.outcome, row.problems) for row in api.sessions(again)][1:]
    assert after == before


def test_a_hook_that_takes_too_long_is_ended_with_all_that_it_started(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = world.folder / "pid"
    hasty = leaping_time(pid)

    class Hasty(Client):
        async def run(self) -> FlowbackupError | None:
            with patch.object(command, "time", hasty):
                return await super().run()

    monkeypatch.setattr(crew, "Client", Hasty)
    slow = f"sleep 300 & echo $! > {pid}; sleep 300"
    inside = [world.hook("before", more=", timeout: 60", text=slow)]
    report = world.run(world.plan({"site": inside, "good": []}))
    assert [o.outcome for o in report.objects] == [Outcome.FAILED, Outcome.SUCCESS]
    assert "took longer than" in report.problems[0].text
    assert_ended(int(pid.read_text()))


def test_the_background_is_joined_before_the_session_ends(world: World) -> None:
    gate = world.folder / "gate"
    wait = f"while [ ! -e {gate} ]; do sleep 0.02; done; echo over >> {world.note}; exit 3"
    inside = [world.hook("before", more=", background: true", text=wait), world.hook("after")]
    hooks = [
        world.hook("before", more=", background: true", text=wait),
        world.hook("after", "behind", text=f"touch {gate}"),
    ]  # fmt: skip
    # Longer than all the rest, which the client is not to outrun.
    outside = world.hook("after", more=", background: true", text=f"sleep 2; touch {gate}")
    report = world.run(world.plan({"site": inside, "last": [outside]}, hooks))
    assert report.outcome is Outcome.SUCCESS
    texts = [p.text for p in report.problems]
    assert len(texts) == 2 and all(text.endswith("ended with exit code 3") for text in texts)
    assert world.noted.count("over") == 2
    assert world.noted.index("after:site:success:0") < world.noted.index("over")


def test_notices_tell_of_start_and_end_and_do_no_harm(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(gone=[404] * 9) as server:
        monkeypatch.setenv("NOTICE_URL", f"{server.url}/gone")
        notices = [
            f"{{url: {server.url}/check, style: healthchecks}}",
            f'{{url: "{server.url}/{{outcome}}", when: [failed, success]}}',
            "{url_env: NOTICE_URL}",
        ]  # fmt: skip
        plan = world.plan({"site": []}, notices=notices)
        report = world.run(plan)
        assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0)
        assert sorted(server.paths) == ["/check", "/check/start", "/gone", "/gone", "/success"]
        told = dict(server.told)
        assert told["/check/start"]["session"] == told["/check"]["session"] == report.session
        assert told["/check"]["type"] == "summary"
        assert told["/check"]["objects"][0]["name"] == "site"
        assert {(p.kind, p.text) for p in report.problems} == {
            ("notice_failed", f"notice 3 ($NOTICE_URL) of {event}: {server.url[7:]} answers 404")
            for event in ("start", "success")
        }
        assert world.kept == ("success", 0, ["notice_failed"] * 2)
        (world.folder / "tree" / "file").unlink()
        (world.folder / "tree").rmdir()
        server.told.clear()
        with pytest.raises(Exception, match="does not exist"):
            world.run(plan)
        told = dict(server.told)
        assert sorted(told) == ["/check/fail", "/check/start", "/failed", "/gone"]
        assert (told["/failed"]["exit_code"], told["/failed"]["outcome"]) == (1, "failed")


def test_copies_have_hooks_and_notices_too(world: World) -> None:
    with listening() as server:
        notices = [f"{{url: {server.url}/check, style: healthchecks}}"]
        hooks = [world.hook("before"), world.hook("success")]
        plan = world.plan({"site": []}, hooks, notices, COPIES)
        world.run(plan)
        world.note.unlink()
        server.told.clear()
        report = api.run_copy(plan, (), world.settings, world.monitor)
        assert (report.kind, report.outcome) == ("copy", Outcome.SUCCESS)
        assert world.noted == ["before:::", "success::success:0"]
        assert [told["session"] for _, told in server.told] == [report.session] * 2


@pytest.mark.parametrize("now", [False, True])
def test_hooks_behind_run_on_the_first_word_and_not_on_the_second(
    world: World, now: bool, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    # How long each of them is waited for is no matter of this test.
    give_time(monkeypatch)
    source = Unended(world.folder)
    inside = [world.hook("before", "begun"), world.hook("after", "inside")]
    hooks = [world.hook("after", "outside", text="sleep 0.2; echo whole >> " + str(world.note))]
    plan = world.plan({"site": inside}, hooks, source=source.written[1:-1])

    def tell() -> None:
        wait_for(lambda: any(p.bytes_read > MIB for p in world.monitor.snapshots))
        api.change_session("latest", "cancel", world.catalog, now=now)

    asked = threading.Thread(target=tell)
    asked.start()
    with source.ending():
        report = world.run(plan)
    asked.join()
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, 130)
    words = [] if now else ["inside:site:failed:1", "outside::failed:130", "whole"]
    assert world.noted == ["begun:site::", *words]
    assert ("hook_failed" in {p.kind for p in report.problems}) is now


def test_a_word_during_a_hook_before_ends_it_and_the_session_is_not_begun(world: World) -> None:
    pid = world.folder / "pid"
    hooks = [world.hook("before", text=f"sleep 300 & echo $! > {pid}; sleep 300")]
    plan = world.plan({"site": []}, [*hooks, world.hook("after")])

    def tell() -> None:
        wait_for(lambda: is_noted(pid))
        os.kill(os.getpid(), signal.SIGINT)

    telling = threading.Thread(target=tell)
    telling.start()
    with pytest.raises(InterruptedSessionError):
        world.run(plan)
    telling.join()
    assert_ended(int(pid.read_text()))
    assert world.noted == ["before:::", "after::failed:130"]
    assert not (world.folder / "a").exists()
