"""Structural mutations of small media (F5): records, blocks, rows, pages and files that are
swapped, doubled, zeroed, replayed or spliced from another medium.

A mutation is a number: it seeds everything that is chosen.  Stale ones leave every checksum as it
was; forged ones compute them anew, as a malicious writer would, so that parsers see what no digest
vouches against.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from flowbackup.frame.index import INDEX_RECORD_BYTES
from flowbackup.media.layout import INDEX_ROW, RecordHeader, RecordKind, parse_header
from flowbackup.model.digest import frame_digest
from flowbackup.units import round_up
from tests.faults.forge import BLOCK, Recipe, Record, folded, forged, linked, packed_label, raw_of
from tests.media.object_media import write_objects

Files = dict[str, bytes]
LABEL = "flowbackup.label"
NUMBERS = (0, 1, 2, 3, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63)
VALUES: tuple[object, ...] = (
    None, True, -1, 0, 2**31, 2**63, 10**40, 1e300, float("nan"), float("inf"), "", "\ud800", "..",
    "a\0b", [], [1], {}, {"a": 1}, "00000000-0000-0000-0000-000000000000", "zz", "1" * 300,
)  # fmt: skip
NUMERIC = (
    "segment", "epoch", "stream", "sequence", "payload_bytes", "padded_bytes", "content_bytes",
    "chunk_count", "codec", "block_bytes", "optional", "kind",
)  # fmt: skip


@dataclass
class Originals:
    """Two media with two sealed segments and one unfinished each, and every content on them."""

    media: list[Files] = field(default_factory=list)
    contents: set[bytes] = field(default_factory=set)

    @classmethod
    def made(cls, folder: Path) -> Originals:
        found = cls()
        random = Random(1)
        for side in range(2):
            place = folder / f"medium{side}"
            for session in range(3):
                tree = folder / f"tree{side}{session}"
                tree.mkdir()
                for number in range(3):
                    content = random.randbytes(random.randint(100, 1500))
                    found.contents.add(content)
                    (tree / f"file{number}").write_bytes(content)
                number = 1 + 10 * side + session
                write_objects(
                    [place], [("tree", tree)], session=number, seal=session < 2, frame_bytes=4096
                )
            found.media.append(files_of(place))
        return found


def files_of(place: Path) -> Files:
    segments = sorted((place / "segments").iterdir())
    return {LABEL: (place / LABEL).read_bytes()} | {
        f"segments/{path.name}": path.read_bytes() for path in segments
    }


def write_files(files: Files, place: Path) -> None:
    (place / "segments").mkdir(parents=True)
    for name, data in files.items():
        (place / name).write_bytes(data)


def records_of(data: bytes) -> list[Record]:
    records, offset = [], 0
    while offset < len(data):
        header = parse_header(data[offset : offset + BLOCK])
        begin = offset + BLOCK
        records.append(Record(header, data[begin : begin + header.payload_bytes]))
        offset += header.total_bytes
    return records


class Mutation:
    """One mutated medium: what was done is in `name`."""

    def __init__(self, originals: Originals, seed: int) -> None:
        self._random = Random(seed)
        self._originals = originals
        self.files = dict(originals.media[0])
        self._other = originals.media[1]
        kinds = [*STALE, *FORGED, *DEEP]
        change = kinds[seed % len(kinds)]
        self.name = f"mutation {seed}, {change.__name__}"
        self.stale = change in STALE
        self.deep = change in DEEP
        self.recipe = Recipe()
        change(self)

    def write(self, place: Path) -> None:
        if self.deep:
            forged(place, self.recipe)
        else:
            write_files(self.files, place)

    # What is chosen

    def segment(self) -> str:
        return self._random.choice([name for name in self.files if name != LABEL])

    def stranger(self) -> bytes:
        names = [name for name in self._other if name != LABEL]
        return self._other[self._random.choice(names)]

    def pair(self, count: int) -> tuple[int, int]:
        return self._random.randrange(count), self._random.randrange(count)

    def number(self, bits: int) -> int:
        known = [number for number in NUMBERS if number < 1 << bits]
        return self._random.choice([*known, self._random.getrandbits(bits)])

    def spoiled(self, data: bytes) -> bytes:
        """A few bytes changed: flipped, overwritten by a number that means trouble, cut, moved."""
        spoiled = bytearray(data)
        for _ in range(self._random.randint(1, 3)):
            if not spoiled:
                return b""
            place = self._random.randrange(len(spoiled))
            what = self._random.randrange(5)
            if what == 0:
                spoiled[place] ^= 1 << self._random.randrange(8)
            elif what == 1:
                size = self._random.choice((1, 2, 4, 8))
                place = place // size * size
                spoiled[place : place + size] = self.number(8 * size).to_bytes(size, "little")
            elif what == 2:
                del spoiled[place : place + self._random.randint(1, 64)]
            elif what == 3:
                piece = spoiled[place : place + self._random.randint(1, 64)]
                spoiled[place:place] = piece
            else:
                spoiled[place : place + 8] = bytes(8)
        return bytes(spoiled)

    def rearranged(self, pieces: list[bytes], strange: list[bytes]) -> list[bytes]:
        """Swapped, doubled, zeroed, left out, replayed, or one of the others put in."""
        one, two = self.pair(len(pieces))
        what = self._random.randrange(6)
        if what == 0:
            pieces[one], pieces[two] = pieces[two], pieces[one]
        elif what == 1:
            pieces.insert(two, pieces[one])
        elif what == 2:
            pieces[one] = bytes(len(pieces[one]))
        elif what == 3:
            del pieces[one]
        elif what == 4:
            pieces[one] = pieces[two]
        else:
            pieces[one] = self._random.choice(strange)
        return pieces

    def values(self, text: bytes) -> bytes:
        """JSON with one value that does not belong there."""
        value = json.loads(text)
        inside = value
        key = self._random.choice(sorted(inside))
        if isinstance(inside[key], dict) and inside[key] and self._random.random() < 0.7:
            inside = inside[key]
            key = self._random.choice(sorted(inside))
        inside[key] = self._random.choice(VALUES)
        return json.dumps(value).encode()

    def relinked(self, name: str, change: Callable[[list[Record]], None]) -> None:
        """The records of a segment, changed, with right digests, chain and checksums."""
        records = records_of(self.files[name])
        change(records)
        for record in records:
            size = len(record.payload)
            record.header = record.header._replace(
                digest=frame_digest(record.payload), payload_bytes=size,
                padded_bytes=round_up(size, BLOCK),
            )  # fmt: skip
        self.files[name] = linked(records)


def blocks(data: bytes) -> list[bytes]:
    return [data[place : place + BLOCK] for place in range(0, len(data), BLOCK)]


def packed(data: bytes) -> list[bytes]:
    """The records as they stand."""
    found, place = [], 0
    for record in records_of(data):
        found.append(data[place : place + record.total_bytes])
        place += record.total_bytes
    return found


# Stale: every checksum as it was


def of_blocks(mutation: Mutation) -> None:
    name = mutation.segment()
    pieces = mutation.rearranged(blocks(mutation.files[name]), blocks(mutation.stranger()))
    mutation.files[name] = b"".join(pieces)


def of_records(mutation: Mutation) -> None:
    name = mutation.segment()
    pieces = mutation.rearranged(packed(mutation.files[name]), packed(mutation.stranger()))
    mutation.files[name] = b"".join(pieces)


def of_files(mutation: Mutation) -> None:
    names = [name for name in mutation.files if name != LABEL]
    pieces = [mutation.files[name] for name in names]
    pieces = mutation.rearranged(pieces, [mutation.stranger()])
    mutation.files = {LABEL: mutation.files[LABEL]} | dict(zip(names, pieces, strict=False))


def of_bytes(mutation: Mutation) -> None:
    name = mutation._random.choice(sorted(mutation.files))
    mutation.files[name] = mutation.spoiled(mutation.files[name])


def of_labels(mutation: Mutation) -> None:
    own, strange = (data[LABEL] for data in (mutation.files, mutation._other))
    halves = [own[:4096], own[4096:], strange[:4096], bytes(4096), mutation.spoiled(own[:4096])]
    mutation.files[LABEL] = b"".join(mutation._random.choices(halves, k=2))


# Forged: every checksum right


def forged_order(mutation: Mutation) -> None:
    strange = records_of(mutation.stranger())
    name = mutation.segment()
    own = parse_header(mutation.files[name][:BLOCK])

    def change(records: list[Record]) -> None:
        one, two = mutation.pair(len(records))
        stranger = mutation._random.choice(strange)
        header = stranger.header._replace(
            medium=own.medium, segment=own.segment, epoch=own.epoch
        )  # fmt: skip
        kept = mutation._random.choice(
            [[records[two]], [records[two], records[one]], [], [Record(header, stranger.payload)]]
        )
        records[one : one + 1] = kept

    mutation.relinked(name, change)


def forged_header(mutation: Mutation) -> None:
    """Fields of a header; lengths are what they are told to be."""
    name = mutation.segment()
    records = records_of(mutation.files[name])
    place = mutation._random.randrange(len(records))
    field_name = mutation._random.choice(NUMERIC)
    bits = {"sequence": 64, "kind": 16, "codec": 16}.get(field_name, 32)
    value = mutation.number(bits)

    def change(header: RecordHeader) -> RecordHeader:
        return header._replace(**{field_name: value}) if header.ordinal == place else header

    mutation.files[name] = linked(records, change)


def forged_payload(mutation: Mutation) -> None:
    def change(records: list[Record]) -> None:
        record = mutation._random.choice([one for one in records if one.payload])
        record.payload = mutation.spoiled(record.payload)

    mutation.relinked(mutation.segment(), change)


def forged_chunk_rows(mutation: Mutation) -> None:
    def change(records: list[Record]) -> None:
        record = mutation._random.choice([one for one in records if one.header.kind in (1, 2)])
        _rearrange_rows(mutation, record, record.header.content_bytes, INDEX_RECORD_BYTES)

    mutation.relinked(mutation.segment(), change)


def forged_index_rows(mutation: Mutation) -> None:
    sealed = [name for name in mutation.files if name.endswith(".seg")]

    def change(records: list[Record]) -> None:
        (record,) = [one for one in records if one.header.kind == RecordKind.INDEX]
        _rearrange_rows(mutation, record, 0, INDEX_ROW.size)
        count = len(record.payload) // INDEX_ROW.size
        record.header = record.header._replace(chunk_count=count)

    mutation.relinked(mutation._random.choice(sealed), change)


def _rearrange_rows(mutation: Mutation, record: Record, begin: int, size: int) -> None:
    head, data = record.payload[:begin], record.payload[begin:]
    rows = [data[place : place + size] for place in range(0, len(data), size)]
    if mutation._random.random() < 0.5:
        rows = mutation.rearranged(rows, rows)
    else:
        place = mutation._random.randrange(len(rows))
        rows[place] = mutation.spoiled(rows[place])[:size].ljust(size, b"\0")
    record.payload = head + b"".join(rows)


def forged_records(mutation: Mutation) -> None:
    def change(records: list[Record]) -> None:
        for record in records:
            if record.header.kind == 3:
                record.payload = mutation.values(record.payload)
                size = len(record.payload)
                record.header = record.header._replace(content_bytes=size)

    mutation.relinked(mutation.segment(), change)


def forged_label(mutation: Mutation) -> None:
    text = mutation.files[LABEL][12:4088].rstrip(b"\0")
    changed = mutation.values(text) if mutation._random.random() < 0.7 else mutation.spoiled(text)
    mutation.files[LABEL] = packed_label(changed)


# Deep: pages and roots whose references are right everywhere


def deep_page(mutation: Mutation) -> None:
    mutation.recipe = Recipe(page=lambda page: folded(mutation.spoiled(raw_of(page))))


def deep_root(mutation: Mutation) -> None:
    mutation.recipe = Recipe(root=lambda root: folded(mutation.spoiled(raw_of(root))))


def deep_packing(mutation: Mutation) -> None:
    mutation.recipe = Recipe(page=mutation.spoiled)


def deep_entries(mutation: Mutation) -> None:
    """A page of entries of which each field is that of another, or a number that means trouble."""
    mutation.recipe = Recipe(page=lambda page: entries_page(mutation._random))


def deep_record(mutation: Mutation) -> None:
    mutation.recipe = Recipe(record_text=mutation.values)


def entries_page(random: Random) -> bytes:
    """One page of wild entries in path order."""
    from flowbackup.frame.page import encode_page
    from tests.faults.wild_entries import wild_entry

    found = {entry.path: entry for entry in (wild_entry(random) for _ in range(6))}
    return encode_page(sorted(found.values(), key=lambda e: e.path.replace(b"/", b"\0")))


STALE = (of_blocks, of_records, of_files, of_bytes, of_labels)
FORGED = (
    forged_order, forged_header, forged_payload, forged_chunk_rows, forged_index_rows,
    forged_records, forged_label,
)  # fmt: skip
DEEP = (deep_page, deep_root, deep_packing, deep_entries, deep_record)
