"""References fit beside their cases: each takes at most half of its preset's smallest GPU.

Their bytes are counted on the device `meta`; what cuBLAS and cuDNN take besides is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import singledispatch
from importlib.metadata import entry_points
from types import SimpleNamespace

import pytest
import torch

from bench.cases.case import Case
from bench.cases.problem import Call, Problem
from bench.cases.setting import Setting
from bench.cases.sweep import PRESETS, SMALLEST_GPU_BYTES
from bench.cases.variant import Variant
from bench.checking.blockwise import Block
from bench.checking.error_budget import Error
from bench.checking.operator import Operands, Operator
from bench.selecting.contestants import contestants_of
from bench.selecting.discover import find_variant, load_module
from bench.selecting.listing import list_cases
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
from suites.precision import accuracy, pieces
from suites.precision.policy import Policy
from suites.precision.training import Batch, Training
from suites.samplers import held
from suites.samplers.problem import Sampling
from tests.meta_memory import counted_memory
from tests.suites.untrained import leave_untrained

GROUPS = ("touchstone.suites", "touchstone.yardsticks")
SUITES = {point.name: point.value for group in GROUPS for point in entry_points(group=group)}
SHARE = 0.5
UNCOUNTED = ("mixers", "positions")  # but for smoke: not known of them yet
META = torch.device("meta")
OWN_FORMULA = (  # of every variant
    *("Sampling", "PositionedAttention", "Layer", "Decoding", "Reconstruction"),
    *("TextLearning", "SelectiveCopying", "AssociativeRecall"),
)
GLOBAL_BATCH = ("DataParallelTraining", "ClipTraining", "SiglipTraining")
# of trajectories and quality, or of how a policy takes its step: no part of a reference
APART = (
    *("num_steps", "loss_steps", "num_images"),
    *("micro_batches", "checkpointing", "adamw"),
)
# Of a sampler: its formula is taken to keep the states of all further evaluations, and what it
# holds to grow with its batch.
FEW_NFE, FEW_IMAGES = 4, 8
REALISATIONS = held.NUM_REALISATIONS  # of a sampler's rounding; two of them are looked at
GIB = 1 << 30

Question = tuple[object, ...]
KNOWN: dict[Question, float] = {}


@pytest.mark.slow
@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_reference_of_a_gpu_fits_beside_its_case(preset: str, suite: str) -> None:
    if suite in UNCOUNTED and preset != "smoke":
        pytest.skip("its references loop over rows or tokens: minutes a case on the device meta")
    asked = {question(case): case for case in cases_of(preset, suite)}
    assert asked
    for known, case in asked.items():
        if known not in KNOWN:
            KNOWN[known] = peak_bytes(case)
    found = {case.question: KNOWN[known] / 1e9 for known, case in asked.items()}
    assert not {q: gb for q, gb in found.items() if gb > SHARE * SMALLEST_GPU_BYTES[preset] / 1e9}


@pytest.mark.usefixtures("stand_ins")
def test_a_reference_that_is_not_taken_in_pieces_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight rows at once hold eight attention matrices a layer: the peak must tell."""
    shape = {"batch": 8, "seqlen": 1024, "num_layers": 2, "num_heads": 12, "dim": 768}
    case = Case("precision", "fp32", "suites.precision.fp32", "GPTTraining", shape, pass_="train")
    apart = peak_bytes(case)
    monkeypatch.setattr(pieces, "PIECE_ELEMENTS", 1 << 20)
    assert peak_bytes(case) > apart + 2 * GIB


def test_bytes_are_counted_while_they_live() -> None:
    with counted_memory() as counted:
        kept = torch.zeros(1000, device=META)
        for _ in range(3):
            (kept * 2).sum()
        assert counted.live == 4000
        assert counted.peak == 4000 + 4000 + 4
        weight = torch.zeros(500, device=META, requires_grad=True)
        (weight.exp() * 3).sum().backward()  # kept for it: the exponential
        assert counted.live == 4000 + 2000 + 2000
    assert counted.peak >= 4000 + 2000 + 2 * 2000
    assert kept.is_meta


def cases_of(preset: str, suite: str) -> list[Case]:
    """List a preset as it is on a GPU."""
    words = {"preset": preset, "selectors": [suite], "suites": SUITES, "sets": [], "files": {}}
    found = list_cases(words, "cuda:0", contestants_of(words)[0])
    return [case for case in found if case.problem != "NumberFormat"]  # a few kilobytes, looked at


def question(case: Case) -> Question:
    """Return what a reference depends on: not the variant, unless by a formula of its own."""
    values = {name: value for name, value in case.values.items() if name not in APART}
    variant = case.variant if case.problem in OWN_FORMULA else ""
    size = getattr(torch, case.dtype).itemsize
    return (case.problem, *values.items(), size, case.pass_, ranks_seen(case), variant)


def ranks_seen(case: Case) -> int:
    """Return the ranks that a reference depends on: one process trains on the global batch."""
    return 1 if case.problem in GLOBAL_BATCH else case.ranks


def peak_bytes(case: Case) -> float:
    """Return the most bytes that inputs, a stand-in's outputs and the reference hold at once.

    A batch in pieces holds one piece, and for every further one the same again and no more: two
    and three of them tell what many hold. A sampler's formula is taken to keep all of its states.
    """
    variant = find_variant(load_module(case.module), case.variant, case.problem)
    problem = variant.problem_type(**case.values)
    setting = replace(Setting.of(case), device=META, ranks=ranks_seen(case))
    if isinstance(problem, Sampling):
        states = (2 * problem.nfe + REALISATIONS) * problem.batch * math.prod(problem.loaded.shape)
        few = {"nfe": min(problem.nfe, FEW_NFE), "batch": min(problem.batch, FEW_IMAGES)}
        if (known := question(replace(case, values=case.values | few))) not in KNOWN:
            KNOWN[known] = measured(variant, replace(problem, **few), setting)
        return KNOWN[known] * problem.batch / few["batch"] + 8 * states
    rows = rows_at_once(problem)
    batch = getattr(problem, "batch", 0)
    if not rows or batch <= 3 * rows:
        return measured(variant, problem, setting)
    own = {"micro_batches": None} if hasattr(problem, "micro_batches") else {}
    few = (replace(problem, batch=n * rows, **own) for n in (2, 3))
    two, three = (measured(variant, one, setting) for one in few)
    return three + (three - two) * (batch / rows - 3)


def rows_at_once(problem: Problem) -> int:
    """Return how many rows of a batch make a piece; 0 where a reference has no such pieces."""
    if isinstance(problem, Training):
        return pieces._rows_at_once(problem.draw(0))
    if isinstance(problem, DataParallelTraining):
        return max(agreement.PIECE_TOKENS // problem.seqlen, 1)
    return 0


def measured(variant: Variant, problem: Problem, setting: Setting) -> int:
    """Count one check of a stand-in's outputs."""
    with torch.set_grad_enabled(setting.pass_ != "fwd"), counted_memory() as counted:
        inputs = problem.make_inputs(0, setting)
        call = stand_in(problem, variant, setting)
        problem.check(call, inputs, setting)
    return counted.peak


# --- whose outputs are checked: nobody computes them, they only have the right form ---


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


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
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
