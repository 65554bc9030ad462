"""A drawing that shows itself where it can: in notebooks, and on pages that show notebooks."""

from __future__ import annotations

from pathlib import Path

MIME_TYPES = {"svg": "image/svg+xml", "text": "text/plain", "mermaid": "text/vnd.mermaid"}


class Drawing(str):
    """The text of a picture.  form: svg, text or mermaid."""

    __slots__ = ("form", "instead")

    form: str
    instead: str

    def __new__(cls, text: str, form: str, instead: str = "") -> Drawing:
        """instead: for those who can show text only."""
        drawing = super().__new__(cls, text)
        drawing.form, drawing.instead = form, instead or text
        return drawing

    def save(self, path: str | Path) -> None:
        """Writes it to a file."""
        Path(path).write_text(self, encoding="utf-8")

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {MIME_TYPES[self.form]: str(self), "text/plain": self.instead}
