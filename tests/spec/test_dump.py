"""Saving: what was not changed keeps its bytes, what was dumped reads back equal."""

from __future__ import annotations

import difflib
import pickle

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from flowbackup.spec import GraphBuilder, GraphSpec, dump_graph, edit_graph, parse_graph
from flowbackup.spec.devices import DeviceSpec
from flowbackup.spec.fields import read_size, written_size
from flowbackup.spec.models import CouplingSpec
from flowbackup.spec.plain import read_plain

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


@settings(max_examples=300)
@given(st.text(max_size=12), st.text(min_size=1, max_size=8))
@example("no", "1e3")
@example("a: b", "a #b")
@example("-", "{")
@example("7", "8 MiB")
@example(' "a" ', "x\\y")
@example("", "\u2028\x85\x7f\ufeff")
@example("été", "日本")
def test_any_text_comes_back_from_a_new_file(value: str, key: str) -> None:
    assume(not any("\ud800" <= sign <= "\udfff" for sign in value + key))
    spec = GraphSpec.model_validate({"graph": "g", "nodes": {"n": {"labels": {key: value}}}})
    assert parse_graph(dump_graph(spec)).spec == spec


@pytest.mark.parametrize("seconds", [1e-9, 0.1 + 0.2, 1 / 3, 3600.0, 5e-324])
def test_any_number_comes_back_from_a_new_file(seconds: float) -> None:
    spec = GraphSpec.model_validate({"graph": "g", "sync_seconds": seconds})
    assert parse_graph(dump_graph(spec)).spec == spec


def test_a_new_file_is_plain_and_its_lines_are_not_long() -> None:
    g = GraphBuilder("g")
    names = [f"device-{i}" for i in range(200)]
    g.backup_group("b", devices=names, rate_windows={"00:00-12:00": 1})
    text = dump_graph(g.spec())
    assert read_plain(text, "x") is not None
    assert max(map(len, text.splitlines())) <= 100
