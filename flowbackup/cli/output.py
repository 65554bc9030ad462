"""What a command says, and to whom: a person, a program (JSON lines), or nearly nobody (quiet).

Results go to standard output.  Progress, remarks and errors go to standard error, but for JSON,
where everything is one object per line on standard output, the last a `summary` or an `error`.
With a log, standard error has nothing but its lines.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

import click

from flowbackup.cli.log import JsonLog, Level
from flowbackup.cli.names import one_line
from flowbackup.errors import EXIT_FAILED, EXIT_INTERRUPTED, FlowbackupError, GraphError

SHOW_CURSOR = "\x1b[?25h"
COLOURS = {"success": "green", "incomplete": "yellow", "failed": "red"}


@dataclass(slots=True)
class Output:
    """The manner of speaking that the options chose.  Not where anything is computed."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    log_json: bool = False
    log: JsonLog = field(default_factory=JsonLog)
    """Written to only where `log_json` is set."""

    def row(self, kind: str, value: Mapping[str, object], text: str) -> None:
        """One result: as an object with `type`, or as text for a person."""
        if self.json:
            write_json({"type": kind, **value})
        else:
            click.echo(text)

    def text(self, text: str) -> None:
        """A result for people only, where its rows were already written for programs."""
        if not self.json:
            click.echo(text)

    def remark(self, text: str) -> None:
        """Something worth knowing that is no result."""
        if self.log_json and not self.quiet:
            self.log.write(Level.INFO, "message", text)
        if self.json:
            write_json({"type": "message", "text": text})
        elif not self.quiet and not self.log_json:
            click.echo(text, err=True)

    def styled(self, text: str, outcome: str) -> str:
        """The text in the colour of an outcome, where colours are wanted."""
        if "NO_COLOR" in os.environ or not sys.stdout.isatty():
            return text
        return click.style(text, fg=COLOURS.get(outcome), bold=True)

    def error(self, error: FlowbackupError) -> None:
        """An expected error: what failed, each finding, and what to do."""
        findings = error.findings if isinstance(error, GraphError) else ()
        name = type(error).__name__
        self._write_error(name, error.message, error.exit_code, error.remedy, findings)

    def _write_error(
        self, kind: str, text: str, exit_code: int, remedy: str, findings: tuple[str, ...] = (),
        trace: str = "",
    ) -> None:  # fmt: skip
        if self.log_json:
            more = {"traceback": trace} if trace else {}
            self.log.write(
                Level.ERROR, "error", text, kind=kind, exit_code=exit_code, remedy=remedy,
                findings=list(findings), **more,
            )  # fmt: skip
        if self.json:
            write_json(
                {
                    "type": "error",
                    "kind": kind,
                    "exit_code": exit_code,
                    "text": text,
                    "remedy": remedy,
                    "findings": list(findings),
                }
            )
            return
        if self.log_json:
            return
        click.echo(f"error: {one_line(text)}", err=True)
        for line in (*findings, remedy):
            if line:
                click.echo(f"  {one_line(line)}", err=True)

    def plain_error(self, kind: str, text: str, exit_code: int, remedy: str = "") -> None:
        """An error of the command line itself or of the person in front of it."""
        self._write_error(kind, text, exit_code, remedy)

    def interrupted(self) -> None:
        """The user has ended it; a table that stood on the screen had hidden the cursor."""
        if sys.stderr.isatty() and not self.log_json:
            click.echo(SHOW_CURSOR, err=True, nl=False)
        self.plain_error("Interrupted", "interrupted", EXIT_INTERRUPTED)

    def unexpected(self, error: Exception) -> None:
        """A fault of flowbackup: short, and in full with -v."""
        text = f"unexpected {type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error)) if self.verbose else ""
        self._write_error(type(error).__name__, text, EXIT_FAILED, "", trace=trace)
        if self.log_json:
            return
        if trace:
            click.echo(trace, err=True, nl=False)
        elif not self.json:
            click.echo("  this is a fault of flowbackup; run again with -v to see where", err=True)


def write_json(value: Mapping[str, object]) -> None:
    """One line on standard output, flushed, so that a reader sees it at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=True) + "\n")
    sys.stdout.flush()
