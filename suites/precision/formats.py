"""The formats table: what a number format holds, found out by rounding numbers to it.

IEEE 754-2019 section 3; OCP 8-bit floating point (arXiv:2209.05433) and OCP microscaling formats
(arXiv:2310.10537). Nothing is read from a table: powers of two are rounded, and those that come
back are in the format. float64 is what all of this is computed in, and cannot be asked itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench import (
    Call,
    Incorrect,
    Measurement,
    Plain,
    Problem,
    Setting,
    Unsupported,
    Verdict,
    variant,
)
from bench.workload import float32_products
from suites.precision.standards import STANDARDS

LOWEST, HIGHEST = -1074, 1023  # log2 of what float64 holds: nothing wider is looked at
PACKED = "float4_e2m1fn_x2"
Rounding = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class NumberFormat(Problem):
    """Which numbers does a format hold? Largest, smallest, and how far apart.

    Block formats are made of these: MXFP8 of float8 in blocks of 32 with a scale in e8m0, MXFP4 of
    e2m1 likewise, NVFP4 of e2m1 in blocks of 16 with a scale in e4m3.
    """

    format: str = "bfloat16"

    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    examples: ClassVar[tuple[dict[str, Plain], ...]] = tuple({"format": n} for n in STANDARDS)

    def __post_init__(self) -> None:
        if self.format not in STANDARDS:
            raise ValueError(f"expected format {', '.join(STANDARDS)}, got {self.format!r}")

    def make_inputs(self, seed: int, setting: Setting) -> Tensor:
        """Return every power of two that float64 holds, whatever the seed."""
        return powers().to(setting.device)

    def call(self, step: Rounding, setting: Setting) -> Call:
        """Return the rounding of all of them, 0 where a format has no such number."""
        return _Rounded(step)

    def check(self, call: Call, inputs: Tensor, setting: Setting) -> Verdict:
        """Hold the rounding to being one: what it gives it gives again, and order is kept."""
        assert isinstance(call, _Rounded)
        rounded = call.step(inputs)
        finite = rounded[torch.isfinite(rounded)]
        if not torch.equal(call.step(finite), finite):
            raise Incorrect("what was rounded is rounded again to something else")
        if bool((finite.diff() < 0).any()):
            raise Incorrect("a larger number is rounded to a smaller one")
        return Verdict(
            [Measurement(name, "1", [v]) for name, v in figures(call.step, inputs).items()]
        )


class _Rounded:
    def __init__(self, step: Rounding):
        self.step = step

    def __call__(self, inputs: Tensor) -> tuple[Tensor]:
        rounded = self.step(inputs)
        return (torch.where(torch.isfinite(rounded), rounded, 0.0),)


@variant(marks=["beside"])
def rounded(problem: NumberFormat, *, setting: Setting) -> Rounding:
    """Cast to the type and back; TF32 is what products round their factors to."""
    name = problem.format
    if name == PACKED:
        raise Unsupported("torch stores float4 e2m1, two to a byte, and has no cast to it")
    if name == "tf32":
        return _by_products(setting)
    return _by_casts(name, setting)


def _by_casts(name: str, setting: Setting) -> Rounding:
    dtype = getattr(torch, name, None)
    if dtype is None:
        raise Unsupported(f"this version of torch has no {name}")
    try:
        torch.ones(1, dtype=torch.float64, device=setting.device).to(dtype).to(torch.float64)
    except (RuntimeError, NotImplementedError) as error:
        raise Unsupported(f"torch has no cast to {name} on this device") from error

    def step(numbers: Tensor) -> Tensor:
        return numbers.to(dtype).to(torch.float64)

    return step


def _by_products(setting: Setting) -> Rounding:
    """Round the factors of products with ones; Unsupported where products keep all of float32."""

    def step(numbers: Tensor) -> Tensor:
        rows = numbers.float().reshape(-1, 1)
        with float32_products("tf32"):
            products = torch.nn.functional.pad(rows, (0, 15)) @ torch.eye(16, device=rows.device)
        return products[:, 0].double().reshape(numbers.shape)

    finest = torch.tensor([1 + 2.0**-23], dtype=torch.float64, device=setting.device)
    if torch.equal(step(finest), finest):
        raise Unsupported("products of float32 are not rounded to TF32 on this device")
    return step


def powers() -> Tensor:
    """Return the powers of two in float64."""
    return torch.tensor([2.0**e for e in range(LOWEST, HIGHEST + 1)], dtype=torch.float64)


def figures(step: Rounding, tried: Tensor) -> dict[str, float]:
    """Return largest, smallest normal and subnormal number, epsilon, and decimal digits."""
    epsilon = _smallest(step, tried, lambda power: 1 + power)
    precision = 1 - round(math.log2(epsilon))
    whole = _smallest(step, tried, lambda power: power)
    fine = _smallest(step, tried, lambda power: power * (1 + epsilon)) if precision > 1 else whole
    return {
        "format_largest": _largest(step, tried, precision),
        "format_smallest_normal": fine,
        "format_smallest_subnormal": whole,
        "format_epsilon": epsilon,
        "format_decimal_digits": math.floor((precision - 1) * math.log10(2)),
    }


def _smallest(step: Rounding, tried: Tensor, made: Rounding) -> float:
    """Return the smallest power of two of which what is made comes back as it was.

    In float64 a power plus too little of it is that power, and tells nothing.
    """
    numbers = made(tried)
    plain = bool((numbers == tried).all())
    told = (
        torch.ones_like(tried, dtype=torch.bool) if plain else (numbers != tried) & (numbers != 1)
    )
    return float(tried[told & (step(numbers) == numbers)].min())


def _largest(step: Rounding, tried: Tensor, precision: int) -> float:
    """Add halves, quarters and so on to the largest power, as long as what results comes back."""
    found = tried[step(tried) == tried].max()
    unit = found
    for _ in range(precision - 1):
        unit = unit / 2
        more = (found + unit).reshape(1)
        if bool((step(more) == more).all()):
            found = more[0]
    return float(found)
