"""Rules about devices and sources: one agent per device, and no data that back up themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator

from flowbackup.model.device import HERE
from flowbackup.model.location import S3
from flowbackup.plan.context import Context, real_path
from flowbackup.plan.groups import groups_of, named_devices
from flowbackup.plan.machine import identity_of
from flowbackup.spec.finding import Finding
from flowbackup.spec.tree import Keys


def one_agent_per_device(context: Context) -> Iterator[Finding]:
    """Two programs writing to one device would write into each other; what a restore agent reads
    was written by another session or stage, but one reader is enough."""
    writers: dict[str, tuple[str, str, int]] = {}
    for keys, name, group in groups_of(context.spec):
        users = {} if keys[0] == "restore_groups" else writers
        for field, index, device in named_devices(group):
            at = (*keys, field, index)
            line = int(context.document.place(*at).rsplit(":", 2)[1])
            use = (name, f"{field}/{index}", line)
            first = users.setdefault(device, use)
            if first != use:
                yield context.error(
                    at, "device-twice",
                    f'device "{device}" is used by group "{name}" and already by group '
                    f'"{first[0]}" in line {first[2]}',
                    "One device has one media agent: declare and use another one.",
                )  # fmt: skip


def devices_apart(context: Context) -> Iterator[Finding]:
    """No device is another one by another name, by a link, or lies inside it."""
    places = _device_places(context)
    by_path: dict[tuple[str, str], str] = {}
    by_identity: dict[tuple[int, int], str] = {}
    for device, (node, path) in places.items():
        twin = by_path.setdefault((node, path), device)
        identity = identity_of(path) if node == HERE else None
        if twin == device and identity is not None:
            twin = by_identity.setdefault(identity, device)
        if twin != device:
            yield context.error(
                _keys_of(context, device), "same-device",
                f'device "{device}" is the same place as device "{twin}"'
                f"{context.in_line('devices', twin)}: {_at(node, path)}",
                "Two copies on one device are one copy: give it a place of its own.",
            )  # fmt: skip
    for device, (node, path) in places.items():
        outer = _holder(by_path, node, path)
        if outer is not None:
            yield context.error(
                _keys_of(context, device), "device-inside-device",
                f'device "{device}" lies inside device "{outer}": {_at(node, path)}',
                "Give it a place beside the other.",
            )  # fmt: skip


def sources_apart(context: Context) -> Iterator[Finding]:
    """A device inside a source would back up itself, a source inside a device is a medium."""
    spec, document = context.spec, context.document
    devices = {place: name for name, place in _device_places(context).items()}
    sources: dict[tuple[str, str], list[tuple[Keys, str]]] = {}
    for client, written in spec.clients.items():
        for name, item in written.objects.items():
            if item.path is None:
                continue
            path = real_path(document, item.path, written.node)
            keys: Keys = ("clients", client, "objects", name, "path")
            who = f'object "{name}" of client "{client}"'
            sources.setdefault((written.node, path), []).append((keys, who))
            device = devices.get((written.node, path)) or _holder(devices, written.node, path)
            if device is not None:
                yield context.error(
                    keys, "source-in-device",
                    f'{who} lies inside device "{device}": {path}',
                    "Name a source outside of all devices.",
                )  # fmt: skip
    for (node, path), device in devices.items():
        for parent in _parents(path):
            for keys, who in sources.get((node, parent), ()):
                yield context.error(
                    keys, "device-in-source",
                    f'{who} contains device "{device}": {path} lies inside {parent}',
                    "Move the device, or name smaller objects beside it.",
                )  # fmt: skip


def _device_places(context: Context) -> dict[str, tuple[str, str]]:
    """Device -> (node, real path), for devices that have a path; a bucket is the same one from
    every node."""
    places = {
        name: (device.node, real_path(context.document, device.path, device.node))
        for name, device in context.spec.devices.items()
        if device.path is not None
    }
    buckets = {n: device for n, device in context.spec.devices.items() if device.kind == S3}
    return places | {name: ("", device.bucket_location()) for name, device in buckets.items()}


def _keys_of(context: Context, device: str) -> Keys:
    """What says where a device is."""
    return ("devices", device, "path" if context.spec.devices[device].path else "url")


def _holder(by_path: dict[tuple[str, str], str], node: str, path: str) -> str | None:
    """Who has a parent of `path`, the nearest one."""
    for parent in _parents(path):
        if (node, parent) in by_path:
            return by_path[node, parent]
    return None


def _parents(path: str) -> Iterator[str]:
    parent = os.path.dirname(path)
    while parent != path:
        yield parent
        path, parent = parent, os.path.dirname(parent)


def _at(node: str, path: str) -> str:
    return path if node in (HERE, "") else f"{path} on node {node}"
