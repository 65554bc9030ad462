"""Graphs of any size, in the shapes that cost most to check: text, written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Lines = Iterable[str]


def tree(size: int) -> str:
    """A tenth are heads; everything else is a mirror of its own, ten levels deep, on many nodes."""
    heads = size // 10
    backups = (f"b{i}: {{devices: [d{i}]}}" for i in range(heads))
    mirrors = (
        f"m{i}: {{devices: [d{i}], mirrors: {'b' if i < 2 * heads else 'm'}{i - heads}}}"
        for i in range(heads, size)
    )
    nodes = max(1, size // 100)
    devices = (f"d{i}: {{path: /nowhere/d{i}, node: n{i % nodes}}}" for i in range(size))
    return _graph(
        nodes=(f"n{i}: {{}}" for i in range(nodes)), clients=_clients(heads, heads),
        devices=devices, backup_groups=backups, mirror_groups=mirrors,
    )  # fmt: skip


def line(size: int) -> str:
    """One chain, as long as there are agents, on one machine."""
    mirrors = (
        f"m{i}: {{devices: [d{i}], mirrors: {f'm{i - 1}' if i > 1 else 'b0'}, level: {i}}}"
        for i in range(1, size)
    )
    return _graph(
        clients=_clients(1, 1), devices=_devices(size), backup_groups=["b0: {devices: [d0]}"],
        mirror_groups=mirrors,
    )  # fmt: skip


def star(size: int) -> str:
    """One agent feeds all others."""
    listed = ", ".join(f"d{i}" for i in range(1, size))
    return _graph(
        clients=_clients(1, 1), devices=_devices(size), backup_groups=["b0: {devices: [d0]}"],
        mirror_groups=[f"m0: {{devices: [{listed}], mirrors: b0}}"],
    )  # fmt: skip


def stripes(size: int) -> str:
    """Two groups of half the agents, coupled one by one, with as many objects pinned to them."""
    half = size // 2
    left, right = _halves(size)
    pinned = (
        f"c{i}: {{objects: {{o: {{path: /nothing/c{i}, buffers: 'd{i}[0:4]'}}}}}}"
        for i in range(half)
    )
    return _graph(
        clients=pinned, devices=_devices(size), backup_groups=[f"b0: {{devices: [{left}]}}"],
        mirror_groups=[f"m0: {{devices: [{right}]}}"],
        couplings=(f"- b0.d{i}[0:4] -> m0.d{half + i}[0:4]" for i in range(half)),
    )  # fmt: skip


def parts(size: int) -> str:
    """One agent with as many buffers as there are mirrors, each coupled to one, and an object for
    each."""
    listed = "".join(f", d{i}" for i in range(1, size)).lstrip(", ")
    objects = (f"o{i}: {{path: /nothing/o{i}, buffers: 'd0[{i}:{i + 1}]'}}" for i in range(1, size))
    return _graph(
        clients=[f"c0: {{objects: {{{', '.join(objects)}}}}}"], devices=_devices(size),
        backup_groups=[f"b0: {{devices: [d0], buffers: {size + 8}}}"],
        mirror_groups=[f"m0: {{devices: [{listed}]}}"],
        couplings=(f"- b0.d0[{i}:{i + 1}] -> m0.d{i}" for i in range(1, size)),
    )  # fmt: skip


def clients(size: int) -> str:
    """As many clients as agents, on other nodes, each to a group of its own."""
    return _graph(
        nodes=["far: {}"],
        clients=(
            f"c{i}: {{node: far, objects: {{o: {{path: /nothing/c{i}, group: b{i}}}}}}}"
            for i in range(size)
        ),
        devices=_devices(size), backup_groups=(f"b{i}: {{devices: [d{i}]}}" for i in range(size)),
    )  # fmt: skip


def stages(size: int) -> str:
    """A third of the agents read, each for a copy group of its own, which has a mirror."""
    third = size // 3
    return _graph(
        devices=_devices(3 * third),
        restore_groups=(f"r{i}: {{devices: [d{i}]}}" for i in range(third)),
        copy_groups=(f"k{i}: {{devices: [d{third + i}], copies: r{i}}}" for i in range(third)),
        mirror_groups=(
            f"m{i}: {{devices: [d{2 * third + i}], mirrors: k{i}}}" for i in range(third)
        ),
    )  # fmt: skip


def readers(size: int) -> str:
    """Nearly all agents read, and feed one; what that wrote goes on to a few others."""
    listed = ", ".join(f"d{i}" for i in range(size - 10))
    mirrors = (
        f"m{i}: {{devices: [d{size - 9 + i}], mirrors: {f'm{i - 1}' if i else 'k'}}}"
        for i in range(9)
    )
    return _graph(
        devices=_devices(size), restore_groups=[f"r: {{devices: [{listed}]}}"],
        copy_groups=[f"k: {{devices: [d{size - 10}], buffers: {size}, copies: r}}"],
        mirror_groups=mirrors,
    )  # fmt: skip


def copies(size: int) -> str:
    """A few readers feed a chain of copies, as long as there are agents."""
    mirrors = (
        f"m{i}: {{devices: [d{i}], mirrors: {f'm{i - 1}' if i > 11 else 'k'}}}"
        for i in range(11, size)
    )
    return _graph(
        devices=_devices(size),
        restore_groups=[f"r: {{devices: [{', '.join(f'd{i}' for i in range(10))}]}}"],
        copy_groups=["k: {devices: [d10], buffers: 10, copies: r}"], mirror_groups=mirrors,
    )  # fmt: skip


def objects(size: int) -> str:
    """Half of the agents stand in one group, each with a mirror, and there are as many objects, of
    one client, that may go to any of them."""
    left, right = _halves(size)
    listed = ", ".join(f"o{i}: {{path: /nothing/o{i}}}" for i in range(size // 2))
    return _graph(
        clients=[f"c0: {{objects: {{{listed}}}}}"], devices=_devices(size),
        backup_groups=[f"b0: {{devices: [{left}]}}"],
        mirror_groups=[f"m0: {{devices: [{right}], mirrors: b0}}"],
    )  # fmt: skip


def deep(size: int) -> str:
    """Parts of a mirror's buffers go to as many mirrors behind it."""
    count = size - 2
    listed = ", ".join(f"d{i}" for i in range(2, size))
    objects = (f"o{i}: {{path: /nothing/o{i}, buffers: 'd0[{i}:{i + 1}]'}}" for i in range(10))
    return _graph(
        clients=[f"c0: {{objects: {{{', '.join(objects)}}}}}"], devices=_devices(size),
        backup_groups=[f"b0: {{devices: [d0], buffers: {count}}}"],
        mirror_groups=[
            f"m0: {{devices: [d1], buffers: {count}, mirrors: b0}}",
            f"m1: {{devices: [{listed}]}}",
        ],
        couplings=(f"- m0.d1[{i}:{i + 1}] -> m1.d{i + 2}" for i in range(count)),
    )  # fmt: skip


