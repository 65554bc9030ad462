#!/usr/bin/env python3
"""Lists, checks and restores media of flowbackup without flowbackup.  Written from FORMAT.md alone.

    python3 recover.py list [MEDIUM...]
    python3 recover.py check [MEDIUM...]
    python3 recover.py restore VERSION TARGET [MEDIUM...]

MEDIUM: directories of media, or of sets of them; without any, the one in which this file lies.
Every piece comes from the first that has it unharmed.  VERSION: `latest`, NAME, CLIENT/NAME,
NAME@2, the beginning of an object id, or `all`: the newest version of every object.  TARGET: a new
or empty directory.
Encrypted media need a passphrase, from the file named in FLOWBACKUP_PASSPHRASE_FILE or typed, or
the identity of age in the one named in FLOWBACKUP_IDENTITY_FILE.
Exit codes: 0 good, 1 something is damaged or was not restored, 2 wrong usage, 12 wrong key.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import errno
import functools
import getpass
import grp
import hashlib
import importlib
import importlib.util
import itertools
import json
import os
import pwd
import re
import resource
import stat
import struct
import sys
import time
import uuid
from array import array
from collections import deque, namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

try:
    import blake3
    import pyarrow as pa
    import xxhash
except ImportError:
    lacking = [n for n in ("blake3", "pyarrow", "xxhash") if importlib.util.find_spec(n) is None]
    sys.exit(f"recover.py lacks {', '.join(lacking)}:  python3 -m pip install {' '.join(lacking)}")

MIB = 1 << 20
PAYLOAD_MAX, RECORD_MAX, PAGE_MAX, ADDRESS_SPACE = 256 * MIB, 4 * MIB, 8 * MIB, 8192 * MIB
PAGES_MAX, DEPTH_MAX = 1 << 18, 1 << 14
DATA, MANIFEST, CATALOG, SEGMENT, COMMIT, INDEX, FOOTER, FREED = 1, 2, 3, 16, 17, 18, 19, 128
FRAMES, KINDS = (DATA, MANIFEST, CATALOG), (*range(1, 4), *range(16, 20))
PLAIN, ZSTD, SEALED = 0, 1, 2  # codecs, and the features that a reader of them must know
SLOTS_MAX, SCRYPT_MAX = 3072, {"n": 1 << 20, "r": 8, "p": 4}
SEAL, BOUND = struct.Struct("<12s32s16sI"), struct.Struct("<16sIQHH16sII")
MARK = b"\x89FBK\r\n\x1a\n"
HEADER = struct.Struct("<8sHHHHII16sIIII16sQ16sIIIIHHI16s16s16s16sQ")
Header = namedtuple(
    "Header",
    "mark major minor kind header_bytes critical optional medium segment epoch ordinal stream "
    "session sequence object_id payload_bytes padded_bytes content_bytes chunk_count codec "
    "reserved block_bytes digest spare previous chain checksum",
)
FRAME = struct.Struct("<QI4x16sIHHQ16sIII4x16s")  # a row of an index
Frame = namedtuple(
    "Frame",
    "offset ordinal session stream kind codec sequence object_id payload_bytes content_bytes "
    "chunk_count digest",
)
CHUNK = struct.Struct("<32sII")
Ref = namedtuple("Ref", "digest size session stream sequence offset")
FILE_NAME = re.compile(r"([0-9]{8,10})-([0-9]{4,10})\.(seg|part)")
REFERENCE = (
    "digest: fixed_size_binary[32], size: uint32, session: fixed_size_binary[16], "
    "stream: uint32, sequence: uint64, offset: uint32"
)
ROOT_COLUMNS = dict(part.split(": ") for part in REFERENCE.split(", "))
PAGE_COLUMNS = {
    "path": "binary", "kind": "uint8", "mode": "uint32", "uid": "uint32", "gid": "uint32",
    "owner": "binary", "group": "binary", "size": "int64", "mtime_ns": "int64", "target": "binary",
    "hard_link": "binary", "rdev": "uint64", "problem": "string", "part": "uint32",
    "xattrs": "list<item: struct<name: binary, value: binary>>",
    "holes": "list<item: struct<offset: int64, size: int64>>",
    "chunks": f"list<item: struct<{REFERENCE}>>",
}  # fmt: skip
Entry: Any = namedtuple("Entry", " ".join(PAGE_COLUMNS))  # type: ignore[misc]
Item = namedtuple("Item", "header offset end fault")  # header None: these bytes are no record
Version = namedtuple("Version", "object_id client name number finished_ns text source root")
FILE, DIRECTORY, SYMLINK = 1, 2, 3
NODES = {4: stat.S_IFIFO, 5: stat.S_IFSOCK, 6: stat.S_IFCHR, 7: stat.S_IFBLK}
NOBODY = 65534
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
STRANGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)


class Damage(Exception):
    """Bytes that are not what was written, or not there at all."""


class Refused(Exception):
    """A newer program wrote this medium, in a way that an older one must not interpret."""


class Usage(Exception):
    """What the user asks for does not exist."""


class WrongKey(Damage):
    """What is encrypted cannot be read: with another key it may be."""


class Log:
    """Everything that is wrong, once each.  notes: what harms nothing, as the traces of a session
    that was killed, or damage that another medium made good."""

    def __init__(self, quiet: bool = False) -> None:
        self.problems: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self.wrong_key = False
        self._quiet = quiet

    def add(self, text: str, problem: bool = True) -> None:
        known = self.problems if problem else self.notes
        if text not in known and not self._quiet:
            print(text if problem else f"note: {text}", file=sys.stderr)
        known[text] = None


def shown(text: Any) -> str:
    """Names from a medium, safe on a terminal."""
    text = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else str(text)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def name_of(frame: Any) -> tuple[bytes, int, int]:
    """What a frame, or the one of a reference, is called on every medium that has a copy."""
    return frame.session, frame.stream, frame.sequence


def read_file(path: str, offset: int, size: int) -> bytes:
    """These bytes of a file, fewer at its end."""
    try:
        descriptor = os.open(path, READ)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Damage("it is no regular file")
            return os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise Damage(f"it cannot be read: {error}") from error


class Segment:
    """One file of a medium; nothing of it is believed that a digest does not vouch for."""

    def __init__(self, path: str, medium: bytes, block: int) -> None:
        match = FILE_NAME.fullmatch(os.path.basename(path))
        if not match:
            raise Damage("it is no segment")
        read_file(path, 0, 0)
        self.path, self.medium, self.block, self.size = path, medium, block, os.path.getsize(path)
        self.number, self.epoch, self.sealed = int(match[1]), int(match[2]), match[3] == "seg"

    def read(self, offset: int, size: int) -> bytes:
        """Exactly these bytes."""
        if not 0 <= size <= PAYLOAD_MAX + MIB or not 0 <= offset <= self.size - size:
            raise Damage("it ends behind the end of the file")
        data = read_file(self.path, offset, size)
        if len(data) != size:
            raise Damage("it cannot be read to its end")
        return data

    def header(self, offset: int) -> Any:
        """The sound header at this place."""
        block = self.read(offset, self.block)
        h = Header._make(HEADER.unpack_from(block))
        if h.mark != MARK or xxhash.xxh3_64_intdigest(block[:184]) != h.checksum:
            raise Damage("no sound header stands here")
        if h.major != 1 or h.critical & ~(ZSTD | SEALED) or (h.kind not in KINDS and h.kind < 128):
            what = f"format {h.major}.{h.minor}, features {h.critical:#x}, kind {h.kind}"
            raise Refused(f"{self.path} at {offset} has {what}: use a newer program")
        padded = -(-h.payload_bytes // self.block) * self.block
        possible = h.content_bytes <= (PAYLOAD_MAX if h.codec & ZSTD else h.payload_bytes)
        possible = possible and h.payload_bytes <= PAYLOAD_MAX and h.header_bytes == 192
        if not possible or (h.padded_bytes, h.block_bytes) != (padded, self.block):
            raise Damage("the header has lengths that cannot be")
        if xxhash.xxh3_128_digest(block[:168]) != h.chain or any(block[192:]):
            raise Damage("the header does not match its chain value, or more than zeros follow it")
        if (h.medium, h.segment, h.epoch) != (self.medium, self.number, self.epoch):
            raise Damage("a record of another medium or segment stands here")
        if offset + self.block + padded > self.size:
            raise Damage("the record ends behind the end of the file")
        return h

    def payload(self, record: Any, offset: int) -> bytes:
        """The sound payload of a record, by its header or its row of the index."""
        size = record.payload_bytes
        data = self.read(offset + self.block, -(-size // self.block) * self.block)
        if xxhash.xxh3_128_digest(data[:size]) != record.digest or data[size:].strip(b"\0"):
            raise Damage("the payload does not match its digest, or more than zeros follow it")
        return data[:size]

    def items(self, deep: bool) -> Iterator[Item]:
        """The whole file in order: records, and what is wrong with them or between them.  deep:
        payloads too, to the last chunk."""
        offset, last, lost = 0, None, False
        while offset < self.size:
            header, fault = None, ""
            try:
                header = self.header(offset)
                if not lost and not follows(header, last):
                    fault = "it does not follow the record before: lost, moved, doubled or put in"
                if deep:
                    check_chunks(header, self.payload(header, offset))
            except Damage as error:
                fault = str(error)
            if header is None or (last is not None and header.ordinal <= last.ordinal):
                end, blank = self._next_record(offset, -1 if last is None else last.ordinal)
                if self.sealed or not blank:
                    yield Item(None, offset, end, fault)
                offset, lost = end, True
            else:
                end = offset + self.block + header.padded_bytes
                yield Item(header, offset, end, fault)
                offset, last, lost = end, header, False
        if self.sealed and not lost and (last is None or last.kind != FOOTER):
            yield Item(None, self.size, self.size, "the file ends before its footer")

    def _next_record(self, offset: int, ordinal: int) -> tuple[int, bool]:
        """Where the next sound record with a higher ordinal begins, or the file ends; and whether
        only zeros were on the way."""
        blank, step = True, max(65536, self.block)
        while (offset := self._behind_hole(offset)) < self.size:
            try:
                data = self.read(offset, min(step, self.size - offset))
            except Damage:
                data, blank = b"", False
            found = data.find(MARK)
            while found >= 0:
                try:
                    if not found % self.block and self.header(offset + found).ordinal > ordinal:
                        return offset + found, blank and not data[:found].strip(b"\0")
                except (Damage, Refused):
                    pass  # It only looks like a record.
                found = data.find(MARK, found + 1)
            blank, offset = blank and not data.strip(b"\0"), offset + step
        return self.size, blank

    def _behind_hole(self, offset: int) -> int:
        """The next block that may hold more than zeros: a file may be larger than any disk."""
        try:
            descriptor = os.open(self.path, READ)
            try:
                found = os.lseek(descriptor, offset, os.SEEK_DATA)
            finally:
                os.close(descriptor)
        except OSError as error:
            return self.size if error.errno == errno.ENXIO else offset
        return max(offset, found // self.block * self.block)

    def judged(self, deep: bool = False) -> Iterator[tuple[Item, bool]]:
        """Each item, and whether it was durable once: FORMAT.md, "What may be believed"."""
        group: list[Item] = []
        waiting: list[Item] = []
        for item in self.items(deep):
            if item.header and waiting:
                yield from ((one, True) for one in waiting)
                waiting = []
            group.append(item)
            if item.header and item.header.kind == COMMIT:
                first = item.header.sequence
                older = [n for n, i in enumerate(group) if i.header and i.header.ordinal < first]
                cut = older[-1] + 1 if older else 0
                yield from ((one, True) for one in group[:cut])
                waiting, group = group[cut:], []
        whole = self.sealed or self._is_whole([item for item in waiting if item.header])
        yield from ((one, whole) for one in waiting)
        yield from ((one, self.sealed) for one in group)

    def _is_whole(self, items: list[Item]) -> bool:
        """Whether a commit record and all that it stands for are sound, payloads included."""
        headers = [item.header for item in items]
        if not items or any(item.fault for item in items):
            return False
        try:
            for item in items:
                self.payload(item.header, item.offset)
        except Damage:
            return False
        return headers[0].ordinal == headers[-1].sequence and all(
            map(follows, headers[1:], headers)
        )

    def index(self) -> list[Frame]:
        """The frames of a sealed segment, by its last records."""
        footer = self.header(self.size - self.block)
        index = self.header(footer.sequence)
        data = self.payload(index, footer.sequence)
        if (footer.kind, index.kind, index.chain) != (FOOTER, INDEX, footer.previous):
            raise Damage("the footer does not lead to the index")
        if len(data) != index.chunk_count * FRAME.size:
            raise Damage("the index does not have the rows that it should")
        return [Frame._make(row) for row in FRAME.iter_unpack(data)]

    def freed(self) -> str:
        """Where the frames are that a segment without any has had, if they are needed still."""
        offset = self.block + self.header(0).padded_bytes
        record = self.header(offset)
        data = self.payload(record, offset) if record.kind == FREED else bytes(16)
        ids = data[16 : 16 + 16 * int.from_bytes(data[8:12], "little")]
        media = [str(uuid.UUID(bytes=ids[at : at + 16])) for at in range(0, len(ids) & ~15, 16)]
        text = f"segments of medium {uuid.UUID(bytes=self.medium)} were freed: see {media}"
        return text if record.kind != FREED or record.chunk_count else ""

    def frames(self, log: Log) -> Iterator[Frame]:
        """Every frame that may be believed, if its payload is sound too."""
        if self.sealed:
            try:
                rows = self.index()
                if not rows and (note := self.freed()):
                    log.add(note, problem=False)
                yield from rows
                return
            except Damage as error:
                log.add(f"{self.path}: every record is looked at, because {error}", problem=False)
        for item, durable in self.judged():
            if item.fault:
                log.add(self.place(item), problem=durable)
            if durable and item.header and item.header.kind in FRAMES:
                yield frame_of(item)

    def place(self, item: Item) -> str:
        """What is wrong where, and whose it is."""
        text = f"medium {uuid.UUID(bytes=self.medium)}, {self.path}, {item.offset} to {item.end}"
        if item.header and item.header.kind in FRAMES:
            session, stream, sequence = name_of(item.header)
            object_id = uuid.UUID(bytes=item.header.object_id)
            text += f", frame {uuid.UUID(bytes=session)}/{stream}/{sequence} of object {object_id}"
        return f"{text}: {item.fault}"


def follows(header: Any, last: Any) -> bool:
    """Whether a record is the next one behind another, or the first of all (last None)."""
    if last is None:
        return (header.kind, header.ordinal, header.previous) == (SEGMENT, 0, bytes(16))
    chained = header.ordinal == last.ordinal + 1 and header.previous == last.chain
    return bool(chained and last.kind != FOOTER)


def frame_of(item: Item) -> Frame:
    return Frame(item.offset, *(getattr(item.header, name) for name in Frame._fields[1:]))


def opened(frame: Any, payload: bytes) -> tuple[bytes, bytes, bytes]:
    """Content and chunk index of a frame, decrypted and unpacked; the key of its chunks' names."""
    key, size = b"", frame.content_bytes
    if frame.codec & SEALED:
        payload, key = unsealed(frame, payload)
    end = len(payload) - frame.chunk_count * CHUNK.size
    if frame.codec > ZSTD | SEALED or end < 0 or not (frame.codec & ZSTD or end == size):
        raise Damage("it is packed in an unknown way, or its chunk index has another length")
    content, index = payload[:end], payload[end:]
    if frame.codec & ZSTD:
        try:
            content = pa.Codec("zstd").decompress(content, min(size, PAYLOAD_MAX), asbytes=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise Damage(f"it cannot be unpacked: {error}") from error
    return content, index, key


def named(data: bytes, key: bytes) -> bytes:
    """The name of a chunk."""
    return (blake3.blake3(data, key=key) if key else blake3.blake3(data)).digest()


def check_chunks(header: Any, payload: bytes) -> None:
    end, size = 0, header.content_bytes
    if header.kind not in (DATA, MANIFEST):
        return
    content, index, key = opened(header, payload)
    for digest, offset, length in CHUNK.iter_unpack(index):
        if not end <= offset < offset + length <= size:
            raise Damage("its chunk index has chunks that cannot be")
        end = offset + length
        if named(content[offset:end], key) != digest:
            raise Damage(f"the chunk at {offset} of the payload does not match its digest")


def derived(secret: bytes, purpose: str, salt: bytes | None = None) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt, f"flowbackup {purpose} 1".encode()).derive(secret)


