"""Outputs whose references are counted: nobody computes them, they only have the right form."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import singledispatch
from types import SimpleNamespace

import pytest
import torch

from bench.cases.problem import Call, Problem
from bench.cases.setting import Setting
from bench.cases.variant import Variant
from bench.checking.blockwise import Block
from bench.checking.error_budget import Error
from bench.checking.operator import Operands, Operator
from bench.timing.phases import Phases
from suites.attention.efficient import EfficientAttention
from suites.attention.problem import Attention, LinearAttention
from suites.distributed import agreement, collectives
from suites.distributed.collectives import Collective
from suites.distributed.contrastive import Contrastive
from suites.distributed.problem import DataParallelTraining, TrainingCall
from suites.mixers.mixing import Mixing
from suites.mixers.reconstruction import Reconstruction
from suites.models.text import corpus
from suites.positions.problem import PositionedAttention, Run
from suites.precision import accuracy
from suites.precision.policy import Policy
from suites.precision.training import Batch, Training
from suites.samplers import held
from suites.samplers.problem import Sampling
from tests.suites.untrained import leave_untrained

META = torch.device("meta")


@singledispatch
def stand_in(problem: Problem, variant: Variant, setting: Setting) -> Call:
    """Return a call with outputs of the right form; a new kind of problem needs one here."""
    raise NotImplementedError(f"expected a stand-in for {type(problem).__name__}")


@stand_in.register(Operator)
def _(problem: Operator, variant: Variant, setting: Setting) -> Call:
    def call(operands: Operands) -> tuple[object, ...]:
        parts = [torch.empty(p.shape, dtype=p.dtype, device=META) for p in problem.form(setting)]
        gradients = [torch.empty_like(leaf) for leaf in operands.leaves]
        return (parts[0] if len(parts) == 1 else tuple(parts), *gradients)

    return call


@stand_in.register(PositionedAttention)
def _(problem: PositionedAttention, variant: Variant, setting: Setting) -> Call:
    encoding = variant.build(problem, setting, {})
    outputs = stand_in.dispatch(Operator)(problem, variant, setting)

    def call(operands: Operands) -> tuple[object, ...]:
        gradients = map(torch.empty_like, encoding.parameters()) if setting.backward else ()
        return (*outputs(operands), *gradients)

    return Run(encoding, call)


@stand_in.register(Mixing)
@stand_in.register(Reconstruction)
def _(problem: Mixing, variant: Variant, setting: Setting) -> Call:
    return problem.call(variant.build(problem, setting, {}), setting)


@stand_in.register(Training)
def _(problem: Training, variant: Variant, setting: Setting) -> Call:
    return problem.call(Phases(Policy(problem, setting)), setting)


@stand_in.register(DataParallelTraining)
def _(problem: DataParallelTraining, variant: Variant, setting: Setting) -> Call:
    return TrainingCall(Phases(SimpleNamespace(phases=None, sends=None)))


@stand_in.register(Collective)
def _(problem: Collective, variant: Variant, setting: Setting) -> Call:
    share = setting.ranks if problem.collective == "reduce_scatter" else 1
    counts = [problem.elements(size, setting) // share for size in problem.sizes]
    got = tuple(torch.empty(count, dtype=setting.dtype, device=META) for count in counts)
    return lambda inputs: got


@stand_in.register(Contrastive)
def _(problem: Contrastive, variant: Variant, setting: Setting) -> Call:
    network = problem.network(0)

    def gradients(batch: object) -> tuple[torch.Tensor, list[torch.Tensor]]:
        return torch.zeros(1), [torch.empty_like(p, device=META) for p in network.parameters()]

    return TrainingCall(Phases(SimpleNamespace(phases=None, gradients=gradients)))


@stand_in.register(Sampling)
def _(problem: Sampling, variant: Variant, setting: Setting) -> Call:
    sampler = variant.build(problem, setting, {})
    sampler.solve = sampler.formula  # which takes as many evaluations as a library's
    return problem.call(sampler, setting)


def first_step(policy: Policy, batch: Batch) -> accuracy.FirstStep:
    """Stand in for a policy's own step, which is the case."""
    network = policy.problem.network(0).to(META)
    row = policy.problem.output(network, tuple(tensor[:1] for tensor in batch))
    output = torch.empty(len(batch[0]), *row.shape[1:], dtype=torch.float64, device=META)
    weights = sum(weight.numel() for weight in network.parameters())
    gradient, update = (torch.empty(weights, dtype=output.dtype, device=META) for _ in range(2))
    return accuracy.FirstStep(output, gradient, 1.0, update)


def trained(
    problem: DataParallelTraining, strategy: object, seeds: list[int], setting: Setting
) -> agreement.Trained:
    """Stand in for a strategy's own steps."""
    weights = sum(map(math.prod, problem.shapes()))
    losses = torch.empty(len(seeds), dtype=torch.float64)
    momentum = torch.empty(1, dtype=torch.float64, device=META)
    return losses, torch.empty(weights, dtype=torch.float64, device=META), momentum


def undrawn(
    problem: Collective, seed: int, rank: int, num_bytes: int, setting: Setting
) -> torch.Tensor:
    """Stand in for what a rank puts in, which is drawn on the host."""
    share = setting.ranks if problem.contributes_share else 1
    count = problem.elements(num_bytes, setting) // share
    return torch.empty(count, dtype=setting.dtype, device=META)


def held_to(problem: Collective, got: torch.Tensor, expected: torch.Tensor) -> None:
    """Compare every byte, and look at none: which are wrong, values would have to tell."""
    ours, theirs = (one.contiguous().view(torch.uint8) for one in (got, expected))
    if len(ours) == len(theirs):  # a root of what others get, and who is none, get nothing
        assert (ours != theirs).is_meta


def few_blocks(blocks: Iterator[Block]) -> list[Block]:
    """Return two blocks that follow each other, and the last: all others are like them."""
    found = list(blocks)
    return found if len(found) < 4 else [*found[:2], found[-1]]


def leave_outputs_to_stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check without a case: what it computes and holds is its own."""
    corpus()  # kept by the process: read it before tensors lose their data
    monkeypatch.setattr(Error, "within", True)
    monkeypatch.setattr(Policy, "reset", lambda _: None)
    monkeypatch.setattr(accuracy, "policy_pass", first_step)
    monkeypatch.setattr(agreement, "_by_strategy", trained)
    monkeypatch.setattr(held, "NUM_REALISATIONS", 2)
    monkeypatch.setattr(held, "network_calls", lambda *_: 1)  # a formula may take more
    monkeypatch.setattr(Collective, "contribution", undrawn)
    monkeypatch.setattr(Collective, "_hold", held_to)
    monkeypatch.setattr(collectives, "rank_of", lambda _: 0)
    monkeypatch.setattr("suites.distributed.workload.rank_of", lambda _: 0)
    for kind in (Attention, EfficientAttention, LinearAttention):
        monkeypatch.setattr(kind, "blocks", lambda self, old=kind.blocks: few_blocks(old(self)))
    leave_untrained(monkeypatch)
