"""An actor that does nothing: what Python, Ray and pyarrow need by themselves."""

from __future__ import annotations

import os

import pyarrow as pa


class Idle:
    """Holds a process of Ray's open."""

    def process(self) -> tuple[int, str]:
        """Its number, and the version of what was imported."""
        return os.getpid(), pa.__version__
