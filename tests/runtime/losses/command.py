"""The command `flowbackup` with scripted media agents: a real process of its own, to be killed.

Told to end in order, it takes its time: how soon a command is over is asked by others, and what
it does on its way shall not hang on how busy the machine is.

    python -m tests.runtime.losses.command FOLDER DEVICE POINT NTH ARGUMENT...

FOLDER: of the script.  DEVICE, POINT, NTH: the moment.  ARGUMENT: of the command.
"""

from __future__ import annotations

import sys
from pathlib import Path

from flowbackup import leaving
from flowbackup.cli.main import main
from flowbackup.runtime import signals
from flowbackup.runtime.cancel import Cancel, Part
from flowbackup.runtime.crew import crew
from tests.runtime.losses.moments import Moment, Script, scripted

PATIENCE_SECONDS = 30.0


class PatientCancel(Cancel):
    """Behind the first word each of these parts may take so much longer."""

    parts: frozenset[Part] = frozenset(Part)

    def latest(self, part: Part, otherwise: float) -> float:
        moment = super().latest(part, otherwise)
        if self.is_now or part not in self.parts:
            return moment
        return min(otherwise, moment + PATIENCE_SECONDS)


def run() -> None:
    folder, device, point, nth, *arguments = sys.argv[1:]
    script = Script(Path(folder), Moment(device, point, int(nth)))
    crew.MediaAgent = scripted(script)  # type: ignore[misc]
    signals.Cancel = PatientCancel  # type: ignore[misc]
    # Behind the second word it ends in order, however long that takes.
    leaving.END_SECONDS = leaving.DIE_SECONDS_MAX = PATIENCE_SECONDS
    sys.argv[1:] = arguments
    main()


if __name__ == "__main__":
    run()
