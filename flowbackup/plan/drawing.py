"""The forms in which a plan can be drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowbackup.plan.decided import Plan
from flowbackup.plan.draw_mermaid import draw_mermaid
from flowbackup.plan.draw_svg import draw_svg
from flowbackup.plan.draw_text import draw_text
from flowbackup.plan.picture import Picture, picture_of

FORMS: Mapping[str, Callable[[Picture], str]] = {
    "text": draw_text,
    "mermaid": draw_mermaid,
    "svg": draw_svg,
}


def draw(plan: Plan, form: str = "text") -> str:
    """The plan as a picture: "text", "mermaid" or "svg".  Raises KeyError for other forms."""
    return FORMS[form](picture_of(plan))
