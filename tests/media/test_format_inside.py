"""FORMAT.md says what frames hold: the lists of columns and JSON keys against the code."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pyarrow as pa

from flowbackup.frame.columns import REF_FIELDS, SCHEMA
from flowbackup.frame.envelope import MAGIC, RAW_BYTES_MAX
from flowbackup.frame.index import INDEX_RECORD_BYTES, encode_index
from flowbackup.frame.page import ROOT_SCHEMA
from flowbackup.model.chunk import ChunkRef, ChunkSpan
from flowbackup.model.chunking import FIXED
from flowbackup.model.entry import EntryKind
from flowbackup.model.forgotten import ForgottenRecord, ForgottenVersion
from flowbackup.model.ids import FrameId
from flowbackup.model.record import SessionRecord, VersionRecord, load_record
from flowbackup.model.retag import Retag
from flowbackup.model.session_end import SessionEnd
from flowbackup.testing.frames import sample_id
from flowbackup.units import MIB

TEXT = files("flowbackup.media").joinpath("FORMAT.md").read_text()
REF = ChunkRef(bytes(32), 7, FrameId(sample_id(1), 2, 3), 4)
VERSION = VersionRecord(
    sample_id(2), sample_id(1), "c", "n", b"/s", 1, 2, "success", 3, 2, 9, 9, 9, 0, REF, FIXED
)
ENDS = (SessionEnd(sample_id(3), "failed", 1),)
SESSION = SessionRecord(
    sample_id(1), "backup", "g", 1, 2, "success", "h", tags=("release",), ends=ENDS,
    retags=(Retag(sample_id(2), ("kept",), 3),),
)  # fmt: skip
GONE = ForgottenRecord(sample_id(1), (ForgottenVersion(sample_id(2), "c", "n", 1, 2, 3),))
BARE = ForgottenRecord(
    sample_id(1), (ForgottenVersion(sample_id(2), "", "", 1, 2, 3, beside=sample_id(3)),)
)


def rows_after(heading: str) -> list[list[str]]:
    """The cells of the first table behind a line of the document, without its head."""
    table = re.search(r"(?:^\|.*\n)+", TEXT[TEXT.index(heading) :], re.MULTILINE)
    assert table is not None
    lines = table.group().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(cells: list[list[str]]) -> list[str]:
    return [name for row in cells for name in re.findall(r"`(\w+)`", row[0])]


def type_in_words(column: pa.Field) -> str:
    if not pa.types.is_list(column.type):
        return str(column.type)
    item = list(column.type.value_field.type)
    if item == list(REF_FIELDS):
        return "list of references"
    return "list of (" + ", ".join(f"{part.name}: {part.type}" for part in item) + ")"


def test_the_columns_of_a_page_are_those_of_the_code() -> None:
    rows = rows_after("A **page** lists")
    assert [(row[0], row[1]) for row in rows] == [
        (f"`{column.name}`", type_in_words(column)) for column in SCHEMA
    ]
    nullable = [row[0].strip("`") for row in rows if "null" in row[2]]
    assert nullable == [column.name for column in SCHEMA if column.nullable]
    (kinds,) = (row[2] for row in rows if row[0] == "`kind`")
    assert kinds == ", ".join(f"{k.value} {k.name.lower().replace('_', ' ')}" for k in EntryKind)


def test_the_columns_of_a_root_are_those_of_the_code() -> None:
    rows = rows_after("A **root** lists")
    assert names(rows) == ROOT_SCHEMA.names
    assert [row[1] for row in rows[:2]] == [str(ROOT_SCHEMA.field(i).type) for i in range(2)]


def test_references_are_those_of_the_code() -> None:
    rows = rows_after("A **reference** names")
    assert [(row[0], row[2]) for row in rows] == [(f"`{f.name}`", str(f.type)) for f in REF_FIELDS]
    assert set(names(rows)) == set(json.loads(VERSION.to_json())["root"])


def test_the_keys_of_the_records_are_those_of_the_code() -> None:
    told = (("version", VERSION), ("session", SESSION), ("forgotten", GONE))
    for kind, record in told:
        value = json.loads(record.to_json())
        assert value["record"] == kind
        assert sorted(names(rows_after(f"### `record`: `{kind}`"))) == sorted(value)
        assert load_record(record.to_json()) == record
    assert load_record(BARE.to_json()) == BARE
    keys = set(json.loads(BARE.to_json())["versions"][0])
    assert keys - {*json.loads(GONE.to_json())["versions"][0]} == {"beside"}
    (row,) = (r for r in rows_after("### `record`: `forgotten`") if r[0] == "`versions`")
    assert set(re.findall(r"`(\w+)`", row[1])) == keys


def test_the_chunk_index_and_the_envelope_are_those_of_the_code() -> None:
    rows = rows_after("## Inside a frame")
    packed = encode_index([ChunkSpan(bytes(range(32)), 5, 6)])
    spans = [packed[int(row[0]) : int(row[0]) + int(row[1])] for row in rows]
    assert spans == [bytes(range(32)), b"\5\0\0\0", b"\6\0\0\0"]
    assert f"rows of {INDEX_RECORD_BYTES} bytes" in TEXT
    assert f"`{MAGIC.decode()}` (4 bytes), raw size (u32)" in TEXT
    assert f"Refuse more than {RAW_BYTES_MAX // MIB} MiB of raw size" in TEXT
