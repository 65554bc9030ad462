"""Saving: what was not changed keeps its bytes, what was dumped reads back equal."""

from __future__ import annotations

import difflib
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbackup.spec import dump_graph, edit_graph, parse_graph
from flowbackup.spec.fields import read_size, written_size
from flowbackup.spec.models import CouplingSpec, DeviceSpec

TEXT = """\
# what this is for
graph: nightly             # its name
copies: 2
clients:
  web:
    objects:
      site: {path: "no", group: primary}    # quoted on purpose
devices:
  nas: {path: /mnt/nas}    # in the cellar
  usb:
    # plugged in on Fridays
    path: /mnt/usb
    rate_limit: 80 MB/s
backup_groups:
  primary: {devices: [nas], buffers: 8}
mirror_groups:
  offsite: {devices: [usb]}
couplings:
  # all of it
  - primary -> offsite
"""


def changed_lines(before: str, after: str) -> list[str]:
    diff = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in diff if line[0] in "+-"]


def test_a_document_is_saved_byte_for_byte() -> None:
    document = parse_graph(TEXT)
    assert dump_graph(document) == TEXT
    assert parse_graph(dump_graph(document)) == document


def test_a_spec_is_dumped_and_read_back_equal() -> None:
    spec = parse_graph(TEXT).spec
    text = dump_graph(spec)
    assert parse_graph(text).spec == spec
    assert 'path: "no"' in text
    assert spec.devices["usb"].rate_limit == 80_000_000


def test_an_edit_changes_only_its_line() -> None:
    document = parse_graph(TEXT)
    edited = edit_graph(document, document.spec.model_copy(update={"copies": 1}))
    assert changed_lines(TEXT, edited.text) == ["- copies: 2", "+ copies: 1"]
    assert edited.spec.copies == 1


def test_what_is_added_and_removed_leaves_comments_alone() -> None:
    document = parse_graph(TEXT)
    spec = document.spec
    more = CouplingSpec.model_validate({"from": "offsite", "to": "vault", "lag_max": "1 GiB"})
    devices = {**spec.devices, "vault": DeviceSpec(path="/mnt/vault")}
    changed = spec.model_copy(
        update={"devices": devices, "couplings": (*spec.couplings, more), "copies": None}
    )

    edited = edit_graph(document, changed)

    assert edited.spec == changed
    for comment in ("# its name", "# quoted on purpose", "# in the cellar", "# plugged in on",
                    "# all of it"):  # fmt: skip
        assert comment in edited.text


def test_places_are_those_of_keys_and_items() -> None:
    document = parse_graph(TEXT, "a.yaml")
    assert document.place("devices", "usb", "path") == "a.yaml:12:5"
    assert document.place("couplings", 0) == "a.yaml:20:5"
    assert document.place("devices", "nas", "node") == "a.yaml:9:3"
    assert document.place("mirror_groups", "offsite", "devices", 0) == "a.yaml:17:23"
    assert document.place() == "a.yaml:1:1"


def test_a_document_survives_pickling() -> None:
    document = parse_graph(TEXT)
    copy = pickle.loads(pickle.dumps(document))
    assert copy == document
    assert copy.place("copies") == document.place("copies")


@settings(deadline=None)
@given(st.integers(0, 1 << 60))
def test_a_size_is_written_as_it_is_read(size_bytes: int) -> None:
    assert read_size(written_size(size_bytes)) == size_bytes


@pytest.mark.parametrize(
    "size_bytes", [n << s for s in (10, 20, 30, 40) for n in (1, 3, 1023, 1024)]
)
def test_round_sizes_are_written_exactly(size_bytes: int) -> None:
    assert read_size(written_size(size_bytes)) == size_bytes
