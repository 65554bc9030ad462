"""What pydantic found wrong, said in words of the graph file, with place and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from flowbackup.spec.devices import DeviceSpec, StagingSpec
from flowbackup.spec.finding import Finding, Suggester, error, listed
from flowbackup.spec.hooks import HookSpec, NoticeSpec
from flowbackup.spec.models import (
    BackupGroupSpec,
    CopyGroupSpec,
    CouplingSpec,
    GraphSpec,
    MirrorGroupSpec,
    NodeSpec,
    RestoreGroupSpec,
    SelectionSpec,
)
from flowbackup.spec.names import shown
from flowbackup.spec.objects import ClientSpec, ObjectSpec
from flowbackup.spec.retention import RetentionSpec
from flowbackup.spec.tree import Key, Keys, Tree

PARTS: Mapping[str, tuple[str, type[BaseModel]]] = {
    "nodes": ("node", NodeSpec),
    "clients": ("client", ClientSpec),
    "devices": ("device", DeviceSpec),
    "backup_groups": ("group", BackupGroupSpec),
    "mirror_groups": ("group", MirrorGroupSpec),
    "restore_groups": ("group", RestoreGroupSpec),
    "copy_groups": ("group", CopyGroupSpec),
    "couplings": ("coupling", CouplingSpec),
    "hooks": ("hook", HookSpec),
    "notices": ("notice", NoticeSpec),
}
_PARTS_INSIDE: Mapping[str, type[BaseModel]] = {"select": SelectionSpec, "staging": StagingSpec}
_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": 'keys with values, as in "name: {...}"',
    "model_type": 'keys with values, as in "{key: value}"',
    "model_attributes_type": 'keys with values, as in "{key: value}"',
    "tuple_type": 'a list, as in "[a, b]"',
}
_LIMITS = {
    "greater_than": ("gt", "must be above {}"),
    "greater_than_equal": ("ge", "must be at least {}"),
    "less_than": ("lt", "must be below {}"),
    "less_than_equal": ("le", "must be at most {}"),
}


def form_findings(failure: ValidationError, tree: Tree) -> Iterator[Finding]:
    """One finding for each fault that has none yet at its place."""
    suggester = Suggester()
    for details in failure.errors(include_url=False, include_context=True, include_input=True):
        keys = written_keys(details["loc"], tree)
        if keys not in tree.faults:
            tree.faults.add(keys)
            yield _finding(details, keys, tree, suggester)


def subject(keys: Keys) -> str:
    """'group "offsite"' for keys that lead into it; "the graph" for the rest."""
    if len(keys) >= 2 and keys[0] in PARTS:
        word = PARTS[str(keys[0])][0]
        if isinstance(keys[1], int):
            return f"{word} {keys[1] + 1}"
        if keys[0] == "clients" and len(keys) >= 4 and keys[2] == "objects":
            return f'{_hook(keys)}object "{shown(str(keys[3]))}" of client "{shown(str(keys[1]))}"'
        return f'{word} "{shown(str(keys[1]))}"'
    return "the graph"


def _hook(keys: Keys) -> str:
    """ "hook 1 of " for keys that lead into a hook of an object."""
    number = keys[5] if len(keys) > 5 and keys[4] == "hooks" else None
    return f"hook {number + 1} of " if isinstance(number, int) else ""


def written_keys(location: tuple[Key, ...], tree: Tree) -> Keys:
    """The location as far as it was written: pydantic adds "[key]" and names of its own."""
    keys: list[Key] = []
    for part in location:
        if part == "[key]" or ((*keys, part) not in tree.places and keys and part != location[-1]):
            continue
        keys.append(part)
    return tuple(keys)


def _finding(details: ErrorDetails, keys: Keys, tree: Tree, suggester: Suggester) -> Finding:
    kind = details["type"]
    if kind == "extra_forbidden":
        return _unknown_key(keys, tree, suggester)
    who = subject(keys)
    place = tree.place(*keys)
    if kind == "missing":
        return error(place, "missing", f'{who} has no "{keys[-1]}"', f'Write "{keys[-1]}: ...".')
    if kind == "value_error":
        reason, _, remedy = str(details["ctx"]["error"]).partition("|")
        joined = (
            f"{who} {reason}"
            if reason.startswith(("has ", "is ", "needs "))
            else (f'"{keys[-1]}": {reason}' if keys and who == "the graph" else f"{who}: {reason}")
        )
        return error(place, "value", joined, f"{remedy}.")
    return error(place, "type", *_wrong_type(details, keys, who))


def _wrong_type(details: ErrorDetails, keys: Keys, who: str) -> tuple[str, str]:
    kind, value = details["type"], details["input"]
    key = f"item {keys[-1] + 1}" if keys and isinstance(keys[-1], int) else str(keys[-1])
    if value is None:
        return f'{who}: "{key}" has no value', "Write one, or leave the line out."
    if kind == "literal_error":
        choices = str(details["ctx"]["expected"]).replace("'", '"')
        return f'{who}: "{key}" is "{shown(str(value))}"', f"Write {choices}."
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return f'{who}: "{key}" is {value}', f"It {words.format(details['ctx'][name])}."
    wanted = _WANTED.get(kind, "")
    if not wanted:
        return f'{who}: "{key}" is wrong: {details["msg"]}', "See flowbackup graph schema."
    quoted = "" if kind != "string_type" else " Put it in quotes if it is a name."
    return f'{who}: "{key}" is {_what(value)}', f"Write {wanted}.{quoted}"


def _what(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping of keys"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, str):
        return "a text"
    return shown(str(value).lower() if isinstance(value, bool) else str(value))


def _unknown_key(keys: Keys, tree: Tree, suggester: Suggester) -> Finding:
    known = _known_keys(keys)
    who = "a graph" if len(keys) == 1 else subject(keys[:-1])
    remedy = suggester.remedy(str(keys[-1]), known, f"Known keys are {listed(known, 20)}.")
    reason = f'"{shown(str(keys[-1]))}" is not a key of {who}'
    return error(tree.place(*keys), "unknown-key", reason, remedy)


def _known_keys(keys: Keys) -> list[str]:
    model: type[BaseModel] = GraphSpec
    if "retention" in (keys[0], *keys[4:5]) and keys[-1] != "retention":
        model = RetentionSpec
    elif len(keys) >= 3 and keys[0] in PARTS:
        model = PARTS[str(keys[0])][1]
        if keys[0] == "clients" and len(keys) >= 5:
            model = HookSpec if _hook(keys) and len(keys) > 6 else ObjectSpec
        elif len(keys) >= 4:
            model = _PARTS_INSIDE.get(str(keys[2]), model)
    return [field.alias or name for name, field in model.model_fields.items()]
