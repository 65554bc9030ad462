"""The written graph: frozen models that know their own form and nothing of each other.

A value here says what the user wrote; whether the names in it exist is for `plan` to find out.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from flowbackup.spec.devices import DeviceSpec
from flowbackup.spec.endpoint import parse_coupling
from flowbackup.spec.fields import (
    ZSTD_LEVEL,
    Compression,
    Count,
    DottedName,
    Duration,
    EndpointText,
    FrameSize,
    Limit,
    Name,
    OnFailure,
    PathText,
    Pattern,
    Rate,
    Seconds,
    Size,
    WhenSlow,
    WindowText,
)
from flowbackup.spec.hooks import Hooks, Notices
from flowbackup.spec.objects import ClientSpec
from flowbackup.spec.retention import RetentionSpec
from flowbackup.spec.written import Written, as_tuple
from flowbackup.units import MIB, counted

FRAME_BYTES = 16 * MIB
"""Actor calls cost the same for a frame of any size: with 16 MiB the engine alone moved 2.1 GB/s on
two cores, with 8 MiB 1.5; larger ones gain little and hold more back before a sync."""

BUFFERS = 8
"""Frames that an agent holds: two of them are two syncs, the others keep both sides at work."""


class NodeSpec(Written):
    """A machine that hosts devices or clients."""

    labels: dict[str, str] = Field(
        default={}, description="What a node of the cluster must carry to be this one; without "
        "any, flowbackup.io/node with the name of this node.",
    )  # fmt: skip


class RatedSpec(Written):
    """What is fed no faster than this."""

    rate_limit: Rate = Field(default=0, description="Bytes per second at most, 0 for no limit.")
    rate_windows: dict[WindowText, Rate] = Field(
        default={}, description='Other limits at certain hours, as in "mon-fri 08:00-18:00"; the '
        "first that covers the moment counts.",
    )  # fmt: skip


class GroupSpec(RatedSpec):
    """What backup, mirror and copy groups share.  The rate is that of each coupling to it."""

    devices: Annotated[tuple[Name, ...], BeforeValidator(as_tuple)] = Field(
        description="One media agent is made for each of them."
    )
    buffers: Count = Field(
        default=BUFFERS, description="Frames that each agent may hold in memory."
    )
    min: Count | None = Field(default=None, description="Devices below which the group fails.")
    max: Count | None = Field(default=None, description="Devices that it uses at once.")
    reserve: Annotated[tuple[Name, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="Devices that take the place of failed ones."
    )

    @model_validator(mode="after")
    def _counts_fit(self) -> GroupSpec:
        if not self.devices:
            raise ValueError("has no devices|Name at least one, as in devices: [nas]")
        if self.min and self.min > len(self.devices):
            raise ValueError(
                f"needs at least {counted(self.min, 'device')} and has {len(self.devices)}"
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
        default=0,
        description="How far behind before it is detached, at most what memory holds; "
        "0 for its buffers.",
    )


class RestoreGroupSpec(Written):
    """Agents that read devices, for copy groups."""

    devices: Annotated[tuple[Name, ...], BeforeValidator(as_tuple)] = Field(
        description="One media agent reads each of them."
    )
    buffers: Count = Field(
        default=BUFFERS, description="Frames that each agent may hold in memory."
    )

    @model_validator(mode="after")
    def _has_devices(self) -> RestoreGroupSpec:
        if not self.devices:
            raise ValueError("has no devices|Name at least one, as in devices: [nas]")
        return self


class SelectionSpec(Written):
    """Which versions are copied: those for which everything written here holds."""

    objects: Annotated[tuple[Pattern, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description='Patterns of client/name, as in "web/*"; none for all.'
    )
    versions: Literal["session", "latest", "all"] = Field(
        default="latest", description="Those that this session made, the newest of each, or all."
    )
    since: Duration = Field(default=0, description="Not older than this; 0 for any age.")
    pool: Name | None = Field(default=None, description="With a copy on media of this pool.")
    below: Count | None = Field(default=None, description="With fewer durable copies than this.")


class CopyGroupSpec(GroupSpec):
    """Agents that write what restore agents read; a head of mirrors like a backup group."""

    copies: EndpointText | None = Field(
        default=None, description="The restore group that feeds it; else write couplings."
    )
    after: Literal["session", "command"] = Field(
        default="session", description="Copy at the end of each run, or only by flowbackup copy."
    )
    select: SelectionSpec = Field(default=SelectionSpec(), description="What is copied.")
    assign: Literal["frame", "object"] = Field(
        default="frame", description="What is given to the agent with most credit: each frame, "
        "or a whole object.",
    )  # fmt: skip
    on_failure: OnFailure = Field(
        default="required", description="Whether a session without this copy is complete."
    )


class CouplingSpec(Written):
    """An edge from buffers to buffers; options that are not written are those of the target."""

    source: EndpointText = Field(alias="from", description="What feeds.")
    target: EndpointText = Field(alias="to", description="What is fed.")
    on_failure: OnFailure | None = None
    when_slow: WhenSlow | None = None
    lag_max: Limit | None = None
    rate_limit: Rate | None = None
    rate_windows: dict[WindowText, Rate] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, str):
            source, target = parse_coupling(value)
            return {"from": source, "to": target}
        return value

    @property
    def has_options(self) -> bool:
        return any(
            option is not None
            for option in (
                self.on_failure, self.when_slow, self.lag_max, self.rate_limit, self.rate_windows
            )
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


class EncryptionSpec(Written):
    """How clients seal what they send."""

    key: PathText = Field(description="The key file, as `flowbackup key create` makes it.")


class GraphSpec(Written):
    """A whole graph file."""

    graph: DottedName = Field(description="The name of this graph.")
    frame_size: FrameSize = Field(default=FRAME_BYTES, description="Content of a frame.")
    sync_size: Size = Field(default=32 * MIB, description="Bytes after which an agent commits.")
    sync_seconds: Seconds = Field(default=0.5, description="Or seconds, whichever is first.")
    compression: Compression = Field(
        default=ZSTD_LEVEL, description="How clients pack content: zstd, {zstd: 1} to {zstd: 19}, "
        "or none.  What does not shrink is left as it is, and what a lower level makes about as "
        "small takes that.",
    )  # fmt: skip
    encryption: EncryptionSpec | None = Field(
        default=None, description="Encrypt everything on the way to media, names included."
    )
    copies: Count | None = Field(
        default=None, description="Durable copies that make an object complete; without it, one "
        "on every required agent.",
    )  # fmt: skip
    catalog: PathText | None = Field(default=None, description="The catalog of this graph.")
    transport: Literal["direct", "object-store"] = Field(
        default="direct", description="How frames go between nodes: straight from memory to "
        "memory over TLS, or through Ray's object store, over Ray's own ports only.",
    )  # fmt: skip
    engine: Literal["auto", "local", "ray"] = Field(
        default="auto", description="What runs a session: this process alone (local), or processes "
        "of Ray; auto is local where no nodes are named and no cluster is.",
    )  # fmt: skip
    nodes: dict[DottedName, NodeSpec] = Field(default={}, description="Machines besides here.")
    clients: dict[DottedName, ClientSpec] = Field(default={}, description="Who reads.")
    devices: dict[Name, DeviceSpec] = Field(default={}, description="Where media are.")
    backup_groups: dict[Name, BackupGroupSpec] = Field(default={}, description="Level 0.")
    mirror_groups: dict[Name, MirrorGroupSpec] = Field(default={}, description="Level 1 and up.")
    restore_groups: dict[Name, RestoreGroupSpec] = Field(
        default={}, description="What reads devices, to copy them."
    )
    copy_groups: dict[Name, CopyGroupSpec] = Field(
        default={}, description="What writes copies, level 0 of chains of their own."
    )
    couplings: Annotated[tuple[CouplingSpec, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="Explicit edges: source -> target."
    )
    retention: RetentionSpec | None = Field(
        default=None, description="Which versions of its objects flowbackup forget keeps."
    )
    hooks: Hooks = Field(default=(), description="Commands around a session.")
    notices: Notices = Field(default=(), description="Whom to tell of a session by HTTP.")
