"""How fast a session can be, said before it runs."""

from __future__ import annotations

import pytest

from flowbackup.plan import make_plan
from tests.simulate.layouts import builder, chain, fan, run, striped


def test_the_slowest_device_of_a_chain() -> None:
    plan = chain({"nas": 200, "usb": 80})
    assert plan.bottleneck == '"usb" holds the session to 80 MB/s of source.'


def test_devices_of_a_group_together() -> None:
    plan = striped({"left": 150, "right": 50})
    assert plan.bottleneck == (
        '"left" and "right" together hold the session to 200 MB/s of source.'
    )


def test_the_limit_of_a_coupling() -> None:
    plan = fan({"nas": 200}, {"usb": 180}, rate_limit="20 MB/s")
    assert plan.bottleneck == (
        '"primary.nas -> of-usb.usb" holds the session to 20 MB/s of source.'
    )


def test_a_mirror_that_two_heads_share() -> None:
    graph = builder({"left": 150, "right": 50, "vault": 90})
    graph.backup_group("primary", devices=["left", "right"])
    graph.mirror_group("vaults", devices=["vault"], buffers=16)
    graph.couple("primary.left", "vaults.vault[0:8]")
    graph.couple("primary.right", "vaults.vault[8:16]")
    plan = make_plan(graph.spec())
    assert plan.bottleneck == '"vault" holds the session to 90 MB/s of source.'


def test_part_of_a_chain_is_mirrored() -> None:
    graph = builder({"nas": 100, "usb": 20})
    site = graph.client("mail")
    site.object("boxes", path="/var/mail", buffers="nas[0:4]")
    graph.client("web").object("site", path="/srv/www", buffers="nas[4:8]")
    graph.backup_group("primary", devices=["nas"])
    graph.mirror_group("offsite", devices=["usb"])
    graph.couple("primary.nas[0:4]", "offsite.usb[0:4]")
    plan = make_plan(graph.spec())
    assert plan.bottleneck == '"usb" holds the session to 40 MB/s of source.'


def test_what_is_not_known_may_be_slower() -> None:
    graph = builder({"nas": 100})
    graph.device("usb", path="/mnt/usb")
    graph.backup_group("primary", devices=["nas"]).mirror("offsite", devices=["usb"])
    plan = make_plan(graph.spec())
    assert plan.bottleneck == (
        '"nas" holds the session to 100 MB/s of source, unless a device is slower.'
    )


@pytest.mark.parametrize(
    ("plan", "rate"),
    [
        (chain({"nas": 200, "usb": 80, "vault": 120}), 80),
        (striped({"left": 150, "right": 50}), 200),
        (fan({"nas": 200}, {"usb": 110, "vault": 100}), 100),
    ],
)
def test_the_simulation_says_the_same(plan: object, rate: int) -> None:
    assert f"to {rate} MB/s of source" in plan.bottleneck  # type: ignore[attr-defined]
    found = run(plan, 16 << 30)  # type: ignore[arg-type]
    assert found.rate == pytest.approx(rate * 1e6, rel=0.02)
