"""Plain words of YAML and what they mean here: only what every version of YAML and every reader
understands in the same way.  `no` is a country to some and False to others, `1:30` is 90 in YAML
1.1, `1e3` a number or a text: such words are refused, and quoting them says what was meant.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

_BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_SWITCHES = re.compile(r"(?:yes|no|on|off|y|n)", re.IGNORECASE)
_NULLS = frozenset({"~", "null", "Null", "NULL"})
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_SIXTIES = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_EXPONENT = re.compile(r"[-+]?(?:[0-9][0-9_]*)?\.?[0-9]+[eE][-+]?[0-9]+")
_NOT_FINITE = re.compile(r"[-+]?\.?(?:nan|inf|infinity)", re.IGNORECASE)
_ODD_NUMBER = re.compile(
    r"[-+]?0[xX][0-9a-fA-F_]+|[-+]?0[oObB]?[0-9_]+|[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9_]+|\+.*"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")
_TRAP_WORDS = frozenset(
    {"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity"}
)
"""The only ones that begin with a letter."""
_DIGITS_MAX = 18
"""More do not fit 64 bits, and converting thousands of digits is an attack of its own."""
_DECIMAL_MAX = 400
"""Any number of seconds that a program works out, without an exponent."""


class TrapError(ValueError):
    """A plain word that readers of YAML understand differently."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def resolve_plain(text: str) -> Scalar:
    """The value of an unquoted word.  Raises TrapError."""
    if text.isascii() and text[:1].isalpha() and text.lower() not in _TRAP_WORDS:
        return text  # Nearly all of them, without trying ten patterns on each.
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(_short(text, _DIGITS_MAX))
    if _DECIMAL.fullmatch(text):
        return float(_short(text, _DECIMAL_MAX))
    _refuse_traps(text)
    return text


def _short(text: str, most: int) -> str:
    if len(text) > most:
        raise TrapError(
            f"the number {text[:12]}... has {len(text)} characters", "Use a smaller one."
        )
    return text


def _refuse_traps(text: str) -> None:
    quoted = f'Put it in quotes, "{text}", if it is a name.'
    if _SWITCHES.fullmatch(text):
        raise TrapError(
            f"{text} means a name to some readers of YAML and true or false to others",
            f'Write "{text}" in quotes for a name, true or false for a switch.',
        )
    if text in _NULLS:
        raise TrapError(f"{text} is no value", "Leave the whole line out to get the default.")
    if _NOT_FINITE.fullmatch(text):
        raise TrapError(f"{text} is not a finite number", "Write a number such as 0.5.")
    if _DATE.fullmatch(text):
        raise TrapError(f"{text} is a date to some readers of YAML", quoted)
    if _SIXTIES.fullmatch(text):
        raise TrapError(f"{text} is a number of base 60 to some readers of YAML", quoted)
    if _EXPONENT.fullmatch(text):
        raise TrapError(
            f"{text} is a number to some readers of YAML and a text to others",
            "Write all digits, a size such as 8 MiB, or put it in quotes if it is a name.",
        )
    if _ODD_NUMBER.fullmatch(text):
        raise TrapError(
            f"{text} is a number that readers of YAML understand differently",
            "Write it in plain decimal digits, or put it in quotes if it is a name.",
        )
