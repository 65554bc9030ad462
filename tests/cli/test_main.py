"""What happens to errors, and what each command promises in its help."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from flowbackup.cli.main import EXAMPLES, commands
from flowbackup.errors import DeviceError, DeviceLockedError, GraphError, InterruptedSessionError
from flowbackup.media.labels.label import init_medium
from flowbackup.packages import BLAS_THREADS
from tests.cli.conftest import FakeApi, RunCommand

SLOW_LIBRARIES = ("ray", "pyarrow", "rich", "networkx", "pydantic", "numpy")


def walk(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with the words that call it."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from walk(below, (*words, name))
    else:
        yield " ".join(words), command


ALL_COMMANDS = dict(walk(commands, ()))


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_help_ends_with_two_examples_that_can_be_called(name: str, flowbackup: RunCommand) -> None:
    ran = flowbackup(*name.split(), "--help")
    assert ran.exit_code == 0
    examples = [line.strip() for line in ran.out.split("Examples:\n")[1].splitlines() if line]
    assert len(examples) == 2, examples
    for example in examples:
        assert_parses(example)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_whole_can_be_called(example: str) -> None:
    assert_parses(example)


def assert_parses(example: str) -> None:
    """The command exists and takes these arguments; nothing is run.  It may stand behind a pipe."""
    ours = [part for part in example.split("|") if part.strip().startswith("flowbackup ")]
    assert ours, example
    _, *words = shlex.split(ours[0].split(">")[0])
    command: click.Command = commands
    while isinstance(command, click.Group):
        below = command.get_command(click.Context(command), words.pop(0))
        assert below is not None, example
        command = below
    command.make_context("example", words)


def test_an_error_names_what_to_do_and_gives_its_exit_code(
    flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    fake_api("show_device", DeviceError("/mnt/nas holds no medium", remedy="make one"))
    ran = flowbackup("device", "show", "/mnt/nas")
    assert (ran.exit_code, ran.out) == (1, "")
    assert ran.err == "error: /mnt/nas holds no medium\n  make one\n"


def test_a_name_in_a_message_cannot_speak_to_the_terminal(
    flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    fake_api("show_device", DeviceError("/mnt/\x1b[2J\nerror: fake holds no medium"))
    ran = flowbackup("device", "show", "x")
    assert ran.err == "error: /mnt/\\x1b[2J\\nerror: fake holds no medium\n"


def test_every_finding_of_a_graph_is_a_line(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    findings = ('x.yaml:17:5 group "offsite" mirrors "primry"', "x.yaml:3:1 unknown key")
    fake_api("load_plan", GraphError("x.yaml has 2 faults", findings=findings))
    ran = flowbackup("run", "x.yaml")
    assert ran.exit_code == 10
    assert ran.err.splitlines()[1:] == [f"  {finding}" for finding in findings]
    ran = flowbackup("run", "x.yaml", "--json")
    assert ran.exit_code == 10
    assert ran.lines[-1]["type"] == "error"
    assert ran.lines[-1]["findings"] == list(findings)
    assert ran.lines[-1]["exit_code"] == 10


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (DeviceLockedError("busy", holder="session 1"), 11),
        (InterruptedSessionError("cancelled"), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_the_exit_code_is_that_of_the_error(
    error: BaseException, exit_code: int, flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    fake_api("objects", error)
    assert flowbackup("objects").exit_code == exit_code
    assert flowbackup("objects", "--json").lines[-1]["exit_code"] == exit_code


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("ls",),
        ("ls", "--nonsense", "latest"),
        ("backup", "/srv"),
        ("copies", "--below", "0"),
    ],
)
def test_wrong_usage_is_2(arguments: tuple[str, ...], flowbackup: RunCommand) -> None:
    ran = flowbackup(*arguments)
    assert ran.exit_code == 2
    assert ran.err.startswith("error: ")
    assert "usage: flowbackup " in ran.err
    ran = flowbackup(*arguments, "--json")
    assert ran.exit_code == 2
    assert ran.lines[-1]["type"] == "error"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("bakup",), 'There is no command "bakup". Did you mean "backup"?'),
        (("graph", "chek"), 'There is no command "chek". Did you mean "check"?'),
        (("zzz",), 'There is no command "zzz".\n'),
    ],
)
def test_an_unknown_command_gets_the_nearest_name(
    arguments: tuple[str, ...], hint: str, flowbackup: RunCommand
) -> None:
    assert hint in flowbackup(*arguments).err


def test_an_unexpected_error_is_short_and_with_v_complete(
    flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    fake_api("objects", ZeroDivisionError("oh"))
    short = flowbackup("objects")
    assert short.exit_code == 1
    assert "ZeroDivisionError: oh" in short.err
    assert "Traceback" not in short.err
    assert "Traceback" in flowbackup("objects", "-v").err
    assert flowbackup("objects", "--json").lines[-1]["kind"] == "ZeroDivisionError"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"]])
def test_help_waits_for_no_slow_library(arguments: list[str]) -> None:
    assert slow_libraries_of(arguments) == []


@pytest.mark.parametrize("arguments", [["objects"], ["sessions"], ["copies", "--below", "2"]])
def test_commands_that_only_look_wait_for_no_ray(arguments: list[str]) -> None:
    assert not {"ray", "networkx", "rich", "pydantic"} & set(slow_libraries_of(arguments))


def test_rebuild_waits_for_no_ray(tmp_path: Path) -> None:
    init_medium(str(tmp_path / "nas"), name="nas")
    arguments = ["rebuild", str(tmp_path / "nas"), "--catalog", str(tmp_path / "c.sqlite")]
    assert not {"ray", "networkx", "pydantic"} & set(slow_libraries_of(arguments))
    assert (tmp_path / "c.sqlite").exists()


def slow_libraries_of(arguments: list[str]) -> list[str]:
    """Which of the slow libraries a fresh process has loaded when the command is done."""
    program = (
        "import sys; from flowbackup.cli.main import run\n"
        "from flowbackup.cli.output import Output\n"
        f"run({arguments!r}, Output())\n"
        f"print('loaded', *[name for name in {SLOW_LIBRARIES!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()[1:]


def test_a_reader_that_leaves_early_is_no_fault() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    program = "import sys; from flowbackup.cli.main import main; sys.argv = ['x', '--help']; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=write_end, stderr=subprocess.PIPE, text=True
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, "")


def test_no_threads_for_matrices_are_started_and_commands_of_the_user_do_not_hear_of_it() -> None:
    program = (
        "import os; from flowbackup.packages import spare_blas; spare_blas(); import numpy;"
        "from flowbackup.source.command import command_environment;"
        "print(len(os.listdir('/proc/self/task')), [*command_environment({})])"
    )
    kept = {name: value for name, value in os.environ.items() if name != BLAS_THREADS}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=kept)
    assert ran.stdout.startswith(b"1 [")
    assert BLAS_THREADS.encode() not in ran.stdout
