"""The written graph: frozen models that know their own form and nothing of each other.

A value here says what the user wrote; whether the names in it exist is for `plan` to find out.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flowbackup.model.device import HERE
from flowbackup.spec.endpoint import parse_coupling
from flowbackup.spec.fields import (
    BlockSize,
    Count,
    DottedName,
    EndpointText,
    FrameSize,
    Limit,
    Name,
    ObjectName,
    OnFailure,
    PathText,
    PinnedText,
    Rate,
    Seconds,
    Size,
    WhenSlow,
)
from flowbackup.units import MIB

FRAME_BYTES = 16 * MIB
"""Actor calls cost the same for a frame of any size: with 16 MiB the engine alone moved 2.1 GB/s on
two cores, with 8 MiB 1.5; larger ones gain little and hold more back before a sync."""


class Written(BaseModel):
    """What all parts of a graph file share: frozen, no unknown keys, no silent conversion."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, populate_by_name=True, hide_input_in_errors=True
    )


class NodeSpec(Written):
    """A machine that hosts devices or clients."""

    labels: dict[str, str] = Field(
        default={}, description="What a node of the cluster must carry to be this one; without "
        "any, flowbackup.io/node with the name of this node.",
    )  # fmt: skip


class ObjectSpec(Written):
    """One data object of a client."""

    path: PathText = Field(description="The tree or file, on the node of the client.")
    group: Name | None = Field(
        default=None, description="The backup group that takes it; needed if there are several."
    )
    buffers: PinnedText | None = Field(
        default=None, description="The only buffers that it may use, as in nas[0:4]."
    )


class ClientSpec(Written):
    """A machine with primary storage."""

    node: DottedName = Field(default=HERE, description="Where its data are.")
    objects: dict[ObjectName, ObjectSpec] = Field(default={}, description="Its data objects.")


class DeviceSpec(Written):
    """A place where media are."""

    path: PathText | None = Field(default=None, description="The directory that holds the medium.")
    kind: Literal["directory", "null"] = Field(
        default="directory", description='"null" swallows and counts, for measurements.'
    )
    node: DottedName = Field(default=HERE, description="The machine that it is attached to.")
    block_size: BlockSize = Field(
        default=4096, description="Everything on the medium begins at a multiple of this."
    )
    rate_limit: Rate = Field(default=0, description="Bytes per second at most, 0 for no limit.")

    @model_validator(mode="after")
    def _path_fits_kind(self) -> DeviceSpec:
        if self.kind == "directory" and self.path is None:
            raise ValueError('has no path|Write where it is, as in path: /mnt/nas, or kind: "null"')
        if self.kind == "null" and self.path is not None:
            raise ValueError('is of kind "null" and has a path|Delete the path or the kind')
        return self


class GroupSpec(Written):
    """What backup and mirror groups share."""

    devices: Annotated[tuple[Name, ...], BeforeValidator(lambda v: _as_tuple(v))] = Field(
        description="One media agent is made for each of them."
    )
    buffers: Count = Field(default=8, description="Frames that each agent may hold in memory.")
    min: Count | None = Field(default=None, description="Devices below which the group fails.")
    max: Count | None = Field(default=None, description="Devices that it uses at once.")
    reserve: Annotated[tuple[Name, ...], BeforeValidator(lambda v: _as_tuple(v))] = Field(
        default=(), description="Devices that take the place of failed ones."
    )

    @model_validator(mode="after")
    def _counts_fit(self) -> GroupSpec:
        if not self.devices:
            raise ValueError("has no devices|Name at least one, as in devices: [nas]")
        if self.min and self.min > len(self.devices):
            raise ValueError(
                f"needs at least {self.min} devices and has {len(self.devices)}"
                "|Lower min or add devices"
            )
        if self.min and self.max and self.min > self.max:
            raise ValueError(f"has min {self.min} above max {self.max}|Exchange them")
        return self


class BackupGroupSpec(GroupSpec):
    """Agents that clients feed; frames are spread over them."""

    assign: Literal["frame", "object"] = Field(
        default="frame", description="What is given to the agent with most credit: each frame, "
        "or a whole object.",
    )  # fmt: skip


class MirrorGroupSpec(GroupSpec):
    """Agents that other agents feed, one level behind them."""

    mirrors: EndpointText | None = Field(
        default=None, description="The group or agent that feeds it; else write couplings."
    )
    level: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="Couplings behind the backup group; checked if written."
    )
    on_failure: OnFailure = Field(
        default="required", description="Whether a session without this copy is complete."
    )
    when_slow: WhenSlow = Field(
        default="block", description="Slow the session down, or go on without this mirror."
    )
    lag_max: Limit = Field(
        default=0, description="How far behind before it is detached; 0 for its buffers."
    )


class CouplingSpec(Written):
    """An edge from buffers to buffers; options that are not written are those of the target."""

    source: EndpointText = Field(alias="from", description="What feeds.")
    target: EndpointText = Field(alias="to", description="What is fed.")
    on_failure: OnFailure | None = None
    when_slow: WhenSlow | None = None
    lag_max: Limit | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, str):
            source, target = parse_coupling(value)
            return {"from": source, "to": target}
        return value

    @property
    def has_options(self) -> bool:
        return (self.on_failure, self.when_slow, self.lag_max) != (None, None, None)

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


class GraphSpec(Written):
    """A whole graph file."""

    graph: DottedName = Field(description="The name of this graph.")
    frame_size: FrameSize = Field(default=FRAME_BYTES, description="Content of a frame.")
    sync_size: Size = Field(default=32 * MIB, description="Bytes after which an agent commits.")
    sync_seconds: Seconds = Field(default=0.5, description="Or seconds, whichever is first.")
    copies: Count | None = Field(
        default=None, description="Durable copies that make an object complete; without it, one "
        "on every required agent.",
    )  # fmt: skip
    catalog: PathText | None = Field(default=None, description="The catalog of this graph.")
    nodes: dict[DottedName, NodeSpec] = Field(default={}, description="Machines besides here.")
    clients: dict[DottedName, ClientSpec] = Field(default={}, description="Who reads.")
    devices: dict[Name, DeviceSpec] = Field(default={}, description="Where media are.")
    backup_groups: dict[Name, BackupGroupSpec] = Field(default={}, description="Level 0.")
    mirror_groups: dict[Name, MirrorGroupSpec] = Field(default={}, description="Level 1 and up.")
    couplings: Annotated[tuple[CouplingSpec, ...], BeforeValidator(lambda v: _as_tuple(v))] = Field(
        default=(), description="Explicit edges: source -> target."
    )


def _as_tuple(value: object) -> object:
    """YAML knows lists only; a strict tuple wants one."""
    return tuple(value) if isinstance(value, list) else value