SHAPES: dict[str, Callable[[int], str]] = {
    shape.__name__: shape
    for shape in (tree, line, star, stripes, parts, clients, stages, readers, copies, objects, deep)
}


def ring(size: int) -> str:
    """All mirrors feed each other in one ring."""
    mirrors = (f"m{i}: {{devices: [d{i}], mirrors: m{(i or size) - 1}}}" for i in range(size))
    return _graph(
        clients=_clients(1, 1), devices=_devices(size + 1),
        backup_groups=[f"b0: {{devices: [d{size}]}}"], mirror_groups=mirrors,
    )  # fmt: skip


def pairs(size: int) -> str:
    """Two and two mirrors feed each other."""
    mirrors = (f"m{i}: {{devices: [d{i}], mirrors: m{i ^ 1}}}" for i in range(size))
    return _graph(
        clients=_clients(1, 1), devices=_devices(size + 1),
        backup_groups=[f"b0: {{devices: [d{size}]}}"], mirror_groups=mirrors,
    )  # fmt: skip


def loop(size: int) -> str:
    """Copies of copies that come back to the first device."""
    half = size // 2
    return _graph(
        devices=_devices(half),
        restore_groups=(f"r{i}: {{devices: [d{i}]}}" for i in range(half)),
        copy_groups=(
            f"k{i}: {{devices: [d{(i + 1) % half}], copies: r{i}}}" for i in range(half)
        ),
    )  # fmt: skip


def strangers(size: int) -> str:
    """Every mirror names a group that is not there."""
    return tree(size).replace("mirrors: b", "mirrors: x").replace("mirrors: m", "mirrors: x")


def cut(size: int) -> str:
    """Every device is wrong in its form, so that groups lack them all."""
    return tree(size).replace("{path: /nowhere/", "{block_size: -1, path: /nowhere/")


def crossed(size: int) -> str:
    """One half of the agents read for the other half: many couplings in a few words."""
    left, right = _halves(size)
    return _graph(
        devices=_devices(size), restore_groups=[f"r: {{devices: [{left}]}}"],
        copy_groups=[f"k: {{devices: [{right}], copies: r}}"],
    )  # fmt: skip


def crowd(size: int) -> str:
    """Half as many clients as agents, and each may feed every one."""
    left, right = _halves(size)
    return _graph(
        devices=_devices(size), clients=_clients(size // 2, 1),
        backup_groups=[f"b0: {{devices: [{left}, {right}]}}"],
    )  # fmt: skip


FAULTY: dict[str, tuple[str, Callable[[int], str]]] = {
    "ring": ("cycle", ring),
    "pairs": ("cycle", pairs),
    "loop": ("copy-loop", loop),
    "strangers": ("unknown-group", strangers),
    "cut": ("value", cut),
}
"""Shape -> the one rule that it breaks, and how it is made."""


def _halves(size: int) -> tuple[str, str]:
    half = size // 2
    left, right = (", ".join(f"d{i}" for i in part) for part in (range(half), range(half, size)))
    return left, right


def _devices(count: int) -> Lines:
    return (f"d{i}: {{path: /nowhere/d{i}}}" for i in range(count))


def _clients(count: int, groups: int) -> Lines:
    return (
        f"c{i}: {{objects: {{o: {{path: /nothing/c{i}, group: b{i % groups}}}}}}}"
        for i in range(count)
    )


def _graph(**sections: Lines) -> str:
    written = [
        f"{name}:\n" + "".join(f"  {line}\n" for line in lines) for name, lines in sections.items()
    ]
    return "graph: large\nframe_size: 1 MiB\nsync_size: 4 MiB\n" + "".join(written)
