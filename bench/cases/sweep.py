"""Sweep: which sizes and settings a preset asks for, as plain Python; and its expansion."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Self

from bench.cases.case import Plain
from bench.cases.variant import Variant

Values = dict[str, Plain]
Axis = Plain | tuple[Plain, ...] | Callable[[Values], Plain]

COMPILES = "compiles"  # the mark of what says `@variant(compiles=True)`
PRESETS = ("smoke", "quick", "standard", "full")
# The memory of the smallest GPU that a preset is made for; a reference takes at most half of it.
SMALLEST_GPU_BYTES = {"smoke": 24e9, "quick": 24e9, "standard": 80e9, "full": 80e9}


@dataclass(frozen=True)
class Sweep:
    """The product of axes over one problem class, for every variant that solves it.

    A new variant is always in. What a preset asks of some alone it asks by what they say of
    themselves: their marks, that they compile, the options that they have; never by their names.
    """

    problem: str
    axes: Mapping[str, Axis]
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    option: str = ""

    def at(self, **axes: Axis) -> Self:
        """Return the same sweep with these axes beside or instead of its own."""
        return replace(self, axes={**self.axes, **axes})

    def marked(self, *marks: str) -> Self:
        """Return the same sweep for variants with one of these marks alone."""
        return replace(self, wanted=marks)

    def unmarked(self, *marks: str) -> Self:
        """Return the same sweep without the variants that have one of these marks."""
        return replace(self, unwanted=(*self.unwanted, *marks))

    def having(self, option: str) -> Self:
        """Return the same sweep for variants with this option alone."""
        return replace(self, option=option)

    def asks(self, variant: Variant) -> bool:
        """Say whether a variant of the problem is asked; one that compiles is marked so."""
        marks = {*variant.marks, *([COMPILES] if variant.compiles else [])}
        if self.option and self.option not in variant.options:
            return False
        return bool(not self.wanted or marks & {*self.wanted}) and not marks & {*self.unwanted}

    def points(self, overrides: Mapping[str, tuple[Plain, ...]]) -> Iterator[Values]:
        """Yield every combination; an override replaces an axis, a callable is derived last."""
        axes = {**self.axes, **overrides}
        derived = {name: axis for name, axis in axes.items() if callable(axis)}
        free = {name: _tuple(axis) for name, axis in axes.items() if name not in derived}
        for combination in product(*free.values()):
            values = dict(zip(free, combination, strict=True))
            yield values | {name: rule(values) for name, rule in derived.items()}


def _tuple(axis: Any) -> tuple[Plain, ...]:
    return axis if isinstance(axis, tuple) else (axis,)


def sweep(problem: str, /, **axes: Axis) -> Sweep:
    """Name a problem class and its axes: a value, a tuple of values, or a function of the others.

    >>> sweep("SoftmaxAttention", seqlen=(512, 1024), batch=lambda v: 16384 // v["seqlen"])
    """
    return Sweep(problem, axes)
