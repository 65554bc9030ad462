"""The commands by name, and what becomes of an error.

Commands are imported when they are called, so that `--help`, `ls` or `graph check` do not wait for
libraries that they do not need.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

import click
from click.exceptions import NoArgsIsHelpError

from flowbackup import __version__
from flowbackup.cli.options import Group
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_SUCCESS, FlowbackupError
from flowbackup.leaving import end_behind_second_signal, leave
from flowbackup.packages import spare_blas, spare_pandas

GARBAGE_MIN = 50_000
"""Objects more before Python looks for cycles among them: lists of entries are a thousand long and
have none, and to look through them again and again took a thirtieth of a restore of small files."""


class Place(NamedTuple):
    """Where a command is defined, and its line in the list of commands."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "backup": Place("backup", "backup", "Back up paths to a device, and on to its mirrors."),
    "run": Place("run", "run", "Run a graph file: backups, mirrors and copies as it says."),
    "copy": Place("copy", "copy", "Run the copy groups of a graph file, without its backup."),
    "free": Place("free", "free", "Make room on staging devices, where copies are elsewhere."),
    "graph": Place("graph", "graph", "Check, plan, draw and simulate graph files."),
    "restore": Place("restore", "restore", "Put an object, or a path inside it, into a folder."),
    "cat": Place("cat", "cat", "Write the content of one file to standard output."),
    "export": Place("export", "export", "Write an object, or a path inside it, as a tar archive."),
    "mount": Place("mount", "mount", "Show all versions as directories, to look at and to copy."),
    "up": Place("warm", "up", "Keep a Ray for the commands that run on one."),
    "down": Place("warm", "down", "End the Ray that up keeps."),
    "status": Place("status", "status", "Show what the running sessions are doing."),
    "attach": Place("running", "attach", "Give a running session one more mirror."),
    "detach": Place("running", "detach", "Let a mirror of a running session go."),
    "limit": Place("running", "limit", "Say how fast a coupling of a running session may be."),
    "cancel": Place("running", "cancel", "End a running session in order."),
    "sessions": Place("sessions", "sessions", "List the sessions that ran."),
    "objects": Place("objects", "objects", "List the data objects and their versions."),
    "ls": Place("ls", "ls", "List what is inside a version of an object."),
    "find": Place("find", "find", "Find names in all versions."),
    "history": Place("history", "history", "Show what became of a path from version to version."),
    "diff": Place("diff", "diff", "Show what differs between two versions."),
    "why": Place("why", "why", "Tell which rule decides whether a path is backed up."),
    "stats": Place("stats", "stats", "Show how much room versions take, and what was saved."),
    "copies": Place("copies", "copies", "Show how many durable copies each version has."),
    "verify": Place("verify", "verify", "Read media, or a part of them, and check every digest."),
    "drill": Place("drill", "drill", "Restore a part and compare it with the source."),
    "repair": Place("repair", "repair", "Complete copies that lag, failed or are damaged."),
    "forget": Place("forget", "forget", "Keep some versions by rule, and forget the others."),
    "tag": Place("tag", "tag", "Give versions words by which forget keeps them."),
    "prune": Place("prune", "prune", "Free what no version needs any more."),
    "rebuild": Place("rebuild", "rebuild", "Make the catalog from what media tell."),
    "device": Place("device", "device", "Make, list, show and measure devices."),
    "key": Place("key", "key", "Make keys for encryption, and say who may use them."),
    "submit": Place("submit", "submit", "Have a Ray cluster run a graph file, as a job."),
    "schedule": Place("schedule", "schedule", "Have graphs run by themselves, at set times."),
    "ui": Place("ui", "ui", "Show the page on which chains are drawn, watched and read back."),
    "doctor": Place("doctor", "doctor", "Check this machine: versions, memory, limits, catalog."),
}
EXAMPLES = (
    "flowbackup backup /srv/www --to /mnt/nas --mirror /mnt/usb --init",
    "flowbackup restore latest --target /tmp/back",
)


class LazyGroup(Group):
    """The commands of COMMANDS, imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module = importlib.import_module(f"flowbackup.cli.{place.module}")
        command = getattr(module, place.attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    examples=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="flowbackup")
def commands() -> None:
    """Backups as a dataflow graph on Ray: one read of the source, any chain of devices."""


def run(arguments: Sequence[str], output: Output) -> int:
    """Runs one command and returns its exit code; errors are told, never raised.  (A reader that
    left early, as `head` does, is click's: it raises SystemExit.)"""
    try:
        result = commands.main(
            list(arguments), prog_name="flowbackup", standalone_mode=False, obj=output
        )
    except FlowbackupError as error:
        output.error(error)
        return error.exit_code
    except click.ClickException as error:
        return _usage_error(error, output)
    except (KeyboardInterrupt, click.Abort):
        output.interrupted()
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last place that can tell it: nothing is swallowed
        output.unexpected(error)
        return EXIT_FAILED
    return result if isinstance(result, int) else EXIT_SUCCESS


def _usage_error(error: click.ClickException, output: Output) -> int:
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, NoArgsIsHelpError) and not output.json:
        error.show()
    else:
        usage = " ".join(context.get_usage().split()[1:]) if context else ""
        remedy = f"usage: {usage} (--help says more)" if usage else ""
        output.plain_error("UsageError", error.format_message(), error.exit_code, remedy)
    return error.exit_code


def main() -> None:
    """The console script."""
    gc.set_threshold(GARBAGE_MIN)
    spare_pandas()
    spare_blas()
    arguments = sys.argv[1:]
    output = Output(json="--json" in arguments, log_json="--log-json" in arguments)
    end_behind_second_signal(EXIT_INTERRUPTED, output.interrupted)
    exit_code = run(arguments, output)
    leave(exit_code)
    sys.exit(exit_code)
