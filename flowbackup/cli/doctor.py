"""flowbackup doctor: is this machine fit?"""

from __future__ import annotations

import click

from flowbackup import api
from flowbackup.cli.options import Command, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_FAILED, EXIT_SUCCESS


@click.command(cls=Command, examples=("flowbackup doctor", "flowbackup doctor --json"))
@output_options
@click.pass_obj
def doctor(output: Output) -> int:
    """Check this machine: versions, shared memory, limits, the catalog, what dead sessions left."""
    checks = api.doctor()
    for check in checks:
        fields = {
            "name": check.name,
            "ok": check.ok,
            "text": check.text,
            "remedy": check.remedy,
        }
        text = f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.text}"
        if not check.ok and check.remedy:
            text += f"\n     {check.remedy}"
        output.row("check", fields, text)
    return EXIT_SUCCESS if all(check.ok for check in checks) else EXIT_FAILED
