"""Versions that are to be forgotten: what media are told of them, as JSON in a catalog frame."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from flowbackup.model.ids import id_from_text, id_text
from flowbackup.model.json_values import plain_text, whole_number

VERSIONS_IN_RECORD_MAX = 2048
"""So many in one record: with names of 255 bytes, each of six characters in JSON, it stays below
the length that a record may have."""


class ForgottenVersion(NamedTuple):
    """client, name, number: as it was called, so that its number is given to no other.  "" and 0
    for an object that was finished on media and never became a version.  beside: the id of another
    version of the same object, by which it is found where no names are told; b"" if none is known.
    """

    object_id: bytes
    client: str
    name: str
    number: int
    finished_ns: int
    forgotten_ns: int
    beside: bytes = b""

    def __str__(self) -> str:
        return f"{self.client}/{self.name}@{self.number}"


@dataclass(frozen=True, slots=True)
class ForgottenRecord:
    """Versions that no reader of the medium is to list any more, whatever of them is still there.
    session: the one that wrote the record."""

    session: bytes
    versions: tuple[ForgottenVersion, ...]

    def without_names(self) -> ForgottenRecord:
        """For a medium whose frames are encrypted: what is not tells no names, only beside which
        version it was, whose own record tells them to who has the key."""
        bare = (version._replace(client="", name="") for version in self.versions)
        return replace(self, versions=tuple(bare))

    def to_json(self) -> bytes:
        value = {
            "record": "forgotten",
            "session": id_text(self.session),
            "versions": [_version_to_json(version) for version in self.versions],
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ForgottenRecord:
        """Raises KeyError, TypeError or ValueError for a record that is not one."""
        versions = tuple(_version_from_json(item) for item in value["versions"])
        return cls(id_from_text(plain_text(value["session"])), versions)


def _version_to_json(version: ForgottenVersion) -> dict[str, Any]:
    value = {**version._asdict(), "object_id": id_text(version.object_id)}
    del value["beside"]
    if version.beside and not version.name:
        value["beside"] = id_text(version.beside)
    return value


def _version_from_json(value: dict[str, Any]) -> ForgottenVersion:
    beside = value.get("beside")
    return ForgottenVersion(
        object_id=id_from_text(plain_text(value["object_id"])),
        client=plain_text(value["client"]),
        name=plain_text(value["name"]),
        number=whole_number(value["number"]),
        finished_ns=whole_number(value["finished_ns"]),
        forgotten_ns=whole_number(value["forgotten_ns"]),
        beside=b"" if beside is None else id_from_text(plain_text(beside)),
    )
