"""What a medium says about versions and sessions, written as JSON in catalog frames.

JSON because a person can read it in twenty years with any tool.  Unknown keys are kept out of the
way: a reader ignores what it does not know.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from flowbackup.model.chunk import ChunkRef
from flowbackup.model.ids import FrameId, id_from_text, id_text

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version of a data object, complete enough to restore it from the medium alone.

    root: the chunk that lists the manifest pages.  files: entries that are regular files;
    bytes_source: size of the selected files; bytes_read: what was read of them; bytes_new: content
    bytes that this session sent.  outcome: success or incomplete (some entries have problems).
    """

    object_id: bytes
    session: bytes
    client: str
    name: str
    source: bytes
    started_ns: int
    finished_ns: int
    outcome: str
    entries: int
    files: int
    bytes_source: int
    bytes_read: int
    bytes_new: int
    problems: int
    root: ChunkRef

    def to_json(self) -> bytes:
        return _dump(
            {
                "record": "version",
                "object_id": id_text(self.object_id),
                "session": id_text(self.session),
                "client": self.client,
                "name": self.name,
                "source": base64.b64encode(self.source).decode(),
                "started_ns": self.started_ns,
                "finished_ns": self.finished_ns,
                "outcome": self.outcome,
                "entries": self.entries,
                "files": self.files,
                "bytes_source": self.bytes_source,
                "bytes_read": self.bytes_read,
                "bytes_new": self.bytes_new,
                "problems": self.problems,
                "root": _ref_to_json(self.root),
            }
        )

    @classmethod
    def from_json(cls, value: Json) -> VersionRecord:
        """Raises KeyError, TypeError or ValueError for a record that is not one."""
        return cls(
            object_id=id_from_text(value["object_id"]),
            session=id_from_text(value["session"]),
            client=str(value["client"]),
            name=str(value["name"]),
            source=base64.b64decode(value["source"], validate=True),
            started_ns=int(value["started_ns"]),
            finished_ns=int(value["finished_ns"]),
            outcome=str(value["outcome"]),
            entries=int(value["entries"]),
            files=int(value["files"]),
            bytes_source=int(value["bytes_source"]),
            bytes_read=int(value["bytes_read"]),
            bytes_new=int(value["bytes_new"]),
            problems=int(value["problems"]),
            root=_ref_from_json(value["root"]),
        )


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One session, as written at its end on every medium that took part.

    graph: the text of the graph file that ran; versions: tool -> version.
    """

    session: bytes
    kind: str
    graph_name: str
    started_ns: int
    finished_ns: int
    outcome: str
    host: str
    graph: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        return _dump(
            {
                "record": "session",
                "session": id_text(self.session),
                "kind": self.kind,
                "graph_name": self.graph_name,
                "started_ns": self.started_ns,
                "finished_ns": self.finished_ns,
                "outcome": self.outcome,
                "host": self.host,
                "graph": self.graph,
                "versions": self.versions,
            }
        )

    @classmethod
    def from_json(cls, value: Json) -> SessionRecord:
        """Raises KeyError, TypeError or ValueError for a record that is not one."""
        return cls(
            session=id_from_text(value["session"]),
            kind=str(value["kind"]),
            graph_name=str(value["graph_name"]),
            started_ns=int(value["started_ns"]),
            finished_ns=int(value["finished_ns"]),
            outcome=str(value["outcome"]),
            host=str(value["host"]),
            graph=str(value["graph"]),
            versions={str(k): str(v) for k, v in dict(value["versions"]).items()},
        )


def load_record(data: bytes | memoryview) -> VersionRecord | SessionRecord | None:
    """The record in a catalog frame's payload; None for a kind that this version does not know.
    Raises ValueError for bytes that are no record at all."""
    try:
        value = json.loads(bytes(data))
        kind = value["record"]
        if kind == "version":
            return VersionRecord.from_json(value)
        return SessionRecord.from_json(value) if kind == "session" else None
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"a catalog frame holds no readable record: {error}") from error


def _dump(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _ref_to_json(ref: ChunkRef) -> Json:
    return {
        "digest": ref.digest.hex(),
        "size": ref.size,
        "session": id_text(ref.frame.session),
        "stream": ref.frame.stream,
        "sequence": ref.frame.sequence,
        "offset": ref.offset,
    }


def _ref_from_json(value: Json) -> ChunkRef:
    frame = FrameId(id_from_text(value["session"]), int(value["stream"]), int(value["sequence"]))
    return ChunkRef(bytes.fromhex(value["digest"]), int(value["size"]), frame, int(value["offset"]))
