"""Tapes on the command line: virtual ones are made, labelled and shown."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import RunCommand


def test_a_virtual_changer_is_made_and_its_tapes_are_shown(
    tmp_path: Path, flowbackup: RunCommand
) -> None:
    place = f"tape://{tmp_path}/library/drive?changer={tmp_path}/library"
    words = ("--virtual", "2", "--media-size", "10MiB", "--name", "lto")
    made = flowbackup("device", "init", place, *words)
    assert (made.exit_code, f"made in {place}/medium-00001" in made.out) == (0, True)
    row = json.loads(flowbackup("device", "show", place, "--json").out)
    assert (row["device"], row["set_number"], row["block_bytes"]) == ("lto", 1, 65536)
    assert (row["free_bytes"], row["media_bytes"]) == (None, 0)
    assert "medium 1, as much as goes on it" in flowbackup("device", "show", place).out
    again = flowbackup("device", "init", place, *words)
    assert (again.exit_code, "no virtual tape can be made" in again.err) == (2, True)


def test_a_size_of_real_tapes_is_refused(tmp_path: Path, flowbackup: RunCommand) -> None:
    ran = flowbackup("device", "init", f"tape://{tmp_path}", "--media-size", "1GiB")
    assert (ran.exit_code, "nobody can say how much goes on a tape" in ran.err) == (1, True)
    wrong = flowbackup("device", "init", "tape://dev/nst0")
    assert (wrong.exit_code, "is no place of a tape" in wrong.err) == (1, True)
