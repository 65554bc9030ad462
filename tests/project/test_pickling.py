"""Errors and values travel between processes: each one survives pickling, whatever it holds."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from types import ModuleType

import pytest

import flowbackup.model
from flowbackup import errors, monitor
from flowbackup.catalog import rows
from flowbackup.plan import decided


def modules() -> Iterator[ModuleType]:
    yield from (decided, monitor, rows)
    for found in pkgutil.iter_modules(flowbackup.model.__path__, "flowbackup.model."):
        yield importlib.import_module(found.name)


def classes() -> Iterator[type]:
    """Every value class that those modules define."""
    for module in modules():
        for _, kind in inspect.getmembers(module, inspect.isclass):
            is_value = is_dataclass(kind) or hasattr(kind, "_fields") or issubclass(kind, Enum)
            if kind.__module__ == module.__name__ and is_value:
                yield kind


VALUES = sorted(classes(), key=lambda kind: f"{kind.__module__}.{kind.__name__}")
ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.FlowbackupError)
]


def example(kind: type) -> object:
    """One value whose fields all differ; types do not matter to pickle."""
    if issubclass(kind, Enum):
        return list(kind)[-1]
    names = [item.name for item in fields(kind)] if is_dataclass(kind) else kind._fields
    return kind(*(f"{name}-{place}" for place, name in enumerate(names)))


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__qualname__)
def test_values_survive(kind: type) -> None:
    value = example(kind)
    copied = pickle.loads(pickle.dumps(value))
    assert type(copied) is kind
    assert copied == value


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__qualname__)
def test_errors_survive_with_everything_they_carry(kind: type[errors.FlowbackupError]) -> None:
    parameters = [
        name
        for name, parameter in inspect.signature(kind.__init__).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    error = kind("the message", **{name: f"the {name}" for name in parameters})
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is kind
    assert str(copied) == str(error)
    assert copied.__dict__ == error.__dict__
    assert copied.__dict__.keys() >= {"message", *parameters}
    assert copied.exit_code == kind.exit_code


def test_nothing_was_forgotten() -> None:
    names = {kind.__name__ for kind in VALUES}
    assert {"FrameHeader", "Entry", "SessionReport", "Plan", "Problem", "ObjectRow"} <= names
    assert len(ERRORS) >= 15
