"""What is looked at before a session starts, in the process of the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.monitor import RecordingMonitor
from flowbackup.runtime.crew.preflight import Labelling, check_before_start
from flowbackup.units import KIB

GRAPH = """
graph: blocks
clients: {{web: {{objects: {{site: {{path: {folder}/site}}}}}}}}
devices: {{nas: {{path: {folder}/nas, block_size: {size}}}}}
backup_groups: {{primary: {{devices: [nas]}}}}
"""


@pytest.mark.parametrize(
    ("size", "told"), [("64 KiB", False), ("4 KiB", False), ("1 MiB", True)]
)  # fmt: skip
def test_a_new_medium_has_the_blocks_of_the_graph_for_good(
    tmp_path: Path, size: str, told: bool
) -> None:
    """Row 28."""
    (tmp_path / "site").mkdir()
    monitor = RecordingMonitor()
    labels = Labelling(create=True, init=True)
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        for written in ("64 KiB", size):
            file = tmp_path / "graph.yaml"
            file.write_text(GRAPH.format(folder=tmp_path, size=written))
            check_before_start(api.load_plan(file), catalog, labels, monitor)
    nas = api.show_device(str(tmp_path / "nas"), tmp_path / "catalog.sqlite")
    assert nas.info.block_bytes == 64 * KIB
    texts = [text for text in monitor.messages if "block" in text]
    assert len(texts) == told
    assert all('device "nas"' in text and "64 KiB" in text and "1 MiB" in text for text in texts)
