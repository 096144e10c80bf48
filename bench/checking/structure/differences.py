"""Two structures set against each other: what differs in words, what tells most first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from bench.checking.structure.structure import Counts, Structure
from bench.checking.structure.wording import became, dtypes_became, more_or_less, moved

_MOST = 6  # that are told of one sort

Teller = Callable[[Structure, Structure], Iterator[str]]


def differences(base: Structure, new: Structure) -> list[str]:
    """Say how NEW differs from BASE, each difference once; nothing where both are the same."""
    if base == new:
        return []
    told = [line for tell in _TELLERS for line in tell(base, new)]
    return told or ["the same operators in another order, or of other shapes"]


def comparable(structure: Structure, same_machine: bool) -> Structure:
    """Leave out what says more of a machine than of the code, where two are not alike.

    A GPU's model chooses its kernels, and on a CPU its instructions what buffers a kernel takes.
    """
    if same_machine:
        return structure
    return replace(structure, launches={}, allocations=None, allocated_bytes=None)


def _dtypes(base: Structure, new: Structure) -> Iterator[str]:
    yield from dtypes_became(base.operators, new.operators)


def _backends(base: Structure, new: Structure) -> Iterator[str]:
    """Tell where an attention operator made way for another, or for its parts."""
    before, after = _attention(base), _attention(new)
    if before and after and before != after:
        yield f"attention: {', '.join(before)} → {', '.join(after)}"


def _attention(structure: Structure) -> list[str]:
    """Name the backends of attention: by an operator of their own, or `math` by its softmax."""
    names = [label.partition(" ")[0] for label in structure.operators]
    found = [
        backend
        for backend in ("flash", "efficient", "cudnn", "flex", "math")
        if any("attention" in name and backend in name for name in names)
    ]
    softmax = any(name in ("_softmax", "_safe_softmax") for name in names)
    return found or (["math"] if softmax else [])


def _compiled(base: Structure, new: Structure) -> Iterator[str]:
    if base.graphs and not new.graphs:
        yield f"compiled → eager: {became('compiled graph', base.graphs, 0)}"
    elif new.graphs and not base.graphs:
        yield f"eager → compiled: {became('compiled graph', 0, new.graphs)}"
    elif base.graphs != new.graphs:
        yield became("compiled graph", base.graphs, new.graphs)
    for reason, change in moved(base.breaks, new.breaks):
        yield f"{more_or_less(change, 'graph break')} ({reason})"
    if change := new.recompilations - base.recompilations:
        yield more_or_less(change, "recompilation")
    if change := new.fallbacks - base.fallbacks:
        yield f"{more_or_less(change, 'frame')} left to Python"


def _reads(base: Structure, new: Structure) -> Iterator[str]:
    for name, change in moved(base.host_reads, new.host_reads):
        yield f"{more_or_less(change, 'read')} by the host a call ({name})"


def _copies(base: Structure, new: Structure) -> Iterator[str]:
    for way, change in moved(base.copies, new.copies):
        size = new.copied_bytes.get(way, 0) - base.copied_bytes.get(way, 0)
        yield f"{more_or_less(change, 'copy')} {way} a call ({size:+d} bytes)"
    for way in [way for way in base.copies if way in new.copies]:
        before, after = base.copied_bytes.get(way, 0), new.copied_bytes.get(way, 0)
        if base.copies[way] == new.copies[way] and before != after:
            yield f"copies {way}: {before} bytes became {after}"


def _collectives(base: Structure, new: Structure) -> Iterator[str]:
    yield from _by_name(base.collectives, new.collectives, "collective")


def _kernels(base: Structure, new: Structure) -> Iterator[str]:
    yield from _by_name(base.kernels, new.kernels, "fused kernel")
    yield from _by_name(base.launches, new.launches, "kernel")


def _operators(base: Structure, new: Structure) -> Iterator[str]:
    yield from _by_name(base.operators, new.operators, "operator")


def _shapes(base: Structure, new: Structure) -> Iterator[str]:
    """Tell other shapes, where the operators themselves are the same."""
    if base.operators == new.operators:
        yield from _by_name(base.heavy, new.heavy, "heavy operator")


def _nodes(base: Structure, new: Structure) -> Iterator[str]:
    yield from _by_name(base.nodes, new.nodes, "autograd node")


def _amounts(base: Structure, new: Structure) -> Iterator[str]:
    if base.allocations is not None and new.allocations is not None:
        if base.allocations != new.allocations:
            yield became("allocation", base.allocations, new.allocations)
        if base.allocated_bytes != new.allocated_bytes:
            yield f"{base.allocated_bytes} bytes allocated became {new.allocated_bytes}"
    if base.flops != new.flops:
        yield f"{base.flops} FLOPs became {new.flops}"
    for did in ("read", "written"):
        before, after = getattr(base, f"bytes_{did}"), getattr(new, f"bytes_{did}")
        if before != after:
            yield f"{before} bytes {did} by operators became {after}"


def _by_name(base: Mapping[str, int], new: Counts, noun: str) -> Iterator[str]:
    """Tell how many of a sort there are now, and which came and went."""
    changes = moved(base, new)
    if not changes:
        return
    told = [f"{change:+d} {name}" for name, change in changes[:_MOST]]
    told += [f"{len(changes) - _MOST} more"] if len(changes) > _MOST else []
    before, after = sum(base.values()), sum(new.values())
    count = became(noun, before, after) if before != after else f"other {noun}s"
    yield f"{count}: {', '.join(told)}"


_TELLERS: tuple[Teller, ...] = (
    _compiled,
    _backends,
    _dtypes,
    _reads,
    _collectives,
    _copies,
    _kernels,
    _operators,
    _shapes,
    _nodes,
    _amounts,
)
