"""What all of them share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue


class Asked(BaseModel):
    """A request: nothing that is not known is taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Told(BaseModel):
    """An answer: every key is always there."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Refusal(Told):
    """Why a request was refused."""

    kind: str
    message: str
    remedy: str
    findings: list[str]


class RefusalBody(Told):
    """The body of every answer that is an error."""

    error: Refusal


JsonObject = dict[str, JsonValue]
