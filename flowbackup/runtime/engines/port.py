"""The port of an engine: what a session asks of whatever makes its actors live.

An actor is an object whose methods are called from elsewhere: `handle.method.remote(...)` returns a
Reference at once, and raises nothing.  Handles may be given to other actors.  What an engine is
told and what it returns are values that nobody changes afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar

from flowbackup.plan.decided import NodePlan

Handle = Any
"""Of an actor.  Its class knows the methods; a type for all of them would say nothing."""
NO_GROUP = ""
"""Of calls that are in none."""
Method = TypeVar("Method", bound=Callable[..., Any])


class CallError(Exception):
    """Why a call has no answer."""


class CallFailedError(CallError):
    """The actor raised `cause`, and lives."""

    def __init__(self, cause: BaseException | None) -> None:
        super().__init__(cause)
        self.cause = cause


class ActorDiedError(CallError):
    """Its actor was ended, or its process or node is gone.  The message says how, in a word."""


class CallLateError(CallError):
    """There is no answer yet."""


class Reference(Protocol):
    """An answer to come.  Actors await it; the session's thread takes its `result`.  Both raise
    CallError."""

    def result(self, seconds_max: float) -> Any:
        """Raises CallLateError if it has not come by then; it may be asked for again."""

    def __await__(self) -> Generator[Any, None, Any]: ...


class Post(NamedTuple):
    """Where an actor lives, and as who.  node: as `Engine.place` calls it.  name: unique in its
    space, "" for none.  groups: group of calls -> how many of them may be under way at once, for a
    class whose methods are `in_group`.  calls_max: the same for all calls together, where it has
    none; methods that are coroutines have no limit."""

    node: str
    name: str = ""
    space: str = ""
    groups: Mapping[str, int] = MappingProxyType({})
    calls_max: int = 1


class Engine(Protocol):
    """Makes actors live, and ends them.  It restarts nothing: that is the session's matter."""

    @property
    def name(self) -> str:
        """For reports."""

    @property
    def is_one_process(self) -> bool:
        """Are all actors in this process, so that they see all of its memory?"""

    def place(self, nodes: Collection[NodePlan]) -> dict[str, str]:
        """Node of the plan -> what this engine calls it; one without labels is that of this
        process.  Raises PeerLostError naming every node that is not there, or is there twice."""

    def is_alive(self, node: str) -> bool:
        """As far as the engine knows: one that has just been lost may still count as alive."""

    def spawn(self, post: Post, kind: type, *arguments: object) -> Handle:
        """Begins to make an actor, and waits for nothing: what goes wrong its calls tell."""

    def end(self, handle: Handle) -> None:
        """Ends an actor, whatever it is doing.  Calls to it raise ActorDiedError from now on, those
        under way included.  Safe to repeat."""

    def wait_any(
        self, references: Collection[Reference], seconds_max: float
    ) -> list[Reference]:  # fmt: skip
        """One of them that has its answer, or why there is none; nothing if none has by then."""


def in_group(name: str) -> Callable[[Method], Method]:
    """Calls of this method count in a group of their actor's `Post.groups`."""

    def mark(method: Method) -> Method:
        method.__dict__["flowbackup_group"] = name
        return method

    return mark


def group_of(method: object) -> str:
    """The group that `in_group` has said, "" for none."""
    return str(getattr(method, "flowbackup_group", ""))
