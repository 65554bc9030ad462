"""A graph written in Python: the same words as in the file, and the same checks.

g = GraphBuilder("nightly")
site = g.client("web").object("site", path="/srv/www")
primary = g.backup_group("primary", devices=["/mnt/nas"], buffers=8)
offsite = primary.mirror("offsite", devices=["/mnt/usb"], on_failure="optional")
g.spec()
"""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Self, Unpack, cast

from pydantic import ValidationError

from flowbackup.errors import UsageError
from flowbackup.model.location import KIND_OF_SCHEME, TAPE, is_directory, kind_at
from flowbackup.model.tape_place import tape_place
from flowbackup.spec.client import ClientBuilder
from flowbackup.spec.dump import spec_values
from flowbackup.spec.ends import CouplingOptions, GroupEnd
from flowbackup.spec.faults import form_findings
from flowbackup.spec.fields import OnFailure, WhenSlow
from flowbackup.spec.finding import graph_error
from flowbackup.spec.models import BUFFERS, GraphSpec
from flowbackup.spec.names import safe_name
from flowbackup.spec.options import Options, Section, values_of, written
from flowbackup.spec.tree import Key, Tree, Value


class GraphBuilder:
    """Collects what was asked for; `spec()` checks its form.  Devices are names of declared
    devices, or paths or urls, which declare a device named after their last part."""

    def __init__(
        self,
        graph: str,
        *,
        frame_size: int | str | None = None,
        sync_size: int | str | None = None,
        sync_seconds: float | None = None,
        compression: str | Mapping[str, int] | None = None,
        key: str | PurePath | None = None,
        copies: int | None = None,
        catalog: str | None = None,
        transport: str | None = None,
        engine: str | None = None,
        retention: Options | None = None,
    ) -> None:
        self._head = written(
            graph=graph, frame_size=frame_size, sync_size=sync_size, sync_seconds=sync_seconds,
            compression=dict(compression) if isinstance(compression, Mapping) else compression,
            encryption={"key": os.fspath(key)} if key else None,
            copies=copies, catalog=catalog, transport=transport, engine=engine,
            retention=values_of(retention),
        )  # fmt: skip
        self._nodes: Section = {}
        self._clients: Section = {}
        self._devices: Section = {}
        self._backup_groups: Section = {}
        self._mirror_groups: Section = {}
        self._restore_groups: Section = {}
        self._copy_groups: Section = {}
        self._couplings: list[Value] = []
        self._hooks: list[Value] = []
        self._notices: list[Value] = []
        self._tables: dict[str, object] = {}

    def node(self, name: str, *, labels: Mapping[str, str] | None = None) -> str:
        """Declares a machine besides "here"; returns its name."""
        self._nodes[name] = written(labels=dict(labels) if labels else None)
        return name

    def client(self, name: str, *, node: str | None = None) -> ClientBuilder:
        """A machine with primary storage; asking again for a name gives the same client."""
        client = self._clients.setdefault(name, {"objects": {}})
        client.update(written(node=node))
        return ClientBuilder(name, client, self._tables)

    def device(
        self,
        name: str,
        *,
        path: str | PurePath | None = None,
        kind: str | None = None,
        url: str | None = None,
        endpoint: str | None = None,
        region: str | None = None,
        changer: str | PurePath | None = None,
        node: str | None = None,
        block_size: int | str | None = None,
        rate_limit: int | str | None = None,
        rate: int | str | None = None,
        media_size: int | str | None = None,
        staging: Options | None = None,
    ) -> str:
        """Declares a device; returns its name.  staging: as in {"copies": 2, "keep": "7d"}."""
        self._devices[name] = written(
            path=None if path is None else str(path), kind=kind, url=url, endpoint=endpoint,
            region=region, changer=None if changer is None else str(changer), node=node,
            block_size=block_size, rate_limit=rate_limit, rate=rate, media_size=media_size,
            staging=values_of(staging),
        )  # fmt: skip
        return name

    def backup_group(
        self,
        name: str,
        *,
        devices: Sequence[str | PurePath],
        buffers: int | None = None,
        min: int | None = None,  # noqa: A002  the keyword is the YAML key
        max: int | None = None,  # noqa: A002
        reserve: Sequence[str | PurePath] = (),
        assign: str | None = None,
        rate_limit: int | str | None = None,
        rate_windows: Options | None = None,
    ) -> GroupBuilder:
        """Level 0: what clients feed."""
        self._backup_groups[name] = written(
            devices=self._names(devices), buffers=buffers, min=min, max=max,
            reserve=self._names(reserve) or None, assign=assign, rate_limit=rate_limit,
            rate_windows=values_of(rate_windows),
        )  # fmt: skip
        return GroupBuilder(self, name)

    def mirror_group(
        self,
        name: str,
        *,
        devices: Sequence[str | PurePath],
        mirrors: str | None = None,
        buffers: int | None = None,
        level: int | None = None,
        min: int | None = None,  # noqa: A002  the keyword is the YAML key
        max: int | None = None,  # noqa: A002
        reserve: Sequence[str | PurePath] = (),
        on_failure: OnFailure | None = None,
        when_slow: WhenSlow | None = None,
        lag_max: int | str | None = None,
        rate_limit: int | str | None = None,
        rate_windows: Options | None = None,
    ) -> GroupBuilder:
        """Level 1 and up: what other agents feed."""
        self._mirror_groups[name] = written(
            mirrors=mirrors, devices=self._names(devices), buffers=buffers, level=level, min=min,
            max=max, reserve=self._names(reserve) or None, on_failure=on_failure,
            when_slow=when_slow, lag_max=lag_max, rate_limit=rate_limit,
            rate_windows=values_of(rate_windows),
        )  # fmt: skip
        return GroupBuilder(self, name)

    def restore_group(
        self, name: str, *, devices: Sequence[str | PurePath], buffers: int | None = None
    ) -> RestoreGroupBuilder:
        """What reads devices, to copy them."""
        self._restore_groups[name] = written(devices=self._names(devices), buffers=buffers)
        return RestoreGroupBuilder(self, name)

    def copy_group(
        self,
        name: str,
        *,
        devices: Sequence[str | PurePath],
        copies: str | None = None,
        buffers: int | None = None,
        min: int | None = None,  # noqa: A002  the keyword is the YAML key
        max: int | None = None,  # noqa: A002
        reserve: Sequence[str | PurePath] = (),
        assign: str | None = None,
        after: str | None = None,
        select: Options | None = None,
        on_failure: OnFailure | None = None,
        rate_limit: int | str | None = None,
        rate_windows: Options | None = None,
    ) -> GroupBuilder:
        """What writes copies.  select: as in {"objects": ["web/*"], "below": 2}."""
        self._copy_groups[name] = written(
            copies=copies, devices=self._names(devices), buffers=buffers, min=min, max=max,
            reserve=self._names(reserve) or None, assign=assign, after=after,
            select=values_of(select), on_failure=on_failure, rate_limit=rate_limit,
            rate_windows=values_of(rate_windows),
        )  # fmt: skip
        return GroupBuilder(self, name)

    def hook(self, when: str, *, run: Sequence[str] | None = None, **options: Value) -> None:
        """A command around a session, as in hook("before", run=["mount", "/mnt/usb"]).  options:
        the other keys of one in a file."""
        self._hooks.append(written(when=when, run=None if run is None else list(run), **options))

    def notice(self, *, when: Sequence[str] | None = None, **options: Value) -> None:
        """Whom to tell of a session, as in notice(url_env="NOTICE_URL", when=["failed"])."""
        self._notices.append(written(when=None if when is None else list(when), **options))

    def couple(self, source: str, target: str, **options: Unpack[CouplingOptions]) -> None:
        """An explicit edge, as in couple("primary.nas[0:4]", "offsite.usb[0:4]")."""
        said = {key: value for key, value in options.items() if value is not None}
        if options.get("rate_windows") is not None:
            said["rate_windows"] = values_of(options["rate_windows"])
        self._couplings.append({"from": source, "to": target, **said})  # type: ignore[dict-item]

    @classmethod
    def of(cls, spec: GraphSpec) -> Self:
        """A builder that goes on with what was written."""
        builder = cls(spec.graph)
        for key, value in spec_values(spec).items():
            section = getattr(builder, f"_{key}", None)
            if isinstance(section, dict):
                section.update(cast("dict[str, dict[str, Value]]", value))
            elif isinstance(section, list):
                section.extend(cast("list[Value]", value))
            else:
                builder._head[key] = value
        return builder

    def __getitem__(self, name: str) -> GroupBuilder | RestoreGroupBuilder:
        """A group by its name.  Raises KeyError."""
        if name in self._restore_groups:
            return RestoreGroupBuilder(self, name)
        self._group(name)
        return GroupBuilder(self, name)

    def buffers_of(self, group: str) -> int:
        """How many each agent of a group has.  Raises KeyError."""
        value = self._group(group).get("buffers")
        return value if isinstance(value, int) else BUFFERS

    def device_of(self, group: str, device: str) -> str:
        """The name of a device of a group, which may be given as its path.  Raises UsageError."""
        named = self._group(group)["devices"]
        assert isinstance(named, list)
        declared = {str(name): self._devices.get(str(name), {}) for name in named}
        paths = {known.get("path") or known.get("url"): name for name, known in declared.items()}
        name = paths.get(device, device)
        if name not in named:
            raise UsageError(f'group "{group}" has no device "{device}"')
        return name

    def _group(self, name: str) -> dict[str, Value]:
        groups = self._backup_groups, self._mirror_groups, self._restore_groups, self._copy_groups
        return ChainMap(*groups)[name]

    def spec(self) -> GraphSpec:
        """The written graph.  Raises GraphError with all faults of form."""
        values: dict[str, Value] = {
            **self._head, "nodes": dict(self._nodes), "clients": dict(self._clients),
            "devices": dict(self._devices), "backup_groups": dict(self._backup_groups),
            "mirror_groups": dict(self._mirror_groups),
            "restore_groups": dict(self._restore_groups), "copy_groups": dict(self._copy_groups),
            "couplings": list(self._couplings), "hooks": list(self._hooks),
            "notices": list(self._notices),
        }  # fmt: skip
        try:
            return GraphSpec.model_validate(values)
        except ValidationError as failure:
            path = f"<{self._head['graph']}>"
            tree = Tree(path, values)
            _note_places(tree, values, ())
            raise graph_error(path, form_findings(failure, tree)) from None

    def _names(self, devices: Sequence[str | PurePath]) -> list[Value]:
        return [self._device_name(device) for device in devices]

    def _device_name(self, device: str | PurePath) -> str:
        """The name of a declared device, or of the one that this path is or becomes."""
        if isinstance(device, str) and (device in self._devices or "/" not in device):
            return device
        path = str(device)
        for name, known in self._devices.items():
            if path in (known.get("path"), known.get("url")) and "node" not in known:
                return name
        name = unique_name(safe_name(PurePath(path).name) or "device", self._devices)
        return self.place(name, path)

    def place(self, name: str, place: str) -> str:
        """Declares a device by its place, a path or an url; returns its name."""
        if is_directory(place):
            return self.device(name, path=place)
        kind = kind_at(place)
        if kind == TAPE:
            tape = tape_place(place)
            return self.device(name, kind=TAPE, path=tape.drive, changer=tape.changer or None)
        return self.device(name, kind=kind if kind in KIND_OF_SCHEME.values() else None, url=place)


