"""How much work a call is: lines of Python that run, which are the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def lines_run(call: Callable[[], object]) -> int:
    """Lines of flowbackup that run in `call`, those of generators and comprehensions included."""
    count = 0

    def in_line(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        nonlocal count
        count += event == "line"
        return in_line

    def in_call(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        return in_line if "/flowbackup/" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(in_call)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
