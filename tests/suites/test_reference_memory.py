"""References fit beside their cases: each takes at most half of its preset's smallest GPU.

Their bytes are counted on the device `meta`; what cuBLAS and cuDNN take besides is not seen.
"""

from __future__ import annotations

import math
from dataclasses import replace
from importlib.metadata import entry_points

import pytest
import torch

from bench.cases.case import Case
from bench.cases.problem import Problem
from bench.cases.setting import Setting
from bench.cases.sweep import PRESETS, SMALLEST_GPU_BYTES
from bench.cases.variant import Variant
from bench.selecting.contestants import contestants_of
from bench.selecting.discover import find_variant, load_module
from bench.selecting.listing import list_cases
from suites.distributed import agreement
from suites.distributed.problem import DataParallelTraining
from suites.precision import pieces
from suites.precision.training import Training
from suites.samplers import held
from suites.samplers.problem import Sampling
from tests.meta_memory import counted_memory
from tests.suites.stand_ins import META, leave_outputs_to_stand_ins, stand_in

GROUPS = ("touchstone.suites", "touchstone.yardsticks")
SUITES = {point.name: point.value for group in GROUPS for point in entry_points(group=group)}
SHARE = 0.5
UNCOUNTED = ("mixers", "positions")  # but for smoke: not known of them yet
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


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_outputs_to_stand_ins(monkeypatch)
