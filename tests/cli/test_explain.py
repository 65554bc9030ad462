"""restore --explain: what people see, and the rows for programs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowbackup.model.ids import id_text
from flowbackup.model.report import Detour, Explanation, MediumUse
from tests.cli import samples
from tests.cli.conftest import FakeApi, RunCommand

MEDIUM = id_text(samples.MEDIUM)
NAS = MediumUse(
    "nas", MEDIUM, "/mnt/nas", "here", "", "", samples.STARTED_NS, 7, 7 << 20,
    (("verified lately", 8),),
)  # fmt: skip
USB = MediumUse("usb", MEDIUM, "/mnt/usb", "here", "", "session 7", 0, 1, 1 << 20)
VAULT = MediumUse("vault", MEDIUM, "/mnt/vault", "attic", "it is on another node", "", 0, 0, 0)
DETOUR = Detour("0192-1/1/3", 'device "usb", segment 1, offset 0', ('device "nas": rotten',))
REPORT = replace(samples.report(), explanation=Explanation((NAS, USB, VAULT), (DETOUR,)))


def test_people_see_each_medium_and_each_detour(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    restore = fake_api("restore", REPORT)
    ran = flowbackup("restore", "latest", "--target", "back", "--explain")
    assert restore.call_args.args[2].explain
    nas, usb, vault = (
        next(line for line in ran.out.splitlines() if line.startswith(f"{name} "))
        for name in ("nas", "usb", "vault")
    )
    assert "verified lately: 8" in nas
    assert "never " in usb and "busy with session 7" in usb
    assert "not reachable: it is on another node" in vault
    assert 'frame 0192-1/1/3 was taken from device "usb", segment 1, offset 0, because' in ran.out


def test_programs_get_rows(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake_api("restore", REPORT)
    ran = flowbackup("restore", "latest", "--target", "back", "--explain", "--json")
    assert [line["type"] for line in ran.lines] == [
        "medium", "medium", "medium", "detour", "summary",
    ]  # fmt: skip
    nas, usb, vault, detour, _ = ran.lines
    assert (nas["reachable"], nas["frames"], nas["reasons"]) == (True, 7, {"verified lately": 8})
    assert (usb["busy_with"], usb["verified_ns"]) == ("session 7", None)
    assert (vault["reachable"], vault["fault"]) == (False, "it is on another node")
    assert detour["failures"] == ['device "nas": rotten']


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_without_the_option_nothing_is_explained(
    words: tuple[str, ...], flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    restore = fake_api("restore", samples.report())
    ran = flowbackup("restore", "latest", "--target", "back", *words)
    assert not restore.call_args.args[2].explain
    assert "rotten" not in ran.out and "verified" not in ran.out
