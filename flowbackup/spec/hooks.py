"""The written form of what is done around a session or an object: commands, and notices by HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from flowbackup.model.hook import ADDRESS_CHARACTERS_MAX, is_address
from flowbackup.spec.fields import Duration, PathText, Word
from flowbackup.spec.written import Written, as_tuple, words_of

Moment = Literal["before", "after", "success", "incomplete", "failed"]
Event = Literal["start", "success", "incomplete", "failed"]
EVENTS: tuple[Event, ...] = ("start", "success", "incomplete", "failed")


def check_address(url: str) -> str:
    """An address for a notice.  No message shows it: it may hold a secret."""
    if not is_address(url):
        raise ValueError(
            "is no address of the web, or has a name or password in it"
            f"|Write one of at most {ADDRESS_CHARACTERS_MAX} characters, as in "
            "https://example.org/backup/{outcome}"
        )
    return url


def check_variable(name: str) -> str:
    """The name of a variable of the environment."""
    if not (name.isascii() and name.isidentifier() and len(name) <= 128):
        raise ValueError("is no name of a variable|Write one, as in NOTICE_URL")
    return name


class HookSpec(Written):
    """A command around a session or an object."""

    when: Moment = Field(
        description="Before it begins, after it however it ended, or only if it ended like that."
    )
    run: Annotated[tuple[Word, ...], BeforeValidator(words_of("run"))] = Field(
        default=(), description="A program and its arguments; no shell reads them."
    )
    shell: Word | None = Field(default=None, description="Instead of run: a line for /bin/sh.")
    on_error: Literal["fail", "ignore"] | None = Field(
        default=None, description="Whether what it stands around fails with it; fail for before, "
        "unless in the background, and ignore for the others.",
    )  # fmt: skip
    background: bool = Field(default=False, description="Go on, and wait for it at the end only.")
    timeout: Duration = Field(default=3600, description="After which it is ended, and has failed.")

    @model_validator(mode="after")
    def _is_one_command(self) -> HookSpec:
        if not self.run and self.shell is None:
            raise ValueError('has nothing to run|Write run: [mount, /mnt/usb], or shell: "..."')
        if self.run and self.shell is not None:
            raise ValueError("has both run and shell|Keep one of them")
        if self.background and self.on_error == "fail":
            raise ValueError(
                "is in the background, and nothing can fail with it|Delete background or on_error"
            )
        if not self.timeout:
            raise ValueError("has no time to run|Write timeout: 1 h")
        return self

    @property
    def words(self) -> tuple[str, ...]:
        return self.run if self.shell is None else ("/bin/sh", "-c", self.shell)

    @property
    def fails(self) -> bool:
        if self.on_error is None:
            return self.when == "before" and not self.background
        return self.on_error == "fail"


class NoticeSpec(Written):
    """Whom to tell of a session by HTTP."""

    url: Annotated[str, AfterValidator(check_address)] | None = Field(
        default=None, description="Where to; {outcome} in it is the event.  It stands in this file "
        "and on every medium.",
    )  # fmt: skip
    url_env: Annotated[str, AfterValidator(check_variable)] | None = Field(
        default=None, description="Instead: the variable of the environment that holds the url."
    )
    url_file: PathText | None = Field(
        default=None, description="Instead: the file that holds the url, and nothing else."
    )
    style: Literal["plain", "healthchecks"] = Field(
        default="plain", description="healthchecks: with /start and /fail behind the url, and the "
        "url itself for a success.",
    )  # fmt: skip
    when: Annotated[tuple[Event, ...], BeforeValidator(as_tuple)] = Field(
        default=EVENTS, description="Of what to tell; of everything if it is not written."
    )

    @model_validator(mode="after")
    def _has_one_address(self) -> NoticeSpec:
        written = [name for name in (self.url, self.url_env, self.url_file) if name is not None]
        if not written:
            raise ValueError("has no address|Write url, url_env or url_file")
        if len(written) > 1:
            raise ValueError("has more than one of url, url_env and url_file|Keep one of them")
        if not self.when:
            raise ValueError("has nothing to tell of|Write when: [failed], or delete it")
        return self


Hooks = Annotated[tuple[HookSpec, ...], BeforeValidator(as_tuple)]
Notices = Annotated[tuple[NoticeSpec, ...], BeforeValidator(as_tuple)]
