"""Makes the small medium of a format version that is kept for ever, and what it must restore to.

    python -m tests.media.golden.make PLACE [encrypted]

Run once for each format version and kind, as root, on a file system with attributes; the result is
checked in as `v<major>.<minor>/` or `v<major>.<minor>-encrypted/` and never made again: new
programs must read it as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from flowbackup.frame.key_slots import pack_slots, wrapped_by_passphrase
from flowbackup.frame.keys import RepositoryKey, WriterKey
from flowbackup.media.labels.label import DOCUMENTS, LABEL_NAME, pack_label, read_label
from tests.media.object_media import write_objects

FRAME_BYTES = 4096
ENCRYPTED_FRAME_BYTES = 8192
"""Their wrapped keys take room."""
PASSPHRASE = b"a passphrase for ever"
_TIME_NS = 1_700_000_000_123_456_789
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink",
          stat.S_IFIFO: "fifo"}  # fmt: skip


def make_tree(place: Path) -> None:
    """Something of everything that needs no rights to restore, with fixed times."""
    (place / "a").mkdir(parents=True, mode=0o750)
    (place / "a" / "empty").touch()
    (place / "a" / "long.txt").write_bytes(b"0123456789abcdef" * 625)
    (place / "a" / "script").write_bytes(b"#!/bin/sh\necho restored\n")
    (place / "a" / "script").chmod(0o755)
    with (place / "a" / "sparse").open("wb") as file:
        file.write(b"front")
        file.seek(65_536)
        file.write(b"behind the hole")
        file.truncate(200_000)
    os.link(place / "a" / "script", place / "linked")
    os.symlink(b"a/\xff nowhere", place / "link")
    os.mkfifo(place / "fifo", 0o640)
    with open(bytes(place) + b"/odd \xff\n\x01name", "wb") as file:
        file.write(b"odd")
    os.setxattr(place / "a" / "long.txt", "user.note", bytes(range(8)))
    os.setxattr(place / "a", "user.\N{SNOWMAN}", b"")
    for number, path in enumerate(sorted(_paths(bytes(place)), reverse=True)):
        os.utime(path, ns=(0, _TIME_NS - number * 10**9), follow_symlinks=False)


def listing(place: Path) -> list[dict[str, object]]:
    """A tree as JSON values, by a way of its own.  hard_link: the first path of the same inode."""
    first: dict[int, bytes] = {}
    rows = []
    for path in sorted(_paths(bytes(place))):
        status = os.lstat(path)
        name = os.path.relpath(path, bytes(place)) if path != bytes(place) else b""
        row: dict[str, object] = {
            "path": _text(name),
            "kind": _KINDS[stat.S_IFMT(status.st_mode)],
            "mtime_ns": status.st_mtime_ns,
            "owner": [status.st_uid, status.st_gid],
            "xattrs": {
                attribute: _text(os.getxattr(path, attribute, follow_symlinks=False))
                for attribute in os.listxattr(path, follow_symlinks=False)
            },
        }
        if stat.S_ISLNK(status.st_mode):
            row["target"] = _text(os.readlink(path))
        else:
            row["mode"] = status.st_mode & 0o7777
        if stat.S_ISREG(status.st_mode):
            with open(path, "rb") as file:
                row["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
            row["size"] = status.st_size
            row["sparse"] = status.st_blocks * 512 < status.st_size
        if not stat.S_ISDIR(status.st_mode):
            row["hard_link"] = _text(first.setdefault(status.st_ino, name))
        rows.append(row)
    return rows


def _paths(place: bytes) -> list[bytes]:
    found = [place]
    for folder, folders, files in os.walk(place):
        found += [os.path.join(folder, name) for name in folders + files]
    return found


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def writer_key() -> WriterKey:
    """Two ways to open it, so that readers have to look for theirs."""
    key = RepositoryKey(hashlib.sha256(PASSPHRASE).digest())
    other = wrapped_by_passphrase(key, b"another one", n=1024)
    return key.writer(pack_slots([other, wrapped_by_passphrase(key, PASSPHRASE, n=1024)]))


def main(place: Path, *, encrypted: bool = False) -> None:
    """A sealed segment with a tree and its next version, and a `.part` with a single file."""
    key = writer_key() if encrypted else None
    frame_bytes = ENCRYPTED_FRAME_BYTES if encrypted else FRAME_BYTES
    medium = place / "medium"
    with TemporaryDirectory() as work:
        tree, single = Path(work, "tree"), Path(work, "single.txt")
        make_tree(tree)
        single.write_bytes(b"left behind by a session that was killed\n")
        os.utime(single, ns=(0, _TIME_NS))
        how = {"frame_bytes": frame_bytes, "zstd_level": 3, "key": key}
        write_objects([medium], [("tree", tree)], session=1, **how)  # type: ignore[arg-type]
        write_objects([medium], [("single", single)], session=2, seal=False, **how)  # type: ignore[arg-type]
        expected = {"client/tree@1": listing(tree), "client/single@1": listing(single)}
    for name in DOCUMENTS:
        (medium / name).unlink()
    label = replace(read_label(str(medium)).label, documents={})
    (medium / LABEL_NAME).write_bytes(pack_label(label))
    (medium / "flowbackup.lock").unlink(missing_ok=True)
    (place / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), encrypted="encrypted" in sys.argv[2:])
