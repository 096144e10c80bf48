"""The vector quantiser's lookup. Shapes: N vectors, K codes, D dimensions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from bench import Plain, Setting, variant
from bench.operator import Operands, Operator
from suites.operators.drawn import expect_positive, normal

NEAR = 0.3  # of a code's size: vectors lie by their code, as those of a trained encoder do


class Lookup(NamedTuple):
    """Vectors (N, D) and the codebook (K, D)."""

    x_ND: Tensor
    codes_KD: Tensor


@dataclass(frozen=True)
class CodebookLookup(Operator):
    """z_q = e_k, k = argmin_j |z - e_j|: van den Oord et al. 2017 (arXiv:1711.00937), eq. 1-2."""

    vectors: int = 1024
    codes: int = 1024
    dim: int = 64

    passes: ClassVar[tuple[str, ...]] = ("fwd",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    examples: ClassVar[tuple[dict[str, Plain], ...]] = ({"vectors": 37, "codes": 19, "dim": 12},)

    def __post_init__(self) -> None:
        expect_positive(self, "vectors", "codes", "dim")

    def output_shape(self) -> tuple[int, ...]:
        return (self.vectors, self.dim)

    def draw(self, generator: torch.Generator, setting: Setting) -> Lookup:
        codes = normal(generator, setting, self.codes, self.dim)
        chosen = torch.randint(
            self.codes, (self.vectors,), generator=generator, device=setting.device
        )
        noise = normal(generator, setting, self.vectors, self.dim)
        return Lookup(codes[chosen] + NEAR * noise, codes)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        """Compare every vector with every code, difference by difference, a few at a time."""
        x, codes = (tensor.to(dtype) for tensor in operands.tensors)
        rows = max((1 << 22) // codes.numel(), 1)
        nearest = [(some[:, None] - codes).square().sum(-1).argmin(-1) for some in x.split(rows)]
        return [codes[torch.cat(nearest)]]

    def flops(self, setting: Setting) -> int:
        """Count the products of all vectors with all codes."""
        return 2 * self.vectors * self.codes * self.dim

    def bytes_moved(self, setting: Setting) -> int:
        return (2 * self.vectors + self.codes) * self.dim * setting.dtype.itemsize


@variant
def cdist(problem: CodebookLookup) -> Callable[[Lookup], Tensor]:
    """torch.cdist: the N x K distances themselves."""
    return lambda inputs: inputs.codes_KD[torch.cdist(*inputs).argmin(-1)]


@variant
def expanded(problem: CodebookLookup) -> Callable[[Lookup], Tensor]:
    """|e|² - 2 z e, of which the least is where the distance is: one product."""

    def step(inputs: Lookup) -> Tensor:
        x, codes = inputs
        return codes[torch.addmm(codes.square().sum(-1), x, codes.T, alpha=-2).argmin(-1)]

    return step


@variant
def chunked(problem: CodebookLookup, *, chunk: int = 128) -> Callable[[Lookup], Tensor]:
    """The same for `chunk` vectors at a time: no N x K tensor."""

    def step(inputs: Lookup) -> Tensor:
        x, codes = inputs
        sizes = codes.square().sum(-1)
        nearest = [torch.addmm(sizes, s, codes.T, alpha=-2).argmin(-1) for s in x.split(chunk)]
        return codes[torch.cat(nearest)]

    return step
