"""From what a person asks for, in few words, to a scenario: "usb=80MB/s", "usb@600s"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from flowbackup.errors import UsageError
from flowbackup.plan.decided import Plan
from flowbackup.simulate.scenario import (
    ClientModel,
    Event,
    ObjectModel,
    Scenario,
    with_declared,
)
from flowbackup.units import parse_duration, parse_rate, parse_size

Word = str | int | float
Named = Mapping[str, Word] | Iterable[tuple[str, Word]]
Read = TypeVar("Read", int, float)


@dataclass(frozen=True, slots=True)
class Asked:
    """rates: of devices, or of what clients read, as in {"usb": "80MB/s"}; "10MB/s@600s" is from
    then on.  sizes: of objects, by "client/name", or one for each of them.  files: the same, how
    many.  rooms: what devices take before they are full.  fails: device or node -> when.
    network: what each node sends, and receives, per second.  jitter: how much longer or shorter a
    frame may take, as a part of its time.  seed, exact: see Scenario."""

    rates: Named = ()
    sizes: Mapping[str, Word] | Word | None = None
    files: Mapping[str, Word] | Word | None = None
    rooms: Named = ()
    fails: Named = ()
    network: Word = 0
    jitter: float = 0.0
    seed: int = 0
    exact: bool = False
    scenario: Scenario = field(default_factory=Scenario)


def scenario_of(plan: Plan, asked: Asked) -> Scenario:
    """Raises UsageError for what cannot be read."""
    events = [
        Event(name, _read(word, seconds_since_start, "--fail", name))
        for name, word in _pairs(asked.fails)
    ]
    scenario = _at_large(plan, asked)
    devices, clients = dict(scenario.devices), dict(scenario.clients)
    names = {item.client for item in plan.objects}
    for name, word in _pairs(asked.rates):
        text, at, moment = str(word).partition("@")
        rate = _read(text, parse_rate, "--rate", name)
        if not rate:
            raise _unreadable("--rate", name, text, "a rate is more than 0")
        if at:
            events.append(Event(name, _read(moment, seconds_since_start, "--rate", name), rate))
        elif name in names:
            clients[name] = replace(clients.get(name, ClientModel()), read_rate=rate)
        else:
            devices[name] = replace(devices.get(name, scenario.device), rate=rate)
    for name, word in _pairs(asked.rooms):
        room = _read(word, parse_size, "--room", name)
        devices[name] = replace(devices.get(name, scenario.device), size_bytes=room)
    return replace(
        scenario, devices=devices, clients=clients, objects=_objects(plan, asked, scenario),
        events=(*scenario.events, *sorted(events, key=lambda event: event.at_seconds)),
    )  # fmt: skip


def _at_large(plan: Plan, asked: Asked) -> Scenario:
    """What holds for all devices and links, with what the plan declares of them."""
    base = asked.scenario
    rate = _read(asked.network, parse_rate, "--network", "")
    scenario = replace(
        base,
        device=replace(base.device, jitter=asked.jitter or base.device.jitter),
        node=replace(base.node, network_rate=rate or base.node.network_rate),
        seed=asked.seed or base.seed,
        exact=asked.exact or base.exact,
    )
    return with_declared(scenario, plan)[0]


def _objects(plan: Plan, asked: Asked, scenario: Scenario) -> dict[str, ObjectModel]:
    names = [f"{item.client}/{item.name}" for item in plan.objects]
    found = dict(scenario.objects)
    for option, words in (("--size", asked.sizes), ("--files", asked.files)):
        if words is None:
            continue
        each = words if isinstance(words, Mapping) else dict.fromkeys(names, words)
        for name, word in each.items():
            value = _read(word, parse_size, option, name)
            before = found.get(name, scenario.object)
            is_size = option == "--size"
            found[name] = replace(before, **{"size_bytes" if is_size else "files": value})
    return found


def _pairs(named: Named) -> list[tuple[str, Word]]:
    return list(named.items() if isinstance(named, Mapping) else named)


def _read(word: Word, parse: Callable[[str], Read], option: str, name: str) -> Read:
    try:
        return parse(str(word))
    except ValueError as fault:
        raise _unreadable(option, name, str(word), str(fault)) from None


def seconds_since_start(text: str) -> float:
    """Of "600s", "10m", or of a number.  Raises ValueError."""
    return float(text) if text.replace(".", "", 1).isdigit() else parse_duration(text)


def _unreadable(option: str, name: str, word: str, why: str) -> UsageError:
    sign = "@" if option == "--fail" else "="
    written = f"{name}{sign}{word}" if name else word
    return UsageError(f"{option} {written}: {why}")
