"""Sweep: which sizes and settings a preset asks for, as plain Python; and its expansion."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from typing import Any, Self

from bench.cases.case import Plain

Values = dict[str, Plain]
Axis = Plain | tuple[Plain, ...] | Callable[[Values], Plain]

PRESETS = ("smoke", "quick", "standard", "full")
# The memory of the smallest GPU that a preset is made for; a reference takes at most half of it.
SMALLEST_GPU_BYTES = {"smoke": 24e9, "quick": 24e9, "standard": 80e9, "full": 80e9}


@dataclass(frozen=True)
class Sweep:
    """The product of axes over one problem class, for every variant that solves it.

    A new variant is always in; `without` leaves some out by name, `only` leaves all others out.
    """

    problem: str
    axes: Mapping[str, Axis]
    left_out: tuple[str, ...] = ()
    picked: tuple[str, ...] = ("*",)
    compiling: bool | None = None

    def at(self, **axes: Axis) -> Self:
        """Return the same sweep with these axes beside or instead of its own."""
        return replace(self, axes={**self.axes, **axes})

    def without(self, *patterns: str) -> Self:
        """Return the same sweep for fewer variants."""
        return replace(self, left_out=(*self.left_out, *patterns))

    def only(self, *patterns: str) -> Self:
        """Return the same sweep for these variants alone."""
        return replace(self, picked=patterns)

    def compiled(self) -> Self:
        """Return the same sweep for those variants alone that say that they compile."""
        return replace(self, compiling=True)

    def uncompiled(self) -> Self:
        """Return the same sweep without the variants that say that they compile."""
        return replace(self, compiling=False)

    def asks(self, variant: str, compiles: bool = False) -> bool:
        """Say whether a variant of the problem is asked."""
        if self.compiling not in (None, compiles):
            return False
        return _fits(variant, self.picked) and not _fits(variant, self.left_out)

    def points(self, overrides: Mapping[str, tuple[Plain, ...]]) -> Iterator[Values]:
        """Yield every combination; an override replaces an axis, a callable is derived last."""
        axes = {**self.axes, **overrides}
        derived = {name: axis for name, axis in axes.items() if callable(axis)}
        free = {name: _tuple(axis) for name, axis in axes.items() if name not in derived}
        for combination in product(*free.values()):
            values = dict(zip(free, combination, strict=True))
            yield values | {name: rule(values) for name, rule in derived.items()}


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _tuple(axis: Any) -> tuple[Plain, ...]:
    return axis if isinstance(axis, tuple) else (axis,)


def sweep(problem: str, /, **axes: Axis) -> Sweep:
    """Name a problem class and its axes: a value, a tuple of values, or a function of the others.

    >>> sweep("SoftmaxAttention", seqlen=(512, 1024), batch=lambda v: 16384 // v["seqlen"])
    """
    return Sweep(problem, axes)
