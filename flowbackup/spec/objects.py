"""The data objects of clients, as they are written: each has one source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from flowbackup.model.device import HERE
from flowbackup.spec.chunking import ChunkingSpec
from flowbackup.spec.fields import (
    DottedName,
    Duration,
    IgnoreLine,
    Limit,
    Name,
    ObjectName,
    PathText,
    PinnedText,
    Word,
)
from flowbackup.spec.hooks import Hooks
from flowbackup.spec.names import shown
from flowbackup.spec.retention import RetentionSpec
from flowbackup.spec.written import Written, as_tuple, words_of

Option = str | int | float | bool


def read_options(value: object) -> object:
    """What a source is told: plain values by name; what they mean only the source knows."""
    if not isinstance(value, Mapping):
        return value
    for key, option in value.items():
        if not isinstance(option, Option):
            raise ValueError(
                f'the option "{shown(str(key))}" is no plain value|Write a text, a number, true or '
                "false"
            )
        if isinstance(option, str) and (not option.isprintable() or len(option) > 4096):
            raise ValueError(
                f'the option "{shown(str(key))}" is too long, or holds control characters'
                "|Write it without them"
            )
    return value


class ObjectSpec(Written):
    """One data object of a client."""

    path: PathText | None = Field(
        default=None, description="The tree or file, on the node of the client."
    )
    command: Annotated[tuple[Word, ...], BeforeValidator(words_of("command"))] = Field(
        default=(), description="Instead of a path: a program and its arguments, whose output is "
        "the object.  No shell reads them; if it fails, so does the object.",
    )  # fmt: skip
    stdin: bool = Field(
        default=False, description="Instead of a path: the standard input of flowbackup run."
    )
    source: Name | None = Field(
        default=None, description="Instead of a path: a source that an installed package brings, "
        "by its name among the entry points flowbackup.sources.",
    )  # fmt: skip
    options: Annotated[dict[str, Option], BeforeValidator(read_options)] = Field(
        default={}, description="What the source is told."
    )
    table: bool = Field(
        default=False, description="Instead of a path: an Arrow table, which the Python program "
        "gives that runs the graph.",
    )  # fmt: skip
    silence_max: Duration = Field(
        default=3600, description="How long what is no path may give nothing."
    )
    group: Name | None = Field(
        default=None, description="The backup group that takes it; needed if there are several."
    )
    buffers: PinnedText | None = Field(
        default=None, description="The only buffers that it may use, as in nas[0:4]."
    )
    exclude: Annotated[tuple[IgnoreLine, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description='What of the tree is left out: lines as in a .gitignore at its '
        'root, as in ["*.tmp", "/cache/", "!keep.tmp"].',
    )  # fmt: skip
    ignore_files: bool = Field(
        default=True, description="Whether the lines of .flowbackupignore in its directories count."
    )
    exclude_caches: bool = Field(
        default=False, description="Leave out what is in directories with a CACHEDIR.TAG."
    )
    one_file_system: bool = Field(
        default=False, description="Leave out what is mounted in the tree."
    )
    exclude_larger_than: Limit = Field(
        default=0, description="Leave out larger files; 0 for any size."
    )
    exclude_older_than: Duration = Field(
        default=0, description="Leave out files that were not changed for so long; 0 for any age."
    )
    chunking: ChunkingSpec = Field(
        default=ChunkingSpec(), description="Where its content is cut into chunks, which are sent "
        "only if they are new.",
    )  # fmt: skip
    hooks: Hooks = Field(
        default=(), description="Commands around reading it, on the node of the client."
    )
    retention: RetentionSpec | None = Field(
        default=None, description="Which of its versions are kept, instead of that of the graph."
    )

    @model_validator(mode="after")
    def _has_one_source(self) -> ObjectSpec:
        written = {
            "path": self.path is not None, "command": bool(self.command), "stdin": self.stdin,
            "source": self.source is not None, "table": self.table,
        }  # fmt: skip
        if not any(written.values()):
            raise ValueError(
                "has no path|Write where it is, as in path: /srv/www, or a command: [pg_dump, site]"
            )
        if sum(written.values()) > 1:
            *names, last = (name for name, is_written in written.items() if is_written)
            raise ValueError(f"has {', '.join(names)} and {last}|Keep one of them")
        if self.options and self.source is None:
            raise ValueError("has options and no source|Write a source, or delete the options")
        if self.path is None and not self._takes_all:
            raise ValueError("leaves out parts of a stream|Delete what says what is left out")
        if not self.silence_max:
            raise ValueError("has no time to give anything|Write silence_max: 1 h")
        return self

    @property
    def _takes_all(self) -> bool:
        """Nothing is written that leaves out parts of a tree."""
        limits = self.exclude_larger_than or self.exclude_older_than
        flags = self.exclude_caches or self.one_file_system or not self.ignore_files
        return not (self.exclude or limits or flags)


class ClientSpec(Written):
    """A machine with primary storage."""

    node: DottedName = Field(default=HERE, description="Where its data are.")
    objects: dict[ObjectName, ObjectSpec] = Field(default={}, description="Its data objects.")
