"""The question: attention that knows where its tokens stand.

Shapes: B batch, H num_heads, S seqlen, R rows of queries, D head_dim, M = H D, P positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from bench import Call, Measurement, Plain, Setting, Verdict
from bench.operator import Operands, Operator, Part, forward, forward_backward
from bench.workload import nudge_weights

if TYPE_CHECKING:
    from suites.positions.encoding import Encoding

REFERENCE_ELEMENTS = 1 << 23  # of one block of rows, for every dimension of the model
MOST_NUDGES = 1 << 31


class QKV(NamedTuple):
    """Queries, keys and values (B, H, S, D) as projected, before anything tells positions."""

    q_BHSD: Tensor
    k_BHSD: Tensor
    v_BHSD: Tensor


@dataclass(frozen=True)
class Encoded(Operands):
    """Operands with the encoding that is asked: each is held to its own paper's formula."""

    encoding: Encoding | None = None


@dataclass(frozen=True)
class Run:
    """The timed call; it keeps the encoding in reach of the check, which needs its formula."""

    encoding: Encoding
    call: Call

    def __call__(self, operands: Operands) -> tuple[Any, ...]:
        return self.call(operands)


@dataclass(frozen=True)
class PositionedAttention(Operator):
    """softmax attention with a position encoding, Vaswani et al. 2017 (arXiv:1706.03762), eq. 1.

    Every encoding is another function of q, k and v, and is held to its own formula; what is the
    same for all is the work without one, `nope`. Tokens stand at 0, 1, …, seqlen - 1 of `context`
    positions (default: twice seqlen), so many an encoding must know of. A backward pass asks for
    the gradients of an encoding's own parameters too.
    """

    batch: int = 1
    num_heads: int = 4
    seqlen: int = 512
    head_dim: int = 64
    causal: bool = True
    context: int | None = None

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "num_heads": 2, "seqlen": 64, "head_dim": 16},
        {"num_heads": 4, "seqlen": 81, "head_dim": 8, "causal": False},
    )
    input_names: ClassVar[tuple[str, ...]] = ("q", "k", "v")
    most_realisations: ClassVar[int] = 8

    def __post_init__(self) -> None:
        if self.context is None:
            object.__setattr__(self, "context", 2 * self.seqlen)
        for name in ("batch", "num_heads", "seqlen"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        if self.head_dim < 4 or self.head_dim % 4:
            raise ValueError(f"expected head_dim in multiples of 4, got {self.head_dim}")
        if self.positions < self.seqlen:
            raise ValueError(f"expected context of at least {self.seqlen}, got {self.context}")

    @property
    def positions(self) -> int:
        assert self.context is not None
        return self.context

    @property
    def dim(self) -> int:
        """Return M, the model's width, which the heads share out."""
        return self.num_heads * self.head_dim

    def output_shape(self) -> tuple[int, ...]:
        return (self.batch, self.num_heads, self.seqlen, self.head_dim)

    def draw(self, generator: torch.Generator, setting: Setting) -> QKV:
        like = {"generator": generator, "dtype": setting.dtype, "device": setting.device}
        return QKV(*(torch.randn(self.output_shape(), **like) for _ in range(3)))  # type: ignore[call-overload]

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        """Return forward alone, or forward and the gradients of q, k, v and all parameters."""
        from suites.positions.encoding import Encoding

        if not isinstance(step, Encoding):
            raise ValueError(
                f"expected the variant to return a suites.positions.encoding.Encoding, got {step!r}"
            )
        if not setting.backward:
            return Run(step, forward(step))
        return Run(step, forward_backward(step, list(step.parameters())))

    def outputs(self, returned: tuple[Any, ...], inputs: Operands) -> tuple[Tensor, ...]:
        """Flatten the output; gradients of inputs follow, and one of all parameters together."""
        num_own = 1 + len(inputs.leaves)
        of_parameters = [gradient.detach().reshape(-1) for gradient in returned[num_own:]]
        together = [torch.cat(of_parameters)] if of_parameters else []
        return (*super().outputs(returned[:num_own], inputs), *together)

    def parts(self, operands: Operands, setting: Setting) -> list[Part]:
        """Return the form of what a call returns; `dparameters` is last."""
        assert isinstance(operands, Encoded)
        count = operands.encoding.num_parameters if operands.encoding and setting.backward else 0
        own = [Part("dparameters", (count,), setting.dtype)] if count else []
        return [*super().parts(operands, setting), *own]

    def check(self, call: Call, inputs: Operands, setting: Setting) -> Verdict:
        """Hold the encoding to its paper's formula in float64, as it stands there."""
        assert isinstance(call, Run)
        return super().check(call, Encoded(**vars(inputs), encoding=call.encoding), setting)

    def nudged(self, operands: Operands, generator: torch.Generator) -> Operands:
        """Move inputs and parameters by a few roundings."""
        assert isinstance(operands, Encoded)
        assert operands.encoding is not None
        assert operands.dtype is not None
        device = generator.device
        drawn = int(torch.randint(1, MOST_NUDGES, (), generator=generator, device=device))
        moved = nudge_weights(operands.encoding.copied(), operands.dtype, drawn)
        return replace(super().nudged(operands, generator), encoding=moved)  # type: ignore[call-arg]

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        """Compute by rows of queries, plainly, what the encoding's formula says; sum in float64."""
        assert isinstance(operands, Encoded)
        assert operands.encoding is not None
        encoding = operands.encoding.copied().to(dtype)
        backward = operands.grad_output is not None
        qkv = [t.detach().to(dtype).requires_grad_(backward) for t in operands.tensors]
        weights = list(encoding.parameters())
        sums = [torch.zeros_like(t, dtype=torch.float64, requires_grad=False) for t in qkv + weights]
        output = torch.empty_like(qkv[0], requires_grad=False)
        for rows in self.rows():
            with torch.set_grad_enabled(backward):
                part = self.formula(encoding, QKV(*qkv), rows)
            output[..., rows, :] = part.detach()
            if backward:
                upstream = operands.grad_output[..., rows, :].to(dtype)
                found = torch.autograd.grad(part, qkv + weights, upstream, allow_unused=True)
                for total, gradient in zip(sums, found, strict=True):
                    total += 0 if gradient is None else gradient
        return [output, *self.outputs((None, *sums), operands)] if backward else [output]

    def formula(self, encoding: Encoding, qkv: QKV, rows: slice) -> Tensor:
        """Attend by the encoding's own formula from some rows of queries to all keys."""
        key_S = torch.arange(self.seqlen, device=qkv.q_BHSD.device)
        q_BHRD, query_R = qkv.q_BHSD[..., rows, :], key_S[rows]
        logits_BHRS = encoding.logits(q_BHRD, qkv.k_BHSD, query_R, key_S)
        if self.causal:
            logits_BHRS = logits_BHRS.masked_fill(key_S > query_R[:, None], -torch.inf)
        return encoding.values(logits_BHRS.softmax(-1), qkv.v_BHSD, query_R, key_S)

    def rows(self) -> Iterator[slice]:
        """Cut the queries so that a block of (rows, keys, M) fits."""
        wide = self.seqlen * max(self.dim, self.batch * self.num_heads)
        step = max(REFERENCE_ELEMENTS // wide, 1)
        return (slice(start, start + step) for start in range(0, self.seqlen, step))

    def flops(self, setting: Setting) -> int:
        """Count the two products of attention itself; a backward pass needs four more."""
        pairs = self.seqlen * (self.seqlen + 1) // 2 if self.causal else self.seqlen**2
        forward_flops = 4 * self.batch * self.dim * pairs
        return 3 * forward_flops if setting.backward else forward_flops

    def bytes_moved(self, setting: Setting) -> int:
        """Count q, k, v read and out written; backward adds dout read, dq, dk, dv written."""
        elements = 4 * self.batch * self.seqlen * self.dim
        return elements * setting.dtype.itemsize * (2 if setting.backward else 1)

    def account(self, built: Encoding, inputs: Operands, setting: Setting) -> list[Measurement]:
        """Count what the encoding keeps: numbers it learns, and bytes of constants."""
        return [
            Measurement("parameters", "1", [float(built.num_parameters)]),
            Measurement("constants", "bytes", [float(built.constant_bytes)]),
        ]

    def quality(self, built: Encoding, seed: int, setting: Setting) -> list[Measurement]:
        """Measure what the encoding tells attention of positions."""
        from suites.positions.properties import measured

        return measured(self, built, seed, setting)


