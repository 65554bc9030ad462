"""Rebuild: media tell which of their segments were freed, and what these held."""

from __future__ import annotations

import pytest

from flowbackup.catalog.catalog import open_catalog
from flowbackup.media.freeing import SegmentFreer
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import new_id
from flowbackup.model.report import Outcome
from tests.catalog.dump import Dump, assert_equal, dump
from tests.rebuild.conftest import MODES, rebuild, without_ends
from tests.rebuild.written_media import Chain


@pytest.fixture
def known(chain: Chain) -> Dump:
    """What a catalog knew that is lost, which had heard of the segments that the first device has
    freed: all but one."""
    rebuild(chain)
    freer = SegmentFreer(DeviceTarget("d0", "directory", chain.locations[0]))
    freer.lock("test")
    medium = freer.info().medium
    with open_catalog(chain.catalog) as catalog:
        for segment, epoch in [*freer.sizes()][1:]:
            sealed = freer.sealed(segment, epoch)
            catalog.add_freed(medium, freer.free(sealed, new_id(), 5, [new_id()]))
    freer.close()
    before = dump(chain.catalog)
    assert len(before["freed_segments"]) > 3 and len(before["freed"]) > 20
    return before


@pytest.mark.parametrize("mode", MODES)
def test_it_is_equal_to_the_lost_one(chain: Chain, known: Dump, mode: str) -> None:
    report = rebuild(chain, mode=mode, fresh=True)
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    assert_equal(without_ends(dump(chain.catalog)), without_ends(known))
    rebuild(chain, mode=mode)
    assert_equal(without_ends(dump(chain.catalog)), without_ends(known))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_media_may_come_one_by_one(chain: Chain, known: Dump, order: tuple[int, ...]) -> None:
    """The first knows frames only by what it has freed, until another brings them."""
    chain.catalog.unlink()
    for number in order:
        rebuild(chain, chain.locations[number])
    assert_equal(without_ends(dump(chain.catalog)), without_ends(known))


def test_the_freed_one_alone_names_what_it_lacks(chain: Chain, known: Dump) -> None:
    chain.catalog.unlink()
    report = rebuild(chain, chain.locations[0])
    assert report.outcome is not Outcome.SUCCESS
    assert {p.kind for p in report.problems} <= {"frames_missing", "version_lost", "record_lost"}
    found = dump(chain.catalog)
    (medium,) = found["media"]
    expected = [row for row in known["freed"] if row[0] == medium[0]]
    assert found["freed"] == expected