class GroupBuilder(GroupEnd):
    """A group of a graph under construction; group["nas"][0:4] are buffers of one of its agents,
    and `>>` couples them."""

    def __init__(self, graph: GraphBuilder, name: str) -> None:
        super().__init__(graph, name)
        self._builder = graph

    def mirror(
        self,
        name: str,
        *,
        devices: Sequence[str | PurePath],
        buffers: int | None = None,
        level: int | None = None,
        on_failure: OnFailure | None = None,
        when_slow: WhenSlow | None = None,
        lag_max: int | str | None = None,
        rate_limit: int | str | None = None,
        rate_windows: Options | None = None,
    ) -> GroupBuilder:
        """A mirror group that this group feeds, one level behind it."""
        return self._builder.mirror_group(
            name, devices=devices, mirrors=self.name, buffers=buffers, level=level,
            on_failure=on_failure, when_slow=when_slow, lag_max=lag_max, rate_limit=rate_limit,
            rate_windows=rate_windows,
        )  # fmt: skip


class RestoreGroupBuilder(GroupEnd):
    """A restore group of a graph under construction."""

    def __init__(self, graph: GraphBuilder, name: str) -> None:
        super().__init__(graph, name)
        self._builder = graph

    def copy(
        self,
        name: str,
        *,
        devices: Sequence[str | PurePath],
        buffers: int | None = None,
        after: str | None = None,
        select: Options | None = None,
        on_failure: OnFailure | None = None,
    ) -> GroupBuilder:
        """A copy group that this group feeds."""
        return self._builder.copy_group(
            name, devices=devices, copies=self.name, buffers=buffers, after=after, select=select,
            on_failure=on_failure,
        )  # fmt: skip


def unique_name(wished: str, taken: Mapping[str, object]) -> str:
    """`wished`, or with a number behind it that nobody has, upper and lower case being equal."""
    folded = {name.casefold() for name in taken}
    name, number = wished, 2
    while name.casefold() in folded:
        name, number = f"{wished}-{number}", number + 1
    return name


def _note_places(tree: Tree, value: Value, keys: tuple[Key, ...]) -> None:
    """Every value of a graph without a text stands in line 1."""
    tree.places[keys] = (1, 1)
    if isinstance(value, dict):
        for key, child in value.items():
            _note_places(tree, child, (*keys, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _note_places(tree, child, (*keys, index))