def unsealed(frame: Any, payload: bytes) -> tuple[bytes, bytes]:
    """What was encrypted, and the key of its chunks' names.  Raises WrongKey, Damage."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise WrongKey("cryptography is lacking: python3 -m pip install cryptography") from None
    nonce, share, key_id, size = SEAL.unpack(payload[-SEAL.size :].rjust(SEAL.size, b"\0"))
    end = len(payload) - SEAL.size - size
    if size > SLOTS_MAX or end < 16:
        raise Damage("what is behind its ciphertext cannot be")
    found = unlocked(key_id, payload[end : end + size])
    if found is None:
        raise WrongKey(f"the passphrase does not open key {key_id.hex()[:8]}")
    private, writing, names = found
    place = (0, 0) if frame.kind == CATALOG else (frame.stream, frame.sequence)
    rest = frame.kind, frame.codec, frame.object_id, frame.content_bytes, frame.chunk_count
    bound = b"flowbackup frame 1" + BOUND.pack(frame.session, *place, *rest)
    try:
        agreed = private.exchange(X25519PublicKey.from_public_bytes(share))
        key = derived(agreed + writing, "frames", frame.session + share)
        return AESGCM(key).decrypt(nonce, payload[:end], bound), names
    except (InvalidTag, ValueError) as error:
        raise Damage("it was not sealed so by anybody who has its key") from error


@functools.lru_cache(None)
def unlocked(key_id: bytes, slots: bytes) -> tuple[Any, bytes, bytes] | None:
    """Of a repository key: its private half, the secret of writers, the key of chunks' names."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    for secret in unwrapped(key_id, slots):
        private = X25519PrivateKey.from_private_bytes(derived(secret, "reading"))
        public = private.public_key().public_bytes_raw()
        if hashlib.sha256(public).digest()[:16] == key_id:
            writing = derived(secret, "writing")
            return private, writing, derived(writing, "chunk names")
    return None


