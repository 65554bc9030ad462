"""The errors of flowbackup: the type says whose fault it is, the message what to do.

Every error survives pickling (it may be raised in another process), carries the exit code with
which a command ends, and a remedy: one sentence that tells the user the next step.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

EXIT_SUCCESS = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INCOMPLETE_SOURCE = 3
EXIT_COPIES_MISSING = 4
EXIT_INVALID = 10
EXIT_LOCKED = 11
EXIT_WRONG_KEY = 12
EXIT_INTERRUPTED = 130


class FlowbackupError(Exception):
    """Root of the tree.  `message` says what failed, on what, expected and found."""

    exit_code: ClassVar[int] = EXIT_FAILED
    may_retry: ClassVar[bool] = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), dict(self.__dict__))

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> Self:
        error = cls.__new__(cls)
        Exception.__init__(error, state["message"])
        error.__dict__.update(state)
        return error


def _rebuild(kind: type[FlowbackupError], state: dict[str, Any]) -> FlowbackupError:
    return kind._from_state(state)


class UsageError(FlowbackupError):
    """The command line asks for something that cannot be meant."""

    exit_code = EXIT_USAGE


class NotFoundError(UsageError):
    """A session, object, version, path or device that was named does not exist."""

    exit_code = EXIT_FAILED


class GraphError(FlowbackupError):
    """The user's graph or configuration is wrong; `findings` holds every fault as one line."""

    exit_code = EXIT_INVALID

    def __init__(self, message: str, *, remedy: str = "", findings: tuple[str, ...] = ()) -> None:
        super().__init__(message, remedy=remedy)
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join((super().__str__(), *self.findings))


class SourceError(FlowbackupError):
    """A data object cannot be read at all (single unreadable files are problems, not errors)."""


class HookError(FlowbackupError):
    """A command of the user around a session or an object, which must not fail, did."""


class DeviceError(FlowbackupError):
    """A device refused or failed.  `device` is its name, `errno` the system's number or 0."""

    def __init__(self, message: str, *, remedy: str = "", device: str = "", errno: int = 0) -> None:
        super().__init__(message, remedy=remedy)
        self.device = device
        self.errno = errno


class DeviceLockedError(DeviceError):
    """Another session holds the device; `holder` says which."""

    exit_code = EXIT_LOCKED
    may_retry = True

    def __init__(
        self, message: str, *, remedy: str = "", device: str = "", holder: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy, device=device)
        self.holder = holder


class DamageError(DeviceError):
    """Bytes of a medium are not what was written: a digest, a length or a mark is wrong."""


class FormatError(DeviceError):
    """A medium of a format that this version must not touch (newer major, unknown critical bit)."""


class ProtocolError(FlowbackupError):
    """A peer in the chain broke the rules of sequence, digest or epoch."""


class PeerLostError(FlowbackupError):
    """A process or node of the session died or stopped answering."""

    may_retry = True


class PeerDiedError(PeerLostError):
    """The process of a peer is dead: it did not refuse, and another one may take its place."""


class RestoreError(FlowbackupError):
    """The target of a restore cannot take what was asked for."""


class CatalogError(FlowbackupError):
    """The catalog cannot be opened or contradicts itself; media are not affected."""


class MemoryBudgetError(GraphError):
    """Shared memory or memory of a node cannot hold the buffers that the plan wants."""


class WrongKeyError(FlowbackupError):
    """No key is at hand that opens this, or the passphrase is another one."""

    exit_code = EXIT_WRONG_KEY


class InterruptedSessionError(FlowbackupError):
    """The user ended the session before its time."""

    exit_code = EXIT_INTERRUPTED
