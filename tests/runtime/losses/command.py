"""The command `flowbackup` with scripted media agents: a real process of its own, to be killed.

    python -m tests.runtime.losses.command FOLDER DEVICE POINT NTH ARGUMENT...

FOLDER: of the script.  DEVICE, POINT, NTH: the moment.  ARGUMENT: of the command.
"""

from __future__ import annotations

import sys
from pathlib import Path

from flowbackup.cli.main import main
from flowbackup.runtime.crew import crew
from tests.runtime.losses.moments import Moment, Script, scripted


def run() -> None:
    folder, device, point, nth, *arguments = sys.argv[1:]
    script = Script(Path(folder), Moment(device, point, int(nth)))
    crew.MediaAgent = scripted(script)  # type: ignore[misc]
    sys.argv[1:] = arguments
    main()


if __name__ == "__main__":
    run()
