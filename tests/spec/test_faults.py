"""Faults of form: each is refused with its place, its reason and a remedy, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup.errors import GraphError
from flowbackup.spec import load_graph, parse_graph

GOOD = """\
graph: nightly
frame_size: 8 MiB
sync_size: 32 MiB
sync_seconds: 0.5
copies: 1
nodes:
  storage1: {labels: {rack: "7"}}
clients:
  web:
    node: here
    objects:
      site: {path: /srv/www, group: primary, buffers: "nas[0:4]"}
devices:
  nas: {path: /mnt/nas, node: storage1}
  usb: {path: /mnt/usb}
backup_groups:
  primary: {devices: [nas], buffers: 8}
mirror_groups:
  offsite: {devices: [usb], level: 1, on_failure: optional}
couplings:
  - primary.nas[0:4] -> offsite.usb[0:4]
"""

# what is replaced, by what, where the fault must be shown, what the line must say
FAULTS = [
    ("graph: nightly", "graph: no", "1:8", "no means a name to some"),
    ("graph: nightly", "graph: 1:30", "1:8", "base 60"),
    ("graph: nightly", "graph: 1e3", "1:8", "a number to some readers"),
    ("graph: nightly", "graph: .NaN", "1:8", "not a finite number"),
    ("graph: nightly", "graph: 2026-01-01", "1:8", "a date to some"),
    ("graph: nightly", "graph: 0o17", "1:8", "understand differently"),
    ("graph: nightly", "graph: 017", "1:8", "understand differently"),
    ("graph: nightly", "graph: 1_000", "1:8", "understand differently"),
    ("graph: nightly", "graph: ~", "1:8", "Leave the whole line out"),
    ("graph: nightly", "graph: 17", "1:1", "Put it in quotes if it is a name"),
    ("graph: nightly", "graph:", "1:1", '"graph" has no value'),
    ("graph: nightly", "copie: 3", "1:1", 'Did you mean "copies"?'),
    ("graph: nightly", 'graph: "a\\u0007b"', "1:1", "characters that names must not hold"),
    ("graph: nightly", 'graph: "<b>x</b>"', "1:1", 'as in "b-x-b"'),
    ("graph: nightly", f"graph: {'x' * 65}", "1:1", "at most 64"),
    ("graph: nightly", "graph: ../x", "1:1", "characters that names must not hold"),
    ("graph: nightly", "graph: &a nightly", "1:8", "anchor &a"),
    ("graph: nightly", "graph: !!str nightly", "1:8", "tag"),
    ("graph: nightly", "graph: !evil nightly", "1:8", "tag"),
    ("graph: nightly", "graph: nightly\ngraph: again", "2:1", "the first is in line 1"),
    ("graph: nightly", "graph: nightly\n<<: *all", "2:5", "alias *all"),
    ("graph: nightly", "%YAML 1.1\n---\ngraph: nightly", "2:1", "directive"),
    ("graph: nightly", "graph: [nightly", "2:11", "not YAML"),
    ("graph: nightly", "\tgraph: nightly", "1:1", "not YAML"),
    ("frame_size: 8 MiB", "frame_size: 0", "2:1", "zero"),
    ("frame_size: 8 MiB", "frame_size: -1", "2:1", "negative"),
    ("frame_size: 8 MiB", "frame_size: -8 MiB", "2:1", "negative"),
    ("frame_size: 8 MiB", "frame_size: 8 MB", "2:1", "no multiple of 4096"),
    ("frame_size: 8 MiB", "frame_size: 8 MiX", "2:1", "not a unit of size"),
    ("frame_size: 8 MiB", "frame_size: 1 KiB", "2:1", "outside 64 KiB to 256 MiB"),
    ("frame_size: 8 MiB", "frame_size: 1 TiB", "2:1", "outside 64 KiB to 256 MiB"),
    ("frame_size: 8 MiB", "frame_size: 8.5", "2:1", "not a size"),
    ("frame_size: 8 MiB", "frame_size: true", "2:1", "not a size"),
    ("frame_size: 8 MiB", f"frame_size: {'9' * 5000}", "2:13", "5000 characters"),
    ("sync_size: 32 MiB", "sync_size: 9999999 TiB", "3:1", "over 1048576 TiB"),
    ("sync_seconds: 0.5", "sync_seconds: 0", "4:1", "must be above 0"),
    ("sync_seconds: 0.5", "sync_seconds: -0.5", "4:1", "must be above 0"),
    ("sync_seconds: 0.5", "sync_seconds: .inf", "4:15", "not a finite number"),
    ("copies: 1", "compression: gzip", "5:1", "gzip is no compression"),
    ("copies: 1", "compression: {zstd: 99}", "5:1", "zstd has no level 99"),
    ("copies: 1", "compression: {zstd: 0}", "5:1", "Write one of 1 to 19"),
    ("copies: 1", "compression: {zstd: true}", "5:1", "is no compression"),
    ("copies: 1", "compression: {zstd: 3, lz4: 1}", "5:1", "is no compression"),
    ("copies: 1", "compression: 3", "5:1", "Write none, zstd"),
    ("copies: 1", "copies: 0", "5:1", "at least 1"),
    ("copies: 1", "copies: 1.5", "5:1", "Write a whole number"),
    ('rack: "7"', "rack: 7", "7:23", "Put it in quotes"),
    ("  storage1:", "  on:", "7:3", "true or false to others"),
    ("  storage1:", "  5:", "7:3", "the key 5 is a number"),
    ("  storage1:", "  [a]:", "7:3", "a key is a list"),
    ("path: /srv/www", "path: ~/www", "12:14", "differs from user to user"),
    ("path: /srv/www", 'path: ""', "12:14", "the path is empty"),
    ("path: /srv/www", 'path: "/a\\0b"', "12:14", "control characters"),
    ("path: /srv/www, ", "", "12:7", 'object "site" of client "web" has no path'),
    ('"nas[0:4]"', '"nas[4:4]"', "12:46", "holds no buffer"),
    ('"nas[0:4]"', '"nas"', "12:46", "not a range of buffers"),
    ("      site:", "      latest:", "12:7", "word of the restore command"),
    ("path: /mnt/nas", "pth: /mnt/nas", "14:9", 'Did you mean "path"?'),
    ("{path: /mnt/usb}", "{}", "15:3", 'device "usb" has no path'),
    ("{path: /mnt/usb}", '{path: /x, kind: "null"}', "15:3", 'device "usb" is of kind "null"'),
    ("{path: /mnt/usb}", "{path: /x, kind: floppy}", "15:19", '"directory", "null"'),
    ("{path: /mnt/usb}", "{kind: s3}", "15:3", "as in url: s3://bucket/prefix"),
    ("{path: /mnt/usb}", "{path: /x, kind: s3}", "15:3", 'of kind "s3" and has a path'),
    ("{path: /mnt/usb}", '{path: /x, url: "s3://b-1"}', "15:3", "Write kind: s3"),
    ("{path: /mnt/usb}", '{kind: s3, url: "https://b/p"}', "15:3", "no place in a bucket"),
    ("{path: /mnt/usb}", '{kind: s3, url: "s3://B/p"}', "15:3", "names no bucket"),
    ("{path: /mnt/usb}", '{kind: s3, url: "s3://KEY:SECRET@b-1/p"}', "15:3", "stand in no place"),
    ("{path: /mnt/usb}", '{kind: s3, url: "s3://b-1/a//b"}', "15:3", "prefix with signs"),
    ("{path: /mnt/usb}", '{kind: s3, url: "s3://b-1/../x"}', "15:3", "prefix with signs"),
    ("{path: /mnt/usb}", '{kind: s3, url: "s3://b-1", endpoint: host}', "15:3", "no server"),
    (
        "{path: /mnt/usb}", '{kind: s3, url: "s3://b-1", endpoint: "https://me@host"}', "15:3",
        "has a user in its endpoint",
    ),
    (
        "{path: /mnt/usb}", '{kind: s3, url: "s3+https://host/b-1", endpoint: "https://host"}',
        "15:3", "names its server twice",
    ),
    ("{path: /mnt/usb}", '{kind: s3, url: "s3://b-1", region: "a b"}', "15:3", "region that"),
    ("{path: /mnt/usb}", "{path: /x, block_size: 1000}", "15:19", "no power of two"),
    ("{path: /mnt/usb}", "/mnt/usb", "15:3", "Write keys with values"),
    ("devices: [nas]", "devices: nas", "17:13", "Write a list"),
    ("devices: [nas]", "devices: []", "17:3", 'group "primary" has no devices'),
    ("devices: [nas]", "devices: [nas], min: 2", "17:3", "at least 2 devices and has 1"),
    ("devices: [nas]", "devices: [na.s]", "17:23", "characters that names must not hold"),
    ("buffers: 8", "buffers: 0", "17:29", "at least 1"),
    ("buffers: 8", "buffers: 70000", "17:29", "at most 65536"),
    ("level: 1", "level: 0", "19:29", "at least 1"),
    ("on_failure: optional", "on_failure: ignore", "19:39", '"required" or "optional"'),
    ("-> offsite.usb[0:4]", "-> a -> b", "21:5", "not a coupling"),
    ("-> offsite.usb[0:4]", "-> offsite.usb[0:4", "21:5", "does not name buffers"),
    ("-> offsite.usb[0:4]", "-> ../x", "21:5", "does not name buffers"),
    ("- primary.nas[0:4] -> offsite.usb[0:4]", "- {from: primary}", "21:5", 'has no "to"'),
    ("- primary.nas[0:4] -> offsite.usb[0:4]", "- 5", "21:5", "Write keys with values"),
    ("- primary.nas[0:4] -> offsite.usb[0:4]", "- {from: a, to: b, lag_max: -1}", "21:22",
     "negative"),
]  # fmt: skip


def findings_of(text: str) -> tuple[str, ...]:
    with pytest.raises(GraphError) as caught:
        parse_graph(text, "x.yaml")
    assert caught.value.exit_code == 10
    return caught.value.findings


def test_the_good_one_is_good() -> None:
    assert parse_graph(GOOD).spec.couplings[0].source.buffers == (0, 4)


@pytest.mark.parametrize(("old", "new", "place", "words"), FAULTS)
def test_a_fault_of_form_has_place_and_reason(old: str, new: str, place: str, words: str) -> None:
    assert old in GOOD
    found = findings_of(GOOD.replace(old, new, 1))

    matching = [line for line in found if line.startswith(f"x.yaml:{place} ") and words in line]
    assert matching, found
    assert not [line for line in found if line.endswith(("..", ". "))]


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    text = GOOD.replace("copies: 1", "copies: 0").replace("buffers: 8", "bufers: 8")
    text = text.replace("graph: nightly", "graph: no").replace("level: 1", "level: no")

    places = [line.split()[0] for line in findings_of(text)]

    assert places == ["x.yaml:1:8", "x.yaml:5:1", "x.yaml:17:29", "x.yaml:19:36"]


def test_a_single_fault_is_told_once() -> None:
    assert len(findings_of(GOOD.replace("copies: 1", "copies: yes"))) == 1


@pytest.mark.parametrize(
    ("data", "place", "words"),
    [
        (GOOD.encode("utf-16"), "1:1", "UTF-16"),
        (GOOD.replace("/srv/www", "/srv/w\xfcw").encode("latin-1"), "12:26", "0xfc is not UTF-8"),
        (GOOD.replace("/srv/www", "/srv/w\x1bw").encode(), "12:26", "U+001B"),
        (GOOD.replace("/srv/www", "/srv/w\u202ew").encode(), "12:26", "U+202E"),
        (b"", "1:1", "the file is empty"),
        (b"# nothing\n", "1:1", "the file is empty"),
        (b"- a\n", "1:1", "the file holds no keys"),
        (GOOD.encode() + b"---\ngraph: two\n", "22:1", "a second document"),
        (GOOD.encode() + b"#" * (1 << 20), "1:1", "over 1 MiB"),
        (b"[" * 100_000, "1:17", "nested deeper"),
        (b"graph: x\nnodes: " + b"{a: " * 100_000, "2:", "nested deeper"),
    ],
)
def test_bytes_that_are_no_graph(tmp_path: Path, data: bytes, place: str, words: str) -> None:
    file = tmp_path / "g.yaml"
    file.write_bytes(data)

    with pytest.raises(GraphError) as caught:
        load_graph(file)

    assert any(
        line.startswith(f"{file}:{place}") and words in line for line in caught.value.findings
    ), caught.value.findings


def test_aliases_that_explode_are_refused_before_they_are_expanded() -> None:
    rows = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    assert any("alias *a0" in line for line in findings_of("\n".join(rows)))


def test_a_byte_order_mark_and_carriage_returns_are_tolerated(tmp_path: Path) -> None:
    file = tmp_path / "g.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_graph(file).spec == parse_graph(GOOD).spec


def test_a_section_whose_last_line_was_deleted_is_empty() -> None:
    text = GOOD.replace("  - primary.nas[0:4] -> offsite.usb[0:4]\n", "")
    assert parse_graph(text).spec.couplings == ()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"none\.yaml cannot be read: No such file"):
        load_graph(tmp_path / "none.yaml")