def unwrapped(key_id: bytes, slots: bytes) -> Iterator[bytes]:
    """Whatever the passphrase, or an identity of age, opens."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    place, found = os.environ.get("FLOWBACKUP_IDENTITY_FILE"), []
    with contextlib.suppress(*STRANGE):
        found = [dict(slot) for slot in json.loads(slots)]
    for slot in sorted(found, key=lambda slot: slot.get("kind") != "age"):
        try:
            wrapped = base64.b64decode(slot["wrapped"])
            if slot["kind"] == "age" and place:
                pyrage = importlib.import_module("pyrage")
                words = read_file(place, 0, MIB).decode().split()
                keys = [word for word in words if word.startswith("AGE-")]
                yield pyrage.decrypt(wrapped, [pyrage.x25519.Identity.from_str(k) for k in keys])
            if slot["kind"] == "scrypt" and all(slot[n] <= SCRYPT_MAX[n] for n in SCRYPT_MAX):
                salt, numbers = base64.b64decode(slot["salt"]), [slot[n] for n in SCRYPT_MAX]
                key = Scrypt(salt, 32, *numbers).derive(passphrase(key_id))
                yield AESGCM(key).decrypt(bytes(12), wrapped, key_id)
        except WrongKey:
            raise
        except Exception:  # noqa: BLE001  it does not open this one; pyrage has errors of its own
            continue


@functools.lru_cache(None)
def passphrase(key_id: bytes) -> bytes:
    place = os.environ.get("FLOWBACKUP_PASSPHRASE_FILE")
    if place:
        try:
            return read_file(place, 0, MIB).split(b"\n")[0].rstrip(b"\r")
        except Damage as error:
            raise WrongKey(f"the passphrase in {place}: {error}") from error
    if not sys.stdin.isatty():
        raise WrongKey("a passphrase is needed: name its file in FLOWBACKUP_PASSPHRASE_FILE")
    return os.fsencode(getpass.getpass(f"passphrase of key {key_id.hex()[:8]}: "))


def spread(path: str) -> list[str]:
    """A directory in which the media of a set lie side by side stands for all of them."""
    if not os.path.lexists(f"{path}/flowbackup.set"):
        return [path]
    return [f"{path}/{n}" for n in sorted(os.listdir(path)) if re.fullmatch(r"medium-\d{5,}", n)]


def read_label(path: str, log: Log, problem: bool = False) -> tuple[bytes, int, Any, Any]:
    """UUID, block size, texts and set of a medium: what any of the two copies of its label says,
    or, if both are lost, the first record of a segment."""
    found, data = b"", b""
    try:
        data = read_file(f"{path}/flowbackup.label", 0, 8192)
    except Damage as error:
        log.add(f"{path}: the label: {error}", problem)
    for copy in (data[:4096].ljust(4096, b"\0"), data[4096:].ljust(4096, b"\0")):
        size, checksum = (int.from_bytes(part, "little") for part in (copy[8:12], copy[4088:]))
        if copy[:8] == b"FBLABEL\n" and xxhash.xxh3_64_intdigest(copy[:4088]) == checksum:
            found = found or copy[12 : 12 + size]
        else:
            log.add(f"{path}: a copy of the label is damaged", problem)
    try:
        label = json.loads(found or first_record(path))
        if label["format"][0] != 1 or label["critical"]:
            raise Refused(f"it has format {label['format']} {label['critical']}: too new")
        block, documents = label["block_bytes"], {str(k): v for k, v in label["documents"].items()}
        if type(block) is not int or block not in [1 << n for n in range(9, 21)]:
            raise Damage("its block size cannot be")
        in_set = label.get("set")
        member = in_set and (str(uuid.UUID(in_set["set"])), int(in_set["number"]))
        return uuid.UUID(label["medium"]).bytes, block, documents, member
    except STRANGE as error:
        raise Damage("its label cannot be read") from error


def first_record(path: str) -> bytes:
    """The payload with which a segment of a medium begins, which is the JSON of the label."""
    for name in sorted(os.listdir(f"{path}/segments")):
        place = f"{path}/segments/{name}"
        try:
            head = Header._make(HEADER.unpack(read_file(place, 0, HEADER.size)))
            segment = Segment(place, head.medium, head.block_bytes)
            return segment.payload(segment.header(0), 0)
        except (Damage, struct.error):
            continue
    return b""


def read_version(segment: Segment, frame: Frame) -> Version | list[Version] | None:
    """What a catalog frame says, if it is of a version, or a list of versions to be forgotten."""
    if frame.payload_bytes > RECORD_MAX:
        raise Damage("a record is too long")
    try:
        record = json.loads(opened(frame, segment.payload(frame, frame.offset))[0])
        if record["record"] == "forgotten":
            return [
                Version(str(v["object_id"]), str(v["client"]), str(v["name"]), 0,
                        int(v["finished_ns"]) % (1 << 63), str(v.get("beside", "")), b"", None)
                for v in record["versions"]
            ]  # fmt: skip
        if record["record"] != "version":
            return None
        root = {name: record["root"][name] for name in Ref._fields}
        numbers = [root[name] for name in ("size", "stream", "sequence", "offset")]
        if not all(isinstance(number, int) and 0 <= number < 1 << 64 for number in numbers):
            raise ValueError("numbers that cannot be")
        root.update(digest=bytes.fromhex(root["digest"]), session=uuid.UUID(root["session"]).bytes)
        text = f"{record['outcome']}  {record['entries']} entries, {record['bytes_source']} bytes"
        names, source = (str(record["client"]), str(record["name"])), record["source"]
        finished_ns = int(record["finished_ns"]) % (1 << 63)
        last = (0, finished_ns, text, base64.b64decode(source), Ref(**root))
        return Version(str(uuid.UUID(record["object_id"])), *names, *last)
    except STRANGE as error:
        raise Damage(f"a record cannot be understood: {error!r}") from error


class Library:
    """Several media as one: frames by their names, versions, chunks, entries."""

    def __init__(self, media: Iterable[str], log: Log) -> None:
        self.log = log
        self.media: list[str] = []
        self.segments: list[Segment] = []
        self._copies: dict[Any, list[tuple[Segment, Frame]]] = {}
        self._last: tuple[Any, bytes, bytes] = (None, b"", b"")
        sets: dict[str, set[int]] = {}
        for path in itertools.chain.from_iterable(map(spread, media)):
            try:
                medium, block, _, member = read_label(path, log)
                segments = [*self._segments(path, medium, block)]
                found = [(segment, frame) for segment in segments for frame in segment.frames(log)]
            except (Damage, Refused, OSError) as error:
                log.add(f"{path} cannot be used: {error}")
                continue
            self.media.append(path)
            if member:
                sets.setdefault(member[0], set()).add(member[1])
            self.segments += segments
            for segment, frame in found:
                self._copies.setdefault(name_of(frame), []).append((segment, frame))
        self.versions = [*self._versions()]
        for name, numbers in sets.items():
            if len(numbers) == 1 or len(numbers) < max(numbers):
                these = ", ".join(map(str, sorted(numbers)[:99]))
                log.add(f"of set {name} only medium {these}: name its others, too", problem=False)

    def _segments(self, path: str, medium: bytes, block: int) -> Iterator[Segment]:
        for name in sorted(os.listdir(f"{path}/segments")):
            try:
                yield Segment(f"{path}/segments/{name}", medium, block)
            except (Damage, OSError) as error:
                self.log.add(f"{path}/segments/{shown(name)}: {error}")

    def _versions(self) -> Iterator[Version]:
        """By object and time, numbered from 1."""
        found: dict[str, Version] = {}
        gone: dict[str, Version] = {}
        for name in sorted(n for n, copies in self._copies.items() if copies[0][1].kind == CATALOG):
            try:
                told = self._first_sound(name, read_version)
                if isinstance(told, list):
                    gone.update((version.object_id, version) for version in told)
                elif told:
                    found[told.object_id] = told
            except WrongKey as error:
                self.log.add(f"a record is encrypted: {error}")
                self.log.wrong_key = True
            except Damage as error:
                self.log.add(f"a record is lost: {error}")
        # What is forgotten keeps its number, and is shown no more.  Where it has no name, a version
        # of the same object is told in place of the text.
        told = found | gone
        for version in gone.values():
            named, seen = version, set()
            while not named.name and named.text in told and named.text not in seen:
                seen.add(named.text)
                named = told[named.text]
            told[version.object_id] = version._replace(client=named.client, name=named.name)
        ordered = sorted(told.values(), key=lambda v: (v.client, v.name, v.finished_ns))
        for _, group in itertools.groupby(ordered, key=lambda v: (v.client, v.name)):
            numbered = (version._replace(number=n) for n, version in enumerate(group, 1))
            yield from (version for version in numbered if version.object_id not in gone)

    def wanted(self, text: str) -> list[Version]:
        """The versions that a user means.  Raises Usage."""
        newest = {(v.client, v.name): v for v in self.versions}.values()
        if text == "all":
            return list(newest)
        found = sorted(newest, key=lambda v: v.finished_ns)[-1:] if text == "latest" else []
        found = found or [v for v in newest if text in (v.name, f"{v.client}/{v.name}")]
        found = found or [
            v for v in self.versions if f"/{v.client}/{v.name}@{v.number}".endswith(f"/{text}")
        ]
        found = found or [v for v in self.versions if v.object_id.startswith(text)]
        if len(found) != 1:
            raise Usage(f'"{text}" means {len(found)} versions; `list` shows what there is')
        return found

    def _first_sound(self, name: Any, read: Callable[[Segment, Frame], Any]) -> Any:
        """What `read` makes of the first copy of a frame that lets it."""
        faults: list[str] = []
        for segment, frame in self._copies.get(name, ()):
            try:
                data = read(segment, frame)
            except WrongKey:
                raise
            except Damage as error:
                faults.append(f"{segment.path} at {frame.offset}: {error}")
                continue
            for fault in faults:
                self.log.add(f"{fault}; another copy is sound", problem=False)
            return data
        frame_id = f"{uuid.UUID(bytes=name[0])}/{name[1]}/{name[2]}"
        raise Damage("; ".join(faults) or f"no medium has frame {frame_id}")

    def chunk(self, ref: Ref) -> bytes:
        """The bytes that a reference means.  Their digest is enough: the frame's is not needed."""

        def read(segment: Segment, frame: Frame) -> bytes:
            if ref.offset + ref.size > frame.content_bytes:
                raise Damage("the frame is too short")
            key = b""
            if frame.codec == PLAIN:
                data = segment.read(frame.offset + segment.block + ref.offset, ref.size)
            else:
                content, key = self._opened(segment, frame)
                data = content[ref.offset : ref.offset + ref.size]
            if named(data, key) != ref.digest:
                raise Damage(f"the chunk at {ref.offset} of the frame does not match its digest")
            return data

        data: bytes = self._first_sound(name_of(ref), read)
        return data

    def _opened(self, segment: Segment, frame: Frame) -> tuple[bytes, bytes]:
        """Content of a frame, and key of its names; that of the last one is kept, because its
        chunks are wanted one behind the other."""
        place = segment.path, frame.offset
        if self._last[0] != place:
            self._last = (None, b"", b"")
            content, _, key = opened(frame, segment.payload(frame, frame.offset))
            self._last = (place, content, key)
        return self._last[1:]

    def _rows(self, ref: Ref, columns: Mapping[str, str], size_max: int) -> Iterator[Any]:
        """The rows of a page or root, made of plain types and nothing else."""
        data = self.chunk(ref)
        size = int.from_bytes(data[4:8], "little")
        if data[:4] not in (b"FBP1", b"FBP2") or size > size_max:
            raise Damage("it is no page, or too long")
        try:
            raw = pa.Codec("zstd").decompress(data[8:], size)
            messages = pa.ipc.MessageReader.open_stream(raw)
            head, body = messages.read_next_message(), messages.read_next_message()
            if b"ARROW:extension:" in bytes(head.metadata) or is_packed(bytes(body.metadata)):
                raise Damage("a page wants types that run code, or unfolds without a limit")
            schema = pa.ipc.read_schema(head)
            types = {field.name: str(field.type).replace(" not null", "") for field in schema}
            if {name: types.get(name) for name in columns} != columns:
                raise Damage("a page has columns of other types")
            batch = pa.ipc.read_record_batch(body, schema)
            if data[:4] == b"FBP2":
                add_lengths_up(raw, batch)
            batch.validate(full=True)
            batch = pa.RecordBatch.from_arrays([batch.column(n) for n in columns], list(columns))
        except (pa.ArrowException, OSError, KeyError, ValueError, StopIteration) as error:
            raise Damage(f"a page cannot be read: {error}") from error
        if batch.num_rows > PAGES_MAX:
            raise Damage("it has too many rows")
        for start in range(0, batch.num_rows, 64):
            yield from batch.slice(start, 64).to_pylist()

    def entries(self, version: Version) -> Iterator[Any]:
        """What a version holds, in order; pages that are lost are reported and left out."""
        last, seen = (b"", -1), set()
        where = shown(f"{version.client}/{version.name}@{version.number}")
        try:
            for page in self._rows(version.root, ROOT_COLUMNS, PAYLOAD_MAX):
                if page["digest"] in seen:
                    raise Damage("it has a page twice")
                seen.add(page["digest"])
                try:
                    for row in self._rows(Ref(**page), PAGE_COLUMNS, PAGE_MAX):
                        entry: Any = Entry(**row)
                        if not is_possible(entry, last):
                            self.log.add(f"{where}: there can be no entry {entry.path!r}")
                            continue
                        last = order_of(entry)
                        yield entry._replace(chunks=[Ref(**chunk) for chunk in entry.chunks])
                except Damage as error:
                    self.log.add(f"{where}: the page behind {last[0]!r} is lost: {error}")
        except Damage as error:
            self.log.add(f"{where}: the list of its pages is lost: {error}")


