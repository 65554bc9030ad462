"""Of what-if: what a graph would do on a virtual clock."""

from __future__ import annotations

from pydantic import Field

from flowbackup.ui.values.shape import Asked, JsonObject, Told


class AskSimulation(Asked):
    """rates: of devices, or of what clients read, as in {"usb": "80MB/s"}, with "@600s" from then
    on.  sizes: of objects by CLIENT/NAME, or "" for each of them.  rooms: what devices take before
    they are full.  fails: device or node -> when, as in "600s".  lost: device -> when, for what
    would be lost.  jitter: a part of the time."""

    text: str
    path: str = ""
    rates: dict[str, str] = Field(default={}, max_length=1000)
    sizes: dict[str, str] = Field(default={}, max_length=1000)
    rooms: dict[str, str] = Field(default={}, max_length=1000)
    fails: dict[str, str] = Field(default={}, max_length=1000)
    lost: dict[str, str] = Field(default={}, max_length=1000)
    network: str = "0"
    jitter: float = Field(default=0.0, ge=0.0, le=0.9)
    seed: int = 0


class Simulation(Told):
    """The rows of `flowbackup graph simulate --json`, by their kinds; stage 0 is the session, the
    others are the copies that follow it."""

    summary: JsonObject
    devices: list[JsonObject]
    edges: list[JsonObject]
    waits: list[JsonObject]
    samples: list[JsonObject]
    losses: list[JsonObject]
