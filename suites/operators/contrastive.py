"""Contrastive losses of pairs: a softmax over the whole batch, and a sigmoid of every pair.

Shapes: N pairs, D dimensions; R rows of a chunk. Row i of one side belongs to row i of the other.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Plain, Setting, variant
from bench.operator import Operands, Operator
from suites.operators.drawn import expect_positive, normal


class Pairs(NamedTuple):
    """Features of images and texts (N, D), each of length 1."""

    image_ND: Tensor
    text_ND: Tensor


@dataclass(frozen=True)
class ContrastiveLoss(Operator):
    """The loss of a batch of `batch` pairs from their features, at temperature 1 / `scale`."""

    batch: int = 1024
    dim: int = 128
    scale: float = 10.0

    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 48, "dim": 16},
        {"batch": 65, "dim": 8},
    )
    input_names: ClassVar[tuple[str, ...]] = ("image", "text")

    def __post_init__(self) -> None:
        expect_positive(self, "batch", "dim")

    def output_shape(self) -> tuple[int, ...]:
        return ()

    def draw(self, generator: torch.Generator, setting: Setting) -> Pairs:
        shared = normal(generator, setting, self.batch, self.dim)
        sides = [shared + normal(generator, setting, self.batch, self.dim) for _ in range(2)]
        return Pairs(*(F.normalize(side, dim=-1) for side in sides))

    @abstractmethod
    def formula(self, logits_NN: Tensor) -> Tensor:
        """Return the loss from all logits, plainly."""

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        backward = operands.grad_output is not None
        sides = [t.detach().to(dtype).requires_grad_(backward) for t in operands.tensors]
        with torch.set_grad_enabled(backward):
            loss = self.formula(self.scale * sides[0] @ sides[1].T)
        if not backward:
            return [loss]
        gradients = torch.autograd.grad(loss, sides, operands.grad_output.to(dtype))
        return [loss.detach(), *gradients]

    def flops(self, setting: Setting) -> int:
        """Count the product of all pairs; a backward pass needs two more."""
        forward = 2 * self.batch**2 * self.dim
        return 3 * forward if setting.backward else forward

    def bytes_moved(self, setting: Setting) -> int:
        elements = 2 * self.batch * self.dim * (2 if setting.backward else 1)
        return elements * setting.dtype.itemsize


class SoftmaxContrastive(ContrastiveLoss):
    """CLIP's: cross-entropy of rows and of columns, halved. Radford et al. 2021 (arXiv:2103.00020).

    Each row's and each column's softmax runs over the whole batch.
    """

    def formula(self, logits_NN: Tensor) -> Tensor:
        peak = logits_NN.detach().amax()
        powers = (logits_NN - peak).exp()
        rows, columns = powers.sum(1).log().mean(), powers.sum(0).log().mean()
        return (rows + columns) / 2 + peak - logits_NN.diagonal().mean()


@dataclass(frozen=True)
class SigmoidContrastive(ContrastiveLoss):
    """SigLIP's: -sum_ij log sigmoid(z_ij (t x_i y_j + b)) / N, z = 1 of a pair and -1 otherwise.

    Zhai et al. 2023 (arXiv:2303.15343), eq. 1; t and b as that paper starts with.
    """

    bias: float = -10.0

    def formula(self, logits_NN: Tensor) -> Tensor:
        sign = 2 * torch.eye(self.batch, dtype=logits_NN.dtype, device=logits_NN.device) - 1
        return F.softplus(-sign * (logits_NN + self.bias)).sum() / self.batch


@variant
def softmax_whole(problem: SoftmaxContrastive, *, setting: Setting) -> Callable[[Pairs], Tensor]:
    """Two cross-entropies of the N x N logits, as CLIP's figure 3 has them."""
    own = torch.arange(problem.batch, device=setting.device)

    def step(inputs: Pairs) -> Tensor:
        logits_NN = problem.scale * inputs.image_ND @ inputs.text_ND.T
        return (F.cross_entropy(logits_NN, own) + F.cross_entropy(logits_NN.T, own)) / 2

    return step


@variant(marks=["chunked"])
def softmax_chunked(problem: SoftmaxContrastive, *, chunk: int = 128) -> Callable[[Pairs], Tensor]:
    """Rows in chunks that are made again for the backward pass, columns summed over chunks.

    A softmax over the batch needs no N x N tensor either: Cheng et al. 2024 (arXiv:2410.17243).
    """

    def sums(image_RD: Tensor, text_ND: Tensor) -> tuple[Tensor, Tensor]:
        logits_RN = problem.scale * image_RD @ text_ND.T
        return logits_RN.logsumexp(1).sum(), logits_RN.logsumexp(0)

    def step(inputs: Pairs) -> Tensor:
        image, text = inputs
        parts = [again(sums, rows, text) for rows in image.split(chunk)]
        rows = torch.stack([part[0] for part in parts]).sum()
        columns = torch.stack([part[1] for part in parts]).logsumexp(0).sum()
        own = problem.scale * (image * text).sum()
        return ((rows + columns) / 2 - own) / problem.batch

    return step


@variant
def sigmoid_whole(problem: SigmoidContrastive, *, setting: Setting) -> Callable[[Pairs], Tensor]:
    """The N x N logits at once: algorithm 1 of Zhai et al. 2023 (arXiv:2303.15343)."""
    sign_NN = 2 * torch.eye(problem.batch, dtype=setting.dtype, device=setting.device) - 1

    def step(inputs: Pairs) -> Tensor:
        logits_NN = problem.scale * inputs.image_ND @ inputs.text_ND.T + problem.bias
        return -F.logsigmoid(sign_NN * logits_NN).sum() / problem.batch

    return step


@variant(marks=["chunked"])
def sigmoid_chunked(problem: SigmoidContrastive, *, chunk: int = 128) -> Callable[[Pairs], Tensor]:
    """Chunks of rows, each done with at once: section 3.3 of Zhai et al. 2023 on one device.

    All pairs count as strangers first; what a pair's own logit differs by is added after.
    """

    def strangers(image_RD: Tensor, text_ND: Tensor) -> tuple[Tensor]:
        return (F.softplus(problem.scale * image_RD @ text_ND.T + problem.bias).sum(),)

    def step(inputs: Pairs) -> Tensor:
        image, text = inputs
        parts = [again(strangers, rows, text)[0] for rows in image.split(chunk)]
        own = problem.scale * (image * text).sum(-1) + problem.bias
        return (torch.stack(parts).sum() - own.sum()) / problem.batch  # softplus(-x) + x is its own

    return step


def again(function: Callable[..., Sequence[Tensor]], *inputs: Tensor) -> Sequence[Tensor]:
    """Run a function that keeps its inputs alone, and is run again for the backward pass."""
    outputs: Sequence[Tensor] = Again.apply(function, *inputs)  # type: ignore[no-untyped-call]
    return outputs


class Again(torch.autograd.Function):
    """Chen et al. 2016 (arXiv:1604.06174), section 3; torch's own imports a compiler first."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Sequence[Tensor]], *inputs: Tensor) -> Any:
        ctx.function = function
        ctx.save_for_backward(*inputs)
        return tuple(function(*inputs))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        inputs = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
        with torch.enable_grad():
            outputs = ctx.function(*inputs)
        return (None, *torch.autograd.grad(outputs, inputs, grads))
