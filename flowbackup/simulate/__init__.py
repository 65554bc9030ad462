"""WHAT IF: a plan run on a virtual clock, with the very machines of `flow` and modelled devices.

`scenario` what is assumed of devices, links and clients; `clock` the events in their order;
`server` what is shared and serves one after the other; `waiting` who waits, and for whom; `device`,
`edge`, `station`, `client`, `reader` the parts of a session around their machines; `world` all of
them, from a plan; `faults` what breaks; `steady` the leap over a time in which nothing changes;
`watch` what is written down; `prediction` the result, as values, `told` as objects for programs;
`running` from a plan to it.
"""

from __future__ import annotations

from flowbackup.simulate.prediction import Prediction
from flowbackup.simulate.running import simulate
from flowbackup.simulate.scenario import (
    ClientModel,
    DeviceModel,
    Event,
    LinkModel,
    NodeModel,
    ObjectModel,
    Scenario,
)

__all__ = [
    "ClientModel",
    "DeviceModel",
    "Event",
    "LinkModel",
    "NodeModel",
    "ObjectModel",
    "Prediction",
    "Scenario",
    "simulate",
]
