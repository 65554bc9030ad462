"""Options that several commands share, and the shape of a command.

    @click.command(cls=Command, examples=("flowbackup ls latest", "flowbackup ls web/site@3:etc"))
    @output_options
    @catalog_option
    @click.pass_obj
    def ls(output: Output, catalog: Path | None) -> int: ...

A command returns its exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click

from flowbackup import api
from flowbackup.cli.output import Output
from flowbackup.model.retention import is_tag
from flowbackup.units import parse_duration, parse_rate, parse_size

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """The end of a help text."""
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"  {example}\n")  # never wrapped, so that it can be copied


class Command(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, formatter)


class Group(click.Group):
    """Commands with examples; one that does not exist gets the nearest name."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            ctx.fail(f'There is no command "{name}".{hint}')
        return super().resolve_command(ctx, args)


class Size(click.ParamType[int]):
    """Bytes, written as "8 MiB" or "8MiB"."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Rate(click.ParamType[int]):
    """Bytes per second, written as "20 MB/s"; 0 for "none"."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if str(value).strip() == "none":
            return 0
        try:
            return parse_rate(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Duration(click.ParamType[float]):
    """Seconds, written as "30s", "5m" or "1h30m"."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Share(click.ParamType[Fraction]):
    """A part of a whole, written as "1/30"."""

    name = "n/m"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        try:
            share = Fraction(value)
        except (ValueError, ZeroDivisionError):
            share = Fraction(0)
        if not 0 < share <= 1:
            self.fail(f'"{value}" is no part of a whole; write 1/30', param, ctx)
        return share


def _set(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def remember(context: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value:
            setattr(context.ensure_object(Output), name, True)

    return remember


def output_options(command: Decorated) -> Decorated:
    """--json, --log-json, -q, -v: they set the Output that `click.pass_obj` gives."""
    for names, text in (
        (("-v", "--verbose"), "More remarks, and tracebacks of unexpected errors."),
        (("-q", "--quiet"), "No progress and no remarks, only results."),
        (("--json",), "One JSON object per line."),
        (("--log-json",), "Standard error as a log: one JSON object per line."),
    ):
        attribute = names[-1].removeprefix("--").replace("-", "_")
        command = click.option(
            *names, is_flag=True, expose_value=False, callback=_set(attribute), help=text
        )(command)
    return command


def catalog_option(command: Decorated) -> Decorated:
    """--catalog FILE, else FLOWBACKUP_CATALOG; None where neither is given."""
    return click.option(
        "--catalog",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="FLOWBACKUP_CATALOG",
        show_envvar=True,
        help="The catalog's file.",
    )(command)


def include_option(command: Decorated) -> Decorated:
    """--include PATTERN, as often as wished."""
    return click.option(
        "--include", multiple=True, metavar="PATTERN",
        help="Only paths that match; may be given several times.",
    )(command)  # fmt: skip


def exclude_option(command: Decorated) -> Decorated:
    """--exclude PATTERN, as often as wished."""
    return click.option(
        "--exclude", multiple=True, metavar="PATTERN",
        help="Not the paths that match, and nothing in them; may be given several times.",
    )(command)  # fmt: skip


def as_of_option(command: Decorated) -> Decorated:
    """--as-of TIME; "" for now."""
    return click.option(
        "--as-of", default="", metavar="TIME", help="The version that was newest at TIME."
    )(command)


def address_option(command: Decorated) -> Decorated:
    """--address ADDRESS of an existing Ray cluster; "" starts an embedded one.  Without it, that of
    the job as which Ray runs the command."""
    return click.option(
        "--address",
        default=lambda: "auto" if api.in_job() else "",
        metavar="ADDRESS",
        help='Join this Ray cluster ("auto" or host:port) instead of starting one.',
    )(command)


def metrics_option(command: Decorated) -> Decorated:
    """--metrics FILE, else FLOWBACKUP_METRICS; None where neither is given."""
    return click.option(
        "--metrics",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="FLOWBACKUP_METRICS",
        show_envvar=True,
        metavar="FILE",
        help="Write the numbers of the run there for Prometheus, as node_exporter collects them: "
        "one file for each graph.",
    )(command)


def engine_option(command: Decorated) -> Decorated:
    """--engine NAME, else FLOWBACKUP_ENGINE; None for what the graph says."""
    return click.option(
        "--engine",
        type=click.Choice(["auto", "local", "ray"]),
        default=None,
        envvar="FLOWBACKUP_ENGINE",
        show_envvar=True,
        help="Run in this process (local) or on Ray; auto does without Ray where the graph is all "
        "on this machine and no cluster is named. Without it, what the graph says, or auto.",
    )(command)


def profile_option(command: Decorated) -> Decorated:
    """--profile: the summary tells where the time went."""
    return click.option(
        "--profile", is_flag=True, help="Tell at the end where the time went, and who waited."
    )(command)


def init_option(command: Decorated) -> Decorated:
    """--init: make media where a device holds none."""
    return click.option(
        "--init", is_flag=True, help="Make a medium in each device that does not hold one yet."
    )(command)


def tag_option(flag: str, text: str, name: str = "tags") -> Callable[[Decorated], Decorated]:
    """A flag that may be given several times, each with a word."""

    def check(
        context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
    ) -> tuple[str, ...]:  # fmt: skip
        for tag in value:
            if not is_tag(tag):
                raise click.BadParameter(f'"{tag}" is no tag: it has spaces or commas, or is long')
        return value

    return click.option(flag, name, multiple=True, metavar="TAG", callback=check, help=text)


def resume_option(command: Decorated) -> Decorated:
    """--resume, --no-resume; None where neither is given."""
    return click.option(
        "--resume/--no-resume",
        default=None,
        help="Go on with what an interrupted session of the same graph has made safe, and fail if "
        "there was none; or leave that alone.  Without either it goes on if there is something to "
        "go on with.",
    )(command)


def full_option(command: Decorated) -> Decorated:
    """--full: read every file."""
    return click.option(
        "--full", is_flag=True, help="Read every file, also those that are as they were by size, "
        "times and inode.  What devices have already is not sent again.",
    )(command)  # fmt: skip


LETTING_GO_SECONDS = 5.0
"""The processes of a killed command end when Ray has noticed, one or two seconds later: who starts
it again at once is not to be told that it still runs."""


def retry_lock_option(command: Decorated) -> Decorated:
    """--retry-lock DURATION, else FLOWBACKUP_RETRY_LOCK: how long to wait for devices."""
    return click.option(
        "--retry-lock",
        type=Duration(),
        default=LETTING_GO_SECONDS,
        envvar="FLOWBACKUP_RETRY_LOCK",
        show_envvar=True,
        metavar="DURATION",
        help="Wait so long, as in 30s, 5m or 2h, for devices that other sessions hold: first come, "
        "first served, all devices or none; 0 for not at all.  Without it 5s, in which what a "
        "killed session left running lets go of its devices.",
    )(command)