def order_of(entry: Any) -> tuple[bytes, int]:
    return entry.path.replace(b"/", b"\0"), entry.part


def is_packed(metadata: bytes) -> bool:
    """Whether an Arrow record batch names a compression: field 3 of field 2 of its flatbuffer."""

    def number(at: int, size: int) -> int:
        return int.from_bytes(metadata[at : at + size], "little", signed=size == 4)

    def field(table: int, place: int) -> int:
        fields = table - number(table, 4)
        at = number(fields + 4 + 2 * place, 2) if 4 + 2 * place < number(fields, 2) else 0
        return at and table + at + number(table + at, 4)

    batch = field(number(0, 4), 2)
    return not batch or field(batch, 3) != 0


def add_lengths_up(raw: Any, batch: Any) -> None:
    """Makes the offsets of a batch in `raw` of the lengths that stand in their place."""
    columns = list(batch.columns)
    while columns:
        column = columns.pop()
        if pa.types.is_struct(column.type):
            columns += (column.field(n) for n in range(column.type.num_fields))
            continue
        if pa.types.is_list(column.type):
            columns.append(column.values)
        elif not pa.types.is_binary(column.type) and not pa.types.is_string(column.type):
            continue
        lengths = column.buffers()[1]
        if lengths is not None:
            begin = lengths.address - raw.address
            view = memoryview(raw)[begin : begin + lengths.size // 4 * 4].cast("I")
            view[:] = array("I", (n % 2**32 for n in itertools.accumulate(view)))


def is_possible(entry: Any, last: tuple[bytes, int]) -> bool:
    """Whether nothing lacks, no path leads out of the place that it is relative to, and it comes
    behind the one before: no name has two entries."""
    lists = [*entry.xattrs, *entry.holes, *entry.chunks]
    if None in entry._replace(target=b"", hard_link=b"") or any(None in x.values() for x in lists):
        return False
    parts = [part for path in (entry.path, entry.hard_link) if path for part in path.split(b"/")]
    plain = not {b"", b".", b".."}.intersection(parts) and not any(b"\0" in part for part in parts)
    return plain and len(parts) <= DEPTH_MAX and order_of(entry) > last


@functools.lru_cache(None)
def number_here(number: int, name: bytes, look_up: Callable[[str], Any]) -> int:
    """The owner or group of that name, else that number.  Nobody but root becomes root."""
    try:
        here = look_up(os.fsdecode(name))[2] if name else number
    except (KeyError, ValueError):
        here = number or NOBODY
    here = here or number
    return here if here < (1 << 32) - 1 else NOBODY


class Tree:
    """Writes a version into a new directory, by descriptors: no name leads out of it."""

    def __init__(self, library: Library, version: Version, target: str) -> None:
        self._library, self._version, self._log = library, version, library.log
        os.makedirs(target, exist_ok=True)
        root = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
        if os.listdir(root):
            raise Usage(f"{target} is not empty")
        try:
            os.removexattr(root, "system.posix_acl_default")  # what is made here would inherit it
        except OSError:
            pass
        self._levels: list[tuple[bytes, int, Any]] = [(b"", root, None)]

    def write(self) -> None:
        """Goes through the entries twice: first everything is made but further names of files,
        then those, and directories get the metadata that every name in them would change."""
        for self._ending in (False, True):
            for path, parts in itertools.groupby(
                self._library.entries(self._version), lambda entry: entry.path
            ):
                try:
                    self._entry(path, parts)
                except (Damage, OSError, OverflowError, ValueError) as error:
                    if isinstance(error, OSError) and error.errno in HOPELESS:
                        raise
                    self._log.add(f"{shown(path)}: {error}")
            while len(self._levels) > 1:
                self._leave()
        self._leave()

    def _entry(self, path: bytes, parts: Iterator[Any]) -> None:
        entry = next(parts)
        parent, slash, name = path.rpartition(b"/")
        name = name or os.path.basename(self._version.source) or b"content"
        if entry.kind == DIRECTORY:
            self._enter(path + b"/" if path else b"")
            self._levels[-1] = (*self._levels[-1][:2], entry)
            return
        self._enter(parent + slash)
        here = self._levels[-1][1]
        place = b"/proc/self/fd/%d/%s" % (here, name)
        if self._ending or entry.hard_link is not None:
            if self._ending and entry.hard_link is not None:
                self._link(entry.hard_link, name, here)
        elif entry.kind == FILE:
            self._file(name, here, entry, parts)
        elif entry.kind == SYMLINK:
            os.symlink(entry.target or b"", name, dir_fd=here)
            self._metadata(place, entry)
        elif entry.kind in NODES:
            os.mknod(name, NODES[entry.kind] | entry.mode & 0o7777, entry.rdev, dir_fd=here)
            self._metadata(place, entry)
        else:
            raise Damage(f"it is of the unknown kind {entry.kind}")

    def _enter(self, prefix: bytes) -> None:
        """Leaves directories and opens others until it is in this one; makes those not there."""
        while not prefix.startswith(self._levels[-1][0]):
            self._leave()
        while prefix != self._levels[-1][0]:
            above, here, _ = self._levels[-1]
            name = prefix[len(above) :].partition(b"/")[0]
            try:
                os.mkdir(name, 0o700, dir_fd=here)
            except FileExistsError:
                pass
            below = os.open(name, READ | os.O_DIRECTORY, dir_fd=here)
            self._levels.append((above + name + b"/", below, None))

    def _leave(self) -> None:
        _, descriptor, entry = self._levels.pop()
        if entry and self._ending:
            self._metadata(descriptor, entry)
        os.close(descriptor)

    def _link(self, first: bytes, name: bytes, here: int) -> None:
        *parents, last = first.split(b"/")
        descriptor = os.dup(self._levels[0][1])
        try:
            for parent in parents:
                below = os.open(parent, READ | os.O_DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            os.link(last, name, src_dir_fd=descriptor, dst_dir_fd=here, follow_symlinks=False)
        finally:
            os.close(descriptor)

    def _file(self, name: bytes, here: int, first: Any, parts: Iterable[Any]) -> None:
        """A file that cannot be had whole is not left behind: what stands there is right."""
        descriptor = os.open(name, NEW_FILE, 0o600, dir_fd=here)
        try:
            end = 0
            for number, last in enumerate(itertools.chain((first,), parts)):
                if last.part != number:
                    raise Damage("a part of it is lost")
                end = self._fill(descriptor, last, end)
            if end != last.size:
                raise Damage(f"{end} of {last.size} bytes were saved {last.problem}")
            os.ftruncate(descriptor, end)
            if last.problem:
                self._log.add(f"{shown(first.path)}: was saved {last.problem}", problem=False)
            self._metadata(descriptor, first)
        except BaseException:
            os.unlink(name, dir_fd=here)
            raise
        finally:
            os.close(descriptor)

    def _fill(self, descriptor: int, part: Any, end: int) -> int:
        """Writes the chunks of a part from `end` on, around the holes; returns the new end."""
        holes = deque((hole["offset"], hole["size"]) for hole in part.holes)
        for ref in (*part.chunks, None):
            data = memoryview(self._library.chunk(ref) if ref else b"")
            while True:
                while holes and holes[0][0] == end and holes[0][1] >= 0:
                    end += holes.popleft()[1]
                if not data:
                    break
                room = holes[0][0] - end if holes else len(data)
                if room <= 0:
                    raise Damage("it has holes that cannot be")
                done = os.pwrite(descriptor, data[:room], end)
                data, end = data[done:], end + done
        if holes:
            raise Damage("it has holes that cannot be")
        return end

    def _metadata(self, place: int | bytes, entry: Any) -> None:
        """Owner, attributes, mode, times, in this order: each takes something from those before."""
        follow = {} if isinstance(place, int) else {"follow_symlinks": False}

        def give(what: str, call: Callable[..., None], *values: Any, **options: Any) -> bool:
            try:
                call(place, *values, **options)
                return True
            except (OSError, OverflowError, ValueError) as error:
                self._log.add(f"{shown(entry.path)}: its {what} cannot be given: {error}")
                return False

        owner = number_here(entry.uid, entry.owner, pwd.getpwnam)
        group = number_here(entry.gid, entry.group, grp.getgrnam)
        owned = give(f"owner {owner}:{group}", os.chown, owner, group, **follow)
        for pair in entry.xattrs:
            if owned or not pair["name"].startswith(b"security."):
                what = f"attribute {shown(pair['name'])}"
                give(what, os.setxattr, pair["name"], pair["value"], **follow)
        if isinstance(place, int):
            give("mode", os.chmod, entry.mode & (0o7777 if owned else 0o1777))
        give("time", os.utime, ns=(entry.mtime_ns, entry.mtime_ns), **follow)


def check_segment(segment: Segment, sound: set[Any], log: Log) -> None:
    frames, faults = [], 0
    for item, durable in segment.judged(deep=True):
        if item.fault:
            faults += 1
            log.add(segment.place(item), problem=durable)
        elif item.header.kind in FRAMES:
            sound.add(name_of(item.header))
            frames.append(frame_of(item))
    if segment.sealed and not faults:
        try:
            if frames != segment.index():
                log.add(f"{segment.path}: the index does not list its frames")
        except Damage as error:
            log.add(f"{segment.path}: the index cannot be used: {error}")


def check(library: Library) -> None:
    """Reads everything; reports damage, and the files that no medium has whole."""
    sound: set[Any] = set()
    for path in library.media:
        for name, digest in read_label(path, library.log, problem=True)[2].items():
            try:
                data = read_file(f"{path}/{os.path.basename(name)}", 0, RECORD_MAX)
                if xxhash.xxh3_128_hexdigest(data) != digest:
                    raise Damage("it is not what was written")
            except Damage as error:
                library.log.add(f"{path}/{shown(name)}: {error}")
    for segment in library.segments:
        try:
            check_segment(segment, sound, library.log)
        except Refused as error:
            library.log.add(str(error))
    for version in library.versions:
        for entry in library.entries(version):
            for ref in entry.chunks:
                try:
                    if name_of(ref) not in sound:
                        library.chunk(ref)
                except Damage as error:
                    where = f"{version.client}/{version.name}@{version.number}"
                    library.log.add(f"{shown(where)}: {shown(entry.path)}: {error}")


def show(library: Library) -> None:
    for v in library.versions:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(v.finished_ns // 10**9))
        name = shown(f"{v.client}/{v.name}@{v.number}")
        print(f"{v.object_id}  {name}  {when}  {shown(v.text)}  {shown(v.source)}")


def restore(library: Library, text: str, target: str) -> None:
    """Raises Usage; OSError when the target can take no more."""
    mask = os.umask(0)
    try:
        for version in library.wanted(text):
            parts = (version.client, version.name) if text == "all" else ()
            names = [quote(part, " +,=@", "utf-8", "backslashreplace") for part in parts]
            below = [name if name.strip(".") else name.replace(".", "%2E") for name in names]
            Tree(library, version, os.path.join(target, *below)).write()
    finally:
        os.umask(mask)


def run(command: str, arguments: Sequence[str], media: Sequence[str], log: Log) -> int:
    """The whole program without its command line: the exit code.  Raises Usage."""
    try:
        library = Library(media, log)
        if log.wrong_key and not library.versions:
            return 12
        if command == "restore":
            restore(library, *arguments)
        else:
            {"list": show, "check": check}[command](library)
    except (OSError, MemoryError) as error:
        log.add(f"stopped: {error!r}")
    return 1 if log.problems else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("list", "check", "restore"))
    parser.add_argument("arguments", nargs="*", metavar="...")
    command, arguments = vars(parser.parse_args()).values()
    count = 2 if command == "restore" else 0
    if len(arguments) < count:
        parser.error("restore needs VERSION and TARGET")
    for limit, most in ((resource.RLIMIT_AS, ADDRESS_SPACE), (resource.RLIMIT_NOFILE, 1 << 16)):
        hard = resource.getrlimit(limit)[1]  # memory is bounded whatever a medium says
        resource.setrlimit(limit, (most if hard < 0 else min(most, hard), hard))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    media, log = arguments[count:] or [os.path.dirname(os.path.abspath(__file__))], Log()
    try:
        code = run(command, arguments[:count], media, log)
    except Usage as error:
        parser.error(str(error))
    except WrongKey as error:
        log.add(str(error))
        code = 12
    print(f"{command}: {len(log.problems)} problems" if log.problems else f"{command}: good")
    return code


if __name__ == "__main__":
    sys.exit(main())
