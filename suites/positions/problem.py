"""The question: attention that knows where its tokens stand, held to each encoding's formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bench import Call, Measurement, Setting, Verdict
from bench.operator import Operands, Part, forward, forward_backward
from bench.workload import nudge_weights
from suites.positions.encoding import Encoding
from suites.positions.properties import measured
from suites.positions.workload import QKV, Workload

MOST_NUDGES = 1 << 31


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
class PositionedAttention(Workload):
    """softmax attention with a position encoding, Vaswani et al. 2017 (arXiv:1706.03762), eq. 1.

    Every encoding is another function of q, k and v, and is held to its own formula; what is the
    same for all is the work without one, `nope`. A backward pass asks for the gradients of an
    encoding's own parameters too.
    """

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        """Return forward alone, or forward and the gradients of q, k, v and all parameters."""
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
        sums = [
            torch.zeros_like(t, dtype=torch.float64, requires_grad=False) for t in qkv + weights
        ]
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

    def account(self, built: Encoding, inputs: Operands, setting: Setting) -> list[Measurement]:
        """Count what the encoding keeps: numbers it learns, and bytes of constants."""
        return [
            Measurement("parameters", "1", [float(built.num_parameters)]),
            Measurement("constants", "bytes", [float(built.constant_bytes)]),
        ]

    def quality(self, built: Encoding, seed: int, setting: Setting) -> list[Measurement]:
        """Measure what the encoding tells attention of positions."""
        return measured(self, built, seed, setting)
