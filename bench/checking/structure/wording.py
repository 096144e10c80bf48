"""Changes of counts in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.cases.counted import counted


def moved(base: Mapping[str, int], new: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return by how much each count changed, the largest changes first."""
    names = dict.fromkeys([*new, *base])
    changes = [(name, new.get(name, 0) - base.get(name, 0)) for name in names]
    return sorted(((n, c) for n, c in changes if c), key=lambda change: -abs(change[1]))


def became(noun: str, before: int, after: int) -> str:
    """Say how many there were, and are."""
    return f"{counted(before, noun)} became {after}"


def more_or_less(change: int, noun: str) -> str:
    """Say how many more or fewer there are."""
    sign = "+" if change > 0 else "−"
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{sign}{abs(change)} {noun if abs(change) == 1 else plural}"


def dtypes_became(base: Mapping[str, int], new: Mapping[str, int]) -> Iterator[str]:
    """Tell which operators run in another dtype now: as many as have left the one they ran in."""
    gone, come = _lost(base, new), _lost(new, base)
    found: dict[tuple[str, str], list[str]] = {}
    for name in [name for name in gone if name in come]:
        if len(gone[name]) == len(come[name]) == 1:
            (old,), (other,) = gone[name], come[name]
            found.setdefault((old, other), []).append(name)
    for (was, now), names in sorted(found.items()):
        told = ", ".join(sorted(names)[:4]) + (", …" if len(names) > 4 else "")
        yield f"{now} where {was} was ({told})"


def _lost(base: Mapping[str, int], new: Mapping[str, int]) -> dict[str, set[str]]:
    """Return, by operator, the dtypes it has fewer calls in."""
    found: dict[str, set[str]] = {}
    for label, times in base.items():
        name, _, dtypes = label.partition(" ")
        if new.get(label, 0) < times and dtypes:
            found.setdefault(name, set()).add(dtypes)
    return found
