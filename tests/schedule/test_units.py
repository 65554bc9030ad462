"""Units of systemd, lines of cron, a RayCronJob: what stands in them, and that others read them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from flowbackup.errors import UsageError
from flowbackup.schedule import cron, kuberay
from flowbackup.schedule.calendar import parse_calendar
from flowbackup.schedule.systemd import quoted, units
from flowbackup.schedule.task import Task, crontab_name, kubernetes_name
from tests.schedule.programs import needed

ODD = '/srv/a b/100% "x" $HOME \\ ü'
TASK = Task(
    "nightly", "/etc/nightly.yaml", ("/bin/true", "run", "/etc/nightly.yaml"),
    parse_calendar("Mon..Fri 02:30"), ("/var/lib/flowbackup", "/mnt/nas"),
)  # fmt: skip


def verified(folder: Path, texts: dict[str, str], *words: str) -> str:
    """What systemd says of units; "" where it is content."""
    needed("systemd-analyze")
    for name, text in texts.items():
        (folder / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", *words, "verify", *(str(folder / name) for name in texts)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "task",
    [
        TASK,
        replace(TASK, is_confined=False),
        replace(TASK, passphrase="/etc/flow%backup/pass phrase"),
        replace(TASK, words=("/bin/true", "run", ODD), writable=("/v", ODD)),
        replace(TASK, graph="a.b_c-9", calendar=parse_calendar("*:0/15")),
    ],
    ids=["plain", "open", "passphrase", "odd", "name"],
)
@pytest.mark.parametrize("is_user", [False, True], ids=["system", "user"])
def test_systemd_has_nothing_to_say_against_the_units(
    tmp_path: Path, task: Task, is_user: bool
) -> None:
    texts = units(task, is_user=is_user)
    assert verified(tmp_path, texts, *(["--user"] if is_user else [])) == ""


def test_systemd_would_have_said_so(tmp_path: Path) -> None:
    texts = units(TASK, is_user=False)
    wrong = {name: text.replace("UMask=", "Mask=") for name, text in texts.items()}
    assert "Mask" in verified(tmp_path, wrong)


def test_the_service_of_the_system_is_confined_unless_its_graph_runs_programs() -> None:
    service = units(TASK, is_user=False)["flowbackup-nightly.service"].splitlines()
    assert "CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_FOWNER" in service
    assert {"ReadWritePaths=-/var/lib/flowbackup", "ReadWritePaths=-/mnt/nas"} <= set(service)
    assert {"ProtectSystem=strict", "NoNewPrivileges=yes"} <= set(service)
    for task, is_user in ((replace(TASK, is_confined=False), False), (TASK, True)):
        text = units(task, is_user=is_user)["flowbackup-nightly.service"]
        assert "Capability" not in text and "ProtectSystem" not in text


def test_a_passphrase_is_a_credential_and_stands_in_no_command() -> None:
    service = units(replace(TASK, passphrase="/etc/pw"), is_user=False)
    lines = service["flowbackup-nightly.service"].splitlines()
    assert "LoadCredential=passphrase:/etc/pw" in lines
    assert "Environment=FLOWBACKUP_PASSPHRASE_FILE=%d/passphrase" in lines
    assert not any("pw" in line for line in lines if line.startswith("ExecStart"))


def test_words_are_quoted_for_systemd() -> None:
    assert quoted("/srv/www") == "/srv/www"
    assert quoted("50%") == "50%%" and quoted("$HOME") == "$$HOME"
    assert quoted('a "b" \\') == '"a \\"b\\" \\\\"'


def test_a_line_of_cron_reaches_the_shell_as_it_was_written() -> None:
    task = replace(TASK, words=("/bin/echo", "100% of it", "$HOME"), passphrase="/etc/a b")
    *marks, line, end = cron.lines(task, "root").splitlines()
    assert tuple(marks) == task.marks and end == cron.END
    assert line.startswith("30 2 * * 1,2,3,4,5 root FLOWBACKUP_PASSPHRASE_FILE='/etc/a b' ")
    command = line.split(None, 6)[6]
    assert "%" not in command.replace("\\%", "")
    shell = command.replace("\\%", "%")  # This is what cron does before it calls one.
    assert shlex.split(shell)[1:] == list(task.words)
    assert crontab_name("a.b") == "flowbackup-a-b"


def test_a_cron_job_of_kuberay_is_what_its_schema_wants() -> None:
    task = replace(TASK, graph="Night_ly.1", words=("flowbackup", "run", ODD))
    place = kuberay.Place("store", "backup", "Europe/Berlin")
    value = YAML(typ="safe").load(kuberay.manifest(task, place))
    assert value["apiVersion"] == "ray.io/v1" and value["kind"] == "RayCronJob"
    assert value["metadata"]["name"] == "flowbackup-night-ly-1"
    assert value["metadata"]["labels"] == dict(
        pair.split("=") for pair in kuberay.selector("Night_ly.1").split(",")
    )
    spec = json.loads(json.dumps(value["spec"]))
    assert spec["schedule"] == "30 2 * * 1,2,3,4,5" and spec["timeZone"] == "Europe/Berlin"
    job = spec["jobTemplate"]
    assert job["clusterSelector"] == {"ray.io/cluster": "store"}
    assert shlex.split(job["entrypoint"]) == list(task.words)
    assert job["backoffLimit"] == 0 and job["shutdownAfterJobFinishes"] is False
    long = kubernetes_name("x" * 64)
    assert len(long) <= 52 and long.startswith("flowbackup-x")


def test_what_no_unit_can_name_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot name"):
        replace(TASK, words=("/bin/true", "a\nExecStart=/bin/evil"))
